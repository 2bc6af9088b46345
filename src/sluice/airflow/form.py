"""The form behind *Trigger*: the run configuration that a user can set, as `sluice.plan.run_config` reads it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from sluice.definition.models.export import Export
from sluice.definition.references import feed_key

SLICE = "Backfill: deliver a slice of time again"
EARLIER = "An earlier run: deliver it again, or verify its delivery"
_MODES = {
    "full": "all rows",
    "incremental": "rows added since the last delivery",
    "changes": "rows added, changed and removed since the last delivery",
}


def form(export: Export) -> dict[str, Param]:
    """The fields that apply to the export's kind and mode. Their defaults change nothing about a run.

    All fields accept null, because Airflow marks the others as required."""
    fields = _feeds(export)
    if export.mode != "full":
        fields["mode"] = _mode(export.mode)
    fields["dry_run"] = _truth("Dry run", "Check, select and count the rows; send nothing.")
    if export.mode == "incremental":
        fields["from"] = _moment(
            "From", "Start of the slice, in UTC, not included: rows added after this time are delivered again."
        )
        fields["to"] = _moment("To", "End of the slice, in UTC, included. The delivery's folder is named after it.")
        says = "Also start the exports that follow this one. By default, a backfill does not."
        fields["wake_downstream"] = _truth("Start exports that follow", says, section=SLICE)
    if "hold" in (export.expect.on_breach, export.rejects.on_exceeded):
        says = "Deliver even if the run would be held for its number of records. Check first that the number is right."
        fields["release"] = _truth("Release", says)
    if export.runs_once:
        says = "Deliver although the export runs once and has delivered. Without this, the run is skipped."
        fields["again"] = _truth("Deliver again", says)
    says = "The id of a published run. Its files are delivered again, with the same names and bytes, and nothing else."
    fields["resend"] = Param(None, type=["null", "string"], title="Resend", description=says, section=EARLIER)
    says = "The id of a published run. Its files are read again and compared with its manifest; nothing is sent."
    fields["verify"] = Param(None, type=["null", "string"], title="Verify", description=says, section=EARLIER)
    return fields


def _feeds(export: Export) -> dict[str, Param]:
    """A selection of feeds, under the key that the declaration uses for them."""
    key, _ = feed_key(export)
    names = list(getattr(export, key))
    choice = Param(
        [],
        type=["array", "null"],
        items={"type": "string", "enum": names},
        examples=names,
        title=f"Only these {key}",
        description="Default: all.",
    )
    return {key: choice}


def _mode(declared: str) -> Param:
    return Param(
        declared,
        type=["string", "null"],
        enum=[declared, "full"],
        values_display={mode: f"{mode}: {_MODES[mode]}" for mode in (declared, "full")},
        title="Mode",
        description="What this run delivers. After a full run, the next run continues from there.",
    )


def _truth(title: str, says: str, **more: Any) -> Param:
    return Param(False, type=["boolean", "null"], title=title, description=says, **more)  # noqa: FBT003 - a parameter's default


def _moment(title: str, says: str) -> Param:
    return Param(None, type=["null", "string"], format="date-time", title=title, description=says, section=SLICE)
