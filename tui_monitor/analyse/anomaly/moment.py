"""A minute as the forecasts see it: which hour of which day, and how much of that hour is over."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import NamedTuple

HOURS_OF_DAY, HOURS_OF_WEEK = 24, 168


class Moment(NamedTuple):
    """Made once a minute for all series."""

    at_s: float
    minute: int  # since 1970
    hour: int  # local: 24 times the day's ordinal and the hour; modulo 168 it is the hour of the week
    part: float  # of the hour, 0..1


def moment(at_s: float, zone: tzinfo | None = None) -> Moment:
    """The moment of a wall clock; None: in the host's own zone. Where summer time begins an hour is missing, where it ends one comes twice."""
    at = datetime.fromtimestamp(at_s, zone)
    return Moment(at_s, int(at_s // 60), at.toordinal() * HOURS_OF_DAY + at.hour, (at.minute * 60 + at.second) / 3600)
