"""Retention: which deliveries stay at the destination."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from sluice.model.declared import Declared


class Retention(Declared):
    """Which deliveries stay at the destination. After each run, older ones are removed, file by file as their manifests
    list them. If both values are declared, a delivery stays as long as one of them keeps it."""

    deliveries: int | None = Field(default=None, ge=1, le=100_000)
    """The number of deliveries that stay, newest first. Backfills do not count, and stay as long as the deliveries
    before which they were made. Default: 1, the last delivery."""
    days: int | None = Field(default=None, ge=1, le=36_500)
    """How many days a delivery stays. Default: no longer than `deliveries` says."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.deliveries is None and self.days is None:
            raise ValueError("does not say what stays: write `deliveries`, `days` or both")
        return self
