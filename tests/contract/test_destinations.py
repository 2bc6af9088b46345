"""The exam of destinations, for every registered one against a real server through its Airflow connection, and what is
particular about them."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_IGNORE

from sluice.destinations import DESTINATIONS
from sluice.destinations.base import Capabilities, Destination, DestinationConfig
from sluice.errors import FatalError
from sluice.testing import DestinationBasics, DestinationExam
from sluice.testing.bodies import MIB, random_bytes
from sluice.testing.destinations import PIECE
from tests.servers import azurite, lake
from tests.servers.fleet import Fleet
from tests.servers.process import NotInstalledError
from tests.servers.subjects import SUBJECTS, Subject
from tests.servers.table import printed

LARGE = int(os.environ.get("SLUICE_EXAM_MIB", "160")) * MIB
"""The size of the large file. A release sends 2048: `make exam`."""

_folders = itertools.count()
every_client = pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if not subject.same_client], ids=str)
"""Without those that differ from another in their credentials alone."""
same_client = pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject.same_client], ids=str)


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Lines that are printed when the exam is over."""
    heading = f"{'destination':<18}{'server':<18}{'sent':>10}{'MiB/s':>7}{'memory':>9}  differences"
    with printed(request.config, heading) as lines:
        yield lines


class OnItsServer:
    """A subject, on a folder of its own for each test."""

    @pytest.fixture
    def config(self, fleet: Fleet, subject: Subject) -> DestinationConfig:
        try:
            return subject.config(fleet, f"exam/{next(_folders):04d}")
        except NotInstalledError as reason:
            pytest.skip(str(reason))

    @pytest.fixture
    def connections(self, fleet: Fleet) -> Fleet:
        return fleet

    @pytest.fixture
    def can(self, subject: Subject) -> Capabilities:
        can = DESTINATIONS[subject.type].can
        in_place = subject.declared.get("rename") is False
        return replace(can, whole=False, separate=False, discards=False) if in_place else can

    @pytest.fixture
    def unfinished(self, fleet: Fleet, subject: Subject, config: DestinationConfig) -> Callable[[], list[str]]:
        look = subject.unfinished or (lambda _: [])
        return lambda: [name for name in look(fleet) if config.folder in name]

    @pytest.fixture
    def large(self, subject: Subject) -> int:
        return 32 * MIB if subject.same_client else LARGE

    @pytest.fixture(autouse=True)
    def _measured(self, request: pytest.FixtureRequest, subject: Subject, table: list[str]) -> Iterator[None]:
        yield
        measured = dict(request.node.user_properties)
        if "sent" in measured:
            table.append(_row(subject, measured))


def _row(subject: Subject, measured: dict[str, object]) -> str:
    can = DESTINATIONS[subject.type].can
    differences = [
        "server's checksum" if can.checksum else "no checksum",
        "" if can.separate else "writers of one name meet",
        "" if can.discards else "server drops unfinished uploads",
        f"keeps files {can.keeps.days} days" if can.keeps else "",
        "grows in place" if subject.declared.get("rename") is False else "",
    ]
    numbers = f"{measured['sent']:>10}{measured['speed']:>7}{measured['memory']:>9}  "
    return f"{subject.type:<18}{subject.server:<18}" + numbers + ", ".join(filter(None, differences))


@every_client
class TestDestinations(OnItsServer, DestinationExam):
    def test_errors_name_the_connection_and_the_file(self, destination: Destination) -> None:
        with pytest.raises(FatalError, match=r"connection acme: '../x' is not a valid file name"):
            destination.put("../x", [b"x"])
        with pytest.raises(FatalError, match=r"connection acme: .*there"):
            list(destination.read("not-there"))


@same_client
class TestOtherCredentials(OnItsServer, DestinationBasics):
    """A shorter exam, for a client that has passed the whole one."""


def test_no_registered_destination_is_missing() -> None:
    assert {subject.type for subject in SUBJECTS} == set(DESTINATIONS)


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
