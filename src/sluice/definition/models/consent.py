"""Consent and suppression: which rows must not be delivered, because of the people that they are about."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from sluice.definition.models.fields import HashEntry
from sluice.model.declared import Declared, Duration, Name


class Consent(Declared):
    """A column that decides whether a row may be delivered."""

    column: str
    """The column, in the dataset of each feed. It need not be delivered."""
    way: Literal["opt-in", "opt-out"] = Field(default="opt-in", alias="is")
    """`opt-in`: only rows that agree are delivered; a row without a value is left out. `opt-out`: rows that object are
    left out; a row without a value is delivered."""
    values: tuple[str | int | float | bool, ...] = ()
    """The values by which a row agrees (`opt-in`) or objects (`opt-out`). Text is compared without surrounding spaces
    and without regard to case. Default: `true`, of a column of booleans; other columns need `values`."""


class Suppression(Declared):
    """A dataset that lists those who must not be delivered. Without it, nothing is sent."""

    dataset: Name
    """The dataset with the list. A list that cannot be read, is empty or is too old stops the run."""
    column: str = ""
    """The column of the list that is compared. Default: the list's key."""
    by: str = ""
    """The column of each feed's dataset that is compared with it. Default: the dataset's key. Text is compared without
    surrounding spaces and without regard to case. A row without a value is left out, because it cannot be compared."""
    hash: HashEntry | None = None
    """How `by` is hashed before it is compared, if the list contains hashes. The same as `hash` of a field. Default:
    the list contains plain values."""
    max_age: Duration | None = Field(default=None, gt=timedelta(0))
    """The maximum age of the list, by the newest of its files. Default: any age."""
    allow_empty: bool = False
    """Whether the list may be empty. By default, an empty list stops the run, because it is probably broken."""
