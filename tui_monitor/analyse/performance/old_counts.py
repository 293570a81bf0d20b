"""Counts from which every quality number follows: they add and subtract, so any window is a sum of slots."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

CELLS = 500  # of the score's histogram; AUC is exact up to scores that share a cell


class Counts:
    """Predictions of one slot of time, or of one window."""

    __slots__ = ("confusion", "labelled", "loss", "rows", "scores")

    def __init__(self) -> None:
        self.rows = 0  # predictions
        self.labelled = 0  # of them, with a label
        self.confusion: Counter[tuple[str, str]] = Counter()  # (label, prediction) -> rows
        self.scores: NDArray[np.int64] | None = None  # 2 x CELLS: negative and positive rows by score
        self.loss = np.zeros(3)  # sums of |error|, error squared, error to the fourth

    def score(self, positive: bool, score: float, sign: int = 1) -> None:  # noqa: FBT001
        """A labelled row's score, 0..1."""
        if self.scores is None:
            self.scores = np.zeros((2, CELLS), dtype=np.int64)
        self.scores[int(positive), min(int(score * CELLS), CELLS - 1)] += sign

    def error(self, error: float) -> None:
        """A labelled row's error, prediction - label."""
        square = error * error
        self.loss += (abs(error), square, square * square)

    def subtract(self, other: Counts) -> None:
        """Take a slot out of a window."""
        self.rows -= other.rows
        self.labelled -= other.labelled
        for cell, rows in other.confusion.items():
            left = self.confusion[cell] - rows
            if left > 0:
                self.confusion[cell] = left
            else:
                del self.confusion[cell]
        if other.scores is not None and self.scores is not None:
            self.scores -= other.scores
        self.loss -= other.loss
        if not self.labelled:
            self.loss[:] = 0.0  # no rounding left behind
