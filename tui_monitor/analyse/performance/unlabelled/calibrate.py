"""What a score means: isotonic regression of the label on the score over a labelled reference.

Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates" (2002).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import MIDDLES
from tui_monitor.analyse.performance.counting.layout import CELLS

Floats = NDArray[np.float64]

MIN_ROWS = 100
MIN_OF_CLASS = 10
_OUTSIDE = 0.001  # a score this far beyond the reference's is no rounding


def pooled(shares: Floats, weights: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The nearest rising steps (least squares), by pooling adjacent violators.

    Pools every falling run at once: neighbours that fall stand in one block of the answer, whatever is pooled first. Shares of whole
    numbers of rows keep the number of passes small.

    Returns:
        The value of each block, and where each begins.
    """
    begins = np.arange(len(shares), dtype=np.int64)
    while len(shares) > 1:
        rises = np.concatenate(([True], np.diff(shares) > 0))
        if rises.all():
            break
        first = np.flatnonzero(rises)
        sums, weights = np.add.reduceat(shares * weights, first), np.add.reduceat(weights, first)
        shares, begins = sums / weights, begins[first]
    return shares, begins


class Calibrator:
    """From a score to the share of rows with that score that were positive in the reference, rising with the score."""

    __slots__ = ("_error", "_x", "_y", "rows")

    def __init__(self, x: Floats, y: Floats, error: tuple[NDArray[np.int64], Floats], rows: int) -> None:
        self._x = x  # rising scores ...
        self._y = y  # ... and what they mean; straight lines between
        self._error = error  # which step of the fit each cell leans on, and the variance of each step
        self.rows = rows  # it was learned from

    @classmethod
    def fit(cls, scores: Floats, positive: NDArray[np.bool_]) -> Self | str:
        """Learn from labelled rows; rows without a score between 0 and 1 do not count.

        Returns:
            The calibrator, or why there is none.
        """
        usable = (scores >= 0.0) & (scores <= 1.0)
        scores, positive = scores[usable], positive[usable]
        n, hits = len(scores), int(positive.sum())
        if n < MIN_ROWS:
            return f"the reference has {n} labelled rows with a score; calibration needs {MIN_ROWS}"
        if min(hits, n - hits) < MIN_OF_CLASS:
            kind = "positive" if hits < n - hits else "negative"
            return f"the reference has {min(hits, n - hits)} {kind} rows with a score; calibration needs {MIN_OF_CLASS}"
        values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
        weights = counts.astype(np.float64)
        steps, begins = pooled(np.bincount(inverse, positive) / weights, weights)
        ends = np.append(begins[1:], len(values)) - 1
        x, y = np.column_stack((values[begins], values[ends])).ravel(), np.repeat(steps, 2)
        kept = np.concatenate(([True], np.diff(x) > 0))  # a block of one score has one point
        x, y = x[kept], y[kept]
        return cls(x, y, _errors(values[ends], np.add.reduceat(weights, begins), steps), n)

    def of(self, scores: Floats) -> Floats:
        """The calibrated chance of being positive; nan where a score is nan. Beyond the reference's scores it stays level."""
        return np.interp(scores, self._x, self._y)

    def variance(self, pull: Floats) -> float:
        """How far a number may be off because the reference was finite.

        Each step of the fit is the share of some reference rows, and errs like a share of so many rows; steps err apart from each other.
        A step that many rows of the window lean on, and few of the reference hold, counts most: a shift makes the estimate less sure.

        Args:
            pull: how much the number changes, for each of the ordered cells of the score, when the calibrated chance of its rows rises by 1.
        """
        group, squares = self._error
        return float((np.bincount(group, pull, len(squares)) ** 2 * squares).sum())

    def outside(self, cells: NDArray[np.generic]) -> float:
        """Share of the rows whose score is beyond all scores of the reference.

        Args:
            cells: rows by step of the score.
        """
        total = float(cells.sum())
        if total <= 0:
            return 0.0
        low, high = max(self._x[0] - _OUTSIDE, 0.0), min(self._x[-1] + _OUTSIDE, 1.0)
        first, last = min(int(low * CELLS), CELLS - 1), min(int(high * CELLS), CELLS - 1)
        return 1.0 - float(cells[first : last + 1].sum()) / total

    def saved(self) -> list[list[float]]:
        """Plain lists, for a file; `restored` reads them."""
        group, squares = self._error
        return [self._x.tolist(), self._y.tolist(), group.tolist(), squares.tolist(), [float(self.rows)]]

    @classmethod
    def restored(cls, saved: list[list[float]]) -> Self:
        """What `saved` gave.

        Raises:
            ValueError: it is not what `saved` gave.
        """
        if len(saved) != 5:
            raise ValueError("this is no saved calibration")
        x, y, group, squares, rows = (np.asarray(column, dtype=np.float64) for column in saved)
        groups = group.astype(np.int64)
        fits = len(x) == len(y) > 0 and len(groups) == len(MIDDLES) and len(rows) == 1 and groups.min() >= 0 and groups.max() < len(squares)
        if not fits or not all(np.isfinite(column).all() for column in (x, y, squares, rows)) or (np.diff(x) <= 0).any():
            raise ValueError("this is no saved calibration")
        return cls(x, y, (groups, squares), int(rows[0]))


