"""Who acts."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from sluice.definition.edit.store import Author


@dataclass(frozen=True)
class Actor:
    """A person or a program that acts. `roles` are those that connections are shared with, and `sluice-viewer`."""

    name: str
    roles: frozenset[str] = frozenset()
    administrator: bool = False
    email: str = ""

    @property
    def author(self) -> Author:
        """The author of the changes that the actor makes."""
        return Author(self.name, self.email)


def shell() -> Actor:
    """The operating system's user, as an administrator: anyone who can write the files can do everything."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = "unknown"
    return Actor(name, administrator=True)
