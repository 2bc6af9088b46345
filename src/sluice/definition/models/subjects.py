"""The record of whom deliveries held."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from sluice.model.declared import Declared, Duration


class Subjects(Declared):
    """Keeps hashed keys of every delivered row of profiles, accounts and contacts in staging, so that `sluice subject`
    can tell which deliveries held a person."""

    salt_conn_id: str
    """The Airflow connection, of type `generic`, whose password is the key of the hashes. Without it, nobody can search
    the record. After a change, earlier deliveries are no longer found."""
    keep: Duration = Field(default=timedelta(days=90), ge=timedelta(days=1))
    """How long the record of a delivery is kept."""
