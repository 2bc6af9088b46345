"""Which certificates an HTTP client trusts."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest

from sluice.certificates import trusted


def test_the_environment_names_others_where_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = "-----END CERTIFICATE-----\n"
    (tmp_path / "one.pem").write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "one.pem"))
    trusted.cache_clear()
    try:
        assert len(trusted().get_ca_certs()) == 1
        assert len(trusted(environment=False).get_ca_certs()) > 1
        assert trusted() is trusted()
    finally:
        trusted.cache_clear()
