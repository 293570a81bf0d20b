"""What is usual for a log: as its reference shows, else as learned from its own first part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Batch
from tui_monitor.analyse.performance.counting.layout import Layout
from tui_monitor.analyse.performance.live.standing import Learning, Line, line_of

LEARNED_EVERY_S = 60.0
_LARGEST = 1e70  # an error whose square is still a number


def each_row(batch: Batch, layout: Layout) -> NDArray[np.float64]:
    """What the number that speaks for the log is a mean of, of rows with labels: right or not, or the size of the error."""
    if layout.regression:
        return np.minimum(np.abs(np.asarray(batch.prediction - batch.label, np.float64)), _LARGEST)
    return np.asarray(layout.as_one(batch.prediction) == layout.as_one(batch.label), np.float64)


def line_over(at_s: NDArray[np.float64], x: NDArray[np.float64]) -> Line | None:
    """The usual over a whole reference: by five minutes, or by hundreds of rows where its times are too near to cut it so."""
    if not len(x):
        return None
    number = np.floor(at_s / 300.0).astype(np.int64)
    parts = np.unique(number, return_inverse=True)[1].ravel()
    if parts[-1] < 20 or len(x) < 20 * (parts[-1] + 1):
        parts = np.arange(len(x)) // max(50, len(x) // 288)
    n, total, squares = (np.bincount(parts, values).astype(np.float64) for values in (np.ones(len(x)), x, x * x))
    return line_of(n, total, squares)


class Usual:
    """The usual of one log.

    Args:
        key: the number that it is about.
        given: from a reference; then nothing is learned.
        has_reference: whether there is one, even if it says too little to give a line.
    """

    def __init__(self, key: str, given: Line | None = None, *, has_reference: bool = False) -> None:
        self._key = key
        self._has_reference = has_reference
        self._line = given
        self._learning = Learning()
        self._learned_s = -math.inf

    def add_rows(self, at_s: NDArray[np.float64]) -> None:
        """Predictions."""
        if not self._has_reference:
            self._learning.add_rows(at_s)

    def add_labelled(self, at_s: NDArray[np.float64], x: NDArray[np.float64]) -> None:
        """Rows with a label, as `each_row` has them."""
        if not self._has_reference:
            self._learning.add_labelled(at_s, x)

    def deployed(self) -> None:
        """A new version is learned anew; what was usual holds until that is known."""
        self._learning = Learning()

    def line(self, now_s: float, *, well: bool, deploys: int) -> Line | None:
        """What is usual at a moment.

        Args:
            now_s: the moment.
            well: whether the log stands well; what happens while it does not is no usual.
            deploys: versions that were seen. One that does worse than what was usual does not become what is usual.
        """
        due = not self._has_reference and not self._learning.done and not 0 <= now_s - self._learned_s < LEARNED_EVERY_S
        if well and due:
            self._learned_s = now_s
            fresh = self._learning.line(now_s)
            if fresh is not None and (deploys < 2 or self._no_worse(fresh)):
                self._line = fresh
        return self._line

    def _no_worse(self, fresh: Line) -> bool:
        if self._line is None:
            return True
        distance = self._line.distance(fresh.mean, fresh.rows)
        return (distance if self._key == "mae" else -distance) <= 1.0

    @property
    def learned_from(self) -> int:
        """Labelled rows that it was learned from; 0 where it was not."""
        return 0 if self._has_reference or self._line is None else self._line.rows

    def plain(self) -> list[Any]:
        """As values that can be written."""
        return [self._learning.plain(), None if self._has_reference or self._line is None else list(self._line)]

    def restore(self, plain: list[Any]) -> None:
        """Go on with what `plain` gave; a reference that is there now is worth more.

        Raises:
            ValueError: it is damaged.
        """
        learning, line = Learning.from_plain(plain[0]), None
        if plain[1] is not None:
            middle, variance, rows, parts, settled = plain[1]
            line = Line(float(middle), float(variance), int(rows), int(parts), bool(settled))
        if not self._has_reference:
            self._learning, self._line = learning, line
