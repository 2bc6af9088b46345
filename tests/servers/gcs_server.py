"""Google Cloud Storage's XML API in small, as a program: PORT FOLDER BUCKET PUBLIC_KEY_FILE TOKEN_LIFE.

Written from Google's public description of the API, for no installable emulator has it: objects (PUT, GET, HEAD,
DELETE), version 2 of the list, and multipart uploads (begin, part, complete, abort, list). An object is visible when
its bytes are all there; the parts of an upload are not. Keys below `readonly/` cannot be written or deleted.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

import google_crc32c
from aiohttp import web

from tests.servers.gcs_auth import Guard, Refused

PIECE = 1 << 20


@dataclass(frozen=True)
class Stored:
    """Bytes on disk, with what an answer says about them."""

    path: Path
    size: int
    md5: str
    crc32c: str
    modified: str = field(default_factory=lambda: formatdate(usegmt=True))


@dataclass
class Upload:
    key: str
    parts: dict[int, Stored] = field(default_factory=dict)


class Bucket:
    """One bucket, in a folder of the disk."""

    def __init__(self, folder: Path, name: str, guard: Guard) -> None:
        folder.mkdir()
        self._folder, self._name, self._guard = folder, name, guard
        self._objects: dict[str, Stored] = {}
        self._uploads: dict[str, Upload] = {}
        self._numbers = itertools.count()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        bucket, _, key = unquote(request.rel_url.raw_path.lstrip("/")).partition("/")
        try:
            self._guard.check(request)
            if request.rel_url.path == f"/upload/storage/v1/b/{self._name}/o":
                return await self._insert(request)
            if bucket != self._name:
                raise Refused(404, "NoSuchBucket")
            return await self._answer(request, key)
        except Refused as refused:
            body = f"<Error><Code>{refused.code}</Code><Message>{refused.code}</Message></Error>"
            return _xml(body if request.method != "HEAD" else "", refused.status)

    async def _answer(self, request: web.Request, key: str) -> web.StreamResponse:
        query, method = request.query, request.method
        if not key:
            return self._list_uploads(query) if "uploads" in query else self._list(query)
        if method in ("PUT", "POST", "DELETE") and key.startswith("readonly/"):
            raise Refused(403, "AccessDenied")
        if method == "POST" and "uploads" in query:
            return self._begin(key)
        if "uploadId" in query:
            return await self._part(request, key)
        if method == "PUT":
            self._objects[key] = await self._receive(request)
            return web.Response(headers=_headers(self._objects[key]))
        if key not in self._objects:
            raise Refused(404, "NoSuchKey")
        if method == "DELETE":
            self._objects.pop(key).path.unlink()
            return web.Response(status=204)
        return await self._send(request, self._objects[key])

    async def _insert(self, request: web.Request) -> web.Response:
        """The JSON API's upload of a small object: its description and its bytes in one body."""
        reader = await request.multipart()
        described = await reader.next()
        key = json.loads(await described.text())["name"]
        content = await reader.next()

        async def pieces() -> AsyncIterator[bytes]:
            yield bytes(await content.read())

        stored = await self._keep(pieces())
        if request.query.get("ifGenerationMatch") == "0" and key in self._objects:
            return web.json_response({"error": {"code": 412, "message": "conditionNotMet"}}, status=412)
        self._objects[key] = stored
        return web.json_response({"name": key, "bucket": self._name, "size": str(stored.size), "generation": "1"})

    async def _receive(self, request: web.Request) -> Stored:
        async def pieces() -> AsyncIterator[bytes]:
            async for piece in request.content.iter_chunked(PIECE):
                yield piece

        stored = await self._keep(pieces())
        sent = request.headers.get("x-goog-hash", f"crc32c={stored.crc32c}")
        md5 = request.headers.get("Content-MD5", base64.b64encode(bytes.fromhex(stored.md5)).decode())
        if sent != f"crc32c={stored.crc32c}" or base64.b64decode(md5).hex() != stored.md5:
            stored.path.unlink()
            raise Refused(400, "BadDigest")
        return stored

    async def _keep(self, pieces: AsyncIterator[bytes]) -> Stored:
        path, size = self._folder / str(next(self._numbers)), 0
        digest, crc = hashlib.md5(), google_crc32c.Checksum()  # noqa: S324 (what the API says)
        with path.open("wb") as file:
            async for piece in pieces:
                file.write(piece)
                digest.update(piece)
                crc.update(piece)
                size += len(piece)
        return Stored(path, size, digest.hexdigest(), base64.b64encode(crc.digest()).decode())

    async def _send(self, request: web.Request, stored: Stored) -> web.StreamResponse:
        wanted = request.http_range.indices(stored.size)
        first, left = wanted[0], max(wanted[1] - wanted[0], 0)
        headers = _headers(stored) | {"Content-Length": str(left), "Accept-Ranges": "bytes"}
        if left < stored.size:
            headers["Content-Range"] = f"bytes {first}-{first + left - 1}/{stored.size}"
        response = web.StreamResponse(status=206 if left < stored.size else 200, headers=headers)
        await response.prepare(request)
        if request.method == "GET":
            with stored.path.open("rb") as file:
                file.seek(first)
                while piece := file.read(min(PIECE, left)):
                    await response.write(piece)
                    left -= len(piece)
        await response.write_eof()
        return response

    def _list(self, query: Any) -> web.Response:
        prefix, limit = query.get("prefix", ""), int(query.get("max-keys", 1000))
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = [key for key in sorted(self._objects) if key.startswith(prefix) and key > after]
        page, more = keys[:limit], len(keys) > limit
        rows = "".join(self._row(key) for key in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return _xml(
            f"<ListBucketResult><Name>{self._name}</Name><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        )

    def _row(self, key: str) -> str:
        stored = self._objects[key]
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{stored.md5}"</ETag><Size>{stored.size}</Size></Contents>'
        )

    def _begin(self, key: str) -> web.Response:
        upload_id = uuid.uuid4().hex
        self._uploads[upload_id] = Upload(key)
        return _xml(
            f"<InitiateMultipartUploadResult><Bucket>{self._name}</Bucket><Key>{escape(key)}</Key>"
            f"<UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
        )

    async def _part(self, request: web.Request, key: str) -> web.Response:
        upload = self._uploads.get(request.query["uploadId"])
        if upload is None or upload.key != key:
            raise Refused(404, "NoSuchUpload")
        if request.method == "PUT":
            part = await self._receive(request)
            upload.parts[int(request.query["partNumber"])] = part
            return web.Response(headers=_headers(part))
        if request.method == "DELETE":
            self._forget(request.query["uploadId"])
            return web.Response(status=204)
        return await self._complete(request, upload)

    async def _complete(self, request: web.Request, upload: Upload) -> web.Response:
        """Joins the parts that the request names, in its order; each must be the one whose ETag it names."""
        named = re.findall(
            r"<Part>.*?<PartNumber>(\d+)</PartNumber>.*?</Part>", body := await request.text(), re.DOTALL
        )
        etags = [tag.replace("&quot;", '"').strip('"') for tag in re.findall(r"<ETag>(.*?)</ETag>", body)]
        numbers = [int(number) for number in named]
        if not numbers or numbers != sorted(set(numbers)) or len(etags) != len(numbers):
            raise Refused(400, "InvalidPartOrder")
        parts = [upload.parts.get(number) for number in numbers]
        if any(part is None or part.md5 != etag for part, etag in zip(parts, etags, strict=True)):
            raise Refused(400, "InvalidPart")

        async def pieces() -> AsyncIterator[bytes]:
            for part in parts:
                if part is not None:
                    yield part.path.read_bytes()

        stored = await self._keep(pieces())
        self._objects[upload.key] = stored
        self._forget(request.query["uploadId"])
        answer = _xml(
            f"<CompleteMultipartUploadResult><Bucket>{self._name}</Bucket><Key>{escape(upload.key)}</Key>"
            f'<ETag>"{stored.md5}"</ETag></CompleteMultipartUploadResult>'
        )
        answer.headers["x-goog-hash"] = _headers(stored)["x-goog-hash"]
        return answer

    def _forget(self, upload_id: str) -> None:
        for part in self._uploads.pop(upload_id).parts.values():
            part.path.unlink()

    def _list_uploads(self, query: Any) -> web.Response:
        rows = "".join(
            f"<Upload><Key>{escape(upload.key)}</Key><UploadId>{upload_id}</UploadId></Upload>"
            for upload_id, upload in self._uploads.items()
            if upload.key.startswith(query.get("prefix", ""))
        )
        return _xml(f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{rows}</ListMultipartUploadsResult>")


def _headers(stored: Stored) -> dict[str, str]:
    hashes = f"crc32c={stored.crc32c},md5={base64.b64encode(bytes.fromhex(stored.md5)).decode()}"
    return {"ETag": f'"{stored.md5}"', "Last-Modified": stored.modified, "x-goog-hash": hashes}


def _xml(body: str, status: int = 200) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>{body}' if body else ""
    return web.Response(text=text, status=status, content_type="application/xml")


def main(port: str, folder: str, bucket: str, public_key: str, token_life: str) -> None:
    guard = Guard(Path(public_key).read_text(), float(token_life))
    application = web.Application(client_max_size=1 << 40)
    application.router.add_post("/token", guard.token)
    application.router.add_route("*", "/{path:.*}", Bucket(Path(folder), bucket, guard).handle)
    web.run_app(application, host="127.0.0.1", port=int(port), print=None, access_log=None)


if __name__ == "__main__":
    os.umask(0o077)
    main(*sys.argv[1:])
