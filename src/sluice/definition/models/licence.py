"""The licence: what may be delivered as datasets in a contract year, and how much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from sluice.definition.models.chunks import Size
from sluice.definition.models.moments import End, Start
from sluice.definition.models.rows import Percent
from sluice.model.declared import Declared

Application = Literal["real-time-cdp", "journey-optimizer", "customer-journey-analytics"]
Tier = Literal["prime", "ultimate"]
BYTES_PER_PROFILE: Mapping[Tier, int] = {"prime": 500_000, "ultimate": 700_000}
"""What Experience Platform grants for each licensed profile: 500 KB or 700 KB, of 1,000 bytes each."""


def _month_and_day(value: Any) -> Any:
    text = value.strip() if isinstance(value, str) else ""
    try:
        if not re.fullmatch(r"\d\d-\d\d", text):
            raise ValueError
        date.fromisoformat(f"2001-{text}")
    except ValueError:
        raise ValueError("not a day of every year: write month and day, such as 03-01") from None
    return text


MonthAndDay = Annotated[
    str, BeforeValidator(_month_and_day), WithJsonSchema({"type": "string", "examples": ["01-01", "03-01"]})
]
"""A month and a day, such as 03-01."""


class LicensedApplication(Declared):
    """An application that is licensed."""

    application: Application
    """`real-time-cdp`, `journey-optimizer` or `customer-journey-analytics`."""
    tier: Tier
    """`prime`: 500 KB for each profile. `ultimate`: 700 KB. A KB has 1,000 bytes."""
    profiles: int | None = Field(default=None, ge=1)
    """The number of licensed profiles. It may be left out if the licence declares a `volume`."""

    @property
    def volume(self) -> int:
        """What the application grants for a contract year, in bytes."""
        return (self.profiles or 0) * BYTES_PER_PROFILE[self.tier]


class AddOn(Declared):
    """An add-on that is licensed."""

    add_on: Literal["data-distiller"]
    """`data-distiller`: derived datasets may be exported."""
    volume: Annotated[Size, Field(ge=1)] | None = None
    """What the add-on grants for a contract year in addition, such as `5 TB`. Default: nothing."""


class DefaultEnd(Declared):
    """When dataset exports end that started before a day and declare no end. Experience Platform ended its own such
    dataflows on 2025-09-01, if they were created before 2024-11-01."""

    created_before: Start
    """Exports whose schedule starts before this day, in UTC."""
    end: End
    """No run of them starts after this day, in UTC."""

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.end < self.created_before:
            raise ValueError("`end` is before `created_before`, so exports would end before they start: correct one")
        return self


class Licence(Declared):
    """What may be delivered by dataset exports, and how much in a contract year. Without a licence, everything may."""

    applications: tuple[LicensedApplication, ...] = Field(min_length=1)
    """The licensed applications. Their volumes do not add up: the largest counts."""
    add_ons: tuple[AddOn, ...] = ()
    """The licensed add-ons. Their volumes are added."""
    volume: Annotated[Size, Field(ge=1)] | None = None
    """The volume that the contract names for a contract year, such as `12 TB`, in place of the one computed from
    profiles. The volumes of add-ons are added to it."""
    year_starts: MonthAndDay = "01-01"
    """The first day of the contract year, in UTC: month and day, such as 03-01."""
    warn_at: Percent = 0.8
    """The share of the volume from which every delivery warns."""
    over: Literal["warn", "hold", "refuse"] = "warn"
    """What a run does that would exceed the volume: `warn` and continue, `hold` until someone releases it, or
    `refuse`."""
    default_end: DefaultEnd | None = None
    """An end for dataset exports that have none and started before a day. Default: one year after their start."""

    @model_validator(mode="after")
    def _has_a_volume(self) -> Self:
        if self.volume is None:
            for one in self.applications:
                if one.profiles is None:
                    raise ValueError(
                        f"the volume of {one.application} is unknown: add the number of licensed `profiles` to it, or"
                        " the `volume` of the contract to the licence"
                    )
        names = [one.application for one in self.applications]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{twice} is declared twice: delete one of them")
        return self

    @property
    def entitlement(self) -> int:
        """What may be delivered in a contract year, in bytes."""
        largest = max(one.volume for one in self.applications)
        return (self.volume or largest) + sum(one.volume or 0 for one in self.add_ons)

    @property
    def warns_from(self) -> int:
        """The bytes in a contract year from which every delivery warns."""
        return ceil(Decimal(str(self.warn_at)) * self.entitlement)

    @property
    def origins(self) -> frozenset[str]:
        """The origins of the datasets that may be exported."""
        snapshot = any(one.application == "real-time-cdp" and one.tier == "ultimate" for one in self.applications)
        derived = any(one.add_on == "data-distiller" for one in self.add_ons)
        return frozenset(["user"] + ["system"] * snapshot + ["derived"] * derived)
