"""A path may contain the words of an error: a timeout on `lake/404` is a timeout, not a missing file."""

from __future__ import annotations

import pytest

from sluice.errors import FatalError, RetriableError
from sluice.filesystem.failures import from_system, outage, translated

NAMES = (
    "404",
    "403",
    "gift-certificates",
    "NOT_FOUND",
    "AccessDenied",
    "permission denied",
    "HTTP",
    "Host key",
    "Azure",
)
OUTAGES = (
    "When reading information for key 'lake/{name}/x' in bucket '{name}': AWS Error NETWORK_CONNECTION during"
    " HeadObject operation: curlCode: 7, Couldn't connect to server",
    "AWS Error SLOW_DOWN during GetObject operation for https://{name}.s3.amazonaws.com/lake/{name}: please reduce",
    'google::cloud::Status(UNAVAILABLE: try again later; object "lake/{name}")',
    "cannot connect while looking for {name}: timed out",
)
REFUSALS = (
    "When reading information for key '{name}' in bucket 'b': AWS Error ACCESS_DENIED during HeadObject operation",
    "GetProperties for 'https://a.blob.core.windows.net/{name}' failed. Azure Error: [AuthenticationFailed] 403",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", OUTAGES)
def test_an_outage_is_one_whatever_the_names(text: str, name: str) -> None:
    error = translated(OSError(text.format(name=name)), "lake", f"looking for {name}")
    assert type(error) is RetriableError


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_one_whatever_the_names(text: str, name: str) -> None:
    error = translated(OSError(text.format(name=name)), "lake", f"looking for {name}")
    assert type(error) is FatalError
    assert "permissions of the Airflow connection lake" in error.next_step


@pytest.mark.parametrize("name", ["connections", "timed out", "sockets", "Azure"])
def test_broken_bytes_are_no_failure_of_a_disk_whatever_the_names(name: str) -> None:
    assert not from_system(OSError(f"Could not open Parquet input source 'lake/{name}.parquet': Invalid magic bytes"))


def test_the_words_of_an_outage_in_a_name_are_none() -> None:
    assert outage("cannot read 'lake/UNAVAILABLE.parquet': it is no Parquet", "reading") is None
    assert outage("AWS Error NETWORK_CONNECTION during GetObject", "reading lake") is not None


class AnsweredError(Exception):
    """As botocore's errors are: with the answer."""

    def __init__(self, status: int, code: str = "x") -> None:
        super().__init__("404 AccessDenied NOT_FOUND")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}}


@pytest.mark.parametrize(("status", "advice"), [(403, "permissions"), (404, "exists")])
def test_a_status_is_believed_before_any_text(status: int, advice: str) -> None:
    error = translated(AnsweredError(status), "lake", "creating x")
    assert isinstance(error, FatalError)
    assert advice in error.next_step


@pytest.mark.parametrize(
    "failed",
    [
        AnsweredError(403, "RequestTimeTooSkewed"),
        OSError("When creating key 'x': AWS Error REQUEST_TIME_TOO_SKEWED during PutObject"),
    ],
)
def test_a_wrong_clock_is_not_taken_for_wrong_credentials(failed: Exception) -> None:
    error = translated(failed, "lake", "creating x")
    assert isinstance(error, FatalError)
    assert "clock is wrong" in error.what
    assert error.next_step.startswith("set the clock")
