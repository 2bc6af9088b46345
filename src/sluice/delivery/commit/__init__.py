"""How a delivery is decided: append-only logs, and the one protocol that every actor follows."""
