"""Addresses and credentials from each cloud's Airflow connection, through its official provider's hook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sluice.airflow.connection_errors import needs
from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.model.access import AwsAccess, AwsKeys, AzureAccess, BearerToken, CatalogAccess, GoogleAccess, SftpAccess

if TYPE_CHECKING:
    from airflow.sdk import Connection


def aws(connection: Connection) -> AwsAccess:
    """Keys, an assumed role or the machine's own identity, as the Amazon provider's hook resolves them. The hook's
    session renews temporary keys whenever they are requested."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    hook = S3Hook(aws_conn_id=connection.conn_id)
    endpoint = hook.conn_config.get_service_endpoint_url("s3")
    style = ((hook.conn_config.botocore_config and hook.conn_config.botocore_config.s3) or {}).get("addressing_style")
    verify = hook.verify
    credentials: list[Any] = []

    def keys() -> AwsKeys:
        if not credentials:
            credentials.append(_aws_credentials(hook, connection))
        return _aws_keys(credentials[0], connection)

    return AwsAccess(
        keys=keys,
        region=hook.region_name or hook.get_session().region_name or "us-east-1",
        endpoint_url=endpoint,
        path_style=style == "path" or bool(endpoint and style != "virtual"),
        verify=True if verify is None else verify,
    )


def _aws_credentials(hook: Any, connection: Connection) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = hook.get_session().get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _no_keys(connection, error) from None
    if found is None:
        raise needs(connection, "access key (login and password), and this machine has no identity of its own")
    return found


def _aws_keys(credentials: Any, connection: Connection) -> AwsKeys:
    from airflow.sdk.log import mask_secret
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        frozen = credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _no_keys(connection, error) from None
    mask_secret(frozen.secret_key)
    mask_secret(frozen.token)
    expiry = getattr(credentials, "_expiry_time", None)  # botocore has no public attribute for it
    return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token, expiry.timestamp() if expiry else None)


def _no_keys(connection: Connection, error: Exception) -> SluiceError:
    from botocore.exceptions import HTTPClientError

    if isinstance(error, HTTPClientError):
        return RetriableError(f"the Airflow connection {connection.conn_id}: Amazon's token server did not answer")
    response = getattr(error, "response", {})
    code = response.get("Error", {}).get("Code") or type(error).__name__
    return FatalError(
        f"the Airflow connection {connection.conn_id} cannot get AWS keys: {code}",
        next_step="correct its access key, or allow that key to assume the role in the extra `role_arn`",
    )


def google(connection: Connection) -> GoogleAccess:
    """Tokens of the credentials that the Google provider's hook resolves, or HMAC keys if the extra holds
    `hmac_access_id` and `hmac_secret`. The extra `api_endpoint` replaces Google's address."""
    extra = connection.extra_dejson
    project, endpoint = extra.get("project"), extra.get("api_endpoint")
    if extra.get("hmac_access_id"):
        if not extra.get("hmac_secret"):
            raise needs(connection, "extra `hmac_secret` for its `hmac_access_id`")
        return GoogleAccess(
            hmac=AwsKeys(extra["hmac_access_id"], extra["hmac_secret"]), project=project, endpoint_url=endpoint
        )
    if extra.get("is_anonymous"):
        return GoogleAccess(project=project, endpoint_url=endpoint)
    return GoogleAccess(token=lambda: _google_token(connection), project=project, endpoint_url=endpoint)


_BROKEN_KEY = (ValueError, TypeError, KeyError, FileNotFoundError, IsADirectoryError, PermissionError)
"""What Airflow's hook and Google's client raise for a key that is truncated, not JSON, or missing: fatal errors."""


def _google_token(connection: Connection) -> BearerToken:
    from datetime import UTC

    from airflow.providers.google.common.hooks.base_google import GoogleBaseHook
    from airflow.sdk.exceptions import AirflowException
    from airflow.sdk.log import mask_secret
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request
    from requests import Session

    try:
        credentials: Any = GoogleBaseHook(gcp_conn_id=connection.conn_id).get_credentials()
        session = Session()
        session.max_redirects = 0  # credentials must not be sent to another server
        credentials.refresh(Request(session))
    except (GoogleAuthError, AirflowException, *_BROKEN_KEY) as error:
        if isinstance(error, TransportError) or getattr(error, "retryable", False):
            raise RetriableError(
                f"the Airflow connection {connection.conn_id}: Google's token server did not answer"
            ) from None
        raise FatalError(
            f"the Airflow connection {connection.conn_id} cannot get a Google token: {type(error).__name__}",
            next_step="correct its key file (extra `keyfile_dict` or `key_path`)",
        ) from None
    mask_secret(credentials.token)
    return BearerToken(credentials.token, credentials.expiry.replace(tzinfo=UTC).timestamp())


def azure_blob(connection: Connection) -> AzureAccess:
    """Type `wasb`: a connection string, an account key, a SAS token, or a service principal."""
    return _azure(connection, account=connection.login if not _field(connection, "tenant_id") else None)


def azure_data_lake(connection: Connection) -> AzureAccess:
    """Type `adls`: the same credentials; the account is the host or the extra `account_url`."""
    return _azure(connection, account=None)


