"""Checks that the columns named in declarations exist in the data. Reads only schemas, before anything runs."""
