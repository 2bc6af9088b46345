"""What the template promises beyond the exam: its grammar, its header, its separators."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from sluice.errors import DefinitionError, FatalError
from sluice.formats.template import Template, parse

TABLE = pa.table({"id": [7, None], "name": ["Ann", "Bo b"], "paid": [1.5, 2.0]})


def written(template: str, table: pa.Table = TABLE, **options: Any) -> bytes:
    declared = Template(type="template", template=template, **options)
    declared.check(table.schema)
    encoder = declared.encoder(table.schema)
    return b"".join([*encoder.encode(table), *encoder.close()])


@pytest.mark.parametrize(
    ("template", "options", "text"),
    [
        (r"%1%\t%2%\r\n", {}, "7\tAnn\r\n\tBo b\r\n"),
        (r"%3%|%1%|%1%\n", {"null": "-"}, "1.5|7|7\n2.0|-|-\n"),
        (r"%1%\t%2%\r\n", {"header": True}, "id\tname\r\n7\tAnn\r\n\tBo b\r\n"),
        (r"%%%3%%%\\é\n", {}, "%1.5%\\é\n%2.0%\\é\n"),
        ("%2%;\\n", {}, "Ann;\nBo b;\n"),
    ],
)
def test_shapes(template: str, options: dict[str, Any], text: str) -> None:
    assert written(template, **options) == text.encode()


def test_parts() -> None:
    assert parse(r"a%1%%%\t%20%\n") == ("a", 1, "%", "\t", 20, "\n")


@pytest.mark.parametrize(
    ("template", "what"),
    [
        (r"%1%\x\n", r"character 4"),
        (r"%name%\n", r"character 1"),
        (r"%0%\n", r"character 1"),
        (r"%1\n", r"character 1"),
        ("%1%\\", r"character 4"),
        (r"only text\n", "contains no field"),
        ("%1%", "must end with a line break"),
        ("", "contains no field"),
    ],
)
def test_a_wrong_template_is_refused(template: str, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Template(type="template", template=template)


def test_a_field_that_is_not_there() -> None:
    with pytest.raises(DefinitionError, match="%4%") as refused:
        written(r"%1%,%4%\n")
    assert refused.value.known == ("%1% id", "%2% name", "%3% paid")


def test_a_value_with_a_separator_fails_or_becomes_a_space_or_stays() -> None:
    table = pa.table({"id": [1, 2], "note": ["fine", "a\tb\r\nc"]})
    with pytest.raises(FatalError, match="`note`"):
        written(r"%1%\t%2%\n", table)
    assert written(r"%1%\t%2%\n", table, separators="space") == b"1\tfine\n2\ta b  c\n"
    assert written(r"%1%\t%2%\n", table, separators="keep") == b"1\tfine\n2\ta\tb\r\nc\n"


def test_separators_in_values_that_are_no_text_are_seen() -> None:
    with pytest.raises(FatalError, match="separator characters"):
        written(r"%1%.%3%\n")


def test_extension() -> None:
    assert Template(type="template", template=r"%1%\n").extension == ".txt"
    assert Template(type="template", template=r"%1%\n", compression="gzip").extension == ".txt.gz"
