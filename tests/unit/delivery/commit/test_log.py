"""Logs on a disk: what the interleavings assume of them, and how long they grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.delivery.commit import deliveries
from sluice.delivery.commit.deliveries import Claim, Deliveries
from sluice.delivery.commit.log import Log
from sluice.errors import FatalError
from sluice.filesystem import Opened, open_filesystem
from tests.builders import World


@pytest.fixture
def folder(tmp_path: Path) -> Opened:
    return open_filesystem(World(tmp_path), "sluice_staging", "log")


def test_an_entry_is_created_once(folder: Opened) -> None:
    assert Log(folder).append(1, b"a", anchor=1)
    assert not Log(folder).append(1, b"b", anchor=1)
    assert Log(folder).read(1) == b"a"


def test_one_that_slept_while_the_log_was_removed_decides_nothing(folder: Opened) -> None:
    asleep = Log(folder)
    assert asleep.append(1, b"a", anchor=1)
    Log(folder).remove([1])
    assert not asleep.append(2, b"b", anchor=1)
    assert Log(folder).numbers() == []


def test_a_server_that_ignores_the_condition_is_found_out(folder: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Opened, "create", lambda *_: True)
    with pytest.raises(FatalError, match="was created twice") as refused:
        Log(folder).append(1, b"a", anchor=1)
    assert "sluice check --connect" in refused.value.next_step


def claim(number: int, run: str, opened: int = 1) -> Claim:
    return Claim(number=number, run=run, run_id=run, opened=opened, manifest="manifest")


def test_another_opening_of_a_run_has_no_place_of_the_former(folder: Opened) -> None:
    places = Deliveries(folder, lambda _: None)
    assert places.claim(claim(1, "r1"))
    assert places.claim(claim(1, "r1")), "another process of the same opening"
    assert not places.claim(claim(1, "r1", opened=2))


def test_the_log_of_deliveries_does_not_grow_for_ever(folder: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "KEPT", 3)
    for number in range(1, 7):
        assert Deliveries(folder, lambda _: None).claim(claim(number, f"r{number}"))
    assert Log(folder).numbers() == [4, 5, 6]
    assert not Deliveries(folder, lambda _: None).claim(claim(3, "asleep"))
