"""The commit protocol: how a run is published or aborted, whatever other processes do.

1. A run is open. A process that has compared everything appends `publishing`: from then on nobody removes its parts.
2. If the export's deliveries follow each other, it claims the place after the last one.
3. It writes the manifest, and appends `published`. The same run always writes the same bytes, so it does no harm if two
   processes do.
4. If it dies anywhere between, any other process goes on from there: the next try, the run's own teardown, the next
   run, `sluice clean`.

A process that removes parts appends `aborting` before and `stopped` afterwards. A run is opened again only after every
process that began to remove its parts has stopped: one that sleeps could otherwise remove what was sent since.

A process that sends parts leaves a mark, and sends only while the run may be sent (`senders.py`). Whoever aborts waits
a while for the marks to go. If one stays, the run is not closed: what its process still sends is looked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.deliveries import Claim, Deliveries
from sluice.delivery.commit.run_log import Entry, RunLog, State
from sluice.delivery.commit.senders import Senders
from sluice.errors import FatalError


class Intent(BaseModel):
    """What a run publishes: staged whole before anything is decided by it."""

    model_config = ConfigDict(frozen=True)

    manifest: str
    """Its bytes, in UTF-8."""
    claim: Claim | None = None
    """The place it takes; None for a backfill, which stands beside the others."""


class LostError(FatalError):
    """Another run has the place that this one was to take."""


class AbortedError(FatalError):
    """The run was aborted, or opened anew, while it was about to be published."""


@dataclass(frozen=True)
class Commit:
    """One process's part in what is decided about one run."""

    log: RunLog
    senders: Senders
    deliveries: Deliveries
    token: str
    """This process's own name."""
    stage: Callable[[str, Intent], None]
    """Stages an intent under a name."""
    staged: Callable[[str], Intent]
    """What was staged under a name."""
    write: Callable[[Intent], None]
    """Makes sure that the manifest is at the destination as it should be. `FatalError`: it was not written."""
    stays: bool = True
    """Whether a manifest can be looked for. One that cannot is not written again once the run is published: its parts
    may be gone with it."""
    pauses: Sequence[float] = ()
    """Seconds between looks whether those who send have stopped, when a run is aborted."""

    def open(self, state: State) -> State | None:
        """Open the run after `state`: what was read before counts no more. None if another process was faster.

        Raises `FatalError` if parts of the run may still be removed, or its manifest written."""
        if state.act == "dropping":
            raise FatalError(
                "this run's staging is being removed", next_step="trigger a new run, or clear this one in a minute"
            )
        if state.act == "publishing":
            raise FatalError("this run is being published", next_step="clear `publish`: it goes on from there")
        if state.removers:
            raise _still_removing(state)
        return self.log.append(state, Entry(act="open", by=self.token))

    def resume(self) -> int:
        """Open the run again if it was aborted: its parts are sent once more. Which opening it is. Raises as `open`
        does."""
        while (state := self.log.state()).act in (None, "aborting", "dropping"):
            if (after := self.open(state)) is not None:
                return after.opened
        return state.opened

    def begin_sending(self) -> int:
        """Say that this process may send parts from now on. Which opening of the run they belong to. Raises as `open`
        does."""
        while True:
            opened = self.resume()
            self.senders.add(self.token)
            if self.may_send(opened):
                return opened
            self.end_sending()

    def may_send(self, opened: int) -> bool:
        """Whether parts of this opening may be sent: the run was not aborted, and not opened anew."""
        state = self.log.state()
        return state.opened == opened and state.act not in (None, "aborting", "dropping")

    def end_sending(self) -> None:
        """Say that nothing that this process has sent is under way any more."""
        self.senders.remove(self.token)

    def publish(self, prepare: Callable[[int], Intent], *, follows: bool) -> Intent:
        """Publish the run. `prepare` compares what was sent, for the opening it is given, and says what to publish.

        Raises what `prepare` and `write` raise; `AbortedError` if the run was aborted; `LostError` if another delivery
        has this one's place and its rows `follow` the one before; other deliveries take the next place."""
        state = self.log.state()
        opened, tries = state.opened, count()
        while not state.decided:
            if state.act != "open" or state.opened != opened:
                raise _aborted(state)
            by = f"{self.token}-{next(tries)}"
            self.stage(f"intent-{by}", prepare(opened))
            state = self.log.append(state, Entry(act="publishing", by=by, intent=f"intent-{by}")) or self.log.state()
            if state.act == "publishing":
                try:
                    return self.finish(state)
                except LostError:
                    if follows:
                        raise
                    state = self.log.state()
        return self._again(state, prepare(opened)) if state.act == "published" else self.finish(state)

    def finish(self, state: State) -> Intent:
        """Publish what is decided. Raises `LostError` if the place is another run's: then the run is open again."""
        while state.act != "published":
            if not state.writers:
                raise _lost()
            mine = [by for by in state.writers if by.startswith(self.token)]
            if mine:
                return self._go_on(state, mine[-1])
            entry = Entry(act="publishing", by=self.token, intent=next(iter(state.writers.values())))
            state = self.log.append(state, entry) or self.log.state()
        return self.staged(state.intent)

    def _again(self, state: State, intent: Intent) -> Intent:
        """A published run was cleared, and its parts were sent again: its manifest lists the same bytes, or stays."""
        before = self.staged(state.intent)
        if intent.manifest != before.manifest:
            raise FatalError(
                "this run has been published, and what was sent again has other bytes than its manifest says",
                next_step="trigger a new run; readers of the old manifest should take its manifest instead",
            )
        if self.stays:
            self.write(before)
        return before

    def _go_on(self, state: State, by: str) -> Intent:
        name = state.writers[by]
        intent = self.staged(name)
        if intent.claim is not None and not self.deliveries.claim(intent.claim):
            for writer in state.writers:
                state = self.log.say(state, Entry(act="refused", by=writer))
            raise _lost()
        try:
            self.write(intent)
        except FatalError:
            if intent.claim is None:
                self.log.say(state, Entry(act="refused", by=by))
            raise
        self.log.say(state, Entry(act="published", by=self.token, intent=name))
        return intent

    def abort(self, remove: Callable[[], None]) -> tuple[State, bool]:
        """Remove what an unpublished run has sent; of one that is decided, finish it. The run's state then, and whether
        nobody was sending any more.

        Raises what `finish` and `remove` raise: another process goes on from there."""
        state = self.log.state()
        while state.act not in (None, "dropping", "published"):
            if state.decided:
                with suppress(LostError):
                    self.finish(state)
            elif (after := self.log.append(state, Entry(act="aborting", by=self.token))) is not None:
                return self._remove(after, remove)
            state = self.log.state()
        return state, True

    def _remove(self, state: State, remove: Callable[[], None]) -> tuple[State, bool]:
        try:
            quiet = self._quiet()
            remove()
        finally:
            state = self.log.say(state, Entry(act="stopped", by=self.token))
        return state, quiet

    def _quiet(self) -> bool:
        """Whether nobody sends any more, waited for a while."""
        for pause in self.pauses:
            if not self.senders.any():
                return True
            time.sleep(pause)
        return not self.senders.any()

    def close(self, state: State) -> None:
        """Say that nothing is left to be looked for, unless the run was taken up again since `state`."""
        if state.act in ("published", "aborting") and not state.closed:
            self.log.append(state, Entry(act="closed", by=self.token))


