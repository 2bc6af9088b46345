"""Select, rename, compute, hash, mask; and what a wrong field says."""

import hashlib
import hmac
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace

import pyarrow as pa
import pytest

from sluice.definition.models.fields import FieldSpec
from sluice.errors import DefinitionError, FatalError
from sluice.mapping.mapper import Mapper, compile_fields
from sluice.mapping.salts import Salts

ROWS = pa.table(
    {
        "id": pa.array([3, 1, 2], pa.int64()),
        "Phone": [" +36 1 ", "X", None],
        "address": [{"zip": "1011"}, {"zip": "9021"}, None],
        "born": pa.array([0, 1, None], pa.date32()),
    }
)


def mapper(*fields: Mapping[str, object]) -> Mapper:
    return compile_fields([FieldSpec.model_validate(field) for field in fields], ROWS.schema, dataset="people")


def test_no_fields_means_every_column_as_it_is() -> None:
    whole = compile_fields(None, ROWS.schema, dataset="people")
    assert whole.columns is None
    assert whole.apply(ROWS) is ROWS


def test_plain_columns_need_no_engine() -> None:
    plain = mapper({"field": "Phone", "as": "TEL"}, {"field": "id"})
    assert plain.query is None
    assert plain.columns == ("Phone", "id")
    assert plain.apply(ROWS).to_pydict() == {"TEL": [" +36 1 ", "X", None], "id": [3, 1, 2]}
    assert plain.schema == plain.apply(ROWS).schema


@pytest.mark.slow
def test_expressions_constants_and_order() -> None:
    made = mapper({"sql": "upper(phone) || address.zip", "as": "p"}, {"value": "it's", "as": "c"}, {"field": "born"})
    assert set(made.columns or ()) == {"Phone", "address", "born"}
    assert made.apply(ROWS).to_pydict() == {
        "p": [" +36 1 1011", "X9021", None],
        "c": ["it's"] * 3,
        "born": ROWS["born"].to_pylist(),
    }


def test_constants_alone_are_a_row_for_each_row() -> None:
    made = mapper({"value": "it's", "as": "c"}, {"sql": "1 + 1", "as": "n"})
    assert made.apply(ROWS.select(list(made.columns or ()))).to_pydict() == {"c": ["it's"] * 3, "n": [2] * 3}


def test_a_hash_is_of_the_trimmed_lower_cased_text() -> None:
    hashed = mapper({"field": "Phone", "hash": "sha256"})
    expected = [hashlib.sha256(text).hexdigest() for text in (b"+36 1", b"x")]
    assert hashed.apply(ROWS)["Phone"].to_pylist() == [*expected, None]


MAILS = ["  Ann@Example.com ", "ann@example.com", "Ä", "", "\tx", None]


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("sha256", lambda value: value.strip(" ").lower()),
        ({"type": "sha256"}, lambda value: value.strip(" ").lower()),
        ({"type": "sha256", "normalize": True}, lambda value: value.strip(" ").lower()),
        ({"type": "sha256", "normalize": False}, lambda value: value),
    ],
    ids=["short", "in full", "normalized", "as it is"],
)
@pytest.mark.parametrize("salt", [None, b"pepper"])
def test_a_hash_is_of_the_text_as_it_is_where_that_is_declared(
    declared: object, text: Callable[[str], str], salt: bytes | None
) -> None:
    """C10."""
    rows = pa.table({"mail": pa.array(MAILS, pa.string())})
    given = {"type": declared} if isinstance(declared, str) else dict(declared)  # type: ignore[call-overload]
    given |= {"salt_conn_id": "acme"} if salt else {}
    spec = FieldSpec.model_validate({"field": "mail", "hash": given})
    made = compile_fields([spec], rows.schema, dataset="people").salted(Salts({"acme": salt or b""}))

    def digest(value: str) -> str:
        body = text(value).encode()
        return hmac.new(salt, body, "sha256").hexdigest() if salt else hashlib.sha256(body).hexdigest()

    assert made.apply(rows)["mail"].to_pylist() == [None if mail is None else digest(mail) for mail in MAILS]


def test_a_number_is_hashed_as_its_text() -> None:
    made = mapper({"field": "id", "hash": {"type": "sha256", "normalize": False}})
    assert made.apply(ROWS)["id"].to_pylist() == [hashlib.sha256(text).hexdigest() for text in (b"3", b"1", b"2")]


def test_required_names_what_must_have_a_value() -> None:
    assert mapper({"field": "Phone", "required": True, "hash": "sha256"}).required == ('"Phone"',)
    assert mapper({"sql": "id + 1", "as": "n", "required": True}).required == ("id + 1",)


