"""Receipts of Audience Manager: read, kept with the run whose files they are for, and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.audience.receipt import LARGEST, parse
from sluice.cli import main
from sluice.errors import FatalError
from tests.servers.folders import folder_connection

LINES = """
Dear Adobe Partner: (ID:7)
We have received your Adobe Audience Manager Server-To-Server file delivery
File name:
s3n://inbound/acme/date=2026-03-09/{file}
s3n://inbound/acme/date=2026-03-09/ftp_dpm_7_901_1368655202.sync.gz
Records received: {received}
Format Errors: 0
Invalid AAM ID: 112
No Matching AAM ID: 0
No Trait Realized: 26,730,823
Records processed: 40669900
Stored Records: 13938958
Total devices: 21
Total signals: 918878926
Total unused signals: 660348376
Total realized traits: 258086908
Total removed traits: 0
Total traits failed validation: 3
Total users that have traits which failed validation: 2
Job start time: 2026-03-09 18:07:49
Job end time: 2026-03-09 18:45:02
"""
TEXT = LINES.format(file="ftp_dpm_7_901_1368806402.sync", received="40669900")
HEAD = "From: sender@example.com\nSubject: Adobe Audience Manager Server-To-Server Processing Result:\n"
HTML = "<html><body><p> <b>" + TEXT.strip().replace("\n", "</b> </p> <p>\n <b>") + " </b></p></body></html>"


@pytest.mark.parametrize(
    "message",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        HEAD + "\n" + TEXT,
        HEAD + "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n" + HTML,
        HTML,
        "> " + TEXT.replace("\n", "\n> "),
    ],
    ids=["text", "crlf", "mail", "html mail", "html", "quoted"],
)
def test_every_line_is_read(message: str) -> None:
    found = parse(message.encode())
    assert found.files == ("ftp_dpm_7_901_1368806402.sync", "ftp_dpm_7_901_1368655202.sync.gz")
    numbers = found.model_dump(exclude={"reader", "says", "files", "started", "ended"})
    assert list(numbers.values()) == [
        *(40669900, 0, 112, 0, 26730823, 40669900, 13938958, 21, 918878926, 660348376, 258086908, 0, 3, 2),
    ]
    assert (found.started, found.ended) == ("2026-03-09 18:07:49", "2026-03-09 18:45:02")
    assert str(found) == (
        "Audience Manager stored 13,938,958 of 40,669,900 records: 112 invalid ids, 26,730,823 without a known trait,"
        " 3 traits of another data source"
    )


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00\xff" * 1000,
        b"Records received: 7",
        b"s3n://b/ftp_dpm_1_2.sync",
        b"From: x\nContent-Type: text/plain; charset=no-such\n\nRecords received: x\ns3n://b/c",
        b"Subject: x\nContent-Type: multipart/mixed\n\n--x",
        b"<" * 100_000 + b"Records received: " + b"9" * 100_000,
        b"x" * (LARGEST + 1),
    ],
)
def test_anything_else_is_refused(message: bytes) -> None:
    with pytest.raises(FatalError, match="no receipt of Audience Manager"):
        parse(message)


def test_a_receipt_is_kept_with_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], on_a_new_machine: None
) -> None:
    monkeypatch.chdir(tmp_path)
    for conn_id in ("lake", "sluice_staging", "deliveries"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", folder_connection(tmp_path / conn_id))
    declare(tmp_path)
    assert main(["deliver", "all", "--include", "include"]) == 0
    (file,) = (tmp_path / "deliveries").rglob("ftp_dpm_*")
    mail = tmp_path / "mail.txt"

    mail.write_text(
        LINES.format(file=file.name, received="3").replace("s3n://inbound/acme/date=2026-03-09/ftp_dpm_7_901", "#")
    )
    assert main(["receipt", "all", str(mail), "--include", "include"]) == 0
    assert "stored 13,938,958 of 3 records" in capsys.readouterr().out
    mail.write_text(LINES.format(file=file.name, received="3"))
    assert main(["receipt", "all", str(mail), "--include", "include"]) == 1
    assert "its numbers include 1 files of other deliveries" in capsys.readouterr().out

    assert main(["report", "all", "--include", "include", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert [one["received"] for one in json.loads(line)["receipts"]] == [3, 3]
    assert main(["report", "all", "--include", "include"]) == 0
    assert "112 invalid ids" in capsys.readouterr().out

    mail.write_text(TEXT)
    assert main(["receipt", "all", str(mail), "--include", "include"]) == 1
    assert "has none of the files of this receipt" in capsys.readouterr().err
    assert main(["receipt", "all", str(tmp_path / "none"), "--include", "include"]) == 1


def declare(root: Path) -> None:
    files = {
        "catalog/datasets.yaml": "p: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: p}}",
        "connections/aam.yaml": "type: local\nairflow_conn_id: deliveries\nformat: {type: audience-manager}",
        "catalog/segments.yaml": "all: {dataset: p, where: 'true'}",
        "exports/all.yaml": """
kind: segment-export
connection: aam
segments: [all]
fields: [id, {value: m, as: gender}]
folder: date=%DATETIME(YYYY-MM-DD)%
file: {name: "ftp_dpm_7_%EPOCH%.sync%SPLIT%", split: {before: .}, extension: gz, unique: second}
""",
    }
    for name, text in files.items():
        path = root / "include" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "lake" / "p").mkdir(parents=True)
    (root / "deliveries").mkdir()
    pq.write_table(pa.table({"id": ["a", "b", "c"]}), root / "lake" / "p" / "0.parquet")
