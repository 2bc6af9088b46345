"""Cleaning: find and remove what runs leave behind."""
