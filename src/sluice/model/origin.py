"""The origin of a failure, so that every message names it in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from sluice.errors import FatalError, RetriableError


def label(address: str) -> str:
    """An address that is safe to show: without the user, the password and the query, which may contain a token."""
    parts = urlsplit(address)
    if not parts.netloc:
        return address.partition("?")[0]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class Origin:
    """A declared connection, the Airflow connection with its credentials, the container (bucket or folder) it opens,
    and the server's address, if there is one."""

    connection: str
    airflow_conn_id: str
    container: str
    server: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "server", label(self.server))

    def fatal(self, what: str, next_step: str = "") -> FatalError:
        """An error that needs a person to correct something."""
        return FatalError(f"connection {self.connection}: {what}", next_step=next_step)

    def retriable(self, what: str, next_step: str = "") -> RetriableError:
        """An error that a retry may resolve."""
        return RetriableError(f"connection {self.connection}: {what}", next_step=next_step)

    def correct_address(self) -> str:
        """The next step if no server answers at the address."""
        at = f" (now {self.server})" if self.server else ""
        return f"correct the address in the Airflow connection {self.airflow_conn_id}{at}, or start its server"
