"""The rows of one feed: which of its dataset, by ordinal, in an order that never changes."""
