"""From reports to the index of runs.

A report is stored first and indexed afterwards. `reports/indexed` lists the reports of the export that are in the
index, so a report whose record could not be written is found by the next run, as are those of an older version.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType

from sluice.definition.models.project import Staging
from sluice.delivery.report.report import Report
from sluice.errors import SluiceError
from sluice.filesystem import File, Opened, open_filesystem
from sluice.model.access import Connections
from sluice.runs.journal import THREADS, Journal
from sluice.runs.record import Record, first_line

log = logging.getLogger(__name__)
_INDEXED = "indexed"
NONE: Mapping[str, Report] = MappingProxyType({})


class Indexing:
    """The reports of one export, on their way to the index. `reports` is their folder."""

    def __init__(self, staging: Staging, connections: Connections, reports: Opened) -> None:
        self._staging, self._connections, self._reports = staging, connections, reports

    def add(self, files: Sequence[File], fresh: Mapping[str, Report] = NONE) -> None:
        """Index every report of these files that is not in the index yet. `fresh` holds those just stored. Never
        raises: the run may be published, and its report is stored."""
        try:
            indexed = self._indexed()
            current = {file.name: file.fingerprint for file in files}
            missing = [one for one in reversed(files) if one.name in fresh or indexed.get(one.name) != one.fingerprint]
            for file in missing:
                record = record_in(file, self._reports, fresh.get(file.name))
                if record is not None:
                    self._journal.append(record)
            if missing:
                self._reports.write_bytes(_INDEXED, json.dumps(current).encode())
        except Exception as failed:
            what = failed.what if isinstance(failed, SluiceError) else type(failed).__name__
            at = self._reports.root
            log.warning("%s: not every report is in the index of runs yet; the next run adds it: %s", at, what)

    @cached_property
    def _journal(self) -> Journal:
        return Journal.of(self._staging, self._connections)

    def _indexed(self) -> dict[str, str]:
        body = self._reports.find_bytes(_INDEXED)
        with suppress(ValueError):
            found = json.loads(body or b"{}")
            return found if isinstance(found, dict) else {}
        return {}


def record_in(file: File, reports: Opened, report: Report | None = None) -> Record | None:
    """The record of the report in `file`, which is read if it is not given. None, with a warning, if it was removed
    since it was listed or cannot be read."""
    try:
        if report is None:
            body = reports.find_bytes(file.name)
            report = None if body is None else Report.model_validate_json(body)
        return None if report is None else record_of(report, file, reports)
    except ValueError:
        log.warning("the report %s cannot be read, and is not in the index of runs", reports.at(file.name))
        return None


def record_of(report: Report, file: File, reports: Opened) -> Record:
    """The record of a report that is stored in `file`."""
    return Record(
        export=report.export,
        kind=report.kind,
        connection=report.connection,
        application=report.application,
        run=report.run,
        flow_run_id=report.flow_run_id,
        outcome=report.outcome,
        why=first_line(report.why),
        mode=report.mode,
        window=report.window or "",
        started=_time(report.started_at) if report.started_at else None,
        ended=_time(report.ended_at),
        recorded=reports.written_at(file),
        files=report.files,
        records=report.records,
        rejected=report.rejected,
        duplicates=report.duplicates,
        bytes=report.bytes,
        seconds=round(sum(report.steps.values()), 3),
        manifest=report.manifest,
        warnings=len(report.warnings),
    )


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def rebuild(staging: Staging, connections: Connections) -> Iterator[str]:
    """Add every report in staging that the index lacks. Yields the export of each added report."""
    journal = Journal.of(staging, connections)
    known = {*journal.new()}
    for day in journal.days().unread:
        table = journal.read_day(day)
        known |= set() if table is None else set(table["id"].to_pylist())
    deliveries = open_filesystem(connections, staging.airflow_conn_id, f"{staging.path}/deliveries".lstrip("/"))
    files = deliveries.list(left_out=_is_no_report)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="reports") as threads:
        for record in threads.map(lambda file: record_in(file, deliveries), files):
            if record is not None and record.id not in known:
                journal.append(record)
                yield record.export


def _is_no_report(name: str) -> bool:
    """Whether a file, or a folder if the name ends with `/`, is not `<export>/reports/<run>.json` nor above it."""
    levels = name.rstrip("/").split("/")
    if len(levels) > 1 and levels[1] != "reports":
        return True
    return not name.endswith("/") and not (len(levels) == 3 and levels[2].endswith(".json"))
