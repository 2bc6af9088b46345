"""Whether the columns that declarations name are in the data: told from schemas, before anything runs."""
