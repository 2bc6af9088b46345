"""When an export runs."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from sluice.model.declared import Declared

WithRefresh = Literal["with-refresh"]


class Cron(Declared):
    """A cron schedule in UTC."""

    cron: str
    """Five cron fields, in UTC."""

    @field_validator("cron")
    @classmethod
    def _can_come(cls, value: str) -> str:
        from croniter import CroniterError, croniter

        wrong = "not a cron schedule: write minute, hour, day, month and weekday, such as 30 6 * * mon-fri"
        if len(value.split()) != 5 or not croniter.is_valid(value):
            raise ValueError(wrong)
        try:
            croniter(value).get_next()
        except CroniterError:
            raise ValueError("a date that never comes: correct day and month") from None
        return value


Schedule = Literal["with-refresh", "off"] | Cron
"""`with-refresh` (the default): after every system refresh. `off`: only when someone triggers it."""
