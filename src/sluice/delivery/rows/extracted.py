"""What a run has pinned to read: the values that `extract` stages."""

from __future__ import annotations

import hashlib
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from sluice.chunk.cut import Weight
from sluice.model.change import Kind
from sluice.sources.base import Pinned
from sluice.sources.position import Position


class FeedExtract(BaseModel):
    """The pinned rows of one feed: slices of its source, and how many rows of each are sent."""

    model_config = ConfigDict(frozen=True)

    feed: str
    pinned: Pinned
    kept: tuple[int, ...]
    """Rows of each slice that are sent, in slice order."""
    selection: str | None = None
    """The staged file with the numbers of these rows; None if all rows are sent."""
    membership: str | None = None
    """The membership table that selected them."""
    accounts: int | None = None
    """The accounts of the segment, if their contacts are sent; otherwise None."""
    rejected: int = 0
    """Rejected rows: they cannot be delivered."""
    reasons: dict[str, int] = {}
    """Rejected rows by reason."""
    quarantine: str | None = None
    """The address of the quarantine file with the rejected rows; None if there are none."""
    duplicates: int = 0
    """Rows left out because another row has their key."""
    left_out: dict[str, int] = {}
    """Rows left out for want of consent or because of a list, by reason."""
    lists: tuple[str, ...] = ()
    """The lists that rows were compared with: name, pinned version and salt of each."""
    too_old: int = 0
    """Events left out because of their age."""
    undated: int = 0
    """Events without a time, if events are left out because of their age. They are sent."""
    declared: str = ""
    """The hash of the declarations that select and map the rows."""
    salted: str | None = None
    """The fingerprint of the hash salts, to detect that they have changed; None without salts."""
    since: Position | None = None
    """How far the dataset was delivered before; None if everything is delivered."""
    position: Position | None = None
    """How far this delivery comes; None if it does not move the watermark."""
    window: str | None = None
    """The slice of time that is delivered, if there is one."""
    changes: dict[Kind, int] | None = None
    """Rows by kind of change, with the mode `changes`: `pinned` is then a copy of them, as delivered. Otherwise
    None."""

    @property
    def records(self) -> int:
        return sum(self.kept)

    @property
    def weights(self) -> list[Weight]:
        """The records of each slice that are sent, and their share of its bytes."""
        sent = zip(self.pinned.slices, self.kept, strict=True)
        return [Weight(kept, one.bytes * kept // max(1, one.records)) for one, kept in sent]

    @cached_property
    def id(self) -> str:
        """Identifies exactly these rows: parts sent from another extract do not count for this one."""
        ends = [self.since and self.since.label, self.position and self.position.label, self.window]
        slices = [(piece.unit, piece.index) for piece in self.pinned.slices]
        rules = [self.declared, self.salted, *self.lists]
        fixed = f"{self.pinned.version}\n{self.membership}\n{self.kept}\n{slices}\n{ends}\n{rules}"
        return hashlib.sha256(fixed.encode()).hexdigest()[:16]


class Extracted(BaseModel):
    """The result of the extract step, for later steps and for Airflow's XCom."""

    model_config = ConfigDict(frozen=True)

    export: str
    airflow_conn_id: str
    folder: str
    identity: str = ""
    """Of the staging folder."""
    written_at: str = ""
    """The worker's host name and the path of the folder there."""
    records: int
    rejected: int
    duplicates: int = 0
    feeds: dict[str, int]
    """Records of each feed."""
    dry_run: bool = False
    resend: bool = False
    """Whether this is the extract of an earlier run, to be sent again."""
