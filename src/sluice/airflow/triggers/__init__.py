"""The triggers: they wait without a worker."""
