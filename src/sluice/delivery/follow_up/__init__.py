"""Follow-up: the command that an export runs after each delivery."""
