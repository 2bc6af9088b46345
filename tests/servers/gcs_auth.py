"""Who may talk to the Cloud Storage server: tokens it gave for a signed assertion, and Amazon-style HMAC signatures."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from urllib.parse import parse_qsl, quote

from aiohttp import web

AUDIENCE = "https://oauth2.googleapis.com/token"  # Google's clients name it whatever the server's address is
HMAC_ID, HMAC_SECRET = "GOOG1ETESTTESTTEST", "a-test-hmac-secret"
_SIGNATURE = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), ?SignedHeaders=(\S+), ?Signature=(\w+)")


class Refused(Exception):  # noqa: N818 (an answer, not an error)
    """An answer that is not a success: its HTTP status and its code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Guard:
    """Gives tokens for assertions that `public_key` (PEM) verifies, and checks what requests show."""

    def __init__(self, public_key: str, token_life: float) -> None:
        self._public_key = public_key
        self._life = token_life
        self._tokens: dict[str, float] = {}

    async def token(self, request: web.Request) -> web.Response:
        """OAuth 2's exchange of a service account's signed assertion for an access token."""
        from google.auth import jwt

        form = await request.post()
        try:
            jwt.decode(str(form["assertion"]), certs=self._public_key, audience=AUDIENCE)
        except ValueError:
            return web.json_response(
                {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, status=400
            )
        token = secrets.token_hex(16)
        self._tokens[token] = time.time() + self._life
        return web.json_response({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def check(self, request: web.Request) -> None:
        """Raises `Refused` for a request that may not come in."""
        shown = request.headers.get("Authorization", "")
        if shown.startswith("Bearer "):
            ends = self._tokens.get(shown.removeprefix("Bearer "), 0)
            if ends < time.time():
                raise Refused(401, "AuthenticationRequired")
        elif match := _SIGNATURE.match(shown):
            if match[1] != HMAC_ID:
                raise Refused(403, "InvalidAccessKeyId")
            if not hmac.compare_digest(_sign(request, match[2], match[3].split(";")), match[4]):
                raise Refused(403, "SignatureDoesNotMatch")
        else:
            raise Refused(401, "AuthenticationRequired")


def _sign(request: web.Request, scope: str, names: list[str]) -> str:
    """Signature version 4, as its public description builds it."""
    pairs = sorted(
        (quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(request.rel_url.raw_query_string, True)
    )
    canonical = "\n".join(
        [
            request.method,
            request.rel_url.raw_path,
            "&".join(f"{key}={value}" for key, value in pairs),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
            "",
            ";".join(names),
            request.headers["x-amz-content-sha256"],
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest])
    key = b"AWS4" + HMAC_SECRET.encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
