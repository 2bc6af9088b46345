"""Clients of web APIs with OAuth 2, from Airflow connections of type `http`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sluice.airflow.addresses import address_of
from sluice.airflow.connection_errors import needs
from sluice.model.access import OAuthAccess

if TYPE_CHECKING:
    from airflow.sdk import Connection


def oauth(connection: Connection) -> OAuthAccess:
    """Login and password are the client's id and secret. With the extras `username` and `user_password` the client logs
    in as that user. The host, if there is one, is the API's address; the extras `token_url` and `scope` are for the
    token server."""
    from airflow.sdk.log import mask_secret

    extra = {name: str(value) for name, value in connection.extra_dejson.items() if value}
    if not connection.login:
        raise needs(connection, "login, the client's id")
    if not connection.password:
        raise needs(connection, "password, the client's secret")
    if extra.get("username") and not extra.get("user_password"):
        raise needs(connection, "extra `user_password` for its `username`")
    try:
        api = address_of(connection) or None
        valid = all(urlsplit(address).hostname for address in (api, extra.get("token_url")) if address)
    except ValueError:  # an invalid port or bracket
        valid = False
    if not valid:
        raise needs(connection, "host, or extra `token_url`, that is an address: `https://api.example.com`")
    for secret in (connection.password, extra.get("user_password")):
        if secret:
            mask_secret(secret)
    return OAuthAccess(
        client_id=connection.login,
        client_secret=connection.password,
        username=extra.get("username"),
        password=extra.get("user_password"),
        scope=extra.get("scope"),
        api=api,
        token_url=extra.get("token_url"),
        hide=mask_secret,
    )
