"""Chunks: which records are sent together. Depends on the extract's counts alone."""
