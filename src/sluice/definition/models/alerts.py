"""Alerts: who hears of what becomes of an export."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sluice.model.declared import Declared

Trouble = Literal["failed", "held", "cancelled", "skipped", "warning", "late"]
"""What an export may be in; a run that ends well and in time ends it. The outcomes of runs have the same words."""
Event = Literal["failed", "held", "cancelled", "skipped", "warning", "late", "recovered"]


class Alert(Declared):
    """One who is told, and of what. Each change is told once: an export that goes on failing is told of once."""

    on: tuple[Event, ...] = Field(default=("failed", "held", "cancelled", "recovered"), min_length=1)
    """What is told of; `recovered` follows whatever of these was told before."""
    to: str = Field(min_length=1)
    """The Airflow connection that carries it: type `http` for a webhook, `smtp` for mail."""
    email: tuple[str, ...] = ()
    """Who gets the mail, where the connection is one of type `smtp`."""

    @property
    def receiver(self) -> str:
        """Tells receivers apart: a connection, or the mailboxes behind one."""
        return " ".join([self.to, *sorted(self.email)])
