"""`make bench`: Sluice's own path and its peers on the same work, in one run."""
