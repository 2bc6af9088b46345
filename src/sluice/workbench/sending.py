"""Where an export's file is sent: Command and Command Arguments, with the configuration of the receiver."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.definition.models.catalog import Dataset
from sluice.definition.models.commands import FILE
from sluice.definition.models.export import SegmentExport
from sluice.workbench.connections import Imported, if_valid, of_server
from sluice.workbench.customers import attributes_of, to_experience_cloud
from sluice.workbench.level import unknown
from sluice.workbench.output import Output
from sluice.workbench.parse import Entry
from sluice.workbench.report import Report
from sluice.workbench.target import to_target
from sluice.workbench.text import slug

_PROGRAM = ("exportintegration.exe", "exportintegration")
_TARGET = ("targetbulkupload.exe", "targetbulkupload")
_TO_S3 = re.compile(r'\s*"?%file%\.cfg"?\s+"?%file%"?\s*', re.IGNORECASE)
_TO_SERVER = re.compile(r'\s*(s?ftp)\s+"?%file%"?\s+("[^"]+"|\S+)\s+("[^"]+"|\S+?)(?:\s+-([pk]))?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Files:
    """The other files of an import, as far as they are given."""

    mmp: Imported | None = None
    servers: Entry | None = None
    users: Entry | None = None
    crs: Imported | None = None
    """The account that gets customer attributes."""


@dataclass(frozen=True)
class Sent:
    """The connection of an export; None if it is detached."""

    connection: Imported | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    """The keys of the export that come of it."""
    server: str = ""
    """The SFTP server as Data Workbench names it."""


@dataclass(frozen=True)
class Sending:
    """One export, as it is read."""

    query: Entry
    dataset: Dataset
    output: Output
    files: Files
    commands: Collection[str]
    """The commands that may follow a delivery."""
    report: Report

    @property
    def _both(self) -> tuple[Entry | None, Entry | None]:
        return self.query.get("Command"), self.query.get("Command Arguments")

    def to(self) -> Sent:
        """Raises `DefinitionError` for a receiver that is not described, or that would not accept the file."""
        command, arguments = self._both
        program = re.split(r"[\\/]", command.text.strip())[-1].lower() if command else ""
        given = arguments.text if arguments else ""
        if program in _PROGRAM:
            return self._integrated(given)
        if program in _TARGET:
            return Sent(*to_target(self.query, self.output, self.report))
        if not program:
            said = "connection: none: the file stayed on the server; the export is detached"
            self.report.changed(command, said)
            return Sent()
        return Sent(keys=self._followed(slug(program.removesuffix(".exe").removesuffix(".bat")), given))

    def _integrated(self, given: str) -> Sent:
        """What ExportIntegration does with the file."""
        command, arguments = self._both
        if (found := _TO_SERVER.fullmatch(given)) and arguments:
            return self._to_server(arguments, found)
        if _TO_S3.fullmatch(given):
            mmp_id = self._mmp("MMP Segment Name")
            crs = self.query.get("CRS Configuration")
            return self._to_s3() if crs is None or (mmp_id and mmp_id.value) else self._to_experience_cloud()
        entry = arguments or command
        assert entry is not None  # noqa: S101 - the command has a text
        what = "expected the arguments of an export to S3, FTP or SFTP"
        raise entry.error(what, r"write \"%file%.cfg\" \"%file%\", or sftp \"%file%\" SERVER FOLDER -p")

    def _mmp(self, key: str) -> Entry | None:
        mmp = self.query.get("MMP Configuration")
        return mmp.get(key) if mmp else None

    def _to_s3(self) -> Sent:
        connection = self.files.mmp
        for entry in self._both:
            if connection:
                self.report.taken(entry, f"connection: {connection.name}")
            else:
                self.report.changed(entry, "connection: none: without --mmp, the export is detached")
        return Sent(connection, self._audience())

    def _audience(self) -> dict[str, Any]:
        """The segment in Audience Manager. Raises `DefinitionError` unless it and the visitor's id are named."""
        reaches = self.files.mmp is not None and "audience_manager" in self.files.mmp.values
        mmp = self.query.get("MMP Configuration")
        if mmp is None and not reaches:
            return {}
        segment, visitor = self._mmp("MMP Segment Name"), self._mmp("MMP Visitor ID Field")
        if segment is None or not segment.value:
            where = segment or mmp or self.query
            raise where.error("the export has no MMP Segment Name", "write the id of its segment there")
        if visitor is None or not visitor.value:
            where = visitor or mmp or self.query
            raise where.error("the export has no MMP Visitor ID Field", "name one of its Output Fields")
        sent = self.output.output_of(visitor.text)
        if sent is None:
            what = f"no Output Field is named `{visitor.text[:60]}`"
            raise unknown(visitor, what, sorted(self.output.outputs), "name the field with the visitor's id")
        if not reaches:
            for entry in (segment, visitor):
                self.report.left_out(entry, "the connection has no `audience_manager`")
            return {}
        audience = {"id": segment.text, "visitor_id": sent}
        if found := if_valid(SegmentExport, "audience", audience, [segment, visitor], self.report):
            return found
        what = f"`{segment.text[:60]}` is not the id of a segment in Audience Manager"
        raise segment.error(what, "write its number, or `ic:` and its integration code")

    def _to_experience_cloud(self) -> Sent:
        """Customer attributes, to the account that the import names."""
        if attributes_of(self.query) is None:
            for entry in self._both:
                self.report.left_out(entry, "the CRS Configuration has no CRS Attributes; the export is detached")
            return Sent()
        connection = self.files.crs
        for entry in self._both:
            if connection:
                self.report.taken(entry, f"connection: {connection.name}")
            else:
                self.report.changed(entry, "connection: none: without --crs, the export is detached")
        return Sent(connection, to_experience_cloud(self.query, self.dataset, self.output, self.report))

    def _to_server(self, arguments: Entry, found: re.Match[str]) -> Sent:
        protocol, server, folder = found[1].lower(), found[2].strip('"'), found[3].strip('"').replace("\\", "/")
        by_key = (found[4] or "").lower() == "k"
        folder = "" if folder in (".", "./") else folder
        connection = of_server(arguments, server, folder, self.files.servers, by_key=by_key)
        self.report.taken(self.query.get("Command"), f"connection: {connection.name}")
        if protocol == "ftp":
            said = f"connection: {connection.name}: by SFTP, because FTP sends passwords and files unencrypted"
            self.report.changed(arguments, said)
        else:
            self.report.taken(arguments, f"connection: {connection.name}")
        if attributes_of(self.query) is None:
            return Sent(connection, {}, server)
        keys = to_experience_cloud(self.query, self.dataset, self.output, self.report)
        return Sent(connection.with_files_that_leave(), keys, server)

    def _followed(self, name: str, given: str) -> dict[str, Any]:
        """Another program, if the project allows it. There, it got the one file of the export."""
        command, arguments = self._both
        if name not in self.commands:
            for entry in (command, arguments):
                self.report.left_out(entry, f"`commands` of project.yaml has no `{name}`: add it, and import again")
            return {}
        step: dict[str, Any] = {"command": name, "arguments": _words(given)}
        step |= {"once_per": "file"} if FILE in given else {}
        found = if_valid(SegmentExport, "follow_up", step, [command, arguments], self.report)
        if found and f"{FILE}.cfg" in given:
            said = f"follow_up: arguments: no file lies beside a delivered one, so {FILE}.cfg is only a name"
            self.report.changed(arguments, said)
        return found


def _words(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', text)]
