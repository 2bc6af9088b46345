"""What the API shows of texts and values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sluice.definition.edit.store import Stored
from sluice.definition.edit.write import Draft, shown
from sluice.definition.folder import HIDDEN
from sluice.definition.yaml.parse import parse
from sluice.errors import DefinitionError, FatalError


def difference(drafts: Sequence[Draft], root: Path) -> str:
    """The change as a unified diff. A text that may contain a secret is not shown."""
    return "".join(HIDDEN if draft.hidden else draft.difference(root) for draft in drafts)


def values(body: bytes | None) -> dict[str, Any]:
    """The text as a value; empty if it is no YAML mapping, or if it may contain a secret."""
    if body is None or shown(body) == HIDDEN:
        return {}
    try:
        found: dict[str, Any] = _plain(parse(body, "").value)
    except DefinitionError:
        return {}
    return found


def editable(stored: Stored) -> None:
    """Raise `FatalError` if the text may contain a secret: nobody can edit what is not shown."""
    if shown(stored.body) == HIDDEN:
        what = f"the file of {stored.family} {stored.name} may contain a secret, so it is neither shown nor edited here"
        raise FatalError(what, next_step=f"move the secret into an Airflow connection, and edit {stored.path} itself")


def _plain(value: Any) -> Any:
    """The value as JSON can spell it."""
    match value:
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
