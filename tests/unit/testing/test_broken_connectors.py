"""The exam can fail: a sound connector passes all of it; one that breaks a promise fails the test of that promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow

BROKEN = {
    "destinations": {
        "LosesAByte": "test_every_size_around_a_piece_arrives_whole",
        "LeavesAHalf": "test_a_body_that_raises_leaves_nothing_and_what_was_there_before[early]",
        "Gathers": "test_a_large_file_of_unknown_length_streams_in_bounded_memory",
    },
    "sources": {
        "ReadsOtherRowsLater": "test_slices_are_the_same_every_time",
        "ReadsWhatIsThereNow": "test_what_is_written_later_is_not_read",
        "ReadsEveryColumn": "test_columns_come_as_asked",
        "ReadsASliceAtOnce": "test_tables_are_bounded_in_bytes",
        "ReadsRowsThatNobodyWants": "test_selected_rows_are_those_of_the_slice",
    },
    "formats": {
        "DropsNulls": "test_every_type_reads_back_as_documented[string]",
        "CompressesEachTable": "test_the_same_rows_give_the_same_bytes_however_they_are_split",
        "GathersTables": "test_an_encoder_holds_no_more_than_it_says",
        "HoldsAnything": "test_a_type_it_cannot_hold_is_refused_by_name[union]",
    },
}


def failures(family: str, folder: Path) -> dict[str, str]:
    """What each test said: of a sound connector all, of a broken one that of the promise it breaks. Nothing if it
    passed."""
    file, report = str(HERE / f"broken_{family}.py"), folder / "report.xml"
    tests = [f"{file}::Test{name}::{test}" for name, test in BROKEN[family].items()]
    argv = [sys.executable, "-m", "pytest", "-q", "--basetemp", str(folder / "t"), f"--junitxml={report}"]
    env = {name: value for name, value in os.environ.items() if name != "CI"}  # there, pytest shows whole differences
    done = subprocess.run([*argv, f"{file}::TestSound", *tests], env=env, check=False, capture_output=True, text=True)
    assert report.exists(), done.stdout + done.stderr
    return {
        f"{test.attrib['classname'].rpartition('.')[2]}::{test.attrib['name']}": said(test)
        for test in ElementTree.parse(report).iter("testcase")  # noqa: S314 - pytest has written it
    }


def said(test: ElementTree.Element) -> str:
    return "; ".join(outcome.attrib["message"] for outcome in test if outcome.tag != "properties")


@pytest.mark.parametrize("family", BROKEN)
def test_a_broken_promise_fails_its_test(family: str, tmp_path: Path) -> None:
    found = failures(family, tmp_path)
    broken = {f"Test{name}::{test}" for name, test in BROKEN[family].items()}
    assert {test: text for test, text in found.items() if text and test not in broken} == {}
    assert len(found.keys() - broken) > 10
    passed = [test for test in broken if not found[test].startswith(("AssertionError", "assert", "Failed: DID NOT"))]
    assert passed == [], "it passed, or failed for another reason"
