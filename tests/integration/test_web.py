"""The committed bundle of the Exports page is what its sources give, and its types are those of the API."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sluice.page.app import openapi

ROOT = Path(__file__).parents[2]
STATIC = Path("src/sluice/page/static")
BUDGET = 350_000
"""Bytes of all scripts, gzipped."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `web/` with its packages, in which everything was generated again."""
    web = tmp_path_factory.mktemp("page") / "web"
    shutil.copytree(ROOT / "web", web, ignore=shutil.ignore_patterns("node_modules"))
    installed = ROOT / "web" / "node_modules" / ".installed"
    if installed.exists() and installed.stat().st_mtime >= (ROOT / "web" / "package-lock.json").stat().st_mtime:
        (web / "node_modules").symlink_to(installed.parent.resolve())
    else:
        run(web, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    (web / "openapi.json").write_text(json.dumps(openapi(), indent=1, sort_keys=True) + "\n")
    (web.parent / STATIC).mkdir(parents=True)
    run(web, "run", "--silent", "types")
    run(web, "exec", "--", "tsc", "--noEmit")
    run(web, "run", "--silent", "build")
    return web


def run(web: Path, *words: str) -> None:
    done = subprocess.run(["npm", *words], cwd=web, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", ["openapi.json", "src/api/schema.ts"])
def test_the_types_of_the_page_are_those_of_the_api(web: Path, file: str) -> None:
    """`make web` writes them."""
    assert (web / file).read_text() == (ROOT / "web" / file).read_text()


def test_the_bundle_is_built_from_these_sources(web: Path) -> None:
    """`make web` builds it. Nobody needs Node to run Sluice."""
    built, committed = scripts(web.parent / STATIC), scripts(ROOT / STATIC)
    assert sorted(built) == sorted(committed)
    assert [name for name in built if built[name] != committed[name]] == []


def test_the_bundle_is_small() -> None:
    import gzip

    assert sum(len(gzip.compress(body, 9)) for body in scripts(ROOT / STATIC).values()) < BUDGET


def scripts(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.js")}
