"""Declarations in memory are those that a new process would read, whatever happens to the files."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.definition.edit.write import Draft, content, outlook
from sluice.definition.load import Loaded, load
from sluice.definition.memory import Memory
from sluice.definition.yaml import documents
from sluice.errors import DefinitionError
from sluice.page import kept
from sluice.page.kept import KeptDeclarations
from tests.pages import Page

pytestmark = pytest.mark.slow  # each test is a project, an API and its requests

SURE = 0.015
"""Longer than a tick of the file system's clock."""
SIZE = 300
"""All files have the same size, and many the same time."""
EXPORT = "kind: dataset-export\nconnection: out\ndatasets: [orders]\nmode: full\n"
TEXTS = {
    "exports": [
        EXPORT,
        EXPORT + "schedule: {after: a}\n",
        EXPORT + "schedule: {after: b}\n",
        EXPORT + "schedule: {daily: '06:00'}\n",
        EXPORT.replace("orders", "returns"),
        EXPORT.replace("connection: out\n", ""),
        EXPORT.replace("mode: full\n", ""),
        EXPORT.replace("out", "two"),
        EXPORT.replace("mode", "mood"),
        "kind: segment-export\nconnection: out\nsegments: [rich]\n",
        "kind: [\n",
        EXPORT + "# AKIA" + "ABCDEFGH12345678\n",
        "- 1\n",
    ],
    "connections": [
        "type: local\nairflow_conn_id: out\n",
        "type: local\nairflow_conn_id: out\ntakes: [profile]\n",
        "type: local\nairflow_conn_id: out\nshared_with: [a]\n",
        "type: locl\n",
    ],
    "catalog/datasets": [
        "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}\n",
        "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: p}}\n"
        "people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: l, path: p}}\n",
        "returns: {kind: profile, key: id, refreshed_by: lake, source: {type: parquet, airflow_conn_id: l, path: p}}\n",
        "orders: {kind: event}\n",
        "orders: [\n",
        "{}\n",
    ],
    "catalog/segments": [
        "rich: {dataset: people, where: id > 1}\n",
        "rich: {dataset: people, where: id > 1}\npoor: {dataset: orders, where: id < 1}\n",
        "poor: {dataset: people, where: id < 1}\n",
        "rich: 1\n",
    ],
    "catalog/refreshes": ["lake: {type: dag, dag_id: lake}\n", "system_refresh: {type: system}\n", "lake: {}\n"],
    "project.yaml": [
        "sandbox: test\n",
        "defaults: {connection: out}\n",
        "defaults: {connection: two, mode: full}\n",
        "defaults: {mode: incremental}\n",
        "defaults: {moode: full}\n",
        "defaults: {mode: full}\nedits: nowhere\n",
        "defaults: [\n",
    ],
}
PATHS = {
    "exports": ["a.yaml", "b.yaml", "sub/c.yaml", "sub/a.yaml", "_no.yaml", "d.yml"],
    "connections": ["out.yaml", "two.yaml"],
    "catalog/datasets": ["../datasets.yaml", "more.yaml"],
    "catalog/segments": ["../segments.yaml", "more.yaml"],
    "catalog/refreshes": ["../refreshes.yaml"],
    "project.yaml": [""],
}
FILES = [(family, os.path.normpath(f"{family}/{name}")) for family, names in PATHS.items() for name in names]
Act = Callable[[Path], None]


def padded(text: str) -> bytes:
    return (text + "#" * (SIZE - len(text) - 1) + "\n").encode()


def write(file: str, text: str, *, same_time: bool) -> Act:
    def act(root: Path) -> None:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        path.write_bytes(padded(text))
        if same_time:
            os.utime(path, (10**9, 10**9))

    return act


def remove(file: str) -> Act:
    return lambda root: shutil.rmtree(root / file) if (root / file).is_dir() else (root / file).unlink(missing_ok=True)


def rename(file: str, other: str) -> Act:
    return lambda root: os.replace(root / file, root / other)  # noqa: PTH105


def link(file: str, other: str) -> Act:
    def act(root: Path) -> None:
        remove(file)(root)
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).symlink_to(root / other)

    return act


def as_folder(file: str) -> Act:
    def act(root: Path) -> None:
        remove(file)(root)
        (root / file).mkdir(parents=True)

    return act


def move_out(folder: str) -> Act:
    """Another folder takes the place of this one: it is elsewhere, and a link leads there."""

    def act(root: Path) -> None:
        elsewhere = Path(tempfile.mkdtemp(dir=root.parent)) / "moved"
        (root / folder).rename(elsewhere)
        (root / folder).symlink_to(elsewhere)

    return act


def drafted(file: str, text: str | None, memory: Memory) -> Act:
    """What a draft would do is the same with what is remembered and without. It leaves nothing behind."""

    def act(root: Path) -> None:
        drafts = [Draft(root / file, content(root / file), padded(text) if text else None)]
        found, wanted = outlook(root, drafts, memory), outlook(root, drafts)
        assert_same(found.then, wanted.then)
        assert (pages(found.errors), pages(found.warnings)) == (pages(wanted.errors), pages(wanted.warnings))

    return act


