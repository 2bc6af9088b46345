"""Who may decide what becomes of one run: the try of `publish` that writes its manifest, or whoever removes its parts.

Airflow can start `abort` while a `publish` that it believes dead is still alive, and `publish` again beside one that
sleeps. Neither staging nor destinations can compare and set, so each of them writes its own mark first and looks at
the other's work afterwards: whoever removes parts takes the hold and then looks for the manifest; `publish` takes the
hold, writes the manifest and then looks at the hold. However the two interleave, one of them sees the other.
"""

from __future__ import annotations

from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from sluice.delivery.staging import Stage
from sluice.errors import FatalError

Holder = Literal["publish", "abort"]


class Held(BaseModel):
    """The mark in the run's staging."""

    model_config = ConfigDict(frozen=True)

    by: Holder
    token: str
    """Of one try: two tries of `publish` tell each other apart."""
    sealing: bool = False
    """The manifest's write has begun: it may have arrived, or may yet."""


class Hold:
    """One try's claim on its run."""

    def __init__(self, stage: Stage, by: Holder) -> None:
        self._stage = stage
        before = stage.find("hold", Held)
        self.in_doubt = before is not None and before.sealing
        """Whether a former holder has begun to write the manifest, and nobody has come to say that it was not written.
        It stays so, whoever holds the run, until someone does."""
        self._held = Held(by=by, token=str(uuid4()), sealing=self.in_doubt)
        stage.write("hold", self._held)

    @property
    def token(self) -> str:
        return self._held.token

    def seal(self) -> None:
        """The last look before the manifest. Raises `FatalError` where another has taken the run."""
        self._mine()
        self._stage.write("hold", self._held.model_copy(update={"sealing": True}))

    def release(self) -> None:
        """The manifest is not there, and is not waited for: that is certain."""
        self._stage.write("hold", self._held.model_copy(update={"sealing": False}))

    def stand(self) -> bool:
        """The first look after the manifest: False where the run's parts were removed meanwhile, so that the manifest
        must go. Raises `FatalError` where another try of `publish` is at it, which writes the same manifest."""
        now = self._stage.find("hold", Held)
        if now is not None and now.by == "abort":
            return False
        self._mine()
        return True

    def _mine(self) -> None:
        now = self._stage.find("hold", Held)
        if now is None or now.token != self._held.token:
            what = "another try of `publish` is at it" if now and now.by == "publish" else "this run was aborted"
            raise FatalError(
                f"{what} meanwhile: this try publishes nothing",
                next_step="look at the run's other tasks; to deliver after all, clear it from `extract` on",
            )
