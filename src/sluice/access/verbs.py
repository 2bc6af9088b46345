"""Every action that Sluice knows, as one table: what it acts on, who may do it, and what it does.

`docs/access.md` lists the table, and `tests/unit/access/test_may.py` has a row for each verb.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Kind = Literal["project", "catalog", "connection", "export"]
"""What a verb acts on. The catalog holds datasets, segments and refreshes."""


class Who(Enum):
    """Who may do something."""

    EVERYONE = "everyone"
    """Every actor who has a role."""
    SHARED = "those the connection is shared with"
    """Contributors with a role in `shared_with` of every connection that is involved."""
    ADMINISTRATORS = "administrators"


@dataclass(frozen=True)
class Verb:
    """One action. `says` completes the sentence "they may ..."."""

    name: str
    on: Kind
    who: Who
    says: str
    edits: bool = False
    """Whether it changes files of declarations."""


EVERYONE, SHARED, ADMINISTRATORS = Who

VERBS = {
    verb.name: verb
    for verb in (
        Verb("view-exports", "export", EVERYONE, "see the export's declaration, schedule, runs and reports"),
        Verb("preview-export", "export", SHARED, "see rows of the export as they would be delivered"),
        Verb("create-export", "export", SHARED, "add an export to the connection", edits=True),
        Verb("edit-export", "export", SHARED, "change the export; another connection must be shared too", edits=True),
        Verb("duplicate-export", "export", SHARED, "create an export from this one", edits=True),
        Verb("rename-export", "export", SHARED, "give the export another name", edits=True),
        Verb("schedule-export", "export", SHARED, "change the export's schedule, or switch it on or off", edits=True),
        Verb("detach-export", "export", SHARED, "take its connection away; it then does not run", edits=True),
        Verb("remove-export", "export", SHARED, "remove the export's declaration; its deliveries stay", edits=True),
        Verb("run-export", "export", SHARED, "start a run"),
        Verb("cancel-run", "export", SHARED, "stop a run"),
        Verb("release-run", "export", SHARED, "deliver a run that is held because of its counts"),
        Verb("resend-run", "export", SHARED, "deliver an earlier run again"),
        Verb("backfill-export", "export", SHARED, "deliver again what was added between two times"),
        Verb("verify-delivery", "export", SHARED, "compare a delivery at its destination with its manifest"),
        Verb("set-watermark", "export", ADMINISTRATORS, "change where the next incremental run starts"),
        Verb("view-destinations", "connection", EVERYONE, "see the connection's display name and type"),
        Verb("view-connection", "connection", SHARED, "see the connection's other keys"),
        Verb("activate-datasets", "connection", SHARED, "manage exports of datasets to the connection"),
        Verb("create-connection", "connection", ADMINISTRATORS, "add a connection", edits=True),
        Verb("edit-connection", "connection", ADMINISTRATORS, "change it, or share it with roles", edits=True),
        Verb("rename-connection", "connection", ADMINISTRATORS, "give the connection another name", edits=True),
        Verb("remove-connection", "connection", ADMINISTRATORS, "remove a connection that no export uses", edits=True),
        Verb("test-connection", "connection", ADMINISTRATORS, "write, read and remove a small file there"),
        Verb("view-datasets", "catalog", EVERYONE, "see the datasets and segments, their counts and refreshes"),
        Verb("edit-catalog", "catalog", ADMINISTRATORS, "change datasets, segments and refreshes", edits=True),
        Verb("run-refresh", "catalog", ADMINISTRATORS, "start the system refresh"),
        Verb("edit-settings", "project", ADMINISTRATORS, "change `project.yaml`", edits=True),
        Verb("import-workbench", "project", ADMINISTRATORS, "import files of Data Workbench", edits=True),
        Verb("check-installation", "project", ADMINISTRATORS, "see what `sluice doctor` finds"),
        Verb("view-usage", "project", EVERYONE, "see what was delivered in a contract year, by connection"),
        Verb("view-audit", "project", ADMINISTRATORS, "read the audit log"),
        Verb("search-subject", "project", ADMINISTRATORS, "find the deliveries that held a person"),
    )
}
"""By name."""


def table() -> str:
    """The verbs as a Markdown table."""
    rows = [f"| `{verb.name}` | {verb.on} | {verb.who.value} | {verb.says} |" for verb in VERBS.values()]
    return "\n".join(["| verb | acts on | who may | what they may do |", "|---|---|---|---|", *rows])
