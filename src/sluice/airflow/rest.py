"""A client of Airflow's REST API, for commands and tests."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import httpx

from sluice.certificates import trusted
from sluice.errors import FatalError, RetriableError

TIMEOUT = 30.0
"""The timeout of a request, in seconds."""
PAGE = 100
"""The most entries that Airflow returns on one page, even if more are requested."""


class RefusedError(FatalError):
    """Airflow refused a request. `status` is the HTTP status: 404 if something does not exist."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(what, next_step="see Airflow's answer above")
        self.status = status


class Outage:
    """How a command waits while Airflow does not answer: it says so once, and retries for `patience` seconds."""

    PAUSE = 2.0

    def __init__(
        self,
        patience: float = 180,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self.patience = patience
        self._say = say
        self._meanwhile = meanwhile
        """Raises an error if waiting is pointless."""
        self._since: float | None = None

    def wait(self, silence: RetriableError) -> None:
        """Wait before the next attempt. Raises `FatalError` if there has been no answer for too long."""
        if self._since is None:
            self._since = time.monotonic()
            self._say(f"waiting for Airflow to answer, at most {self.patience:.0f} s: {silence.what}")
        self._meanwhile()
        if time.monotonic() - self._since > self.patience:
            raise FatalError(
                f"Airflow has not answered for {self.patience:.0f} s: {silence.what}",
                next_step="check whether it is running; runs that were started there continue without this command",
            )
        time.sleep(self.PAUSE)

    def over(self) -> None:
        """Airflow has answered: reset, and report the end of an outage."""
        if self._since is not None:
            self._say(f"Airflow answers again after {time.monotonic() - self._since:.0f} s")
            self._since = None


class Rest:
    """A logged-in client of one Airflow. Raises `RefusedError` if Airflow refuses a request. If it does not answer,
    raises `RetriableError` at once; with an `outage`, waits as that says.

    A `token` replaces a user and a password. A `transport` replaces the network."""

    def __init__(
        self,
        url: str,
        user: str = "",
        password: str = "",
        *,
        token: str = "",
        outage: Outage | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.outage = outage
        self._transport = transport
        self._login = {"username": user, "password": password}
        # One connection per request: an idle one would outlive the client, which is never closed.
        self._headers = {"Connection": "close"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def health(self) -> dict[str, dict[str, Any]]:
        """The state of each component, by name."""
        health: dict[str, dict[str, Any]] = self._send("GET", "/api/v2/monitor/health").json()
        return health

    def fetch(self, path: str, **query: Any) -> httpx.Response:
        """The answer to `GET PATH` for any path of the server, such as those that the UI requests."""
        return self._authorised("GET", path, params=query or None)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to `GET /api/v2/PATH`."""
        return self.fetch(f"/api/v2/{path}", **query).json()

    def post(self, path: str, body: Any) -> Any:
        """The JSON answer to `POST /api/v2/PATH`. The request may be sent twice if the first answer is lost."""
        return self._authorised("POST", f"/api/v2/{path}", json=body).json()

    def patch(self, path: str, body: Any) -> Any:
        """The JSON answer to `PATCH /api/v2/PATH`."""
        return self._authorised("PATCH", f"/api/v2/{path}", json=body).json()

    def send(self, method: str, path: str, body: Any) -> httpx.Response:
        """The answer to a request with a JSON body, for any path of the server."""
        return self._authorised(method, path, json=body)

    def every(self, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All entries under `key` of a listing, page by page."""
        offset = 0
        while True:
            page = self.get(path, limit=PAGE, offset=offset, **query)
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def every_posted(self, path: str, key: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """All entries under `key` of a listing that is requested with a body, page by page."""
        offset = 0
        while True:
            page = self.post(path, {**body, "page_limit": PAGE, "page_offset": offset})
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def _authorised(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        if "Authorization" not in self._headers:
            token = self._send("POST", "/auth/token", json=self._login).json()["access_token"]
            self._headers["Authorization"] = f"Bearer {token}"
        return self._send(method, path, **kwargs)

    @cached_property
    def _client(self) -> httpx.Client:
        verify = trusted(environment=False)
        return httpx.Client(timeout=TIMEOUT, trust_env=False, transport=self._transport, verify=verify)

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        while True:
            try:
                answer = self._once(method, path, **kwargs)
            except RetriableError as silence:
                if self.outage is None:
                    raise
                self.outage.wait(silence)
            else:
                if self.outage:
                    self.outage.over()
                return answer

    def _once(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, self.url + path, headers=self._headers, **kwargs)
        except httpx.TransportError as error:
            raise RetriableError(f"{self.url} does not answer: {error}") from error
        if answer.status_code >= 500:
            raise RetriableError(f"{method} {path}: Airflow answered {answer.status_code}: {answer.text[:500]}")
        if answer.status_code >= 400:
            what = f"{method} {path}: Airflow answered {answer.status_code}: {answer.text[:500]}"
            raise RefusedError(what, answer.status_code)
        return answer
