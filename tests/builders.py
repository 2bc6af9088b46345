"""What tests build: declarations from text, a folder as every connection, a run outside Airflow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.definition.load import load, load_export
from sluice.definition.models.export import Export
from sluice.definition.models.project import Project
from sluice.delivery.abort import Aborted, abort
from sluice.delivery.chunk import chunk
from sluice.delivery.extract import extract
from sluice.delivery.publish.publish import publish
from sluice.delivery.report.report import Report
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload.receipts import NoReceipts, Receipts
from sluice.delivery.upload.upload import Sent, upload
from sluice.errors import DefinitionError
from sluice.model.access import Access, FolderAccess
from sluice.model.run import Run
from sluice.plan.build import build
from sluice.plan.model import Plan
from sluice.refresh.evaluate import evaluate_segment

NOW = datetime(2026, 3, 9, 4, 5, tzinfo=UTC)


class Kept(dict[str, Any]):
    """The `Watermarks` protocol: every value as it comes back from JSON."""

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        self[export] = json.loads(json.dumps(value))


@dataclass
class World:
    """A folder with everything in it: `include/`, a lake, staging and deliveries."""

    root: Path
    extra: dict[str, Access] = field(default_factory=dict)
    watermarks: Kept = field(default_factory=lambda: Kept())
    now: datetime = NOW
    _loaded: dict[Any, tuple[Project, Export]] = field(default_factory=dict)

    def get(self, conn_id: str) -> Access:
        """The `Connections` protocol: each id is a folder below the root."""
        if conn_id in self.extra:
            return self.extra[conn_id]
        if conn_id in ("lake", "sluice_staging", "out"):
            return FolderAccess(self.root / conn_id)
        raise DefinitionError(f"there is no Airflow connection {conn_id}")

    @property
    def include(self) -> Path:
        return self.root / "include"

    def declare(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.include / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))

    def dataset(self, name: str, table: pa.Table, *, files: int = 1, row_group: int = 100) -> None:
        """Write a table as the Parquet files of a dataset."""
        folder = self.root / "lake" / name
        folder.mkdir(parents=True, exist_ok=True)
        step = -(-table.num_rows // files) or 1
        for number in range(files):
            part = table.slice(number * step, step)
            pq.write_table(part, folder / f"{number:03d}.parquet", row_group_size=row_group)

    def plan(self, export: str, run_id: str = "manual__1", **run: object) -> Plan:
        project, declared = self._load(export)
        due = Run.model_validate({"export": export, "run_id": run_id, "export_time": self.now, **run})
        return build(project, declared, due)

    def _load(self, export: str) -> tuple[Project, Export]:
        """The declarations, read anew when a file has changed: each step of a run asks for its plan."""
        files = [path for path in self.include.rglob("*") if path.is_file()]
        seen = (export, *((path, path.read_bytes()) for path in sorted(files)))
        if seen not in self._loaded:
            self._loaded = {seen: load_export(self.include, export)}
        return self._loaded[seen]

    def refresh(self, *segments: str, run_id: str = "refresh") -> None:
        """Evaluate these segments, or all, as their refreshes do."""
        project = load(self.include).project
        for segment in segments or project.segments:
            evaluate_segment(project, segment, self, run_id, self.now)

    def run(self, export: str, run_id: str = "manual__1", **run: object) -> Report:
        """Every step of a run, as Airflow would call them."""
        staged = self.extract(export, run_id, **run)
        self.upload(staged)
        return self.publish(staged)

    def extract(self, export: str, run_id: str = "manual__1", **run: object) -> StagedRun:
        plan = self.plan(export, run_id, **run)
        extract(plan, self, self.watermarks, self.now)
        return StagedRun.of(plan)

    def publish(self, staged: StagedRun) -> Report:
        return publish(staged, self, self.watermarks, self.now)

    def abort(self, staged: StagedRun) -> Aborted:
        return abort(staged, self, self.now)

    def upload(self, staged: StagedRun, receipts: Receipts | None = None) -> list[Sent]:
        shards = chunk(staged, self)
        return [upload(staged, shard, self, receipts or NoReceipts(), lambda _: None) for shard in shards]

    def delivered(self) -> list[str]:
        """Every file at the destination, relative to the connection's own folder."""
        out = self.root / "out"
        return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
