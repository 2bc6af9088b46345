"""Rules of the names of files, and of what a connection's profile makes of chunks and paths."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.models.chunks import clipped
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase
from sluice.definition.models.macros import (
    DEFAULT_FOLDERS,
    FILE_MACROS,
    MACROS,
    expand,
    uses,
    wrong_characters,
    wrong_file,
)
from sluice.definition.references import Reference, feeds
from sluice.definition.rules.known import Known

LONGEST = 200
"""Characters of a file's name: file systems take 255 bytes, of which 18 are for the name on the way there."""

_LENGTHS = {"RUN_ID": 36, "PART": 9, "DATETIME": 15, "EXPORT_TIME": 23}
_TOUCHING = re.compile(r"[0-9A-Za-z%]%PART%|%PART%[0-9A-Za-z%]")


def file_is_a_name(export: ExportBase, known: Known) -> Iterator[Problem]:
    """In itself, at its destination, and with its extension."""
    connection: Connection | None = known.get("connection", export.connection)
    if connection is None or not export.file:
        return
    target = connection.destination
    wrong = list(wrong_file(("file",), export.file, target.allowed, f"a destination of type {target.type}"))
    yield from wrong
    if uses(export.file, "DESTINATION_INSTANCE_NAME"):
        yield from _title(connection)
    if not wrong and (longest := _longest(export, known)) > LONGEST:
        what = f"names of {longest} characters come of it, and file systems take {LONGEST}"
        yield Problem(("file",), what, "put some of its macros into `folder`")
    form = export.format or connection.format
    if form and (ends := next((end for end in _ends(form.extension) if export.file.endswith(end)), "")):
        what = f"the format adds `{form.extension}` to every name"
        yield Problem(("file",), what, "leave the extension out", export.file.removesuffix(ends))


def files_are_told_apart(export: ExportBase, known: Known) -> Iterator[Problem]:
    """No two runs, feeds or parts may write one file. Runs are told apart by their ids alone: two may be due at the
    same moment."""
    if not export.file or any(True for _ in file_is_a_name(export, known)):
        return
    folder = export.folder or DEFAULT_FOLDERS[_kind(export)]
    missing = {} if uses(folder, "RUN_ID") or uses(export.file, "RUN_ID") else {"runs": "%RUN_ID%"}
    missing |= {} if _feeds_differ(export, folder, known) else {"feeds": "%SEGMENT_NAME%"}
    missing |= {} if uses(export.file, "PART") else {"parts": "%PART%"}
    if missing:
        *front, last = missing
        words = f"{', '.join(front)} and {last}" if front else last
        what = f"with its folder `{folder}` it does not tell {words} apart: two of them would write one file"
        yield Problem(("file",), what, f"add {', '.join(missing.values())}", _with(export.file, list(missing.values())))
    elif _TOUCHING.search(export.file):
        better = re.sub(r"(?<=[0-9A-Za-z%])(?=%PART%)|(?<=%PART%)(?=[0-9A-Za-z%])", "_", export.file)
        what = "where the number of a part begins or ends cannot be told: `%PART%` touches what stands beside it"
        yield Problem(("file",), what, "put a `_` or a `-` between", better)


def path_fits_the_profile(export: ExportBase, known: Known) -> Iterator[Problem]:
    """In its own letters and in the connection's title: other macros give nothing but names."""
    connection: Connection | None = known.get("connection", export.connection)
    if connection is None or connection.rules.character is None:
        return
    allowed, whose = connection.rules.character, f"the profile `{connection.profile}`"
    for key in ("folder", "file"):
        template = getattr(export, key)
        plain = expand(template, dict.fromkeys(MACROS | FILE_MACROS, lambda pattern: pattern or "x"))
        yield from wrong_characters((key,), plain, allowed, whose)
        if uses(template, "DESTINATION_INSTANCE_NAME"):
            yield from wrong_characters((key,), connection.title, allowed, whose)
    yield from wrong_characters(("manifest", "folder"), export.manifest.folder or "", allowed, whose)


def folder_fits_the_profile(connection: Connection, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    if connection.rules.character is not None:
        whose = f"the profile `{connection.profile}`"
        yield from wrong_characters(("folder",), connection.destination.folder, connection.rules.character, whose)


def chunks_are_clipped(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection: Connection | None = known.get("connection", export.connection)
    if connection is not None:
        for sentence in clipped(export.chunks, connection.rules):
            yield Problem(("chunks", "records"), sentence, "declare what is used, or leave the key out")


def _with(template: str, macros: list[str]) -> str:
    """The template with what it lacks, the number of the part last."""
    before, part, after = template.partition("%PART%")
    added = "_".join([*macros, part] if part else macros)
    return f"{before}{added}{after}" if part else f"{template}_{added}"


def _title(connection: Connection) -> Iterator[Problem]:
    if "/" in connection.title:
        what = f"the connection's title `{connection.title}` has a `/`, and %DESTINATION_INSTANCE_NAME% puts it there"
        yield Problem(("file",), what, "write %DESTINATION_INSTANCE_ID%: the connection's name")
    target = connection.destination
    yield from wrong_characters(("file",), connection.title, target.allowed, f"a destination of type {target.type}")


def _ends(extension: str) -> Iterator[str]:
    """What of an extension somebody may have written: all of it, or its first part."""
    yield extension
    yield f".{extension.split('.')[1]}"


def _kind(export: ExportBase) -> str:
    return str(getattr(export, "kind"))  # noqa: B009 - every kind declares its own


def _values(feed: Reference, known: Known) -> dict[str, str]:
    """The macros by which feeds may differ."""
    return {"SEGMENT_NAME": feed.name, "SEGMENT_ID": feed.name, "DATASET_ID": _dataset_id(feed, known)}


def _dataset_id(feed: Reference, known: Known) -> str:
    declared = known.get(feed.families[0], feed.name)
    if declared is not None and feed.families[0] == "segment":
        declared = known.get("dataset", declared.dataset)
    return (declared.id or declared.name) if declared is not None else feed.name


def _named(template: str, values: dict[str, str]) -> str:
    names = dict.fromkeys(MACROS | FILE_MACROS, "x") | values
    return expand(template, {macro: lambda _, value=value: value for macro, value in names.items()})  # type: ignore[misc]


def _feeds_differ(export: ExportBase, folder: str, known: Known) -> bool:
    found = [_named(f"{folder}/{export.file}", _values(feed, known)) for feed in feeds(export)]
    return len(set(found)) == len(found)


def _longest(export: ExportBase, known: Known) -> int:
    lengths = {macro: "x" * length for macro, length in _LENGTHS.items()}
    return max((len(_named(export.file, lengths | _values(feed, known))) for feed in feeds(export)), default=0)
