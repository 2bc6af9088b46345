"""Alerts: who is notified of an export's failures and recoveries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sluice.model.declared import Declared

Trouble = Literal["failed", "held", "cancelled", "skipped", "warning", "late"]
"""The troubles of an export, named like the outcomes of runs. A successful run that is in time ends them."""
Event = Literal["failed", "held", "cancelled", "skipped", "warning", "late", "recovered"]


class Alert(Declared):
    """A receiver and its events. A receiver is notified of each change once: an export that keeps failing causes one
    alert."""

    on: tuple[Event, ...] = Field(default=("failed", "held", "cancelled", "recovered"), min_length=1)
    """The events to notify of. `recovered` is sent only after an alert of another of these events."""
    to: str = Field(min_length=1)
    """The Airflow connection to send with: type `http` for a webhook, `smtp` for mail."""
    email: tuple[str, ...] = ()
    """The mail recipients, for a connection of type `smtp`."""

    @property
    def receiver(self) -> str:
        """The receiver's identity: a connection, or a connection and its mail recipients."""
        return " ".join([self.to, *sorted(self.email)])
