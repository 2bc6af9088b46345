"""The store of declarations: what is written, what is refused, and that nothing is half-written."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sluice.definition.edit.git import GitStore
from sluice.definition.edit.store import Author, ReadOnlyStore, Store, tag_of
from sluice.definition.edit.write import ReadOnlyError, StaleError
from sluice.definition.load import load
from sluice.errors import DefinitionError, FatalError, SluiceError

ANNA = Author("Anna Kovács", "anna@example.com")
DAILY = "kind: dataset-export\nconnection: drop\ndatasets: [orders]  # all of them\nmode: full\n"
AFTER = DAILY + "schedule: {after: daily}\n"


@pytest.fixture
def include(tmp_path: Path) -> Path:
    folder = tmp_path / "include"
    for path, text in {
        "connections/drop.yaml": "type: local\nairflow_conn_id: out\n",
        "catalog/datasets.yaml": "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}",
        "exports/daily.yaml": DAILY,
        "exports/emea/follows.yaml": AFTER,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def git(folder: Path, *words: str) -> str:
    argv = ["git", "-C", str(folder), "-c", "user.name=Setup", "-c", "user.email=setup@example.com", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def tree(include: Path) -> Path:
    git(include, "init", "-q")
    git(include, "add", ".")
    git(include, "commit", "-qm", "Start")
    return include


@pytest.fixture(params=["folder", "git"])
def store(request: pytest.FixtureRequest, include: Path) -> Store:
    if request.param == "git":
        return GitStore(request.getfixturevalue("tree"))
    return Store(include)


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def test_list_and_get(store: Store) -> None:
    assert [(one.name, one.path.name) for one in store.list("export")] == [
        ("daily", "daily.yaml"),
        ("follows", "follows.yaml"),
    ]
    daily = store.get("export", "daily")
    assert daily.body.decode() == DAILY
    assert daily.tag == tag_of(DAILY.encode())
    assert store.get("dataset", "orders").path.name == "datasets.yaml"
    with pytest.raises(DefinitionError, match="did you mean: daily"):
        store.get("export", "dayly")


def test_create_replace_rename_and_remove(store: Store) -> None:
    store.create("export", "weekly", DAILY, ANNA)
    text = DAILY.replace("all of them", "most of them")
    store.replace("export", "weekly", text, tag_of(DAILY.encode()), ANNA)
    store.rename("export", "weekly", "monthly", tag_of(text.encode()), ANNA)
    assert store.get("export", "monthly").body.decode() == text
    assert sorted(load(store.folder).project.exports) == ["daily", "follows", "monthly"]
    store.remove("export", "monthly", tag_of(text.encode()), ANNA)
    assert sorted(load(store.folder).project.exports) == ["daily", "follows"]


def test_a_renamed_declaration_stays_in_its_folder(store: Store) -> None:
    store.rename("export", "follows", "later", store.get("export", "follows").tag, ANNA)
    assert (store.folder / "exports" / "emea" / "later.yaml").read_text() == AFTER


STALE = tag_of(b"as it was yesterday")
REFUSED: dict[str, tuple[Callable[[Store], object], str]] = {
    "a name that exists": (
        lambda s: s.create("export", "daily", DAILY, ANNA),
        "another export is already named",
    ),
    "a name in another folder": (lambda s: s.create("export", "follows", DAILY, ANNA), "already"),
    "a path as a name": (lambda s: s.create("export", "../daily", DAILY, ANNA), "name"),
    "an empty name": (lambda s: s.create("export", "", DAILY, ANNA), "name"),
    "a stale edit": (lambda s: s.replace("export", "daily", AFTER, STALE, ANNA), "changed in the meantime"),
    "a stale removal": (lambda s: s.remove("export", "daily", STALE, ANNA), "changed in the meantime"),
    "an export that others follow": (
        lambda s: s.remove("export", "daily", s.get("export", "daily").tag, ANNA),
        "daily",
    ),
    "a rename that others need": (
        lambda s: s.rename("export", "daily", "d", s.get("export", "daily").tag, ANNA),
        "daily",
    ),
    "a connection in use": (lambda s: s.remove("connection", "drop", s.get("connection", "drop").tag, ANNA), "drop"),
    "an invalid text": (lambda s: s.create("export", "new", "kind: dataset-export\n", ANNA), "connection"),
    "no YAML": (lambda s: s.create("export", "new", "a: [", ANNA), "new.yaml"),
    "a secret": (
        lambda s: s.create("connection", "new", "type: local\nairflow_conn_id: out\npassword: hunter2-hunter2\n", ANNA),
        "secret",
    ),
    "ten megabytes": (lambda s: s.create("export", "new", DAILY + "#" * 10**7, ANNA), "10,000,"),
    "a lone surrogate": (lambda s: s.create("export", "new", DAILY + "owner: \ud800\n", ANNA), "new.yaml"),
    "a dataset alone": (lambda s: s.create("dataset", "new", "{}", ANNA), "shares its file"),
    "an export that is gone": (lambda s: s.remove("export", "gone", STALE, ANNA), "no export is named"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_writes_nothing(case: str, store: Store) -> None:
    act, says = REFUSED[case]
    before = files(store.folder)
    with pytest.raises(SluiceError, match=says) as refused:
        act(store)
    assert files(store.folder) == before
    assert "hunter2" not in refused.value.page()
    if isinstance(store, GitStore):
        assert git(store.folder, "status", "--porcelain") == ""


def test_a_stale_edit_has_the_current_text(store: Store) -> None:
    with pytest.raises(StaleError) as stale:
        store.replace("export", "daily", AFTER, STALE, ANNA)
    assert stale.value.current == DAILY.encode()


def test_of_two_edits_of_one_text_one_wins(store: Store) -> None:
    tag, start = store.get("export", "daily").tag, threading.Barrier(8)
    failures: list[SluiceError] = []

    def edit(number: int) -> None:
        start.wait()
        try:
            store.replace("export", "daily", f"{DAILY}owner: editor-{number}\n", tag, ANNA)
        except SluiceError as error:
            failures.append(error)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in failures] == [StaleError] * 7
    assert load(store.folder).project.exports["daily"].owner.startswith("editor-")


def test_each_change_is_one_commit_of_its_author(tree: Path) -> None:
    store = GitStore(tree)
    (tree / "unrelated.txt").write_text("not ours")
    store.create("export", "weekly", DAILY, Author("Eve <x>\nCommitter: Mallory", "eve@example.com"))
    store.rename("export", "weekly", "monthly", tag_of(DAILY.encode()), ANNA)
    log = git(tree, "log", "-2", "--format=%an|%ae|%cn|%s", "--name-status")
    assert log.splitlines() == [
        "Anna Kovács|anna@example.com|Sluice|Rename export weekly to monthly",
        "",
        "R100\texports/weekly.yaml\texports/monthly.yaml",
        "Eve xCommitter: Mallory|eve@example.com|Sluice|Create export weekly",
        "",
        "A\texports/weekly.yaml",
    ]
    assert git(tree, "status", "--porcelain") == "?? unrelated.txt\n"


def test_a_file_with_uncommitted_changes_is_left_alone(tree: Path) -> None:
    path = tree / "exports" / "daily.yaml"
    path.write_text(DAILY + "owner: half-done\n")
    store = GitStore(tree)
    with pytest.raises(FatalError, match="not committed"):
        store.replace("export", "daily", DAILY, store.get("export", "daily").tag, ANNA)
    assert path.read_text() == DAILY + "owner: half-done\n"


@pytest.mark.parametrize("change", ["create", "replace", "rename"])
def test_a_commit_that_a_hook_refuses_leaves_everything_as_it_was(tree: Path, change: str) -> None:
    hook = tree / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'not on Fridays' >&2\nexit 1\n")
    hook.chmod(0o755)
    before, store = files(tree), GitStore(tree)
    tag = tag_of(AFTER.encode())
    acts: dict[str, Callable[[], object]] = {
        "create": lambda: store.create("export", "new", DAILY, ANNA),
        "replace": lambda: store.replace("export", "follows", DAILY, tag, ANNA),
        "rename": lambda: store.rename("export", "follows", "later", tag, ANNA),
    }
    with pytest.raises(FatalError, match="not on Fridays"):
        acts[change]()
    assert files(tree) == before
    assert git(tree, "status", "--porcelain") == ""


def test_a_folder_in_no_working_tree_is_named(include: Path) -> None:
    with pytest.raises(FatalError, match="git"):
        GitStore(include).create("export", "new", DAILY, ANNA)
    assert not (include / "exports" / "new.yaml").exists()


def test_a_read_only_store_gives_a_patch_that_applies(tree: Path, tmp_path: Path) -> None:
    store = ReadOnlyStore(tree)
    changes: list[Callable[[], object]] = [
        lambda: store.create("export", "new", DAILY.rstrip("\n"), ANNA),
        lambda: store.replace("export", "daily", f'{DAILY}schedule: "off"\n', tag_of(DAILY.encode()), ANNA),
        lambda: store.remove("export", "follows", tag_of(AFTER.encode()), ANNA),
    ]
    for change in changes:
        with pytest.raises(ReadOnlyError) as refused:
            change()
        patch = tmp_path / "change.patch"
        patch.write_text(refused.value.patch)
        git(tree, "apply", "--check", str(patch))
        git(tree, "apply", str(patch))
    assert sorted(load(tree).project.exports) == ["daily", "new"]


@pytest.fixture
def closed(include: Path) -> Iterator[Path]:
    if os.geteuid() == 0:
        subprocess.run(["chattr", "+i", include / "exports"], check=False)
        yield include
        subprocess.run(["chattr", "-i", include / "exports"], check=False)
        return
    (include / "exports").chmod(0o555)
    yield include
    (include / "exports").chmod(0o755)


def test_a_folder_that_cannot_be_written_gives_a_patch(closed: Path) -> None:
    probe = closed / "exports" / ".probe"
    try:
        probe.touch()
    except OSError:
        with pytest.raises(ReadOnlyError, match="cannot be written") as refused:
            Store(closed).create("export", "new", DAILY, ANNA)
        assert "+++ b/exports/new.yaml" in refused.value.patch
    else:
        pytest.skip("this filesystem lets root write everywhere")
