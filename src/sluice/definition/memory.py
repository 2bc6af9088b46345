"""What was found in declarations before, so that reading them again repeats only what has changed.

Nothing is taken on trust. A declaration's own errors are reused while its file and the defaults of exports have the
same content. The errors of its references are reused while everything that the rules have asked about other
declarations has the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.definition.folder import Declaration, Family
from sluice.definition.models.project import Settings
from sluice.definition.rules.known import Known
from sluice.definition.yaml.documents import Documents
from sluice.definition.yaml.position import Document
from sluice.errors import DefinitionError

Key = tuple[str, Family, str]
"""What was found, of which declaration."""


class Trace:
    """All declarations as a rule sees them. Remembers each question with its answer."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._answers: dict[tuple[str, ...], Any] = {}

    @property
    def project(self) -> Settings:
        """The project's settings. They are not remembered: nothing is, once they have changed."""
        return self._known.project

    def names(self, family: Family) -> Iterable[str]:
        names: frozenset[str] = self._ask("names", family)
        return names

    def has(self, family: Family, name: str) -> bool:
        return bool(self._ask("has", family, name))

    def unreadable(self, family: Family) -> bool:
        return bool(self._ask("unreadable", family))

    def get(self, family: Family, name: str) -> Any:
        return self._ask("get", family, name)

    def holds(self, known: Known) -> bool:
        """Whether every answer is still the same. A declaration that was read anew counts as another one."""
        return all(_same(_answer(known, *asked), answer) for asked, answer in self._answers.items())

    def _ask(self, *asked: str) -> Any:
        if asked not in self._answers:
            self._answers[asked] = _answer(self._known, *asked)
        return self._answers[asked]

    def end(self) -> None:
        """Let go of the declarations that answered."""
        del self._known


def _answer(known: Known, question: str, *about: Any) -> Any:
    answer = getattr(known, question)(*about)
    return frozenset(answer) if question == "names" else answer


def _same(now: Any, before: Any) -> bool:
    return now == before if isinstance(before, bool | frozenset) else now is before


@dataclass(frozen=True)
class Kept:
    """Something that was found in a declaration, and what it depends on."""

    document: Document
    defaults: Document | None
    value: Any
    errors: Sequence[DefinitionError]
    trace: Trace | None = None


@dataclass
class Memory:
    """What one process remembers of one folder of declarations. Any number of threads may share it."""

    documents: Documents = field(default_factory=Documents)
    _kept: dict[Key, Kept] = field(default_factory=dict)

    def find(self, key: Key, declaration: Declaration, defaults: Document | None) -> Kept | None:
        """What was found before, if the declaration's file and `project.yaml` are the same."""
        kept = self._kept.get(key)
        same = kept is not None and kept.document is declaration.document and kept.defaults is defaults
        return kept if same else None

    def keep(self, key: Key, kept: Kept) -> None:
        """Remember it instead of what was found before."""
        self._kept[key] = kept

    def keep_only(self, documents: Iterable[Document]) -> None:
        """Forget what was found in other documents: in files that were removed, and in drafts."""
        ids = {id(document) for document in documents}
        self.documents.keep_only(ids)
        for key, kept in list(self._kept.items()):
            if id(kept.document) not in ids:
                self._kept.pop(key, None)
