"""Rights, store and audit log in one: what is written, by whom, and what is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sluice.access.actor import Actor
from sluice.access.audit import Entry
from sluice.access.editor import Editor, perform
from sluice.access.may import Refused, Subject
from sluice.definition.declarations import Declarations
from sluice.definition.edit.attach import attaching, detaching
from sluice.definition.edit.store import Store
from sluice.definition.edit.write import Draft, StaleError
from sluice.definition.load import load
from sluice.errors import DefinitionError, FatalError

EXPORT = "kind: dataset-export\nconnection: {}\ndatasets: [orders]\nmode: full\n"
FILES = {
    "connections/ours.yaml": "type: local\nairflow_conn_id: out\nshared_with: [marketing]\n",
    "connections/also-ours.yaml": "type: local\nairflow_conn_id: out\nshared_with: [marketing]\n",
    "connections/theirs.yaml": "type: local\nairflow_conn_id: out\nshared_with: [finance]\n",
    "catalog/datasets.yaml": "orders: {kind: event, key: id, source: {type: parquet, airflow_conn_id: l, path: o}}\n",
    "exports/mine.yaml": EXPORT.format("ours"),
    "exports/foreign.yaml": EXPORT.format("theirs"),
    "exports/lost.yaml": EXPORT.format("nowhere"),
    "exports/detached.yaml": EXPORT.replace("connection: {}\n", ""),
}
ANNA = Actor("anna", frozenset({"marketing"}), email="anna@example.com")
ROOT = Actor("root", administrator=True)


@dataclass
class Recorded:
    """A recorder in memory, which can be out of order."""

    entries: list[Entry] = field(default_factory=list)
    unreachable: bool = False
    full: bool = False

    def ready(self) -> None:
        if self.unreachable:
            raise FatalError("no staging")

    def append(self, entry: Entry) -> None:
        if self.full:
            raise FatalError("the disk is full")
        self.entries.append(entry)

    @property
    def told(self) -> list[tuple[str, str, tuple[str, ...], str]]:
        return [(one.actor, one.verb, one.subjects, one.outcome) for one in self.entries]


@pytest.fixture
def include(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "include" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "include" / name).write_text(text)
    return tmp_path / "include"


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def editor(include: Path, actor: Actor, recorded: Recorded) -> Editor:
    return Editor(Store(include), actor, recorded)


def tag(include: Path, name: str) -> str:
    return Store(include).get("export", name).tag


def test_a_contributor_creates_edits_renames_and_removes(include: Path, recorded: Recorded) -> None:
    anna = editor(include, ANNA, recorded)
    anna.create("export", "new", EXPORT.format("ours"))
    anna.replace("export", "new", EXPORT.format("also-ours"), tag(include, "new"))
    anna.rename("export", "new", "newer", tag(include, "new"))
    anna.remove("export", "newer", tag(include, "newer"))
    assert recorded.told == [
        ("anna", "create-export", ("export new",), "done"),
        ("anna", "edit-export", ("export new",), "done"),
        ("anna", "rename-export", ("export new", "export newer"), "done"),
        ("anna", "remove-export", ("export newer",), "done"),
    ]
    texts = [text for one in recorded.entries[:2] for text in one.texts]
    assert [(one.file, one.before, one.after) for one in texts] == [
        ("exports/new.yaml", None, EXPORT.format("ours")),
        ("exports/new.yaml", EXPORT.format("ours"), EXPORT.format("also-ours")),
    ]
    assert {path.name for path in (include / "exports").iterdir()} == {
        "mine.yaml",
        "foreign.yaml",
        "lost.yaml",
        "detached.yaml",
    }


@pytest.mark.parametrize(
    ("name", "connection"), [("foreign", "theirs"), ("foreign", "ours"), ("mine", "theirs"), ("lost", "ours")]
)
def test_an_edit_needs_every_connection_that_it_touches(
    name: str, connection: str, include: Path, recorded: Recorded
) -> None:
    text = EXPORT.format(connection) + "retries: 5\n"
    with pytest.raises(Refused):
        editor(include, ANNA, recorded).replace("export", name, text, tag(include, name))
    assert (include / "exports" / f"{name}.yaml").read_text() == FILES[f"exports/{name}.yaml"]
    assert recorded.told == [("anna", "edit-export", (f"export {name}",), "refused")]
    assert recorded.entries[0].why.startswith("anna may not edit export")
    assert recorded.entries[0].texts == ()
    editor(include, ROOT, recorded).replace("export", name, text, tag(include, name))
    assert recorded.told[1:] == [("root", "edit-export", (f"export {name}",), "done")]


DETACHED = FILES["exports/detached.yaml"]


def test_a_contributor_detaches_and_attaches_again(include: Path, recorded: Recorded) -> None:
    anna, store, path = editor(include, ANNA, recorded), Store(include), include / "exports" / "mine.yaml"
    anna.change("detach-export", detaching(Declarations(store.folder), ["mine"]), "x")
    assert path.read_text() == DETACHED
    for change in (
        lambda: anna.replace("export", "mine", DETACHED + "retries: 5\n", tag(include, "mine")),
        lambda: anna.rename("export", "mine", "yours", tag(include, "mine")),
        lambda: anna.remove("export", "mine", tag(include, "mine")),
        lambda: anna.create("export", "new", DETACHED),
        lambda: anna.change("edit-export", attaching(Declarations(store.folder), "mine", "theirs"), "x"),
        lambda: anna.change("detach-export", detaching(Declarations(store.folder), ["foreign"]), "x"),
        lambda: anna.change("detach-export", detaching(Declarations(store.folder), ["lost"]), "x"),
    ):
        with pytest.raises(Refused):
            change()
    anna.change("edit-export", attaching(Declarations(store.folder), "mine", "also-ours"), "x")
    assert path.read_text() == EXPORT.format("also-ours")
    assert [one.outcome for one in recorded.entries] == ["done", *["refused"] * 7, "done"]
    assert {name: (include / name).read_text() for name in FILES if "mine" not in name} == {
        name: text for name, text in FILES.items() if "mine" not in name
    }


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (EXPORT.format("nowhere"), ""),
        (EXPORT.format("Not A Name"), ""),
        (EXPORT.format(""), ""),
        (EXPORT.format("[theirs]"), ""),
        (EXPORT.format("&c theirs").replace("connection", "conection"), ""),
        (DETACHED + "colour: red\n", ""),
        (DETACHED, "defaults: {connection: theirs}\n"),
        (DETACHED, "defaults: {connection: nowhere}\n"),
        (DETACHED, "defaults: {connection: [\n"),
        ("kind: [\n", ""),
    ],
)
def test_an_export_that_is_not_detached_for_sure_is_attached_by_administrators_only(
    text: str, settings: str, include: Path, recorded: Recorded
) -> None:
    """Its connection is invalid, missing, unknown, or another's: a contributor could take an export over."""
    (include / "exports" / "mine.yaml").write_text(text)
    (include / "project.yaml").write_text(settings or "sandbox: test\n")
    with pytest.raises(Refused):
        editor(include, ANNA, recorded).replace("export", "mine", EXPORT.format("ours"), tag(include, "mine"))
    assert (include / "exports" / "mine.yaml").read_text() == text


