"""Opens the store of declarations that the project asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sluice.definition.edit.git import GitStore
from sluice.definition.edit.store import ReadOnlyStore, Store
from sluice.definition.memory import Memory
from sluice.definition.models.project import Edits
from sluice.definition.settings import read_settings

STORES: Mapping[Edits, type[Store]] = {"folder": Store, "git": GitStore, "read-only": ReadOnlyStore}


def open_store(folder: Path, memory: Memory | None = None) -> Store:
    """The store of the declarations in this folder, as `edits` in its `project.yaml` says."""
    return STORES[read_settings(folder).settings.edits](folder, memory)
