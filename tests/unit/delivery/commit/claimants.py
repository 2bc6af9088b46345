"""Runs whose files have the same names: each claims them before it sends, with the real protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sluice.delivery.commit.log import Log
from sluice.delivery.commit.names import Claims, NameClaim
from sluice.delivery.commit.run_log import RunLog
from tests.unit.delivery.commit.actors import Actor, Folder, Run
from tests.unit.delivery.commit.interleaving import Process

NAME = "there/shared/part"


@dataclass(frozen=True)
class Claimant(Actor):
    """One process at a run that sends one file, under a name that another run may have too."""

    @property
    def claims(self) -> Claims:
        return Claims(Log(Folder(self.calls, "names", drops=False)), self._state_of)

    def _state_of(self, claim: NameClaim) -> Any:
        return RunLog(Folder(self.calls, f"staging/{claim.run}/log", drops=False)).state()

    def send(self) -> None:
        """Claim the name and send the file, as `upload` does."""
        commit = self.commit
        opened = commit.begin_sending()
        try:
            name = self.run.name
            mine = NameClaim(names=NAME, export="e", run=name, run_id=name, opened=opened, manifest=self.run.manifest)
            self.claims.claim(mine, self._taken)
            if commit.may_send(opened):
                self.calls.make(partial(_sent, name))
        finally:
            commit.end_sending()

    def _taken(self) -> str:
        return NAME if self.calls.make(lambda files: NAME in files) else ""

    def take_back(self, *, later: bool = False) -> None:
        """What the teardown does, and a later run."""
        commit = self.commit
        state, quiet = commit.abort(self._remove_own)
        if state.act == "published" or (later and quiet):
            commit.close(state)

    def _remove_own(self) -> None:
        last = self.claims.last()
        if last is not None and last.run == self.run.name:
            self.calls.make(partial(_taken_back, last.run))


def _sent(run: str, files: dict[str, bytes]) -> None:
    files[NAME] = run.encode()
    files[f"sent/{run}"] = b""


def _taken_back(run: str, files: dict[str, bytes]) -> None:
    files.pop(NAME, None)
    files.pop(f"sent/{run}", None)


def claimant(run: Run, token: str, act: Callable[[Claimant], Any]) -> Process:
    return lambda calls: act(Claimant(run, token, calls, sends=True))


def owner(files: Mapping[str, bytes]) -> str:
    """The run whose claim counts; empty if there is none."""
    claims = sorted(name for name in files if name.startswith("names/"))
    return NameClaim.model_validate_json(files[claims[-1]]).run if claims else ""
