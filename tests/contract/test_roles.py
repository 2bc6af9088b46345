"""Roles under an auth manager that has none. `tests/contract/test_fab.py` has one with roles."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from fastapi import FastAPI

from local.ports import free_port
from sluice.airflow.rest import Rest
from sluice.airflow.roles import FabRoles
from sluice.errors import FatalError


@pytest.fixture
def simple() -> Iterator[str]:
    """The address of the simple auth manager's own application, mounted as Airflow does."""
    app, port = FastAPI(), free_port()
    app.mount("/auth", SimpleAuthManager().get_fastapi_app())
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_the_simple_auth_manager_has_no_roles(simple: str) -> None:
    with pytest.raises(FatalError, match="has no roles: its auth manager is not FAB") as refused:
        FabRoles(Rest(simple, token="any")).existing()
    assert "`[core] auth_manager`" in refused.value.next_step


def test_an_airflow_that_does_not_know_the_address_has_no_roles(simple: str) -> None:
    with pytest.raises(FatalError, match="has no roles"):
        FabRoles(Rest(f"{simple}/elsewhere", token="any")).existing()
