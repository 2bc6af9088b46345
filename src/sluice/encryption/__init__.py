"""Encryption of files before they are sent."""
