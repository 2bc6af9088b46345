"""The certificates that this machine trusts, read once in a process: each reading takes 30 ms of CPU."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trusted(*, environment: bool = True) -> ssl.SSLContext:
    """What an HTTP client verifies servers against. With `environment`, `SSL_CERT_FILE` and `SSL_CERT_DIR` may name
    other certificates than those of httpx."""
    import httpx

    return httpx.create_ssl_context(trust_env=environment)
