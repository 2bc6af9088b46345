"""Verify: read a delivery back from its destination, and compare it with its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.model.manifest import ExportResult, Manifest


def read_manifest(name: str, destination: Destination) -> Manifest:
    """The manifest with this name. Raises `FatalError` if it does not exist or is not a manifest."""
    body = b"".join(destination.read(name))
    try:
        return Manifest.model_validate_json(body)
    except ValueError as bad:
        raise FatalError(
            f"{destination.locate(name)} is not a Sluice manifest: {bad}", next_step="name a manifest-*.json file"
        ) from bad


def verify(manifest: Manifest, destination: Destination, *, threads: int = 4) -> Sequence[str]:
    """Every difference between the manifest and the destination, one line each; empty if there is none.

    Reads every byte. Finds missing and extra parts of this run, wrong sizes, wrong bytes, and wrong totals.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="verify") as pool:
        findings = list(pool.map(partial(_compare, destination), manifest.exportResults))
    return [*(found for found in findings if found), *_extra(manifest, destination), *_totals(manifest)]


def _compare(destination: Destination, part: ExportResult) -> str | None:
    try:
        size, sha256 = _digest(destination.read(part.path))
    except FatalError as missing:
        return f"missing: {part.path}: {missing.what}"
    if size != part.size:
        return f"size: {part.path} has {size:,} bytes, the manifest says {part.size:,}"
    if sha256 != part.sha256:
        return f"bytes: {part.path} has SHA-256 {sha256}, the manifest says {part.sha256}"
    return None


def _digest(pieces: Iterator[bytes]) -> tuple[int, str]:
    size, sha256 = 0, hashlib.sha256()
    for piece in pieces:
        size += len(piece)
        sha256.update(piece)
    return size, sha256.hexdigest()


def _extra(manifest: Manifest, destination: Destination) -> Iterator[str]:
    """Files of this run that the manifest does not list. Every part has the run's id in its name or folder."""
    listed = {part.path for part in manifest.exportResults}
    for folder in sorted({part.sinkPath.strip("/") for part in manifest.exportResults}):
        for stored in destination.list(folder):
            if manifest.flowRunId in stored.name and stored.name not in listed and not _beside(manifest, stored.name):
                yield f"extra: {stored.name} belongs to this run but is not in the manifest"


def _beside(manifest: Manifest, name: str) -> bool:
    """Whether it is a file of the delivery that is not a part."""
    own = (f"manifest-{manifest.connection}-{manifest.flowRunId}.json", "model.json", "_SUCCESS")
    return name.rsplit("/", 1)[-1] in own


def _totals(manifest: Manifest) -> Iterator[str]:
    parts = manifest.exportResults
    for word, said, counted in (
        ("files", manifest.files, len(parts)),
        ("records", manifest.records, sum(part.records for part in parts)),
        ("bytes", manifest.bytes, sum(part.size for part in parts)),
    ):
        if said != counted:
            yield f"totals: the manifest says {said:,} {word}, its parts add up to {counted:,}"
