"""Until when: a duration or a time of day as a person types it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tui_monitor.ui import format as fmt
from tui_monitor.vocabulary import seconds

HINT = "90s, 30m, 2h, 1d or a time: 16:30"


class EndError(ValueError):
    """It cannot be read, or is no end; `str(error)` is the line for the user."""


def end_of(text: str, now: datetime, *, utc: bool) -> datetime:
    """The moment that is meant: so long from now, or the next time that the clock shows it.

    Raises:
        EndError: nothing, neither a duration nor a time, or not in the future.
    """
    text = text.strip()
    if not text:
        raise EndError(f"say until when: {HINT}")
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if clock is not None:
        hour, minute = int(clock[1]), int(clock[2])
        if hour > 23 or minute > 59:
            raise EndError(f"{text} is no time of day")
        there = fmt.local(now, utc=utc).replace(hour=hour, minute=minute, second=0, microsecond=0)
        return there if there > now else there + timedelta(days=1)
    try:
        span_s = seconds(text)
    except ValueError:
        raise EndError(f"write {HINT}") from None
    if not 1 <= span_s <= 366 * 86400:
        raise EndError("between 1s and 366d")
    return now + timedelta(seconds=span_s)
