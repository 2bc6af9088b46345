"""The processes that meet at a run: its tasks and their retries, its teardown, the next run, `sluice clean`, a
backfill. Each is played with the real protocol over a world of a few named files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

from sluice.delivery.commit.commit import Commit, Intent, drop
from sluice.delivery.commit.deliveries import Claim, Deliveries
from sluice.delivery.commit.run_log import RunLog
from sluice.delivery.commit.senders import Senders
from sluice.delivery.commit.watermark import Watermark
from sluice.errors import FatalError
from sluice.filesystem import File
from tests.unit.delivery.commit.interleaving import Calls, Process, alone, lost


@dataclass(frozen=True)
class Folder:
    """A folder of staging, with the verbs that logs need."""

    calls: Calls
    path: str
    drops: bool
    """Whether any process removes it: entries that stay need no second check."""
    alone: bool = False
    """Whether no other process of the story changes or reads it."""

    def list(self) -> tuple[File, ...]:
        names = self.calls.make(partial(_below, self.path + "/"), seen=not self.alone)
        return tuple(File(name, 0, 0) for name in names)

    def create(self, name: str, body: bytes) -> bool:
        return bool(self.calls.make(partial(_create, self.at(name), body), seen=not self.alone))

    def find_bytes(self, name: str) -> bytes | None:
        found = self.calls.make(lambda files: files.get(self.at(name)), seen=self.drops and "00000001/" in name)
        return None if found is None else bytes(found)

    def remove_tree(self, folder: str) -> None:
        self.calls.make(partial(_remove_below, self.at(folder) + "/"), seen=not self.alone)

    def at(self, name: str) -> str:
        return f"{self.path}/{name}"


def _below(path: str, files: Mapping[str, bytes]) -> tuple[str, ...]:
    return tuple(sorted(name.removeprefix(path) for name in files if name.startswith(path)))


def _create(name: str, body: bytes, files: dict[str, bytes]) -> bool:
    if name in files:
        return False
    files[name] = body
    return True


def _put(name: str, body: bytes, files: dict[str, bytes]) -> None:
    files[name] = body


def _remove(name: str, files: dict[str, bytes]) -> None:
    files.pop(name, None)


def _remove_below(path: str, files: dict[str, bytes]) -> None:
    for name in [name for name in files if name.startswith(path)]:
        del files[name]


@dataclass(frozen=True)
class Run:
    """A run: its rows are numbers, and it delivers those after the last delivery, up to `until`."""

    name: str
    until: int
    follows: bool = True
    ordered: bool = True
    """False for a backfill, which delivers all rows up to `until` without a place in the order."""
    files: int = 1
    """Parts that it sends."""

    @property
    def staging(self) -> str:
        return f"staging/{self.name}"

    def parts(self, since: int) -> dict[str, bytes]:
        """Each part and what it holds."""
        rows = range(since, self.until)
        cuts = [since + len(rows) * n // self.files for n in range(self.files + 1)]
        return {f"there/{self.name}/part-{n}": b"%d-%d" % cut for n, cut in enumerate(pairwise(cuts))}

    @property
    def manifest(self) -> str:
        return f"there/{self.name}/manifest"


RUNS: dict[str, Run] = {}
"""What a process finds staged of another run: its plan never changes here."""


@dataclass(frozen=True)
class Actor:
    """One process at one run."""

    run: Run
    token: str
    calls: Calls
    drops: bool = False
    sends: bool = False

    @property
    def log(self) -> RunLog:
        return RunLog(Folder(self.calls, f"{self.run.staging}/log", self.drops))

    @property
    def commit(self) -> Commit:
        return Commit(
            log=self.log,
            senders=Senders(Folder(self.calls, f"{self.run.staging}/sending", drops=False, alone=not self.sends)),
            deliveries=Deliveries(Folder(self.calls, "deliveries", drops=False), self._finish),
            token=self.token,
            stage=lambda name, intent: self.calls.make(
                partial(_put, f"{self.run.staging}/{name}", intent.model_dump_json().encode()), seen=False
            ),
            staged=self._intent,
            write=self._write,
        )

    def _intent(self, name: str) -> Intent:
        body = self.calls.make(lambda files: files.get(f"{self.run.staging}/{name}"), seen=False)
        if body is None:
            raise FatalError("staging holds no such intent")
        return Intent.model_validate_json(body)

    def _write(self, intent: Intent) -> None:
        act = partial(_put, self.run.manifest, intent.manifest.encode())
        self.calls.make(act, faults=[lost(act, arrives=True), lost(act, arrives=False), _refuse])

    def _finish(self, before: Claim) -> None:
        other = replace(self, run=RUNS[before.run]).commit
        state = other.log.state()
        if (state.act, state.opened) == ("publishing", before.opened):
            other.finish(state)

    def extract(self) -> None:
        """Open the run, and stage what it starts from."""
        commit = self.commit
        while True:
            state = commit.log.state()
            if state.decided:
                return
            before, last = self._basis(), self._last(commit)
            if state.act == "open" and before == last:
                return
            if (opened := commit.open(state)) is not None:
                self.calls.make(partial(_put, f"{self.run.staging}/basis", json.dumps(last).encode()))
                if before is None or commit.open(opened) is not None:
                    return

    def _last(self, commit: Commit) -> list[int]:
        last = commit.deliveries.last() if self.run.follows else None
        return [last.number, int(last.watermark.definition_hash)] if last and last.watermark else [0, 0]

    def _basis(self) -> list[int] | None:
        found = self.calls.make(lambda files: files.get(f"{self.run.staging}/basis"), seen=self.drops)
        return None if found is None else list(json.loads(found))

    def upload(self) -> None:
        """Send the parts, as long as they may be sent."""
        commit = self.commit
        opened = commit.begin_sending()
        try:
            for number, (name, body) in enumerate(self.run.parts(self._since()).items()):
                if number and not commit.may_send(opened):
                    return
                self.calls.make(partial(_put, name, body))
        finally:
            commit.end_sending()

    def _since(self) -> int:
        basis = self._basis()
        if basis is None:
            raise FatalError("nothing is staged")
        return int(basis[1])

    def publish(self) -> None:
        self.commit.publish(self._prepare, follows=self.run.follows)

    def _prepare(self, opened: int) -> Intent:
        basis = self._basis()
        if basis is None:
            raise FatalError("nothing is staged")
        number, since = basis
        parts = self.run.parts(since)
        if not self.calls.make(lambda files: all(files.get(name) == body for name, body in parts.items())):
            raise FatalError("parts are not there as they were sent")
        if not self.run.follows:
            last = self.commit.deliveries.last() if self.run.ordered else None
            number = last.number if last else 0
        claim = self._claim(number + 1, opened, max(since, self.run.until)) if self.run.ordered else None
        manifest = {"run": self.run.name, "parts": {name: body.decode() for name, body in parts.items()}}
        manifest |= {"number": claim.number} if claim and self.run.follows else {}
        return Intent(manifest=json.dumps(manifest), claim=claim)

    def _claim(self, number: int, opened: int, until: int) -> Claim:
        name = self.run.name
        watermark = Watermark(run=name, run_id=name, previous=None, published_at="", definition_hash=str(until))
        return Claim(
            number=number, run=name, run_id=name, opened=opened, manifest=self.run.manifest, watermark=watermark
        )

    def abort(self, *, later: bool = False) -> bool:
        """What the teardown does, and a later run or `sluice clean` in its place."""
        commit = self.commit
        state, quiet = commit.abort(self._remove_parts)
        if state.act == "published" or (later and quiet):
            commit.close(state)
        return state.act == "published"

    def _remove_parts(self) -> None:
        for name in self.run.parts(0):
            self.calls.make(partial(_remove, name))

    def clean(self, *, prune: bool = False) -> None:
        if not self.log.state().closed:
            self.abort(later=True)
        if prune and drop(self.log):
            self.calls.make(partial(_remove_below, f"{self.run.staging}/"))

    def all(self) -> None:
        """A whole run, cleared or not."""
        self.extract()
        self.upload()
        self.publish()


def process(run: Run, token: str, act: Callable[[Actor], Any], *, drops: bool = False, sends: bool = False) -> Process:
    """One act of one process at a run. `drops`: what is staged is replaced or removed in this story, so that every
    look at it counts. `sends`: so are the marks of those who send."""
    RUNS[run.name] = run
    return lambda calls: act(Actor(run, token, calls, drops, sends))


def _refuse(_: dict[str, bytes]) -> None:
    raise FatalError("permission denied")


def manifests(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(body) for name, body in files.items() if name.endswith("/manifest")]


def whole(files: Mapping[str, bytes]) -> None:
    """Never a manifest without its parts; never two manifests for one place; no row twice."""
    rows: list[tuple[int, int]] = []
    found = manifests(files)
    for manifest in found:
        for name, body in manifest["parts"].items():
            assert files.get(name) == body.encode(), f"{manifest['run']} is published without {name}"
    following = [one for one in found if "number" in one]
    assert len({one["number"] for one in following}) == len(following), "two deliveries in one place"
    for manifest in following:
        rows += [tuple(map(int, body.split("-"))) for body in manifest["parts"].values()]  # type: ignore[misc]
    for (_, until), (since, _) in pairwise(sorted(rows)):
        assert until <= since, "a row is delivered twice"


def recovers(files: Mapping[str, bytes], *, dead: tuple[Run, ...], follows: bool, tidy: bool = True) -> None:
    """From any world, if everybody who was at it is gone: the next run finishes what is decided, removes the rest, and
    delivers everything. Not `tidy`: an upload may have slept until a later run had looked for what it left."""
    world = dict(files)
    for number, run in enumerate(dead):
        alone(process(run, f"cleaner{number}", lambda actor: actor.clean()), world)
    after = Run("after", 100, follows=follows)
    alone(process(after, "after", Actor.all), world)
    whole(world)
    found = manifests(world)
    listed = {name for manifest in found for name in manifest["parts"]}
    left = [name for name in world if "/part-" in name and name not in listed]
    assert left == [] or not tidy, "left over"
    assert "after" in {one["run"] for one in found}, "the next run publishes"
    if follows:
        ranges = sorted(
            tuple(map(int, body.split("-"))) for one in found if "number" in one for body in one["parts"].values()
        )
        assert ranges[0][0] == 0, "rows are lost"
        assert ranges[-1][1] == 100, "rows are lost"
        assert all(a[1] == b[0] for a, b in pairwise(ranges)), "rows are lost"
