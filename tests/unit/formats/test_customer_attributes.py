"""Files of customer attributes, to the byte, and the rows that they cannot have."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from sluice.definition.load import load
from sluice.formats.customer_attributes import CustomerAttributes, why_no_name
from sluice.testing.formats import write
from tests.builders import World

FORM = CustomerAttributes(type="customer-attributes")
FILES = {
    "catalog/datasets.yaml": """
        p: {kind: event, event_id: n, key: id, source: {type: parquet, airflow_conn_id: lake, path: p}}
        """,
    "connections/out.yaml": "{type: local, airflow_conn_id: out, format: {type: customer-attributes}}",
    "catalog/segments.yaml": "all: {dataset: p, where: 'true'}",
    "exports/customers.yaml": """
        kind: segment-export
        connection: out
        segments: [all]
        fields: [{field: id, required: true}, {field: city, as: home}]
        folder: /
        file: {name: "customers_%RUN_ID%_%PART%", trigger: {suffix: .fin, after: name}}
        manifest: {folder: manifests}
        chunks: {bytes: 4 GB}
        """,
}


def test_values_are_quoted_and_quotes_have_a_backslash() -> None:
    rows = pa.table(
        {
            "id": ["1", "2", "3", "4", "5"],
            "said, so": ["plain", 'the "x"', "a, b", "two\nlines\r\n", "C:\\x"],
            "n": [1, None, -3, 4, 5],
        }
    )
    assert write(FORM, rows).decode() == (
        'id,"said, so",n\n1,plain,1\n2,"the \\"x\\"",\n3,"a, b",-3\n4,"two\nlines\r\n",4\n5,"C:\\\\x",5\n'
    )


def test_names_that_experience_cloud_does_not_take() -> None:
    assert [why_no_name(name) for name in ("city", "Home City", "größe", "=x", "a;b")] == [""] * 5
    assert all(map(why_no_name, ("a.b", "a,b", "a<b", "a>b", 'a"b', "a'b", "a\nb", "a\0b")))


def test_a_customer_without_an_id_and_a_second_one_of_an_id_are_rejected(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.declare(FILES)
    ids = ["ann", "bob", "ann", None, "", "eve"]
    world.dataset("p", pa.table({"n": range(6), "id": ids, "city": list("abcdef")}))
    assert not load(world.include).errors
    world.refresh("all")

    report = world.run("customers")

    assert (report.records, report.feeds["all"].rejected) == (3, 3)
    data, trigger = (name for name in world.delivered() if name.startswith("customers_"))
    assert (data.removesuffix(".csv"), (world.root / "out" / trigger).read_bytes()) == (
        trigger.removesuffix(".fin"),
        b"",
    )
    assert (world.root / "out" / data).read_text() == "id,home\nann,a\nbob,b\neve,f\n"
