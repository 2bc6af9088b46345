"""Amazon S3 and what speaks its protocol."""

from __future__ import annotations

from typing import ClassVar, Literal

from sluice.destinations.base import DestinationConfig


class S3(DestinationConfig):
    """An S3 bucket, by access key or assumed role: an Airflow connection of type `aws`."""

    type: Literal["s3"]
    bucket: str
    """The bucket's name."""

    allowed: ClassVar[str] = r"[0-9A-Za-z/!\-_.'()\"^\[\]+$%*= ]"
