"""What can go wrong at a destination: how each fault is made, and what comes of writing a file then."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from tests.servers import azurite, gcs, lake, s3
from tests.servers.disks import small_disk
from tests.servers.faults import FaultProxy, Rule, faults
from tests.servers.fleet import Fleet
from tests.servers.folders import folder_connection
from tests.servers.ssh import USER

MIB = 1 << 20
LONG = 17
"""Mebibytes of the file that is sent: three pieces."""


@dataclass
class Stage:
    """What a case may use: the servers, a proxy before any of them, and things that end with the case."""

    fleet: Fleet
    folder: Path
    until: ExitStack
    proxies: list[FaultProxy] = field(default_factory=list)

    def proxy(self, address: str | int, *rules: Rule) -> FaultProxy:
        port = address if isinstance(address, int) else urlsplit(address).port
        assert port is not None
        proxy = self.until.enter_context(faults(port, raw=isinstance(address, int)))
        proxy.rules.extend(rules)
        self.proxies.append(proxy)
        return proxy

    def s3(self, *rules: Rule) -> str:
        return s3.connection(f"http://127.0.0.1:{self.proxy(self.fleet.ministack, *rules).port}")

    def gcs(self, *rules: Rule) -> str:
        server = self.fleet.cloud_storage
        return replace(server, address=f"http://127.0.0.1:{self.proxy(server.address, *rules).port}").connection()

    def azure(self, *rules: Rule) -> str:
        port = self.proxy(self.fleet.azurite, *rules).port
        return azurite.by_connection_string(f"http://127.0.0.1:{port}/{azurite.ACCOUNT}")

    def sftp(self, *rules: Rule) -> str:
        return self.fleet.asyncssh.connection(port=self.proxy(self.fleet.asyncssh.port, *rules).port)


BUCKET, CONTAINER = {"bucket": s3.BUCKET}, {"container": azurite.CONTAINER}
QUICK = {"retry_for": "2s"}


@dataclass(frozen=True)
class Case:
    """A fault at a destination: how its Airflow connection is made, and what comes of writing a file to it. `error` is
    None where the client's own tries overcome the fault."""

    fault: str
    type: str
    connection: Callable[[Stage], str]
    error: type[SluiceError] | None
    text: str = ""
    declared: dict[str, Any] = field(default_factory=dict)
    folder: str = "faults"

    def __str__(self) -> str:
        return f"{self.fault}-{self.type}"


def broken(action: str, **how: Any) -> Rule:
    return Rule(action, **how)  # type: ignore[arg-type]


PARTS = {"method": "PUT", "path": "(?i)partNumber=2|comp=block&"}
"""The second piece of a file, in each cloud's own words (Azure's has no number: any of its pieces)."""


def _everywhere(
    fault: str, error: type[SluiceError] | None, text: str, *, rule: Callable[[], Rule], **declared: Any
) -> Iterator[Case]:
    """The same fault of HTTP at each cloud."""
    connections: dict[str, Callable[[Stage], str]] = {
        "s3": lambda stage: stage.s3(rule()),
        "gcs": lambda stage: stage.gcs(rule()),
        "azure-blob": lambda stage: stage.azure(rule()),
    }
    for kind, connection in connections.items():
        place = CONTAINER if kind == "azure-blob" else BUCKET
        yield Case(fault, kind, connection, error, text, {**place, **QUICK, **declared})


def _nowhere(kind: str) -> str:
    host = "http://nowhere.invalid"
    if kind == "s3":
        return s3.connection(host)
    if kind == "gcs":
        extra = {"is_anonymous": True, "api_endpoint": host}
        return json.dumps({"conn_type": "google_cloud_platform", "extra": extra})
    if kind == "sftp":
        return json.dumps({"conn_type": "sftp", "host": "nowhere.invalid", "login": USER, "password": "x" * 8})
    return azurite.by_connection_string(f"{host}/{azurite.ACCOUNT}")