def _azure(connection: Connection, account: str | None) -> AzureAccess:
    text = _field(connection, "connection_string")
    if text:
        return _connection_string(connection, text)
    sas = _field(connection, "sas_token")
    url = _field(connection, "account_url") or connection.host or ""
    container = None
    if not sas and "sig=" in url:
        sas = url
    if sas and "://" in sas:
        url, sas, container = _split_sas_url(connection, sas)
    name, endpoint = _account(connection, url, account)
    if sas:
        return AzureAccess(name, endpoint, sas=sas.lstrip("?"), container=container)
    tenant = _field(connection, "tenant_id")
    if tenant:
        authority = (connection.extra_dejson.get("client_secret_auth_config") or {}).get("authority")
        return AzureAccess(
            name,
            endpoint,
            tenant=tenant,
            client_id=connection.login,
            client_secret=connection.password,
            authority=authority,
        )
    key = _field(connection, "shared_access_key") or connection.password or _field(connection, "account_key")
    if not key:
        raise needs(connection, "connection string, account key, SAS token or service principal")
    return AzureAccess(name, endpoint, key=key)


def _field(connection: Connection, name: str) -> str | None:
    """An extra, also if it has the prefix of Airflow 1."""
    extra = connection.extra_dejson
    found = extra.get(name) or extra.get(f"extra__{connection.conn_type}__{name}")
    return str(found) if found else None


def _split_sas_url(connection: Connection, url: str) -> tuple[str, str, str | None]:
    """Split a SAS URL into the account's address, the token and the container, if it has one. With the unsplit URL, the
    provider's hook would write to a folder named like the container, inside the container."""
    parts = urlsplit(url)
    if not parts.query:
        raise needs(connection, "token in its SAS URL (the part behind the question mark)")
    path = [part for part in parts.path.split("/") if part]
    own = 0 if _is_host_style(parts.hostname) else 1  # an emulator's address begins its path with the account
    container = path[own] if len(path) > own else None
    base = "/".join([f"{parts.scheme}://{parts.netloc}", *path[:own]])
    return base, parts.query, container


def _is_host_style(host: str | None) -> bool:
    return ".blob." in (host or "") or ".dfs." in (host or "")


def _account(connection: Connection, url: str, account: str | None) -> tuple[str, str | None]:
    """The account's name, and its address unless that is in Azure's public cloud."""
    if "://" not in url:
        name = account or url.split(".")[0]
        if not name:
            raise needs(connection, "account name (login) or address (host)")
        return name, f"https://{url}" if "." in url and ".core.windows.net" not in url else None
    parts = urlsplit(url)
    if _is_host_style(parts.hostname):
        name = (parts.hostname or "").split(".")[0]
        return name, None if (parts.hostname or "").endswith(".core.windows.net") else url
    name = parts.path.strip("/").split("/")[0] or account or ""
    if not name:
        raise needs(connection, "account name (login)")
    return name, url


def _connection_string(connection: Connection, text: str) -> AzureAccess:
    pairs = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    endpoint = pairs.get("BlobEndpoint", "").rstrip("/")
    name = pairs.get("AccountName")
    if not name and endpoint:
        name, _ = _account(connection, endpoint, None)
    if not name:
        raise DefinitionError(
            f"the Airflow connection {connection.conn_id}: its connection string has no account name",
            next_step="copy the whole connection string from the storage account's page `Access keys`",
        )
    if not endpoint and pairs.get("EndpointSuffix", "core.windows.net") != "core.windows.net":
        endpoint = f"{pairs.get('DefaultEndpointsProtocol', 'https')}://{name}.blob.{pairs['EndpointSuffix']}"
    sas = pairs.get("SharedAccessSignature", "").lstrip("?") or None
    return AzureAccess(name, endpoint or None, key=pairs.get("AccountKey"), sas=sas)


def sftp(connection: Connection) -> SftpAccess:
    """Types `sftp` and `ssh`: a password or a private key (text or file, with or without passphrase). The host key is
    checked unless `no_host_key_check` is true, and SHA-1 is refused unless `legacy_algorithms` is true."""
    extra = connection.extra_dejson
    if not connection.host:
        raise needs(connection, "host")
    if not connection.login:
        raise needs(connection, "login")
    unchecked = extra.get("no_host_key_check", extra.get("ignore_hostkey_verification", False))
    return SftpAccess(
        host=connection.host,
        port=connection.port or 22,
        username=connection.login,
        password=connection.password,
        private_key=extra.get("private_key") or _key_file(connection, extra.get("key_file")),
        passphrase=extra.get("private_key_passphrase") or extra.get("passphrase"),
        host_key=extra.get("host_key"),
        known_hosts=extra.get("known_hosts"),
        check_host_key=str(unchecked).lower() != "true",
        legacy_algorithms=str(extra.get("legacy_algorithms", False)).lower() == "true",
    )


def _key_file(connection: Connection, path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).expanduser().read_text()
    except OSError as error:
        raise DefinitionError(
            f"the Airflow connection {connection.conn_id}: its key file {path} cannot be read: {error.strerror}",
            next_step="correct the extra `key_file`, or put the key's text into the extra `private_key`",
        ) from None


def iceberg(connection: Connection) -> CatalogAccess:
    """Type `iceberg`: a REST catalog at the host. Login and password are its client id and secret; the extra holds
    other properties of `pyiceberg` (`warehouse`, `token`, `rest.sigv4-enabled`). Or a SQL catalog, with the extra
    alone: `{"type": "sql", "uri": "sqlite:////lake/catalog.db"}`."""
    properties = {name: str(value) for name, value in connection.extra_dejson.items()}
    if "uri" not in properties:
        if not connection.host:
            raise needs(connection, "host, the catalog's address, nor an extra `uri`")
        host = connection.host if "://" in connection.host else f"https://{connection.host}"
        properties["uri"] = f"{host}:{connection.port}" if connection.port else host
    if connection.login and connection.password:
        properties["credential"] = f"{connection.login}:{connection.password}"
    return CatalogAccess({"type": "rest"} | properties)
