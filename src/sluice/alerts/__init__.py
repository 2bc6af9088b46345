"""Alerts: the notices of an export, and the outbox they wait in until they are sent."""
