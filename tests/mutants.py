"""Declarations as nobody meant them: every shipped and golden project, changed at random.

A mutant is a copy of one project with a change or three: a value dropped, doubled, of another type or hostile; keys
swapped; text cut or hurt; a file renamed, doubled, or no file any more. The same number is always the same mutant.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"

HOSTILE: tuple[Any, ...] = (
    "", " ", "\0", "a\0b", "\x1b[31m", "\x9b", "a\nb", "\u2028", "\u202e", "\ufeff", "\U0001f4a9", "ﷺ" * 30,
    "x" * 101, "x" * 251, "x" * 501, "x" * 2001, "x" * 70_000, "ä" * 2000, "%" * 50, "(" * 200, "{{ 1 / 0 }}",
    "{% include 'x' %}", "${HOME}", "$(id)", "'; drop table dag; --", "../../etc/passwd", "/", "//", ".", "..", "~",
    "~/x", "\\", "*", "&a", "!x", "- x", "? x", "a: b", "#", "@", "`", "null", "no", "off", "once", "=", "<<", "a/b",
    "Name", "nämé", "%NOPE%", "%DATETIME(%", "%PART%", "%RUN_ID%_%PART%", "1e400", ".nan", "0x1F", "1_000", "0123",
    -1, 0, 1, 2**31, 2**63, 2**64, 10**40, -(10**40), 1.5, 1e308, float("nan"), float("inf"), True, False, None,
    [], [[]], [None], [1], ["a"], ["a", "a"], [{}], {}, {"a": 1}, {"type": "local"}, {"type": ["local"]},
    {"type": None}, {"sql": "select 1"}, {"cron": "0 0 30 2 *"}, {"daily": "24:00"}, {"every": "0s"},
    "2026-02-30", "9999-12-31", "0001-01-01", "2199-12-31", "1971-01-01", "2026-12-01T06:30+23:59", "24:61", "00:00",
    "61 * * * *", "0 0 29 2 *", "0 0 31 2 *", "* * * * mon#6", "H H * * *", "R R * * *", "@daily", "0 0 L * *",
    ",".join(map(str, range(60))) + " * * * *", "1,2,3,4,5 1,2,3,4,5 1-31/2 1-12/3 mon-sun", "10 years", "4000 days",
    "-1s", "1ms", "0s", "-1%", "1000%", "1%", "100000000000000000000 GB", "1 B", "system_refresh", "export",
)  # fmt: skip
"""What a key may be given; the texts of them, what a file may be called too."""

Change = Callable[[random.Random, Path], str]
"""Changes one file of a project, and says how."""


@cache
def projects() -> tuple[tuple[Path, ...], ...]:
    """Every project to begin with, as the folders that lie over each other in it."""
    cases = sorted(path for path in GOLDEN.iterdir() if (path / "include").is_dir() and path.name[0] not in "_.")
    shipped = [(ROOT / "include",), (ROOT / "tests" / "integration" / "project" / "include",)]
    golden = [(GOLDEN / "_base" / "include", case / "include") for case in cases]
    good = [layers for layers in golden if layers[1].parent.name.startswith("good-")]
    # What is wrong already hides most of what a change does.
    return (*shipped * 40, *good * 10, *golden)


def mutant(number: int, folder: Path) -> str:
    """Make the mutant of this number in `folder`, which is not there yet. Says what was changed."""
    chance = random.Random(f"mutant {number}")
    layers = chance.choice(projects())
    for layer in layers:
        shutil.copytree(
            layer, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("sluice", "__pycache__", "broken.yaml")
        )
    said = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        files = sorted(path for path in folder.rglob("*.yaml") if path.is_file() and not path.is_symlink())
        if files:
            file = chance.choice(files)
            change = chance.choices(_CHANGES, _WEIGHTS)[0]
            said.append(f"{file.relative_to(folder)}: {change(chance, file)}")
    return f"mutant {number} of {layers[-1].relative_to(ROOT)}: {'; '.join(said)}"


def of_values(chance: random.Random, file: Path) -> str:
    """Change one value or key of the file's mapping."""
    try:
        text = file.read_text(encoding="utf-8")
        # What refers to itself, or to what refers to what it refers to, has no end that a test could walk to.
        aliases = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.CSafeLoader))
        tree = None if aliases else yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return of_text(chance, file)
    spots = list(_spots(tree))
    if not spots:
        return of_text(chance, file)
    holder, key = chance.choice(spots)
    change = chance.choice(_VALUE_CHANGES)
    said = change(chance, holder, key)
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=10_000)
    file.write_text(text, encoding="utf-8", errors="replace")
    return f"{change.__name__[1:]} {key!r:.40}{said}"


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list in the tree with each of its keys or indices."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(inside):
        yield tree, key
        yield from _spots(value)


