"""Rules of file names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from sluice.definition.errors.problem import Problem, either
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase, may_split
from sluice.definition.models.file_names import TIMES, FileNames, Unique
from sluice.definition.models.macros import (
    DEFAULT_FOLDERS,
    FILE_MACROS,
    MACROS,
    SEGMENT,
    expand,
    time_of,
    uses,
    wrong_characters,
    wrong_file,
)
from sluice.definition.models.ticks import Ticks
from sluice.definition.references import Reference, feeds
from sluice.definition.rules.exports import dataset_of
from sluice.definition.rules.known import Known
from sluice.definition.yaml.position import Path

LONGEST = 200
"""The maximum length of a file name. File systems allow 255 bytes, and the temporary name during a transfer adds 18."""

_LENGTHS = {"RUN_ID": 36, "PART": 9, "SPLIT": 9, "DATETIME": 15, "EXPORT_TIME": 23, "EPOCH": 10, "EPOCH_MS": 13}
_TOUCHING = re.compile(r"[0-9A-Za-z%]%PART%|%PART%[0-9A-Za-z%]")
_OF_FEEDS = ("DATASET_ID", "SEGMENT_ID", "SEGMENT_NAME")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_FIELDS = ("year", "month", "day", "hour", "minute", "second")
_DEPTH = {"second": 6, "minute": 5, "hour": 4, "day": 3}
_MOMENT = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
"""A leap year: the times of a schedule are compared from here on."""
_YEARS = 28
"""After so many years, the same dates are on the same weekdays."""
_STEPS = 1_000
"""Times of two schedules that are compared: a year of days, or ten years of weeks."""
_Clock = tuple[tuple[str, ...], str]
"""The cron schedules of a clock, and its time zone."""


def file_is_a_name(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The template is valid on its own, at its destination and with the format's extension."""
    connection: Connection | None = known.get("connection", export.connection)
    if connection is None or not export.names.name:
        return
    target, names, path = connection.destination, export.names, _path(export)
    wrong = list(wrong_file(path, names.name, target.allowed, f"a destination of type {target.type}"))
    yield from wrong
    if uses(names.name, "DESTINATION_INSTANCE_NAME"):
        yield from _title(connection, path)
    if not wrong and (longest := _longest(export, known)) > LONGEST:
        what = f"the file names would have up to {longest} characters, but the maximum is {LONGEST}"
        yield Problem(path, what, "move some macros into `folder`")
    form = export.format or connection.format
    extension = f".{names.extension}" if names.extension is not None else form.extension if form else ""
    if len(extension) > 1 and (ends := next((end for end in _ends(extension) if names.name.endswith(end)), "")):
        what = (
            f"the {'format' if names.extension is None else 'key `extension`'} already adds `{extension}` to every name"
        )
        yield Problem(path, what, "delete the extension", names.name.removesuffix(ends))


def trigger_is_a_name(export: ExportBase, known: Known) -> Iterator[Problem]:
    """The name of a delivery's trigger file is the same for all feeds. One that is written before the manifest may be
    left by a run that is never published: then it must be that run's own."""
    connection: Connection | None = known.get("connection", export.connection)
    trigger = export.names.trigger
    if connection is None or trigger is None or not trigger.name:
        return
    path, target = ("file", "trigger", "name"), connection.destination
    wrong = list(wrong_file(path, trigger.name, target.allowed, f"a destination of type {target.type}"))
    yield from wrong
    for macro in (*_OF_FEEDS, *FILE_MACROS):
        if uses(trigger.name, macro):
            yield Problem(path, f"%{macro}% differs between files, but there is one trigger file", f"delete %{macro}%")
    if trigger.written == "before-manifest" and not wrong and _promised(export, trigger.name):
        what = "two runs would write the same trigger file, and one that fails could leave it for the other"
        yield Problem(path, what, f"add {_promised(export, trigger.name)}, or write it `after-manifest`")


