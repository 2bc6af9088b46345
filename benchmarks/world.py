"""The project that the benchmarks run: declarations, a lake, staging and deliveries, in one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.data import name_of
from benchmarks.work import FILTER, KEPT
from sluice.errors import DefinitionError
from sluice.model.access import Access, FolderAccess

_EXPORT = "kind: dataset-export\nconnection: out\nmode: full\n"  # each round delivers everything again
EXPORTS = {
    "ndjson": f"{_EXPORT}datasets: [profiles]\nformat: {{type: json}}\n",
    "chunked": f"{_EXPORT}datasets: [profiles]\nformat: {{type: json}}\nchunks: {{records: 10000}}\n",
    "single": f"{_EXPORT}datasets: [profiles]\nformat: {{type: json}}\nchunks: {{records: 1000000000}}\n",
    "csv": f"{_EXPORT}datasets: [flat]\nformat: {{type: csv}}\n",
    "parquet": f"{_EXPORT}datasets: [profiles]\nformat: {{type: parquet}}\n",
    **dict.fromkeys(
        ("segment", "keys"), f"kind: segment-export\nconnection: out\nsegments: [top]\nfields: [{', '.join(KEPT)}]\n"
    ),
}
"""Each export as a user would declare it: everything that is not said here is Sluice's default."""


class World:
    """A folder below which each connection is a folder of its own; deliveries go to `out`."""

    def __init__(self, root: Path, lake: Path, out: Path) -> None:
        self.include = root / "include"
        self._folders = {"lake": lake, "sluice_staging": root, "out": out}

    def get(self, conn_id: str) -> Access:
        """The `Connections` protocol."""
        if conn_id not in self._folders:
            raise DefinitionError(f"there is no Airflow connection {conn_id}", known=sorted(self._folders))
        return FolderAccess(self._folders[conn_id])

    def forget_rows(self) -> None:
        """Remove the rows that a refresh has staged, so that an export finds its members by their keys, as it does if
        the data has changed since."""
        for staged in self._folders["sluice_staging"].rglob("segments/*/*.rows"):
            staged.unlink()

    def declare(self, rows: int) -> None:
        """Write the declarations over so many profiles."""
        paths = {name: name_of(rows, flat=flat) for name, flat in (("profiles", False), ("flat", True))}
        self._write(paths, EXPORTS, f"top: {{dataset: profiles, where: {FILTER}}}\n")

    def declare_case(self, path: str, export: str, declared: str) -> None:
        """Write the declaration of one export over one dataset, which is called `case`."""
        self._write({"case": path}, {export: f"{_EXPORT}datasets: [case]\n{declared}\n"}, "{}\n")

    def _write(self, paths: dict[str, str], exports: dict[str, str], segments: str) -> None:
        source = "{type: parquet, airflow_conn_id: lake, path: %s}"
        files = {
            "project.yaml": "organization: bench\n",
            "catalog/datasets.yaml": "".join(
                f"{name}: {{kind: profile, key: profile_id, source: {source % path}}}\n" for name, path in paths.items()
            ),
            "catalog/segments.yaml": segments,
            "connections/out.yaml": "type: local\nairflow_conn_id: out\n",
            **{f"exports/{name}.yaml": text for name, text in exports.items()},
        }
        shutil.rmtree(self.include, ignore_errors=True)
        for name, text in files.items():
            path = self.include / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
