"""The sensors: what a run waits for."""
