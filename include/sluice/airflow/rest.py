"""Airflow's REST API, as commands and tests use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from sluice.errors import FatalError, RetriableError

PAGE = 100
"""The most entries that Airflow puts on one page, whatever is asked for."""


class RefusedError(FatalError):
    """Airflow's answer was no. `status` is HTTP's word for why: 404 where there is no such thing."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(what, next_step="do as Airflow says")
        self.status = status


class Rest:
    """A logged-in client of one Airflow. Raises `RetriableError` if it does not answer, `RefusedError` if it refuses.

    A `token` stands for a user and a password."""

    def __init__(self, url: str, user: str = "", password: str = "", *, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._login = {"username": user, "password": password}
        # One connection a request: an idle one would outlive the client, which has no moment to close it.
        self._headers = {"Connection": "close"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def health(self) -> dict[str, dict[str, Any]]:
        """The state of each component by its name."""
        health: dict[str, dict[str, Any]] = self._send("GET", "/api/v2/monitor/health").json()
        return health

    def fetch(self, path: str, **query: Any) -> httpx.Response:
        """The answer to `GET PATH`, any path of the server: what a page of the UI asks for."""
        return self._authorised("GET", path, params=query or None)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to `GET /api/v2/PATH`."""
        return self.fetch(f"/api/v2/{path}", **query).json()

    def post(self, path: str, body: Any) -> Any:
        """The JSON answer to `POST /api/v2/PATH`."""
        return self._authorised("POST", f"/api/v2/{path}", json=body).json()

    def patch(self, path: str, body: Any) -> Any:
        """The JSON answer to `PATCH /api/v2/PATH`."""
        return self._authorised("PATCH", f"/api/v2/{path}", json=body).json()

    def every(self, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The entries under `key` of a listing, page after page."""
        offset = 0
        while True:
            page = self.get(path, limit=PAGE, offset=offset, **query)
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def every_posted(self, path: str, key: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The entries under `key` of a listing that is asked for with a body, page after page."""
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

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            answer = httpx.request(
                method, self.url + path, headers=self._headers, timeout=30, trust_env=False, **kwargs
            )
        except httpx.TransportError as error:
            raise RetriableError(f"{self.url} does not answer: {error}") from error
        if answer.status_code >= 500:
            raise RetriableError(f"{method} {path}: Airflow answered {answer.status_code}: {answer.text[:500]}")
        if answer.status_code >= 400:
            what = f"{method} {path}: Airflow answered {answer.status_code}: {answer.text[:500]}"
            raise RefusedError(what, answer.status_code)
        return answer
