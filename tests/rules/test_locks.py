"""What is installed is what was locked: every requirement has its hashes, and every installer asks for them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_locked_with_its_hashes(lock: Path) -> None:
    text = re.sub(r"\s*#.*", "", lock.read_text())
    entries = re.findall(r"^\S(?:.*\\\n)*.*", text, re.M)
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^]]+])?==\S+", entry), entry
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}", entry), entry
    assert lock.with_suffix(".in").exists(), "a lock is compiled from a short list"


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_every_installer_asks_for_hashes(file: str) -> None:
    commands = [line for line in (ROOT / file).read_text().splitlines() if "pip install" in line]
    assert commands
    for command in commands:
        from_locks = "--require-hashes -r " in command
        ours = re.search(r"--no-deps --no-build-isolation (--editable \.|/tmp/sluice)$", command)
        assert from_locks or ours, command


@pytest.mark.slow
def test_every_lock_is_made_by_make_lock() -> None:
    made = subprocess.run(["make", "-n", "-B", "lock"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for lock in LOCKS:
        assert re.search(rf"pip compile .*--generate-hashes .*-o {re.escape(lock.name)}$", made, re.M), lock.name


@pytest.mark.parametrize(
    ("digest", "pinned"), [("sha256:" + "ab" * 32, True), ("", False), ("sha256:ab", False), ("error", False)]
)
def test_the_base_image_is_pinned_to_what_the_registry_says(tmp_path: Path, digest: str, pinned: bool) -> None:
    for name in ("Makefile", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path)
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(f"#!/bin/sh\necho '\"{digest}\"'\n")
    docker.chmod(0o755)
    before = (tmp_path / "Dockerfile").read_text()
    env = {"PATH": f"{docker.parent}:/usr/local/bin:/usr/bin:/bin"}
    made = subprocess.run(["make", "lock-image"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    after = (tmp_path / "Dockerfile").read_text()
    assert (made.returncode == 0) is pinned, made.stdout
    assert (f"@{digest}\n" in after) is pinned
    assert pinned or after == before
