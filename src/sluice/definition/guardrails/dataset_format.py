"""Experience Platform exports datasets as compressed JSON or as Parquet."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.platform import to_platform
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.exports import connection_of
from sluice.definition.rules.known import Known
from sluice.formats.base import Format
from sluice.formats.json import Json
from sluice.formats.parquet import Parquet


def _rule(export: ExportBase, known: Known) -> Iterator[Problem]:
    connection = connection_of(export, known)
    if connection is None or to_platform(export, connection) is None:
        return
    form = export.format or connection.format
    if form is None or (nearest := _nearest(form)) is None:
        return
    what = "Experience Platform exports datasets as JSON with gzip, or as Parquet with gzip or without compression"
    path = ("format",) if export.format else ("connection",)
    whose = "" if export.format else f", the format of connection `{connection.name}`"
    yield Problem(path, f"{what}, not as {_says(form)}{whose}", "choose one of these formats", nearest)


def _nearest(form: Format) -> str | None:
    """The nearest legal format; None if this one is legal."""
    match form:
        case Json(compression="gzip") | Parquet(compression="gzip" | "none"):
            return None
        case Parquet():
            return "{type: parquet, compression: gzip}"
        case _:
            return "{type: json}"


def _says(form: Format) -> str:
    packed = getattr(form, "compression", None)
    return f"`{form.type}`" + (f" with `compression: {packed}`" if packed and isinstance(form, Json | Parquet) else "")


RULE = DeclarationGuardrail(
    name="dataset-format",
    family="export",
    stage="check",
    verdict="refuse",
    says="A dataset export to Experience Platform is compressed JSON, or Parquet.",
    source="Experience Platform: compressed dataset files",
    change="`profile` of the connection: without it, every format is allowed",
    example="profile: experience-platform",
    rule=_rule,
)
