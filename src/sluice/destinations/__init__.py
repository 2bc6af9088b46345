"""Destinations, one file per type: where files are delivered."""

from sluice.destinations.base import DestinationConfig
from sluice.model.registry import Registry

DESTINATIONS: Registry[DestinationConfig] = Registry(
    "destinations",
    (
        ("adls", "sluice.destinations.azure:Adls"),
        ("azure-blob", "sluice.destinations.azure:AzureBlob"),
        ("data-landing-zone", "sluice.destinations.azure:DataLandingZone"),
        ("gcs", "sluice.destinations.gcs:Gcs"),
        ("local", "sluice.destinations.local:Local"),
        ("s3", "sluice.destinations.s3:S3"),
        ("sftp", "sluice.destinations.sftp:Sftp"),
    ),
    "sluice.destinations.base:DestinationConfig",
)