def drop(log: RunLog) -> bool:
    """Let go of a closed run's staging; False if it was taken up again. The log goes first.

    Raises `FatalError` if parts of the run may still be removed: the log says so to a process that opens the run."""
    state = log.state()
    if state.removers:
        raise _still_removing(state)
    if state.act == "dropping" or (
        state.closed and log.append(state, Entry(act="dropping", by=uuid4().hex)) is not None
    ):
        log.drop()
        return True
    return False


def _lost() -> LostError:
    return LostError(
        "another run has published in the meantime: this run publishes nothing, so that no row is delivered twice",
        next_step="nothing: the next run delivers what is not delivered yet; or clear this one from `extract` on",
    )


def _aborted(state: State) -> AbortedError:
    what = "this run was extracted again" if state.act == "open" else "this run was aborted"
    return AbortedError(
        f"{what} meanwhile: this try publishes nothing",
        next_step="look at the run's other tasks; to deliver after all, clear it from `upload` on",
    )


def _still_removing(state: State) -> FatalError:
    return FatalError(
        f"{len(state.removers)} processes began to remove this run's parts and never said that they had stopped: one of"
        " them may still be at it",
        next_step="trigger a new run; or, if you are certain that no such process is alive, `sluice clean EXPORT"
        " --ended RUN`, and clear this one again",
    )
