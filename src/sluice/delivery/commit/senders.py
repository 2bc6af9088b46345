"""The processes that may be sending parts of a run. The run's log decides; these marks only inform.

A process writes its mark, *afterwards* checks in the log that the run may still be sent, sends, and removes its mark
once nothing of its own is in transit. So if there is no mark after `aborting` is in the log, no process sends any more,
and removing the parts removes all of them. The mark of a process that died stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.delivery.commit.log import Folder


@dataclass(frozen=True)
class Senders:
    """The marks, in a folder of the run's staging."""

    folder: Folder

    def add(self, token: str) -> None:
        self.folder.create(f"{token}/mark", b"")

    def remove(self, token: str) -> None:
        self.folder.remove_tree(token)

    def any(self) -> bool:
        """Whether a process may be sending."""
        return bool(self.folder.list())
