"""The real Airflow of the integration tests, for the long ones too."""

from __future__ import annotations

from tests.integration.conftest import cdnow, stack

__all__ = ["cdnow", "stack"]
