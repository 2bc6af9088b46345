"""What can be tried before a run: whether a connection delivers, whether a dataset is sure to tell what is new, and
whether staging can hold commit logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from uuid import uuid4

from sluice.definition.models.catalog import CursorColumn, Dataset
from sluice.definition.models.connection import Connection
from sluice.definition.models.project import Staging
from sluice.delivery.publish.committing import is_as
from sluice.destinations.base import Destination
from sluice.errors import FatalError
from sluice.filesystem import open_filesystem
from sluice.model.access import Connections
from sluice.sources.position import Skipping

NEEDS: Mapping[str, str] = {
    "put": "parts and the manifest are written",
    "stat": "parts are looked at by their names: none is sent twice, and none is missing when the manifest is written",
    "read": "a manifest whose write was not answered is read again",
    "remove": "what a run leaves that did not publish is removed",
    "abort": "uploads that a killed task has begun are discarded",
}
"""The verbs of a destination that a run calls, and why. It lists nothing."""

_NAME = "sluice-probe.txt"
_AT_ONCE = 2
"""Uploads that the destination is opened for: one that has several connections opens a second with the second."""
_BODY = b"Sluice writes this file to see whether it may, and removes it.\n"
_UPLOADS = 2
"""The second replaces the first, and takes a connection of its own if a destination has several."""


@dataclass(frozen=True)
class Probed:
    """A destination that takes deliveries: the address of the file it was tried with, and what it denies beside."""

    address: str
    denied: Mapping[str, str]
    """By the verb; only what tidies up."""

    def __str__(self) -> str:
        if "remove" not in self.denied:
            said = f"wrote, read and removed {self.address}"
        else:
            said = f"wrote and read {self.address}, which stays: the next trial finds it"
        return "; ".join([said, *(f"without this, {_WITHOUT[verb]}: {why}" for verb, why in self.denied.items())])


_WITHOUT = {
    "remove": "parts of runs that fail stay for good",
    "abort": "the store keeps what killed tasks have begun to send, until a rule of its own removes that",
}


def probe_staging(staging: Staging, connections: Connections) -> str:
    """Try what commit logs need of the staging folder; its address.

    Raises `FatalError` if a file that is there is created again, and what the filesystem raises otherwise."""
    opened = open_filesystem(connections, staging.airflow_conn_id, staging.path)
    folder = f"sluice-probe-{uuid4()}"
    try:
        created = [opened.create(f"{folder}/entry", body) for body in (b"first", b"second")]
        if created != [True, False] or opened.read_bytes(f"{folder}/entry") != b"first":
            raise FatalError(
                f"staging at {opened.root}: a file that is to be created only if it is absent was created twice: two"
                " processes could publish the same delivery",
                next_step="put staging on a disk, S3, Cloud Storage (by a service account), Azure or SFTP; of servers"
                " that speak S3's protocol, on one that obeys `If-None-Match`",
            )
    finally:
        opened.remove_tree(folder)
    return opened.root


def doubts(dataset: Dataset, connections: Connections) -> list[str]:
    """Why rows of a dataset whose news a column tells may never be delivered, each with what to do. None if it is
    declared how late they may appear."""
    by = dataset.added_by
    if not isinstance(by, CursorColumn) or by.waits:
        return []
    source = dataset.source.open(connections, dataset=dataset.name)
    return source.doubts(by.column) if isinstance(source, Skipping) else []


def probe(connection: Connection, connections: Connections) -> Probed:
    """Try a connection's keys, and everything that a run asks of a destination (`NEEDS`), with one small file under a
    name that is always the same. What only tidies up may be denied: a run publishes all the same.

    Raises the destination's own error, which names what is wrong: the name, the network, the credentials, the bucket,
    the permission or the path.
    """
    if connection.openpgp:
        connection.openpgp.open(connections, name=connection.name)
    config = connection.destination.in_pieces_of(len(_BODY))
    with closing(config.open(connections, name=connection.name, threads=_AT_ONCE)) as destination:
        _write(destination, looks=config.stays)
        if config.stays and not is_as(_NAME, _BODY, destination):
            raise FatalError(f"connection {connection.name}: what is read at {_NAME} is not what was written there")
        denied = {"remove": _denied(lambda: destination.remove([_NAME]))}
        if not (denied["remove"] and config.can.hides):
            with suppress(_Broken):
                destination.put(_NAME, _breaking())
            denied["abort"] = _denied(lambda: destination.abort([_NAME]))
        return Probed(destination.locate(_NAME), {verb: why for verb, why in denied.items() if why})


class _Broken(Exception):  # noqa: N818 - not an error: an upload ends that is to be discarded
    """What a body raises in its middle."""


def _breaking() -> Iterator[bytes]:
    yield _BODY
    raise _Broken


def _write(destination: Destination, *, looks: bool) -> None:
    """In one request, and again as a large file is sent. Where the file of a former trial stays for good, it is proof
    enough that files can be written."""
    try:
        destination.put(_NAME, [_BODY[:-1]])
        destination.put(_NAME, [_BODY])
    except FatalError:
        found = destination.stat(_NAME) if looks else None
        if found is None or found.size != len(_BODY):
            raise


def _denied(act: Callable[[], object]) -> str:
    """Why it is not done; empty if it is."""
    try:
        act()
    except FatalError as refused:
        return refused.what
    return ""
