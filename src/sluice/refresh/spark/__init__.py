"""Spark, over Spark Connect: the cluster reads the pinned files, evaluates a segment, and returns its members' keys."""
