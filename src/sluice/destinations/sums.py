"""Checksums of what is sent, as stores spell them: CRC32C, which S3 and Cloud Storage verify, and MD5.

A receipt names the kind of each checksum, `crc32c:yZRlqg== etag:9b2cf535...`: two of one kind must be equal.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Protocol


class Digest(Protocol):
    """A checksum in the making."""

    def update(self, piece: bytes, /) -> None:
        """Take in what follows."""
        ...

    def digest(self) -> bytes:
        """The checksum of all so far."""
        ...


def running_crc32c() -> Digest:
    """A CRC32C in the making; by hardware, ten gigabytes a second."""
    import google_crc32c

    return google_crc32c.Checksum()  # type: ignore[no-untyped-call]


def running_md5() -> Digest:
    """An MD5 in the making."""
    return hashlib.md5(usedforsecurity=False)


def crc32c(body: bytes) -> str:
    """In base 64."""
    digest = running_crc32c()
    digest.update(body)
    return text(digest.digest())


def md5(body: bytes) -> bytes:
    """The 16 bytes."""
    return hashlib.md5(body, usedforsecurity=False).digest()


def text(digest: bytes) -> str:
    """A checksum in base 64, as headers have it."""
    return base64.b64encode(digest).decode()


def of_parts(parts: Iterable[str]) -> str:
    """The checksum of an upload that a server takes part by part: of the parts' own, and their count."""
    digests = [base64.b64decode(part) for part in parts]
    return f"{crc32c(b''.join(digests))}-{len(digests)}"


def is_md5(etag: str) -> bool:
    """Whether an ETag has the form of an MD5, which it is unless the store encrypts by a key of its own."""
    return re.fullmatch(r"[0-9a-f]{32}", etag.strip('"')) is not None


def named(etag: str = "", crc32c: str | None = None, md5: str | None = None) -> str:
    """What is known of an object, for its receipt. What a server makes of the checksums of parts is of another kind."""
    known = {"crc32c": crc32c, "md5": md5, "etag": etag.strip('"')}
    return " ".join(f"{kind}{'-of-parts' * ('-' in said)}:{said}" for kind, said in known.items() if said)


def common(sent: str | None, there: str | None) -> bool:
    """Whether two receipts have a checksum of one kind, by which they can be compared."""
    return bool(_kinds(sent).keys() & _kinds(there).keys())


def differ(sent: str | None, there: str | None) -> bool:
    """Whether two receipts disagree on a checksum that both have. Without one, nothing is known."""
    ours, theirs = _kinds(sent), _kinds(there)
    return any(ours[kind] != theirs[kind] for kind in ours.keys() & theirs.keys())


def _kinds(receipt: str | None) -> dict[str, str]:
    return dict(one.split(":", 1) for one in (receipt or "").split(" ") if ":" in one)
