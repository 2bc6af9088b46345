"""Reads YAML into plain values, each with its line and column."""
