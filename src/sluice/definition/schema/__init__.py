"""The JSON Schemas and the reference of every key, generated from the models."""
