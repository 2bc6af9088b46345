"""Imports of files from other products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Base64Bytes, BaseModel, Field

from sluice.access.actor import Actor
from sluice.definition.edit.store import tag_of
from sluice.definition.edit.write import Draft, shown
from sluice.errors import FatalError
from sluice.page.asking import Allowed, WorldDep
from sluice.page.limit import MOST
from sluice.page.problem import Problem, problem_of
from sluice.page.shown import difference
from sluice.page.world import World
from sluice.workbench import blocks
from sluice.workbench.imports import Given, Outcome
from sluice.workbench.mistakes import each
from sluice.workbench.report import Verdict
from sluice.workbench.source import Source

router = APIRouter(tags=["imports"])
Importer = Annotated[Actor, Depends(Allowed("import-workbench"))]
MOST_FILES = 100


class File(BaseModel):
    """One file, as it is."""

    name: str = Field(min_length=1, max_length=200)
    content: Base64Bytes = Field(repr=False)


class WorkbenchFiles(BaseModel):
    """The files of Data Workbench."""

    exports: list[File] = Field(min_length=1, max_length=MOST_FILES)
    """The `.export` files."""
    mmp: File | None = None
    """`MMPExport.cfg`."""
    ftp_servers: File | None = None
    """`FTPServerInfo.cfg`."""
    ftp_credentials: File | None = None
    """`FTPUserCredentials.cfg`."""
    target: File | None = None
    """`TargetBulkUpload.cfg`."""
    crs: str = Field(default="", max_length=100)
    """The connection that gets customer attributes. It is declared if it does not exist."""
    switched_off: bool = False
    """Whether the exports do not run until someone switches them on."""
    write: bool = False
    """Whether to write the declarations. Otherwise the answer says what would be written."""
    tag: str = ""
    """That of an answer before. Nothing is written if something else would be written now."""


class WorkbenchLimits(BaseModel):
    """What one request may have, and the names of the files."""

    bytes: int = MOST // 3 * 2
    """Of all files together. Base64 and their names need the rest of a request."""
    exports: int = MOST_FILES
    names: dict[str, str] = {
        "exports": blocks.EXPORT_FILE.name,
        "mmp": blocks.MMP_FILE.name,
        "ftp_servers": blocks.SERVERS_FILE.name,
        "ftp_credentials": blocks.USERS_FILE.name,
        "target": blocks.TARGET_FILE.name,
    }
    """By the key of the request: how the name of its file ends."""


class Parameter(BaseModel):
    """One parameter of a file, and the key that it was imported as."""

    file: str
    line: int
    parameter: str
    verdict: Verdict
    becomes: str


class NewFile(BaseModel):
    """A file of declarations that the import writes."""

    file: str
    """Below the folder of declarations."""
    new: bool
    text: str
    """The whole text of a new file; of another, the change as a unified diff."""


class NeededConnection(BaseModel):
    """An Airflow connection that secrets of the files belong in. A value `@NAME` stands for a secret."""

    id: str
    type: str
    command: str
    """It stores the connection, and asks for the secrets."""
    extra: dict[str, str]
    login: str
    password: str
    host: str
    port: str


class Imported(BaseModel):
    """What the files become."""

    exports: list[str]
    connections: dict[str, str]
    """The connection of each export; empty if it is detached."""
    report: list[Parameter]
    files: list[NewFile]
    unchanged: list[str]
    """The files that are already as the import would write them."""
    diff: str
    """Every change of the declarations, as a unified diff."""
    tag: str
    """The version of what is written: equal if the files become the same in the same project."""
    secrets: list[str]
    """The commands that store the secrets in Airflow. They contain none."""
    airflow_connections: list[NeededConnection]
    """What these commands store."""
    warnings: list[Problem]
    written: bool


@router.get("/import/workbench")
def limits(actor: Importer) -> WorkbenchLimits:  # noqa: ARG001 - the same for everyone who may import
    """What one import may have."""
    return WorkbenchLimits()


@router.post("/import/workbench")
def workbench(body: WorkbenchFiles, actor: Importer, world: WorldDep) -> Imported:
    """Turn files of Data Workbench into declarations: all of them, or none. If several files are wrong, the error has
    the others too."""
    found = world.imported(_given(body))
    if body.tag and body.tag != _tag(found.drafts, world):
        what = "the declarations have changed since you looked at the report: nothing was written"
        raise FatalError(what, next_step="check the files again, and look at the report")
    if body.write:
        why = f"Import {', '.join(found.exports)} from Data Workbench"
        warnings = world.editor(actor).change("import-workbench", found.drafts, why).warnings
        world.changed()
    else:
        warnings = world.check(found.drafts)
    return _answer(found, world, [problem_of(warning) for warning in warnings], written=body.write)


def _given(body: WorkbenchFiles) -> Given:
    return Given(
        exports=each(body.exports, lambda one: Source(one.name, one.content)),
        mmp=_source(body.mmp, secret=True),
        servers=_source(body.ftp_servers),
        users=_source(body.ftp_credentials, secret=True),
        target=_source(body.target),
        crs=body.crs,
        switched_off=body.switched_off,
    )


def _source(file: File | None, *, secret: bool = False) -> Source | None:
    return None if file is None else Source(file.name, file.content, secret=secret)


def _answer(found: Outcome, world: World, warnings: list[Problem], *, written: bool) -> Imported:
    return Imported(
        exports=list(found.exports),
        connections=dict(found.exports),
        report=[Parameter.model_validate(vars(line)) for line in found.report],
        files=[_file(draft, world) for draft in found.drafts],
        unchanged=[str(path.relative_to(world.include)) for path in found.unchanged],
        diff=difference(found.drafts, world.include),
        tag=_tag(found.drafts, world),
        secrets=list(found.secrets),
        airflow_connections=[
            NeededConnection(
                id=one.conn_id,
                type=one.conn_type,
                command=one.command,
                extra=dict(one.extra),
                login=one.login,
                password=one.password,
                host=one.host,
                port=one.port,
            )
            for one in found.needs
        ],
        warnings=warnings,
        written=written,
    )


def _file(draft: Draft, world: World) -> NewFile:
    new = draft.before is None
    text = (shown(draft.after) or "") if new else difference([draft], world.include)
    return NewFile(file=str(draft.path.relative_to(world.include)), new=new, text=text)


def _tag(drafts: Sequence[Draft], world: World) -> str:
    """The version of a change: what the files are before and after it."""
    sides = [(str(one.path.relative_to(world.include)), one.before, one.after) for one in drafts]
    return tag_of(repr(sorted(sides)).encode())
