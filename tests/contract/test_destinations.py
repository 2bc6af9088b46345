"""The exam of destinations: every registered one, against a real server, through its Airflow connection."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import asyncssh
import psutil
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_IGNORE

from sluice.destinations import DESTINATIONS
from sluice.destinations.base import Destination
from sluice.destinations.sums import differ
from sluice.errors import FatalError, RetriableError, SluiceError
from tests.servers import azurite, lake
from tests.servers.fleet import Fleet
from tests.servers.process import NotInstalledError
from tests.servers.subjects import SUBJECTS, Subject
from tests.servers.table import printed

MIB = 1 << 20
LARGE = int(os.environ.get("SLUICE_EXAM_MIB", "256")) * MIB
"""The size of the large file: 2048 is asked of a release, 256 of every run."""
PIECE = 8 * MIB
MOST_MEMORY = 100 * MIB
"""What one upload may add to the process, whatever the size of its file."""


@dataclass
class Exam:
    """One subject, opened on a folder of its own."""

    subject: Subject
    fleet: Fleet
    folder: str
    at: Destination

    def unfinished(self) -> list[str]:
        """What is left of uploads that did not end, seen from behind."""
        if self.subject.unfinished is None:
            return []
        return [name for name in self.subject.unfinished(self.fleet) if self.folder in name]


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Lines that are printed when the exam is over."""
    heading = f"{'destination':<18}{'server':<18}{'sent':>9}{'MiB/s':>7}{'memory':>9}  differences"
    with printed(request.config, heading) as lines:
        yield lines


_folders = itertools.count()


@pytest.fixture
def exam(fleet: Fleet, subject: Subject) -> Iterator[Exam]:
    folder = f"exam/{next(_folders):04d}"
    try:
        at = subject.open(fleet, folder)
    except NotInstalledError as reason:
        pytest.skip(str(reason))
    yield Exam(subject, fleet, folder, at)
    at.close()


every_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=str)
every_client = pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if not subject.same_client], ids=str)
"""Without those that differ from another in their credentials alone."""


def random_bytes(size: int, seed: int = 0) -> Iterator[bytes]:
    """`size` bytes in pieces of at most a mebibyte, each different, cheap to make, the same for the same seed."""
    block = random.Random(seed).randbytes(4096) * 256
    for number, start in enumerate(range(0, size, MIB)):
        head = f"{seed}-{number}-".encode()
        yield (head + block)[: min(MIB, size - start)]


