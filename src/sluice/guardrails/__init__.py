"""Guardrails of runs: each rule in a file of its own, all of them in one table."""
