"""Imports of files from other products."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Base64Bytes, BaseModel, Field

from sluice.access.actor import Actor
from sluice.definition.edit.write import check
from sluice.page.asking import Allowed, WorldDep
from sluice.page.problem import Problem, problem_of
from sluice.page.shown import difference
from sluice.workbench.imports import Given, import_files
from sluice.workbench.report import Verdict
from sluice.workbench.source import Source

router = APIRouter(tags=["imports"])
Importer = Annotated[Actor, Depends(Allowed("import-workbench"))]


class File(BaseModel):
    """One file, as it is."""

    name: str = Field(min_length=1, max_length=200)
    content: Base64Bytes = Field(repr=False)


class WorkbenchFiles(BaseModel):
    """The files of Data Workbench."""

    exports: list[File] = Field(min_length=1, max_length=100)
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
    write: bool = False
    """Whether to write the declarations. Otherwise the answer says what would be written."""


class Parameter(BaseModel):
    """One parameter of a file, and the key that it was imported as."""

    file: str
    line: int
    parameter: str
    verdict: Verdict
    becomes: str


class Imported(BaseModel):
    """What the files become."""

    exports: list[str]
    report: list[Parameter]
    diff: str
    """Every change of the declarations, as a unified diff."""
    secrets: list[str]
    """The commands that store the secrets in Airflow. They contain none."""
    warnings: list[Problem]
    written: bool


@router.post("/import/workbench")
def workbench(body: WorkbenchFiles, actor: Importer, world: WorldDep) -> Imported:
    """Turn files of Data Workbench into declarations: all of them, or none."""
    given = Given(
        exports=[Source(one.name, one.content) for one in body.exports],
        mmp=_source(body.mmp, secret=True),
        servers=_source(body.ftp_servers),
        users=_source(body.ftp_credentials, secret=True),
        target=_source(body.target),
        crs=body.crs,
    )
    found = import_files(given, world.include)
    if body.write:
        why = f"Import {', '.join(found.exports)} from Data Workbench"
        warnings = world.editor(actor).change("import-workbench", found.drafts, why).warnings
        world.changed()
    else:
        warnings = check(world.include, found.drafts)
    return Imported(
        exports=list(found.exports),
        report=[Parameter.model_validate(vars(line)) for line in found.report],
        diff=difference(found.drafts, world.include),
        secrets=list(found.secrets),
        warnings=[problem_of(warning) for warning in warnings],
        written=body.write,
    )


def _source(file: File | None, *, secret: bool = False) -> Source | None:
    return None if file is None else Source(file.name, file.content, secret=secret)
