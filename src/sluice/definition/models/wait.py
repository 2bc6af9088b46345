"""How runs wait for refreshes."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from sluice.model.declared import Declared, Duration

Policy = Literal["fail", "continue", "skip"]


class Wait(Declared):
    """How a run waits for the refreshes it depends on."""

    timeout: Duration = timedelta(hours=12)
    """The maximum wait. The timeout message names the refreshes that the run waited for."""
    on_timeout: Policy = "fail"
    """What the run does after the timeout."""
    on_failed: Policy = "continue"
    """What the run does if the last refresh failed. `continue` delivers the last good data."""
    max_age: Duration | None = None
    """The maximum age of the last system refresh when the run is due. If it is older, the run waits for the next one.
    Default: any age, or `0s` for a schedule with `after_refresh`."""
    poll: Duration = timedelta(seconds=10)
    """The interval between checks."""
