"""Known targets: what each takes, requires and limits. The figures, with their sources and dates, are in
`targets.json`, which Python reads in a tenth of a millisecond: every DAG waits for it.

The sources count profiles per export: `records_per_run`. So no segment can have more: `records_per_segment`. A target
for which the source names no required field may need one of several, such as a mail address or a phone number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal


@dataclass(frozen=True)
class Target:
    """A target as its source describes it."""

    title: str
    takes: tuple[str, ...]
    requires: tuple[str, ...]
    limits: Mapping[str, int]
    source: str
    date: str
    """The date of the source."""

    def under(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of a connection, with those of the target where it has none."""
        limits = own.get("limits", {})
        if isinstance(limits, Mapping):
            limits = {**self.limits, **limits}
        return {"takes": self.takes, "requires": self.requires, **own, "limits": limits}


def _read() -> dict[str, Target]:
    found = json.loads((Path(__file__).parent / "targets.json").read_text(encoding="utf-8"))
    lists = ("takes", "requires")
    return {name: Target(**keys | {key: tuple(keys[key]) for key in lists}) for name, keys in found.items()}


TARGETS: Mapping[str, Target] = _read()

if TYPE_CHECKING:
    TargetName = str
else:
    TargetName = Literal[tuple(TARGETS)]
