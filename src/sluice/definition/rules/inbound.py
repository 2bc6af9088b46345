"""Rules of exports that deliver inbound files of Audience Manager."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem, unknown
from sluice.definition.inbound import inbound_of
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.rules.exports import connection_of, datasets_of
from sluice.definition.rules.known import Known
from sluice.definition.yaml.position import Path
from sluice.formats.audience_manager import Inbound


def inbound_names_its_fields(export: ExportBase, known: Known) -> Iterator[Problem]:
    found = _inbound(export, known)
    if found and isinstance(export, SegmentExport):
        names = [field.output for field in export.fields]
        if wrong := found[1].wrong_names(names):
            path: Path = ("format", wrong.key) if wrong.key and export.format else ("fields",)
            first = f"inbound files of Audience Manager: {wrong.what}"
            if wrong.known:
                yield unknown(path, wrong.what.split("`")[1], wrong.known, first, wrong.advice, key=path == ("fields",))
            else:
                yield Problem(path, first, wrong.advice, key=path == ("fields",))


def inbound_files_are_read(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Audience Manager reads no empty file, and no file that is both compressed and encrypted."""
    if not (found := _inbound(export, known)):
        return
    connection, form = found
    if export.when_empty == "file":
        what = "Audience Manager accepts no empty files"
        yield Problem(("when_empty",), what, "write `publish`, `skip` or `refuse`")
    if connection.openpgp and form.compression != "none":
        what = (
            f"the connection `{connection.name}` encrypts files, and Audience Manager reads no encrypted file that is"
        )
        path: Path = ("format", "compression") if export.format else ("connection",)
        yield Problem(path, f"{what} also compressed", "add `compression: none` to the format")


def inbound_changes_can_remove(export: ExportBase, known: Known) -> Iterator[Problem]:
    """Of a removed row only the key is known, and a trait is only removed by its id."""
    found = _inbound(export, known)
    if not found or not isinstance(export, SegmentExport) or export.mode != "changes":
        return
    form = found[1]
    if form.content == "ids":
        yield Problem(("mode",), "an ID sync of Audience Manager removes nothing", "write `mode: full`")
        return
    keys = {dataset.key for _, dataset in datasets_of(export, known)}
    user = form.user_id or export.fields[0].output
    spec = next((one for one in export.fields if one.output == user), None)
    if spec and keys and (not spec.as_it_is or {spec.field} != keys):
        what = f"`{user}` is not the key `{min(keys)}`, so it is unknown for removed members"
        yield Problem(("mode",), what, f"deliver `{min(keys)}` as the visitor's id, or write `mode: full`")
    if not any(one.startswith("d_sid=") for one in form.traits):
        what = "no trait of the file has an id, and Audience Manager removes members from a trait only by its id"
        advice = "name the trait by its id: `audience: {trait: 678}`, or `traits: [d_sid=678]` in the format"
        yield Problem(("mode",), what, advice)


def _inbound(export: ExportBase, known: Known) -> tuple[Connection, Inbound] | None:
    connection = connection_of(export, known)
    form = inbound_of(export, connection) if connection else None
    return (connection, form) if connection and form else None
