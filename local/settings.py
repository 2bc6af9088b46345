"""`airflow_settings.yaml`: the connections, pools and variables of a local Airflow, in the Astro format.

Airflow cannot import this file: `local.metadata` writes what `read` returns into its database.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sluice.definition.load import load
from sluice.errors import DefinitionError, Place


def _text(value: Any) -> Any:
    """YAML reads 5432 and true as a number and a boolean; Airflow keeps text."""
    return json.dumps(value) if isinstance(value, bool | int | float | dict | list) else value


Text = Annotated[str, BeforeValidator(_text)]


class Entry(BaseModel):
    """One entry of the file. The Astro template lists every key, so an empty value counts as absent."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:
        return (
            {key: value for key, value in data.items() if value not in (None, "")} if isinstance(data, dict) else data
        )


def _named(entries: Any) -> Any:
    """The entries with a name: the template's examples have none."""
    names = ("conn_id", "pool_name", "variable_name")
    if not isinstance(entries, list):
        return entries
    return [entry for entry in entries if not isinstance(entry, dict) or any(entry.get(name) for name in names)]


class Connection(Entry):
    """An Airflow connection: its parts, or all of them in `conn_uri`."""

    conn_id: str
    conn_type: str | None = None
    conn_host: Text | None = None
    conn_schema: Text | None = None
    conn_login: Text | None = None
    conn_password: Text | None = Field(default=None, repr=False)
    conn_port: int | None = None
    conn_uri: str | None = Field(default=None, repr=False)
    conn_extra: Text | None = Field(default=None, repr=False)
    """A mapping, or its JSON text."""


class Pool(Entry):
    """A pool: how many of its tasks may run in parallel."""

    pool_name: str
    pool_slot: int = 128
    pool_description: str = ""
    pool_include_deferred: bool = False


class Variable(Entry):
    """A variable; a mapping or a list is kept as JSON text."""

    variable_name: str
    variable_value: Text = Field(default="", repr=False)


class Settings(Entry):
    """Everything the file declares."""

    connections: Annotated[tuple[Connection, ...], BeforeValidator(_named)] = ()
    pools: Annotated[tuple[Pool, ...], BeforeValidator(_named)] = ()
    variables: Annotated[tuple[Variable, ...], BeforeValidator(_named)] = ()


class _File(Entry):
    airflow: Settings = Field(default_factory=Settings)


def read(file: Path) -> Settings:
    """The declared settings; empty if the file does not exist. Raises `DefinitionError` if the file is invalid."""
    if not file.exists():
        return Settings()
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        return _File.model_validate(data or {}).airflow
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(file.name, mark.line + 1, mark.column + 1) if mark else Place(file.name)
        raise DefinitionError(f"not YAML: {error.problem}", place=place, next_step=NEXT) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DefinitionError(f"not YAML: {error}", place=Place(file.name), next_step=NEXT) from error
    except ValidationError as error:
        raise DefinitionError(
            _what(error), place=Place(file.name), next_step=NEXT
        ) from None  # the cause would show values


def pools(include: Path) -> list[Pool]:
    """The pools of the declared connections, from their `limits.at_once`."""
    says = "tasks that may send to this connection at the same time: `limits.at_once` of its declaration"
    wanted = load(include).project.pools.items()
    return [Pool(pool_name=name, pool_slot=slots, pool_description=says) for name, slots in wanted]


NEXT = "correct the file, then start again"


def _what(error: ValidationError) -> str:
    """The first problem, without the value, which may be a password."""
    problem = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
