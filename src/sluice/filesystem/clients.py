"""The clouds' own clients, for destinations and for creating files conditionally.

None of them follows redirects, which could lead to any server, or retries on its own: the caller decides how long to
retry. Environment variables never override the connection.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sluice.model.access import AwsKeys, AzureAccess, BearerToken

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

_ASK_AGAIN = 600.0
"""Keys and tokens without a known expiry are fetched again after this many seconds."""
_READ = 4 << 20
"""Bytes that Azure's client reads per request."""
_EARLY = 300.0
"""Keys and tokens are renewed this many seconds before they expire."""

Secret = TypeVar("Secret", AwsKeys, BearerToken)


@dataclass(frozen=True)
class Waits:
    """How long a client waits for its server to accept or answer a request, and how many connections it keeps open."""

    timeout: timedelta = timedelta(seconds=60)
    connections: int = 10

    @property
    def seconds(self) -> float:
        return self.timeout.total_seconds()


class Renewed(Generic[Secret]):
    """Keys or a token, renewed before they expire. Safe to use from many threads."""

    def __init__(self, give: Callable[[], Secret]) -> None:
        self._give: Callable[[], Secret] = give
        self._lock = threading.Lock()
        self._last: Secret | None = None
        self._until = 0.0

    def get(self) -> Secret:
        with self._lock:
            if self._last is None or time.time() > self._until:
                self._last = self._give()
                ends = self._last.expires_at
                self._until = time.time() + _ASK_AGAIN if ends is None else ends - _EARLY
            return self._last


def _credentials(keys: Renewed[AwsKeys]) -> Any:
    """A credential provider for botocore that returns our keys."""
    from botocore.credentials import Credentials, ReadOnlyCredentials

    class Ours(Credentials):  # type: ignore[misc]
        def get_frozen_credentials(self) -> Any:
            now = keys.get()
            return ReadOnlyCredentials(now.access_key_id, now.secret_access_key, now.token)

        def load_credentials(self) -> Any:
            return self

    return Ours("", "")


@cache
def _descriptions() -> Any:
    """botocore's descriptions of S3, which it would read and parse again for each client: half of a client's time."""
    from botocore.loaders import create_loader

    return create_loader()


def s3_client(
    who: Renewed[AwsKeys] | Renewed[BearerToken] | None,
    region: str,
    endpoint_url: str | None,
    *,
    bearer: bool = False,
    path_style: bool,
    verify: bool | str = True,
    waits: Waits = Waits(),
) -> Any:
    """An S3 client that signs requests with keys. With `bearer`, it sends a token instead, or nothing if `who` is None.

    Payloads are not signed: each is sent with a checksum, and over TLS a signature would add nothing."""
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(
        signature_version=UNSIGNED if bearer else None,
        s3={"addressing_style": "path" if path_style else "virtual", "payload_signing_enabled": False},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"total_max_attempts": 1},
        connect_timeout=min(waits.seconds, 10),
        read_timeout=waits.seconds,
        max_pool_connections=waits.connections,
        ignore_configured_endpoint_urls=True,
    )
    session = botocore.session.Session()
    session.register_component("data_loader", _descriptions())
    if not bearer:
        session.register_component("credential_provider", _credentials(who))  # type: ignore[arg-type]
    client = session.create_client("s3", region, endpoint_url=endpoint_url, verify=verify, config=config)
    client.meta.events.register_last("before-parameter-build.s3", _no_redirect)
    client.meta.events.register_last("before-call.s3", _no_expect)
    if bearer and who is not None:
        client.meta.events.register("before-send.s3", _with_token(who))  # type: ignore[arg-type]
    return client


def _no_redirect(context: dict[str, Any], **_: Any) -> None:
    """Stop botocore from following a redirect to another region: it does so only once per request, and this marks the
    request as already redirected."""
    context.setdefault("s3_redirect", {"bucket": "", "params": {}})["redirected"] = True


def _no_expect(params: dict[str, Any], **_: Any) -> None:
    """Drop the header `Expect: 100-continue`: botocore would wait a second for each server or proxy that does not
    answer it."""
    params["headers"].pop("Expect", None)


def _with_token(token: Renewed[BearerToken]) -> Callable[..., None]:
    def show(request: Any, **_: Any) -> None:
        request.headers["Authorization"] = f"Bearer {token.get().token}"

    return show


def blob_address(access: AzureAccess) -> str:
    """The account's Blob endpoint, which Data Lake accounts also serve."""
    return (access.endpoint_url or f"https://{access.account}.blob.core.windows.net").replace(".dfs.", ".blob.")


def container_client(
    access: AzureAccess,
    container: str,
    *,
    waits: Waits = Waits(),
) -> ContainerClient:
    """A Blob API client for one container."""
    from azure.core.pipeline.transport import RequestsTransport
    from azure.storage.blob import ContainerClient

    _quiet("azure.core.pipeline.policies.http_logging_policy")
    return ContainerClient(
        blob_address(access),
        container,
        credential=_azure_credential(access),
        # The client passes its own timeout options only to a transport that it creates itself.
        transport=RequestsTransport(
            session=_session(waits.connections),
            connection_timeout=waits.seconds,  # Python also applies this timeout to sending a whole block
            read_timeout=waits.seconds,
        ),
        retry_total=0,
        permit_redirects=False,
        max_single_put_size=1 << 32,
        max_single_get_size=_READ,
        max_chunk_get_size=_READ,
    )


def _session(connections: int) -> Any:
    """A session whose pool keeps one connection for each parallel request."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = requests.Session()
    adapter = HTTPAdapter(
        pool_maxsize=connections, max_retries=Retry(total=False, redirect=False, raise_on_status=False)
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def _quiet(name: str) -> None:
    """Silence Azure's client, which logs some twenty lines per request, unless its log level was set explicitly."""
    log = logging.getLogger(name)
    if log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)


def _azure_credential(access: AzureAccess) -> Any:
    if access.sas:
        from azure.core.credentials import AzureSasCredential

        return AzureSasCredential(access.sas.lstrip("?"))
    if access.key:
        return {"account_name": access.account, "account_key": access.key}
    from azure.identity import ClientSecretCredential

    more: dict[str, Any] = {"permit_redirects": False}
    if access.authority:
        more |= {"authority": access.authority, "disable_instance_discovery": True}
    return ClientSecretCredential(access.tenant or "", access.client_id or "", access.client_secret or "", **more)
