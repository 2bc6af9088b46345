"""Consent and suppression: rows that must not be delivered are left out, counted, and never delivered by mistake."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.definition.load import load
from sluice.definition.models.consent import Consent, Suppression
from sluice.delivery.preview import preview
from sluice.delivery.row_rules.consent import ByConsent
from sluice.delivery.row_rules.screen import screened
from sluice.delivery.row_rules.suppress import Listed, suppressing
from sluice.errors import DefinitionError, FatalError
from sluice.memory import use
from sluice.model.access import SecretAccess
from sluice.sources.row_set import RowSet
from tests.builders import NOW, World

PEOPLE: list[dict[str, Any]] = [
    {"id": 1, "email": "ann@x.org", "agrees": True, "says": "Yes"},
    {"id": 2, "email": " BOB@x.org ", "agrees": True, "says": " granted"},
    {"id": 3, "email": "cid@x.org", "agrees": False, "says": "no"},
    {"id": 4, "email": "dee@x.org", "agrees": None, "says": None},
    {"id": 5, "email": None, "agrees": True, "says": "yes"},
    {"id": 6, "email": "", "agrees": True, "says": "yesterday"},
    {"id": 7, "email": "eve@x.org", "agrees": True, "says": "GRANTED"},
]
FILES = {
    "catalog/datasets.yaml": """
        people: {kind: profile, key: id, source: {type: parquet, airflow_conn_id: lake, path: people}}
        stop: {kind: table, key: email, source: {type: parquet, airflow_conn_id: lake, path: stop}}
        gone: {kind: table, key: id, source: {type: parquet, airflow_conn_id: lake, path: gone}}
        hashed: {kind: table, key: k, source: {type: parquet, airflow_conn_id: lake, path: hashed}}
        """,
    "catalog/segments.yaml": "all: {dataset: people, where: id > 0}",
    "connections/out.yaml": "{type: local, airflow_conn_id: out}",
}
SEGMENT = """
    kind: segment-export
    connection: out
    segments: [all]
    fields: [id, {field: email, required: true}]
    format: {type: csv, compression: none}
    """
WHOLE = "{kind: dataset-export, connection: out, datasets: [people], format: {type: csv, compression: none}, mode: MODE"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path, extra={"salt": SecretAccess(b"pepper")})
    world.declare(FILES)
    world.dataset("people", pa.Table.from_pylist(PEOPLE), files=2, row_group=2)
    world.dataset("stop", pa.table({"email": ["bob@X.org", None, "zoe@x.org"]}))
    world.dataset("gone", pa.table({"id": pa.array([3, 7], pa.int16())}))
    return world


def whole(world: World, rules: str, mode: str = "full") -> None:
    world.declare({"exports/out.yaml": WHOLE.replace("MODE", mode) + f", {rules}}}"})


def rows(world: World) -> list[str]:
    """The lines of every part, without headers."""
    parts = [world.root / "out" / name for name in world.delivered() if "part-" in name]
    return [line for part in sorted(parts) for line in part.read_text().splitlines() if not line.startswith("id,")]


def ids(world: World) -> list[int]:
    return [int(line.split(",")[0]) for line in rows(world)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "delivered", "reasons"),
    [
        ("consent: {column: agrees}", [1, 2, 5, 6, 7], {"no consent in `agrees`": 2}),
        ("consent: {column: agrees, is: opt-out}", [3, 4], {"no consent in `agrees`": 5}),
        ("consent: {column: agrees, values: [false]}", [3], {"no consent in `agrees`": 6}),
        ("consent: {column: says, values: [yes, granted]}", [1, 2, 5, 7], {"no consent in `says`": 3}),
        ("consent: {column: says, is: opt-out, values: ['NO ']}", [1, 2, 4, 5, 6, 7], {"no consent in `says`": 1}),
        ("consent: {column: id, values: [1, 2.0]}", [1, 2], {"no consent in `id`": 5}),
        ("suppress: [{dataset: gone}]", [1, 2, 4, 5, 6], {"suppressed by `gone`": 2}),
        (
            "suppress: [{dataset: stop, by: email}]",
            [1, 3, 4, 7],
            {"suppressed by `stop`": 1, "no `email` to compare with `stop`": 2},
        ),
        (
            "consent: {column: agrees}, suppress: [{dataset: gone}, {dataset: stop, by: email}]",
            [1],
            {
                "no consent in `agrees`": 2,
                "suppressed by `gone`": 1,
                "suppressed by `stop`": 1,
                "no `email` to compare with `stop`": 2,
            },
        ),
    ],
)
def test_rows_are_left_out_and_counted(
    world: World, rules: str, delivered: list[int], reasons: dict[str, int], tmp_path: Path
) -> None:
    whole(world, rules)
    report = world.run("out")
    assert ids(world) == delivered
    feed = report.feeds["people"]
    assert feed.left_out == reasons
    assert report.left_out == sum(reasons.values())
    assert feed.selected == sum(reasons.values()) + feed.rejected + feed.duplicates + feed.written == len(PEOPLE)
    (one,) = preview(load(world.include).project, world.plan("out"), world, 3, tmp_path / "aside", NOW)
    assert one.rows["id"].to_pylist() == delivered[:3], "a preview shows no row that is left out"


@pytest.mark.slow
@pytest.mark.parametrize("salted", [False, True])
@pytest.mark.parametrize("binary", [False, True])
def test_a_list_of_hashes(world: World, *, salted: bool, binary: bool) -> None:
    made = [
        hmac.digest(b"pepper", text.encode(), "sha256") if salted else bytes.fromhex(digest(text))
        for text in ("bob@x.org", "eve@x.org")
    ]
    values = pa.array(made) if binary else pa.array([f" {one.hex().upper()}" for one in made])
    world.dataset("hashed", pa.table({"k": range(2), "sha": values}))
    how = "{type: sha256, salt_conn_id: salt}" if salted else "sha256"
    whole(world, f"suppress: [{{dataset: hashed, column: sha, by: email, hash: {how}}}]")
    report = world.run("out")
    assert ids(world) == [1, 3, 4]
    assert report.feeds["people"].left_out == {"suppressed by `hashed`": 2, "no `email` to compare with `hashed`": 2}


@pytest.mark.slow
def test_of_the_connection_and_of_the_export_both_apply(world: World) -> None:
    world.declare(
        {
            "connections/out.yaml": """
                {type: local, airflow_conn_id: out, consent: {column: agrees}, suppress: [{dataset: gone}]}
                """
        }
    )
    whole(world, "consent: {column: says, values: [yes, granted]}, suppress: [{dataset: gone}]")
    report = world.run("out")
    assert ids(world) == [1, 2, 5]
    assert report.feeds["people"].left_out == {
        "no consent in `agrees`": 2,
        "no consent in `says`": 1,
        "suppressed by `gone`": 1,
    }, "a list that both name is asked once"


@pytest.mark.slow
def test_who_is_left_out_is_not_in_quarantine_and_replaces_nobody(world: World) -> None:
    world.declare({"exports/out.yaml": SEGMENT + "consent: {column: agrees}\n    suppress: [{dataset: gone}]\n"})
    table = pa.Table.from_pylist([*PEOPLE, {"id": 8, "email": None, "agrees": None, "says": None}])
    world.dataset("people", table, files=2, row_group=2)
    world.refresh("all")
    report = world.run("out")
    feed = report.feeds["all"]
    assert ids(world) == [1, 2]
    assert feed.rejected == 2, "5 and 6 have no email; 8 neither, but has not consented"
    assert feed.left_out == {"no consent in `agrees`": 3, "suppressed by `gone`": 1}
    (quarantine,) = (world.root / "sluice_staging").rglob("quarantine/*/all.parquet")
    assert pq.read_table(quarantine)["id"].to_pylist() == [5, 6]


@pytest.mark.slow
def test_who_withdraws_consent_becomes_a_removed_row(world: World) -> None:
    whole(world, "consent: {column: agrees}, suppress: [{dataset: gone}]", "changes")
    world.run("out", "manual__1")
    assert {line.split(",")[0] for line in rows(world)} == {"1", "2", "5", "6"}
    people = [row | {"agrees": False} if row["id"] == 1 else row for row in PEOPLE]
    world.dataset("people", pa.Table.from_pylist(people), files=2, row_group=2)
    world.dataset("gone", pa.table({"id": pa.array([2], pa.int16())}))
    world.now += timedelta(days=1)
    before = set(world.delivered())
    report = world.run("out", "manual__2")
    parts = [name for name in world.delivered() if "part-" in name and name not in before]
    text = "".join((world.root / "out" / name).read_text() for name in parts)
    found = {(line.split(",")[0], line.split(",")[-1]) for line in text.splitlines() if not line.startswith("id,")}
    assert found == {("1", "removed"), ("2", "removed"), ("7", "added")}
    assert report.outcome == "published"


@pytest.mark.slow
def test_a_retry_chooses_the_same_rows(world: World) -> None:
    whole(world, "suppress: [{dataset: gone}]")
    world.extract("out")
    world.dataset("gone", pa.table({"id": pa.array([1], pa.int16())}))
    world.run("out")
    assert ids(world) == [1, 2, 4, 5, 6]


@pytest.mark.slow
def test_an_extract_against_another_list_is_another_extract(world: World) -> None:
    """As many rows are left out, but others: parts of the first attempt must not count for the second."""
    whole(world, "suppress: [{dataset: gone}]")
    staged = world.extract("out")
    world.upload(staged)
    (first,) = (world.root / "sluice_staging").rglob("extract/people.json")
    first.unlink()
    world.dataset("gone", pa.table({"id": pa.array([1, 2], pa.int16())}))
    world.run("out")
    assert ids(world) == [3, 4, 5, 6, 7]


def sends_nothing(world: World, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        world.run("out")
    assert world.delivered() == []


@pytest.mark.slow
def test_a_list_that_is_missing_sends_nothing(world: World) -> None:
    whole(world, "suppress: [{dataset: gone}]")
    (world.root / "lake/gone/000.parquet").unlink()
    sends_nothing(world, FatalError, "no Parquet file in")


@pytest.mark.slow
def test_a_list_that_is_broken_sends_nothing(world: World) -> None:
    whole(world, "suppress: [{dataset: gone}]")
    (world.root / "lake/gone/000.parquet").write_bytes(b"PAR1 no longer PAR1")
    sends_nothing(world, FatalError, "000.parquet")


@pytest.mark.slow
def test_an_empty_list_sends_nothing_unless_it_may_be_empty(world: World) -> None:
    whole(world, "suppress: [{dataset: stop, by: email}]")
    world.dataset("stop", pa.table({"email": pa.array([None, " "], pa.string())}))
    sends_nothing(world, FatalError, "the suppression list stop is empty: nothing is sent")
    whole(world, "suppress: [{dataset: stop, by: email, allow_empty: true}]")
    world.run("out")
    assert ids(world) == [1, 2, 3, 4, 7], "who has no email still cannot be compared"


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 1])
def test_a_list_that_is_too_old_sends_nothing(world: World, late: int) -> None:
    whole(world, "suppress: [{dataset: gone, max_age: 24h}]")
    written = datetime.fromtimestamp((world.root / "lake/gone/000.parquet").stat().st_mtime_ns // 1000 / 1e6, UTC)
    world.now = written + timedelta(hours=24, seconds=late)
    if late:
        sends_nothing(world, FatalError, "is too old: it was written at .*, and `max_age` is 1d: nothing is sent")
    else:
        assert world.run("out").outcome == "published"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ("consent: {column: agree}", "has no column 'agree'"),
        ("consent: {column: says}", "does not say by itself who agrees"),
        ("consent: {column: agrees, values: [yes]}", "has no value `yes`"),
        ("consent: {column: id, values: [true]}", "has no value `True`"),
        ("consent: {column: id, values: ['1']}", "has no value `1`"),
        ("suppress: [{dataset: stop, by: mail}]", "has no column 'mail'"),
        ("suppress: [{dataset: stop, column: mail}]", "dataset stop has no column 'mail'"),
        ("suppress: [{dataset: stop}]", "they cannot be compared"),
        ("suppress: [{dataset: gone, by: email, hash: sha256}]", "holds no hashes"),
    ],
)
def test_what_does_not_fit_sends_nothing(world: World, rules: str, what: str) -> None:
    whole(world, rules)
    sends_nothing(world, DefinitionError, what)


@pytest.mark.slow
def test_a_list_of_plain_values_declared_as_hashes_sends_nothing(world: World) -> None:
    whole(world, "suppress: [{dataset: stop, by: email, hash: sha256}]")
    sends_nothing(world, FatalError, "2 of 2 values in `email` are not SHA-256")


def test_the_refresh_of_a_list_is_waited_for(world: World) -> None:
    world.declare(
        {
            "catalog/refreshes.yaml": "nightly: {type: dag, dag_id: crm_sync}",
            "catalog/datasets.yaml": FILES["catalog/datasets.yaml"].replace(
                "gone: {", "gone: {refreshed_by: nightly, "
            ),
        }
    )
    whole(world, "suppress: [{dataset: gone}]")
    assert "crm_sync" in world.plan("out").refreshes


# --- the same as a plain filter, on random tables ---

TEXT = st.one_of(st.none(), st.sampled_from(["", " ", "a", "A ", "b", "ä", "Ä", "'; --", "\x00", "İ", "a b"]))
ROW = st.fixed_dictionaries({"k": TEXT, "c": st.one_of(st.none(), st.booleans()), "t": TEXT})


def spaces(text: str | None) -> str:
    return (text or "").strip(" ").lower()


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(ROW, max_size=30),
    listed=st.lists(TEXT, max_size=8),
    way=st.sampled_from(["opt-in", "opt-out"]),
    hashed=st.booleans(),
)
def test_the_rows_are_those_of_a_plain_filter(
    tmp_path: Path, rows: Sequence[dict[str, Any]], listed: Sequence[str | None], way: str, hashed: bool
) -> None:
    world = World(tmp_path)
    world.declare(FILES)
    columns = pa.schema([("k", pa.string()), ("c", pa.bool_()), ("t", pa.string())])
    world.dataset("people", pa.Table.from_pylist(rows, columns), row_group=7)
    entries = [digest(spaces(one)) if hashed and one else one for one in listed if one is None or spaces(one)]
    world.dataset("stop", pa.table({"email": pa.array(entries, pa.string())}))
    project = load(world.include).project
    people, stop = project.datasets["people"], project.datasets["stop"]
    source, other = (one.source.open(world, dataset=one.name) for one in (people, stop))
    pinned = source.pin()
    consent = Consent.model_validate({"column": "c", "is": way})
    words = Consent.model_validate({"column": "t", "is": way, "values": ["A", "ä", 7]})
    rule = Suppression.model_validate({"dataset": "stop", "by": "k", "hash": "sha256" if hashed else None})
    with suppressing(rule, Listed(stop, other, other.pin()), people, pinned.schema, world) as suppression:
        assert suppression.entries == len([one for one in entries if one])
        found = [ByConsent.of(one, pinned.schema, "people") for one in (consent, words)]
        stay, reasons = screened([*found, suppression], source, pinned, RowSet(pinned.slices, full=True))

    def stays(row: dict[str, Any]) -> bool:
        agrees = row["c"] is True, (row["t"] or "").strip().lower() in ("a", "ä", "7")
        allowed = all(agrees) if way == "opt-in" else not any(agrees)
        return allowed and bool(spaces(row["k"])) and spaces(row["k"]) not in {spaces(one) for one in listed if one}

    delivered = [n for n, row in enumerate(rows) if stays(row)]
    starts = stay.starts
    assert [starts[i] + int(n) for i in range(len(pinned.slices)) for n in stay.rows(i)] == delivered
    assert sum(reasons.values()) == len(rows) - len(delivered)


@pytest.mark.slow
def test_a_list_is_larger_than_the_memory(tmp_path: Path) -> None:
    """A million hashes of 64 bytes in an engine of 32 MB: it spills."""
    world = World(tmp_path)
    world.declare(FILES)
    keys = pa.array([f"{n * 7919 % 1_000_000:064x}" for n in range(1_000_000)])
    world.dataset("stop", pa.table({"email": keys}), row_group=100_000)
    world.dataset("people", pa.table({"k": [f"{n:064x}" for n in range(900_000, 1_100_000)]}), row_group=50_000)
    project = load(world.include).project
    people, stop = project.datasets["people"], project.datasets["stop"]
    source, other = (one.source.open(world, dataset=one.name) for one in (people, stop))
    pinned = source.pin()
    use(64_000_000, engine=True)
    try:
        rule = Suppression(dataset="stop", by="k")
        with suppressing(rule, Listed(stop, other, other.pin()), people, pinned.schema, world) as suppression:
            stay, reasons = screened([suppression], source, pinned, RowSet(pinned.slices, full=True))
    finally:
        use(512_000_000, engine=True)
    assert reasons == {"suppressed by `stop`": 100_000}
    assert len(stay) == 100_000
    assert suppression.facts.entries == 1_000_000
