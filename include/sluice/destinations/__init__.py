"""Destinations, one file each: where bytes go."""

from sluice.destinations.base import DestinationConfig
from sluice.model.registry import Registry

DESTINATIONS: Registry[DestinationConfig] = Registry(
    "destinations",
    (
        ("local", "sluice.destinations.local:Local"),
        ("s3", "sluice.destinations.s3:S3"),
    ),
)
