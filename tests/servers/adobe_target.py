"""Adobe Target's Bulk Profile Update API, as its public documentation describes it: batches are accepted by POST and
answered as XML, and the address in the answer shows their state."""

from __future__ import annotations

import re
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, unquote_plus, urlsplit

from tests.servers.thread import serving

MOST_BYTES, MOST_ROWS = 50_000_000, 500_000


class AdobeTarget(ThreadingHTTPServer):
    """Keeps the profiles that batches have set, and every batch by its id."""

    def __init__(self, client: str, token: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.client, self.token = client, token
        self.profiles: dict[str, dict[str, str]] = {}
        self.batches: dict[str, str] = {}
        self.numbers = count(1)
        self.states: dict[str, str] = {}
        """The states of batches that are not complete."""
        self.asked: list[tuple[str, str | None]] = []
        """The requests for states: the path, and the login that came with it."""
        self.fail_states: list[int] = []
        """The answers to the next requests for states."""
        self.failed = 0
        """The profiles of each batch that could not be updated."""
        self.address: str | None = None
        """What answers say instead of the address that shows the state of a batch."""
        self.lock = threading.Lock()
        self.fail_next: list[int | str] = []
        """What happens to the next requests: a status, `refuse`, `drop` (no answer, and the batch is not processed) or
        `lose` (no answer, but the batch is processed)."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, body: str) -> str:
        """Process a batch; its id. Raises `ValueError` if it is none."""
        header, *lines = body.splitlines()
        if not header.startswith("batch="):
            raise ValueError("batch= is missing")
        key, *names = [unquote_plus(name.strip()) for name in header.removeprefix("batch=").split(",")]
        if key not in ("pcId", "thirdPartyId"):
            raise ValueError("the first header is neither pcId nor thirdPartyId")
        if len(lines) > MOST_ROWS or len(body.encode()) >= MOST_BYTES:
            raise ValueError("too large")
        for line in lines:
            profile, *values = [unquote_plus(value) for value in line.split(",")]
            known = self.profiles.setdefault(profile, {})
            known |= {name: value for name, value in zip(names, values, strict=False) if value}
        batch = f"{self.client}-{next(self.numbers)}-13029383"
        self.batches[batch] = body
        return batch


class _Handler(BaseHTTPRequestHandler):
    server: AdobeTarget

    def do_POST(self) -> None:
        with self.server.lock:
            self._post()

    def _post(self) -> None:
        length = self.headers["Content-Length"]
        body = self.rfile.read(int(length)).decode() if length else ""
        fault = self.server.fail_next.pop(0) if self.server.fail_next else None
        if isinstance(fault, int):
            return self._answer(fault, "")
        if fault == "drop":
            return self.connection.close()
        if self.server.token and self.headers["Authorization"] != f"Bearer {self.server.token}":
            return self._answer(401, "")
        if self.path not in (f"/m2/{self.server.client}/{v}profile/batchUpdate" for v in ("", "v2/")) or not length:
            return self._answer(404, "")
        try:
            if fault == "refuse":
                raise ValueError("refused")
            batch = self.server.take(body)
        except ValueError as wrong:
            return self._answer(200, f"<success>false</success><batchStatus></batchStatus><message>{wrong}</message>")
        if fault == "lose":
            return self.connection.close()
        status = f"{self.server.url}/m2/{self.server.client}/profile/batchStatus?batchId={batch}&amp;mboxPC=1"
        status = status if self.server.address is None else self.server.address
        self._answer(
            200,
            f"<success>true</success>\n<batchStatus>{status}</batchStatus>"
            "<message>Batch submitted for processing</message>",
        )
        return None

    def do_GET(self) -> None:
        batch = parse_qs(urlsplit(self.path).query).get("batchId", [""])[0]
        if not re.fullmatch(rf"/m2/{self.server.client}/profile/batchStatus", urlsplit(self.path).path):
            return self._answer(404, "")
        if batch not in self.server.batches:
            return self._answer(200, "<success>false</success>")
        if self.server.fail_states:
            return self._answer(self.server.fail_states.pop(0), "")
        self.server.asked.append((self.path, self.headers["Authorization"]))
        size = len(self.server.batches[batch].splitlines()) - 1
        state = self.server.states.get(batch, "complete")
        shown = f"<batchId>{batch}</batchId><status>{state}</status><batchSize>{size}</batchSize>"
        return self._answer(200, shown + (self._details(size) if self.path.endswith("&showDetails=true") else ""))

    def _details(self, size: int) -> str:
        counts = {"consumedCount": size, "successfulUpdates": size - self.server.failed, "profilesNotFound": 0}
        counts |= {"failedUpdates": self.server.failed}
        return "".join(f"<{name}>{count}</{name}>" for name, count in counts.items())

    def _answer(self, status: int, inside: str) -> None:
        body = f"<response>{inside}</response>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def adobe_target(client: str = "acme", token: str = "") -> AbstractContextManager[AdobeTarget]:
    return serving(AdobeTarget(client, token))