def pages(errors: Any) -> list[tuple[Any, str]]:
    return [(error.place, error.page()) for error in errors]


def assert_same(found: Loaded, wanted: Loaded) -> None:
    assert pages(found.errors) == pages(wanted.errors)
    assert pages(found.warnings) == pages(wanted.warnings)
    broken, really = ({name: pages(errors) for name, errors in one.broken.items()} for one in (found, wanted))
    assert broken == really
    assert found.texts == wanted.texts
    assert found.counts == wanted.counts
    assert found.project == wanted.project


@st.composite
def acts(draw: st.DrawFn, memory: Memory) -> Act:
    family, file = draw(st.sampled_from(FILES))
    _, other = draw(st.sampled_from(FILES))
    text = draw(st.sampled_from(TEXTS[family]))
    known = [
        *[write(file, text, same_time=same) for same in (True, True, True, False)],
        *[drafted(file, text, memory), drafted(file, None, memory)],
        *[remove(file), rename(file, other), link(file, other), as_folder(file)],
        *[move_out(file.split("/")[0]), remove(file.split("/")[0])],
    ]
    return known[draw(st.integers(0, len(known) - 1))]


@contextmanager
def project() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "include"
        for file, text in {
            "project.yaml": "sandbox: test\n",
            "connections/out.yaml": TEXTS["connections"][0],
            "catalog/datasets.yaml": TEXTS["catalog/datasets"][1],
            "catalog/segments.yaml": TEXTS["catalog/segments"][0],
            "exports/a.yaml": EXPORT,
            "exports/b.yaml": EXPORT + "schedule: {after: a}\n",
        }.items():
            write(file, text, same_time=True)(root)
        yield root


@pytest.fixture(scope="module", autouse=True)
def at_once() -> Iterator[None]:
    """Every question is a look, and every change is read at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "PAUSE", -1.0)
        patch.setattr(kept, "QUICK", 1e9)
        patch.setattr(kept, "SURE", SURE)
        patch.setattr(documents, "SURE", SURE)
        yield


@settings(max_examples=25)
@given(st.data())
def test_what_is_kept_is_what_a_new_process_would_read(data: st.DataObject) -> None:
    memory = Memory()
    with project() as root:
        declared = KeptDeclarations(root, memory)
        for _ in range(data.draw(st.integers(1, 6))):
            act, wait = data.draw(acts(memory)), data.draw(st.booleans())
            with suppress(OSError):
                act(root)
            time.sleep(2 * SURE if wait else 0)
            assert_same(declared.loaded, load(root))


def check(*steps: Act, pause: float = 2 * SURE) -> None:
    with project() as root:
        declared = KeptDeclarations(root, Memory())
        time.sleep(2 * SURE)
        assert_same(declared.loaded, load(root))
        assert declared.loaded is declared.loaded
        for step in steps:
            step(root)
            time.sleep(pause)
            assert_same(declared.loaded, load(root))


def test_a_new_file_that_becomes_a_link_to_nothing_is_gone() -> None:
    check(link("exports/a.yaml", "exports/b.yaml"), remove("exports/b.yaml"), pause=0)
    check(write("exports/a.yaml", EXPORT, same_time=False), link("exports/a.yaml", "nothing.yaml"), pause=0)


WITH_DEFAULT = EXPORT.replace("connection: out\n", "")


@pytest.mark.parametrize(
    "steps",
    {
        "the same size and time": [write("exports/a.yaml", TEXTS["exports"][4], same_time=True)],
        "a folder in place of a file": [as_folder("exports/a.yaml"), write("exports/a.yaml", EXPORT, same_time=True)],
        "an empty folder": [remove("exports"), lambda root: (root / "exports").mkdir()],
        "a link to nothing": [link("exports/c.yaml", "exports/gone.yaml"), remove("exports/c.yaml")],
        "a link to another export": [
            link("exports/c.yaml", "exports/a.yaml"),
            write("exports/a.yaml", TEXTS["exports"][4], same_time=True),
        ],
        "a link out of the folder": [move_out("exports")],
        "a dataset that is gone": [write("catalog/datasets.yaml", "{}\n", same_time=True)],
        "another default": [
            write("exports/a.yaml", WITH_DEFAULT, same_time=True),
            write("project.yaml", "defaults: {connection: out}\n", same_time=True),
            write("project.yaml", "defaults: {connection: two}\n", same_time=True),
        ],
        "an export that others follow": [remove("exports/a.yaml"), rename("exports/b.yaml", "exports/a.yaml")],
        "a circle": [write("exports/a.yaml", EXPORT + "schedule: {after: b}\n", same_time=True)],
    }.items(),
    ids=lambda steps: steps[0],
)
def test_what_is_kept_follows(steps: tuple[str, list[Act]]) -> None:
    check(*steps[1])


def test_an_error_that_is_kept_does_not_keep_every_request_that_raised_it(page: Page) -> None:
    (error,) = page.world.declared.loaded.broken["broken"]
    lengths = []
    for _ in range(3):
        with pytest.raises(DefinitionError) as caught:
            page.world.export("broken")
        assert caught.value is error
        lengths.append(len(traceback.extract_tb(error.__traceback__)))
    assert lengths[0] == lengths[2]
