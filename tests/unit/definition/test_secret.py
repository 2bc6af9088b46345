"""Literal secrets are found by name and by look, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.definition.load import load
from sluice.definition.yaml import secret
from sluice.definition.yaml.parse import parse
from sluice.errors import DefinitionError

VALUE = "hunter2-and-more"


def errors(text: str) -> list[DefinitionError]:
    return [error for _, error in secret.find(parse(text.encode(), "f.yaml"))]


@pytest.mark.parametrize(
    "key",
    [
        "password", "Password", "db_password", "passwd", "pwd", "passphrase", "secret", "client_secret", "clientSecret",
        "token", "api_token", "sas_token", "sasUri", "sas", "access_key", "s3AccessKey", "aws_access_key_id", "api-key",
        "account_key", "private_key", "ssh_key", "sshKey", "secret_access_key", "connection_string", "connectionString",
        "credentials", "keyfile_json", "service_account", "Authorization",
    ],
)  # fmt: skip
def test_keys_that_hold_secrets(key: str) -> None:
    (error,) = errors(f"type: s3\nnested: [{{{key}: {VALUE}}}]\n")
    assert key in error.what
    assert VALUE not in error.page()
    assert error.place is not None
    assert error.place.line == 2
    assert not error.place.excerpt


@pytest.mark.parametrize(
    "text",
    [
        "key: c_custkey", "airflow_conn_id: acme_token", "fields: [password, token]", "as: ACCESS_TOKEN",
        "password:", "has_password: true", "tokens: {kind: profile}", "key_column: a", "secretary: Jane",
        "where: token = 'x' and sig = 5", "folder: AKIAS/x", "description: see https://acme.example/a@b",
        "sasquatch: 1", "passengers: 3", "host: user@acme.example",
    ],
)  # fmt: skip
def test_what_is_no_secret(text: str) -> None:
    assert errors(text + "\n") == []


LOOKS = {
    "an AWS key id": "AKIA" + "IOSFODNN7EXAMPLE",
    "a temporary AWS key id": "ASIA" + "IOSFODNN7EXAMPLE",
    "a Google HMAC id": "GOOG1E" + "A" * 55,
    "a private key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "an Azure connection string": "DefaultEndpointsProtocol=https;AccountName=a;Account" + "Key=Zm9v",
    "a SAS URL": "https://a.blob.core.windows.net/c?sv=2024-11-04&si" + "g=Zm9vYmFyYmF6cXV4%3D",
    "a bare SAS": "si" + "g=Zm9vYmFyYmF6cXV4%3D",
    "a JWT": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2ln",
    "an address with a password": "postgresql://robot:" + "hunter2@db.acme.example/lake",
    "an address with a password alone": "redis://:" + "hunter2@cache.acme.example",
    "a GitHub token": "ghp_" + "a" * 36,
    "a Slack token": "xoxb-" + "1234567890-abc",
    "a Google API key": "AIza" + "B" * 35,
}


@pytest.mark.parametrize("look", LOOKS)
def test_values_that_look_like_secrets(look: str) -> None:
    (error,) = errors(f"note: 'take {LOOKS[look]}'\n")
    assert LOOKS[look] not in error.page()
    assert errors(f"'{LOOKS[look]}': 1\n"), "as a key"
    assert all(LOOKS[look] not in error.page() for error in errors(f"'{LOOKS[look]}': 1\n"))


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=40))
def test_no_page_shows_the_value(value: str) -> None:
    value += "x9"
    for text in (f"password: {value}\n", f"a: {{token: '{value}', b: 1}}\n", f"secret: |\n  {value}\n  {value}\n"):
        document = parse(text.encode(), "f.yaml")
        (found,) = secret.find(document)
        assert value not in found[1].page()
        for path, _, _ in document.walk():
            assert value not in document.place(path).excerpt


@pytest.mark.parametrize(
    "broken", ["password: 'hunter2\n", "a: b: password: hunter2\npassword: hunter2\n", "a: [\ntoken: hunter2\n"]
)
def test_a_file_that_cannot_be_read_shows_no_line_either(broken: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse(broken.encode(), "f.yaml")
    assert "hunter2" not in caught.value.page()


def test_the_error_says_which_connection_to_put_it_in() -> None:
    (error,) = errors("type: s3\nairflow_conn_id: acme_s3\nextra: {token: x}\n")
    assert (
        "the Airflow connection `acme_s3` (in the UI under Admin, Connections; with `sluice airflow connections add`"
        in error.next_step
    )


@pytest.mark.parametrize("look", LOOKS)
def test_a_name_that_is_a_secret_is_not_shown(look: str, tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    catalog = tmp_path / "catalog" / "segments.yaml"
    for text in (f"'{LOOKS[look]}': {{dataset: x, where: y}}\n", f"'{LOOKS[look]}': 1\n'{LOOKS[look]}': 2\n"):
        catalog.write_text(text)
        pages = [error.page() for error in load(tmp_path).errors]
        assert pages
        assert not any(LOOKS[look] in page for page in pages)
