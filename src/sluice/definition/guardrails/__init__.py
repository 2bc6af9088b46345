"""Guardrails that are asked when declarations are read: each in a file of its own. `sluice.definition.check` lists
them."""
