"""A task's pod has the size that its byte budget needs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from sluice.airflow import pods
from sluice.memory import DEFAULT

TEMPLATE = Path(__file__).parents[3] / "deploy/pod_template.yaml"


def test_a_pod_has_room_for_the_budget_and_the_libraries() -> None:
    """`docs/into-your-airflow.md` says 1.2 GB, `make bench WORKS=memory` stays below 1.0 GB."""
    assert 1.1e9 < pods.memory_of(DEFAULT) * 2**20 < 1.3e9
    assert [pods.cores_of(budget) for budget in (64 * 10**6, DEFAULT, 2 * 10**9)] == [1, 2, 12]
    assert pods.resources() == {
        "requests": {"cpu": "1", "memory": "1160Mi"},
        "limits": {"cpu": "2", "memory": "1160Mi"},
    }


@pytest.mark.parametrize(
    ("limit", "enough"),
    [
        ("1160Mi", True),
        ("1159Mi", False),
        ("2Gi", True),
        ("1G", False),
        ("1300000k", True),
        ("1Ti", True),
        ("1.3e9", True),
    ],
)
def test_a_pod_that_is_too_small_is_noticed(limit: str, enough: bool) -> None:
    said = pods.too_small({"limits": {"memory": limit}})
    assert (said == []) is enough
    assert enough or f"a limit of {limit} is too small" in said[0]
    assert pods.too_small({}) == [], "no limit is large enough"


def test_the_pod_template_is_the_one_that_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    file = TEMPLATE.read_text()
    words = re.findall(r"`python -m sluice.airflow.pods (.*?)`", file)[0].split()
    sys.argv, before = ["pods", *words], sys.argv
    try:
        pods.main()
    finally:
        sys.argv = before
    assert capsys.readouterr().out == re.sub(r"^#.*\n", "", file, flags=re.M)
    assert yaml.safe_load(file)["spec"]["containers"][0]["name"] == "base"


@pytest.mark.parametrize(("memory", "status"), [("512 MB", 0), ("1 GB", 1)])
def test_a_template_is_checked_against_a_budget(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], memory: str, status: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["pods", "--check", str(TEMPLATE), "--memory", memory])
    assert pods.main() == status
    assert ("a limit of 1160Mi is too small" in capsys.readouterr().out) is bool(status)


def test_a_wrong_budget_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["pods", "--memory", "2 XB"])
    with pytest.raises(SystemExit):
        pods.main()
    assert "not a memory limit of at least 64 MB: '2 XB'" in capsys.readouterr().err
