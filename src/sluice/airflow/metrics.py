"""Metrics of runs, through Airflow's own: to StatsD or OpenTelemetry, as Airflow is configured.

With tags (OpenTelemetry, Datadog, StatsD in InfluxDB's format), each metric has the tag `export`. Plain StatsD has no
tags, so there the export's name is the last part of the metric's name: `sluice.records.orders`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sluice.airflow import private

if TYPE_CHECKING:
    from sluice.delivery.report.report import Outcome, Report
    from sluice.delivery.upload.measured import Measured

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metric:
    """A metric; Airflow puts its own prefix before the name: `airflow.sluice.records`."""

    name: str
    kind: Literal["counter", "gauge", "timing"]
    says: str
    tags: tuple[str, ...] = ()
    """Besides `export`."""


RUNS = Metric("sluice.runs", "counter", "runs that have ended", ("outcome",))
RECORDS = Metric("sluice.records", "counter", "records delivered")
BYTES = Metric("sluice.bytes", "counter", "bytes delivered")
FILES = Metric("sluice.files", "counter", "files delivered")
REJECTED = Metric("sluice.rejected", "counter", "rows that could not be delivered, in quarantine")
DUPLICATES = Metric("sluice.duplicates", "counter", "rows left out as duplicates")
LEFT_OUT = Metric("sluice.left_out", "counter", "rows left out for want of consent or because of a list")
RETRIES = Metric("sluice.retries", "counter", "requests and chunks that were sent again")
LAG = Metric("sluice.lag", "gauge", "seconds between the newest delivered data and its delivery")
PUBLISHED = Metric("sluice.published", "gauge", "time of the last delivery, in seconds of UNIX time")
CHUNK = Metric("sluice.chunk", "timing", "milliseconds to send one file")
STEP = Metric("sluice.step", "timing", "milliseconds of a step; of `upload`, summed over its shards", ("step",))
WAITING = Metric("sluice.waiting", "timing", "milliseconds that a run waited for refreshes")
METRICS = (
    *(RUNS, RECORDS, BYTES, FILES, REJECTED, DUPLICATES, LEFT_OUT, RETRIES),
    *(LAG, PUBLISHED, CHUNK, STEP, WAITING),
)


def ended(export: str, outcome: Outcome) -> None:
    """A run has ended."""
    _emit([(RUNS, 1, {"outcome": outcome})], export)


def delivered(report: Report) -> None:
    """A run has published. A delivery that is sent again counts once."""
    counts = (
        (RECORDS, report.records),
        (BYTES, report.bytes),
        (FILES, report.files),
        (REJECTED, report.rejected),
        (DUPLICATES, report.duplicates),
        (LEFT_OUT, report.left_out),
    )
    at = datetime.fromisoformat(report.ended_at).replace(tzinfo=UTC)
    _emit([(metric, count, {}) for metric, count in counts], report.export)
    _emit([(LAG, lag(report, at), {}), (PUBLISHED, at.timestamp(), {})], report.export)
    _emit([(STEP, seconds * 1000, {"step": step}) for step, seconds in report.steps.items()], report.export)


def sent(export: str, measured: Measured) -> None:
    """A shard was sent, or has failed."""
    _emit([(CHUNK, seconds * 1000, {}) for seconds in measured.seconds], export)
    _emit([(RETRIES, measured.retries, {})] if measured.retries else [], export)


def waited(export: str, seconds: float) -> None:
    """A run waited for refreshes."""
    _emit([(WAITING, seconds * 1000, {})], export)


def lag(report: Report, at: datetime) -> float:
    """Seconds between the newest delivered data and the delivery at `at`. How new the data is, the position of an
    incremental feed says if that is a time; other data was read when `extract` started."""
    begun = _time(report.started_at) or at
    newest = [_time(feed.until or "") or begun for feed in report.feeds.values()]
    return max([0.0, *((at - one).total_seconds() for one in newest or [begun])])


def _time(text: str) -> datetime | None:
    """The text as a time; None if it is a number, a name or empty."""
    if ":" not in text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _emit(values: Iterable[tuple[Metric, float, Mapping[str, str]]], export: str) -> None:
    """Emit values. A failure is only logged: no run fails because of its metrics."""
    try:
        stats, tagged = private.stats(), private.stats_have_tags()
        for metric, value, tags in values:
            name = metric.name if tagged else ".".join([metric.name, *tags.values(), export])
            words = {"tags": {"export": export, **tags}} if tagged else {}
            if metric.kind == "counter":
                stats.incr(name, int(value), **words)
            elif metric.kind == "gauge":
                stats.gauge(name, value, **words)
            else:
                stats.timing(name, value, **words)
    except Exception:
        log.warning("metrics of export %s were not emitted", export, exc_info=True)
