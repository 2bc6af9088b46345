"""Errors as the API answers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from sluice.access.may import Refused
from sluice.airflow.project import include_folder
from sluice.airflow.rest import RefusedError
from sluice.definition.edit.store import MissingError
from sluice.definition.edit.write import ReadOnlyError, StaleError, shown
from sluice.definition.yaml import secret
from sluice.errors import DefinitionError, FatalError, RetriableError, SluiceError
from sluice.workbench.mistakes import MistakesError


class Problem(BaseModel):
    """What went wrong, and what to do next."""

    what: str
    page: str
    """The whole error as text: where, what, the nearest valid, what to do next."""
    next: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    width: int = 1
    nearest: str = ""
    known: Sequence[str] = ()
    current: str | None = None
    """Of a stale edit: the text that the declaration has now."""
    patch: str = ""
    """Of declarations that cannot be written here: the change, for `git apply`."""
    others: list[Problem] = []
    """Of files that are imported: what is wrong with the other files."""


def _below_the_project(text: str) -> str:
    """The text with paths such as `include/exports/orders.yaml`: where the project is on the server is no one's
    concern."""
    return text.replace(f"{include_folder().parent}/", "")


def problem_of(error: SluiceError) -> Problem:
    """The error as a value. A line that may contain a secret is not quoted."""
    if isinstance(error, MistakesError):
        first, *others = (problem_of(one) for one in error.errors)
        return first.model_copy(update={"others": others})
    error.again = "command"
    if error.place and secret.in_line(error.place.excerpt):
        error.place = replace(error.place, excerpt="")
    place = error.place
    problem = Problem(
        what=_below_the_project(error.what),
        page=_below_the_project(error.page()),
        next=_below_the_project(error.next_step or error.advice),
        nearest=error.nearest or "",
        known=list(error.known)[:100],
    )
    if place:
        problem.file, problem.line = _below_the_project(place.file), place.line
        problem.column, problem.width = place.column, place.width
    if isinstance(error, StaleError):
        problem.current = shown(error.current)
    if isinstance(error, ReadOnlyError) and not error.hidden:
        problem.patch = error.patch
    return problem


def answer(_: Request, error: Exception) -> JSONResponse:
    """The answer to a request that ended with an error of ours."""
    if not isinstance(error, SluiceError):
        raise error
    return JSONResponse(problem_of(error).model_dump(), status_code=status_of(error))


def status_of(error: SluiceError) -> int:
    """The HTTP status of an error's class."""
    if isinstance(error, RefusedError):
        return error.status
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    return 409


def answer_http(_: Request, error: Exception) -> JSONResponse:
    """The answer to a request that FastAPI or a dependency of Airflow refused."""
    if isinstance(error, RequestValidationError):
        wrong = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:10]]
        what, status, headers = f"the request is not valid: {'; '.join(wrong)}", 422, None
    elif isinstance(error, HTTPException):
        what, status, headers = str(error.detail), error.status_code, error.headers
    else:
        raise error
    return JSONResponse(Problem(what=what, page=what).model_dump(), status_code=status, headers=headers)


_STATUS: dict[type[SluiceError], int] = {
    Refused: 403,
    MissingError: 404,
    StaleError: 409,
    ReadOnlyError: 409,
    DefinitionError: 422,
    FatalError: 409,
    RetriableError: 503,
}
