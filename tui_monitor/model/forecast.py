"""What was expected of a number, when it left that, and when something will be full."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Forecast(Struct, frozen=True, kw_only=True):
    """A number that is outside of what was expected, or something that fills up."""

    subject: str  # as charts name it: "host", "gpu0", a target, a mount
    kind: str  # of the subject: host disk gpu target query
    key: str
    value: float | None = None
    expected: float | None = None
    low: float | None = None  # the band: at most three of five minutes outside it, in years
    high: float | None = None
    outside_since: datetime | None = None  # None: it is inside, and stands here because it fills up
    full_in_s: float | None = None
    full_low_s: float | None = None
    full_high_s: float | None = None  # None: it may never be full
    why: str = ""  # one sentence

    @property
    def far(self) -> float | None:
        """Half widths of the band between the value and what is expected: above 1 it is outside."""
        if self.value is None or self.expected is None or self.low is None or self.high is None:
            return None
        edge = self.high - self.expected if self.value >= self.expected else self.expected - self.low
        return abs(self.value - self.expected) / edge if edge > 0 else None
