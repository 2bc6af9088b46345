"""`sluice pools`: the Airflow pools that connections ask for, in the form that Airflow imports."""

from __future__ import annotations

import argparse
import json


def pools(args: argparse.Namespace) -> int:
    """Print them as JSON: `sluice pools > pools.json && sluice airflow pools import pools.json`. 0 always."""
    from sluice.definition.load import load

    says = "tasks that send to this connection at once"
    wanted = load(args.include).project.pools
    form = {name: {"slots": slots, "description": says, "include_deferred": False} for name, slots in wanted.items()}
    print(json.dumps(form, indent=2))
    return 0
