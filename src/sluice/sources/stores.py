"""Translates a connection's location and credentials into the options of each table format's library."""

from __future__ import annotations

from sluice.errors import DefinitionError
from sluice.filesystem import join
from sluice.model.access import Access, AwsAccess, AzureAccess, FolderAccess, GoogleAccess


def address(access: Access, path: str, conn_id: str) -> str:
    """The folder as a URL or path. Raises `DefinitionError` if tables cannot be read through this kind of
    connection."""
    below = join("", path)
    match access:
        case FolderAccess():
            return join(str(access.path.absolute()), below)
        case AwsAccess():
            return f"s3://{below}"
        case AzureAccess():
            return f"az://{below}"
        case GoogleAccess() if access.hmac:  # HMAC keys belong to Cloud Storage's S3-compatible API
            return f"s3://{below}"
        case _:
            raise DefinitionError(
                f"connection {conn_id} cannot read Delta tables",
                known=["fs", "aws", "wasb", "adls", "google_cloud_platform with an HMAC key"],
                next_step="use a connection of one of these types, or declare the files as `type: parquet`",
            )


def delta_options(access: Access) -> dict[str, str]:
    """`storage_options` of the `deltalake` package."""
    match access:
        case AwsAccess():
            keys = access.keys()
            options = {
                "aws_access_key_id": keys.access_key_id,
                "aws_secret_access_key": keys.secret_access_key,
                "aws_session_token": keys.token,
                "aws_region": access.region,
                "aws_endpoint": access.endpoint_url,
            }
        case GoogleAccess() if access.hmac:
            options = {
                "aws_access_key_id": access.hmac.access_key_id,
                "aws_secret_access_key": access.hmac.secret_access_key,
                "aws_region": "auto",
                "aws_endpoint": access.endpoint_url or "https://storage.googleapis.com",
            }
        case AzureAccess():
            options = {
                "azure_storage_account_name": access.account,
                "azure_storage_account_key": access.key,
                "azure_storage_sas_key": access.sas,
                "azure_storage_tenant_id": access.tenant,
                "azure_storage_client_id": access.client_id,
                "azure_storage_client_secret": access.client_secret,
                "azure_storage_endpoint": access.endpoint_url,
            }
        case _:
            options = {}
    given = {name: value for name, value in options.items() if value}
    if str(given.get("aws_endpoint", given.get("azure_storage_endpoint", ""))).startswith("http://"):
        given["allow_http"] = "true"
    return given


def iceberg_properties(access: Access) -> dict[str, str]:
    """The `FileIO` properties of the `pyiceberg` package."""
    match access:
        case AwsAccess():
            keys = access.keys()
            options = {
                "s3.access-key-id": keys.access_key_id,
                "s3.secret-access-key": keys.secret_access_key,
                "s3.session-token": keys.token,
                "s3.region": access.region,
                "s3.endpoint": access.endpoint_url,
            }
        case GoogleAccess() if access.hmac:
            options = {
                "s3.access-key-id": access.hmac.access_key_id,
                "s3.secret-access-key": access.hmac.secret_access_key,
                "s3.region": "auto",
                "s3.endpoint": access.endpoint_url or "https://storage.googleapis.com",
            }
        case AzureAccess():
            options = {
                "adls.account-name": access.account,
                "adls.account-key": access.key,
                "adls.sas-token": access.sas,
                "adls.tenant-id": access.tenant,
                "adls.client-id": access.client_id,
                "adls.client-secret": access.client_secret,
            }
        case _:
            options = {}
    return {name: value for name, value in options.items() if value}
