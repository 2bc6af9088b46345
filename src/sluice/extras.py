"""The extra of the package that installs a missing library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sluice.errors import FatalError

DISTRIBUTION = "airflow-provider-sluice"
EXTRAS = {
    "adbc_driver_postgresql": "postgres",
    "airflow.providers.amazon": "s3",
    "airflow.providers.google": "gcs",
    "airflow.providers.microsoft.azure": "azure",
    "airflow.providers.postgres": "postgres",
    "airflow.providers.sftp": "sftp",
    "airflow.providers.smtp": "mail",
    "asyncssh": "sftp",
    "azure": "azure",
    "boto3": "s3",
    "botocore": "s3",
    "deltalake": "delta",
    "google.cloud.storage": "gcs",
    "google_crc32c": "s3",
    "pyiceberg": "iceberg",
    "pysequoia": "openpgp",
    "pyspark": "spark",
}
"""The extra that installs each module, as in `pyproject.toml`."""


@contextmanager
def needing_extras() -> Iterator[None]:
    """Raise a `FatalError` with the `pip` command if an import in the block fails because an extra is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra = _extra(error.name or "")
        if extra is None:
            raise
        raise FatalError(
            f"this needs {DISTRIBUTION}[{extra}], which is not installed: module {error.name} is missing",
            next_step=f"install it on every machine that runs Airflow's tasks: pip install '{DISTRIBUTION}[{extra}]'",
        ) from error


def _extra(module: str) -> str | None:
    """The extra of a module, or of its nearest parent package."""
    levels = module.split(".")
    names = (".".join(levels[:length]) for length in range(len(levels), 0, -1))
    return next((EXTRAS[name] for name in names if name in EXTRAS), None)
