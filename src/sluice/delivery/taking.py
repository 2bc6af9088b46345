"""Take the names of a run's files before the first is sent, and withdraw the delivery that they replace."""

from __future__ import annotations

from sluice.delivery.cleaning.leftovers import names_of, remember
from sluice.delivery.commit.names import Names
from sluice.delivery.staging import Stage
from sluice.delivery.verify import read_manifest, triggers_in
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.access import Connections
from sluice.plan.model import Plan


def take_names(plan: Plan, stage: Stage, destination: Destination, connections: Connections, opened: int) -> None:
    """Claim the file names. Names that contain the run's id are unique, and need no claim.

    Raises `FatalError` if another run has them, before anything is sent."""
    names = Names(plan, destination, connections)
    for replaced in names.claim(opened, lambda feed: names_of(plan, stage, [feed])):
        withdraw(replaced.manifest, plan, stage, destination)


def withdraw(manifest: str, plan: Plan, stage: Stage, destination: Destination) -> None:
    """Remove the trigger files and the manifest of the delivery that this one replaces: from now on, its files are
    replaced one by one. Those that have no successor are removed when this run is published, or aborted."""
    if not plan.connection.destination.stays:
        return
    try:
        before = read_manifest(manifest, destination)
    except FatalError:
        if destination.stat(manifest) is None:  # another task of this run was faster
            return
        raise
    triggers = triggers_in(before)
    remember([*(part.path for part in before.exportResults), *triggers], stage)
    destination.remove(triggers)
    destination.remove([manifest])
