"""Doctor: what an installation needs beyond its declarations, compared with what is there."""
