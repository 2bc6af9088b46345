"""The watermark of an incremental export: its last delivery, and how far that has come.

The log of the export's deliveries holds it. Airflow keeps a copy, for its pages and to detect that staging was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from sluice.sources.position import Position

SMALL = 50_000
"""The most bytes of a watermark that is copied to Airflow in full; Airflow's store accepts 65,535."""


class Watermark(BaseModel):
    """How far one export has come. If the positions are large, Airflow's copy omits them, and `staged` names the file
    in staging that has them."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The flow run id of the last delivery."""
    run_id: str
    """Its Airflow run id."""
    previous: str | None
    """The flow run id of the delivery before it."""
    number: int = 0
    """The delivery's number in the export's log; 0 if it is older than the log."""
    published_at: str
    definition_hash: str
    feeds: Mapping[str, Position] = {}
    """How far each feed has been delivered."""
    staged: str | None = None


class Watermarks(Protocol):
    """Keeps a copy of each export's watermark, outside staging. It has no compare-and-set, so no decision depends on
    it."""

    def get(self, export: str) -> Mapping[str, Any] | None:
        """The last value; None if there is none."""
        ...

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        """Replace the value immediately."""
        ...


class NoWatermarks:
    """For runs outside Airflow, which always deliver everything."""

    def get(self, export: str) -> Mapping[str, Any] | None:  # noqa: ARG002 - the protocol's parameter
        return None

    def set(self, export: str, value: Mapping[str, Any]) -> None:
        """Do nothing."""


class Basis(BaseModel):
    """The starting point of an incremental run, fixed when it pins its first feed and kept in the run's staging."""

    model_config = ConfigDict(frozen=True)

    number: int | None = None
    """The number of the export's last delivery, 0 before the first; None if schema 1 has staged this."""
    previous: str | None = None
    """The flow run id of the delivery that this one follows; None for the first."""
    feeds: Mapping[str, Position] = {}
    """How far each feed was delivered at that time."""
