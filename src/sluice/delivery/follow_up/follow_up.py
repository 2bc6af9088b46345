"""The follow-up of a delivery: its command gets the addresses of the delivered files, or a copy of the manifest."""

from __future__ import annotations

import logging
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.definition.models.commands import FILE, MANIFEST, Command, FollowUp
from sluice.delivery.follow_up.program import run_program
from sluice.delivery.publish.published import published_manifest
from sluice.delivery.report.history import History
from sluice.delivery.staging import Stage, StagedRun
from sluice.errors import FatalError, Skipped, SluiceError
from sluice.model.access import Connections
from sluice.model.manifest import Manifest, render
from sluice.plan.model import Plan

MOST = 1000
"""The most files whose addresses are passed as arguments."""


@dataclass(frozen=True)
class Followed:
    """A command that has succeeded."""

    command: str
    seconds: float


def follow_up(
    staged: StagedRun,
    allowed: Mapping[str, Command],
    connections: Connections,
    say: Callable[[str], None],
    stop: threading.Event | None = None,
) -> Followed:
    """Run the command of a published run, as it is `allowed` now. `say` gets what it prints. If it fails, the run's
    report gets a warning.

    Raises `Skipped` if there is nothing to run it for, and `FatalError` if it cannot be started, is stopped, or its
    exit code is not 0. It is never retried: nobody knows what it has done."""
    stage = staged.open(connections)
    plan = stage.read("plan", Plan)
    wanted, manifest = _checked(plan, stage, connections)
    command, name, began = _allowed(wanted, allowed), wanted.command, time.monotonic()
    with TemporaryDirectory(prefix="sluice-follow-up-") as folder:
        copy = Path(folder) / plan.manifest.rsplit("/", 1)[-1]
        copy.write_bytes(render(manifest))
        files = _files(plan, manifest, wanted, connections)
        try:
            for number, arguments in enumerate(wanted.runs(files, str(copy)), 1):
                which = f" for file {number:,} of {len(files):,}" if wanted.once_per == "file" else ""
                words = [command.program, *arguments]
                say(f"$ {shlex.join(words)}"[:4096])
                code = run_program(words, Path(folder), command.time_limit, say, stop or threading.Event())
                _check(code, f"{name} has failed{which}")
        except FatalError as failed:
            _warn(plan, connections, f"follow-up: {failed.what}")
            raise
    return Followed(name, round(time.monotonic() - began, 3))


def _check(code: int, what: str) -> None:
    if code:
        raise FatalError(
            f"the command {what} with {_spell(code)}: the delivery is published",
            next_step="see what it printed in this log, then clear the task `follow_up` to run it again",
        )


def _allowed(wanted: FollowUp, allowed: Mapping[str, Command]) -> Command:
    if wanted.command not in allowed:
        raise FatalError(
            f"the project no longer allows the command {wanted.command}: it was not run",
            known=sorted(allowed),
            next_step="add it to `commands` in project.yaml, then clear the task `follow_up`",
        )
    return allowed[wanted.command]


def _checked(plan: Plan, stage: Stage, connections: Connections) -> tuple[FollowUp, Manifest]:
    """The command that is wanted, and the manifest of its delivery. Raises `Skipped` if there is nothing to run."""
    wanted = plan.export.follow_up
    if wanted is None:
        raise Skipped("this run has no command", next_step="nothing: it was extracted before one was declared")
    if plan.run.is_backfill and not plan.run.wake_downstream:
        raise Skipped("a backfill runs no command", next_step="nothing; or start it with `wake_downstream: true`")
    manifest = published_manifest(plan, stage, connections)
    if manifest is None:
        raise Skipped("this run has published nothing", next_step="nothing: the command follows a delivery")
    if wanted.needs_files and not manifest.exportResults:
        raise Skipped("the delivery has no files", next_step=f"nothing: an argument of the command has {FILE}")
    return wanted, manifest


def _files(plan: Plan, manifest: Manifest, wanted: FollowUp, connections: Connections) -> tuple[str, ...]:
    """The addresses that are passed."""
    names = [part.path for part in manifest.exportResults] if wanted.needs_files else []
    if len(names) > MOST:
        raise FatalError(
            f"the delivery has {len(names):,} files, and at most {MOST:,} are passed as arguments",
            next_step=f"pass {MANIFEST} instead of {FILE}, or deliver fewer and larger files",
        )
    connection = plan.connection
    with closing(connection.destination.open(connections, name=connection.name, threads=1)) as destination:
        return tuple(destination.locate(name) for name in names)


def _warn(plan: Plan, connections: Connections, what: str) -> None:
    """Show it with the delivery. A failure to do so is logged: the error of the command is the one to raise."""
    try:
        history = History(plan.staging, plan.export.name, connections)
        if (report := history.find(str(plan.run.id))) is not None:
            history.keep(report.model_copy(update={"warnings": (*report.warnings, what)}))
    except SluiceError as failed:
        logging.getLogger(__name__).warning("the report has no warning about the command: %s", failed.page())


def _spell(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"
