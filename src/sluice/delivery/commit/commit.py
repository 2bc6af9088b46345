"""The commit protocol: how a run is published or aborted, whatever other processes do.

1. A run is open. A process that has reconciled it appends `publishing`; from then on no process removes its parts.
2. If the export's deliveries follow each other, the process claims the place after the last one.
3. It writes the manifest, and appends `published`. The same run always writes the same bytes, so two processes may do
   this.
4. If it dies in between, any other process continues from there: the next attempt, the run's own teardown, the next
   run, `sluice clean`.

A process that removes parts appends `aborting` before and `stopped` afterwards. A run is opened again only after every
process that started to remove its parts has stopped: a sleeping one could otherwise remove parts that were sent since.

A process that sends parts leaves a mark, and sends only while the run may be sent (`senders.py`). A process that aborts
a run waits for the marks to disappear. If one stays, the run is not closed, and later cleaning checks again for parts
that its process may still send.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from sluice.delivery.commit.deliveries import Claim, Deliveries
from sluice.delivery.commit.run_log import Entry, RunLog, State
from sluice.delivery.commit.senders import Senders
from sluice.errors import FatalError, SluiceError


class Intent(BaseModel):
    """What a run publishes. It is staged before the decision that refers to it."""

    model_config = ConfigDict(frozen=True)

    manifest: str
    """The bytes of the manifest, as UTF-8 text."""
    claim: Claim | None = None
    """The place of the delivery; None for a backfill, which takes none."""


class LostError(FatalError):
    """Another run has taken this run's place."""


class AbortedError(FatalError):
    """The run was aborted or opened again while this process tried to publish it."""


