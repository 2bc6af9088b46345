"""The exam of destinations: against a real server, or what stands for it."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from sluice.destinations.base import Capabilities, Destination, DestinationConfig
from sluice.destinations.sums import differ
from sluice.errors import FatalError, RetriableError, SluiceError
from sluice.model.access import Connections
from sluice.testing.bodies import MIB, MOST_MEMORY, PATIENCE, Digest, PeakMemory, random_bytes

PIECE = 8 * MIB


class DestinationBasics:
    """Files are written, read, replaced, removed and aborted: what can also differ by the credentials alone.

    Override `config` and `connections`; the other fixtures are claims with defaults."""

    @pytest.fixture
    def config(self) -> DestinationConfig:
        """The declared connection. Its folder is empty or missing, and each test gets its own."""
        raise NotImplementedError("override the fixture `config`: one of your destinations, as it is declared")

    @pytest.fixture
    def connections(self) -> Connections:
        """What the Airflow connections open: `sluice.testing.Known(conn_id=...)`."""
        raise NotImplementedError("override the fixture `connections`: sluice.testing.Known(conn_id=...)")

    @pytest.fixture
    def can(self, config: DestinationConfig) -> Capabilities:
        """What the destination claims. Default: what its class claims."""
        return type(config).can

    @pytest.fixture
    def unfinished(self) -> Callable[[], list[str]]:
        """Looks behind the connector's back for uploads that were started and not finished. Default: sees none."""
        return list

    @pytest.fixture
    def large(self) -> int:
        """Bytes of the largest file. Default: 256 MiB, several times the memory that an upload may take."""
        return 256 * MIB

    @pytest.fixture
    def another(self, config: DestinationConfig, connections: Connections) -> Iterator[Callable[[], Destination]]:
        """Opens the destination once more; all are closed after the test."""
        with ExitStack() as opened:
            yield lambda: opened.enter_context(closing(config.open(connections, name="acme", threads=24)))

    @pytest.fixture
    def destination(self, another: Callable[[], Destination]) -> Destination:
        return another()

    def test_a_large_file_of_unknown_length_streams_in_bounded_memory(
        self, destination: Destination, large: int, request: pytest.FixtureRequest
    ) -> None:
        destination.put("warm", random_bytes(2 * PIECE))  # what the client loads once is not the upload's
        body = Digest(random_bytes(large))
        start = time.perf_counter()
        with PeakMemory() as memory:
            stored = destination.put("large.bin", body)
        seconds = time.perf_counter() - start
        assert stored.size == large
        assert memory.grown < MOST_MEMORY
        there = Digest(destination.read("large.bin"))
        assert sum(len(piece) for piece in there) == large
        assert str(there) == str(body)
        destination.remove(["large.bin"])
        request.node.user_properties += [
            ("sent", f"{large // MIB:,} MiB"),
            ("speed", f"{large / MIB / seconds:.0f}"),
            ("memory", f"{memory.grown // MIB} MiB"),
        ]

    def test_stat_tells_the_size_and_the_checksum_where_there_is_one(
        self, destination: Destination, can: Capabilities
    ) -> None:
        assert destination.stat("not-there") is None
        put = destination.put("a/b", [b"hello"])
        there = destination.stat("a/b")
        assert there is not None
        assert (there.name, there.size) == ("a/b", 5)
        assert (there.checksum is not None) == can.checksum
        assert put.checksum is None or not differ(put.checksum, there.checksum)
        assert destination.stat("a") is None

    def test_remove_takes_what_is_named_and_no_more(self, destination: Destination) -> None:
        for name in ("keep", "go", "folder/go", "folder/keep", "go-on"):
            destination.put(name, [b"x"])
        destination.remove(["go", "folder/go", "never-was", "folder/never/was"])
        assert [stored.name for stored in destination.list("")] == ["folder/keep", "go-on", "keep"]
        destination.remove(["go"])
        destination.remove([])

    @pytest.mark.parametrize("before", [0, 3 * MIB, 3 * PIECE + 1], ids=["at once", "early", "late"])
    def test_a_body_that_raises_leaves_nothing_and_what_was_there_before(
        self, destination: Destination, can: Capabilities, unfinished: Callable[[], list[str]], before: int
    ) -> None:
        class SourceFailedError(OSError):
            pass

        failure = SourceFailedError(28, "the source's own disk")

        def body() -> Iterator[bytes]:
            yield from random_bytes(before)
            raise failure

        with pytest.raises(SourceFailedError) as caught:
            destination.put("fresh", body())
        assert caught.value is failure
        assert destination.stat("fresh") is None
        assert list(destination.list("")) == []
        assert unfinished() == []
        if can.whole:
            destination.put("old", [b"old"])
            with pytest.raises(SourceFailedError):
                destination.put("old", body())
            assert b"".join(destination.read("old")) == b"old"

    def test_abort_discards_an_upload_under_way_and_no_other(
        self,
        destination: Destination,
        another: Callable[[], Destination],
        can: Capabilities,
        unfinished: Callable[[], list[str]],
    ) -> None:
        going, go_on = threading.Event(), threading.Event()

        def slow() -> Iterator[bytes]:
            yield from random_bytes(3 * PIECE)
            going.set()
            go_on.wait(PATIENCE)
            yield from random_bytes(PIECE)

        destination.put("ready", [b"ready"])
        with ThreadPoolExecutor(2) as pool, ExitStack() as at_the_end:
            at_the_end.callback(go_on.set)  # the pool waits for the upload, whatever fails here
            upload = pool.submit(destination.put, "unfinished", slow())
            assert going.wait(PATIENCE)
            other = another()
            if can.whole:
                assert destination.stat("unfinished") is None
            assert other.abort(["ready", "unfinishe", "nothing/there"]) == 0
            # What has left the body may not have reached the server yet.
            discarded, deadline = other.abort(["unfinished", "ready"]), time.monotonic() + PATIENCE
            while can.discards and not (discarded or upload.done()) and time.monotonic() < deadline:
                time.sleep(0.1)
                discarded = other.abort(["unfinished", "ready"])
            assert discarded == int(can.discards), upload.exception() if upload.done() else "it goes on"
            assert unfinished() == []
            go_on.set()
            if can.discards:
                assert isinstance(upload.exception(), SluiceError)
                assert destination.stat("unfinished") is None
            else:
                assert upload.result().size == 4 * PIECE
        assert b"".join(destination.read("ready")) == b"ready"
        assert unfinished() == []


