"""The kinds of change of a row between two deliveries."""

from __future__ import annotations

from typing import Literal

Kind = Literal["added", "changed", "removed"]
COLUMN = "_change"
"""The column with each row's kind of change."""