def file_names_are_unique(export: ExportBase, known: Known) -> Iterator[Problem]:
    """No two runs, feeds or parts may write the same file, as far as `unique` promises."""
    names, path = export.names, _path(export)
    if export.pattern is not None or not names.name or any(True for _ in file_is_a_name(export, known)):
        return
    folder = export.folder or DEFAULT_FOLDERS[_kind(export)]
    runs = "" if names.replaces else _promised(export, f"{folder}/{names.name}")
    missing = {"runs": runs} if runs else {}
    missing |= {} if _feeds_differ(export, folder, known) else {"feeds": "%SEGMENT_NAME%"}
    missing |= {} if any(uses(names.name, macro) for macro in FILE_MACROS) else {"parts": "%PART%"}
    if missing:
        words = either(missing)
        what = f"with the folder `{folder}`, two {words} would write the same file"
        advice = f"add {', '.join(missing.values())}"
        if runs == "%RUN_ID%" and (unit := _unit(f"{folder}/{names.name}")):
            advice += f", or promise one delivery per {unit}: `file: {{name: ..., unique: {unit}}}`"
        elif runs and names.promise != "run":
            what = f"{what}: `unique: {names.promise}` needs the {names.promise} in the names"
        yield Problem(path, what, advice, _with(names.name, list(missing.values())))
    elif _TOUCHING.search(names.name):
        better = re.sub(r"(?<=[0-9A-Za-z%])(?=%PART%)|(?<=%PART%)(?=[0-9A-Za-z%])", "_", names.name)
        what = "the part's number touches the text next to it, so `%PART%` is ambiguous"
        yield Problem(path, what, "put `_` or `-` between them", better)
    elif names.replaces and getattr(export, "mode", "full") != "full":
        what = f"with `mode: {getattr(export, 'mode', '')}`, a delivery that replaces the last one removes its rows"
        yield Problem(("file", "replaces"), what, "declare `mode: full`, or a promise with `unique`")


