"""A logged-in client of Audience Manager's REST API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from sluice.audience.answers import RefusedError, Reply, WrongAnswerError, failure_of
from sluice.audience.login import Login, addresses_of, secure
from sluice.audience.web import Web
from sluice.definition.models.audience import AudienceManager
from sluice.destinations.retries import Retries
from sluice.errors import DefinitionError
from sluice.model.access import Connections, OAuthAccess
from sluice.model.origin import Origin

Result = TypeVar("Result")
Found = dict[str, Any]

_PAGE = 100
_MOST_PAGES = 1_000


class Session:
    """Every request is repeated after 429, 5xx, silence or an answer that is not JSON; and once with a new token after
    401. Raises `RetriableError` or `FatalError`, which name the connection."""

    def __init__(self, declared: AudienceManager, access: OAuthAccess, name: str) -> None:
        self._web = Web(declared.timeout)
        self.addresses = addresses_of(access)
        self.origin = Origin(name, declared.airflow_conn_id, "Audience Manager", self.addresses.api)
        self._retry_for = declared.retry_for
        self._login = Login(access, self._web, self._origin_of_tokens(), declared.retry_for)

    def _origin_of_tokens(self) -> Origin:
        return Origin(self.origin.connection, self.origin.airflow_conn_id, "", self.addresses.token)

    def log_in(self) -> None:
        """Get a token. Raises `FatalError` if the login is rejected."""
        self._login.renew()

    def find(self, path: str, act: str) -> Found | None:
        """One trait or segment; None if it does not exist."""

        def attempt() -> Found | None:
            reply = self._sent("GET", path, known=(404,))
            return None if reply.status == 404 or reply.body in (None, []) else one_of(reply, "sid")

        return self.retried(attempt, act)

    def every(self, path: str, act: str) -> Iterator[Found]:
        """Every object of a listing, page by page."""
        for page in range(_MOST_PAGES):
            found, more = self.retried(partial(self._page, path, page), act)
            yield from found
            if not more:
                return

    def create(self, path: str, body: Mapping[str, Any], key: str) -> Found | None:
        """Create an object, whose id is at `key`; None if another one is in its place. Without retries: raises what
        `retried` handles."""
        reply = self._sent("POST", path, body=body, known=(409,))
        return None if reply.status == 409 else one_of(reply, key)

    def retried(self, attempt: Callable[[], Result], act: str) -> Result:
        """The result of the first attempt that succeeds."""
        return Retries(self._retry_for, lambda error: failure_of(error, self.origin, act)).run(attempt)

    def close(self) -> None:
        self._web.close()

    def _page(self, path: str, page: int) -> tuple[list[Found], bool]:
        """The objects of a page, and whether another page follows. A server that knows no pages answers with a list."""
        body = self._sent("GET", path, query={"page": page, "pageSize": _PAGE}).body
        whole = isinstance(body, list)
        found, total = (
            (body, 0) if whole else (body.get("list"), body.get("total")) if isinstance(body, dict) else (0, 0)
        )
        if not isinstance(found, list) or not isinstance(total, int) or not all(isinstance(one, dict) for one in found):
            raise WrongAnswerError("it is not a list of objects")
        return found, not whole and bool(found) and (page + 1) * _PAGE < total

    def _sent(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        known: tuple[int, ...] = (),
    ) -> Reply:
        """The answer. Raises `RefusedError` for any status but 200, 201 and `known`."""
        content = {"params": query, "json": body}
        address = f"{self.addresses.api}/{path}"
        reply = self._web.send(method, address, self._login.headers(), **content)
        if reply.status == 401:
            self._login.renew()
            reply = self._web.send(method, address, self._login.headers(), **content)
        if reply.status not in (200, 201, *known):
            raise RefusedError(reply)
        return reply


@contextmanager
def opened(declared: AudienceManager, connections: Connections, *, name: str) -> Iterator[Session]:
    """A client for the connection `name`. Raises `DefinitionError` if its Airflow connection is of another type."""
    access = connections.get(declared.airflow_conn_id)
    if not isinstance(access, OAuthAccess):
        raise DefinitionError(
            f"connection {name}: the Airflow connection {declared.airflow_conn_id} is not of type http",
            next_step="name a connection of type http: its login is the client's id, its password the client's secret",
        )
    session = Session(declared, access, name)
    try:
        for address in session.addresses:
            if wrong := secure(address, session.origin):
                raise wrong
        yield session
    finally:
        session.close()


def one_of(reply: Reply, key: str) -> Found:
    """The object of an answer, with its id at `key`; the first of a list."""
    body = reply.body[0] if isinstance(reply.body, list) and reply.body else reply.body
    if not isinstance(body, dict):
        raise WrongAnswerError("it is not an object")
    if not isinstance(body.get(key), int) or isinstance(body[key], bool):
        raise WrongAnswerError(f"it has no `{key}`")
    return body
