"""Verify: read a delivery back from its destination, and compare it with its manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from sluice.delivery.hand_over.handing import document_of
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


def verify(
    manifest: Manifest, destination: Destination, *, threads: int = 4, tick: Callable[[int], None] = lambda _: None
) -> Sequence[str]:
    """Every difference between the manifest and the destination, one line each; empty if there is none. `tick` is
    called after each part, with the number of parts that are compared.

    Reads every byte. Finds missing parts and trigger files, extra parts of this run, wrong sizes, wrong bytes, and
    wrong totals.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="verify") as pool:
        findings = []
        for finding in pool.map(partial(_compare, destination), manifest.exportResults):
            findings.append(finding)
            tick(len(findings))
        missing = list(pool.map(partial(_missing_trigger, destination), triggers_in(manifest)))
    found = [finding for finding in (*findings, *missing) if finding]
    return [*found, *_extra(manifest, destination), *_totals(manifest)]


def triggers_in(manifest: Manifest) -> list[str]:
    """The names of the delivery's trigger files."""
    said = manifest.triggers
    stems = [part.path.removesuffix(said.get("instead_of", "")) for part in manifest.exportResults]
    beside = [f"{stem}{said['suffix']}" for stem in stems] if "suffix" in said else []
    return [*beside, *([said["name"]] if "name" in said else [])]


def _missing_trigger(destination: Destination, name: str) -> str | None:
    return None if destination.stat(name) else f"missing: the trigger file {name}"


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
    """Files of this run that the manifest does not list. Only names with the run's id tell to whom they belong."""
    listed = {*(part.path for part in manifest.exportResults), *triggers_in(manifest)}
    for folder in sorted({part.sinkPath.strip("/") for part in manifest.exportResults}):
        for stored in destination.list(folder):
            if manifest.flowRunId in stored.name and stored.name not in listed and not _beside(manifest, stored.name):
                yield f"extra: {stored.name} belongs to this run but is not in the manifest"


def _beside(manifest: Manifest, name: str) -> bool:
    """Whether it is a file of the delivery that is not a part."""
    manifests = f"manifest-{manifest.connection}-{manifest.flowRunId}.json"
    own = (manifests, document_of(manifest), "model.json", "mapping.json", "_SUCCESS")
    due = datetime.fromisoformat(manifest.scheduledTime)
    log = rf"[A-Z]+-{due:%m%d%y-%H%M%S}-{re.escape(manifest.export)}(\.[0-9]+)?\.log"
    file = name.rsplit("/", 1)[-1]
    return file in own or re.fullmatch(log, file) is not None


def _totals(manifest: Manifest) -> Iterator[str]:
    parts = manifest.exportResults
    for word, said, counted in (
        ("files", manifest.files, len(parts)),
        ("records", manifest.records, sum(part.records for part in parts)),
        ("bytes", manifest.bytes, sum(part.size for part in parts)),
    ):
        if said != counted:
            yield f"totals: the manifest says {said:,} {word}, its parts add up to {counted:,}"