class DestinationExam(DestinationBasics):
    """The whole exam: also names, sizes, many threads, and two writers of one file."""

    def test_every_size_around_a_piece_arrives_whole(self, destination: Destination) -> None:
        for size in (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE):
            body = Digest(random_bytes(size, seed=size))
            assert destination.put(f"{size}.bin", body).size == size
            there = destination.stat(f"{size}.bin")
            assert there is not None
            assert there.size == size
            read = Digest(destination.read(f"{size}.bin"))
            assert sum(map(len, read)) == size
            assert str(read) == str(body)

    def test_bodies_in_tiny_and_empty_pieces_arrive_whole(self, destination: Destination) -> None:
        pieces = [b"", b"a", b"", b"bc", b""] * 1000
        destination.put("tiny", pieces)
        assert b"".join(destination.read("tiny")) == b"abc" * 1000

    def test_a_file_replaces_the_one_before(self, destination: Destination, can: Capabilities) -> None:
        destination.put("x", random_bytes(2 * PIECE))
        first = destination.stat("x")
        destination.put("x", [b"new"])
        assert b"".join(destination.read("x")) == b"new"
        second = destination.stat("x")
        assert first is not None
        assert second is not None
        assert second.size == 3
        if can.checksum:
            assert first.checksum != second.checksum
        assert [stored.name for stored in destination.list("")] == ["x"]

    def test_list_is_sorted_and_keeps_to_its_folder(self, destination: Destination) -> None:
        names = ["b/2", "b/1", "b/c/3", "a", "bb/4", "b-", "b0"]
        for name in names:
            destination.put(name, [name.encode()])
        found = [(stored.name, stored.size) for stored in destination.list("")]
        assert found == [(name, len(name)) for name in sorted(names)]
        assert [stored.name for stored in destination.list("b")] == ["b/1", "b/2", "b/c/3"]
        assert list(destination.list("nothing/here")) == []

    def test_names_keep_every_allowed_character(self, destination: Destination, config: DestinationConfig) -> None:
        allowed = re.compile(type(config).allowed)
        characters = [chr(number) for number in range(32, 127)] + list("éß漢😀")
        taken = [character for character in characters if allowed.fullmatch(character) and character != "/"]
        assert len(taken) > 60
        names = [f"n{character}m/{ord(character)}" for character in taken]
        starts = range(0, len(taken), 40) if " " in taken else ()
        names += ["all " + "".join(taken[start : start + 40]) + " x" for start in starts]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: destination.put(name, [name.encode()]), names))
        assert [stored.name for stored in destination.list("")] == sorted(names)
        for name in names:
            there = destination.stat(name)
            assert there is not None
            assert there.size == len(name.encode())
        assert b"".join(destination.read(names[-1])) == names[-1].encode()
        destination.remove(names)
        assert list(destination.list("")) == []

    def test_names_that_could_leave_the_folder_are_refused(self, destination: Destination) -> None:
        def acts(name: str) -> Iterator[Callable[[], object]]:
            yield lambda: destination.put(name, [b"x"])
            yield lambda: destination.stat(name)
            yield lambda: list(destination.read(name))
            yield lambda: destination.remove([name])
            yield lambda: destination.abort([name])

        for name in ("../x", "a/../../x", "/x", "a//b", "", ".", "a/", "a/./b", "a\0b"):
            for act in acts(name):
                with pytest.raises(FatalError, match="acme"):
                    act()

    def test_a_missing_file_cannot_be_read(self, destination: Destination) -> None:
        with pytest.raises(FatalError, match="acme"):
            list(destination.read("not-there"))

    def test_locate_gives_an_address_that_ends_with_the_name(
        self, destination: Destination, config: DestinationConfig
    ) -> None:
        assert destination.locate("a/b.csv").endswith(f"{config.folder}/a/b.csv")

    def test_twenty_four_threads_at_once(self, destination: Destination, unfinished: Callable[[], list[str]]) -> None:
        sizes = [number * MIB // 8 if number % 12 else PIECE + number for number in range(48)]

        def send(number: int) -> str:
            body = Digest(random_bytes(sizes[number], seed=number))
            destination.put(f"part-{number:05d}", body)
            return str(body)

        with ThreadPoolExecutor(24) as pool:
            sent = list(pool.map(send, range(48)))
        stored = [(file.name, file.size) for file in destination.list("")]
        assert stored == [(f"part-{n:05d}", size) for n, size in enumerate(sizes)]
        for number in (0, 12, 47):
            there = Digest(destination.read(f"part-{number:05d}"))
            assert sum(map(len, there)) == sizes[number]
            assert str(there) == sent[number]
        assert unfinished() == []

    def test_two_writers_of_one_name_leave_one_whole_file(
        self,
        destination: Destination,
        another: Callable[[], Destination],
        can: Capabilities,
        unfinished: Callable[[], list[str]],
    ) -> None:
        """If writers are not kept apart, they are what they can be in a run: two attempts at the same file."""
        together = threading.Barrier(2)
        seeds = (1, 2 if can.separate else 1)

        def send(at: Destination, seed: int) -> None:
            def body() -> Iterator[bytes]:
                together.wait(PATIENCE)
                yield from random_bytes(2 * PIECE + seed, seed=seed)

            at.put("same", body())

        with ThreadPoolExecutor(2) as pool:
            pairs = zip((destination, another()), seeds, strict=True)
            writers = [pool.submit(send, at, seed) for at, seed in pairs]
        failures = [failure for writer in writers if (failure := writer.exception()) is not None]
        assert len(failures) <= (0 if can.separate else 1)
        assert all(isinstance(failure, RetriableError) for failure in failures)
        there = hashlib.sha256(b"".join(destination.read("same"))).digest()
        whole = [hashlib.sha256(b"".join(random_bytes(2 * PIECE + seed, seed=seed))).digest() for seed in seeds]
        assert there in whole
        assert [stored.name for stored in destination.list("")] == ["same"]
        assert unfinished() == []
