"""Fingerprints: they show whether a file is still the one that was pinned.

By footer: the file's size, its modification time, and a digest of its footer. This misses a change that keeps all
three: a page overwritten in place, or other values with the same statistics, if the time was also set back or the
store only counts whole seconds. By content: also the SHA-256 of the file's bytes, which misses nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

Fingerprint = Literal["footer", "content"]

_CONTENT = ", content "
_WRITTEN = re.compile(r"\bwritten at (\d+)\b")
_NANOSECONDS = 10**12
"""Larger times are in nanoseconds, smaller ones in seconds (see `sluice.filesystem.File`)."""


def with_content(fingerprint: str, digest: str) -> str:
    """Add the digest of the bytes to a footer fingerprint."""
    return f"{fingerprint}{_CONTENT}{digest}"


def without_content(fingerprint: str) -> str:
    """The footer fingerprint alone."""
    return fingerprint.partition(_CONTENT)[0]


def content_of(fingerprint: str) -> str:
    """The digest of the bytes. Empty if the bytes were not read."""
    return fingerprint.partition(_CONTENT)[2]


def is_same(one: str, other: str) -> bool:
    """Whether both describe the same file. Content is compared only if both have it, because a dataset may switch
    between `footer` and `content`."""
    contents = {content_of(one), content_of(other)} - {""}
    return without_content(one) == without_content(other) and len(contents) < 2


def written_at(fingerprint: str) -> datetime | None:
    """When the file was written, by its store's clock; None if the fingerprint is not that of a file."""
    found = _WRITTEN.search(fingerprint)
    if found is None:
        return None
    time = int(found[1])
    micros = time // 1000 if time >= _NANOSECONDS else time * 1_000_000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
