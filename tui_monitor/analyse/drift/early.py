"""Early charts: CUSUM and EWMA of a signal's mean rank. They are amber only: looked at every minute they are out every few hours by chance.

A row's rank is the share of the reference below it (half of its own bin), so that heavy tails weigh no more than they are worth.
"""

from __future__ import annotations

import math

import numpy as np

from tui_monitor.analyse.drift.judge import Floats

LAMBDA, LIMIT = 0.2, 2.962  # EWMA: 500 checks to a false amber on average (Lucas and Saccucci 1990)
SLACK, DECISION = 0.5, 5.0  # CUSUM: 465 checks (Page 1954)


class Early:
    """Both charts of one signal."""

    def __init__(self) -> None:
        self._up = self._down = self._ewma = 0.0
        self._seen = 0
        self._shares: Floats | None = None  # that rank and variance were made of
        self._rank: Floats = np.zeros(0)
        self._variance = 0.0

    def update(self, counts: Floats, shares: Floats, tau: float) -> None:
        """One check: the rows that came, and what the reference expects of them."""
        if shares is not self._shares:
            self._shares, self._rank = shares, np.cumsum(shares) - shares / 2
            self._variance = float(shares @ (self._rank - 0.5) ** 2)
        came = float(counts.sum())
        if came <= 0 or self._variance <= 0:
            return
        z = (float(counts @ self._rank) / came - 0.5) / math.sqrt(self._variance / came * tau)
        z = max(-8.0, min(8.0, z))  # one slot alone is no trend
        self._up, self._down = max(0.0, self._up + z - SLACK), max(0.0, self._down - z - SLACK)
        self._ewma += LAMBDA * (z - self._ewma)
        self._seen += 1

    def out(self) -> list[str]:
        """The charts that are out."""
        limit = LIMIT * math.sqrt(LAMBDA / (2 - LAMBDA) * (1 - (1 - LAMBDA) ** (2 * self._seen)))
        found = ["CUSUM"] if max(self._up, self._down) > DECISION else []
        return found + (["EWMA"] if self._seen and abs(self._ewma) > limit else [])

    def restart(self) -> None:
        """Begin anew."""
        self._up = self._down = self._ewma = 0.0
        self._seen = 0
