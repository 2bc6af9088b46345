"""What Spark's error conditions mean for the operator."""

from __future__ import annotations

from sluice.errors import FatalError, RetriableError, SluiceError

REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")


def explained(condition: str, state: str, conn_id: str, doing: str, *, analysis: bool) -> SluiceError:
    """The error for a condition with its SQLSTATE. `analysis`: Spark has refused the query before it read any row."""
    what = f"connection {conn_id}: {doing} failed: {condition}" + (f" (SQLSTATE {state})" if state else "")
    if condition in REFUSED:
        return FatalError(what, next_step=f"correct the token (password) of the Airflow connection {conn_id}")
    if state.startswith("22"):
        return FatalError(
            what, next_step="correct the segment's SQL so that it accepts every value, or correct the data"
        )
    if condition.startswith("FAILED_READ_FILE"):
        return FatalError(
            what, next_step="let the cluster read the dataset's files; if it can, write the broken one again"
        )
    if analysis:
        return FatalError(
            what, next_step="simplify the segment's SQL, or declare `engine: duckdb`; Spark's log has more"
        )
    return RetriableError(what)
