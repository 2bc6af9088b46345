"""The reports of an export's runs, kept in staging: `deliveries/<export>/reports/<flow run id>.json`.

Reports of runs that published nothing end in `.ended.json`, and are counted separately: however many there are, they
do not displace the reports of the last deliveries, which later deliveries are compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from sluice.definition.models.project import Staging
from sluice.delivery.report.indexing import Indexing
from sluice.delivery.report.report import Report
from sluice.filesystem import File, open_filesystem
from sluice.model.access import Connections

KEPT = 100
"""Reports kept of deliveries, and as many of other runs; older ones are removed."""
_ENDED = ".ended.json"


class History:
    """Newest first. A run that reports again replaces its earlier report, and becomes the newest."""

    def __init__(self, staging: Staging, export: str, connections: Connections) -> None:
        folder = f"{staging.path}/deliveries/{export}/reports".lstrip("/")
        self._opened = open_filesystem(connections, staging.airflow_conn_id, folder)
        self._indexing = Indexing(staging, connections, self._opened)

    def __iter__(self) -> Iterator[Report]:
        """Reads each report lazily."""
        return self._read(file.name for file in self.files())

    def last(self, n: int) -> list[Report]:
        """The last `n` reports, with any outcome."""
        return list(islice(self, n))

    def published(self, n: int) -> list[Report]:
        """The last `n` reports of deliveries that were published."""
        return list(islice(self._read(file.name for file in self.files() if not file.name.endswith(_ENDED)), n))

    def _read(self, names: Iterable[str]) -> Iterator[Report]:
        for name in names:
            body = self._opened.find_bytes(name)
            if body is not None:
                yield Report.model_validate_json(body)

    def find(self, flow_run_id: str) -> Report | None:
        """The last report of a run; None if there is none."""
        for name in (f"{flow_run_id}.json", f"{flow_run_id}{_ENDED}"):
            if (body := self._opened.find_bytes(name)) is not None:
                return Report.model_validate_json(body)
        return None

    def keep(self, report: Report) -> None:
        """Store a report, remove the oldest beyond `KEPT`, and add the report to the index of runs. The report of a
        delivery replaces the run's earlier report. A failure to add it is logged, and the next call adds it."""
        published, ended = f"{report.flow_run_id}.json", f"{report.flow_run_id}{_ENDED}"
        is_published = report.outcome == "published"
        name = published if is_published else ended
        self._opened.write_bytes(name, report.model_dump_json(indent=1).encode() + b"\n")
        files = self.files()
        self._indexing.add(files, {name: report})
        names = [file.name for file in files]
        alike = [one for one in names if one.endswith(_ENDED) != is_published]
        self._opened.remove([*alike[KEPT:], *([ended] if is_published and ended in names else [])])

    def catch_up(self) -> None:
        """Add the reports that the index of runs lacks. Never raises."""
        self._indexing.add(self.files())

    def files(self) -> list[File]:
        """The files of the reports, newest first."""
        files = [file for file in self._opened.list() if file.name.endswith(".json")]
        return sorted(files, key=lambda file: (file.modified, file.name), reverse=True)
