"""Checksums of uploads, as stores spell them: CRC32C, which S3 and Cloud Storage verify, and MD5.

A receipt names the kind of each checksum, `crc32c:yZRlqg== etag:9b2cf535...`. Two checksums of one kind must be equal.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Protocol


class Digest(Protocol):
    """A checksum that is being computed."""

    def update(self, piece: bytes, /) -> None:
        """Add the next bytes."""
        ...

    def digest(self) -> bytes:
        """The checksum of all bytes so far."""
        ...


def running_crc32c() -> Digest:
    """A new CRC32C; in hardware, at ten gigabytes per second."""
    import google_crc32c

    return google_crc32c.Checksum()  # type: ignore[no-untyped-call]


def running_md5() -> Digest:
    """A new MD5."""
    return hashlib.md5(usedforsecurity=False)


def crc32c(body: bytes) -> str:
    """The CRC32C in base64."""
    digest = running_crc32c()
    digest.update(body)
    return text(digest.digest())


def md5(body: bytes) -> bytes:
    """The MD5, 16 bytes."""
    return hashlib.md5(body, usedforsecurity=False).digest()


def text(digest: bytes) -> str:
    """A checksum in base64, as in headers."""
    return base64.b64encode(digest).decode()


def of_parts(parts: Iterable[str]) -> str:
    """The checksum of a multipart upload: the checksum of its parts' checksums, and their number."""
    digests = [base64.b64decode(part) for part in parts]
    return f"{crc32c(b''.join(digests))}-{len(digests)}"


def is_md5(etag: str) -> bool:
    """Whether an ETag looks like an MD5. It is one, unless the store encrypts with its own key."""
    return re.fullmatch(r"[0-9a-f]{32}", etag.strip('"')) is not None


def named(etag: str = "", crc32c: str | None = None, md5: str | None = None) -> str:
    """The receipt of an object. A checksum computed from the checksums of parts is a kind of its own."""
    known = {"crc32c": crc32c, "md5": md5, "etag": etag.strip('"')}
    return " ".join(f"{kind}{'-of-parts' * ('-' in said)}:{said}" for kind, said in known.items() if said)


def common(sent: str | None, there: str | None) -> bool:
    """Whether two receipts have a checksum of the same kind, so that they can be compared."""
    return bool(_kinds(sent).keys() & _kinds(there).keys())


def differ(sent: str | None, there: str | None) -> bool:
    """Whether two receipts disagree on a checksum of the same kind. False if they have none in common."""
    ours, theirs = _kinds(sent), _kinds(there)
    return any(ours[kind] != theirs[kind] for kind in ours.keys() & theirs.keys())


def _kinds(receipt: str | None) -> dict[str, str]:
    return dict(one.split(":", 1) for one in (receipt or "").split(" ") if ":" in one)
