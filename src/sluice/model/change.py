"""What can become of a row between two deliveries."""

from __future__ import annotations

from typing import Literal

Kind = Literal["added", "changed", "removed"]
COLUMN = "_change"
"""The column that says of each row which of them it is."""
