"""The log of one run, as a text file: its steps, every chunk with its size, tries and time, and its result.

It is written beside the delivery, in another folder of the connection, or in staging, as `log` of the export says. It
is no part: the manifest does not list it, and is written after it. A run that publishes nothing leaves one too, with
the reason. It has names, counts and times, and never a value of a row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from sluice.delivery.chunk import Shards
from sluice.delivery.report.report import Outcome
from sluice.delivery.rows.extracted import FeedExtract
from sluice.delivery.staging import Stage, delivered_before
from sluice.delivery.step import noted
from sluice.delivery.upload.upload import Sent
from sluice.destinations.base import Destination
from sluice.errors import SluiceError
from sluice.filesystem import Opened
from sluice.model.access import Connections
from sluice.model.part import Part
from sluice.plan.model import Plan

KEPT = 100
"""Logs of an export, and claims of their names, that staging keeps; older ones are removed."""


class _Line(NamedTuple):
    at: str
    what: str
    said: str


def log_delivery(
    plan: Plan,
    stage: Stage,
    destination: Destination,
    connections: Connections,
    now: datetime,
    warnings: Sequence[str] = (),
) -> None:
    """Write the log of a run whose parts have all arrived. Raises the errors of the destination or of staging."""
    if plan.export.log is None:
        return
    parts = list(_parts(stage))
    total = f"{_of(len(parts), 'file')}, {_counts(sum(p.records for p in parts), sum(p.bytes for p in parts))}"
    result = f"complete: {total}; the manifest follows: {destination.locate(plan.manifest)}"
    _put(plan, render_log(plan, stage, now, result, warnings), destination, connections)


def log_failure(plan: Plan, stage: Stage, connections: Connections, outcome: Outcome, why: str, now: datetime) -> None:
    """Write the log of a run that has published nothing. Raises nothing: there is another error to show."""
    if plan.export.log is None or plan.run.dry_run:
        return
    try:
        body = render_log(plan, stage, now, f"{outcome}: {why}; nothing is published")
        connection = plan.connection
        with closing(connection.destination.open(connections, name=connection.name, threads=1)) as destination:
            _put(plan, body, destination, connections)
    except SluiceError as failed:
        logging.getLogger(__name__).warning("the log of the run was not written: %s", failed.page())


def render_log(plan: Plan, stage: Stage, now: datetime, result: str, warnings: Sequence[str] = ()) -> bytes:
    """The text: one line for each thing that happened, with its time in UTC, in the order in which they did."""
    lines = [*_steps(plan, stage), *_chunks(stage)]
    lines.sort(key=lambda line: line.at)
    told = [*noted(stage, "extract").warnings, *noted(stage, "chunk").warnings, *warnings]
    end = now.isoformat(timespec="seconds")
    lines += [_Line(end, "warning", one) for one in told]
    lines.append(_Line(end, "result", result))
    return "".join(f"{at[:19]}Z  {what:<8}  {' '.join(said.split())}\n" for at, what, said in lines).encode()


def _steps(plan: Plan, stage: Stage) -> Iterator[_Line]:
    extract, cut = noted(stage, "extract"), noted(stage, "chunk")
    at, rules, run = extract.started_at or plan.run.time.isoformat(timespec="seconds"), plan.chunks, plan.run
    yield _Line(at, "start", f"{plan.export.name}: {plan.export.kind} to {plan.connection.name}")
    yield _Line(at, "start", f"run {run.run_id}, due at {run.time:%Y-%m-%d %H:%M:%S} UTC, id {run.id}")
    size = f"{rules.records:,} records" if rules.records else f"{rules.bytes:,} bytes"
    yield _Line(
        at, "start", f"at most {size} per chunk, {rules.threads} threads, {rules.retries} retries of each chunk"
    )
    for feed in plan.feeds:
        if (found := stage.find(f"extract/{feed.name}", FeedExtract)) is not None:
            left = f"{found.rejected:,} rejected, {found.duplicates:,} duplicates"
            yield _Line(at, "extract", f"{feed.name}: {found.records:,} of {found.pinned.records:,} records, {left}")
    if extract.seconds:
        yield _Line(at, "extract", f"took {extract.seconds:,.1f} s")
    if (shards := stage.find("shards", Shards)) is not None:
        chunks, tasks = sum(shard.chunks for shard in shards.shards), len(shards.shards)
        yield _Line(cut.started_at or at, "chunk", f"{_of(chunks, 'chunk')} in {_of(tasks, 'task')}")


def _chunks(stage: Stage) -> Iterator[_Line]:
    for part in _parts(stage):
        tries = _of(part.tries, "try", "tries")
        number = f"chunk {part.number}" + (f", piece {part.piece}" if part.piece else "")
        counts = _counts(part.records, part.bytes)
        yield _Line(part.sent_at, "upload", f"{part.feed} {number}: {counts}, {tries}: {part.name}")


def _parts(stage: Stage) -> Iterator[Part]:
    """The parts of all shards that were sent whole."""
    cut = stage.find("shards", Shards)
    for shard in cut.shards if cut else ():
        if (sent := stage.find(f"sent/{shard.number:04d}", Sent)) is not None:
            yield from sent.parts


def _counts(records: int, size: int) -> str:
    return f"{records:,} records, {size:,} bytes"


def _of(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or f'{one}s'}"


def log_of(plan: Plan, connections: Connections) -> str | None:
    """The name of this run's log at the destination, relative to the connection's folder; None if none is written
    there."""
    if plan.log is None:
        return None
    folder = plan.log.removesuffix(plan.log_name)
    return f"{folder}{_own_name(plan, connections)}"


def _own_name(plan: Plan, connections: Connections) -> str:
    """The log's name, without its folder. If another run of the export that was due in the same second has it, there is
    a number before the extension: names of exports have no dots. Only one run can create the claim of a name."""
    claims = delivered_before(plan.staging, plan.export.name, connections).below("log-names")
    mine, stem = str(plan.run.id).encode(), plan.log_name.removesuffix(".log")
    for number in range(1, KEPT + 2):
        name = plan.log_name if number == 1 else f"{stem}.{number}.log"
        if claims.create(f"{name}/run", mine):
            _keep(claims)
            return name
        if claims.find_bytes(f"{name}/run") == mine:
            return name
    raise AssertionError("no more claims are kept")


def _put(plan: Plan, body: bytes, destination: Destination, connections: Connections) -> None:
    if (name := log_of(plan, connections)) is not None:
        destination.put(name, [body])
        return
    kept = delivered_before(plan.staging, plan.export.name, connections).below("logs")
    kept.write_bytes(_own_name(plan, connections), body)
    _keep(kept)


def _keep(folder: Opened) -> None:
    files = sorted(folder.list(), key=lambda file: (file.modified, file.name), reverse=True)
    for old in files[KEPT:]:
        folder.remove([old.name])
        if "/" in old.name:
            folder.remove_tree(old.name.partition("/")[0])
