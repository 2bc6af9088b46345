"""Translates a segment's SQL, which is DuckDB's, for another engine, if it means the same there."""
