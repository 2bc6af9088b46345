"""Declarations that are being written: what is wrong with them, and what they would do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from sluice.access.actor import Actor
from sluice.definition.edit.form import with_values
from sluice.definition.edit.printer import text_of
from sluice.definition.folder import CATALOG, Family
from sluice.definition.schema.json_schema import schemas
from sluice.page.asking import Allowed, WorldDep
from sluice.page.desk import Checked, Desk, Draft
from sluice.page.rows import FeedPreview, first_rows

router = APIRouter(tags=["drafts"])
Viewer = Annotated[Actor, Depends(Allowed("view-exports"))]


class Values(BaseModel):
    """What a form holds."""

    family: Literal["export", "connection"] = "export"
    values: dict[str, Any]
    text: str = ""
    """The saved text of a declaration that is edited: its comments are kept where that is possible."""


class Text(BaseModel):
    """YAML."""

    text: str


class PreviewRequest(Draft):
    """A draft of an export whose rows to show."""

    rows: Annotated[int, Field(ge=1, le=100)] = 20


@router.post("/drafts/check")
def check(body: Draft, actor: Viewer, world: WorldDep) -> Checked:
    """Check a draft with the whole project. Nothing is written."""
    return Desk(world, actor, body).checked()


@router.post("/drafts/text")
def text(body: Values, actor: Viewer, world: WorldDep) -> Text:  # noqa: ARG001 - it asks whether they may see
    """The YAML of a form's values. Of a declaration that is edited, only the keys that differ are written."""
    if not body.text:
        defaults = () if body.family == "connection" else world.open().settings.defaults
        return Text(text=text_of(body.family, body.values, tuple(defaults)))
    return Text(text=with_values(body.text.encode("utf-8", "replace"), "the draft", body.values).decode())


@router.post("/drafts/preview")
def preview(body: PreviewRequest, actor: Viewer, world: WorldDep) -> list[FeedPreview]:
    """The first rows of each feed, for users who may see the rows of exports on its connection (`preview-export`)."""
    project, declared = Desk(world, actor, body).previewed()
    return first_rows(world, project, declared, body.rows)


@router.get("/schema/{family}")
def schema(family: Family, actor: Viewer) -> dict[str, Any]:  # noqa: ARG001 - the same for everyone
    """The JSON Schema of a declaration's file."""
    return schemas()[CATALOG.get(family, family)]
