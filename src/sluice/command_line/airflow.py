"""The commands for Airflow and its installation: its own command, its state, pools, roles."""

from __future__ import annotations

import argparse

from sluice.subcommand import Argument, Command, flag

COMMANDS = (
    Command(
        "airflow",
        "sluice.commands.airflow:airflow",
        "run Airflow's own command, on the local Airflow if it is running: `sluice airflow dags list`",
        (Argument("words", "the arguments of `airflow`", (("nargs", argparse.REMAINDER), ("metavar", "WORD"))),),
        reads=False,
        passes=True,
    ),
    Command(
        "doctor",
        "sluice.commands.doctor:doctor",
        "check the installation: staging, workers, versions, clocks, memory, disk, timeouts, pools",
        (flag("--json", "print one JSON object per line"),),
    ),
    Command(
        "pools",
        "sluice.commands.pools:pools",
        "print the Airflow pools of the connections, as input for `sluice airflow pools import`",
    ),
    Command(
        "roles",
        "sluice.commands.roles:roles",
        "print the roles that Airflow's FAB auth manager needs and lacks",
        (flag("--write", "create them, give them what they lack, and let exports' DAGs name them"),),
    ),
)
