"""Transactions through real clients: what is aborted is not read, offsets move with the records, others are fenced."""
