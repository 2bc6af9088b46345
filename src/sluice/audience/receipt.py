"""The receipt that Audience Manager sends by mail once it has processed inbound files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from html import unescape
from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

from sluice.errors import FatalError

LARGEST = 4 << 20
"""The largest message that is read, in bytes."""
_COUNTS: Mapping[str, str] = {
    "records received": "received",
    "format errors": "format_errors",
    "invalid aam id": "invalid_ids",
    "no matching aam id": "unmatched_ids",
    "no trait realized": "no_trait",
    "records processed": "processed",
    "stored records": "stored",
    "total devices": "devices",
    "total signals": "signals",
    "total unused signals": "unused_signals",
    "total realized traits": "realized_traits",
    "total removed traits": "removed_traits",
    "total traits failed validation": "failed_traits",
    "total users that have traits which failed validation": "failed_users",
}
"""The lines of a receipt, and the fields that hold them."""
_TIMES: Mapping[str, str] = {"job start time": "started", "job end time": "ended"}
_LINE = re.compile(r"^\W*([A-Za-z][A-Za-z ]{3,60}?)\s*:\s*(\d[\d,.: -]{0,30}\d|\d)\s*\W*$")
_FILE = re.compile(r"s3[an]?://[^\s<>\"']{1,1000}")
_MAIL = re.compile(rb"\s*(?:From|Received|Return-Path|Delivered-To|MIME-Version|Date|Subject|Message-ID): ", re.I)
_PARAGRAPH = re.compile(r"<(?:br|/p|/div|/tr|/li|/td)[^>]{0,100}>", re.I)
_TAG = re.compile(r"<[A-Za-z/!][^>]{0,2000}>")


class InboundReceipt(BaseModel):
    """What Audience Manager has made of inbound files that it processed together. A number is None if the receipt does
    not have it."""

    model_config = ConfigDict(frozen=True)

    reader: Literal["audience-manager"] = "audience-manager"
    files: tuple[str, ...]
    """The files' names, without their folders."""
    received: int
    """Records in the files."""
    format_errors: int | None = None
    """Lines that it did not understand."""
    invalid_ids: int | None = None
    """Lines whose id of Audience Manager is not 38 digits."""
    unmatched_ids: int | None = None
    """Lines with an id that it does not know."""
    no_trait: int | None = None
    """Lines without a trait that it knows."""
    processed: int | None = None
    stored: int | None = None
    """Lines without any of these four errors."""
    devices: int | None = None
    signals: int | None = None
    unused_signals: int | None = None
    realized_traits: int | None = None
    removed_traits: int | None = None
    failed_traits: int | None = None
    """Traits that are not of the data source in the name of the file."""
    failed_users: int | None = None
    started: str = ""
    ended: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def says(self) -> str:
        """It in a sentence."""
        return str(self)

    def __str__(self) -> str:
        wrong = {
            "format errors": self.format_errors,
            "invalid ids": self.invalid_ids,
            "unknown ids": self.unmatched_ids,
            "without a known trait": self.no_trait,
            "traits of another data source": self.failed_traits,
        }
        said = [f"{count:,} {what}" for what, count in wrong.items() if count]
        stored = "an unknown number" if self.stored is None else f"{self.stored:,}"
        whole = f"Audience Manager stored {stored} of {self.received:,} records"
        return f"{whole}: {', '.join(said)}" if said else whole


def parse(message: bytes) -> InboundReceipt:
    """Read a receipt: the mail as it was saved, or its text. Raises `FatalError` if it is none."""
    if len(message) > LARGEST:
        raise _no_receipt(f"it has more than {LARGEST:,} bytes")
    text = _text(message)
    files = tuple(dict.fromkeys(one.rstrip(".,;").rpartition("/")[2] for one in _FILE.findall(text)))
    found: dict[str, str | int] = {}
    for label, value in _lines(text):
        if label in _COUNTS and (digits := value.replace(",", "")).isdigit():
            found.setdefault(_COUNTS[label], int(digits))
        elif label in _TIMES:
            found.setdefault(_TIMES[label], value)
    if "received" not in found or not files:
        raise _no_receipt("it has no line `Records received`" if files else "it names no file")
    return InboundReceipt.model_validate({"files": files} | found)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if len(line) < 200 and (found := _LINE.match(line)):
            yield " ".join(found[1].lower().split()), found[2].strip()


def _text(message: bytes) -> str:
    """The text of a mail, or of a text that was copied from one."""
    body = ""
    if _MAIL.match(message):
        try:
            part = message_from_bytes(message, policy=policy.default).get_body(("plain", "html"))
            body = part.get_content() if part else ""
        except (LookupError, ValueError, AttributeError, KeyError):  # a broken mail is read as text
            body = ""
    text = body or message.decode("utf-8", "replace")
    return unescape(_TAG.sub("", _PARAGRAPH.sub("\n", text)))


def _no_receipt(why: str) -> FatalError:
    return FatalError(
        f"this is no receipt of Audience Manager: {why}",
        next_step="save the mail with the subject `Server-To-Server Processing Result`, whole, and name that file",
    )