@pytest.mark.parametrize(
    "sql", ["sum(id)", "row_number() over ()", "(select 1)", "random()", "now()", "unnest([1, 2])", "id + $1"]
)
def test_a_value_that_is_not_the_rows_own_is_refused(sql: str) -> None:
    with pytest.raises(DefinitionError, match="does not depend on its row alone"):
        mapper({"sql": sql, "as": "x"})


def test_lambdas_bring_their_own_names() -> None:
    made = mapper({"sql": "list_transform([id, 2], lambda n: n * 2)", "as": "l"})
    assert made.columns == ("id",)
    assert made.apply(ROWS)["l"].to_pylist() == [[6, 4], [2, 4], [4, 4]]


def test_an_unknown_column_names_the_nearest_and_the_field() -> None:
    with pytest.raises(DefinitionError) as caught:
        mapper({"field": "id"}, {"field": "phone"})
    assert caught.value.nearest == "Phone"
    assert caught.value.subject == ("fields", 1)


@pytest.mark.parametrize("sql", ["nope(id)", "a b c", "id; drop table rows", "missing + 1", "select 1 from rows"])
def test_wrong_sql_is_a_definition_error(sql: str) -> None:
    with pytest.raises(DefinitionError):
        mapper({"sql": sql, "as": "x"})


def test_expressions_reach_no_file() -> None:
    with pytest.raises(DefinitionError):
        mapper({"sql": "(select content from read_text('/etc/passwd'))", "as": "x"})


def test_a_value_that_does_not_convert_gives_up() -> None:
    with pytest.raises(FatalError, match="mapping failed"):
        mapper({"sql": "cast(phone as integer)", "as": "n"}).apply(ROWS)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        (
            "cast(phone as integer)",
            "Conversion Error: Could not convert string\n\nLINE 1: select (cast(phone as integer)",
        ),
        ("strptime(phone, '%Y')", "Invalid Input Error: Could not parse string"),
        ("cast(phone as date)", "Conversion Error: invalid date field format"),
        ("cast(code as integer) * 2000000000", "Out of Range Error: Overflow in multiplication of INT32"),
        ("json_extract(phone, '$.a')", "Invalid Input Error: Malformed JSON"),
    ],
)
def test_an_error_does_not_tell_the_value_that_it_failed_on(sql: str, says: str) -> None:
    """It goes to logs, XComs and mail."""
    private = "'s 4711\n\nLINE 9"
    rows = pa.table({"phone": [private], "code": ["4711"]})
    made = compile_fields([FieldSpec(**{"sql": sql, "as": "x"})], rows.schema, dataset="people")
    with pytest.raises(FatalError) as caught:
        made.apply(rows)
    told = "".join(traceback.format_exception(caught.value)) + caught.value.page()
    assert says in told
    assert "4711" not in told


SALT = b"pepper-and-salt-of-acme"


@pytest.mark.parametrize("salt", [SALT, b"x" * 64, b"y" * 200])
def test_a_salted_hash_is_hmac_sha256_under_the_salt(salt: bytes) -> None:
    made = mapper({"field": "Phone", "hash": {"type": "sha256", "salt_conn_id": "acme"}, "as": "h"}, {"field": "id"})
    salted = made.salted(Salts({"acme": salt}))
    expected = [hmac.new(salt, text, "sha256").hexdigest() for text in (b"+36 1", b"x")]
    assert salted.apply(ROWS).to_pydict() == {"h": [*expected, None], "id": [3, 1, 2]}
    assert salted.schema == made.schema == salted.apply(ROWS).schema


def test_two_salts_stay_apart() -> None:
    one, other = (
        {"sql": "left('É', id)", "hash": {"type": "sha256", "salt_conn_id": c}, "as": c} for c in ("zeta", "alpha")
    )
    salts = Salts({"zeta": b"z", "alpha": b"a"})
    row = mapper(one, other).salted(salts).apply(ROWS).slice(0, 1).to_pylist()
    assert row == [{c: hmac.new(s, "é".encode(), "sha256").hexdigest() for c, s in salts.values.items()}]


def test_without_its_salt_nothing_is_hashed() -> None:
    with pytest.raises(FatalError, match="mapping failed"):
        mapper({"field": "Phone", "hash": {"type": "sha256", "salt_conn_id": "acme"}}).apply(ROWS)


def test_a_salt_is_shown_nowhere() -> None:
    salts = Salts({"acme": SALT})
    fields = (
        {"field": "Phone", "hash": {"type": "sha256", "salt_conn_id": "acme"}},
        {"sql": "cast(phone as int)", "as": "n"},
    )
    salted = mapper(*fields).salted(salts)
    with pytest.raises(FatalError) as caught:
        salted.apply(ROWS)
    told = f"{salts!r} {salted!r} {salted.query} {caught.value.page()} {caught.value.__cause__}"
    inner = bytes(byte ^ 0x36 for byte in SALT)
    assert not any(secret in told.encode() for secret in (SALT, inner, SALT.hex().encode(), inner.hex().encode()))
    with pytest.raises(DefinitionError, match="a parameter"):
        mapper({"sql": "$inner0", "as": "x"})