def _drop(chance: random.Random, holder: Any, key: Any) -> str:
    del holder[key]
    return ""


def _double(chance: random.Random, holder: Any, key: Any) -> str:
    if isinstance(holder, list):
        holder.append(holder[key])
    else:
        holder[f"{key}_2"] = holder[key]
    return ""


def _retype(chance: random.Random, holder: Any, key: Any) -> str:
    value = holder[key]
    others = [[value], {"type": value}, {"a": value}, str(value), [value, value], None, len(str(value))]
    holder[key] = chance.choice(others)
    return ""


def _hostile(chance: random.Random, holder: Any, key: Any) -> str:
    holder[key] = chance.choice(HOSTILE)
    return f" = {holder[key]!r:.60}"


def _hostile_key(chance: random.Random, holder: Any, key: Any) -> str:
    if isinstance(holder, list):
        return _hostile(chance, holder, key)
    new = chance.choice([one for one in HOSTILE if not isinstance(one, list | dict)])
    holder[new] = holder.pop(key)
    return f" renamed {new!r:.60}"


def _extended(chance: random.Random, holder: Any, key: Any) -> str:
    part = chance.choice([one for one in HOSTILE if isinstance(one, str)])
    holder[key] = f"{holder[key]}{part}" if chance.random() < 0.5 else f"{part}{holder[key]}"
    return f" with {part!r:.60}"


def _swap(chance: random.Random, holder: Any, key: Any) -> str:
    other = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]
    return f" and {other!r:.40}"


_VALUE_CHANGES = (_drop, _double, _retype, _hostile, _hostile, _hostile, _hostile_key, _extended, _swap)


def of_text(chance: random.Random, file: Path) -> str:
    """Hurt the file's text."""
    data = file.read_bytes()
    at = chance.randrange(len(data) + 1)
    lines = data.split(b"\n")
    number = chance.randrange(len(lines))
    scrap = str(chance.choice(HOSTILE)).encode("utf-8", "replace")
    kind = chance.choice(("cut", "insert", "byte", "line gone", "line twice", "lines swapped", "indent", "spread"))
    match kind:
        case "cut":
            data = data[:at]
        case "insert":
            data = data[:at] + scrap + data[at:]
        case "byte":
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        case "line gone":
            data = b"\n".join(lines[:number] + lines[number + 1 :])
        case "line twice":
            data = b"\n".join(lines[: number + 1] + lines[number:])
        case "lines swapped":
            chance.shuffle(lines)
            data = b"\n".join(lines)
        case "indent":
            lines[number] = b" " * chance.randrange(1, 40) + lines[number]
            data = b"\n".join(lines)
        case "spread":
            data = b"[" * chance.choice((5, 40, 5000)) + data
    file.write_bytes(data)
    return f"{kind} at {at}, line {number + 1}"


def of_file(chance: random.Random, file: Path) -> str:
    """Give the file another name, another place, or nothing that can be read."""
    kind = chance.choice(
        ("rename", "rename", "rename", "twice", "gone", "pipe", "link out", "circle", "folder", "empty")
    )
    elsewhere = file.with_name("elsewhere.yaml")
    match kind:
        case "rename":
            names = [one for one in HOSTILE if isinstance(one, str) and 0 < len(one) <= 80]
            names = [one.replace("/", "").replace("\0", "") for one in names]
            new = file.with_name(f"{chance.choice(names) or 'x'}{chance.choice(('', '-2', ' '))}.yaml")
            file.rename(new)
            return f"renamed {new.name!r}"
        case "twice":
            (file.parent / "again").mkdir(exist_ok=True)
            shutil.copy(file, file.parent / "again" / file.name)
        case "gone":
            file.unlink()
        case "pipe":
            file.unlink()
            os.mkfifo(file)
        case "link out":
            file.unlink()
            file.symlink_to("/etc/passwd")
        case "circle":
            file.unlink()
            file.symlink_to(elsewhere.name)
            if not os.path.lexists(elsewhere):
                elsewhere.symlink_to(file.name)
        case "folder":
            file.unlink()
            file.mkdir()
        case "empty":
            file.write_bytes(chance.choice((b"", b"\n", b"# nothing\n", b"---\n", b"\xef\xbb\xbf", b"\xff\xfe")))
    return kind


_CHANGES: tuple[Change, ...] = (of_values, of_text, of_file)
_WEIGHTS = (7, 2, 1)
