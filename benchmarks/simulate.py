"""What many workers give, computed from measured costs: `python -m benchmarks.simulate` prints the table, and `--write`
puts it into docs/clusters.md.

A model, not a measurement: nobody has run 256 workers here. Each cost is a constant below, with its source. The uploads
are played one by one: the scheduler starts them at its rate, each on the first free worker.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from sluice.definition.models.chunks import STANDARD
from sluice.definition.models.project import Staging

PAGE = Path(__file__).parents[1] / "docs" / "clusters.md"
ROWS = 5_000_000_000
WORKERS = (1, 4, 16, 64, 256)
CORES = 2
"""Cores of a worker, as of the machine that everything was measured on."""

ROW = 2.48e-6
"""Seconds of one core per row: NDJSON, gzip (`benchmarks/RESULTS.md`: 5,000,000 rows, 12.4 s of CPU)."""
SENT = 125
"""Bytes per row at the destination (the same line: 624.3 MB)."""
TASK = 1.5
"""Seconds from a task's start to its first chunk, and from its last chunk to its end, when its worker is free."""
API, SCHEDULER = 0.12, 0.04
"""Seconds of CPU that the API server and the scheduler spend on a mapped task that does nothing, measured with Airflow
3.3.2. Both are one process."""
REQUEST = 0.02
"""Seconds that an object store takes for a small request."""
PARALLEL = 16
"""Small requests that `publish` sends in parallel, for parts and for receipts."""
PIECE = 8 * 2**20
"""Bytes of a piece of a multipart upload: the default of `piece_mib`."""
PREFIX = 3500
"""Requests that write, per second and prefix, which Amazon documents for S3."""
PART = 326
"""Bytes of the manifest per part, as `render` writes them."""
PAGE_OF_NAMES = 1000
"""Names that an object store lists per request."""
OTHERS = 20
"""Files of a run in staging beside the receipts of its shards: the plan, the extract, the log, the steps' notes."""
FILE = 1_000_000
"""Rows of one file of the lake."""


@dataclass(frozen=True)
class Forecast:
    """One run with so many workers."""

    workers: int
    shards: int
    before: float
    """Seconds of `extract` and `chunk`."""
    upload: float
    publish: float
    limits: dict[str, float]
    """The seconds that each resource alone would need for the uploads."""

    @property
    def total(self) -> float:
        return self.before + self.upload + self.publish

    @property
    def first(self) -> str:
        """What limits the uploads."""
        return max(self.limits, key=self.limits.__getitem__)


def forecast(workers: int, rows: int = ROWS) -> Forecast:
    """A run of one feed, with four shards per worker as far as `shards` allows, on a machine that does nothing else."""
    chunks = ceil(rows / STANDARD.records)
    shards = min(512, 4 * workers, chunks)
    requests = chunks * (ceil(STANDARD.records * SENT / PIECE) + 2)
    limits = {
        "the workers' cores": rows * ROW / (workers * CORES),
        "the start of tasks": shards * max(API, SCHEDULER),
        "S3's rate per prefix": requests / PREFIX,
    }
    played = _played(workers, [rows * ROW / shards / CORES + TASK] * shards)
    before = 2 * TASK + ceil(rows / FILE) * REQUEST / PARALLEL
    publish = TASK + (chunks + 2 * shards) * REQUEST / PARALLEL
    return Forecast(workers, shards, before, max(played, limits["S3's rate per prefix"]), publish, limits)


def _played(workers: int, tasks: list[float]) -> float:
    """The seconds until all tasks have ended: they start one after the other, each on the first free worker."""
    free = [0.0] * workers
    for number, seconds in enumerate(tasks):
        begin = max(heapq.heappop(free), number * max(API, SCHEDULER))
        heapq.heappush(free, begin + seconds)
    return max(free)


def manifest_bytes(rows: int = ROWS) -> int:
    return ceil(rows / STANDARD.records) * PART


def listed(shards: int) -> tuple[int, int]:
    """The names that `finish` lists in staging, for all runs that it keeps there, and the requests for that."""
    names = Staging().keep * (shards + OTHERS)
    return names, ceil(names / PAGE_OF_NAMES)


def table() -> str:
    """The forecasts as a Markdown table, with what follows from them."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| workers | shards | extract, chunk | upload | publish | total | rows/s | speed-up | limit of the uploads |"
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    every = [forecast(workers) for workers in WORKERS]
    for one in every:
        cells = [
            f"{one.workers:,}",
            f"{one.shards:,}",
            *map(_minutes, (one.before, one.upload, one.publish, one.total)),
        ]
        cells += [f"{ROWS / one.total:,.0f}", f"{every[0].total / one.total:.1f}x", one.first]
        yield f"| {' | '.join(cells)} |"
    for one in every:
        if one.workers in (16, 256):
            alone = ", ".join(f"{name} {seconds:,.0f} s" for name, seconds in one.limits.items())
            yield f"\nWith {one.workers} workers, each resource alone would need for the uploads: {alone}."
    names, requests = listed(512)
    yield (
        f"\nThe manifest of this delivery lists {ceil(ROWS / STANDARD.records):,} parts and has"
        f" {manifest_bytes() / 1e6:.1f} MB. With 512 shards, `finish` lists {names:,} names of staging, the files of"
        f" the last {Staging().keep} runs, by {requests} requests."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.1f} min"


def main() -> None:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"write it into {PAGE.name}")
    if parser.parse_args().write:
        head, _, rest = PAGE.read_text().partition("<!-- begin simulation -->\n")
        _, end, tail = rest.partition("<!-- end -->")
        PAGE.write_text(f"{head}<!-- begin simulation -->\n{table()}\n{end}{tail}")
    else:
        print(table())


if __name__ == "__main__":
    main()
