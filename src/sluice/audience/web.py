"""One HTTP request and its JSON answer, bounded in time and size. Redirects are not followed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from sluice.attempt import Attempt
from sluice.audience.answers import Reply, SilentError, WrongAnswerError
from sluice.certificates import trusted
from sluice.errors import SluiceError

_MOST = 16 << 20
"""The maximum size of an answer, in bytes."""


class Web:
    """A client with its open connections. Raises `SilentError` without an answer, and `WrongAnswerError` if a
    successful answer is not JSON."""

    def __init__(self, timeout: timedelta) -> None:
        import httpx

        self._seconds = timeout.total_seconds()
        self._client = httpx.Client(timeout=self._seconds, verify=trusted())

    def send(self, method: str, address: str, headers: Mapping[str, str], **content: Any) -> Reply:
        """The answer to a request. `content` is `params`, `json`, `data` or `auth`, as `httpx` has them."""
        # In a thread of its own: httpx limits each step of a request, and a server can answer one byte at a time.
        ask = partial(self._asked, method, address, {"Accept": "application/json", **headers}, **content)
        found = Attempt("the request", ask).outcome(time.monotonic() + self._seconds)
        if isinstance(found, SluiceError):
            raise SilentError(found.what)
        if isinstance(found, Exception):
            raise found
        return found

    def _asked(
        self, method: str, address: str, headers: Mapping[str, str], **content: Any
    ) -> Reply | SilentError | WrongAnswerError:
        import httpx

        body = bytearray()
        try:
            with self._client.stream(method, address, headers=headers, **content) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > _MOST:
                        return WrongAnswerError(f"it has more than {_MOST:,} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return SilentError(type(error).__name__)
        return _reply(answer, bytes(body))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _reply(answer: Any, body: bytes) -> Reply | WrongAnswerError:
    found = None
    try:
        found = json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        if answer.status_code < 300:
            return WrongAnswerError("it is not JSON")
    headers = answer.headers
    return Reply(answer.status_code, found, headers.get("Retry-After", ""), headers.get("Location", ""))
