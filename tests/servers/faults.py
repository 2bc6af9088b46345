"""A proxy that breaks things: it stands before a server and answers, cuts, loses or withholds as its rules say."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

PIECE = 1 << 16

Action = Literal["answer", "change", "cut", "hang", "lose", "missing", "strip"]


@dataclass
class Rule:
    """What happens to the next `times` requests whose method and path match; the rest pass.

    answer: the request is read and `status` with `code` is the answer; the server never sees it.
    cut: the connection is reset after `after` bytes of the body.
    hang: the request is read and never answered.
    lose: the server does what it is asked, and its answer is lost.
    missing: where the server answers 404, `status` is the answer.
    change: one byte of the body is another when it reaches the server.
    strip: the answer comes without the headers that `strip` matches.
    """

    action: Action
    method: str = ".*"
    path: str = ".*"
    times: int = 1_000_000
    status: int = 503
    code: str = "SlowDown"
    after: int = 1 << 20
    headers: dict[str, str] = field(default_factory=dict)
    """Of an answer, besides."""
    body: str | None = None
    """Of an answer, in place of an error."""
    strip: str = ""
    seen: int = field(default=0, init=False)

    def takes(self, method: str, path: str) -> bool:
        if self.seen >= self.times or not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        self.seen += 1
        return True


class FaultProxy:
    """HTTP, one request a connection; with `raw`, any bytes: then only `cut` and `hang` mean something, and `after`
    counts what the client has sent."""

    def __init__(self, upstream: int, *, raw: bool = False) -> None:
        self.rules: list[Rule] = []
        self.heads: list[str] = []
        """Of every request so far, its first line and its headers."""
        self.port = 0
        self._upstream, self._raw = upstream, raw
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(100)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        # asyncio loses the connections that it has accepted, but not yet given to us, if the server is closed now.
        self._loop.remove_reader(server.sockets[0].fileno())
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(others)
        server.close()
        await asyncio.sleep(0)  # what was closed is let go of in the loop's next round

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._over.is_set():  # the listener took it in its last moment
            writer.close()
            return
        # Not in the task's own `finally`: one that is cancelled before its first step has none.
        self._kept(self._one(reader, writer)).add_done_callback(lambda _: writer.close())

    def _kept(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):  # either side has gone: what the other sees is the client's affair
            await (self._pass_raw(reader, writer) if self._raw else self._request(reader, writer))

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head.decode("latin-1"))
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        size = int(length[1]) if length else 0
        if re.search(rb"\r\nexpect: *100-continue", head, re.IGNORECASE):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = re.sub(rb"\r\nexpect: [^\r]*", b"", head, flags=re.IGNORECASE)
        rule = next((rule for rule in self.rules if rule.takes(method, path)), None)
        if rule is not None and rule.action == "answer":
            await _take(reader, size)
            writer.write(_answer(rule))
            await writer.drain()
        elif rule is not None and rule.action == "hang":
            await _take(reader, size)
            await self._over.wait()
        else:
            await self._forward(head, size, reader, writer, rule)

    async def _forward(
        self, head: bytes, size: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rule: Rule | None
    ) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            head = re.sub(rb"\r\nconnection: [^\r]*", b"", head, flags=re.IGNORECASE)
            up_writer.write(head[:-4] + b"\r\nConnection: close\r\n\r\n")
            if rule is not None and rule.action == "cut":
                await _copy(reader, up_writer, min(size, rule.after))
                _reset(writer)
                return
            await (_changed if rule is not None and rule.action == "change" else _copy)(reader, up_writer, size)
            if rule is not None and rule.action == "lose":
                await up_reader.read()
                _reset(writer)
                return
            if rule is not None and rule.action in ("missing", "strip"):
                told = _stripped(await up_reader.readuntil(b"\r\n\r\n"), rule)
                writer.write(told)
            while piece := await up_reader.read(PIECE):
                writer.write(piece)
                await writer.drain()
        finally:
            up_writer.close()

    async def _pass_raw(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        rule = next((rule for rule in self.rules if rule.takes("", "")), None)
        answers = self._kept(_copy(up_reader, writer, None))
        try:
            if rule is None:
                await _copy(reader, up_writer, None)
                return
            await _copy(reader, up_writer, rule.after)
            if rule.action == "hang":
                answers.cancel()
                await self._over.wait()
            _reset(writer)
        finally:
            answers.cancel()
            up_writer.close()


async def _take(reader: asyncio.StreamReader, size: int) -> None:
    while size > 0:
        size -= len(await reader.readexactly(min(size, PIECE)))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int | None) -> None:
    """`size` bytes, or all."""
    while size is None or size > 0:
        piece = await reader.read(PIECE if size is None else min(size, PIECE))
        if not piece:
            return
        writer.write(piece)
        await writer.drain()
        size = size if size is None else size - len(piece)


async def _changed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> None:
    """The body with another bit in its middle byte."""
    body = bytearray(await reader.readexactly(size))
    if body:
        body[len(body) // 2] ^= 1
    writer.write(body)
    await writer.drain()


def _stripped(head: bytes, rule: Rule) -> bytes:
    """An answer's head as its rule has it."""
    if rule.action == "missing":
        return re.sub(rb"^(\S+) 404 [^\r]*", rb"\1 %d No" % rule.status, head)
    return re.sub(rf"(?i)\r\n(?:{rule.strip}): [^\r]*".encode(), b"", head)


def _answer(rule: Rule) -> bytes:
    error = f"<?xml version='1.0'?><Error><Code>{rule.code}</Code><Message>{rule.code}</Message></Error>"
    body = (error if rule.body is None else rule.body).encode()
    kind = "application/xml" if rule.body is None else "text/html"
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close", **rule.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {rule.status} {rule.code}\r\n{lines}\r\n".encode() + body


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def faults(upstream: int, *, raw: bool = False) -> Iterator[FaultProxy]:
    """A proxy before the server that listens on the port `upstream` of this machine."""
    proxy = FaultProxy(upstream, raw=raw)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