class Digest:
    """Passes pieces on and remembers the SHA-256 of them all."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._sha = pieces, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._sha.update(piece)
            yield piece

    def __str__(self) -> str:
        return self._sha.hexdigest()


class PeakMemory:
    """The most that this process has grown by inside the block, in bytes."""

    def __enter__(self) -> PeakMemory:
        self._process, self.grown = psutil.Process(), 0
        self._before = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.grown = max(self.grown, self._process.memory_info().rss - self._before)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_no_registered_destination_is_missing() -> None:
    assert {subject.type for subject in SUBJECTS} == set(DESTINATIONS)


@every_subject
def test_a_large_file_of_unknown_length_streams_in_bounded_memory(
    exam: Exam, table: list[str], record_property: Callable[[str, object], None]
) -> None:
    exam.at.put("warm", random_bytes(2 * PIECE))  # what the client loads once is not the upload's
    size = 32 * MIB if exam.subject.same_client else LARGE
    body = Digest(random_bytes(size))
    start = time.perf_counter()
    with PeakMemory() as memory:
        stored = exam.at.put("large.bin", body)
    seconds = time.perf_counter() - start
    assert stored.size == size
    assert memory.grown < MOST_MEMORY
    there = Digest(exam.at.read("large.bin"))
    assert sum(len(piece) for piece in there) == size
    assert str(there) == str(body)
    exam.at.remove(["large.bin"])
    table.append(_row(exam, size, seconds, memory.grown))
    record_property("sent", f"{size // MIB:,} MiB")
    record_property("speed", f"{size / MIB / seconds:.0f}")
    record_property("memory", f"{memory.grown // MIB} MiB")


def _row(exam: Exam, size: int, seconds: float, memory: int) -> str:
    can = DESTINATIONS[exam.subject.type].can
    differences = [
        "server's checksum" if can.checksum else "no checksum",
        "" if can.separate else "writers of one name meet",
        "" if can.discards else "server drops unfinished uploads",
        f"keeps files {can.keeps.days} days" if can.keeps else "",
        "grows in place" if exam.subject.declared.get("rename") is False else "",
    ]
    return (
        f"{exam.subject.type:<18}{exam.subject.server:<18}{size // MIB:>5} MiB{size / MIB / seconds:>7.0f}"
        f"{memory // MIB:>5} MiB  " + ", ".join(filter(None, differences))
    )


@every_client
def test_every_size_around_a_piece_arrives_whole(exam: Exam) -> None:
    for size in (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE):
        body = Digest(random_bytes(size, seed=size))
        assert exam.at.put(f"{size}.bin", body).size == size
        there = exam.at.stat(f"{size}.bin")
        assert there is not None
        assert there.size == size
        read = Digest(exam.at.read(f"{size}.bin"))
        assert sum(map(len, read)) == size
        assert str(read) == str(body)


@every_client
def test_bodies_in_tiny_and_empty_pieces_arrive_whole(exam: Exam) -> None:
    pieces = [b"", b"a", b"", b"bc", b""] * 1000
    exam.at.put("tiny", pieces)
    assert b"".join(exam.at.read("tiny")) == b"abc" * 1000


@every_client
def test_a_file_replaces_the_one_before(exam: Exam) -> None:
    exam.at.put("x", random_bytes(2 * PIECE))
    first = exam.at.stat("x")
    exam.at.put("x", [b"new"])
    assert b"".join(exam.at.read("x")) == b"new"
    second = exam.at.stat("x")
    assert first is not None
    assert second is not None
    assert second.size == 3
    if DESTINATIONS[exam.subject.type].can.checksum:
        assert first.checksum != second.checksum
    assert [stored.name for stored in exam.at.list("")] == ["x"]


@every_subject
def test_stat_tells_the_size_and_the_checksum_where_there_is_one(exam: Exam) -> None:
    assert exam.at.stat("not-there") is None
    put = exam.at.put("a/b", [b"hello"])
    there = exam.at.stat("a/b")
    assert there is not None
    assert (there.name, there.size) == ("a/b", 5)
    assert (there.checksum is not None) == DESTINATIONS[exam.subject.type].can.checksum
    assert put.checksum is None or not differ(put.checksum, there.checksum)
    assert exam.at.stat("a") is None


@every_client
def test_list_is_sorted_and_keeps_to_its_folder(exam: Exam) -> None:
    names = ["b/2", "b/1", "b/c/3", "a", "bb/4", "b-", "b0"]
    for name in names:
        exam.at.put(name, [name.encode()])
    assert [(stored.name, stored.size) for stored in exam.at.list("")] == [(name, len(name)) for name in sorted(names)]
    assert [stored.name for stored in exam.at.list("b")] == ["b/1", "b/2", "b/c/3"]
    assert list(exam.at.list("nothing/here")) == []


@every_subject
def test_remove_takes_what_is_named_and_no_more(exam: Exam) -> None:
    for name in ("keep", "go", "folder/go", "folder/keep", "go-on"):
        exam.at.put(name, [b"x"])
    exam.at.remove(["go", "folder/go", "never-was", "folder/never/was"])
    assert [stored.name for stored in exam.at.list("")] == ["folder/keep", "go-on", "keep"]
    exam.at.remove(["go"])
    exam.at.remove([])


@every_subject
@pytest.mark.parametrize("before", [0, 3 * MIB, 3 * PIECE + 1], ids=["at once", "early", "late"])
def test_a_body_that_raises_leaves_nothing_and_what_was_there_before(exam: Exam, before: int) -> None:
    class SourceFailedError(OSError):
        pass

    failure = SourceFailedError(28, "the source's own disk")

    def body() -> Iterator[bytes]:
        yield from random_bytes(before)
        raise failure

    with pytest.raises(SourceFailedError) as caught:
        exam.at.put("fresh", body())
    assert caught.value is failure
    assert exam.at.stat("fresh") is None
    assert list(exam.at.list("")) == []
    assert exam.unfinished() == []
    if exam.subject.declared.get("rename") is not False:
        exam.at.put("old", [b"old"])
        with pytest.raises(SourceFailedError):
            exam.at.put("old", body())
        assert b"".join(exam.at.read("old")) == b"old"


@every_subject
def test_abort_discards_an_upload_under_way_and_no_other(exam: Exam) -> None:
    going, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield from random_bytes(3 * PIECE)
        going.set()
        go_on.wait(30)
        yield from random_bytes(PIECE)

    exam.at.put("ready", [b"ready"])
    with ThreadPoolExecutor(2) as pool:
        upload = pool.submit(exam.at.put, "unfinished", slow())
        assert going.wait(30)
        other = exam.subject.open(exam.fleet, exam.folder)
        if exam.subject.declared.get("rename") is not False:
            assert exam.at.stat("unfinished") is None
        assert other.abort(["ready", "unfinishe", "nothing/there"]) == 0
        expected = int(
            DESTINATIONS[exam.subject.type].can.discards and exam.subject.declared.get("rename") is not False
        )
        assert other.abort(["unfinished", "ready"]) == expected
        assert exam.unfinished() == []
        go_on.set()
        if expected:
            assert isinstance(upload.exception(), SluiceError)
            assert exam.at.stat("unfinished") is None
        else:
            assert upload.result().size == 4 * PIECE
        other.close()
    assert b"".join(exam.at.read("ready")) == b"ready"
    assert exam.unfinished() == []


@every_client
def test_names_keep_every_allowed_character(exam: Exam) -> None:
    allowed = re.compile(DESTINATIONS[exam.subject.type].allowed)
    characters = [chr(number) for number in range(32, 127)] + list("éß漢😀")
    taken = [character for character in characters if allowed.fullmatch(character) and character != "/"]
    assert len(taken) > 60
    names = [f"n{character}m/{ord(character)}" for character in taken]
    names += ["all " + "".join(taken[start : start + 40]) + " x" for start in range(0, len(taken), 40) if " " in taken]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: exam.at.put(name, [name.encode()]), names))
    assert [stored.name for stored in exam.at.list("")] == sorted(names)
    for name in names:
        there = exam.at.stat(name)
        assert there is not None
        assert there.size == len(name.encode())
    assert b"".join(exam.at.read(names[-1])) == names[-1].encode()
    exam.at.remove(names)
    assert list(exam.at.list("")) == []


@every_client
def test_names_that_could_leave_the_folder_are_refused(exam: Exam) -> None:
    def acts(name: str) -> Iterator[Callable[[], object]]:
        yield lambda: exam.at.put(name, [b"x"])
        yield lambda: exam.at.stat(name)
        yield lambda: list(exam.at.read(name))
        yield lambda: exam.at.remove([name])
        yield lambda: exam.at.abort([name])

    for name in ("../x", "a/../../x", "/x", "a//b", "", ".", "a/", "a/./b", "a\0b"):
        for act in acts(name):
            with pytest.raises(FatalError, match=r"connection acme: .* is not a valid file name"):
                act()


@every_client
def test_a_missing_file_cannot_be_read(exam: Exam) -> None:
    with pytest.raises(FatalError, match=r"connection acme: .*there"):
        list(exam.at.read("not-there"))


@every_client
def test_locate_gives_an_address_that_ends_with_the_name(exam: Exam) -> None:
    assert exam.at.locate("a/b.csv").endswith(f"{exam.folder}/a/b.csv")


@every_client
def test_twenty_four_threads_at_once(exam: Exam) -> None:
    sizes = [number * MIB // 8 if number % 12 else PIECE + number for number in range(48)]

    def send(number: int) -> str:
        body = Digest(random_bytes(sizes[number], seed=number))
        exam.at.put(f"part-{number:05d}", body)
        return str(body)

    with ThreadPoolExecutor(24) as pool:
        sent = list(pool.map(send, range(48)))
    stored = list(exam.at.list(""))
    assert [(file.name, file.size) for file in stored] == [(f"part-{n:05d}", size) for n, size in enumerate(sizes)]
    for number in (0, 12, 47):
        there = Digest(exam.at.read(f"part-{number:05d}"))
        assert sum(map(len, there)) == sizes[number]
        assert str(there) == sent[number]
    assert exam.unfinished() == []


@every_client
def test_two_writers_of_one_name_leave_one_whole_file(exam: Exam) -> None:
    """Where writers are not kept apart, they are what they can be in a run: two attempts at the same file."""
    apart = DESTINATIONS[exam.subject.type].can.separate and exam.subject.declared.get("rename") is not False
    other = exam.subject.open(exam.fleet, exam.folder)
    together = threading.Barrier(2)
    seeds = (1, 2 if apart else 1)

    def send(at: Destination, seed: int) -> None:
        def body() -> Iterator[bytes]:
            together.wait(30)
            yield from random_bytes(2 * PIECE + seed, seed=seed)

        at.put("same", body())

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(send, at, seed) for at, seed in zip((exam.at, other), seeds, strict=True)]
    other.close()
    failures = [writer.exception() for writer in writers if writer.exception() is not None]
    assert len(failures) <= (0 if apart else 1)
    assert all(isinstance(failure, RetriableError) for failure in failures)
    there = hashlib.sha256(b"".join(exam.at.read("same"))).digest()
    assert there in [hashlib.sha256(b"".join(random_bytes(2 * PIECE + seed, seed=seed))).digest() for seed in seeds]
    assert [stored.name for stored in exam.at.list("")] == ["same"]
    assert exam.unfinished() == []


def test_sftp_sends_nothing_but_data_and_requests(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of asyncssh's own accord every packet follows an empty one."""
    sent: Counter[int] = Counter()
    send = asyncssh.SSHClientConnection.send_packet

    def counting(self: asyncssh.SSHClientConnection, kind: int, *arguments: bytes, **options: Any) -> None:
        sent[kind] += 1
        send(self, kind, *arguments, **options)

    monkeypatch.setattr(asyncssh.SSHClientConnection, "send_packet", counting)
    at = next(subject for subject in SUBJECTS if str(subject) == "sftp-asyncssh key").open(fleet, "alone", threads=1)
    at.put("x", random_bytes(4 * MIB))
    assert sent[MSG_CHANNEL_DATA] > 4 * MIB // 32_768
    assert sent[MSG_IGNORE] < 10, "before the login alone"
    at.close()


