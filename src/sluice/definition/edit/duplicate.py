"""Creates an export from another one."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.definition.edit.key import put
from sluice.definition.edit.store import Reader
from sluice.definition.edit.write import Draft


def duplicating(store: Reader, name: str, new: str) -> Sequence[Draft]:
    """The draft of a copy of an export. The copy is switched off: with the same schedule and the same folder, it would
    deliver everything a second time.

    Raises `DefinitionError` if the export does not exist or cannot be edited, or if the new name is taken or invalid.
    """
    original = store.get("export", name)
    body = put(original.body, str(original.path), "enabled", value=False, after="schedule")
    return store.creating("export", new, body.decode())
