"""A file of Data Workbench as text, and errors about its lines."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path

from sluice.errors import DefinitionError, Place

MOST = 1_000_000
"""The maximum size of a file in bytes. A real one has a few kilobytes."""
NOTHING_WRITTEN = "nothing was written"
_BREAK = re.compile(r"\r\n|\n|\r")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_KEYS = "secret|password|passphrase|access key|encryptedstring|client id|username|user name"
_SECRET = re.compile(rf"{_KEYS}|[^\s:@]:\S*@", re.I)
"""What a secret stands beside: its key, or the server that a login is written before, as in `user:word@host`."""
_HOLDS_SECRETS = re.compile(rf"[ \t]*(s3 |user |client )?({_KEYS})[^=]*=", re.I)
"""A line of a file with logins, also if it is given as another one."""


class Source:
    """The lines of one file. `name` is its name for messages. No message shows a line that may hold a secret; if the
    whole file is `secret`, or looks like a file with logins, it shows none of its lines, and no value of them."""

    def __init__(self, name: str, data: bytes, *, secret: bool = False) -> None:
        """Decode the file. Raises `DefinitionError` if it is too large, or if it is not text."""
        self.name, self.secret = name, secret
        self.lines: list[str] = []
        if len(data) > MOST:
            what = f"the file is larger than {MOST:,} bytes"
            advice = f"name a file that Data Workbench has written; {NOTHING_WRITTEN}"
            raise DefinitionError(what, place=Place(name), next_step=advice)
        self.lines = _BREAK.split(_decoded(data))
        self.secret = secret or any(map(_HOLDS_SECRETS.match, self.lines))
        for number, line in enumerate(self.lines, 1):
            if wrong := _CONTROL.search(line):
                what = f"this is not text: it contains the character U+{ord(wrong[0]):04X}"
                raise self.error(number, wrong.start() + 1, what, next_step="save the file again, as text")

    def place(self, line: int, column: int = 1, width: int = 1) -> Place:
        """A position in the file, counted from 1."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return Place(self.name, line, column, "" if self.secret or _SECRET.search(text) else text, max(1, width))

    def error(
        self, line: int, column: int, what: str, *, width: int = 1, next_step: str = "", nearest: str | None = None
    ) -> DefinitionError:
        advice = next_step or "correct the file"
        place = self.place(line, column, width)
        return DefinitionError(what, place=place, nearest=nearest, next_step=f"{advice}; {NOTHING_WRITTEN}")

    def quoted(self, text: str) -> str:
        """A part of the file for a message, such as " `numThreads`"; empty if it may be a secret."""
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        return "" if self.secret or _SECRET.search(text) else f" `{shown}`"


def read(path: Path, *, secret: bool = False) -> Source:
    """Read a file. Raises `DefinitionError` if it cannot be read, or is not text."""
    try:
        # Non-blocking, because opening a pipe would wait for its writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _unreadable(path, "this is not a regular file")
            data = stream.read(MOST + 1)
    except OSError as failed:
        raise _unreadable(path, f"the file cannot be read: {failed.strerror}") from None
    return Source(str(path), data, secret=secret)


def _unreadable(path: Path, what: str) -> DefinitionError:
    return DefinitionError(what, place=Place(str(path)), next_step=f"name a file that can be read; {NOTHING_WRITTEN}")


def _decoded(data: bytes) -> str:
    """The text, in the encoding of its byte order mark, in UTF-8, or else in Windows-1252. Bytes that Windows-1252 does
    not define become control characters, which are refused with their place."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "".join(_WINDOWS[byte] for byte in data)


_WINDOWS = [bytes([byte]).decode("cp1252", "replace").replace("\ufffd", "\x7f") for byte in range(256)]
