"""How wide a band must be so that it is rarely left: learned from what each hour would have needed.

An anomaly is three of five minutes outside, so for each hour that is over the widest "third of five" is kept, in units of its spread: a band
of that width would just not have called the hour one. Whatever the numbers are made of (correlated, bursty, heavy tails), those maxima are the
right thing to learn from. Their distribution is continued to one in `RARE_HOURS` as a Gumbel distribution (Fisher and Tippett 1928: the law of
maxima) through their median and their 90 % quantile, or through those of 90 and 99 % where bursts make the tail a thing of its own, and never
ends below the third largest hour itself.
"""

from __future__ import annotations

import math
from array import array

from tui_monitor.analyse.anomaly.profile import KEPT_HOURS

RARE_HOURS = 5 * 365.25 * 24
_MEDIAN, _NINETY, _TOP = (-math.log(-math.log(share)) for share in (0.5, 0.9, 0.99))  # reduced quantiles of the Gumbel distribution
NEEDED_HOURS, TAIL_HOURS = 24, 168
MARGIN = 1.15  # beyond the worst hours that were seen


class Needs:
    """What each of the hours of four weeks needed, on one side."""

    __slots__ = ("_at", "_needs")

    def __init__(self, needs: bytes = b"", at: int = 0) -> None:
        """Empty, or what `kept` gave.

        Raises:
            ValueError: it is damaged.
        """
        self._needs, self._at = array("f", needs), at
        if len(self._needs) > KEPT_HOURS or not 0 <= at < KEPT_HOURS:
            raise ValueError("too many hours")

    def kept(self) -> tuple[bytes, int]:
        """What `Needs` is made of again."""
        return self._needs.tobytes(), self._at

    def __len__(self) -> int:
        return len(self._needs)

    def add(self, need: float) -> None:
        """One more hour; of more than four weeks the oldest goes."""
        if len(self._needs) < KEPT_HOURS:
            self._needs.append(need)
        else:
            self._needs[self._at] = need
            self._at = (self._at + 1) % KEPT_HOURS

    def width(self) -> float | None:
        """Spreads that the band must reach on this side; None while too few hours are known."""
        count = len(self._needs)
        if count < NEEDED_HOURS:
            return None
        ordered = sorted(self._needs)
        middle, high = ordered[count // 2], ordered[min(count - 1, round(0.9 * count))]
        rare = _rare(middle, _MEDIAN, high, _NINETY)
        if count >= TAIL_HOURS:  # rare bursts: the tail beyond the bulk is longer than the bulk says
            rare = max(rare, _rare(high, _NINETY, ordered[min(count - 1, round(0.99 * count))], _TOP))
        worst = ordered[-1] if count < TAIL_HOURS else ordered[-3]
        return max(rare * (1 + 1.5 / math.sqrt(count)), worst * MARGIN * (1 + 1 / math.sqrt(count)), 3.0)


def _rare(low: float, low_at: float, high: float, high_at: float) -> float:
    """The straight line through two quantiles over their reduced values, at one hour in `RARE_HOURS`."""
    scale = max(high - low, 0.1 * abs(low)) / (high_at - low_at)
    return low + scale * (math.log(RARE_HOURS) - low_at)
