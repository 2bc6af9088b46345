"""Dataset declarations made from what is there: tables in a filesystem or a SQL database."""
