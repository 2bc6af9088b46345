"""Changing the files of declarations."""
