"""Every export in one row: what it is, how it is scheduled, and how its last run ended."""
