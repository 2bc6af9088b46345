"""What a user writes, as models."""
