"""The profiles are the same each time; a data set has exactly as many as it says."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks import data
from benchmarks.process import Failed
from benchmarks.readback import Content, of_files, of_source


def test_profiles_are_the_same_each_time_and_others_elsewhere() -> None:
    assert data.profiles(0, 500).equals(data.profiles(0, 500))
    assert (
        not data.profiles(0, 500).drop_columns("profile_id").equals(data.profiles(500, 500).drop_columns("profile_id"))
    )


def test_there_are_18_columns_and_16_flat_ones() -> None:
    table = data.profiles(0, 10)
    assert table.num_columns == 18
    assert table.drop_columns(data.NESTED).num_columns == 16


@pytest.mark.slow
def test_a_data_set_holds_exactly_its_rows_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "ROW_GROUP", 100)
    monkeypatch.setattr(data, "PIECE", 400)
    folder = data.folder_of(1_050, tmp_path, flat=True)
    files = sorted(folder.glob("*.parquet"))
    assert [pq.read_metadata(file).num_row_groups for file in files] == [4, 4, 3]
    assert of_source(folder, filtered=False) == Content(rows=1_050, ids=sum(range(1_050)))
    assert of_files(files[:1]) == Content(rows=400, ids=sum(range(400)))


def test_files_of_two_kinds_are_refused() -> None:
    with pytest.raises(Failed, match="one known kind"):
        of_files([Path("a.json.gz"), Path("b.csv.gz")])
