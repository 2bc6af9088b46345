"""Incremental runs: where they start, and which rows are new or have changed."""
