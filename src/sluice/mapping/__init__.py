"""Mapping: converts the rows of a source into the rows of a file, a whole table at a time."""
