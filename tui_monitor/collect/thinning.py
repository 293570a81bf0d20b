"""Fewer rows than come, when too many come: a share of them, chosen by a hash of the id, so that a row and its label stay together."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

SMALLEST = 2.0**-20
OVER = 1.2  # times the limit, before fewer are kept
UNDER = 0.8  # times the limit that twice as many would stay under, before more are kept
CALM_S = 60.0  # for so long
_MIX, _MASK = 2654435761, 0xFFFFFFFF  # Knuth's multiplier: neighbouring ids lie far apart


def place(identity: str) -> float:
    """Where an id stands in 0..1, the same in every run; a row is kept when it stands below the share."""
    return (zlib.crc32(identity.encode()) * _MIX & _MASK) / (_MASK + 1)


def span_s(times: Sequence[float]) -> float:
    """How long rows took to be written: their times without the outermost twentieths, made up for those."""
    if len(times) < 20:
        return 0.0
    some = sorted(times)
    cut = len(some) // 20
    return (some[-1 - cut] - some[cut]) / 0.9


class Thinning:
    """The share of rows that is kept: halved at once when too many come, doubled after a calm minute."""

    def __init__(self, rows_per_second: float, horizon_s: float = 86400.0) -> None:
        """`rows_per_second` of 0 or less: every row is kept. `horizon_s`: how long labels may take."""
        self.share = 1.0
        self._limit, self._horizon_s = rows_per_second, horizon_s
        self._calm_since_s: float | None = None
        self._read_at_s: float | None = None
        self._used: dict[float, float] = {}  # share -> when it was in force last

    @property
    def widest(self) -> float:
        """The largest share within the horizon: rows whose id stands above it were never kept, and their labels find nothing."""
        return max(self._used, default=1.0)

    def adapt(self, rows: int, times: Sequence[float], now_s: float) -> None:
        """Looks at one batch before it is used.

        A log that is caught up with comes faster than it was written: the rows' own times count where they took longer than the reading.

        Args:
            rows: how many came.
            times: of some of them, evenly drawn, seconds since 1970.
            now_s: of any clock that goes on evenly.
        """
        waited_s = 0.0 if self._read_at_s is None else max(0.0, now_s - self._read_at_s)
        self._read_at_s = now_s
        took_s = max(waited_s, span_s(times), 1.0)
        if self._limit <= 0 or not rows:
            return
        rate = rows / took_s
        while rate * self.share > OVER * self._limit and self.share > SMALLEST:
            self.share /= 2
            self._calm_since_s = None
        if self.share < 1.0 and rate * self.share * 2 < UNDER * self._limit:
            if self._calm_since_s is None:
                self._calm_since_s = now_s
            elif now_s - self._calm_since_s >= CALM_S:
                self.share *= 2
                self._calm_since_s = now_s
        else:
            self._calm_since_s = None
        self._used[self.share] = now_s
        for share in [share for share, at_s in self._used.items() if now_s - at_s > self._horizon_s]:
            del self._used[share]
