"""The application below `/sluice`: the API, and the files of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from sluice.errors import SluiceError
from sluice.page.api import (
    catalog,
    connections,
    deliveries,
    drafts,
    edits,
    exports,
    imports,
    me,
    runs,
    system,
    timeline,
    usage,
    watermark,
)
from sluice.page.limit import Limit
from sluice.page.names import STATIC
from sluice.page.problem import answer, answer_http
from sluice.page.world import World
from sluice.patience import brief

VERSION = "v1"
"""A change that breaks a script of a user gets another version; keys may be added."""


def app(world: World | None = None) -> FastAPI:
    """The application for one project."""
    api = FastAPI(title="Sluice", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    api.state.world = world or World()
    api.add_exception_handler(SluiceError, answer)
    for kind in (HTTPException, RequestValidationError):
        api.add_exception_handler(kind, answer_http)
    api.add_middleware(Limit)
    api.add_middleware(BaseHTTPMiddleware, dispatch=_answered)
    for part in (
        me,
        exports,
        edits,
        drafts,
        imports,
        runs,
        deliveries,
        timeline,
        watermark,
        connections,
        catalog,
        system,
        usage,
    ):
        api.include_router(part.router, prefix=f"/api/{VERSION}")
    api.mount("/static", StaticFiles(directory=STATIC), name="static")
    return api


async def _answered(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Somebody waits, so staging is asked again for a short time only. Answers of the API are never stored; files are
    checked for changes."""
    with brief():
        response = await call_next(request)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache" if "/static/" in request.url.path else "no-store"
    return response


def openapi() -> dict[str, Any]:
    """The API's description: what scripts and the page's types are made from."""
    return app(World(Path("/none"))).openapi()
