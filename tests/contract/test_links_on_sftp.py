"""Links on SFTP servers: where they lead is what the server says."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.errors import FatalError
from sluice.sources.parquet import Parquet
from tests.servers.fleet import Fleet
from tests.servers.process import NotInstalledError
from tests.servers.ssh import SftpServer


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    yield fleet
    fleet.close()


@pytest.fixture(params=["sshd", "asyncssh"])
def server(request: pytest.FixtureRequest, fleet: Fleet) -> SftpServer:
    try:
        server: SftpServer = getattr(fleet, request.param)
    except NotInstalledError as missing:
        pytest.skip(str(missing))
    return server


@pytest.fixture
def lake(server: SftpServer, tmp_path: Path, fleet: Fleet) -> Path:
    """A folder of the login's own, on the server's disk."""
    fleet.connect("linked", server.connection())
    return server.folder / tmp_path.name


def put(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    body = io.BytesIO()
    pq.write_table(pa.table({"v": [value]}), body)
    path.write_bytes(body.getvalue())


def rows(lake: Path, fleet: Fleet) -> list[dict[str, object]]:
    source = Parquet(airflow_conn_id="linked", path=f"{lake.name}/d").open(fleet, dataset="d")
    pinned = source.pin()
    return [row for piece in pinned.slices for table in source.read(pinned, piece, None) for row in table.to_pylist()]


def test_what_links_lead_to_within_the_logins_folder_is_read_once(lake: Path, fleet: Fleet) -> None:
    put(lake / "d/k=1/1.parquet", 1)
    put(lake / "archive/2.parquet", 2)
    (lake / "d/k=2").symlink_to("../archive")
    (lake / "d/k=3").symlink_to("k=2")
    (lake / "d/k=1/again.parquet").symlink_to("1.parquet")
    (lake / "d/k=1/up").symlink_to("..")
    assert rows(lake, fleet) == [{"v": 1, "k": 1}, {"v": 2, "k": 2}]


@pytest.mark.parametrize("link", ["d/far", "d/far.parquet", "d"])
def test_a_link_out_of_the_logins_folder_is_refused(lake: Path, fleet: Fleet, server: SftpServer, link: str) -> None:
    """asyncssh's server lets itself be led out, and does not say where to."""
    outside = server.folder.parent / f"outside-{lake.name}"
    put(outside / "1.parquet", 1)
    outside.chmod(0o755)
    target = outside / "1.parquet" if link.endswith(".parquet") else outside
    (lake / link).parent.mkdir(parents=True, exist_ok=True)
    (lake / link).symlink_to(target)
    with pytest.raises(FatalError) as refused:
        rows(lake, fleet)
    told = f"{lake.name}/{link} leads to {target}, which is outside the connection's folder {server.folder}"
    hidden = f"{lake.name}/{link} is a link, and the server does not show where it leads"
    assert {"sshd": told, "asyncssh": hidden}[_kind(server)] in str(refused.value)


def _kind(server: SftpServer) -> str:
    return "asyncssh" if server.folder.name == "asyncssh" else "sshd"


def test_a_link_to_nothing_is_told(lake: Path, fleet: Fleet) -> None:
    put(lake / "d/1.parquet", 1)
    (lake / "d/2.parquet").symlink_to("gone.parquet")
    with pytest.raises(FatalError, match=r"d/2\.parquet is a link whose target does not exist"):
        rows(lake, fleet)


def test_a_name_that_is_no_utf_8_is_refused_by_its_place(lake: Path, fleet: Fleet) -> None:
    put(lake / "d/1.parquet", 1)
    (lake / "d/1.parquet").rename(lake / os.fsdecode(b"d/caf\xe9.parquet"))
    with pytest.raises(FatalError, match="contains a control character, a backslash or invalid UTF-8"):
        rows(lake, fleet)
