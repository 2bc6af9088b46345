"""Of the rows that were selected, which are sent, and what becomes of the others."""
