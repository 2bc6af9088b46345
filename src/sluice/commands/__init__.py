"""The commands, one file each; `sluice.cli` has a row for each."""
