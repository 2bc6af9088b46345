"""The page "Your own data in 15 minutes": each of its commands, in its order, on another lake."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from sluice.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "your-own-data.md"
FLIGHTS = pl.DataFrame(
    {
        "flight_id": range(100_000),
        "carrier": ["MA", "LH", "BA", "AF"] * 25_000,
        "delay_minutes": [n % 90 - 10 for n in range(100_000)],
    }
)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_every_command_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], on_a_new_machine: None
) -> None:
    monkeypatch.chdir(tmp_path)
    (export,) = blocks("yaml")
    (written,) = re.findall(r"^`(include/exports/\S+\.yaml)`:$", PAGE.read_text(), re.MULTILINE)
    ran = []
    for line in "".join(blocks("sh")).splitlines():
        command, *words = shlex.split(line)
        ran.append(command)
        if command == "cd":
            monkeypatch.chdir(words[0])
            (tmp_path / "my-exports" / "lake" / "flights").mkdir(parents=True)
            FLIGHTS.write_parquet(tmp_path / "my-exports" / "lake" / "flights" / "2026.parquet")
            continue
        if words[0] == "check":
            Path(written).write_text(export)
        assert main(words) == 0, capsys.readouterr().err
    assert len(ran) > 5
    printed = capsys.readouterr().out
    assert "key: flight_id" in printed
    assert "2 exports: 0 errors" in printed
    assert "100,000 records" in printed
    assert list((tmp_path / "my-exports" / "deliveries" / "partner").rglob("manifest-*.json"))
