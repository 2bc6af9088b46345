"""Refreshing segments: from their SQL to membership tables in Sluice's staging."""
