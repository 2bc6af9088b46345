"""A Data Lake Gen2 account in small, as a program: PORT AZURITE_ADDRESS [CERTIFICATE].

Azurite has the Blob half of such an account and no other. This stands before it on one port and adds, from Microsoft's
public description: the token endpoint of a directory, so that a service principal can come in; the Data Lake half's
list of paths; and the rule of its folders, that nothing can lie below a file.
"""

from __future__ import annotations

import re
import secrets
import ssl
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from aiohttp import ClientSession, web
from yarl import URL

from tests.servers.azurite import CONTAINER, sas

TENANT, CLIENT_ID, CLIENT_SECRET = "test-tenant", "test-client", "a-test-client-secret"
PIECE = 1 << 20
_NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "authorization", "keep-alive"}

_NOT_ADDED = (
    "Content-Type",
    "Accept",
    "Accept-Encoding",
    "User-Agent",
)  # a signature covers what was there, and no more


class Lake:
    """The account behind one port."""

    def __init__(self, azurite: str) -> None:
        self._server = URL(azurite).origin()
        self._tokens: set[str] = set()

    async def token(self, request: web.Request) -> web.Response:
        """OAuth 2's client credentials grant."""
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"error": "invalid_client", "error_description": "AADSTS7000215"}, status=401)
        token = secrets.token_hex(16)
        self._tokens.add(token)
        return web.json_response({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    async def directory(self, request: web.Request) -> web.Response:
        """OpenID's description of the directory."""
        base = f"{request.url.origin()}/{TENANT}"
        told = {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
        }
        return web.json_response(told)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "")
        query = request.rel_url.raw_query_string
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_PASSED_ON}
        if shown.startswith("Bearer "):
            if shown.removeprefix("Bearer ") not in self._tokens:
                return _refusal(401, "InvalidAuthenticationInfo")
            query = "&".join(filter(None, (query, _own_sas())))
        elif shown:
            headers["Authorization"] = shown
        if parse_qs(query).get("resource") == ["filesystem"]:
            return await self._paths(request, query)
        if request.method == "PUT" and "comp=block&" not in f"{query}&" and await self._below_a_file(request):
            return _refusal(409, "ResourceTypeMismatch")
        return await self._pass_on(request, headers, query)

    async def _pass_on(self, request: web.Request, headers: Mapping[str, str], query: str) -> web.StreamResponse:
        async def body() -> AsyncIterator[bytes]:
            async for piece in request.content.iter_chunked(PIECE):
                yield piece

        data: AsyncIterator[bytes] | bytes | None = body() if request.can_read_body else None
        if "comp=batch" in query:
            data = _let_in(await request.read())
            headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        address = self._address(request.rel_url.raw_path, query)
        async with (
            ClientSession(auto_decompress=False, skip_auto_headers=_NOT_ADDED) as session,
            session.request(request.method, address, headers=headers, data=data) as answer,
        ):
            passed = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED_ON}
            response = web.StreamResponse(status=answer.status, headers=passed)
            await response.prepare(request)
            async for piece in answer.content.iter_chunked(PIECE):
                await response.write(piece)
            await response.write_eof()
            return response

    async def _paths(self, request: web.Request, query: str) -> web.Response:
        """The Data Lake half's list: folders are paths of their own."""
        asked = dict(parse_qsl(query))
        folder = asked.get("directory", "").strip("/")
        wanted = {"restype": "container", "comp": "list", "prefix": f"{folder}/" if folder else ""}
        access = {name: value for name, value in asked.items() if name.startswith("s")}
        address = self._address(request.rel_url.raw_path.rstrip("/"), urlencode(wanted | access, quote_via=quote))
        async with ClientSession() as session, session.get(address) as answer:
            text = await answer.text()
            if answer.status != 200:
                return _refusal(answer.status, answer.headers.get("x-ms-error-code", "Failed"))
        paths: dict[str, dict[str, str]] = {}
        for blob in ElementTree.fromstring(text).iter("Blob"):  # noqa: S314 (our own Azurite's answer)
            name, size = blob.findtext("Name", ""), blob.findtext("Properties/Content-Length", "0")
            parents = name.split("/")[:-1]
            for depth in range(folder.count("/") + 2 if folder else 1, len(parents) + 1):
                parent = "/".join(parents[:depth])
                paths[parent] = {"name": parent, "isDirectory": "true", "contentLength": "0"}
            paths[name] = {"name": name, "contentLength": size}
        if asked.get("recursive", "false").lower() != "true":
            level = folder.count("/") + 1 if folder else 0
            paths = {name: path for name, path in paths.items() if name.count("/") == level}
        return web.json_response({"paths": [paths[name] for name in sorted(paths)]})

    async def _below_a_file(self, request: web.Request) -> bool:
        parts = request.rel_url.raw_path.split("/")
        async with ClientSession() as session:
            for end in range(4, len(parts)):
                async with session.head(self._address("/".join(parts[:end]), _own_sas())) as answer:
                    if answer.status == 200:
                        return True
        return False

    def _address(self, raw_path: str, query: str) -> URL:
        return URL(f"{self._server}{raw_path}?{query}" if query else f"{self._server}{raw_path}", encoded=True)


def _own_sas() -> str:
    """What this server shows to Azurite for whoever showed a token."""
    return sas(CONTAINER, timedelta(hours=1), "racwdl")


def _let_in(batch: bytes) -> bytes:
    """A batch shows a token with each of its requests; Azurite knows no tokens, but takes a SAS in their place."""
    own = _own_sas().encode()
    shown = re.compile(
        rb"^DELETE (\S+)( HTTP.*?)\r\nauthorization: Bearer [^\r]*", re.IGNORECASE | re.MULTILINE | re.DOTALL
    )
    return shown.sub(lambda match: b"DELETE " + match[1] + b"?" + own + match[2], batch)


def _refusal(status: int, code: str) -> web.Response:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return web.Response(status=status, text=body, content_type="application/xml", headers={"x-ms-error-code": code})


def main(port: str, azurite: str, certificate: str = "") -> None:
    lake = Lake(azurite)
    application = web.Application(client_max_size=1 << 40)
    application.router.add_post(f"/{TENANT}/oauth2/v2.0/token", lake.token)
    application.router.add_get(f"/{TENANT}/v2.0/.well-known/openid-configuration", lake.directory)
    application.router.add_route("*", "/{path:.*}", lake.handle)
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    web.run_app(application, host="127.0.0.1", port=int(port), ssl_context=tls, print=None, access_log=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
