"""Encryption of files before they leave, for the eyes of those who hold the keys."""
