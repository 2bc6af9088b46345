"""How commands change declarations: as the shell's user, with a record in the audit log."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sluice.access.actor import shell
from sluice.access.audit import Audit, Entry
from sluice.access.editor import Editor
from sluice.airflow.connections import AirflowConnections
from sluice.definition.edit.opened import open_store
from sluice.definition.edit.store import Change
from sluice.definition.edit.write import Draft, ReadOnlyError
from sluice.definition.settings import read_settings
from sluice.errors import SluiceError


def audit_of(include: Path) -> Audit:
    """The audit log of the project in this folder."""
    return Audit(read_settings(include).settings.staging, AirflowConnections())


def change(include: Path, verb: str, drafts: Sequence[Draft], why: str) -> Change:
    """Change declarations as the shell's user. If they cannot be written here, prints the patch that the error
    mentions."""
    editor = Editor(open_store(include), shell(), _Warning(audit_of(include)))
    try:
        return editor.change(verb, drafts, why)
    except ReadOnlyError as error:
        sys.stdout.write(error.patch)
        raise


class _Warning:
    """Warns if an action cannot be recorded. A checkout of the declarations may have no staging, and its user can write
    the files anyway; git keeps their history."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._reachable = True

    def ready(self) -> None:
        try:
            self._audit.ready()
        except SluiceError as error:
            self._reachable = False
            print(f"warning: this is not recorded in the audit log: {error.what}", file=sys.stderr)

    def append(self, entry: Entry) -> None:
        if self._reachable:
            self._audit.append(entry)
