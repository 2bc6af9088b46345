"""Receivers of metrics on loopback ports: OTLP over HTTP, and StatsD over UDP."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.thread import serving


class Receiver(ThreadingHTTPServer):
    """Keeps the body of every request, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def metrics(self) -> dict[str, list[tuple[dict[str, str], Any]]]:
        """The points of each metric that came by OTLP: their attributes, and the value; of a histogram, its count."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        found: dict[str, list[tuple[dict[str, str], Any]]] = {}
        for path, body in self.got:
            assert path == "/v1/metrics"
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
                    kind = metric.WhichOneof("data")
                    for point in getattr(metric, kind).data_points:
                        tags = {one.key: one.value.string_value for one in point.attributes}
                        value = point.count if "istogram" in kind else getattr(point, point.WhichOneof("value"))
                        found.setdefault(metric.name, []).append((tags, value))
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        self.server.got.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def receiver() -> AbstractContextManager[Receiver]:
    return serving(Receiver())


class Statsd:
    """A StatsD server, and the client of one: the methods of `statsd.StatsClient` that Airflow calls."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._server.bind(("127.0.0.1", 0))
        self._server.settimeout(0.2)
        self._client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def incr(self, stat: str, count: int = 1, rate: float = 1) -> None:
        self._send(f"{stat}:{count}|c")

    def gauge(self, stat: str, value: float, rate: float = 1, delta: bool = False) -> None:
        self._send(f"{stat}:{value}|g")

    def timing(self, stat: str, delta: float) -> None:
        self._send(f"{stat}:{delta:.6f}|ms")

    def _send(self, text: str) -> None:
        self._client.sendto(f"{self._prefix}.{text}".encode(), self._server.getsockname())

    def lines(self) -> list[str]:
        """Every datagram so far."""
        found = []
        while True:
            try:
                found.append(self._server.recv(65536).decode())
            except TimeoutError:
                return found

    def close(self) -> None:
        self._client.close()
        self._server.close()
