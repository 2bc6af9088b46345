"""Refresh segments: evaluate their SQL into membership tables in Sluice's staging."""