def test_a_fingerprint_tells_salts_apart() -> None:
    assert Salts().fingerprint is None
    assert len({Salts({"a": b"1"}).fingerprint, Salts({"a": b"2"}).fingerprint, Salts({"b": b"1"}).fingerprint}) == 3


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ({}, ["*****5678", "****", None, "*é漢字🎈"]),
        ({"keep": 0}, ["*" * 9, "****", None, "*****"]),
        ({"keep": 2, "side": "start", "with": "#"}, ["12#######", "ab##", None, "aé###"]),
    ],
)
def test_a_mask_keeps_one_end(mask: dict[str, object], expected: list[str | None]) -> None:
    values = ["1234 5678", "abcd", None, "aé漢字🎈"]
    rows = pa.table({"v": values})
    made = compile_fields([FieldSpec.model_validate({"field": "v", "mask": mask})], rows.schema, dataset="people")
    assert made.apply(rows)["v"].to_pylist() == expected


def test_a_masked_number_is_text() -> None:
    masked = mapper({"sql": "id * 10000000", "as": "n", "mask": {"keep": 2}})
    assert masked.schema.field("n").type == pa.string()
    assert masked.apply(ROWS)["n"].to_pylist() == ["******00"] * 3


def test_what_a_row_lacks_is_said_field_by_field() -> None:
    made = mapper({"field": "Phone", "as": "TEL", "required": True}, {"sql": "born", "as": "b", "required": True})
    rows = pa.table({"Phone": ["", "1", None], "born": pa.array([0, None, None], pa.date32())})
    tel, born = ("the required field `TEL` has no value", "the required field `b` has no value")
    assert made.reasons_of(rows).to_pylist() == [tel, born, f"{tel}; {born}"]


@pytest.mark.slow
@pytest.mark.parametrize("sql", ["upper(Phone) -- a comment", "/* a */ upper(Phone)", "upper(\n  Phone -- it\n)"])
def test_a_comment_is_no_part_of_an_expression(sql: str) -> None:
    assert mapper({"sql": sql, "as": "x"}, {"field": "id"}).apply(ROWS).to_pydict() == {
        "x": [" +36 1 ", "X", None],
        "id": [3, 1, 2],
    }


@pytest.mark.parametrize(
    "sql",
    [
        'id) as "X" from rows where id > 2 --',
        'id) as "X" from rows, (values (1), (2)) --',
        'id) as "X" from rows order by id --',
        "id), max(id",
        "id, born",
        "*",
    ],
)
def test_sql_that_leaves_its_parentheses_is_refused(sql: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        mapper({"field": "born"}, {"sql": sql, "as": "x"})
    assert refused.value.subject[:1] == ("fields",)


@pytest.mark.parametrize(
    "query", ["select id from {} where id > 1", "select unnest([id, id]) from {}", "select max(id) from {}"]
)
def test_as_many_rows_come_out_as_went_in(query: str) -> None:
    """Whatever a statement does: this is asked of every table at run time."""
    sound = mapper({"sql": "id", "as": "x"})
    wrong = replace(sound, query=query.format('"sluice rows"'))
    with pytest.raises(FatalError, match=r"the mapping returned \d rows for 3"):
        wrong.apply(ROWS.select(["id"]))
    with pytest.raises(FatalError, match=r"the mapping returned 1 rows for 3"):
        replace(sound, reasons="max('')").reasons_of(ROWS)


def test_a_column_behind_an_arrow_is_read() -> None:
    rows = pa.table({"doc": ['{"a": 1}']})
    made = compile_fields([FieldSpec(**{"sql": "doc -> '$.a'", "as": "x"})], rows.schema, dataset="people")
    assert made.columns == ("doc",)
    assert made.apply(rows)["x"].to_pylist() == ["1"]


@pytest.mark.slow
def test_a_qualified_name_is_a_field_of_a_column() -> None:
    """The engine would take it for its own table's column."""
    rows = pa.table({"rows": [{"zip": 1}], "sluice rows": [{"zip": 2}], "zip": [3]})
    specs = [{"sql": "rows.zip", "as": "a"}, {"sql": "zip", "as": "b"}]
    made = compile_fields([FieldSpec(**spec) for spec in specs], rows.schema, dataset="people")
    assert made.apply(rows.select(list(made.columns or ()))).to_pylist() == [{"a": 1, "b": 3}]
