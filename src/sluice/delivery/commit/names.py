"""Who may use file names that do not contain a run's id: one log for each pattern of names, which is never removed.

A run appends its claim before it sends anything. It may follow the claim of another run only if that run is over and
has left nothing: then nobody removes or writes files of these names any more but the run that has claimed them last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.log import Log
from sluice.delivery.commit.run_log import RunLog, State
from sluice.delivery.staging import StagedRun
from sluice.destinations.base import Destination
from sluice.destinations.lookup import find
from sluice.errors import FatalError, RetriableError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.plan.model import Plan

KEPT = 100
"""Claims of one pattern that its log keeps."""


class NameClaim(BaseModel):
    """The claim of one run."""

    model_config = ConfigDict(frozen=True)

    names: str
    """The address of the files, with `%PART%` or `%SPLIT%` in place of their numbers."""
    export: str
    run: str
    """Its flow run id."""
    run_id: str
    """Its Airflow run id."""
    opened: int
    """The opening of the run. A run that is opened again claims its names again, so that two runs that both find them
    free compete for one number."""
    manifest: str


@dataclass(frozen=True)
class Claims:
    """The claims of one pattern of names."""

    log: Log
    state_of: Callable[[NameClaim], State]
    """The state of the run that has made a claim."""
    replaces: bool = False
    """Whether a run may follow one that is published."""

    def last(self) -> NameClaim | None:
        """The claim that counts."""
        return next(iter(self._all()), None)

    def before(self, run: str) -> NameClaim | None:
        """The last claim of another run."""
        return next((claim for claim in self._all() if claim.run != run), None)

    def claim(self, mine: NameClaim, taken: Callable[[], str]) -> None:
        """Append a claim, unless it is the last one. `taken` gives the address of a file that has one of the names
        already; empty if there is none.

        Raises `FatalError` if another run has the names, or if there is such a file, and `RetriableError` while
        processes of the run before remove its files."""
        while not self._append(mine, taken):
            pass
        before = self.before(mine.run)
        if before is not None and self.state_of(before).removers:
            # It may have looked who has the names before this claim, and remove files that are sent from now on.
            raise RetriableError(
                f"run {before.run_id} of {before.export}, which had the same file names, is being cleaned up just now",
                next_step=f"run `sluice clean {before.export} --ended {before.run_id}` if no process of it is alive",
            )

    def _append(self, mine: NameClaim, taken: Callable[[], str]) -> bool:
        """Whether this claim is the last one. False if another process was faster: look again."""
        numbers = self.log.numbers()
        claims = [claim for number in numbers if (claim := self._read(number))]
        last = claims[-1] if claims else None
        if last == mine:
            return True
        if last is None or last.run != mine.run:
            if last is not None:
                self._check_over(last, again=mine in claims)
            if not self.replaces and (address := taken()):
                if self.last() == mine:  # another task of this run has claimed them, and sends
                    return True
                raise _exists(address)
        number = numbers[-1] + 1 if numbers else 1
        body = mine.model_dump_json().encode()
        if not self.log.append(number, body, anchor=numbers[0] if numbers else number):
            return False
        self.log.remove([one for one in numbers if one <= number - KEPT])
        return True

    def _check_over(self, last: NameClaim, *, again: bool) -> None:
        """Raises `FatalError` unless that run is over, and has left nothing or may be replaced. `again` says that it
        has replaced the files of this run already."""
        if again:
            raise _replaced(last)
        state = self.state_of(last)
        gone, published = state.act in (None, "dropping"), state.act == "published"
        over = state.closed and not state.removers
        if (over and (state.act == "aborting" or self.replaces)) or (gone and self.replaces):
            return
        waits = (
            f"when that run has ended, run `sluice clean {last.export}`, then clear this one; if no process of it is"
            f" alive, but it stays unfinished: `sluice clean {last.export} --ended {last.run_id}`"
        )
        differ = "trigger a new run, which is due at another time, or add %RUN_ID% to `file`"
        raise FatalError(
            f"run {last.run_id} of {last.export} has the same file names, {last.names}: nothing was sent",
            next_step=differ if (gone or published) and not self.replaces else waits,
        )

    def _all(self) -> Iterator[NameClaim]:
        """Every claim, the last one first."""
        return (claim for number in reversed(self.log.numbers()) if (claim := self._read(number)))

    def _read(self, number: int) -> NameClaim | None:
        body = self.log.read(number)
        return None if body is None else NameClaim.model_validate_json(body)


@dataclass(frozen=True)
class Names:
    """The names of one run's files, as far as other runs may have the same."""

    plan: Plan
    destination: Destination
    connections: Connections

    def claim(self, opened: int, names_of: Callable[[str], Sequence[str]]) -> list[NameClaim]:
        """Claim the names of every feed for this opening of the run. Returns the claims that they follow, of runs that
        this one replaces. `names_of` gives the names of one feed's files.

        Raises `FatalError` if another run has the same names, or if there are files of these names already."""
        replaced: dict[str, NameClaim] = {}
        for feed, pattern in self.plan.shared_names.items():
            claims = self._claims(pattern)
            claims.claim(self._own(pattern, opened), lambda feed=feed: self._taken(names_of(feed)))  # type: ignore[misc]
            if claims.replaces and (before := claims.before(self._run)):
                replaced[before.run] = before
        return list(replaced.values())

    def held(self) -> set[str]:
        """The feeds whose files belong to this run alone, and an empty name for its trigger file."""
        shared = self.plan.shared_names
        free = {"", *(feed.name for feed in self.plan.feeds)} - shared.keys()
        return free | {feed for feed, pattern in shared.items() if self._holds(pattern)}

    def holds_all(self) -> bool:
        """Whether no other run has any of its names."""
        return all(self._holds(pattern) for pattern in self.plan.shared_names.values())

    @property
    def _run(self) -> str:
        return str(self.plan.run.id)

    def _holds(self, pattern: str) -> bool:
        last = self._claims(pattern).last()
        return last is not None and last.run == self._run

    def _taken(self, names: Sequence[str]) -> str:
        """The address of the first of these files that exists; empty if there is none, or if it cannot be known."""
        found = find(names, self.destination) if self.plan.connection.destination.stays else {}
        return self.destination.locate(next(iter(found))) if found else ""

    def _own(self, pattern: str, opened: int) -> NameClaim:
        return NameClaim(
            names=self.destination.locate(pattern),
            export=self.plan.export.name,
            run=self._run,
            run_id=self.plan.run.run_id,
            opened=opened,
            manifest=self.plan.manifest,
        )

    def _claims(self, pattern: str) -> Claims:
        """The claims of a pattern, found by the full address: two connections may lead to one folder."""
        staging, address = self.plan.staging, self.destination.locate(pattern)
        folder = f"{staging.path}/names/{hashlib.sha256(address.encode()).hexdigest()[:32]}".lstrip("/")
        log = Log(open_filesystem(self.connections, staging.airflow_conn_id, folder))
        return Claims(log, self._state_of, self.plan.export.names.replaces)

    def _state_of(self, claim: NameClaim) -> State:
        staged = StagedRun.named(self.plan.staging, claim.export, claim.run)
        return RunLog(staged.open(self.connections).opened.below("log")).state()


def _exists(address: str) -> FatalError:
    return FatalError(
        f"{address} exists already, and not from this run: nothing was sent",
        next_step="remove that file, or trigger a new run, whose files have other names",
    )


def _replaced(by: NameClaim) -> FatalError:
    return FatalError(
        f"run {by.run_id} of {by.export} has replaced the files of this run: nothing was changed",
        next_step="trigger a new run, which replaces them again",
    )
