"""Who sent which parts of an export: what lies at the destination, and what Airflow knows of its tasks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sluice.airflow import runs
from sluice.airflow.rest import Rest
from sluice.airflow.runs import Run, Task
from sluice.errors import FatalError

_NUMBER = re.compile(r"part-(\d{5})-")
"""The chunk's number in the name of a part."""


@dataclass
class Sums:
    """What a worker has sent."""

    chunks: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def add(self, chunks: int, rows: int, size: int) -> None:
        self.chunks, self.rows, self.bytes = self.chunks + chunks, self.rows + rows, self.bytes + size


@dataclass(frozen=True)
class Parts:
    """The parts below a folder of the destination."""

    folder: Path

    def count(self, shard: dict[str, Any]) -> int:
        """How many chunks of the shard have arrived."""
        names = (_NUMBER.match(path.name) for path in self.folder.rglob("*.parquet"))
        numbers = {int(found.group(1)) for found in names if found}
        return len(numbers & {*range(shard["first_chunk"], shard["first_chunk"] + shard["chunks"])})

    def received(self, rest: Rest, run: Run, shard: int) -> Sums:
        """The parts whose receipts a shard's task has recorded so far: a retry does not send them again."""
        found, page = Sums(), 0
        while True:
            path = f"{run.path}/taskInstances/upload/state-store/parts/{page}"
            try:
                kept = rest.get(path, map_index=shard)["value"]
            except FatalError:
                return found
            for part in kept["parts"]:
                found.add(1, part["records"], part["bytes"])
            page += 1


@dataclass
class Work:
    """What each worker has sent."""

    of: dict[str, Sums] = field(default_factory=dict)
    killed: str = ""
    """The worker that was killed; empty if none was."""
    shard: int = -1
    """The shard that it was sending."""
    finished_by: str = ""
    elapsed: float = 0.0
    """Seconds from the start of the first upload to the end of the last one."""

    def lose(self, worker: str, shard: int, sent: Sums) -> None:
        """`worker` was killed while it was sending the shard."""
        self.killed, self.shard, self._sent = worker, shard, sent

    def read(self, rest: Rest, run: Run) -> None:
        """Add up the tries of all shards. Parts of the lost one count for the killed worker if it recorded them."""
        uploads = runs.instances(rest, run, "upload")
        started, ended = ([datetime.fromisoformat(one[at]) for one in uploads] for at in ("start_date", "end_date"))
        self.elapsed = (max(ended) - min(started)).total_seconds()
        for number, one in enumerate(uploads):
            sent = runs.progress(rest, Task(run, "upload", number, title="", state="", tries=0))
            if not sent:
                continue
            own = self.of.setdefault(one["hostname"], Sums())
            own.add(sent["chunks_sent"], sent["records_sent"], sent["bytes_sent"])
            for one_try in rest.get(f"{run.path}/taskInstances/upload/{number}/tries")["task_instances"]:
                self.of.setdefault(one_try["hostname"], Sums()).seconds += one_try["duration"] or 0.0
            if number == self.shard:
                self.finished_by = one["hostname"]
                own.add(-self._sent.chunks, -self._sent.rows, -self._sent.bytes)
                self.of.setdefault(self.killed, Sums()).add(self._sent.chunks, self._sent.rows, self._sent.bytes)

    def table(self) -> str:
        """One line for each worker."""
        lines = [f"{'worker':<12}{'chunks':>8}{'rows':>14}{'bytes':>16}{'seconds':>9}"]
        for name, sums in sorted(self.of.items()):
            mark = "  killed" if name == self.killed else ""
            lines.append(f"{name:<12}{sums.chunks:>8,}{sums.rows:>14,}{sums.bytes:>16,}{sums.seconds:>9.1f}{mark}")
        rows = sum(sums.rows for sums in self.of.values())
        per_second = rows / max(0.001, self.elapsed)
        lines.append(f"\nall uploads took {self.elapsed:.1f} s, {per_second:,.0f} rows a second")
        return "\n".join(lines)

    def story(self) -> str:
        """What happened to the killed worker's shard."""
        if not self.killed:
            return "no worker was killed"
        sent = f"had recorded {self._sent.chunks:,} of its chunks"
        return f"{self.killed} was killed in shard {self.shard} and {sent}; {self.finished_by} sent the rest"
