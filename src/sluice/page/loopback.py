"""Airflow's public REST API in the same process, with the rights of the user who asks."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.from_thread
import httpx
from fastapi import Depends, Request

from sluice.airflow.rest import Rest
from sluice.page.names import MAIN

COOKIE = "_token"
"""Where browsers keep Airflow's token."""


class Loopback(httpx.BaseTransport):
    """Sends requests to an ASGI application in this process. Only for AnyIO's worker threads, in which our routes
    run."""

    def __init__(self, app: Any) -> None:
        self._asgi = httpx.ASGITransport(app=app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        return anyio.from_thread.run(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._asgi.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


def airflow_of(request: Request) -> Rest:
    """A client of Airflow's API that acts as the user of the request."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    known = token if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")
    url = f"{request.url.scheme}://{request.url.netloc}"
    return Rest(url, token=known, transport=Loopback(request.scope[MAIN]))


AirflowDep = Annotated[Rest, Depends(airflow_of)]
