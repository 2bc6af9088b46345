"""The plan of a run: a frozen value, built without touching anything, read by the run and by `sluice plan`."""
