"""Which fields deliver a column of a data class, however it is written."""

from __future__ import annotations

import pytest

from sluice.definition.guardrails.data_class import _delivers
from sluice.definition.models.data_classes import DataClass, demanded
from sluice.definition.models.fields import FieldSpec


@pytest.mark.parametrize(
    ("sql", "delivers"),
    [
        ("email", True),
        ('"Email"', True),
        ("upper(EMAIL)", True),
        ("case when id > 1 then email end", True),
        ("to_json({x: email})", True),
        ("list_transform([1], lambda x: email)", True),
        ("columns('em.il')", True),
        ("columns(*)", True),
        ("email -> '$.x'", True),
        ("email.part", True),
        ("'email'", False),
        ("id /* email */", False),
        ("email_sent", False),
        ("1 * 2", False),
        ("not sql at all, email", False),
    ],
)
def test_sql(sql: str, *, delivers: bool) -> None:
    assert _delivers(FieldSpec.model_validate({"sql": sql, "as": "x"}), "email") is delivers


@pytest.mark.parametrize(("field", "delivers"), [("email", True), ("Email", True), ("emails", False)])
def test_field(field: str, *, delivers: bool) -> None:
    assert _delivers(FieldSpec(field=field), "email") is delivers
    assert not _delivers(FieldSpec.model_validate({"value": "email", "as": "email"}), "email")


def test_a_class_belongs_to_those_above_it() -> None:
    classes = {"pii": DataClass(), "pii.mail": DataClass(demands=("hash",)), "pi": DataClass()}
    assert list(demanded("pii.mail.work", classes)) == ["pii.mail", "pii"]
    assert list(demanded("pii", classes)) == ["pii"]
    assert list(demanded("piii", classes)) == []
    assert list(demanded("sensitive.pii", classes)) == []
