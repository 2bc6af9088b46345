"""A folder of the machine's own filesystem: the embedded default, and a network mount's."""

from __future__ import annotations

from typing import Literal

from sluice.destinations.base import DestinationConfig


class Local(DestinationConfig):
    """A local folder: the extra `path` of an Airflow connection of type `fs`."""

    type: Literal["local"]
