"""Where a failure comes from, so that every message names it in the same words."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from sluice.errors import FatalError, RetriableError


def label(address: str) -> str:
    """An address as it may be shown: without a user, a password or a query, which may hold a token."""
    parts = urlsplit(address)
    if not parts.netloc:
        return address.partition("?")[0]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class Origin:
    """The declared connection, the Airflow connection with its credentials, the container (bucket, folder) at its other
    end, and the server's address if there is one."""

    connection: str
    airflow_conn_id: str
    container: str
    server: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "server", label(self.server))

    def fatal(self, what: str, next_step: str = "") -> FatalError:
        """An error that a person has to put right."""
        return FatalError(f"connection {self.connection}: {what}", next_step=next_step)

    def retriable(self, what: str, next_step: str = "") -> RetriableError:
        """An error that may pass by itself."""
        return RetriableError(f"connection {self.connection}: {what}", next_step=next_step)

    def correct_address(self) -> str:
        """What to do if nobody is at the address."""
        at = f" (it is {self.server} now)" if self.server else ""
        return f"correct the address in the Airflow connection {self.airflow_conn_id}{at}, or bring its server back"