def _unknown_host() -> Iterator[Case]:
    for kind, place in (("s3", BUCKET), ("gcs", BUCKET), ("azure-blob", CONTAINER), ("sftp", {})):
        connection = partial(lambda _, kind: _nowhere(kind), kind=kind)
        yield Case("unknown host", kind, connection, RetriableError, "host name.* is not found", {**place, **QUICK})


def _expired_google(stage: Stage) -> str:
    (stage.folder / "gcs-expired").mkdir()
    server = stage.until.enter_context(gcs.cloud_storage(stage.folder / "gcs-expired", token_life=-1))
    return server.connection()


def _read_only_disk(stage: Stage) -> str:
    disk = small_disk(stage.folder, stage.until)
    (disk / "faults").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    return folder_connection(disk)


def _full_folder(stage: Stage) -> str:
    return folder_connection(small_disk(stage.folder, stage.until))


def _full_sftp(stage: Stage) -> str:
    disk = small_disk(stage.folder, stage.until)
    target = stage.fleet.asyncssh.folder / "full"
    target.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", disk, target], check=True)
    stage.until.callback(subprocess.run, ["umount", "-l", target], check=True)
    return stage.fleet.asyncssh.connection()


def _read_only_sftp(stage: Stage) -> str:
    folder = stage.fleet.sshd.folder / "read-only"
    folder.mkdir(mode=0o555, exist_ok=True)
    return stage.fleet.sshd.connection()


def _other_key(stage: Stage) -> str:
    from tests.servers.ssh import host_key

    return stage.fleet.sshd.connection(extra={"host_key": host_key(stage.folder, "other")[1]})


def _untrusted(stage: Stage) -> str:
    (stage.folder / "tls").mkdir()
    pem = s3.certificate(stage.folder)
    return s3.connection(stage.until.enter_context(s3.rclone(stage.folder / "tls", certificate=pem)))


def _file_in_the_way(stage: Stage) -> str:
    (stage.folder / "faults").write_bytes(b"a file, not a folder")
    return folder_connection(stage.folder)


