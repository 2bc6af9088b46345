"""Where a failure comes from, so that every message names it in the same words."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import FatalError, RetriableError


@dataclass(frozen=True)
class Origin:
    """The declared connection, the Airflow connection with its credentials, the container (bucket, folder) at its other
    end, and the server's address if there is one."""

    connection: str
    airflow_conn_id: str
    container: str
    server: str = ""

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
