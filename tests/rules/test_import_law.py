"""Imports run one way, the core knows no Airflow and no cloud, and a parse pays for nothing it does not need."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "sluice"

LAYERS = [
    {"errors", "where", "memory", "subcommand", "log_fields", "patience", "stopping", "certificates"},
    {"model", "foreign", "extras"},
    {"ssh", "attempt"},
    {"filesystem", "sql"},
    {"sources", "formats", "destinations", "chunk", "encryption"},
    {"testing"},
    {"definition"},
    {"mapping", "plan", "runs"},
    {"licence", "audience"},
    {"refresh", "guardrails", "workbench"},
    {"delivery", "columns", "discovery"},
    {"alerts", "access", "doctor"},
    {"overview"},
    {"airflow"},
    {"page"},
    {"command_line", "commands"},
    {"cli"},
]
"""From the bottom up: a folder imports from those below it and from itself; those on one level never meet."""
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}
LAZY = {("cli", "airflow"), ("commands", "airflow")}

HEAVY = ("pyarrow", "duckdb", "polars", "boto3", "botocore", "isal", "numpy", "pandas", "asyncssh", "fsspec")
HEAVY += ("pysequoia", "pyspark")
CLOUDS = ("boto3", "botocore", "azure", "google.cloud", "asyncssh", "paramiko", "pyiceberg", "deltalake")


PRIVATE = "sluice.airflow.private"
PUBLIC = (
    "airflow.plugins_manager.AirflowPlugin",
    "airflow.providers.",
    "airflow.sdk.io.",
    "airflow.sdk.log.mask_secret",
    "airflow.sdk.timezone.",
    "airflow.timetables.base.",
    "airflow.triggers.base.",
    *(f"airflow.sdk.exceptions.Airflow{name}" for name in ("Exception", "FailException", "NotFoundException")),
    *(f"airflow.sdk.exceptions.Airflow{name}" for name in ("SkipException", "TaskTimeout")),
)
"""What Airflow documents as its public interface, beside the names that `airflow.sdk` exports."""


@dataclass(frozen=True)
class Module:
    """One file: what it imports anywhere, when it runs, and when it is imported itself; as modules or names in them. It
    is parsed when somebody asks: every process of a parallel run collects these tests, and one runs them."""

    name: str
    path: Path

    @property
    def noun(self) -> str:
        """The folder, or the file, right below the package; empty for the package's own two."""
        return "" if self.name in ("sluice", "sluice.__main__") else self.name.split(".")[1]

    @cached_property
    def anywhere(self) -> frozenset[str]:
        return frozenset(imported(ast.walk(self._tree)))

    @cached_property
    def running(self) -> frozenset[str]:
        return frozenset(imported(running(self._tree)))

    @cached_property
    def at_top(self) -> frozenset[str]:
        return frozenset(imported(self._tree.body))

    @property
    def airflow_texts(self) -> frozenset[str]:
        """Texts that name something of Airflow's: `airflow.sdk.x`, `_AIRFLOW_X`."""
        nodes = (node for node in ast.walk(self._tree) if isinstance(node, ast.Constant))
        texts = (node.value for node in nodes if isinstance(node.value, str))
        return frozenset(text for text in texts if re.fullmatch(r"airflow(\.\w+){2,}|_AIRFLOW_\w+", text))

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self.path.read_text())


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree but for those that only a type checker sees."""
    yield node
    if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
        for child in ast.iter_child_nodes(node):
            yield from running(child)


def name_of(path: Path) -> str:
    return ".".join(("sluice", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(path): Module(name_of(path), path) for path in sorted(PACKAGE.rglob("*.py"))}
FOLDERS = {name.rpartition(".")[0] for name in MODULES}


def reached(module: Module, imports: Iterable[str]) -> set[str]:
    """The modules of ours among its imports, without itself and the package."""
    found = {name if name in MODULES else name.rpartition(".")[0] for name in imports}
    return found & MODULES.keys() - {module.name, "sluice"}


def cycle(graph: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The members of one cycle, sorted; nothing where there is none."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as found:
        return tuple(sorted(set(found.args[1])))
    return ()


def importers(names: Callable[[str], bool], modules: Iterable[Module]) -> list[str]:
    """What of `names` the modules import."""
    return sorted(f"{module.name} imports {name}" for module in modules for name in module.anywhere if names(name))


def test_imports_run_downwards() -> None:
    nouns = {module.noun for module in MODULES.values()} - {""}
    assert nouns <= LEVEL.keys(), "give each folder a level in LAYERS"
    upwards = [
        f"{module.name} imports {name}"
        for module in MODULES.values()
        if (here := module.noun)
        for name in module.anywhere
        if name.startswith("sluice.") and (there := name.split(".")[1]) != here and LEVEL[there] >= LEVEL[here]
    ]
    assert upwards == []


def test_only_the_airflow_side_knows_airflow() -> None:
    core = [module for module in MODULES.values() if module.noun not in ("airflow", "page")]
    assert importers(lambda name: name.split(".")[0] == "airflow", core) == []


def test_one_file_knows_what_airflow_keeps_private() -> None:
    """It lists what an upgrade may break. Texts count too: a logger, a variable, the path of a class."""
    from airflow import sdk

    public = (*(f"airflow.sdk.{name}" for name in sdk.__all__), *PUBLIC)
    for module in MODULES.values():
        if module.name != PRIVATE:
            names = {name for name in module.anywhere if name.split(".")[0] == "airflow"} | module.airflow_texts
            found = sorted(name for name in names if not is_public(name, public))
            assert not found, f"{module.name} uses {found}: let {PRIVATE} do it, and say why"


def is_public(name: str, public: Iterable[str]) -> bool:
    return any(name == one or (one.endswith(".") and name.startswith(one)) for one in public)


def test_no_module_is_in_a_cycle() -> None:
    found = cycle({name: reached(module, module.at_top) for name, module in MODULES.items()})
    assert not found, f"they import one another: {found}"


def test_no_module_is_in_a_cycle_of_imports_inside_functions() -> None:
    found = cycle({name: reached(module, module.running) for name, module in MODULES.items()})
    assert not found, f"they import one another: {found}"


def test_no_folders_side_by_side_are_in_a_cycle() -> None:
    """A folder and the one it lies in may know each other: the outer one holds the steps, the inner one their nouns."""
    graph: dict[str, set[str]] = {}
    for name, module in MODULES.items():
        for other in reached(module, module.running):
            if pair := side_by_side(name, other):
                graph.setdefault(pair[0], set()).add(pair[1])
    found = cycle(graph)
    assert not found, f"they import one another: {found}"


def side_by_side(one: str, other: str) -> tuple[str, str] | None:
    """The folders in which two modules part; None where one of them lies in the other's, or in the same."""
    parted = ((".".join(a), ".".join(b)) for a, b in zip(prefixes(one), prefixes(other), strict=False))
    return next(((a, b) for a, b in parted if a != b and {a, b} <= FOLDERS), None)


