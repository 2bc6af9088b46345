"""`sluice pools`: the Airflow pools of the connections, in the format that Airflow imports."""

from __future__ import annotations

import argparse
import json


def pools(args: argparse.Namespace) -> int:
    """Print the pools as JSON: `sluice pools > pools.json && sluice airflow pools import pools.json`. Returns 0."""
    from sluice.definition.load import load

    says = "tasks that may send to this connection at the same time"
    wanted = load(args.include).project.pools
    form = {name: {"slots": slots, "description": says, "include_deferred": False} for name, slots in wanted.items()}
    print(json.dumps(form, indent=2))
    return 0
