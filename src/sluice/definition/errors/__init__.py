"""Mistakes in a declaration, as error pages with file, line and column."""
