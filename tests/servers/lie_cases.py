"""Servers that lie: what each answers, asked by which verb, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sluice.destinations.base import Destination
from sluice.errors import FatalError, RetriableError, SluiceError
from tests.servers import s3
from tests.servers.fault_cases import BUCKET, CONTAINER, MIB, PARTS, Stage
from tests.servers.faults import Rule

NAME = "lie.bin"
PAGE = "<html><head><title>Sign in</title></head><body><p>Welcome to the guest network.</p></body></html>"
ELSEWHERE = "elsewhere.invalid:9"

ACTS: Mapping[str, Callable[[Destination], object]] = {
    "write": lambda at: at.put(NAME, [b"small"]),
    "write in pieces": lambda at: at.put(NAME, (bytes([number]) * MIB for number in range(17))),
    "stat": lambda at: at.stat(NAME),
    "read": lambda at: list(at.read(NAME)),
    "list": lambda at: list(at.list("")),
    "remove": lambda at: at.remove([NAME]),
    "abort": lambda at: at.abort([NAME]),
}
"""By the words that the page has for them."""


@dataclass(frozen=True)
class Lie:
    """What a server does, at a type of destination, to what act. `error` is None if another try gets through."""

    lie: str
    type: str
    act: str
    rule: Callable[[], Rule]
    error: type[SluiceError] | None
    text: str = ""
    server: str = ""
    """Another than the type's first one."""

    def __str__(self) -> str:
        return f"{self.lie}, {self.act}, {self.server or self.type}"

    def connection(self, stage: Stage) -> str:
        """The Airflow connection to the server that lies."""
        if self.server == "rclone":
            return s3.connection(f"http://127.0.0.1:{stage.proxy(stage.fleet.rclone, self.rule()).port}")
        proxied = {"s3": stage.s3, "gcs": stage.gcs, "azure-blob": stage.azure}
        return proxied[self.type](self.rule())

    @property
    def declared(self) -> dict[str, str]:
        """What is declared beside the connection."""
        return CONTAINER if self.type == "azure-blob" else BUCKET


def _everywhere(
    lie: str, act: str, rule: Callable[[], Rule], error: type[SluiceError] | None, text: str = ""
) -> Iterator[Lie]:
    for kind in ("s3", "gcs", "azure-blob"):
        yield Lie(lie, kind, act, rule, error, text)


CHANGED = "the data that arrived differs from what was sent"
NO_STORE = "did not come from an object store"


def _changes() -> Iterator[Lie]:
    """`rclone` verifies nothing, and says what it has got."""
    piece, whole = (lambda: Rule("change", **PARTS)), (lambda: Rule("change", method="PUT"))
    yield from _everywhere("one byte of a piece is changed", "write in pieces", piece, RetriableError, CHANGED)
    yield from _everywhere("one byte is changed", "write", whole, RetriableError, CHANGED)
    yield from _everywhere("one byte is changed, once", "write", lambda: Rule("change", method="PUT", times=1), None)
    yield Lie("one byte of a piece is changed", "s3", "write in pieces", piece, RetriableError, CHANGED, "rclone")
    yield Lie("one byte is changed", "s3", "write", whole, RetriableError, CHANGED, "rclone")


def _no_stores() -> Iterator[Lie]:
    page = {"status": 200, "body": PAGE, "code": "OK"}
    for act, method in (("write", "PUT"), ("stat", "HEAD"), ("read", "GET"), ("list", "GET")):
        rule = lambda method=method: Rule("answer", method=method, **page)  # noqa: E731
        yield from _everywhere("a web page instead of an answer", act, rule, RetriableError, NO_STORE)
    for act, method in (("write", "PUT"), ("stat", "HEAD"), ("read", "GET")):
        rule = lambda method=method: Rule("strip", method=method, strip="etag|content-md5|x-amz-checksum-.*")  # noqa: E731
        yield from _everywhere("an answer without an ETag", act, rule, RetriableError, NO_STORE)


def _redirects() -> Iterator[Lie]:
    methods = {"write": "PUT", "write in pieces": "PUT|POST", "stat": "HEAD", "read": "GET", "list": "GET"}
    methods |= {"remove": "DELETE|POST", "abort": "GET"}
    said = rf"127\.0\.0\.1:\d+\S* redirects to {ELSEWHERE}"
    for act, method in methods.items():
        where = {"status": 307, "code": "Redirect", "body": "", "path": "inbound"}
        where |= {"headers": {"Location": f"http://{ELSEWHERE}/x"}}
        rule = lambda method=method, where=where: Rule("answer", method=method, **where)  # noqa: E731
        for lie in _everywhere("redirects to another host", act, rule, FatalError, said):
            if (lie.type, act) != ("azure-blob", "abort"):  # nothing is asked there
                yield lie


def _regions() -> Iterator[Lie]:
    moved = {"status": 301, "code": "PermanentRedirect", "headers": {"x-amz-bucket-region": "eu-central-1"}}
    text = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>"
    signed = {"status": 400, "code": "Bad", "body": text}
    bare = {"status": 400, "code": "Bad", "body": "", "headers": moved["headers"]}
    said = "bucket inbound is in the region eu-central-1.*set the extra `region_name` of .* to `eu-central-1`"
    for act in ("write", "list"):
        yield Lie("the bucket is in another region, 301", "s3", act, lambda: Rule("answer", **moved), FatalError, said)
        yield Lie("the bucket is in another region, 400", "s3", act, lambda: Rule("answer", **signed), FatalError, said)
    yield Lie("the bucket is in another region, 301", "s3", "stat", lambda: Rule("answer", **moved), FatalError, said)
    yield Lie("the bucket is in another region, 400", "s3", "stat", lambda: Rule("answer", **bare), FatalError, said)


def _refusals() -> Iterator[Lie]:
    wrong, denied = (
        {"status": 403, "code": "SignatureDoesNotMatch"},
        {"status": 403, "code": "AccessDenied", "path": "inbound"},
    )
    for act in ("write", "stat", "list"):
        said = r"its secret is wrong \(403 SignatureDoesNotMatch\).*correct the secret"
        yield Lie("the secret is wrong", "s3", act, lambda: Rule("answer", **wrong), FatalError, said)
    for act, method in (("list", "GET"), ("remove", "DELETE|POST")):
        rule = lambda method=method: Rule("answer", method=method, **denied)  # noqa: E731
        said = rf"permission denied \(403 AccessDenied\).*permission to {act} files in this folder"
        yield from _everywhere(f"{act} is denied", act, rule, FatalError, said)


LIES = (*_changes(), *_no_stores(), *_redirects(), *_regions(), *_refusals())
