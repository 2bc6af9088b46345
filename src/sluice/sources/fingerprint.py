"""Fingerprints: what tells a pinned file from what stands under its name later.

By the footer: the file's size, the time it was last written, and a digest of its footer. A file that was written again
with the same size, within what its store calls the same time, and with the same footer looks the same. That is so where
a page was overwritten in place, or values differ that no statistics tell, and someone set the time back or the store
counts whole seconds. By the content, the SHA-256 of its bytes too: nothing looks the same but the same bytes.
"""

from __future__ import annotations

from typing import Literal

Fingerprint = Literal["footer", "content"]

_CONTENT = ", content "


def with_content(fingerprint: str, digest: str) -> str:
    """The footer's fingerprint with the digest of the bytes."""
    return f"{fingerprint}{_CONTENT}{digest}"


def without_content(fingerprint: str) -> str:
    return fingerprint.partition(_CONTENT)[0]


def content_of(fingerprint: str) -> str:
    """The digest of the bytes; empty where they were not read."""
    return fingerprint.partition(_CONTENT)[2]


def is_same(one: str, other: str) -> bool:
    """Whether both are of the same file, as far as both tell: a dataset may begin or cease to look at content."""
    contents = {content_of(one), content_of(other)} - {""}
    return without_content(one) == without_content(other) and len(contents) < 2
