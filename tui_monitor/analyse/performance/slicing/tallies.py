"""The rows behind one quality number: how many were right of how many, or the sums of an error. Two of them can be held against each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.counting.layout import SAME
from tui_monitor.analyse.performance.numbers.intervals import mean, share
from tui_monitor.model import Estimate

SHARES = ("accuracy", "precision", "recall", "selection.rate")
MEANS = ("mae", "mse", "log_loss", "brier")  # high is bad


class Share(NamedTuple):
    """Rows that were right, of those that could be."""

    hits: float
    n: int

    @property
    def estimate(self) -> Estimate:
        """With Wilson's interval."""
        return share(self.hits, self.n)

    def without(self, part: Share) -> Share:
        """The rest of the rows."""
        return Share(self.hits - part.hits, self.n - part.n)


class Mean(NamedTuple):
    """Sums of an error that is never negative, and of its square."""

    total: float
    squares: float
    n: int

    @property
    def estimate(self) -> Estimate:
        """With Student's interval."""
        return mean(self.total, self.squares, self.n, floor=0.0)

    def without(self, part: Mean) -> Mean:
        """The rest of the rows; sums of floats, so that a little may be lost by rounding."""
        return Mean(max(self.total - part.total, 0.0), max(self.squares - part.squares, 0.0), self.n - part.n)


def main_key(task: str) -> str:
    """The number that speaks for a log where nobody says which."""
    return "mae" if task == "regression" else "accuracy"


def tally(counts: Counts, key: str) -> Share | Mean | None:
    """What a number rests on; None where the log has no such number, or where it is neither a share nor a mean (F1, AUC)."""
    counts.fit()
    if key in MEANS:
        return _mean(counts, key)
    if key not in SHARES or counts.layout.regression:
        return None
    table = labels_by_predictions(counts)
    if key == "accuracy":
        return Share(float(np.trace(table)), int(table.sum()))
    positive = counts.layout.positives()
    if not positive.any():
        return None
    if key == "selection.rate":
        return Share(float(counts.predicted[positive].sum()), counts.rows)
    hits = float(table[np.ix_(positive, positive)].sum())
    return Share(hits, int(table[positive].sum() if key == "recall" else table[:, positive].sum()))


def _mean(counts: Counts, key: str) -> Mean | None:
    if key in ("mae", "mse"):
        if not counts.layout.regression:
            return None
        _, size, square, fourth = (float(x) for x in counts["errors"])
        return Mean(size, square, counts.labelled) if key == "mae" else Mean(square, fourth, counts.labelled)
    if key not in counts:
        return None
    total, squares = (float(x) for x in counts[key])
    return Mean(total, squares, int(counts["scored"][0]))


def labels_by_predictions(counts: Counts) -> NDArray[np.int64]:
    """Label x prediction, in the order of `classes.names`; of a binary log `1` and `true` are one class, and `0` and `false`."""
    table = counts.confusion
    names = counts.layout.classes.names
    if counts.layout.task == "binary":
        for number, word in SAME:
            if number in names and word in names:
                to, of = names.index(number), names.index(word)
                table[to] += table[of]
                table[:, to] += table[:, of]
                table[of] = table[:, of] = 0
    return table
