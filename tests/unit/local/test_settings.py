"""The settings file, as Astro projects have it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from local.layout import REPOSITORY
from local.settings import Settings, read
from sluice.errors import DefinitionError


def written(folder: Path, text: str) -> Path:
    file = folder / "airflow_settings.yaml"
    file.write_text(dedent(text))
    return file


def test_connections_pools_and_variables(tmp_path: Path) -> None:
    settings = read(
        written(
            tmp_path,
            """
            airflow:
              connections:
                - conn_id: acme
                  conn_type: aws
                  conn_login: key
                  conn_password: 1234
                  conn_port: 443
                  conn_extra: {region_name: eu-west-1, nested: {on: true}}
                - {conn_id: by_uri, conn_uri: "sftp://me@host:22"}
              pools:
                - {pool_name: exports, pool_slot: 3, pool_description: exports at once}
              variables:
                - {variable_name: limit, variable_value: 5}
                - {variable_name: names, variable_value: [a, b]}
            """,
        )
    )
    acme, by_uri = settings.connections
    assert (acme.conn_password, acme.conn_port) == ("1234", 443)
    assert acme.conn_extra == '{"region_name": "eu-west-1", "nested": {"true": true}}'
    assert by_uri.conn_uri == "sftp://me@host:22"
    assert [(pool.pool_name, pool.pool_slot, pool.pool_include_deferred) for pool in settings.pools] == [
        ("exports", 3, False)
    ]
    assert [(one.variable_name, one.variable_value) for one in settings.variables] == [
        ("limit", "5"),
        ("names", '["a", "b"]'),
    ]


def test_the_empty_astro_template_declares_nothing(tmp_path: Path) -> None:
    template = """
        airflow:
          connections:
            - conn_id:
              conn_type:
              conn_host:
              conn_port:
              conn_extra:
                example_extra_field: example-value
          pools:
            - pool_name:
              pool_slot:
              pool_description:
          variables:
            - variable_name:
              variable_value:
        """
    assert read(written(tmp_path, template)) == Settings()


def test_no_file_declares_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "airflow_settings.yaml") == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("airflow: {connections: [{conn_id: a, conn_typo: aws}]}", "airflow.connections.0.conn_typo: Extra inputs"),
        ("airflow: {connections: {conn_id: a}}", "airflow.connections: Input should be a valid tuple"),
        ("airflow: {pools: [{pool_name: a, pool_slot: many}]}", "airflow.pools.0.pool_slot: Input should be a valid"),
        ("airflow: [", "airflow_settings.yaml:1:"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DefinitionError) as error:
        read(written(tmp_path, text))
    assert says in error.value.page()


def test_an_error_shows_no_password(tmp_path: Path) -> None:
    text = "airflow: {connections: [{conn_id: a, conn_password: {deep: hunter2hunter2}, conn_port: hunter2hunter2}]}"
    with pytest.raises(DefinitionError) as error:
        read(written(tmp_path, text))
    assert "conn_port" in error.value.page()
    assert "hunter2" not in error.value.page()
    assert error.value.__suppress_context__


def test_no_secret_is_in_a_repr(tmp_path: Path) -> None:
    text = "airflow: {connections: [{conn_id: a, conn_password: hunter2, conn_uri: 'x://y:hunter2@z'}]}"
    assert "hunter2" not in repr(read(written(tmp_path, text)))


def test_the_shipped_file_is_sound() -> None:
    assert {one.conn_id for one in read(REPOSITORY / "airflow_settings.yaml").connections} >= {"lake", "deliveries"}