def prefixes(name: str) -> list[list[str]]:
    words = name.split(".")
    return [words[:length] for length in range(1, len(words) + 1)]


def test_clouds_stay_in_their_connectors() -> None:
    allowed = ("sluice.destinations", "sluice.sources", "sluice.filesystem", "sluice.ssh", "sluice.airflow")
    for module in MODULES.values():
        if not module.name.startswith(allowed):
            found = [name for name in module.anywhere if name.startswith(CLOUDS)]
            assert not found, f"{module.name} imports {found}"


def test_one_client_speaks_ssh() -> None:
    """By whatever road a server is reached, the same keys are trusted and the same algorithms refused."""
    for module in MODULES.values():
        found = {name.split(".")[0] for name in module.running} & {"asyncssh", "paramiko"}
        assert found <= ({"asyncssh"} if module.noun == "ssh" else set()), f"{module.name} imports {found}"


def test_declarations_are_changed_for_an_actor() -> None:
    """Only the editor knows the store, so every change asks for rights and is recorded."""
    writers = ("write.write", "write.locked", "write.undo", "store.Store", "git.GitStore", "store.ReadOnlyStore")
    store = {f"sluice.definition.edit.{name}" for name in writers}
    theirs = [module for module in MODULES.values() if module.noun not in ("definition", "access")]
    found = importers(store.__contains__, [module for module in theirs if module.name != "sluice.commands.editing"])
    assert found == [], "use sluice.access.editor"


def test_only_the_exam_for_connectors_knows_pytest() -> None:
    theirs = [module for module in MODULES.values() if module.noun != "testing"]
    assert importers(lambda name: name.startswith(("pytest", "psutil", "sluice.testing")), theirs) == []


@cache
def loaded_by(code: str) -> set[str]:
    probe = f"import sys\nsys.path[:0] = {[str(ROOT / 'src'), str(ROOT / 'dags')]!r}\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.slow
@pytest.mark.parametrize("file", ["exports", "refreshes", "declarations"])
def test_a_parse_imports_no_engine(file: str) -> None:
    found = loaded_by(f"import {file}") & set(HEAVY) - loaded_by("import airflow.sdk.io, airflow.sdk.bases.sensor")
    assert not found, f"parsing dags/{file}.py imports {sorted(found)}"


@pytest.mark.slow
def test_the_core_imports_no_airflow() -> None:
    core = [name for name, module in MODULES.items() if module.noun not in ("", "airflow", "page", "testing")]
    found = loaded_by("\n".join(f"import {name}" for name in core))
    assert not {name for name in found if name.split(".")[0] in ("airflow", "pytest")}
    assert not found & set(HEAVY)
