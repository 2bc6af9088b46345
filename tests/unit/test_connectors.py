"""Connectors of other packages: one in a wheel of its own delivers, and passes the exam of its family; broken ones are
named, and hide nothing.

`pytest tests/unit/test_connectors.py --update` writes the example's tests into docs/connectors.md.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.model.registry import Registry
from tests.servers.docs import block, filled

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "connectors.md"
EXAMPLE = ROOT / "tests" / "connector"
UV, PYTHON = str(Path(sys.executable).with_name("uv")), ["--python", sys.executable]
pytestmark = pytest.mark.slow


def install(project: Path, packages: Path, folder: Path) -> None:
    """Build a project's wheel from a copy of it, and install that into a folder of packages."""
    sources = folder / project.name
    shutil.copytree(project / "src", sources / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(project / "pyproject.toml", sources)
    build = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--offline", *PYTHON]
    subprocess.run([*build, "--out-dir", str(sources / "dist"), str(sources)], check=True)
    (wheel,) = (sources / "dist").glob("*.whl")
    command = [UV, "pip", "install", "--quiet", "--no-deps", "--offline", *PYTHON, "--target", str(packages)]
    subprocess.run([*command, str(wheel)], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds the example connector, installed from its wheel."""
    folder = tmp_path_factory.mktemp("connector")
    install(EXAMPLE, folder / "packages", folder)
    return folder / "packages"


@pytest.fixture
def with_sluice(installed: Path, tmp_path: Path) -> Path:
    """The same, and Sluice installed from its wheel."""
    shutil.copytree(installed, tmp_path / "packages")
    install(ROOT, tmp_path / "packages", tmp_path)
    return tmp_path / "packages"


def package(folder: Path, name: str, points: str, code: str = "") -> Path:
    """A package that brings these entry points, without a wheel."""
    info = folder / name / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    (folder / name / f"{name}.py").write_text(code)
    return folder / name


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an export in the format `ltsv`."""
    folder = tmp_path / "project"
    assert run(folder.parent, "init", str(folder))[0] == 0
    (folder / "lake" / "customers").mkdir(parents=True)
    table = pa.table({"customer_id": range(5), "email": [f"{n}@example.org" for n in range(5)]})
    pq.write_table(table, folder / "lake" / "customers" / "0.parquet")
    (folder / "include" / "exports" / "ids.yaml").write_text(
        "kind: segment-export\nconnection: partner\nsegments: [reachable]\nfields: [email]\n"
        "format: {type: ltsv, line_end: crlf}\n"
    )
    return folder


def run(folder: Path, *words: str, packages: tuple[Path, ...] = ()) -> tuple[int, str]:
    """What a command says in a process of its own, which sees these packages too."""
    return python(folder, "sluice.cli", *words, packages=packages)


def python(folder: Path, module: str, *words: str, packages: tuple[Path, ...]) -> tuple[int, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SLUICE", "PYTEST"))}
    env["PYTHONPATH"] = os.pathsep.join([*map(str, packages), *sys.path])
    argv = [sys.executable, "-m", module, *words]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_one_in_a_wheel_of_its_own_delivers(project: Path, installed: Path) -> None:
    status, said = run(project, "deliver", "ids", packages=(installed,))
    assert status == 0, said
    (part,) = (project / "deliveries").rglob("*.ltsv")
    assert part.read_bytes().decode() == "".join(f"email:{n}@example.org\r\n" for n in range(5))
    status, schema = run(project, "schema", "export", packages=(installed,))
    assert status == 0
    assert '"ltsv"' in schema
    status, said = run(project, "check", packages=(installed,))
    assert (status, "0 errors" in said) == (0, True)


def test_its_own_tests_pass_the_exam_from_the_wheels(with_sluice: Path, tmp_path: Path) -> None:
    """The page's commands, in a folder that holds the example's tests and nothing of this repository."""
    pip, pytest_ = (
        shlex.split(line) for line in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.S | re.M)[0].splitlines()
    )
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert pip[:2] == ["pip", "install"]
    assert pip[2] == f"{ours['name']}[testing]"
    assert "testing" in ours["optional-dependencies"]
    shutil.copytree(EXAMPLE / "tests", tmp_path / "theirs" / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    status, said = python(tmp_path / "theirs", *pytest_, "-q", "-p", "no:cacheprovider", packages=(with_sluice,))
    assert status == 0, said
    assert int(re.findall(r"(\d+) passed", said)[0]) > 100
    where = "import sluice.testing, sluice_ltsv; print(sluice.testing.__file__, sluice_ltsv.__file__)"
    (tmp_path / "theirs" / "where.py").write_text(where)
    found = python(tmp_path / "theirs", "where", packages=(with_sluice,))[1].split()
    assert [Path(file).is_relative_to(with_sluice) for file in found] == [True, True]


def test_the_page_shows_the_tests_of_the_example(request: pytest.FixtureRequest) -> None:
    code = f"```python\n{(EXAMPLE / 'tests' / 'test_ltsv.py').read_text()}```\n"
    if request.config.getoption("--update", default=False):
        PAGE.write_text(filled(PAGE.read_text(), "exam", code))
    assert block(PAGE.read_text(), "exam") == code


def test_without_its_package_the_type_is_unknown(project: Path) -> None:
    status, said = run(project, "check")
    assert status == 1
    assert "ltsv" in said
    assert "known: adobe-target, audience-manager, csv, customer-attributes, json, parquet, template" in said


def test_broken_ones_are_named_and_hide_nothing(project: Path, installed: Path, tmp_path: Path) -> None:
    cracked = package(
        tmp_path, "cracked", "[sluice.sources]\ncracked = cracked:Nothing\n", "raise OSError('no driver')"
    )
    foreign = package(tmp_path, "foreign", "[sluice.formats]\nforeign = foreign:Format\n", "class Format: ...")
    shadow = package(tmp_path, "shadow", "[sluice.destinations]\ns3 = shadow:S3\n", "S3 = 1")
    status, said = run(project, "check", packages=(installed, cracked, foreign, shadow))
    assert status == 0, said
    assert "the connector of sources `cracked` is skipped: cracked:Nothing of cracked 1.0: OSError: no driver" in said
    assert "`foreign` is skipped: foreign:Format of foreign 1.0: TypeError: it is not a subclass of" in said
    assert "`s3` is skipped: shadow:S3 of shadow 1.0: ValueError: Sluice has a built-in connector of this type" in said
    assert "0 errors, 3 warnings" in said


def test_two_of_one_type_are_both_left_out(project: Path, installed: Path, tmp_path: Path) -> None:
    twin = package(tmp_path, "twin", "[sluice.formats]\nltsv = twin:Ltsv\n", "from sluice_ltsv import Ltsv")
    status, said = run(project, "check", packages=(installed, twin))
    assert status == 1
    assert "ValueError: 2 packages provide a connector of this type: uninstall all but one" in said


def test_a_table_of_our_own_is_sorted() -> None:
    with pytest.raises(ValueError, match="must be sorted"):
        Registry("formats", (("b", "x:X"), ("a", "x:X")), "sluice.formats.base:Format")
