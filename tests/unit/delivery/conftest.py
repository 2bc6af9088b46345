"""Processes that a test kills leave their marks: no test waits until they disappear."""

from __future__ import annotations

import pytest

from sluice.delivery import abort


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abort, "PAUSES", (0.01,))
