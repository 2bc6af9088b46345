"""Guardrails that are asked when declarations are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sluice.definition.errors.problem import Problem
from sluice.definition.folder import Family
from sluice.definition.models.export import ExportBase
from sluice.definition.rules.known import Rule
from sluice.model.guardrail import Guardrail


@dataclass(frozen=True, kw_only=True)
class DeclarationGuardrail(Guardrail):
    """Asked about each declaration of a family. Its problems are errors if its verdict is `refuse`, else warnings."""

    family: Family
    rule: Rule


@dataclass(frozen=True, kw_only=True)
class FolderGuardrail(Guardrail):
    """Asked once about all exports that can run."""

    rule: Callable[[Mapping[str, ExportBase]], Iterator[tuple[str, Problem]]]
    """Yields each problem with the export that it is shown at."""
