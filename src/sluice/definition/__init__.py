"""Declarations: what a user writes in YAML, as models, and the reading of them."""
