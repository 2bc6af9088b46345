"""What publish compares, writes and tells."""