def test_a_client_of_the_data_lake_half_sees_what_the_blob_half_delivered(fleet: Fleet) -> None:
    subject = next(subject for subject in SUBJECTS if subject.type == "adls")
    at = subject.open(fleet, "lake/drop")
    at.put("a/b/large", random_bytes(PIECE + 1))
    at.put("a/small", [b"small"])
    files = lake.client(fleet.data_lake).get_file_system_client(azurite.CONTAINER)
    assert [(path.name, path.is_directory) for path in files.get_paths("lake")] == [
        ("lake/drop", True),
        ("lake/drop/a", True),
        ("lake/drop/a/b", True),
        ("lake/drop/a/b/large", False),
        ("lake/drop/a/small", False),
    ]
    assert files.get_file_client("lake/drop/a/small").download_file().readall() == b"small"
    assert files.get_file_client("lake/drop/a/b/large").get_file_properties().size == PIECE + 1
    with pytest.raises(FatalError, match="409 ResourceTypeMismatch"):
        at.put("a/small/below-a-file", [b"x"])
    assert at.locate("a/small") == "abfss://inbound@devstoreaccount1.dfs.core.windows.net/lake/drop/a/small"
    at.close()


def test_a_whole_sas_url_does_not_lead_into_a_folder_named_like_its_container(fleet: Fleet) -> None:
    """As one string the provider's hook writes to <container>/<container>/name, and says that all is well."""
    subject = next(subject for subject in SUBJECTS if subject.type == "data-landing-zone")
    at = subject.open(fleet, "trap")
    at.put("x.csv", [b"x"])
    names = list(
        azurite.service(fleet.azurite).get_container_client(azurite.CONTAINER).list_blob_names(name_starts_with="trap")
    )
    assert names == ["trap/x.csv"]
    at.close()