def test_an_administrator_detaches_what_names_no_connection_of_the_project(include: Path, recorded: Recorded) -> None:
    root, store = editor(include, ROOT, recorded), Store(include)
    root.change("detach-export", detaching(Declarations(store.folder), ["lost", "foreign", "detached"]), "x")
    assert {(include / "exports" / f"{name}.yaml").read_text() for name in ("lost", "foreign")} == {DETACHED}
    assert set(load(include).project.detached) == {"lost", "foreign", "detached"}


def test_a_verb_does_not_open_files_that_it_does_not_act_on(include: Path, recorded: Recorded) -> None:
    """Sharing a connection with oneself, under whatever name."""
    path = include / "connections" / "theirs.yaml"
    draft = Draft(path, path.read_bytes(), path.read_bytes().replace(b"finance", b"marketing"))
    around = Draft(include / "exports" / ".." / "connections" / "theirs.yaml", draft.before, draft.after)
    anna = editor(include, ANNA, recorded)
    for verb in ("schedule-export", "edit-connection", "view-destinations"):
        with pytest.raises(Refused):
            anna.change(verb, [draft], "x")
    for stray in (around, Draft(include / "notes.txt", None, b"x"), Draft(include.parent / "x.yaml", None, b"x")):
        with pytest.raises(FatalError, match="is not a file of declarations"):
            anna.change("edit-export", [stray], "x")
    for family, file in (("dataset", "catalog/datasets.yaml"), ("connection", "connections/theirs.yaml")):
        with pytest.raises(Refused):
            anna.change(f"edit-{family}", [Draft(include / file, (include / file).read_bytes(), b"")], "x")
    mine = include / "exports" / "mine.yaml"
    with pytest.raises(Refused):  # one of two
        anna.change("edit-export", [Draft(mine, mine.read_bytes(), mine.read_bytes() + b"# x\n"), draft], "x")
    assert {name: (include / name).read_text() for name in FILES} == FILES