CASES = (
    Case("wrong key", "s3", lambda s: s3.connection(s.fleet.rclone, secret="wrong-secret"), FatalError,
         r"its secret is wrong \(403 SignatureDoesNotMatch\).*correct the secret in the Airflow connection", BUCKET),
    Case("wrong key", "gcs", lambda s: s.fleet.cloud_storage.connection(private_key=gcs.key_pair()[0]), FatalError,
         "cannot get a Google token: RefreshError.*correct its key file", BUCKET),
    Case("wrong hmac key", "gcs", lambda s: s.fleet.cloud_storage.by_hmac("wrong-secret"), FatalError,
         r"its secret is wrong \(403 SignatureDoesNotMatch\)", BUCKET),
    Case("wrong key", "azure-blob", lambda s: azurite.by_connection_string(s.fleet.azurite, key="d3Jvbmc="), FatalError,
         r"denies access \(403 AuthorizationFailure\).*network rules.*correct the credentials", CONTAINER),
    Case("wrong client secret", "adls", lambda s: lake.by_principal(s.fleet.data_lake_over_tls, "wrong-secret"),
         FatalError, r"rejects the credentials \(401", {"filesystem": azurite.CONTAINER}),
    Case("wrong password", "sftp", lambda s: s.fleet.sshd.connection(password="wrong-password"), FatalError,
         "refuses the login.*correct the login, password or key in the Airflow connection"),
    Case("expired token", "s3", lambda s: s.s3(broken("answer", status=400, code="ExpiredToken")), FatalError,
         r"credentials have expired \(400 ExpiredToken\).*renew the credentials", BUCKET),
    Case("expired token", "gcs", _expired_google, FatalError, r"rejects the credentials \(401", BUCKET),
    Case("expired SAS", "data-landing-zone", lambda s: azurite.by_sas_url(s.fleet.azurite, life=timedelta(hours=-1)),
         FatalError, "the SAS token .* expired at 20.*get a new one", CONTAINER),
    Case("missing bucket", "s3", lambda s: s3.connection(s.fleet.ministack), FatalError,
         r"bucket nobucket does not exist \(404 NoSuchBucket\).*create it", {"bucket": "nobucket"}),
    Case("missing bucket", "gcs", lambda s: s.fleet.cloud_storage.connection(), FatalError,
         r"bucket nobucket does not exist \(404 NoSuchBucket\).*create it", {"bucket": "nobucket"}),
    Case("missing container", "azure-blob", lambda s: azurite.by_connection_string(s.fleet.azurite), FatalError,
         r"container nocontainer does not exist \(404 ContainerNotFound\)", {"container": "nocontainer"}),
    Case("another container", "data-landing-zone", lambda s: azurite.by_sas_url(s.fleet.azurite), DefinitionError,
         "is for the container inbound, not outbound", {"container": "outbound"}),
    Case("missing folder", "sftp", lambda s: s.fleet.sshd.connection(), FatalError,
         "no such file or folder.*allow `make_folders`", {"make_folders": False}, folder="not-there"),
    Case("read-only prefix", "s3", lambda s: s.s3(broken("answer", method="P.*", status=403, code="AccessDenied")),
         FatalError, r"permission denied \(403 AccessDenied\).*grant the identity", BUCKET),
    Case("read-only prefix", "gcs", lambda s: s.fleet.cloud_storage.connection(), FatalError,
         r"permission denied \(403 AccessDenied\)", BUCKET, folder="readonly"),
    Case("read-only SAS", "azure-blob", lambda s: azurite.by_sas_url(s.fleet.azurite, may="rl"), FatalError,
         r"permission denied \(403 AuthorizationPermissionMismatch\)", CONTAINER),
    Case("read-only folder", "sftp", _read_only_sftp, FatalError, "permission denied", folder="read-only"),
    Case("read-only disk", "local", _read_only_disk, FatalError, "the filesystem is read-only"),
    Case("untrusted certificate", "s3", _untrusted, FatalError,
         "TLS certificate is not trusted.*name the certificate authority in the extra `verify`", {**BUCKET, **QUICK}),
    Case("file in the way", "local", _file_in_the_way, FatalError, "there is a file where a folder is needed"),
    Case("disk full", "local", _full_folder,
         RetriableError, "the disk is full.*free space"),
    Case("disk full", "sftp", _full_sftp, RetriableError, "the disk is full.*free space", folder="full"),
    Case("storage full", "s3", lambda s: s.s3(broken("answer", status=507, code="InsufficientStorage", **PARTS)),
         RetriableError, "the storage is full.*free space", {**BUCKET, **QUICK}),
    *_everywhere("503 twice", None, "", rule=lambda: broken("answer", times=2, **PARTS)),
    *_everywhere("throttled twice", None, "", rule=lambda: broken("answer", status=429, times=2, **PARTS)),
    *_everywhere("503 storm", RetriableError, r"busy or failing \(503", rule=lambda: broken("answer", **PARTS)),
    *_everywhere("reset in a part", None, "", rule=lambda: broken("cut", times=1, **PARTS)),
    *_everywhere("reset in every part", RetriableError, "closed the connection", rule=lambda: broken("cut", **PARTS)),
    *_everywhere("hang", RetriableError, "did not answer in time", rule=lambda: broken("hang", **PARTS), timeout="1s"),
    *_unknown_host(),
    Case("reset in a file", "sftp", lambda s: s.sftp(broken("cut", after=5 * MIB, times=1)), RetriableError,
         "connection to .* was lost", QUICK),
    Case("hang in a file", "sftp", lambda s: s.sftp(broken("hang", after=5 * MIB, times=1)), RetriableError,
         "did not answer in time", {**QUICK, "timeout": "2s"}),
    Case("refused", "sftp", lambda s: s.fleet.sshd.connection(port=1), RetriableError, "connection refused", QUICK),
    Case("host key changed", "sftp", _other_key, FatalError,
         "is not the one that is known for it.*the connection may be intercepted"),
)  # fmt: skip
