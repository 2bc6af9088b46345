"""A store in a git working tree: each change is one commit with its author's name."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from sluice.definition.edit.store import Author, Store
from sluice.definition.edit.write import Draft, undo, write
from sluice.errors import FatalError

_TIMEOUT = 60
"""Seconds for one git command. Hooks run within `commit`."""


class GitStore(Store):
    """Commits to the branch that is checked out. It never pushes: a deployment does.

    Raises `FatalError` if the folder is in no working tree, if a file has changes that are not committed, or if git
    refuses the commit; the files then have their former content."""

    def write(self, drafts: Sequence[Draft], author: Author, why: str) -> None:
        """Write checked drafts and commit them, and nothing else."""
        if not drafts:
            return
        paths = [str(draft.path.resolve()) for draft in drafts]
        if changed := self._git("status", "--porcelain", "--", *paths):
            what = f"these files have changes that are not committed:\n{changed}"
            raise FatalError(what, next_step="commit or discard them, then repeat the change")
        write(drafts, self.folder)
        try:
            self._git("add", "--all", "--", *paths)
            self._git("commit", "--quiet", f"--author={_identity(author)}", f"--message={why}", "--only", "--", *paths)
        except FatalError:
            for draft in drafts:
                undo(draft)
            with suppress(FatalError):
                self._git("reset", "--quiet", "--", *paths)
            raise

    def _git(self, *words: str) -> str:
        """What a git command prints. Names are never patterns, and git never asks anything."""
        argv = ["git", "-C", str(self.folder.resolve()), "--literal-pathspecs", *words]
        committer = {"GIT_COMMITTER_NAME": "Sluice", "GIT_COMMITTER_EMAIL": "sluice@localhost"}
        env = {**committer, **os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C"}
        try:
            done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FatalError(
                f"git does not work here: {error}", next_step="install git, then repeat the change"
            ) from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            what = f"git refused the change, and nothing was written: {said}"
            raise FatalError(what, next_step=f"correct the cause in {self.folder}, then repeat the change")
        return done.stdout.rstrip()


def _identity(author: Author) -> str:
    """`Name <email>`, without the characters that git's format uses."""
    name, email = (re.sub(r"[<>\r\n\0]", "", part).strip() for part in (author.name, author.email))
    return f"{name or 'unknown'} <{email or 'unknown'}>"
