"""Where the page is, for the plugin and for the application."""

from __future__ import annotations

from pathlib import Path

PREFIX = "/sluice"
"""Where Airflow's API server mounts the page's files and its API."""
MAIN = "sluice.main"
"""The key of a request's scope with the API server's own application."""
STATIC = Path(__file__).parent / "static"
BUNDLE = STATIC / "exports.js"
