"""Which delivery follows which: the guard around the watermark of an export.

The store that keeps watermarks cannot compare and set, and a run may die, or sleep, between any two of its acts. So a
run announces itself in staging before it writes its manifest:

- A run that has died between manifest and watermark is found by the next one, which moves the watermark in its place.
- A run that has died, or sleeps, before its manifest is revoked by the next one. Should it wake up, it finds itself
  revoked and publishes nothing; and where it slept so close to the manifest's write that it looks only afterwards, it
  takes the manifest back. If it dies even there, the run after takes it back.
- A run whose predecessor is no longer the last delivery refuses, before its manifest and before the watermark.

What is left: a run that sleeps within the write of its manifest, while another publishes, shows that manifest until
it wakes up and looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.delivery.since.watermark import Basis, Watermark, Watermarks
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.plan.model import Plan
from sluice.sources.position import Position

SMALL = 50_000
"""Bytes of a watermark that is kept as it is: Airflow's store takes 65,535."""


REMEMBERED = 10
"""Revoked runs that may still wake up."""


class Announced(BaseModel):
    """A delivery that is about to be published, or was: an immutable file in staging, named by its run."""

    model_config = ConfigDict(frozen=True)

    manifest: str
    watermark: Watermark
    """As it will be when the delivery is published."""


class Succession:
    """The deliveries of one export, as one of its runs sees them."""

    def __init__(self, plan: Plan, connections: Connections, watermarks: Watermarks) -> None:
        self._plan = plan
        self._run = str(plan.run.id)
        self._watermarks = watermarks
        folder = f"{plan.staging.path}/deliveries/{plan.export.name}".lstrip("/")
        self._opened = open_filesystem(connections, plan.staging.airflow_conn_id, folder)

    def current(self) -> Watermark | None:
        """The last delivery; None before the first. Raises `FatalError` where staging has lost its positions."""
        value = self._watermarks.get(self._plan.export.name)
        if value is None:
            return None
        found = Watermark.model_validate(value)
        if found.staged is None:
            return found
        body = self._opened.find_bytes(found.staged)
        if body is None:
            raise FatalError(
                f"staging has lost {self._opened.at(found.staged)}: how far {self._plan.export.name} was delivered is"
                " not known",
                next_step="restore the file, or trigger a run with the mode `full`, which delivers everything",
            )
        return Announced.model_validate_json(body).watermark

    def basis(self, destination: Destination) -> Basis:
        """What this run starts from. Settles first what former runs have left undone."""
        current = self._settled(destination)
        return Basis(previous=current.run, feeds=current.feeds) if current else Basis()

    def admit(self, basis: Basis, destination: Destination) -> None:
        """Raises `FatalError` unless this run may still publish what follows `basis`."""
        current = self.current()
        last = current.run if current else None
        if last not in (basis.previous, self._run):
            raise self._refused(f"run {current.run_id if current else 'unknown'} has published in the meantime")
        for rival in self._after(basis.previous):
            if rival.watermark.run != self._run and destination.stat(rival.manifest) is not None:
                raise self._refused(f"run {rival.watermark.run_id} has published the same rows in the meantime")

    def announce(self, basis: Basis, delivered: Mapping[str, Position], now: datetime) -> Watermark:
        """Write down what is about to be published. From here on another run can finish it."""
        watermark = Watermark(
            run=self._run,
            run_id=self._plan.run.run_id,
            previous=basis.previous,
            published_at=now.isoformat(timespec="seconds"),
            definition_hash=self._plan.definition_hash,
            feeds={**basis.feeds, **delivered},
        )
        announced = Announced(manifest=self._plan.manifest, watermark=watermark)
        self._opened.write_bytes(_announced(self._run), announced.model_dump_json().encode())
        return watermark

    def confirm(self, basis: Basis, destination: Destination) -> None:
        """The last look before the manifest. Raises `FatalError` where a later run has taken this one's place."""
        if not self._opened.exists(_announced(self._run)):
            raise self._refused("a later run has begun in its place")
        self.admit(basis, destination)

    def stand(self, destination: Destination) -> None:
        """The first look after the manifest: where this run was revoked meanwhile, the manifest is taken back."""
        if self._opened.exists(_revoked(self._run)):
            destination.remove([self._plan.manifest])
            raise self._refused("a later run has begun in its place while its manifest was written")

    def move(self, watermark: Watermark) -> None:
        """The last act of a delivery, or of whoever finishes it. Moves forward only."""
        current = self.current()
        last = current.run if current else None
        if last == watermark.run or (current and current.previous == watermark.run):
            return
        if last != watermark.previous:
            raise FatalError(
                f"{self._plan.export.name}: run {watermark.run_id} comes too late to move the watermark, which is at"
                f" run {current.run_id if current else 'unknown'} already; it is left there",
                next_step="compare the two manifests: each names the delivery that it follows",
            )
        value = watermark.model_dump(mode="json")
        if len(watermark.model_dump_json()) > SMALL:
            value |= {"feeds": {}, "staged": _announced(watermark.run)}
        self._watermarks.set(self._plan.export.name, value)
        self._forget(watermark.run)

    def _settled(self, destination: Destination) -> Watermark | None:
        """The last delivery, once every one that was published has moved the watermark."""
        current = self.current()
        while True:
            after = list(self._after(current.run if current else None))
            done = [one for one in after if destination.stat(one.manifest) is not None]
            for one in after:
                if one not in done and one.watermark.run != self._run:
                    self._revoke(one)
            if not done:
                break
            self.move(done[0].watermark)
            current = done[0].watermark
        last = (current.run, current.previous) if current else ()
        late = [one for one in self._all("revoked") if one.watermark.run not in last]
        destination.remove([one.manifest for one in late if destination.stat(one.manifest) is not None])
        return current

    def _after(self, run: str | None) -> Iterator[Announced]:
        """What was announced to follow a delivery."""
        return (one for one in self._all("announced") if one.watermark.previous == run and one.watermark.run != run)

    def _all(self, folder: str) -> Iterator[Announced]:
        for file in self._opened.list(folder):
            body = self._opened.find_bytes(file.name) if file.name.endswith(".json") else None
            if body is not None:
                yield Announced.model_validate_json(body)

    def _revoke(self, announced: Announced) -> None:
        run = announced.watermark.run
        self._opened.write_bytes(_revoked(run), announced.model_dump_json().encode())
        self._opened.remove([_announced(run)])

    def _forget(self, run: str) -> None:
        """What was announced beside a delivery is settled: whoever comes back to it finds it gone. A revoked run is
        remembered for a while; the one that was published all the same, no longer."""
        self._opened.remove(f.name for f in self._opened.list("announced") if f.name != _announced(run))
        revoked = sorted(self._opened.list("revoked"), key=lambda file: file.modified)
        self._opened.remove([*(file.name for file in revoked[:-REMEMBERED]), _revoked(run)])

    def _refused(self, why: str) -> FatalError:
        return FatalError(
            f"{self._plan.export.name}: {why}: this run publishes nothing, so that no row is delivered twice",
            next_step="nothing: the next run delivers what is not delivered yet; or clear this one from `extract` on",
        )


def _announced(run: str) -> str:
    return f"announced/{run}.json"


def _revoked(run: str) -> str:
    return f"revoked/{run}.json"
