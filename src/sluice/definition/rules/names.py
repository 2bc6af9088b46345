"""Rules of file names, and of the chunks and paths that a connection's profile allows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, either
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
"""The maximum length of a file name. File systems allow 255 bytes, and the temporary name during a transfer adds 18."""

_LENGTHS = {"RUN_ID": 36, "PART": 9, "DATETIME": 15, "EXPORT_TIME": 23}
_TOUCHING = re.compile(r"[0-9A-Za-z%]%PART%|%PART%[0-9A-Za-z%]")


def file_is_a_name(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The template is valid on its own, at its destination and with the format's extension."""
    connection: Connection | None = known.get("connection", export.connection)
    if connection is None or not export.file:
        return
    target = connection.destination
    wrong = list(wrong_file(("file",), export.file, target.allowed, f"a destination of type {target.type}"))
    yield from wrong
    if uses(export.file, "DESTINATION_INSTANCE_NAME"):
        yield from _title(connection)
    if not wrong and (longest := _longest(export, known)) > LONGEST:
        what = f"the file names would have up to {longest} characters, but the maximum is {LONGEST}"
        yield Problem(("file",), what, "move some macros into `folder`")
    form = export.format or connection.format
    if form and (ends := next((end for end in _ends(form.extension) if export.file.endswith(end)), "")):
        what = f"the format already adds `{form.extension}` to every name"
        yield Problem(("file",), what, "delete the extension", export.file.removesuffix(ends))


def file_names_are_unique(export: ExportBase, known: Known) -> Iterator[Problem]:
    """No two runs, feeds or parts may write the same file. Only the run's id distinguishes runs: two may be due at the
    same time."""
    if not export.file or any(True for _ in file_is_a_name(export, known)):
        return
    folder = export.folder or DEFAULT_FOLDERS[_kind(export)]
    missing = {} if uses(folder, "RUN_ID") or uses(export.file, "RUN_ID") else {"runs": "%RUN_ID%"}
    missing |= {} if _feeds_differ(export, folder, known) else {"feeds": "%SEGMENT_NAME%"}
    missing |= {} if uses(export.file, "PART") else {"parts": "%PART%"}
    if missing:
        words = either(missing)
        what = f"with the folder `{folder}`, two {words} would write the same file"
        yield Problem(("file",), what, f"add {', '.join(missing.values())}", _with(export.file, list(missing.values())))
    elif _TOUCHING.search(export.file):
        better = re.sub(r"(?<=[0-9A-Za-z%])(?=%PART%)|(?<=%PART%)(?=[0-9A-Za-z%])", "_", export.file)
        what = "the part's number touches the text next to it, so `%PART%` is ambiguous"
        yield Problem(("file",), what, "put `_` or `-` between them", better)


def path_fits_the_profile(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Checks the templates and the connection's title. The other macros insert only valid names."""
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
            yield Problem(("chunks", "records"), sentence, "declare the number that is used, or delete the key")


def _with(template: str, macros: list[str]) -> str:
    """The template with the missing macros added, the part's number last."""
    before, part, after = template.partition("%PART%")
    added = "_".join([*macros, part] if part else macros)
    return f"{before}{added}{after}" if part else f"{template}_{added}"


def _title(connection: Connection) -> Iterator[Problem]:
    if "/" in connection.title:
        what = f"%DESTINATION_INSTANCE_NAME% inserts the connection's title `{connection.title}`, which contains a `/`"
        yield Problem(("file",), what, "write %DESTINATION_INSTANCE_ID%, the connection's name")
    target = connection.destination
    yield from wrong_characters(("file",), connection.title, target.allowed, f"a destination of type {target.type}")


def _ends(extension: str) -> Iterator[str]:
    """The forms of an extension that a user may have written: all of it, or its first part."""
    yield extension
    yield f".{extension.split('.')[1]}"


def _kind(export: ExportBase) -> str:
    return str(getattr(export, "kind"))  # noqa: B009 - every kind declares its own


def _values(feed: Reference, known: Known) -> dict[str, str]:
    """The values of the macros that differ between feeds."""
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
