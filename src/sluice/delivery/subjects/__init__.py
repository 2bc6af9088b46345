"""Subjects: which deliveries held a person, from a record of hashed keys in staging."""
