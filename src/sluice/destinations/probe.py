"""Whether a destination takes deliveries: everything that a run asks of it, tried with one small file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

from sluice.destinations.base import Destination, DestinationConfig
from sluice.destinations.lookup import holds
from sluice.errors import FatalError
from sluice.model.access import Connections

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


def probe(declared: DestinationConfig, connections: Connections, *, name: str) -> Probed:
    """Try everything that a run asks of the connection `name` (`NEEDS`), with one small file under a name that is
    always the same. What only tidies up may be denied: a run publishes all the same.

    Raises the destination's own error, which names what is wrong: the name, the network, the credentials, the bucket,
    the permission or the path.
    """
    config = declared.in_pieces_of(len(_BODY))
    with closing(config.open(connections, name=name, threads=_AT_ONCE)) as destination:
        _write(destination, looks=config.stays)
        if config.stays and not holds(_NAME, _BODY, destination):
            raise FatalError(f"connection {name}: what is read at {_NAME} is not what was written there")
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
