"""Benchmarks of Penstock beside Apache Kafka; see README.md."""