def test_administrators_change_connections_and_the_catalog(include: Path, recorded: Recorded) -> None:
    root = editor(include, ROOT, recorded)
    root.create("connection", "third", FILES["connections/ours.yaml"])
    path = include / "catalog" / "datasets.yaml"
    root.change("edit-catalog", [Draft(path, path.read_bytes(), path.read_bytes() + b"# more\n")], "Add a comment")
    settings = include / "project.yaml"
    root.change("edit-settings", [Draft(settings, None, b"sandbox: test\n")], "Name the sandbox")
    assert recorded.told == [
        ("root", "create-connection", ("connection third",), "done"),
        ("root", "edit-catalog", ("catalog",), "done"),
        ("root", "edit-settings", ("project",), "done"),
    ]


def test_a_new_connection_gives_no_rights_to_its_own_creator(include: Path, recorded: Recorded) -> None:
    """An export may not move to a connection that the same change makes."""
    path, mine = include / "connections" / "trojan.yaml", include / "exports" / "mine.yaml"
    drafts = [
        Draft(path, None, FILES["connections/ours.yaml"].encode()),
        Draft(mine, mine.read_bytes(), EXPORT.format("trojan").encode()),
    ]
    with pytest.raises(Refused):
        editor(include, ANNA, recorded).change("edit-export", drafts, "x")
    assert not path.exists()


def test_what_the_store_refuses_is_recorded_as_failed(include: Path, recorded: Recorded) -> None:
    anna = editor(include, ANNA, recorded)
    with pytest.raises(DefinitionError, match="mood"):
        anna.replace("export", "mine", EXPORT.format("ours").replace("mode", "mood"), tag(include, "mine"))
    drafts = [Draft(include / "exports" / "mine.yaml", b"stale", EXPORT.format("ours").encode() + b"# new\n")]
    with pytest.raises(StaleError):
        anna.change("edit-export", drafts, "x")
    assert [one.outcome for one in recorded.entries] == ["failed", "failed"]
    assert "mood" in recorded.entries[0].why


def test_a_text_that_may_contain_a_secret_is_not_recorded(include: Path, recorded: Recorded) -> None:
    path = include / "connections" / "leaky.yaml"
    path.write_text("type: local\nairflow_conn_id: out\npassword: hunter2hunter2\n")
    clean = FILES["connections/ours.yaml"]
    editor(include, ROOT, recorded).replace("connection", "leaky", clean, Store(include).get("connection", "leaky").tag)
    assert recorded.entries[0].texts[0].before == "# not shown: this file may contain a secret\n"
    assert "hunter2" not in recorded.entries[0].model_dump_json()


def test_nothing_is_changed_if_nothing_can_be_recorded(include: Path, recorded: Recorded) -> None:
    recorded.unreachable = True
    with pytest.raises(FatalError, match="no staging"):
        editor(include, ROOT, recorded).create("export", "new", EXPORT.format("ours"))
    assert not (include / "exports" / "new.yaml").exists()


def test_a_change_that_could_not_be_recorded_afterwards_is_reported(include: Path, recorded: Recorded) -> None:
    recorded.full = True
    with pytest.raises(FatalError, match="it was done, but is not in the audit log: the disk is full"):
        editor(include, ROOT, recorded).create("export", "new", EXPORT.format("ours"))
    assert (include / "exports" / "new.yaml").exists()
    with pytest.raises(Refused):
        editor(include, ANNA, recorded).create("export", "newer", EXPORT.format("theirs"))


def test_other_actions_are_checked_and_recorded_too(recorded: Recorded) -> None:
    assert perform(ROOT, "run-export", [Subject("export", "mine")], lambda: "run_1", recorded) == "run_1"
    with pytest.raises(Refused):
        perform(ANNA, "run-export", [Subject("export", "mine")], lambda: pytest.fail("it ran"), recorded)
    assert [one.outcome for one in recorded.entries] == ["done", "refused"]
