"""Files of different feeds or exports that may have the same name. Only names without the run's id can."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

from sluice.definition.errors.problem import Problem
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase
from sluice.definition.models.macros import DATETIME, DEFAULT_FOLDERS, time_format, tokens, uses
from sluice.definition.models.patterns import Pattern, Piece, digits, number, optional, overlap, text
from sluice.definition.references import Reference, feeds
from sluice.definition.rules.exports import connection_of, dataset_of
from sluice.definition.rules.known import Known
from sluice.definition.rules.names import due_together, file_names_are_unique

_ANY = "x" + "".join(map(chr, range(32, 127)))
_NUMBERS = re.compile("%([YmdHMS%])")
_WIDTH = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}


def feeds_never_share_names(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Two feeds of one export, in any two runs of it."""
    if not _is_open(export) or connection_of(export, known) is None or any(file_names_are_unique(export, known)):
        return
    for (one, first), (other, second) in combinations(_files(export, known), 2):
        if one != other and (name := overlap(first, second)) is not None:
            what = f"a file of `{one}` and one of `{other}` may both be named `{name}`"
            path = ("file", "name") if not isinstance(export.file, str) else ("file",)
            yield Problem(path, what, "put a text between the feed's name and what follows it")
            return


def clashes(exports: Mapping[str, ExportBase], known: Known) -> Iterator[tuple[str, Problem]]:
    """Exports that deliver to one place, and whose files may have the same name: each problem at the later of two."""
    places: dict[tuple[str, ...], list[tuple[ExportBase, list[Pattern]]]] = defaultdict(list)
    for name, export in sorted(exports.items()):
        connection = connection_of(export, known)
        if connection is None or not _is_open(export):
            continue
        place, files = _place(connection), [pattern for _, pattern in _files(export, known)]
        for other, theirs in places[place]:
            if (file := _clash(files, theirs)) is not None and not _take_turns(export, other, known):
                yield name, _refused(export, other, file)
                break
        places[place].append((export, files))


def _clash(files: list[Pattern], others: list[Pattern]) -> str | None:
    """A name that files of both may have."""
    found = (overlap(mine, theirs) for theirs in others for mine in files)
    return next((name for name in found if name is not None), None)


def _refused(export: ExportBase, other: ExportBase, file: str) -> Problem:
    what = f"a file of this export and one of `{other.name}` may both be named `{file}`, in one folder"
    advice = "add %EXPORT_NAME% to the names, or choose another `folder`"
    path = ("file", "name") if not isinstance(export.file, str) else ("file",)
    if export.names.promise == other.names.promise and (at := due_together(export, other)):
        return Problem(path, f"{what}: both are due at {at:%Y-%m-%d %H:%M} UTC", f"{advice}, or other times")
    return Problem(path, what, f"{advice}; equal names fit clock schedules that are never due together")


def _take_turns(export: ExportBase, other: ExportBase, known: Known) -> bool:
    """Whether two exports may have equal names, because they are never due together.

    Equal names have one log of claims in staging: if runs that somebody has started are due together all the same, the
    second one is refused before it sends anything. Names that differ, but may overlap, have no common log."""
    names, others = export.names, other.names
    if names.replaces or others.replaces or names.promise != others.promise:
        return False
    if _templates(export, known) != _templates(other, known):
        return False
    if "off" in (export.schedule, other.schedule):
        return True
    clocks = [one.when for one in (export, other)]
    return all(one is not None and one.by_the_clock for one in clocks) and due_together(export, other) is None


def _templates(export: ExportBase, known: Known) -> set[str]:
    """The names of all feeds, with their macros of time."""
    connection, found = connection_of(export, known), set()
    assert connection is not None  # noqa: S101 - exports without one have no place
    folder = export.folder or DEFAULT_FOLDERS[str(getattr(export, "kind", "dataset-export"))]
    for feed in feeds(export):
        values = _values(export, connection, feed, known)
        template = f"{connection.destination.folder}/{folder}/{export.names.name}"
        pieces = [
            literal + (values.get(macro) or f"%{macro}({form or ''})%" if macro else "")
            for literal, macro, form in tokens(template)
        ]
        found.add("/".join(level for level in "".join(pieces).split("/") if level))
    return found


