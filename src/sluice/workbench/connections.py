"""The connections of MMPExport.cfg, FTPServerInfo.cfg and FTPUserCredentials.cfg, and where their secrets belong."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from sluice.definition.errors.location import fields
from sluice.definition.models.chunks import PROFILES
from sluice.definition.models.connection import Connection
from sluice.workbench.level import unknown
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report
from sluice.workbench.text import folded, slug

S3, S3_CONN_ID, API_CONN_ID = "data-workbench", "data_workbench_s3", "data_workbench_api"
_BUCKET, _REGION = r"[a-z0-9][a-z0-9._-]{1,254}", r"[a-z]{2}(-[a-z]+)+-\d"
_BELOW = re.compile(PROFILES["data-workbench"].character or ".")


@dataclass(frozen=True)
class Needed:
    """An Airflow connection that secrets of the files belong in. A value `@NAME` stands for a secret."""

    conn_id: str
    conn_type: str
    extra: Mapping[str, str] = field(default_factory=dict)
    login: str = ""
    password: str = ""
    host: str = ""
    port: str = ""

    def and_also(self, other: Needed) -> Needed:
        """This connection with what only another one of its id has."""
        return replace(self, extra={**other.extra, **self.extra}, password=self.password or other.password)

    @property
    def command(self) -> str:
        """The command that stores it. `@NAME` is asked for without an echo, or comes from the environment: no secret
        is in a file, in an argument or on the screen."""
        words = ["sluice", "airflow", "connections", "add", self.conn_id, "--conn-type", self.conn_type]
        given = {"--conn-host": self.host, "--conn-port": self.port, "--conn-login": self.login}
        given |= {"--conn-password": self.password, "--conn-extra": json.dumps(self.extra) if self.extra else ""}
        words += [word for option, value in given.items() if value for word in (option, value)]
        return shlex.join(words)


@dataclass(frozen=True)
class Imported:
    """A connection, as it is declared, and the Airflow connections that its secrets belong in."""

    name: str
    values: Mapping[str, Any]
    needs: tuple[Needed, ...] = ()
    chunks: Mapping[str, Any] = field(default_factory=dict)
    """The keys of `chunks` of every export to it."""

    def with_files_that_leave(self) -> Imported:
        """The SFTP server, if the reader moves files away as soon as it has them."""
        return replace(self, values={**self.values, "check_size": False})


def of_mmp(root: Entry, report: Report) -> Imported:
    """The bucket of MMPExport.cfg. Raises `DefinitionError` if it has none, or a folder that Data Workbench cannot
    have."""
    config = root.entries["MMP Export Configuration"]
    bucket, folder, region = (config.get(key) for key in ("s3 Bucket", "s3 Object Directory", "s3 Region"))
    if bucket is None or not bucket.value:
        raise (bucket or config).error("the s3 Bucket is empty", "write the bucket's name")
    for entry, shape, what in ((bucket, _BUCKET, "bucket"), (region, _REGION, "region, such as us-east-1")):
        if entry and entry.value and not re.fullmatch(shape, entry.text):  # a damaged line may end in a secret
            raise entry.error(f"this cannot be the name of a {what}", f"write the name of a {what}")
    report.taken(bucket, f"connection {S3}: bucket")
    report.taken(folder, f"connection {S3}: folder")
    report.taken(region, f"Airflow connection {S3_CONN_ID}: extra region_name")
    path = folder.text.strip().replace("\\", "/") if folder else ""
    for at, character in enumerate(path):
        if not _BELOW.fullmatch(character):
            assert folder is not None  # noqa: S101 - it has characters
            what = (
                "the s3 Object Directory contains a blank or a multibyte character, which fails in Data Workbench too"
            )
            raise folder.error(what, "write `-` or `_` instead", at=at)
    values = {"type": "s3", "title": "Data Workbench", "airflow_conn_id": S3_CONN_ID, "bucket": bucket.text}
    values |= {"folder": path.strip("/"), "profile": "data-workbench"}
    for key in ("s3 Access Key", "s3 Secret Key"):
        report.secret(config.get(key), f"Airflow connection {S3_CONN_ID}")
    extra = {"region_name": region.text} if region and region.value else {}
    needs = [Needed(S3_CONN_ID, "aws", extra, login="@S3_ACCESS_KEY", password="@S3_SECRET_KEY")]  # noqa: S106 - names
    provider = config.get("data Provider Name")
    account = {"airflow_conn_id": API_CONN_ID, "data_provider": provider.text if provider else ""}
    found = if_valid(Connection, "audience_manager", account, [provider], report)
    needs += _api(config, report, used=bool(found))
    return Imported(S3, values | found, tuple(needs), _chunks(config, report))


def _api(config: Entry, report: Report, *, used: bool) -> list[Needed]:
    """The Airflow connection for the login to Audience Manager's API, if the connection uses it."""
    for key in ("client ID", "client Secret", "username", "password"):
        if used:
            report.secret(config.get(key), f"Airflow connection {API_CONN_ID}")
        else:
            report.left_out(config.get(key), "the connection has no `audience_manager`: see data Provider Name")
    if not used:
        return []
    asked = {"username": "@AAM_USERNAME", "user_password": "@AAM_PASSWORD"}
    return [Needed(API_CONN_ID, "http", asked, "@AAM_CLIENT_ID", "@AAM_CLIENT_SECRET")]


