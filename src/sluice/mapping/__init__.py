"""Mapping: what becomes of each row between its source and its file. Whole tables at a time, never a row."""
