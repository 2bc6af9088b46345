"""Sources, one file each: where rows come from."""

from sluice.model.registry import Registry
from sluice.sources.base import SourceConfig

SOURCES: Registry[SourceConfig] = Registry(
    "sources",
    (
        ("delta", "sluice.sources.delta:Delta"),
        ("iceberg", "sluice.sources.iceberg:Iceberg"),
        ("parquet", "sluice.sources.parquet:Parquet"),
        ("sql", "sluice.sources.sql:Sql"),
    ),
    "sluice.sources.base:SourceConfig",
)