def _is_open(export: ExportBase) -> bool:
    """Whether other runs may have its names."""
    folder = export.folder or DEFAULT_FOLDERS[str(getattr(export, "kind", "dataset-export"))]
    return bool(export.names.name) and not uses(f"{folder}/{export.names.name}", "RUN_ID")


def _place(connection: Connection) -> tuple[str, ...]:
    target = connection.destination
    inside = (str(getattr(target, key, "")) for key in ("bucket", "container"))
    return target.type, target.airflow_conn_id, *inside


def _files(export: ExportBase, known: Known) -> Iterator[tuple[str, Pattern]]:
    """The patterns of every file's path, each with its feed."""
    connection, names = connection_of(export, known), export.names
    if connection is None:
        return
    folder = export.folder or DEFAULT_FOLDERS[str(getattr(export, "kind", "dataset-export"))]
    for feed in feeds(export):
        values = _values(export, connection, feed, known)
        template = "/".join(level for level in f"{connection.destination.folder}/{folder}".split("/") if level)
        stem = _pattern(f"{template}/{names.name}".lstrip("/"), values, export)
        part = [*stem, *_extension(export, connection)]
        yield feed.name, part
        if names.trigger and names.trigger.suffix:
            yield feed.name, [*(stem if names.trigger.after == "name" else part), *text(names.trigger.suffix)]


def _extension(export: ExportBase, connection: Connection) -> list[Piece]:
    """Any extension if only the plan knows the format."""
    declared, form = export.names.extension, export.format or connection.format
    if declared is not None:
        return text(f".{declared}" if declared else "")
    if form is None or connection.openpgp:
        return [Piece("."), Piece(_ANY, repeats=True)]
    return text(form.extension)


def _values(export: ExportBase, connection: Connection, feed: Reference, known: Known) -> Mapping[str, str]:
    dataset = dataset_of(feed, export, known)
    return {
        "DATASET_ID": (dataset.id or dataset.name) if dataset else feed.name,
        "DESTINATION": connection.destination.type,
        "DESTINATION_INSTANCE_ID": connection.name,
        "DESTINATION_INSTANCE_NAME": connection.title or connection.name,
        "EXPORT_NAME": export.name,
        "ORGANIZATION_NAME": known.project.organization,
        "SANDBOX_NAME": known.project.sandbox,
        "SEGMENT_ID": feed.name,
        "SEGMENT_NAME": feed.name,
    }


def _pattern(template: str, values: Mapping[str, str], export: ExportBase) -> list[Piece]:
    found: list[Piece] = []
    split = export.names.split
    for literal, macro, form in tokens(template):
        found += text(literal)
        if macro == "PART":
            found += [*number(5), *optional([*text("-"), *number(3)])]
        elif macro == "SPLIT":
            numbered = [*text(split.before), *number(split.digits)]
            found += numbered if split.bare == "never" else optional(numbered)
        elif macro is not None:
            found += _time(macro, form) or text(values.get(macro, ""))
    return found


def _time(macro: str, form: str | None) -> list[Piece]:
    """The digits of a macro of time; empty for another macro."""
    if macro == "EXPORT_TIME":
        return [*text("exportTime="), *digits(12)]
    if macro in ("EPOCH", "EPOCH_MS"):
        return digits(10 if macro == "EPOCH" else 13)
    found: list[Piece] = []
    pieces = _NUMBERS.split(time_format(form or DATETIME)) if macro == "DATETIME" else []
    for index, piece in enumerate(pieces):
        is_number = index % 2 and piece != "%"
        found += digits(_WIDTH[piece]) if is_number else text(piece)
    return found
