"""An Azure container, through the Blob API. Every body is sent with its MD5, which Azure verifies, and every blob
stores the MD5 of all its bytes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sluice.destinations import sums
from sluice.destinations.failures import Answer, Failure, Origin, WrongAnswerError, of_answer
from sluice.destinations.objects import Found, Upload
from sluice.destinations.sums import Digest
from sluice.destinations.transport import is_lost, of_transport

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

_PAGE = 5000
_NOT_THERE = {"", "BlobNotFound", "ResourceNotFound", "PathNotFound"}
_FOLDER = "hdi_isfolder"
"""The metadata key of a blob that represents a Data Lake folder."""


@dataclass
class Container:
    """A `Store`. `scope` is the encryption scope of every new blob."""

    client: ContainerClient
    scope: str | None = None
    removed_at_once: int = field(default=1, init=False)
    digest: Callable[[], Digest] = field(default=staticmethod(sums.running_md5), init=False)

    def put(self, key: str, body: bytes) -> str | None:
        blob = self.client.get_blob_client(key)
        answer = blob.upload_blob(body, length=len(body), overwrite=True, validate_content=True, **self.extra_args)
        return sums.named(etag_of(answer), md5=sums.text(bytes(answer.get("content_md5") or sums.md5(body))))

    def begin(self, key: str) -> Upload:
        return Blocks(self, key)

    def look(self, key: str) -> Found | None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            properties = self.client.get_blob_client(key).get_blob_properties()
        except ResourceNotFoundError as error:
            if _code(error) in _NOT_THERE:
                return None
            raise
        if not properties.etag:
            raise WrongAnswerError("an answer without an ETag")
        return None if _FOLDER in (properties.metadata or {}) else _found(properties)

    def page(self, prefix: str, token: str | None) -> tuple[list[Found], str | None]:
        pages = self.client.list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=_PAGE)
        page: Any = pages.by_page(token)
        rows = [_found(row) for row in next(page, ()) if _FOLDER not in (row.metadata or {})]
        if not page.service_endpoint:
            raise WrongAnswerError("a list without the account's address")
        return [row for row in rows if not row.key.endswith("/")], page.continuation_token

    def open(self, key: str, start: int) -> Iterator[bytes]:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            yield from self.client.download_blob(key, offset=start or None, raw_response_hook=_has_etag).chunks()
        except ResourceNotFoundError as error:
            if _code(error) in _NOT_THERE:
                raise KeyError(key) from None
            raise

    def remove(self, keys: Sequence[str]) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            self.client.delete_blob(keys[0])
        except ResourceNotFoundError as error:
            if _code(error) not in _NOT_THERE:
                raise

    def abort(self, keys: set[str]) -> int:  # noqa: ARG002 - the signature of the others
        """Uncommitted blocks are invisible, and cannot be discarded."""
        return 0

    def failure(self, error: Exception, origin: Origin, act: str) -> Failure:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, HttpResponseError

        if isinstance(error, HttpResponseError) and error.response is not None and not isinstance(error, DecodeError):
            return _answered(error, origin, act)
        if isinstance(error, ClientAuthenticationError) and not is_lost(error):  # the directory issues no token
            return of_answer(Answer(401, "invalid_client"), origin, act)
        if type(error) is AzureError:  # raised if the MD5 in the answer is not the one that the client sent
            return WrongAnswerError("it confirms a different MD5", changed=True).failure(origin, act)
        return of_transport(error, origin, act)

    @property
    def extra_args(self) -> dict[str, Any]:
        """Arguments that are sent with every new blob."""
        return {"encryption_scope": self.scope} if self.scope else {}


class Blocks:
    """An `Upload`. Its block names are unique, so that two uploads of one blob do not mix their blocks."""

    def __init__(self, at: Container, key: str) -> None:
        self._at = at
        self._blob = at.client.get_blob_client(key)
        self._mark = secrets.token_hex(7)
        self._numbers: set[int] = set()

    def part(self, number: int, body: bytes) -> None:
        self._blob.stage_block(self._id(number), body, length=len(body), validate_content=True, **self._at.extra_args)
        self._numbers.add(number)

    def complete(self, size: int, digest: bytes) -> str | None:  # noqa: ARG002 - the signature of the others
        from azure.storage.blob import BlobBlock, ContentSettings

        blocks = [BlobBlock(self._id(number)) for number in sorted(self._numbers)]
        settings = ContentSettings(content_type="application/octet-stream", content_md5=bytearray(digest))
        answer = self._blob.commit_block_list(blocks, content_settings=settings, **self._at.extra_args)
        return sums.named(etag_of(answer), md5=sums.text(digest))

    def abort(self) -> None:
        """See `Container.abort`."""

    def _id(self, number: int) -> str:
        """A block id. Azure requires the same length for all blocks of a blob: here twenty characters."""
        return f"{self._mark}-{number:05d}"


def etag_of(answer: Any) -> str:
    """The ETag of an answer. Raises `WrongAnswerError` if it has none."""
    etag = answer.get("etag")
    if not etag:
        raise WrongAnswerError("an answer without an ETag")
    return str(etag)


def _has_etag(answer: Any) -> None:
    """Check an answer before its body is read. Raises `WrongAnswerError` if it has no ETag."""
    response = answer.http_response
    if response.status_code < 300 and not response.headers.get("ETag"):
        response.internal_response.close()
        raise WrongAnswerError("an answer without an ETag")


def _found(properties: Any) -> Found:
    """A blob with its MD5, or with its ETag if no MD5 is stored."""
    stored = properties.content_settings.content_md5
    md5 = sums.text(bytes(stored)) if stored else None
    return Found(properties.name, properties.size, sums.named(md5=md5) if md5 else sums.named(properties.etag))


def _code(error: Any) -> str:
    """The server's error code. A directory's token server puts it in the body of its answer."""
    code = getattr(error, "error_code", None)
    if code:
        return str(getattr(code, "value", code))
    response = getattr(error, "response", None)
    if response is None:
        return ""
    try:
        body = response.json() if hasattr(response, "json") else json.loads(response.text())
    except ValueError:
        return str(response.headers.get("x-ms-error-code", ""))
    return str(body.get("error", "")) if isinstance(body, dict) else ""


def _answered(error: Any, origin: Origin, act: str) -> Failure:
    status, response = error.status_code or 0, error.response
    if 200 <= status < 300:
        return WrongAnswerError(f"unexpected status {status}").failure(origin, act)
    host = urlsplit(response.headers.get("Location", "")).netloc
    code = _code(error)
    if (status, code) == (400, "InvalidOperation"):  # Azurite's code for Md5Mismatch
        code = "Md5Mismatch"
    return of_answer(Answer(status, code if code.isidentifier() else "", sent_on=host), origin, act)
