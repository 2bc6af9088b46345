"""The parameters of Data Workbench's files: the blocks, and the keys of each with their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scalar = Literal["text", "path", "secret", "int", "number", "bool"]
"""What a value is. `text` has escapes, `path` only those of a backslash and a quote; a `secret` is never shown."""


@dataclass(frozen=True)
class Vector:
    """A list, whose keys are `0`, `1` ..."""

    of: Block | Scalar


@dataclass(frozen=True)
class Block:
    """A group of parameters, under the name of its type."""

    name: str
    keys: Mapping[str, Scalar | Block | Vector]
    documented: bool = True
    """Whether the name of its type is documented. If not, its parameter may be of a type of another name."""


SCALARS: Mapping[str, str] = {
    "string": "text",
    "EncryptedString": "text",
    "int": "int",
    "int64": "int",
    "unsigned int": "int",
    "double": "number",
    "float": "number",
    "bool": "bool",
}
"""The types of single values as the files spell them, each with the kind of its values."""
FITS: Mapping[Scalar, tuple[str, ...]] = {
    "text": ("text",),
    "path": ("text",),
    "secret": ("text",),
    "int": ("int",),
    "number": ("int", "number"),
    "bool": ("bool",),
}
"""The kinds of values that a parameter accepts."""
SPELLED: Mapping[Scalar, str] = {
    "text": "string",
    "path": "string",
    "secret": "string",
    "int": "int",
    "number": "double",
    "bool": "bool",
}
"""The type of a parameter in a file."""

COLUMN = Block("ColumnDefinition", {"Column Name": "text", "Field Name": "text"})
MMP = Block("MMPConfiguration", {"MMP Segment Name": "text", "MMP Visitor ID Field": "text"})
CRS = Block(
    "CRSConfiguration",
    {
        "CRS Attributes": Vector(
            Block(
                "CRSAttributeConfiguration",
                {"Attribute Name": "text", "Attribute Type(int,string)": "text", "Field Name": "text"},
            )
        ),
        "ECID Field": "text",
        "Report Suite": Vector("text"),
        "Visitor ID Field": "text",
    },
    documented=False,
)
TARGET = Block(
    "TnTConfiguration",
    {"ClientName": "text", "Domain Postfix": "text", "MboxHost": "text", "MboxName": "text"},
    documented=False,
)
QUERY = Block(
    "SegmentExportQuery",
    {
        "Add Header": "bool",
        "Command": "path",
        "Command Arguments": "path",
        "CRS Configuration": CRS,
        "Escape Fields": "bool",
        "Filter": "text",
        "Level": "text",
        "MMP Configuration": MMP,
        "Oneshot": "bool",
        "Output Fields": Vector(COLUMN),
        "Output File": "path",
        "Output Format": "text",
        "Schedule End Time": "text",
        "Schedule Every": "text",
        "Schedule Start Time": "text",
        "Time Limit (sec)": "number",
        "TnT Configuration": TARGET,
    },
)
MMP_EXPORT = Block(
    "MMPExportConfiguration",
    {
        "s3 Bucket": "text",
        "s3 Object Directory": "path",
        "s3 Region": "text",
        "s3 Access Key": "secret",
        "s3 Secret Key": "secret",
        "data Provider Name": "text",
        "client ID": "secret",
        "client Secret": "secret",
        "username": "secret",
        "password": "secret",
        "numRecordsPerChunk": "int",
        "numThreads": "int",
        "maxRetriesOnSendFailure": "int",
    },
)
SERVER = Block("ftpServerInfo", {"Address": "text", "Name": "text", "Port": "int"})
RETRIES = Block("connectServerRetries", {"Retries": "int", "Server Name": "text"})
USER = Block(
    "ftpUserCredInfo",
    {
        "User Name": "secret",
        "User Password": "secret",
        "Server Name": "text",
        "Public Key Path": "path",
        "Private Key Path": "path",
        "Passphrase": "secret",
    },
)
UPLOAD = Block("TargetBulkUploadConfiguration", {"Max Timeout Interval": "int"}, documented=False)

EXPORT_FILE = Block(".export", {"Query": QUERY})
MMP_FILE = Block("MMPExport.cfg", {"MMP Export Configuration": MMP_EXPORT})
SERVERS_FILE = Block("FTPServerInfo.cfg", {"FTP Servers": Vector(SERVER), "Connect Retries": Vector(RETRIES)})
USERS_FILE = Block("FTPUserCredentials.cfg", {"FTP User Credentials": Vector(USER)})
TARGET_FILE = Block("TargetBulkUpload.cfg", {"Target Bulk Upload Configuration": UPLOAD, "Max Timeout Interval": "int"})
FILES = (EXPORT_FILE, MMP_FILE, SERVERS_FILE, USERS_FILE, TARGET_FILE)


def _below(block: Block) -> dict[str, Block]:
    found: dict[str, Block] = {}
    for value in block.keys.values():
        inner = value.of if isinstance(value, Vector) else value
        if isinstance(inner, Block):
            found |= {inner.name.lower(): inner, **_below(inner)}
    return found


BLOCKS: Mapping[str, Block] = {name: block for file in FILES for name, block in _below(file).items()}
"""Every block, by the name of its type in lower case."""
