"""Discovers tables in a filesystem or a SQL database, and writes dataset declarations for them."""