def if_valid(
    model: type[BaseModel], key: str, value: Mapping[str, Any], entries: Iterable[Entry | None], report: Report
) -> dict[str, Any]:
    """The key of a declaration, if the parameters have a value and it is valid; otherwise they are left out."""
    given = [entry for entry in entries if entry is not None and entry.value]
    if not given:
        return {}
    kind = fields(model)[key].annotation
    assert kind is not None  # noqa: S101 - every key has a type
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        for entry in given:
            report.left_out(entry, f"not a valid `{key}`: {error.errors()[0]['msg'].removeprefix('Value error, ')}")
        return {}
    for entry in given:
        report.taken(entry, key)
    return {key: dict(value)}


def _chunks(config: Entry, report: Report) -> dict[str, Any]:
    """Data Workbench clips numbers to its limits, so the clipped ones are declared."""
    profile = PROFILES["data-workbench"]
    limits = {
        "numRecordsPerChunk": ("records", profile.least, profile.most or 50_000),
        "numThreads": ("threads", 1, 24),
        "maxRetriesOnSendFailure": ("retries", 0, 100),
    }
    found: dict[str, Any] = {}
    for parameter, (key, least, most) in limits.items():
        entry = config.get(parameter)
        if entry is None or not entry.value:
            continue
        number = int(entry.value)
        found[key] = min(max(number, least), most)
        if found[key] == number:
            report.taken(entry, f"chunks: {key} of each export")
        else:
            report.changed(entry, f"chunks: {key}: {found[key]}: the limits are {least:,} to {most:,}")
    return found


def of_server(name: Entry, called: str, folder: str, servers: Entry | None, *, by_key: bool) -> Imported:
    """An SFTP server, and the folder below it that an export names. `name` is the parameter that names the server.
    Raises `DefinitionError` if no server has the name."""
    known = {_named(one): one for one in _servers(servers) if _named(one)}
    own = _spelled(called, known)
    server = known.get(own)
    if server is None:
        shown = name.source.quoted(called)
        what = f"no server is named{shown}" if shown else "the arguments name a server that is not known"
        advice = "name it in FTPServerInfo.cfg, with its address, and name that file with --ftp-servers"
        raise unknown(name, what, list(known), advice)
    address, port = server.get("Address"), server.get("Port")
    if address is None or not address.value:
        raise (address or server).error("the server has no Address", "write its host name")
    conn_id = _conn_ids(known)[own]
    values = {"type": "sftp", "title": called, "airflow_conn_id": conn_id, "folder": folder}
    return Imported(slug(called), values, (_login(conn_id, address.text, port, by_key=by_key),))


def note_servers(servers: Entry | None, users: Entry | None, used: Iterable[str], report: Report) -> None:
    """Report how the servers that exports use, and their logins, are imported."""
    known = [name for name in map(_named, _servers(servers)) if name]
    ids, wanted = _conn_ids(known), {_spelled(name, known) for name in used}
    for one in _servers(servers):
        called = _named(one)
        for entry in one.entries.values():
            if called in wanted:
                note = report.changed if entry.key == "Port" and entry.value in ("21", "") else report.taken
                note(entry, f"Airflow connection {ids[called]}{', as port 22: SFTP' if note == report.changed else ''}")
            else:
                report.left_out(entry if entry.value else None, "no imported export sends to this server")
    logins = users.entries.get("FTP User Credentials") if users else None
    for one in logins.entries.values() if logins else ():
        name = one.get("Server Name")
        called = _spelled(name.text, known) if name else ""
        for entry in one.entries.values():
            if called not in wanted:
                report.left_out(entry if entry.value else None, "no imported export sends to this server")
            elif entry.key != "Public Key Path":
                report.secret(entry, f"Airflow connection {ids[called]}")


def _servers(servers: Entry | None) -> list[Entry]:
    items = servers.entries.get("FTP Servers") if servers else None
    return list(items.entries.values()) if items else []


def _named(server: Entry) -> str:
    return server.entries["Name"].text if "Name" in server.entries else ""


def _spelled(called: str, known: Collection[str]) -> str:
    """The name of a server as FTPServerInfo.cfg spells it; empty if none has it."""
    return called if called in known else next((one for one in known if folded(one) == folded(called)), "")


def _conn_ids(known: Iterable[str]) -> dict[str, str]:
    """The Airflow connection of each server. No two share one, however alike their names are: the files of one would
    go to the other."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(known):
        plain, number = f"sftp_{slug(name).replace('-', '_')}", 1
        free = plain
        while free in found.values():
            number += 1
            free = f"{plain}_{number}"
        found[name] = free
    return found


def _login(conn_id: str, host: str, port: Entry | None, *, by_key: bool) -> Needed:
    extra = {"key_file": "@SFTP_KEY_FILE", "private_key_passphrase": "@SFTP_PASSPHRASE"} if by_key else {}
    number = port.value if port and port.value not in ("", "21") else "22"
    return Needed(conn_id, "sftp", extra, "@SFTP_USER", "" if by_key else "@SFTP_PASSWORD", host, number)
