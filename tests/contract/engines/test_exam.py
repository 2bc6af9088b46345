"""Segments that another engine evaluates have the members that DuckDB finds: PostgreSQL over its own tables, and Spark
over files."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sluice.columns.engines import of_engine
from sluice.definition.models.catalog import Segment
from sluice.errors import DefinitionError, FatalError
from sluice.refresh.evaluate import rule_of
from sluice.sources.base import Columns
from sluice.sql import connect
from sluice.sql.names import names_of
from sluice.sql.spelling import respelled
from sluice.sql.translation.spelling import UnlikeError
from tests.contract.engines.cases import ALIKE, UNLIKE, some_rule
from tests.contract.engines.worlds import Place


@pytest.fixture(params=["in_postgres", "in_spark"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("spec", ALIKE, ids=lambda spec: str(next(iter(spec.values())))[:40])
def test_an_engine_finds_the_members_that_duckdb_finds(place: Place, tmp_path: Path, spec: dict[str, Any]) -> None:
    world = place.world(tmp_path)
    there, members = world.evaluate(**spec, engine=place.demanded)
    here, expected = world.evaluate(**spec, engine="duckdb")
    assert there.engine.startswith(place.name)
    assert here.engine == "DuckDB"
    assert members == expected
    assert members.type == expected.type
    assert there.sql_digest == here.sql_digest


@pytest.mark.slow
def test_any_rule_that_is_translated_means_the_same(place: Place, tmp_path: Path) -> None:
    """Random conditions, joins and groups of random rows. What is refused is not compared, so most must be."""
    chance, tried, batch = random.Random(20_261_127), place.tried, 25
    world = place.world(tmp_path)
    people = world.project().datasets["people"]
    rules, queries = [], []
    for _ in range(tried):
        rule = rule_of(Segment.model_validate({"name": "some", "dataset": "people", **some_rule(chance)}), people)
        with suppress(UnlikeError):
            queries.append(place.translated(rule))
            rules.append(rule)
    assert len(rules) > 0.6 * tried
    found = [keys for at in range(0, len(queries), batch) for keys in place.answers(queries[at : at + batch])]
    with connect() as engine:
        held = {name: place.rows(name) for name in ("people", "orders")}
        names = names_of(*(table.schema for table in held.values()))
        for name, table in held.items():
            engine.register(name, table.rename_columns([names[own] for own in table.schema.names]))
        for rule, query, keys in zip(rules, queries, found, strict=True):
            here = [row[0] for row in engine.execute(respelled(engine, rule, names)).fetchall()]
            assert sorted(keys, key=str) == sorted(here, key=str), (rule, query)


@pytest.mark.parametrize("where", UNLIKE)
def test_what_may_differ_is_not_translated(place: Place, tmp_path: Path, where: str) -> None:
    reads = ["orders"] if "orders" in where else []
    world = place.world(tmp_path)
    project = world.project(some={"where": where, "reads": reads, "engine": place.demanded})
    known = {name: Columns(place.rows(name).schema) for name in ("people", "orders")}
    (finding,) = of_engine(project.segments["some"], project, known, world)
    assert f"cannot be evaluated in {place.called}" in finding.what
    assert UNLIKE[where] in finding.what
    assert not finding.note


@pytest.mark.slow
def test_whole_numbers_are_exact_where_duckdb_overflows(place: Place, tmp_path: Path) -> None:
    world = place.world(tmp_path)
    with pytest.raises(FatalError, match="Overflow"):
        world.evaluate(where="n * 100000000 > 5", engine="duckdb")
    _, members = world.evaluate(where="n * 100000000 > 5", engine=place.demanded)
    _, expected = world.evaluate(where="n > 0", engine="duckdb")
    assert members == expected


@pytest.mark.slow
@pytest.mark.parametrize("spec", [{"where": "nn > 5"}, {"sql": "select idd from people"}], ids=str)
def test_a_mistake_is_an_error_of_the_segment(place: Place, tmp_path: Path, spec: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match=r"nn|idd") as error:
        place.world(tmp_path).evaluate(**spec, engine=place.demanded)
    assert error.value.subject[:2] == ("segments", "some")