class ClassCalibrator:
    """Of several classes: one against the rest for each, normalised; and what that meant for the predicted class.

    A class with too few rows of its own takes what a score means over all classes.
    """

    __slots__ = ("_each", "_right", "rows")

    def __init__(self, each: list[Calibrator], right: Calibrator | None, rows: int) -> None:
        self._each = each
        self._right = right  # from the normalised chance of the predicted class to how often it was right
        self.rows = rows  # it was learned from

    @classmethod
    def fit(cls, scores: Floats, labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> Self | str:
        """Learn from labelled rows: `scores[n, K]`, and the numbers of each row's class and of the one that was predicted.

        Returns:
            The calibrator, or why there is none.
        """
        known = (labels >= 0) & np.isfinite(scores).any(axis=1)
        scores, labels, predictions = scores[known], labels[known], predictions[known]
        if len(labels) < MIN_ROWS:
            return f"the reference has {len(labels)} labelled rows with scores; calibration needs {MIN_ROWS}"
        hit = labels[:, None] == np.arange(scores.shape[1])
        together = Calibrator.fit(scores.ravel(), hit.ravel())
        if isinstance(together, str):
            return together
        fitted = [Calibrator.fit(scores[:, k], hit[:, k]) for k in range(scores.shape[1])]
        result = cls([together if isinstance(one, str) else one for one in fitted], None, len(labels))
        right = Calibrator.fit(result.of(scores, predictions), labels == predictions)
        result._right = None if isinstance(right, str) else right
        return result

    def of(self, scores: Floats, predictions: NDArray[np.integer]) -> Floats:
        """The calibrated chance that each prediction is right; nan where the scores of the row do not say."""
        classes = min(scores.shape[1], len(self._each))
        chances = np.column_stack([self._each[k].of(scores[:, k]) for k in range(classes)])
        total = np.nansum(chances, axis=1)
        known = (predictions >= 0) & (predictions < classes) & (total > 0)
        result = np.full(len(scores), np.nan)
        result[known] = chances[known, predictions[known]] / total[known]
        return result if self._right is None else self._right.of(result)

    def saved(self) -> list[list[list[float]]]:
        """Plain lists, for a file; `restored` reads them."""
        return [[] if self._right is None else self._right.saved(), *(one.saved() for one in self._each), [[float(self.rows)]]]

    @classmethod
    def restored(cls, saved: list[list[list[float]]]) -> Self:
        """What `saved` gave.

        Raises:
            ValueError: it is not what `saved` gave.
        """
        if len(saved) < 3 or len(saved[-1]) != 1 or len(saved[-1][0]) != 1:
            raise ValueError("this is no saved calibration")
        right, *each, [[rows]] = saved
        return cls([Calibrator.restored(one) for one in each], Calibrator.restored(right) if right else None, int(rows))


def _errors(ends: Floats, rows: Floats, shares: Floats) -> tuple[NDArray[np.int64], Floats]:
    """For each cell the group of steps that it leans on, and for each group the variance of its share (with half a row of either kind)."""
    block = np.minimum(np.searchsorted(ends, MIDDLES), len(ends) - 1)
    leaned_on, group = np.unique(block, return_inverse=True)
    of_block = np.minimum(
        np.searchsorted(leaned_on, np.arange(len(ends))), len(leaned_on) - 1
    )  # steps narrower than a cell go with the next
    n = np.bincount(of_block, rows, len(leaned_on))
    share = (np.bincount(of_block, rows * shares, len(leaned_on)) + 0.5) / (n + 1)
    return group.astype(np.int64), share * (1 - share) / n
