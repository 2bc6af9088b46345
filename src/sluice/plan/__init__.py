"""The plan of a run: a frozen value, built without side effects, used by the run and by `sluice plan`."""