def promise_fits_the_schedule(export: ExportBase, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    """The times of a clock schedule keep the promise, too. Other runs may break it: those are refused before they send
    anything."""
    unit, spec = export.names.promise, export.when
    if unit not in ("hour", "day") or spec is None or not spec.by_the_clock:
        return
    if twice := _twice(spec.crons, spec.zone, unit):
        first, second = twice
        what = (
            f"`unique: {unit}` promises one delivery per {unit} of UTC, but the schedule is due twice, such as at"
            f" {first:%Y-%m-%d %H:%M} and {second:%H:%M} UTC"
        )
        better: Unique = "hour" if unit == "day" and first.hour != second.hour else "minute"
        yield Problem(("file", "unique"), what, f"declare `unique: {better}`, and add {TIMES[better]} to `name`")


def due_together(one: ExportBase, other: ExportBase) -> datetime | None:
    """A time at which both exports are due, within what the first one promises; None if there is none in the years that
    are compared, or if one of them has no clock schedule."""
    first, second = one.when, other.when
    if first is None or second is None or not (first.by_the_clock and second.by_the_clock):
        return None
    return _together((first.crons, first.zone), (second.crons, second.zone), one.names.promise)


@lru_cache(maxsize=4096)
def _together(one: _Clock, other: _Clock, unit: str) -> datetime | None:
    """Each schedule skips to the time of the other one, so that the rarer one sets the number of steps."""
    if one[1] == other[1] == "UTC" and unit in ("second", "minute") and _differ(one[0], other[0]):
        return None
    clocks = [Ticks(crons, zone=zone) for crons, zone in (one, other)]
    first = clocks[0].after(_YEAR)
    for step in range(_STEPS):
        if first is None or first.year >= _YEAR.year + _YEARS:
            return None
        length = _UNITS[unit]
        start = datetime.fromtimestamp(_unit_of(first, unit) * length, UTC)
        second = clocks[(step + 1) % 2].after(start - timedelta(seconds=1))
        if second is not None and _unit_of(second, unit) == _unit_of(first, unit):
            return second
        first = second
    return None


def _differ(crons: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether no time of day is in both, as far as their minutes and hours tell."""
    from croniter import croniter

    times = [[croniter.expand(cron)[0][:2] for cron in some] for some in (crons, others)]
    return all(
        any("*" not in (*mine, *theirs) and not {*mine} & {*theirs} for mine, theirs in zip(one, other, strict=True))
        for one in times[0]
        for other in times[1]
    )


@lru_cache(maxsize=256)
def _twice(crons: tuple[str, ...], zone: str, unit: str) -> tuple[datetime, datetime] | None:
    """Two times of a schedule in one hour or day of UTC; None if there are none in a year."""
    ticks = Ticks(crons, zone=zone)
    for start, end in _compared(crons, zone, unit):
        first = start - timedelta(seconds=1)
        while (second := ticks.after(first)) is not None and second < end:
            if first >= start and _unit_of(first, unit) == _unit_of(second, unit):
                return first, second
            first = second
    return None


def _compared(crons: tuple[str, ...], zone: str, unit: str) -> Iterator[tuple[datetime, datetime]]:
    """The spans of the year in which two times may be so close. A schedule that is due at one minute of the hour has
    two times in an hour only where the clocks are changed."""
    days = [_YEAR + timedelta(days=number) for number in range(367)]
    if unit == "day" or len({cron.split()[0] for cron in crons}) > 1 or not crons[0].split()[0].isdigit():
        yield days[0], days[-1]
        return
    for before, after in pairwise(days):
        if before.astimezone(ZoneInfo(zone)).utcoffset() != after.astimezone(ZoneInfo(zone)).utcoffset():
            yield before - timedelta(days=1), after + timedelta(days=1)


def _unit_of(moment: datetime, unit: str) -> int:
    return int(moment.timestamp()) // _UNITS[unit]


def _promised(export: ExportBase, template: str) -> str:
    """The macro that a template lacks, so that the names of two runs differ as promised; empty if it lacks none."""
    promise = export.names.promise
    if uses(template, "RUN_ID"):
        return ""
    if promise == "run":
        return "%RUN_ID%"
    return "" if _tells(template, promise) else TIMES[promise]


def _unit(template: str) -> str:
    """The shortest unit of time of which a template tells two apart; empty if there is none."""
    return next((unit for unit in TIMES if _tells(template, unit)), "")


def _tells(template: str, unit: str) -> bool:
    """Whether two runs that are not due in the same unit of time have different names: every field of the time, down to
    this unit, changes them."""
    text = time_of(template, _MOMENT)
    later = (_MOMENT.replace(**{field: getattr(_MOMENT, field) + 5}) for field in _FIELDS[: _DEPTH[unit]])
    return all(time_of(template, moment) != text for moment in later)


def _path(export: ExportBase) -> Path:
    return ("file", "name") if isinstance(export.file, FileNames) else ("file",)


def _with(template: str, macros: list[str]) -> str:
    """The template with the missing macros added, the part's number last."""
    number = next((f"%{macro}%" for macro in FILE_MACROS if uses(template, macro)), "%PART%")
    before, part, after = template.partition(number)
    added = "_".join([*macros, part] if part else macros)
    return f"{before}{added}{after}" if part else f"{template}_{added}"


def _title(connection: Connection, path: Path) -> Iterator[Problem]:
    if "/" in connection.title:
        what = f"%DESTINATION_INSTANCE_NAME% inserts the connection's title `{connection.title}`, which contains a `/`"
        yield Problem(path, what, "write %DESTINATION_INSTANCE_ID%, the connection's name")
    target = connection.destination
    yield from wrong_characters(path, connection.title, target.allowed, f"a destination of type {target.type}")


def _ends(extension: str) -> Iterator[str]:
    """The forms of an extension that a user may have written: all of it, or its first part."""
    yield extension
    yield f".{extension.split('.')[1]}"


def _kind(export: ExportBase) -> str:
    return str(getattr(export, "kind"))  # noqa: B009 - every kind declares its own


def _values(feed: Reference, export: ExportBase, known: Known) -> dict[str, str]:
    """The values of the macros that differ between feeds."""
    dataset = dataset_of(feed, export, known)
    dataset_id = (dataset.id or dataset.name) if dataset else feed.name
    return {"SEGMENT_NAME": feed.name, "SEGMENT_ID": feed.name, "DATASET_ID": dataset_id}


def _named(template: str, values: dict[str, str]) -> str:
    names = dict.fromkeys(MACROS | FILE_MACROS, "x") | values
    return expand(template, {macro: lambda _, value=value: value for macro, value in names.items()})  # type: ignore[misc]


def _feeds_differ(export: ExportBase, folder: str, known: Known) -> bool:
    found = [_named(f"{folder}/{export.names.name}", _values(feed, export, known)) for feed in feeds(export)]
    return len(set(found)) == len(found)


def _longest(export: ExportBase, known: Known) -> int:
    names = export.names
    lengths = {macro: "x" * length for macro, length in _LENGTHS.items()}
    lengths["SPLIT"] += names.split.before
    more = len(names.trigger.suffix) if names.trigger else 0
    found = (len(_named(names.name, lengths | _values(feed, export, known))) for feed in feeds(export))
    return max(found, default=0) + more + _groups(export)


def _groups(export: ExportBase) -> int:
    """The characters that the numbers of groups add to a name."""
    return 5 * sum(uses(export.names.name, macro) for macro in SEGMENT) if may_split(export) else 0
