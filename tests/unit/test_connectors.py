"""Connectors of other packages: one in a wheel of its own delivers; broken ones are named, and hide nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.model.registry import Registry

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds the example connector, installed from its wheel."""
    folder = tmp_path_factory.mktemp("connector")
    uv, python = str(Path(sys.executable).with_name("uv")), ["--python", sys.executable]
    build = [uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--offline", *python]
    subprocess.run([*build, "--out-dir", str(folder), str(ROOT / "tests" / "connector")], check=True)
    (wheel,) = folder.glob("*.whl")
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--offline", *python, "--target", str(folder / "packages")]
    subprocess.run([*install, str(wheel)], check=True)
    return folder / "packages"


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
    """A project with an export in the format `lines`."""
    folder = tmp_path / "project"
    assert run(folder.parent, "init", str(folder))[0] == 0
    (folder / "lake" / "customers").mkdir(parents=True)
    table = pa.table({"customer_id": range(5), "email": [f"{n}@example.org" for n in range(5)]})
    pq.write_table(table, folder / "lake" / "customers" / "0.parquet")
    (folder / "include" / "exports" / "ids.yaml").write_text(
        "kind: segment-export\nconnection: partner\nsegments: [reachable]\nfields: [email]\n"
        'format: {type: lines, end: ";"}\n'
    )
    return folder


def run(folder: Path, *words: str, packages: tuple[Path, ...] = ()) -> tuple[int, str]:
    """What a command says in a process of its own, which sees these packages too."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SLUICE"))}
    env["PYTHONPATH"] = os.pathsep.join([*map(str, packages), *sys.path])
    argv = [sys.executable, "-m", "sluice.cli", *words]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_one_in_a_wheel_of_its_own_delivers(project: Path, installed: Path) -> None:
    status, said = run(project, "deliver", "ids", packages=(installed,))
    assert status == 0, said
    (part,) = (project / "deliveries").rglob("*.txt")
    assert part.read_text() == "".join(f"{n}@example.org;" for n in range(5))
    status, schema = run(project, "schema", "export", packages=(installed,))
    assert status == 0
    assert '"lines"' in schema
    status, said = run(project, "check", packages=(installed,))
    assert (status, "0 errors" in said) == (0, True)


def test_without_its_package_the_type_is_unknown(project: Path) -> None:
    status, said = run(project, "check")
    assert status == 1
    assert "lines" in said
    assert "known: csv, json, parquet, template" in said


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
    twin = package(tmp_path, "twin", "[sluice.formats]\nlines = twin:Lines\n", "from sluice_lines import Lines")
    status, said = run(project, "check", packages=(installed, twin))
    assert status == 1
    assert "ValueError: 2 packages provide a connector of this type: uninstall all but one" in said


def test_a_table_of_our_own_is_sorted() -> None:
    with pytest.raises(ValueError, match="must be sorted"):
        Registry("formats", (("b", "x:X"), ("a", "x:X")), "sluice.formats.base:Format")
