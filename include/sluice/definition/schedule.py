"""When an export runs."""

from __future__ import annotations

from typing import Literal

from sluice.model.declared import Declared

WithRefresh = Literal["with-refresh"]


class Cron(Declared):
    """A cron schedule in UTC."""

    cron: str
    """Five cron fields, in UTC."""


Schedule = Literal["with-refresh", "off"] | Cron
"""`with-refresh` (the default): after every system refresh. `off`: only when someone triggers it."""
