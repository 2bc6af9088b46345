"""Probe a destination: try every operation that a run needs, with one small file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

from sluice.destinations.base import Destination, DestinationConfig
from sluice.destinations.lookup import holds
from sluice.errors import FatalError
from sluice.model.access import Connections

NEEDS: Mapping[str, str] = {
    "put": "write parts and the manifest",
    "stat": "check parts by name: none is sent twice, and none is missing when the manifest is written",
    "read": "read the manifest back if the response to its write was lost",
    "remove": "remove the parts of a run that did not publish",
    "abort": "discard unfinished uploads of a killed task",
}
"""The methods of a destination that a run calls, and why. A run lists nothing."""

_NAME = "sluice-probe.txt"
_UPLOADS = 2
"""Parallel uploads that the destination is opened for: with several connections, the second upload opens the second."""
_BODY = b"Sluice writes this file to see whether it may, and removes it.\n"
"""Must not change: if files cannot be replaced, the file of an older version stays, and is compared with it."""


@dataclass(frozen=True)
class Probed:
    """A destination that accepts deliveries: the address of the test file, and the cleanup that it denies."""

    address: str
    denied: Mapping[str, str]
    """The reasons by method; only `remove` and `abort` may be denied."""

    def __str__(self) -> str:
        if "remove" not in self.denied:
            said = f"wrote, read and removed {self.address}"
        else:
            said = f"wrote and read {self.address}, which stays: the next check finds it"
        return "; ".join(
            [said, *(f"without this permission, {_CONSEQUENCES[verb]}: {why}" for verb, why in self.denied.items())]
        )


_CONSEQUENCES = {
    "remove": "parts of failed runs stay at the destination",
    "abort": "the store keeps unfinished uploads of killed tasks until a lifecycle rule removes them",
}


def probe(declared: DestinationConfig, connections: Connections, *, name: str) -> Probed:
    """Try every operation that a run needs (`NEEDS`) on the connection `name`, with one small file that always has the
    same name. Cleanup may be denied, because a run publishes without it.

    Raises the destination's own error, which says whether the name, the network, the credentials, the bucket, the
    permission or the path is wrong.
    """
    config = declared.in_pieces_of(len(_BODY))
    with closing(config.open(connections, name=name, threads=_UPLOADS)) as destination:
        _write(destination, stays=config.stays)
        if config.stays and not holds(_NAME, _BODY, destination):
            raise FatalError(f"connection {name}: {_NAME} does not have the bytes that were written")
        denied = {"remove": _denied(lambda: destination.remove([_NAME]))}
        if not (denied["remove"] and config.can.hides):
            with suppress(_Broken):
                destination.put(_NAME, _breaking())
            denied["abort"] = _denied(lambda: destination.abort([_NAME]))
        return Probed(destination.locate(_NAME), {verb: why for verb, why in denied.items() if why})


class _Broken(Exception):  # noqa: N818 - not an error: ends an upload that is to be discarded
    """Raised in the middle of a body."""


def _breaking() -> Iterator[bytes]:
    yield _BODY
    raise _Broken


def _write(destination: Destination, *, stays: bool) -> None:
    """Write the file in one request, and again in pieces like a large file. If the file of an earlier probe cannot be
    replaced, it proves that files can be written."""
    try:
        destination.put(_NAME, [_BODY[:-1]])
        destination.put(_NAME, [_BODY])
    except FatalError:
        found = destination.stat(_NAME) if stays else None
        if found is None or found.size != len(_BODY):
            raise


def _denied(act: Callable[[], object]) -> str:
    """Why the operation is denied; empty if it succeeds."""
    try:
        act()
    except FatalError as refused:
        return refused.what
    return ""
