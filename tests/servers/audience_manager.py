"""A server with Audience Manager's REST API, written from its public documentation and from public clients of it.

It proves that our client agrees with our reading of these, and nothing about Adobe's servers. It checks logins, expires
tokens, pages lists, refuses duplicates (409) and unknown properties (400), and can be told to misbehave.
"""

from __future__ import annotations

import json
import re
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.servers.thread import serving

CLIENT, SECRET, USER, PASSWORD = "mcprofile2-test", "saea-client-secret", "mmptest", "pass-of-the-user"
BASIC = "Basic " + b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
_FOLDER = {"parentFolderId", "name"}
_TRAIT = {"name", "traitType", "dataSourceId", "folderId"}
_SEGMENT = {"name", "segmentRule", "folderId", "dataSourceId", "mergeRuleDataSourceId"}
REQUIRED = {"folders/traits": _FOLDER, "folders/segments": _FOLDER, "traits": _TRAIT, "segments": _SEGMENT}


@dataclass
class Fault:
    """What happens to the next request whose method and path match; once."""

    match: str
    status: int = 0
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    sleep: float = 0.0
    act: bool = False
    """Whether the request takes effect before its answer is lost."""
    drip: float = 0.0
    """Seconds between the bytes of the answer, and between its headers."""


class AudienceManager(ThreadingHTTPServer):
    """The server's state; `address` is its own."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.tokens: dict[str, float] = {}
        self.refresh: set[str] = set()
        self.lasts, self.gives_refresh, self.pages, self.unique = 21_922.0, False, True, True
        self.faults: deque[Fault] = deque()
        self.log: list[str] = []
        """The method and the path of each request."""
        self.forms: list[dict[str, str]] = []
        self.kept: dict[str, list[dict[str, Any]]] = {name: [] for name in REQUIRED}
        self.before_create = threading.Barrier(1)
        self._next = 1000

    def add(self, kind: str, **properties: Any) -> dict[str, Any]:
        """Put an object there, as someone in the user interface does."""
        with self.lock:
            return self._add(kind, properties)

    def _add(self, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
        self._next += 1
        key = "folderId" if kind.startswith("folders") else "sid"
        self.kept[kind].append({key: self._next, **properties})
        return self.kept[kind][-1]

    def expire(self) -> None:
        """Let every token expire."""
        self.tokens = dict.fromkeys(self.tokens, 0.0)

    def count(self, request: str) -> int:
        return sum(one == request for one in self.log)


class _Handler(BaseHTTPRequestHandler):
    server: AudienceManager
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _handle(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        request = f"{self.command} {parts.path}"
        self.server.log.append(request)
        fault = self._fault(request)
        if fault and fault.sleep:
            time.sleep(fault.sleep)
        if fault and (fault.status or fault.act):
            if fault.act:
                self._answer(parts.path, parse_qs(parts.query), body)
            if fault.status:
                self._send(fault.status, fault.body, fault.headers, fault.drip)
            else:
                self.close_connection = True
            return
        status, found, headers = self._answer(parts.path, parse_qs(parts.query), body)
        self._send(status, b"" if found is None else json.dumps(found).encode(), headers, fault.drip if fault else 0)

    def _fault(self, request: str) -> Fault | None:
        with self.server.lock:
            for fault in self.server.faults:
                if re.search(fault.match, request):
                    self.server.faults.remove(fault)
                    return fault
        return None

    def _send(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = (), drip: float = 0.0) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        try:
            for number in range(10 if drip else 0):
                self.flush_headers()
                time.sleep(drip)
                self.send_header(f"X-{number}", "slow")
            self.end_headers()
            for start in range(0, len(body), 1 if drip else max(len(body), 1)):
                self.wfile.write(body[start : start + (1 if drip else len(body))])
                self.wfile.flush()
                time.sleep(drip)
        except OSError:
            self.close_connection = True

    def _answer(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any, Any]:
        if path in ("/oauth/token", "/ims/token/v3"):
            return self._token(path, {key: values[0] for key, values in parse_qs(body.decode()).items()})
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        until = self.server.tokens.get(token)
        if until is None or until < time.monotonic():
            said = f'Bearer realm="oauth", error="invalid_token", error_description="Access token expired: {token}"'
            return 401, {"error": "invalid_token"}, (("WWW-Authenticate", said),)
        if token.startswith("ims") and self.headers.get("x-api-key") != CLIENT:
            return 403, {"error_code": "403000"}, ()
        kind = next((one for one in REQUIRED if path.startswith(f"/v1/{one}")), None)
        if kind is None:
            return 404, None, ()
        rest = path.removeprefix(f"/v1/{kind}").strip("/")
        if self.command == "POST":
            return self._create(kind, json.loads(body))
        return self._read(kind, rest) if rest else (200, self._list(kind, query), ())

    def _token(self, path: str, form: dict[str, str]) -> tuple[int, Any, Any]:
        server = self.server
        server.forms.append(form)
        ims = path.startswith("/ims")
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        if not (known if ims else self.headers.get("Authorization") == BASIC):
            return (400 if ims else 401), {"error": "invalid_client"}, ()
        grant = form.get("grant_type")
        right = (
            grant == "client_credentials" if ims else (form.get("username"), form.get("password")) == (USER, PASSWORD)
        )
        if grant == "refresh_token":
            right = form.get("refresh_token") in server.refresh
        if not right:
            return 400, {"error": "invalid_grant"}, ()
        token = f"{'ims' if ims else 'aam'}-{uuid4()}"
        server.tokens[token] = time.monotonic() + server.lasts
        found = {"access_token": token, "token_type": "bearer", "expires_in": server.lasts, "scope": "read write"}
        if server.gives_refresh:
            found["refresh_token"] = str(uuid4())
            server.refresh = {found["refresh_token"]}
        return 200, found, ()

    def _list(self, kind: str, query: dict[str, list[str]]) -> Any:
        found = self.server.kept[kind]
        if "page" not in query or not self.server.pages:
            return found
        page, size = int(query["page"][0]), int(query.get("pageSize", ["10"])[0])
        shown = found[page * size : (page + 1) * size]
        return {"total": len(found), "page": page, "pageSize": size, "list": shown}

    def _read(self, kind: str, rest: str) -> tuple[int, Any, Any]:
        code = rest.removeprefix("ic:") if rest.startswith("ic:") else None
        for one in self.server.kept[kind]:
            if one.get("integrationCode") == code if code else str(one.get("sid", one.get("folderId"))) == rest:
                return 200, one, ()
        return 404, {"code": "not.found"}, ()

    def _create(self, kind: str, body: dict[str, Any]) -> tuple[int, Any, Any]:
        if lacking := REQUIRED[kind] - body.keys():
            return 400, {"message": f"missing {sorted(lacking)}"}, ()
        self.server.before_create.wait(100)
        with self.server.lock:
            if self.server.unique and any(_same(kind, body, one) for one in self.server.kept[kind]):
                return 409, {"code": "conflict"}, ()
            return 201, self.server._add(kind, body), ()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _same(kind: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    if kind.startswith("folders"):
        return (one["parentFolderId"], one["name"]) == (other["parentFolderId"], other["name"])
    return one.get("integrationCode") is not None and one["integrationCode"] == other.get("integrationCode")


@contextmanager
def audience_manager() -> Iterator[AudienceManager]:
    """With a segment `12345`."""
    with serving(AudienceManager()) as server:
        server.add("segments", sid=12345, name="Loyal", segmentRule="7T")
        yield server


def connection(address: str, *, by_user: bool = True, **fields: Any) -> str:
    """The Airflow connection to it, as JSON."""
    user = {"username": USER, "user_password": PASSWORD, "token_url": f"{address}/oauth/token"}
    client = {"token_url": f"{address}/ims/token/v3", "scope": "openid,AdobeID"}
    found = {"conn_type": "http", "host": f"{address}/v1", "login": CLIENT, "password": SECRET}
    return json.dumps(found | {"extra": user if by_user else client} | fields)
