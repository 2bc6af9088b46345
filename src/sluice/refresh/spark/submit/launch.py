"""Runs `spark-submit` until its job has ended: without a shell, and without this process's secrets."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sluice.errors import FatalError
from sluice.model.access import SparkSubmitAccess
from sluice.refresh.spark.submit import guard, job

log = logging.getLogger(__name__)

_GRACE = 3.0
"""Seconds between the request to stop and the kill. Within it, Spark's client can take back what it has asked for.
Airflow gives a task five."""
_LINE = 65_536
_NAMES = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "JAVA_HOME", "KUBECONFIG"})
_PREFIXES = ("SPARK_", "PYSPARK_", "HADOOP_", "YARN_", "KRB5")
"""What Spark's scripts and clients are configured by. Everything else stays here, such as Airflow's connections."""
_WAITING = ("spark.yarn.submit.waitAppCompletion", "spark.kubernetes.submission.waitAppCompletion")
_APPLICATION = re.compile(r"\bapplication_\d+_\d+\b|\b(?:app|driver)-\d{14}-\d{4}\b")
_EXCEPTION = re.compile(r"\b(?:[a-z][a-z0-9]*\.){2,}[A-Z]\w*(?:Exception|Error)\b")
_KEPT = 3
_VERSION = re.compile(rb"\bversion (\d+\.\d+\.\d+\S*)")


@dataclass(frozen=True)
class Ended:
    """How `spark-submit` ended: its exit code, and what can be said of its output without quoting it."""

    code: int
    applications: list[str] = field(default_factory=list)
    """Names that the cluster has given."""
    exceptions: list[str] = field(default_factory=list)
    """Types of exceptions."""


def launched(access: SparkSubmitAccess, conn_id: str, name: str, document: str) -> Ended:
    """Run the job with the document at this address, and wait for its end. Raises `FatalError` if there is no
    `spark-submit`. Nothing of it outlives the call on this machine, if the task is stopped."""
    ended = Ended(0)
    with _running(
        [_program(access, conn_id), *_options(access), "--name", name, job.__file__, document], conn_id
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        for line in iter(lambda: process.stdout.readline(_LINE), b""):  # type: ignore[union-attr]
            known = list(ended.applications)
            _keep(_APPLICATION, line, ended.applications)
            for application in set(ended.applications).difference(known):
                log.info("connection %s: the cluster runs %s", conn_id, application)
            _keep(_EXCEPTION, line, ended.exceptions)
        return Ended(process.wait(), ended.applications, ended.exceptions)


def installed(access: SparkSubmitAccess, conn_id: str) -> str:
    """The version of Spark whose `spark-submit` this worker has. Raises `FatalError` if there is none, or it does not
    run."""
    with _running([_program(access, conn_id), "--version"], conn_id) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        if found := _VERSION.search(process.stdout.read(_LINE)):
            return found[1].decode()
    raise FatalError(
        f"connection {conn_id}: `{access.binary} --version` names no version of Spark",
        next_step="run it on the worker: it needs Java, and JAVA_HOME if `java` is not on the PATH",
    )


def _program(access: SparkSubmitAccess, conn_id: str) -> str:
    if program := shutil.which(access.binary):
        return program
    raise FatalError(
        f"connection {conn_id}: {access.binary} is not on this worker's PATH",
        next_step="install Spark and Java on the workers, or use a connection of type spark_connect, which needs"
        " neither",
    )


def _options(access: SparkSubmitAccess) -> list[str]:
    words = ["--master", access.master]
    words += ["--deploy-mode", access.deploy_mode] if access.deploy_mode else []
    words += ["--queue", access.queue] if access.queue else []
    words += ["--conf", f"spark.kubernetes.namespace={access.namespace}"] if access.namespace else []
    return words + [word for setting in _WAITING for word in ("--conf", f"{setting}=true")]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in _NAMES or name.startswith(_PREFIXES)}


@contextmanager
def _running(words: Sequence[str], conn_id: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program, in a process group that ends with the block, and with this process. Raises `FatalError` if it cannot
    be started."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, str(_GRACE), *words],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)
    if process.returncode == guard.NOT_STARTED:
        raise FatalError(
            f"connection {conn_id}: {words[0]} cannot be started",
            next_step="install Spark and Java on the workers so that its scripts can be executed",
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    _signal(process, signal.SIGKILL)  # what it has started and left behind
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _keep(pattern: re.Pattern[str], line: bytes, kept: list[str]) -> None:
    """Add the names that the pattern finds. Only the last ones are kept."""
    for found in pattern.findall(line.decode("utf-8", "replace")):
        if found in kept:
            kept.remove(found)
        kept.append(found)
    del kept[:-_KEPT]
