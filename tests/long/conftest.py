"""The real Airflows of the integration and browser tests, for the long ones too."""

from __future__ import annotations

from tests.browser.conftest import airflow, browser
from tests.integration.conftest import cdnow, stack

__all__ = ["airflow", "browser", "cdnow", "stack"]
