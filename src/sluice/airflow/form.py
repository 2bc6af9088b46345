"""The form behind *Trigger*: what someone who starts a run may ask for, as `sluice.plan.run_config` reads it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from sluice.definition.models.export import Export
from sluice.definition.references import feed_key

SLICE = "A slice of time again (a backfill)"
FORMER = "A former run again"
_MODES = {
    "full": "everything there is",
    "incremental": "what was added since the last delivery",
    "changes": "rows added, changed and removed since the last delivery",
}


def form(export: Export) -> dict[str, Param]:
    """Its fields: what the export's kind and mode have a use for. Left as they are, they ask for nothing.

    Airflow marks as required what may not be null."""
    fields = _feeds(export)
    if export.mode != "full":
        fields["mode"] = _mode(export.mode)
    fields["dry_run"] = _truth("Dry run", "Check, choose and count the rows, and send nothing.")
    if export.mode == "incremental":
        fields["from"] = _moment("From", "Deliver what was added after this moment, and up to the other, once more.")
        fields["to"] = _moment("To", "The slice's end, in UTC; its folder is named after it.")
        says = "Tell those who follow this export of the delivery: a backfill does not, unless asked to."
        fields["wake_downstream"] = _truth("Wake who follows", says, section=SLICE)
    if "hold" in (export.expect.on_breach, export.rejects.on_exceeded):
        says = "Go on where a former run was held for the number of its records: someone has looked, and it is right."
        fields["release"] = _truth("Release", says)
    says = "The id of a run that has published: the same bytes under the same names again, and nothing else."
    fields["resend"] = Param(None, type=["null", "string"], title="Send again", description=says, section=FORMER)
    return fields


def _feeds(export: Export) -> dict[str, Param]:
    """A choice of feeds, under the word that the declaration has for them."""
    key, _ = feed_key(export)
    names = list(getattr(export, key))
    choice = Param(
        [],
        type=["array", "null"],
        items={"type": "string", "enum": names},
        examples=names,
        title=f"Only these {key}",
        description="All of them where none is chosen.",
    )
    return {key: choice}


def _mode(declared: str) -> Param:
    return Param(
        declared,
        type=["string", "null"],
        enum=[declared, "full"],
        values_display={mode: f"{mode}: {_MODES[mode]}" for mode in (declared, "full")},
        title="Mode",
        description="What this run delivers. After a full one, the next goes on from there.",
    )


def _truth(title: str, says: str, **more: Any) -> Param:
    return Param(False, type=["boolean", "null"], title=title, description=says, **more)  # noqa: FBT003 - a parameter's default


def _moment(title: str, says: str) -> Param:
    return Param(None, type=["null", "string"], format="date-time", title=title, description=says, section=SLICE)
