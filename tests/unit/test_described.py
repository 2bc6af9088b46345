"""Descriptions are read from docstrings when somebody asks."""

from __future__ import annotations

from pydantic import BaseModel, Field

from sluice.destinations.s3 import S3
from sluice.model.declared import Declared
from sluice.model.described import descriptions


class Parent(Declared):
    first: int
    """What the parent says."""
    second: str = Field(description="Said by the field.")
    silent: float = 0


class Child(Parent):
    first: int = 1
    third: str
    """Two
    lines."""
    second: str = "x"
    """Said by the child."""


def test_a_field_has_the_docstring_below_it_or_below_the_one_it_overrides() -> None:
    assert descriptions(Parent) == {"first": "What the parent says.", "second": "Said by the field."}
    assert descriptions(Child) == {
        "first": "What the parent says.",
        "second": "Said by the child.",
        "third": "Two\nlines.",
    }


def test_a_model_within_a_function() -> None:
    class Inner(BaseModel):
        key: int
        """Not
as far in as its class."""

    assert descriptions(Inner) == {"key": "Not\nas far in as its class."}


def test_a_model_without_source_has_none() -> None:
    namespace: dict[str, type[BaseModel]] = {}
    exec("from pydantic import BaseModel\nclass Made(BaseModel):\n    key: int\n    'About it.'\n", namespace)  # noqa: S102
    assert descriptions(namespace["Made"]) == {}


def test_importing_the_models_reads_no_docstring() -> None:
    assert S3.model_fields["bucket"].description is None
    assert descriptions(S3)["bucket"]
