"""What the plugin tells Airflow's UI."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from sluice.page.app import app
from sluice.page.plugin import PREFIX, ExportsPlugin

[PAGE] = ExportsPlugin.react_apps
TYPES = {"bundle_url": "text/javascript", "icon": "image/svg+xml", "icon_dark_mode": "image/svg+xml"}


@pytest.mark.parametrize("names", TYPES)
def test_each_file_that_it_names_is_served(names: str) -> None:
    path = f"/{PAGE[names]}"
    assert path.startswith(f"{PREFIX}/")
    answer = TestClient(app()).get(path.removeprefix(PREFIX))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(TYPES[names])
