"""Publish: compare what was sent, write the manifest, report."""
