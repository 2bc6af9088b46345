"""The Airflow plugin of the Exports page. Every Airflow process loads it, so it imports almost nothing."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from sluice.page.names import BUNDLE, MAIN, PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI

AT_ONCE = 16
"""Requests that are served at the same time. Each holds one of the 40 threads of the API server, and needs another one
for each question to Airflow's own API: without a limit, they would wait for each other for ever."""


class OnFirstRequest:
    """The page's application. It is imported with the first request, because only the API server gets any."""

    def __init__(self) -> None:
        self._app: FastAPI | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self._turns:
            if self._app is None:
                from anyio.to_thread import run_sync

                self._app = await run_sync(_app)
            # The page's own application replaces `app`.
            await self._app({**scope, MAIN: scope.get("app")}, receive, send)


def _app() -> FastAPI:
    from sluice.page.app import app

    return app()


def _version() -> str:
    """A digest of the bundle: browsers load another one at once."""
    try:
        return hashlib.sha256(BUNDLE.read_bytes()).hexdigest()[:12]
    except FileNotFoundError:  # a checkout before `make web`
        return "none"


class ExportsPlugin(AirflowPlugin):
    """Adds *Exports* to Airflow's navigation, and the API below `/sluice`."""

    name = "sluice_exports"
    fastapi_apps = [{"app": OnFirstRequest(), "url_prefix": PREFIX, "name": "Sluice"}]
    react_apps = [
        {
            "name": "Exports",
            "bundle_url": f"sluice/static/exports.js?v={_version()}",
            "destination": "nav",
            "url_route": "exports",
            "nav_top_level": True,
            "icon": "sluice/static/exports.svg",
            "icon_dark_mode": "sluice/static/exports-dark.svg",
        }
    ]
