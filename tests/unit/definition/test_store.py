"""The store of declarations: what is written, what is refused, and that nothing is half-written."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sluice.access.actor import Actor
from sluice.access.audit import Entry
from sluice.access.editor import Editor
from sluice.definition.edit.feeds import changing_feeds
from sluice.definition.edit.git import GitStore
from sluice.definition.edit.store import ReadOnlyStore, Store, tag_of
from sluice.definition.edit.write import ReadOnlyError, StaleError
from sluice.definition.load import load
from sluice.errors import DefinitionError, FatalError, SluiceError

ANNA = Actor("Anna Kovács", administrator=True, email="anna@example.com")
DAILY = "kind: dataset-export\nconnection: drop\ndatasets: [orders]  # all of them\nmode: full\n"
OTHER = "parts: {kind: table, key: id, source: {type: parquet, airflow_conn_id: l, path: p}}"
AFTER = DAILY + "schedule: {after: daily}\n"


class Unrecorded:
    """A recorder that records nothing."""

    def ready(self) -> None:
        pass

    def append(self, entry: Entry) -> None:
        pass


def editing(store: Store, actor: Actor = ANNA) -> Editor:
    return Editor(store, actor, Unrecorded())


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
    editing(store).create("export", "weekly", DAILY)
    text = DAILY.replace("all of them", "most of them")
    editing(store).replace("export", "weekly", text, tag_of(DAILY.encode()))
    editing(store).rename("export", "weekly", "monthly", tag_of(text.encode()))
    assert store.get("export", "monthly").body.decode() == text
    assert sorted(load(store.folder).project.exports) == ["daily", "follows", "monthly"]
    editing(store).remove("export", "monthly", tag_of(text.encode()))
    assert sorted(load(store.folder).project.exports) == ["daily", "follows"]


def test_a_renamed_declaration_stays_in_its_folder(store: Store) -> None:
    editing(store).rename("export", "follows", "later", store.get("export", "follows").tag)
    assert (store.folder / "exports" / "emea" / "later.yaml").read_text() == AFTER


STALE = tag_of(b"as it was yesterday")
REFUSED: dict[str, tuple[Callable[[Store], object], str]] = {
    "a name that exists": (
        lambda s: editing(s).create("export", "daily", DAILY),
        "another export is already named",
    ),
    "a name in another folder": (lambda s: editing(s).create("export", "follows", DAILY), "already"),
    "a path as a name": (lambda s: editing(s).create("export", "../daily", DAILY), "name"),
    "an empty name": (lambda s: editing(s).create("export", "", DAILY), "name"),
    "a stale edit": (lambda s: editing(s).replace("export", "daily", AFTER, STALE), "changed in the meantime"),
    "a stale removal": (lambda s: editing(s).remove("export", "daily", STALE), "changed in the meantime"),
    "an export that others follow": (
        lambda s: editing(s).remove("export", "daily", s.get("export", "daily").tag),
        "daily",
    ),
    "a rename that others need": (
        lambda s: editing(s).rename("export", "daily", "d", s.get("export", "daily").tag),
        "daily",
    ),
    "a connection in use": (lambda s: editing(s).remove("connection", "drop", s.get("connection", "drop").tag), "drop"),
    "an invalid text": (lambda s: editing(s).create("export", "new", "kind: dataset-export\n"), "datasets"),
    "no YAML": (lambda s: editing(s).create("export", "new", "a: ["), "new.yaml"),
    "a secret": (
        lambda s: editing(s).create(
            "connection", "new", "type: local\nairflow_conn_id: out\npassword: hunter2-hunter2\n"
        ),
        "secret",
    ),
    "ten megabytes": (lambda s: editing(s).create("export", "new", DAILY + "#" * 10**7), "10,000,"),
    "a lone surrogate": (lambda s: editing(s).create("export", "new", DAILY + "owner: \ud800\n"), "new.yaml"),
    "a dataset alone": (lambda s: editing(s).create("dataset", "new", "{}"), "shares its file"),
    "a dataset that is exported": (
        lambda s: editing(s).replace("dataset", "orders", OTHER, s.get("dataset", "orders").tag),
        "dataset orders cannot be removed: daily, follows deliver it",
    ),
    "an export that is gone": (lambda s: editing(s).remove("export", "gone", STALE), "no export is named"),
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


def test_an_exported_dataset_is_removed_from_its_exports_first(store: Store) -> None:
    tag = store.get("dataset", "orders").tag
    drafts = store.replacing("dataset", "orders", OTHER, tag)
    exports = [
        *store.removing("export", "follows", store.get("export", "follows").tag),
        *store.replacing("export", "daily", DAILY.replace("orders", "parts"), store.get("export", "daily").tag),
    ]
    with pytest.raises(DefinitionError, match="the export daily delivers it") as refused:
        store.change([*drafts, exports[0]], ANNA.author, "Remove orders")
    assert "remove it from this export first" in refused.value.page()
    store.change([*drafts, *exports], ANNA.author, "Remove orders")
    assert files(store.folder)["catalog/datasets.yaml"] == OTHER


def test_a_dataset_that_is_exported_as_a_segment(include: Path) -> None:
    store = Store(include)
    people = "{kind: profile, key: id, source: {type: parquet, airflow_conn_id: l, path: p}}"
    orders = (include / "catalog" / "datasets.yaml").read_text()
    (include / "catalog" / "datasets.yaml").write_text(f"{orders}\npeople: {people}\n")
    (include / "catalog" / "segments.yaml").write_text("adults: {dataset: people, where: id > 18}\n")
    text = "kind: segment-export\nconnection: drop\nsegments: [adults]\nfields: [id]\n"
    editing(store).create("export", "mailing", text)
    with pytest.raises(DefinitionError, match="dataset people cannot be removed: the export mailing delivers it"):
        editing(store).replace("dataset", "people", orders, store.get("dataset", "people").tag)


@pytest.mark.parametrize(
    ("overrides", "then"), [("parts: {mode: full}", ""), ("parts: {}, orders: {}", "overrides: {orders: {}}")]
)
def test_a_feed_that_is_removed_takes_its_override_with_it(include: Path, overrides: str, then: str) -> None:
    orders = (include / "catalog" / "datasets.yaml").read_text()
    (include / "catalog" / "datasets.yaml").write_text(f"{orders}\n{OTHER}\n")
    (include / "exports" / "daily.yaml").write_text(
        f"{DAILY.replace('orders', 'orders, parts')}overrides: {{{overrides}}}"
    )
    store = Store(include)
    drafts = changing_feeds(store, "daily", [], ["parts"], store.get("export", "daily").tag)
    store.change(drafts, ANNA.author, "Remove parts")
    changed = (include / "exports" / "daily.yaml").read_text()
    assert "parts" not in changed
    assert (then in changed) if then else ("overrides" not in changed)


def test_a_stale_edit_has_the_current_text(store: Store) -> None:
    with pytest.raises(StaleError) as stale:
        editing(store).replace("export", "daily", AFTER, STALE)
    assert stale.value.current == DAILY.encode()


def test_of_two_edits_of_one_text_one_wins(store: Store) -> None:
    tag, start = store.get("export", "daily").tag, threading.Barrier(8)
    failures: list[SluiceError] = []

    def edit(number: int) -> None:
        start.wait()
        try:
            editing(store).replace("export", "daily", f"{DAILY}owner: editor-{number}\n", tag)
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
    eve = Actor("Eve <x>\nCommitter: Mallory", administrator=True, email="eve@example.com")
    editing(store, eve).create("export", "weekly", DAILY)
    editing(store).rename("export", "weekly", "monthly", tag_of(DAILY.encode()))
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
        editing(store).replace("export", "daily", DAILY, store.get("export", "daily").tag)
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
        "create": lambda: editing(store).create("export", "new", DAILY),
        "replace": lambda: editing(store).replace("export", "follows", DAILY, tag),
        "rename": lambda: editing(store).rename("export", "follows", "later", tag),
    }
    with pytest.raises(FatalError, match="not on Fridays"):
        acts[change]()
    assert files(tree) == before
    assert git(tree, "status", "--porcelain") == ""


def test_a_folder_in_no_working_tree_is_named(include: Path) -> None:
    with pytest.raises(FatalError, match="git"):
        editing(GitStore(include)).create("export", "new", DAILY)
    assert not (include / "exports" / "new.yaml").exists()


def test_a_read_only_store_gives_a_patch_that_applies(tree: Path, tmp_path: Path) -> None:
    store = ReadOnlyStore(tree)
    changes: list[Callable[[], object]] = [
        lambda: editing(store).create("export", "new", DAILY.rstrip("\n")),
        lambda: editing(store).replace("export", "daily", f'{DAILY}schedule: "off"\n', tag_of(DAILY.encode())),
        lambda: editing(store).remove("export", "follows", tag_of(AFTER.encode())),
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
            editing(Store(closed)).create("export", "new", DAILY)
        assert "+++ b/exports/new.yaml" in refused.value.patch
    else:
        pytest.skip("this filesystem lets root write everywhere")
