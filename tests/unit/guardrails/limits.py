"""A world whose connection and project have limits, and what its runs say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha512
from pathlib import Path

import pyarrow as pa

from sluice.delivery.step import noted
from sluice.errors import Skipped
from tests.builders import World

FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        """,
    "catalog/segments.yaml": "all: {dataset: people, where: 'true'}",
    "exports/segments.yaml": "{kind: segment-export, connection: out, segments: [all], fields: [id, text]}",
    "exports/datasets.yaml": "{kind: dataset-export, mode: full, connection: out, datasets: [people]}",
}
RECORDS = 100


@dataclass
class Limited(World):
    """A world with `RECORDS` people."""

    @classmethod
    def at(cls, root: Path) -> Limited:
        world = cls(root)
        world.declare(FILES)
        world.limit({})
        world.dataset(
            "people", pa.table({"id": range(RECORDS), "text": [sha512(bytes([n])).hexdigest() for n in range(RECORDS)]})
        )
        world.refresh()
        return world

    def limit(self, connection: Mapping[str, object], project: Mapping[str, object] = {}, **guardrails: str) -> None:
        """Declare these limits."""
        self.declare(
            {
                "connections/out.yaml": f"{{type: local, airflow_conn_id: out, limits: {said(connection)}}}",
                "project.yaml": f"{{limits: {said(project)}, guardrails: {said(guardrails)}}}",
            }
        )

    def chunks(self, chunks: str, export: str = "datasets") -> None:
        """Give an export these chunks."""
        text = FILES[f"exports/{export}.yaml"].removesuffix("}")
        self.declare({f"exports/{export}.yaml": f"{text}, chunks: {chunks}}}"})

    def skips(self, export: str = "segments", run_id: str = "manual__1") -> str:
        """Why a run of the export is skipped; empty if it delivers. A skipped run sends nothing."""
        before = self.delivered()
        try:
            self.run(export, run_id)
        except Skipped as skipped:
            assert self.delivered() == before
            return skipped.what
        return ""

    def warnings(self, export: str = "segments") -> list[str]:
        """The warnings of `extract`."""
        return noted(self.extract(export).open(self), "extract").warnings


def said(values: Mapping[str, object]) -> str:
    """The values as YAML."""
    return json.dumps(dict(values))
