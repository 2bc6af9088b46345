"""Every rule across declarations has a golden case that it alone makes an error of."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluice.definition import check
from sluice.definition.errors.problem import Problem
from sluice.definition.guardrails.rule import DeclarationGuardrail
from sluice.definition.load import load
from sluice.definition.models.macros import MACROS, no_macros, wrong_level, wrong_template
from sluice.definition.rules.known import Known
from sluice.destinations import DESTINATIONS
from sluice.plan.layout import DEFAULT_FOLDERS

GOLDEN = Path(__file__).parents[2] / "golden"
RULES = [(family, index) for family, rules in check.RULES.items() for index in range(len(rules))]
ANY = r"[^\x00-\x1f\x7f\\]"


Key = str | tuple[str, int]
"""A guardrail by its name, or a rule by its family and place."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, dict[Path, int]]:
    """The folders of golden cases, whole, in which each rule finds something, and how many errors each folder has."""
    asked: dict[Key, dict[Path, int]] = defaultdict(dict)
    with pytest.MonkeyPatch.context() as patch:
        now: set[Key] = set()
        noted = [replace(one, rule=noting(one.rule, one.name, now)) for one in check.GUARDRAILS]
        patch.setattr(check, "GUARDRAILS", tuple(noted))
        for family, rules in check.RULES.items():
            every = (noting(rule, (family, index), now) for index, rule in enumerate(rules))
            patch.setitem(check.RULES, family, tuple(every))
        for case in sorted(path for path in GOLDEN.iterdir() if path.is_dir() and _may_break(path)):
            folder = tmp_path_factory.mktemp(case.name)
            for source in (GOLDEN / "_base", case):
                if (source / "include").exists():
                    shutil.copytree(source / "include", folder, dirs_exist_ok=True)
            now.clear()
            count = found(folder)
            for key in now:
                asked[key][folder] = count
    return asked


def noting(rule: Callable[..., Iterator[Any]], key: Key, finds: set[Key]) -> Callable[..., Iterator[Any]]:
    """The rule, which adds its key if it finds something."""

    def ask(*args: Any) -> Iterator[Any]:
        for problem in rule(*args):
            finds.add(key)
            yield problem

    return ask


def found(folder: Path) -> int:
    loaded = load(folder)
    return len(loaded.errors) + len(loaded.warnings) + len(loaded.notes)


def silent(declared: Any, known: Known) -> Iterator[Problem]:
    yield from ()


@pytest.mark.slow
@pytest.mark.parametrize("rule", check.GUARDRAILS, ids=lambda rule: rule.name)
def test_without_the_guardrail_a_case_says_less(
    rule: DeclarationGuardrail, shown: dict[Key, dict[Path, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "GUARDRAILS", tuple(one for one in check.GUARDRAILS if one is not rule))
    cases = shown.get(rule.name, {})
    assert any(found(case) < count for case, count in cases.items()), f"no golden case shows {rule.name}"


@pytest.mark.slow
@pytest.mark.parametrize(("family", "index"), RULES, ids=[f"{f}-{check.RULES[f][i].__name__}" for f, i in RULES])
def test_without_the_rule_a_case_says_less(
    family: str, index: int, shown: dict[Key, dict[Path, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = check.RULES[family][index].__name__  # type: ignore[index]
    rules = list(check.RULES[family])  # type: ignore[index]
    rules[index] = silent
    monkeypatch.setitem(check.RULES, family, tuple(rules))
    cases = shown.get((family, index), {})
    assert any(found(case) < count for case, count in cases.items()), f"no golden case shows {name}"


def _may_break(case: Path) -> bool:
    """Cases about rules: the others say the same with any rule."""
    return not case.name.startswith(("_", ".", "yaml", "encoding", "secret", "value", "name", "type", "key", "kind"))


def wrong(template: str, allowed: str = ANY) -> list[str]:
    return [problem.what for problem in wrong_template(("folder",), template, allowed, "it")]


@pytest.mark.parametrize(
    "template",
    [
        "",
        "/",
        "a",
        "a/b/",
        "%DATASET_ID%/%EXPORT_TIME%",
        "x%SEGMENT_NAME%y",
        "%DATETIME(YYYY-MM-DD)%",
        "%DATETIME%",
        "." * 3,
    ]
    + [f"%{macro}%" for macro in MACROS],
)
def test_good_folders(template: str) -> None:
    assert wrong(template) == []


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("%NOPE%", "`%NOPE%` is not a macro"),
        ("%%", "`%%` is not a macro"),
        ("%dataset_id%", "`%dataset_id%` is not a macro"),
        ("100%", "a `%` without its pair"),
        ("%EXPORT_TIME(YYYY)%", "the macro EXPORT_TIME does not accept a format"),
        ("/a", "the folder starts at the root, but it is relative to the connection's folder"),
        ("a//b", "a level of the folder is empty"),
        ("a/../b", "a level of the folder is empty"),
        ("./a", "a level of the folder is empty"),
        ("%DATETIME(YYYY/../MM)%", "a level of the folder is empty"),
        ("a\\b", "a folder cannot contain `\\`"),
        ("a\x07", "it does not allow '\\x07' in a path"),
    ],
)
def test_bad_folders(template: str, what: str) -> None:
    (said,) = wrong(template)
    assert said.startswith(what)


def test_the_nearest_macro_is_shown() -> None:
    (problem,) = wrong_template(("folder",), "%DATSET_ID%", ANY, "it")
    assert problem.nearest == "DATASET_ID"


@pytest.mark.parametrize("name", DESTINATIONS)
@pytest.mark.parametrize("kind", DEFAULT_FOLDERS)
def test_every_destination_takes_the_default_folders(name: str, kind: str) -> None:
    assert wrong(DEFAULT_FOLDERS[kind], DESTINATIONS[name].allowed) == []


def test_a_title_that_is_no_level_of_a_folder() -> None:
    assert [p.what for p in wrong_level((), "a/b", "X", ANY, "it")] == [
        "%X% inserts `a/b`, which cannot be one level of a folder"
    ]
    assert not list(wrong_level((), "Acme United", "X", ANY, "it"))


def test_no_macros_where_nothing_stands_in_for_them() -> None:
    assert [p.what for p in no_macros((), "%DATETIME%", "its")] == ["its folder cannot contain macros"]
    assert not list(no_macros((), "plain", "its"))
