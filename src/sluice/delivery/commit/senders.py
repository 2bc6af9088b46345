"""Who may be sending parts of a run. It decides nothing: the run's log does.

A process puts its mark here, looks into the log *afterwards* whether the run may still be sent, sends, and takes its
mark away once nothing of its own is under way. So if no mark is here after `aborting` stands in the log, nobody sends
any more, and who removes parts then removes all. The mark of a process that died stays.
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
