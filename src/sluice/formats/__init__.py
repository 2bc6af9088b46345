"""File formats, one file each: how rows become bytes."""

from sluice.formats.base import Format
from sluice.model.registry import Registry

FORMATS: Registry[Format] = Registry(
    "formats",
    (
        ("adobe-target", "sluice.formats.adobe_target:AdobeTarget"),
        ("audience-manager", "sluice.formats.audience_manager:Inbound"),
        ("csv", "sluice.formats.csv:Csv"),
        ("customer-attributes", "sluice.formats.customer_attributes:CustomerAttributes"),
        ("json", "sluice.formats.json:Json"),
        ("parquet", "sluice.formats.parquet:Parquet"),
        ("template", "sluice.formats.template:Template"),
    ),
    "sluice.formats.base:Format",
)
