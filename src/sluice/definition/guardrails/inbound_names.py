"""Audience Manager reads only files with names of its own, and they lie in a bucket of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.inbound import inbound_of
from sluice.definition.models.connection import Connection
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known
from sluice.definition.yaml.position import Path
from sluice.destinations.s3 import S3
from sluice.formats.audience_manager import Inbound
from sluice.formats.visitors import GLOBAL

_SOURCE = "Audience Manager: names of inbound files"
_END = r"(?P<split>%SPLIT%)?"
_TRAITS = re.compile(rf"ftp_dpm_(?P<source>\d+)(?:_(?P<owner>\d+))?_%EPOCH%\.(?:sync|overwrite){_END}")
_IDS = re.compile(rf"(?:adobe_id_|c2c_id_)(?P<sources>\d+(?:_\d+)+)_%EPOCH%\.sync{_END}")


def _names(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    form = inbound_of(export, connection) if connection else None
    if connection is None or form is None:
        return
    names, path = export.names, _path(export)
    found = (_TRAITS if form.content == "traits" else _IDS).fullmatch(names.name)
    if found is None:
        what = "Audience Manager does not read files with these names"
        yield Problem(path, what if names.name else f"{what}: the default ones", f"write {_example(connection, form)}")
        return
    yield from _of_traits(found, path, form) if form.content == "traits" else _of_ids(found, path, form, export)
    if found["split"] and (names.split.before != "." or names.split.start != 1):
        yield Problem(("file",), "Audience Manager numbers files as .1, .2", "declare `split: {before: .}`", key=True)
    if names.extension != (wanted := _extension(connection, form.compression)):
        what = f"the names of these inbound files {f'end in `.{wanted}`' if wanted else 'have no extension'}"
        yield Problem(("file",), what, f"declare `extension: {wanted or chr(34) * 2}`", key=True)


def _of_traits(found: re.Match[str], path: Path, form: Inbound) -> Iterator[Problem]:
    source, kind = found["source"], GLOBAL.get(int(found["source"]))
    if kind and not found["owner"]:
        what = f"{source} is the data source of all {kind} ids: Audience Manager needs its target's owner, too"
        yield Problem(path, what, f"write ftp_dpm_{source}_OWNER_%EPOCH%..., with the id of your own data source")
    if kind and form.user_id_kind != kind:
        what = f"{source} is the data source of {kind} ids, but the format has `user_id_kind: {form.user_id_kind}`"
        yield Problem(path, what, f"declare `user_id_kind: {kind}` in the format, or another data source")


def _of_ids(found: re.Match[str], path: Path, form: Inbound, export: ExportBase) -> Iterator[Problem]:
    """Each data source in the name belongs to a field, in the same order."""
    if not isinstance(export, SegmentExport):
        return
    sources, names = found["sources"].split("_"), [field.output for field in export.fields]
    if len(sources) != len(names):
        what = f"the names have {len(sources)} data sources, but the files have {len(names)} ids: {', '.join(names)}"
        yield Problem(path, what, "name the data source of each field, in the same order")
        return
    for source, name in zip(sources, names, strict=True):
        kind, declared = GLOBAL.get(int(source)), form.kind(name, names)
        if kind and declared != kind:
            what = f"{source} is the data source of {kind} ids, but `{name}` is declared as `{declared}`"
            yield Problem(path, what, f"declare `kinds: {{{name}: {kind}}}` in the format, or another data source")


def _path(export: ExportBase) -> Path:
    if not export.names.name:
        return ()
    return ("file",) if isinstance(export.file, str) else ("file", "name")


def _extension(connection: Connection, compression: str) -> str:
    if connection.openpgp:
        return connection.openpgp.extension
    return "gz" if compression == "gzip" else ""


def _example(connection: Connection, form: Inbound) -> str:
    source = str(connection.audience_manager.source if connection.audience_manager else "DATA_SOURCE")
    stem = f"ftp_dpm_{source}" if form.content == "traits" else f"adobe_id_{source}_OTHER_DATA_SOURCE"
    return (
        "`folder: date=%DATETIME(YYYY-MM-DD)%` and"
        f' `file: {{name: "{stem}_%EPOCH%.sync%SPLIT%", split: {{before: .}},'
        f" extension: {_extension(connection, form.compression) or chr(34) * 2}, unique: second}}`"
    )


def _acl(connection: Connection, known: Known) -> Iterator[Problem]:  # noqa: ARG001
    target = connection.destination
    if isinstance(target, S3) and target.bucket.startswith("demdex-") and target.acl != "bucket-owner-full-control":
        what = f"the bucket `{target.bucket}` is Adobe's: without this right, Audience Manager cannot read the files"
        yield Problem(("bucket",), what, "add `acl: bucket-owner-full-control`")


RULE = DeclarationGuardrail(
    name="inbound-names",
    family="export",
    stage="check",
    verdict="refuse",
    says="Inbound files of Audience Manager have names that it reads, with the owner's id for ids of devices.",
    source=_SOURCE,
    change="`file` of the export; `guardrails.inbound_names` of the project changes the verdict",
    example="format: {type: audience-manager}",
    setting="inbound_names",
    rule=_names,
)
ACL = DeclarationGuardrail(
    name="inbound-acl",
    family="connection",
    stage="check",
    verdict="refuse",
    says="Files in a bucket of Audience Manager can be read by its owner.",
    source="Audience Manager: access to its bucket",
    change="`acl` of the connection",
    example="bucket: demdex-s2s-clients",
    rule=_acl,
)
