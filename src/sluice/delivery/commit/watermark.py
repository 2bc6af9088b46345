"""The watermark of an incremental export: which delivery was the last, and how far it has come.

The log of the export's deliveries holds it. Airflow keeps a copy: for its pages, and to tell that staging was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from sluice.sources.position import Position

SMALL = 50_000
"""Bytes of a watermark whose copy Airflow keeps whole: its store takes 65,535."""


class Watermark(BaseModel):
    """How far one export has come. In Airflow's copy, positions that are large lie in staging: `staged` names the
    file."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The flow run id of the last delivery."""
    run_id: str
    """The same run, in Airflow's words."""
    previous: str | None
    """The flow run id of the delivery before it."""
    number: int = 0
    """The delivery's number in the export's log; 0 from before there was one."""
    published_at: str
    definition_hash: str
    feeds: Mapping[str, Position] = {}
    """How far each feed has been delivered."""
    staged: str | None = None


class Watermarks(Protocol):
    """Keeps a copy of each export's watermark, outside staging. It cannot compare and set, so nothing is decided by
    it."""

    def get(self, export: str) -> Mapping[str, Any] | None:
        """The value last set; None where there is none."""
        ...

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        """Replace the value, at once."""
        ...


class NoWatermarks:
    """For runs outside Airflow, each of which delivers everything."""

    def get(self, export: str) -> Mapping[str, Any] | None:  # noqa: ARG002 - the protocol's words
        return None

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        """Forget it."""


class Basis(BaseModel):
    """What an incremental run starts from, fixed when it pins its first feed. It travels in the run's staging."""

    model_config = ConfigDict(frozen=True)

    number: int | None = None
    """The number of the export's last delivery, 0 before the first; None where schema 1 has staged this."""
    previous: str | None = None
    """The flow run id of the delivery that this one follows; None for the first."""
    feeds: Mapping[str, Position] = {}
    """How far each feed had been delivered by then."""
