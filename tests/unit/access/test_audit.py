"""The audit log: many writers, newest first, and how much is read."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluice.access.actor import Actor
from sluice.access.audit import Audit, Entry, Text, entry
from sluice.access.may import Subject
from sluice.definition.models.project import Staging
from sluice.errors import FatalError
from sluice.filesystem import Opened
from tests.builders import World

ANNA = Actor("anna", frozenset({"marketing", "b"}))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def audit(world: World) -> Audit:
    return Audit(Staging(), world)


def did(number: int, subject: str = "orders") -> Entry:
    return entry(ANNA, f"verb-{number}", [Subject("export", subject)], "done")


def verbs(log: Audit, subject: str = "", before: int | None = None) -> list[str]:
    return [one.verb for _, one in log.newest(subject, before=before)]


def test_an_empty_log_has_no_entries(world: World) -> None:
    assert audit(world).last() == 0
    assert verbs(audit(world)) == []


def test_an_entry_says_who_did_what_and_when(world: World) -> None:
    texts = [Text(file="exports/a.yaml", before="é: 1\n", after=None)]
    subjects = [Subject("export", "a"), Subject("export", "a"), Subject("catalog")]
    written = entry(ANNA, "edit-export", subjects, "failed", why=FatalError("full", next_step="free it"), texts=texts)
    audit(world).append(written)
    [(number, read)] = audit(world).newest()
    assert (number, read) == (1, written)
    assert abs((datetime.now(UTC) - read.at).total_seconds()) < 60
    assert (read.actor, read.roles, read.administrator) == ("anna", ("b", "marketing"), False)
    assert read.subjects == ("export a", "catalog")
    assert read.why == "full\n  next: free it"


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 120])
def test_newest_first_by_every_road(count: int, world: World) -> None:
    log = audit(world)
    for number in range(1, count + 1):
        log.append(did(number, "orders" if number % 2 else "parcels"))
    expected = [f"verb-{number}" for number in range(count, 0, -1)]
    assert verbs(audit(world)) == verbs(log) == expected
    assert audit(world).last() == count
    assert verbs(log, before=count) == expected[1:]
    assert verbs(log, "orders") == verbs(log, "export orders") == [one for one in expected if int(one[5:]) % 2]
    assert verbs(log, "nothing") == []


def test_a_page_reads_no_more_than_a_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    log = audit(world)
    for number in range(1, 201):
        log.append(did(number))
    read: list[str] = []
    find = Opened.find_bytes
    monkeypatch.setattr(Opened, "find_bytes", lambda self, name: read.append(name) or find(self, name))
    monkeypatch.setattr(Opened, "list", lambda *_: pytest.fail("the whole folder is listed"))
    newest = audit(world).newest()
    assert next(newest)[1].verb == "verb-200"
    assert len(read) < 20 + 50


def test_many_writers_lose_nothing(world: World) -> None:
    def write(writer: int) -> None:
        log = audit(world)
        for number in range(10):
            log.append(did(writer * 100 + number))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verbs(audit(world))) == sorted(f"verb-{w * 100 + n}" for w in range(6) for n in range(10))


def test_entries_are_never_replaced(world: World) -> None:
    audit(world).append(did(1))
    file = next((world.root / "sluice_staging").rglob("entry.json"))
    before = file.read_bytes()
    audit(world).append(did(2))
    assert file.read_bytes() == before
    assert file.relative_to(world.root / "sluice_staging") == Path("staging/audit/00000001/entry.json")


def test_two_equal_actions_are_two_entries(world: World) -> None:
    """They differ in their time at least, so the second is not taken for a retry of the first."""
    log = audit(world)
    log.append(did(1))
    log.append(did(1))
    assert len(verbs(log)) == 2
