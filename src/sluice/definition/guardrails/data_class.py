"""Columns of a data class are delivered only as the class demands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sluice.definition.errors.problem import Problem, either
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.connection import Connection
from sluice.definition.models.data_classes import DataClass, demanded
from sluice.definition.models.export import ExportBase, SegmentExport
from sluice.definition.models.fields import FieldSpec
from sluice.definition.rules.exports import connection_of, datasets_of
from sluice.definition.rules.known import Known
from sluice.definition.yaml.position import Path
from sluice.errors import DefinitionError


class _Sent(NamedTuple):
    """A column that an export delivers."""

    path: Path
    column: str
    hashed: bool


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    for feed, dataset in datasets_of(export, known):
        classes = {name: column.data_class for name, column in dataset.columns.items() if column.data_class}
        for sent in _sent(export, feed.path, list(classes), dataset.metrics):
            for name, demand in demanded(classes[sent.column], known.project.data_classes).items():
                whose = f"the column `{sent.column}` of `{dataset.name}` is of the data class `{name}`"
                yield from _broken(export, connection, sent, demand, whose)


def _sent(export: ExportBase, path: Path, columns: list[str], metrics: Mapping[str, str]) -> Iterator[_Sent]:
    """Those of the columns that the export delivers. SQL ignores the case of names."""
    if not isinstance(export, SegmentExport):
        yield from (_Sent(path, column, hashed=False) for column in columns)
        return
    for index, field in enumerate(export.fields if columns else ()):
        spec = field.computed(metrics) if field.metric in metrics else field
        for column in columns:
            if _delivers(spec, column):
                yield _Sent(("fields", index), column, hashed=spec.hash is not None)


def _delivers(spec: FieldSpec, column: str) -> bool:
    if spec.sql is None:
        return spec.field is not None and spec.field.lower() == column.lower()
    text, name = spec.sql.lower(), column.lower()
    if not any(word in text for word in (name, "*", "columns", '""')):
        return False  # it cannot name the column, and parsing would cost a DAG's processor the engine
    from sluice.sql.expression import row_expression

    try:
        expression = row_expression(spec.sql)
    except DefinitionError:
        return False  # it cannot be delivered, and has an error of its own
    named = {one.lower() for one in expression.named | expression.perhaps}
    return name in named or "*" in named


def _broken(
    export: ExportBase, connection: Connection | None, sent: _Sent, demand: DataClass, whose: str
) -> Iterator[Problem]:
    if "hash" in demand.demands and not sent.hashed:
        advice = f"add `hash: sha256` to the field `{sent.column}`"
        if not isinstance(export, SegmentExport):
            advice = "deliver the dataset with a segment-export, which can hash the column or leave it out"
        yield Problem(sent.path, f"{whose}, which is delivered only as a hash", advice)
    if connection is None:
        return
    if "consent" in demand.demands and not (export.consent or connection.consent):
        what = f"{whose}, which is delivered only with consent"
        yield Problem(sent.path, what, f"add `consent` to the export or to the connection `{connection.name}`")
    if demand.connections and connection.name not in demand.connections:
        what = f"{whose}, which is delivered only to {either(f'`{one}`' for one in demand.connections)}"
        yield Problem(sent.path, what, "choose one of these connections, or do not deliver the column")
    if demand.to and connection.destination.type not in demand.to:
        types = either(f"`{one}`" for one in demand.to)
        what = f"{whose}, which is delivered only to destinations of type {types}"
        yield Problem(sent.path, what, "choose such a connection, or do not deliver the column")


RULE = DeclarationGuardrail(
    name="data-class",
    family="export",
    stage="check",
    verdict="refuse",
    says="A column with a data class is delivered only as its class demands: hashed, with consent, to some targets.",
    source="Sluice",
    change="`data_classes` of the project, or the `class` of the column in the catalog",
    example="data_classes: {pii: {demands: [hash]}, sensitive: {demands: [consent], connections: [vault]}}",
    rule=_rule,
)
