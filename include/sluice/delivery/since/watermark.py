"""The watermark of an incremental export: which delivery was the last, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from sluice.sources.position import Position


class Watermark(BaseModel):
    """One small value an export. Where its positions are large, they lie in staging and `staged` names the file."""

    model_config = ConfigDict(frozen=True)

    run: str
    """The flow run id of the last delivery."""
    run_id: str
    """The same run, in Airflow's words."""
    previous: str | None
    """The flow run id of the delivery before it."""
    published_at: str
    definition_hash: str
    feeds: Mapping[str, Position] = {}
    """How far each feed has been delivered."""
    staged: str | None = None


class Watermarks(Protocol):
    """Keeps the watermark of each export: outlives runs, knows no comparing and setting at once."""

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

    previous: str | None = None
    """The flow run id of the delivery that this one follows; None for the first."""
    feeds: Mapping[str, Position] = {}
    """How far each feed had been delivered by then."""
