"""Fixtures for tests that need a Kafka."""
