"""Refuses requests with a large body before they are read."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sluice.page.problem import Problem

MOST = 1 << 20
"""The maximum number of bytes in a request. A file of declarations has the same limit."""


class Limit:
    """The middleware. It reads a body as a whole, so that nothing acts on a part of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        body = await _body(receive) if announced.isdigit() and int(announced) <= MOST else None
        if body is None:
            await _refusal()(scope, receive, send)
            return
        given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return given.pop() if given else await receive()

        await self._app(scope, again, send)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if it is too large. Some clients announce no length."""
    found = bytearray()
    while True:
        message = await receive()
        found += message.get("body", b"")
        if len(found) > MOST:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(found)


def _refusal() -> JSONResponse:
    what = f"the request is larger than {MOST >> 20} MiB"
    return JSONResponse(
        Problem(what=what, page=what, next="shorten the declaration, or import fewer files at once").model_dump(),
        status_code=413,
    )
