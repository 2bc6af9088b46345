"""Declarations: the models of what users write in YAML, and the code that reads and checks them."""
