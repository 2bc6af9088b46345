"""Exports to Adobe Target: a connection with `hand_over`, and batch files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sluice.definition.models.hand_over import HandOver
from sluice.workbench.connections import Imported, Needed
from sluice.workbench.output import Output
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report
from sluice.workbench.text import folded, slug

CONN_ID = "data_workbench_exports"
_KEYS = {"pcid": "pcId", "thirdpartyid": "thirdPartyId", "mbox3rdpartyid": "thirdPartyId"}
"""What identifies a profile, by the name of its field."""


def to_target(query: Entry, output: Output, report: Report) -> tuple[Imported | None, dict[str, Any]]:
    """The connection, and the keys of the export that come of it. Without a ClientName, the export is detached."""
    command, arguments, target = (query.get(key) for key in ("Command", "Command Arguments", "TnT Configuration"))
    client = target.get("ClientName") if target else None
    if target is None or client is None or not client.value:
        for entry in (command, arguments):
            report.left_out(entry, "the TnT Configuration has no ClientName; the export is detached")
        return None, {}
    hand_over = {"type": "adobe-target", "client": client.text} | _url(client.text, target, report)
    try:
        HandOver.model_validate(hand_over)
    except ValidationError as error:
        raise client.error(
            "this is no client code or address of Adobe Target", "correct the TnT Configuration"
        ) from error
    name = slug(f"target-{client.text}")
    for entry in (client, command, arguments):
        report.taken(entry, f"connection {name}: hand_over")
    report.changed(query.get("Output Format"), "format: adobe-target, batch files of Target's API")
    values = {"type": "local", "title": "Adobe Target", "airflow_conn_id": CONN_ID, "folder": "target"}
    needed = Needed(CONN_ID, "fs", {"path": "@EXPORTS_FOLDER"})
    found = {**_fields(output), "chunks": {"bytes": "49 MB", "records": 500_000}}
    return Imported(name, {**values, "hand_over": hand_over}, (needed,)), found


def _url(client: str, target: Entry, report: Report) -> dict[str, str]:
    """The server, unless it is the default one."""
    host, domain = target.get("MboxHost"), target.get("Domain Postfix")
    named = host.text.strip() if host else ""
    if not named and domain and domain.text.strip():
        named = f"{client}.{domain.text.strip().lstrip('.')}"
    for entry in (host, domain):
        report.taken(entry, "hand_over: url")
    return {} if named in ("", f"{client}.tt.omtrdc.net") else {"url": f"https://{named}"}


def _fields(output: Output) -> dict[str, Any]:
    """The profile's id first, which every row needs; parameters without `profile.`, which Target adds itself."""
    names = [_name(field) for field in output.fields]
    first = next((number for number, name in enumerate(names) if folded(name) in _KEYS), 0)
    key = _KEYS.get(folded(names[first]), "thirdPartyId")
    others = [field for number, field in enumerate(output.fields) if number != first]
    fields = [{**output.fields[first], "required": True}, *(_parameter(field) for field in others)]
    return {"fields": fields, "format": {"type": "adobe-target", "key": key}}


def _name(field: Mapping[str, Any]) -> str:
    return str(field.get("as") or field.get("field") or field.get("metric"))


def _parameter(field: Mapping[str, Any]) -> dict[str, Any]:
    name = _name(field)
    return {**field, **({"as": name.removeprefix("profile.")} if name.startswith("profile.") else {})}
