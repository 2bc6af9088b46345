"""The subcommands, one file each; `sluice.command_line` has a row for each."""