@dataclass(frozen=True)
class Commit:
    """The decisions of one process about one run."""

    log: RunLog
    senders: Senders
    deliveries: Deliveries
    token: str
    """The unique name of this process."""
    stage: Callable[[str, Intent], None]
    """Stages an intent under a name."""
    staged: Callable[[str], Intent]
    """The intent that was staged under a name."""
    write: Callable[[Intent], None]
    """Writes the manifest unless the destination has it. Raises `FatalError` if it was not written."""
    announce: Callable[[Intent], None] = lambda _: None
    """Writes what follows the manifest: trigger files. If it fails, the run stays decided, and the next process
    continues."""
    stays: bool = True
    """Whether the destination keeps files, so that the manifest can be checked. If not, the manifest of a published run
    is not written again: its parts may be gone, too."""
    pauses: Sequence[float] = ()
    """Seconds between checks whether all senders have stopped, when a run is aborted."""

    def open(self, state: State) -> State | None:
        """Open the run after `state`, which makes earlier reads invalid. None if another process was faster.

        Raises `FatalError` if a process may still remove the run's parts or write its manifest."""
        if state.act == "dropping":
            raise FatalError(
                "this run's staging is being removed", next_step="trigger a new run, or clear this one in a minute"
            )
        if state.act == "publishing":
            raise FatalError("this run is being published", next_step="clear `publish`, which continues it")
        if state.removers:
            raise _still_removing()
        return self.log.append(state, Entry(act="open", by=self.token))

    def resume(self) -> int:
        """Open the run again if it was aborted, so that its parts are sent again. Returns the number of the opening.
        Raises the errors of `open`."""
        while (state := self.log.state()).act in (None, "aborting", "dropping"):
            if (after := self.open(state)) is not None:
                return after.opened
        return state.opened

    def begin_sending(self) -> int:
        """Record that this process may send parts from now on. Returns the number of the opening that they belong to.
        Raises the errors of `open`."""
        while True:
            opened = self.resume()
            self.senders.add(self.token)
            if self.may_send(opened):
                return opened
            self.end_sending()

    def may_send(self, opened: int) -> bool:
        """Whether parts of this opening may be sent: the run was neither aborted nor opened again."""
        state = self.log.state()
        return state.opened == opened and state.act not in (None, "aborting", "dropping")

    def end_sending(self) -> None:
        """Record that nothing of this process is in transit any more."""
        self.senders.remove(self.token)

    def publish(self, prepare: Callable[[int], Intent], *, follows: bool) -> Intent:
        """Publish the run. `prepare` reconciles what was sent in the given opening, and returns what to publish.

        Raises the errors of `prepare` and `write`, and `AbortedError` if the run was aborted. If another delivery has
        taken the place, raises `LostError` if this run `follows` (its rows continue the delivery before); otherwise
        takes the next place."""
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
        return self._check_published(state, prepare(opened)) if state.act == "published" else self.finish(state)

    def finish(self, state: State) -> Intent:
        """Publish a decided run. Raises `LostError` if another run has taken its place; then the run is open again."""
        while state.act != "published":
            if not state.writers:
                raise _lost()
            mine = [by for by in state.writers if by.startswith(self.token)]
            if mine:
                return self._finish_own(state, mine[-1])
            entry = Entry(act="publishing", by=self.token, intent=next(iter(state.writers.values())))
            state = self.log.append(state, entry) or self.log.state()
        return self.staged(state.intent)

    def _check_published(self, state: State, intent: Intent) -> Intent:
        """The published run was cleared and sent again. Raises `FatalError` unless its bytes are those of its
        manifest."""
        before = self.staged(state.intent)
        if intent.manifest != before.manifest:
            raise FatalError(
                "this run has been published, and the parts that were sent again differ from its manifest",
                next_step="trigger a new run, and point the readers of the old manifest to the new one",
            )
        if self.stays:
            self.write_again(before)
            self.announce(before)
        return before

    def write_again(self, intent: Intent) -> None:
        """Write the manifest of a published run as a sender: the run may be old, and its delivery about to be removed.
        Raises the errors of `open` and `write`."""
        with sending(self):
            self.write(intent)

    def _finish_own(self, state: State, by: str) -> Intent:
        name = state.writers[by]
        intent = self.staged(name)
        if intent.claim is not None and not self.deliveries.claim(intent.claim):
            for writer in state.writers:
                state = self.log.append_always(state, Entry(act="refused", by=writer))
            raise _lost()
        try:
            self.write(intent)
        except FatalError:
            if intent.claim is None:
                self.log.append_always(state, Entry(act="refused", by=by))
            raise
        self.announce(intent)
        self.log.append_always(state, Entry(act="published", by=self.token, intent=name))
        return intent

    def abort(self, remove: Callable[[], None]) -> tuple[State, bool]:
        """Remove what an unpublished run has sent; finish a decided run. Returns the new state, and whether every
        sender has stopped.

        Raises the errors of `finish` and `remove`; another process can continue from there."""
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
            quiet = self._wait_for_senders()
            remove()
        finally:
            state = self.log.append_always(state, Entry(act="stopped", by=self.token))
        return state, quiet

    def _wait_for_senders(self) -> bool:
        """Wait during `pauses` until no process sends; whether that is so."""
        for pause in self.pauses:
            if not self.senders.any():
                return True
            time.sleep(pause)
        return not self.senders.any()

    def close(self, state: State) -> None:
        """Record that nothing is left to clean, unless the run was opened again since `state`."""
        if state.act in ("published", "aborting") and not state.closed:
            self.log.append(state, Entry(act="closed", by=self.token))


@contextmanager
def sending(commit: Commit) -> Iterator[None]:
    """Mark the process as a sender during the block. Raises the errors of `Commit.open`."""
    commit.begin_sending()
    try:
        yield
    finally:
        with suppress(SluiceError):  # a mark that stays costs another cleaning, not a retry
            commit.end_sending()


def drop(log: RunLog) -> bool:
    """Remove the log of a closed run, so that its staging may be removed; False if the run is not closed.

    Raises `FatalError` if a process may still remove parts of the run: the log has to warn processes that open it."""
    state = log.state()
    if state.removers:
        raise _still_removing()
    if state.act == "dropping" or (
        state.closed and log.append(state, Entry(act="dropping", by=uuid4().hex)) is not None
    ):
        log.drop()
        return True
    return False


def _lost() -> LostError:
    return LostError(
        "another run has published in the meantime: this run publishes nothing, so that no row is delivered twice",
        next_step="nothing: the next run delivers the missing rows; or clear this one from `extract` on",
    )


def _aborted(state: State) -> AbortedError:
    what = "this run was extracted again" if state.act == "open" else "this run was aborted"
    return AbortedError(
        f"{what} in the meantime: this attempt publishes nothing",
        next_step="check the run's other tasks; to deliver it nevertheless, clear it from `upload` on",
    )


def _still_removing() -> FatalError:
    return FatalError(
        "a process started to remove this run's parts and never reported that it had stopped: it may still be running",
        next_step="trigger a new run; or, if you are certain that no such process is alive, run `sluice clean EXPORT"
        " --ended RUN` and clear this one again",
    )
