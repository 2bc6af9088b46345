"""The names of an export's files: Output File."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluice.workbench.parse import Entry
from sluice.workbench.report import Report

_SAFE = re.compile(r"[^0-9A-Za-z._-]+")
_ENDS = {"template": "txt", "adobe-target": "csv"}


def file_of(entry: Entry | None, form: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The folder and the name, with what keeps the files of two runs apart. Raises `DefinitionError` for a path outside
    the folder of exports."""
    parts = re.split(r"[\\/]+", entry.text.strip()) if entry else []
    parts = [part for part in parts if part not in ("", ".")]
    if entry is None or not parts:
        return _with_fin("customers") if form["type"] == "customer-attributes" else {}
    if ".." in parts or ":" in parts[0]:
        raise entry.error("the file is outside the folder of exports", "write a path below that folder")
    folders = [_SAFE.sub("-", part).strip("-") for part in parts[:-1] if part.lower() != "exports" or part != parts[0]]
    stem, dot, extension = parts[-1].rpartition(".")
    stem = _SAFE.sub("-", stem if dot and stem else parts[-1]).strip("-.") or "export"
    if form["type"] == "customer-attributes":
        report.changed(entry, "file: in the root of the account, each with its own name and a .fin file beside it")
        return _with_fin(stem[:120])
    ends = _ENDS.get(form["type"], "tsv" if form.get("delimiter") == "tab" else "csv")
    said = "file: each run and each part has its own name, so that no delivery overwrites another"
    if dot and extension.lower() != ends:
        said = f"{said}; the extension is .{ends}"
    report.changed(entry, said)
    return {"folder": "/".join(filter(None, folders)) or "/", "file": f"{stem[:120]}_%RUN_ID%_%PART%"}


def _with_fin(stem: str) -> dict[str, Any]:
    """Files as Experience Cloud finds them."""
    file = {"name": f"{stem}_%RUN_ID%_%PART%", "trigger": {"suffix": ".fin", "after": "name"}}
    return {"folder": "/", "file": file, "manifest": {"folder": "manifests"}}
