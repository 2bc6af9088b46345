"""`sluice deliver`: a whole run in this process, without Airflow's scheduler."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from sluice.airflow.connections import AirflowConnections
from sluice.commands.run_config import planned
from sluice.errors import Skipped


def deliver(args: Namespace) -> int:
    """Deliver once and print the manifest. If a rule of the export skips the run, print the reason and return 0 too."""
    from sluice.delivery.deliver import deliver as run

    project, plan = planned(args, datetime.now(UTC))
    try:
        report = run(project, plan, AirflowConnections(), lambda: datetime.now(UTC), _say)
    except Skipped as skipped:
        print(f"skipped: {skipped.what}")
        if skipped.next_step:
            print(f"  next: {skipped.next_step}")
        return 0
    if report is None:
        print("dry run: nothing was sent")
    else:
        print(f"published {report.manifest}: {report.files:,} files, {report.records:,} records")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
