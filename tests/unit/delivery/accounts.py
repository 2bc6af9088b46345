"""A simulated year whose deliveries are added up: at the destination, and in the index of runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sluice.definition.models.project import Staging
from sluice.delivery.resend import load_run, publish_again
from sluice.delivery.staging import StagedRun
from sluice.delivery.upload.receipts import NoReceipts
from sluice.errors import FatalError
from sluice.licence.usage import KIND
from sluice.runs.index import Index
from sluice.runs.volume import Volume
from tests.unit.delivery.year import EXPORT, Year


@dataclass
class Accounts(Year):
    """Deliveries are also sent again, and every run is ended, as its last task does."""

    started: dict[str, StagedRun] = field(default_factory=dict)

    def live(self, hours: int) -> None:
        for _ in range(hours):
            super().live(1)
            if self._old and self._happens(0.15, "resent"):
                self.resend(self.random.choice(self._old[-10:]))

    def steps(self, run_id: str, **run: object) -> bool:
        self.started[run_id] = StagedRun.of(self.world.plan(EXPORT, run_id, **run))
        return super().steps(run_id, **run)

    def resend(self, run_id: str) -> None:
        """As the tasks of a run that was started to send another one again. Many have sent nothing, or their data is
        gone."""
        try:
            extracted = load_run(Staging(), EXPORT, run_id, self.world)
            staged = StagedRun.from_extracted(extracted.model_dump())
            self.world.upload(staged, NoReceipts())
            publish_again(staged, self.world, self.world.now)
            self.seen["sent again"] += 1
        except FatalError:
            self.seen["could not be sent again"] += 1

    def end(self) -> None:
        """End every run: what was sent and not published is taken back, and every delivery is reported."""
        for staged in self.started.values():
            self.seen["taken back"] += self.world.abort(staged).removed > 0

    def counted(self) -> Volume:
        """What a licence would be charged for."""
        index = Index.of(Staging(), self.world)
        index.refresh()
        found = index.volume(date(2000, 1, 1), date(2100, 1, 1), ("kind",))
        assert set(found) == {(KIND,)}
        return found[KIND,]

    def at_destination(self) -> Volume:
        """Every delivery that its manifest shows, and the bytes of its files on the disk."""
        manifests = self.manifests()
        assert len({one.flowRunId for one in manifests}) == len(manifests)
        drop = self.world.root / "out" / "drop"
        sizes = [(drop / part.path).stat().st_size for one in manifests for part in one.exportResults]
        assert sum(sizes) == sum(one.bytes for one in manifests)
        files, records = sum(one.files for one in manifests), sum(one.records for one in manifests)
        return Volume(len(manifests), files, records, sum(sizes))


def check_accounts(year: Accounts) -> None:
    """To the byte."""
    year.end()
    assert year.counted() == year.at_destination()
    missing = [what for what in ("sent again", "taken back", "cleared", "backfill") if not year.seen[what]]
    assert not missing, f"nothing of this has happened: {missing}; {year.seen}"
