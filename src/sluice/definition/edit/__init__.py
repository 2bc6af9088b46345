"""Changes the files of declarations."""
