"""What a run has pinned to read: the values that `extract` leaves behind."""

from __future__ import annotations

import hashlib
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from sluice.model.change import Kind
from sluice.sources.base import Pinned
from sluice.sources.position import Position


class FeedExtract(BaseModel):
    """One feed's pinned rows: slices of its source, and how many rows of each are sent."""

    model_config = ConfigDict(frozen=True)

    feed: str
    pinned: Pinned
    kept: tuple[int, ...]
    """Rows of each slice that are sent, in the slices' order."""
    selection: str | None = None
    """The staged file that holds which rows; None where all are."""
    membership: str | None = None
    """The membership table that chose them."""
    rejected: int = 0
    """Rows set aside because they cannot be delivered."""
    reasons: dict[str, int] = {}
    """Why, with the rows of each reason."""
    quarantine: str | None = None
    """The file that holds them, as staging's filesystem names it; None where there are none."""
    duplicates: int = 0
    """Rows left out because another has their key."""
    declared: str = ""
    """The hash of the declarations that chose and map the rows."""
    salted: str | None = None
    """Tells whether the salts of hashes are the same still; None without salts."""
    since: Position | None = None
    """How far the dataset had been delivered before; None where everything is delivered."""
    position: Position | None = None
    """How far this delivery comes; None where it moves nothing."""
    window: str | None = None
    """The slice of time that is delivered; None where there is none."""
    changes: dict[Kind, int] | None = None
    """Rows of each kind of change: what is pinned is a copy of them, as they are delivered. None for other modes."""

    @property
    def records(self) -> int:
        return sum(self.kept)

    @cached_property
    def id(self) -> str:
        """Names exactly these rows: parts sent from another extract do not count for this one."""
        ends = [self.since and self.since.label, self.position and self.position.label, self.window]
        slices = [(piece.unit, piece.index) for piece in self.pinned.slices]
        care = [self.declared, self.salted]
        fixed = f"{self.pinned.version}\n{self.membership}\n{self.kept}\n{slices}\n{ends}\n{care}"
        return hashlib.sha256(fixed.encode()).hexdigest()[:16]


class Extracted(BaseModel):
    """What the extract step tells the next ones, and Airflow's readers."""

    model_config = ConfigDict(frozen=True)

    export: str
    airflow_conn_id: str
    folder: str
    identity: str = ""
    """Of the staging folder."""
    written_at: str = ""
    """Where that is, as this worker sees it."""
    records: int
    rejected: int
    duplicates: int = 0
    feeds: dict[str, int]
    """Records of each feed."""
    dry_run: bool = False
    resend: bool = False
    """Whether this is what a former run has delivered, to be sent again."""
