"""Imports run one way, the core knows no Airflow and no cloud, and a parse pays for nothing it does not need."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "include" / "sluice"

LAYERS = [
    {"errors"},
    {"model", "foreign"},
    {"filesystem", "sql"},
    {"sources", "formats", "destinations", "chunk", "encryption"},
    {"definition"},
    {"mapping", "plan"},
    {"refresh"},
    {"delivery"},
    {"airflow", "page"},
    {"cli", "commands"},
]
"""From the bottom up: a folder imports from those below it and from itself; those on one level never meet."""
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}
LAZY = {("cli", "airflow"), ("commands", "airflow")}

HEAVY = ("pyarrow", "duckdb", "polars", "boto3", "botocore", "obstore", "isal", "numpy", "pandas", "asyncssh", "fsspec")
HEAVY += ("pysequoia",)
CLOUDS = ("boto3", "botocore", "obstore", "azure", "google.cloud", "asyncssh", "paramiko", "pyiceberg", "deltalake")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def folder_of(module: str) -> str:
    return module.split(".")[1]


def name_of(path: Path) -> str:
    return ".".join(("sluice", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_run_downwards(path: Path) -> None:
    own = name_of(path)
    if own in ("sluice", "sluice.__main__"):
        return
    here = folder_of(own)
    assert here in LEVEL, f"{own} stands in a folder without a level: give it one in LAYERS"
    for module in imported(ast.parse(path.read_text())):
        if module.startswith("sluice.") and folder_of(module) != here:
            there = folder_of(module)
            assert LEVEL[there] < LEVEL[here], f"{own} imports {module}: {here} may not know {there}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_airflow_side_knows_airflow(path: Path) -> None:
    if folder_of(name_of(path) + ".") in ("airflow", "page"):
        return
    found = [module for module in imported(ast.parse(path.read_text())) if module.split(".")[0] == "airflow"]
    assert not found, f"{name_of(path)} imports {found}"


def test_no_module_is_in_a_cycle() -> None:
    names = {name_of(path) for path in modules()}
    graph: dict[str, set[str]] = {}
    for path in modules():
        tree = ast.parse(path.read_text())
        top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        found = set(imported(top))
        reached = {name for name in names for module in found if module == name or module.rpartition(".")[0] == name}
        graph[name_of(path)] = reached - {name_of(path)} - {"sluice"}
    tuple(TopologicalSorter(graph).static_order())


def test_clouds_stay_in_their_connectors() -> None:
    allowed = ("sluice.destinations", "sluice.sources", "sluice.filesystem", "sluice.airflow")
    for path in modules():
        if name_of(path).startswith(allowed):
            continue
        found = [m for m in imported(ast.parse(path.read_text())) if m.startswith(CLOUDS)]
        assert not found, f"{name_of(path)} imports {found}"


def loaded_by(code: str) -> set[str]:
    probe = f"import sys\nsys.path[:0] = {[str(ROOT / 'include'), str(ROOT / 'dags')]!r}\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("file", ["exports", "refreshes", "declarations"])
def test_a_parse_imports_no_engine(file: str) -> None:
    found = loaded_by(f"import {file}") & set(HEAVY) - loaded_by("import airflow.sdk.io, airflow.sdk.bases.sensor")
    assert not found, f"parsing dags/{file}.py imports {sorted(found)}"


def test_the_core_imports_no_airflow() -> None:
    core = [name_of(p) for p in modules() if folder_of(name_of(p) + ".") not in ("", "airflow", "page", "__main__")]
    found = loaded_by("\n".join(f"import {name}" for name in core))
    assert not {name for name in found if name.split(".")[0] == "airflow"}
    assert not found & set(HEAVY)
