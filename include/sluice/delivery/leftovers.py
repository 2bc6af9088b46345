"""Names that a run may have sent parts under before it was planned or pinned anew: they are no longer its plan's."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from sluice.delivery.staging import Stage
from sluice.destinations.base import Destination


class Leftovers(BaseModel):
    """Staged before what they follow from is replaced, and never shortened: a name that is not there costs nothing."""

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...] = ()


def leftovers(stage: Stage) -> tuple[str, ...]:
    """What former plans of this run may have left."""
    return (stage.find("leftovers", Leftovers) or Leftovers()).names


def remember(names: Iterable[str], stage: Stage) -> None:
    """Add to them; nothing is written where there is nothing new."""
    before = leftovers(stage)
    after = tuple(sorted({*before, *names}))
    if after != before:
        stage.write("leftovers", Leftovers(names=after))


def present_of(names: Iterable[str], destination: Destination) -> list[str]:
    """Those of the names that are at the destination, which is asked for their folders alone."""
    wanted = set(names)
    folders = {name.rpartition("/")[0] for name in wanted}
    return sorted({stored.name for folder in folders for stored in destination.list(folder)} & wanted)
