"""Row rules: which selected rows are sent, and what happens to the others."""
