"""Quality numbers with their 95 % intervals, from counts alone."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.old_counts import CELLS, Counts
from tui_monitor.model import Estimate

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution
UNKNOWN = Estimate(None)


def share(hits: float, of: float) -> Estimate:
    """A share with Wilson's interval; unknown where there is nothing to share."""
    if of <= 0:
        return UNKNOWN
    value = hits / of
    middle = (value + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z * math.sqrt(value * (1 - value) / of + Z * Z / (4 * of * of)) / (1 + Z * Z / of)
    return Estimate(value, max(0.0, min(value, middle - half)), min(1.0, max(value, middle + half)))


def accuracy(counts: Counts) -> Estimate:
    """Share of labelled predictions that were right."""
    return share(sum(rows for (label, prediction), rows in counts.confusion.items() if label == prediction), counts.labelled)


def binary(counts: Counts, positive: Collection[str]) -> dict[str, Estimate]:
    """Accuracy, precision, recall, F1 of the positive class, and AUC and calibration where there are scores."""
    true_positive = false_positive = false_negative = right = 0
    for (label, prediction), rows in counts.confusion.items():
        is_positive, said_positive = label in positive, prediction in positive
        true_positive += rows * (is_positive and said_positive)
        false_positive += rows * (said_positive and not is_positive)
        false_negative += rows * (is_positive and not said_positive)
        right += rows * (label == prediction or (is_positive and said_positive))
    result = {
        "accuracy": share(right, counts.labelled),
        "precision": share(true_positive, true_positive + false_positive),
        "recall": share(true_positive, true_positive + false_negative),
        "f1": _f1(share(true_positive, true_positive + false_positive + false_negative)),
    }
    if counts.scores is not None:
        result |= {"auc": auc(counts.scores), "calibration.error": calibration_error(counts.scores)}
    return result


def _f1(overlap: Estimate) -> Estimate:
    """F1 = 2J / (1 + J) grows with J = TP / (TP + FP + FN), which is a share with a proper interval."""
    if overlap.value is None or overlap.low is None or overlap.high is None:
        return UNKNOWN
    value, low, high = (2 * j / (1 + j) for j in (overlap.value, overlap.low, overlap.high))
    return Estimate(value, low, high)


def auc(scores: NDArray[np.int64]) -> Estimate:
    """Chance that a positive row scores higher than a negative one; interval of Hanley and McNeil (1982)."""
    negative, positive = scores[0].astype(float), scores[1].astype(float)
    n, p = negative.sum(), positive.sum()
    if n <= 0 or p <= 0:
        return UNKNOWN
    below = np.cumsum(negative) - negative
    value = float((positive * (below + negative / 2)).sum() / (n * p))
    q1, q2 = value / (2 - value), 2 * value * value / (1 + value)
    variance = (value * (1 - value) + (p - 1) * (q1 - value * value) + (n - 1) * (q2 - value * value)) / (n * p)
    half = Z * math.sqrt(max(variance, 0.0))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def calibration_error(scores: NDArray[np.int64]) -> Estimate:
    """Mean gap between score and share of positive rows, over ten equal steps of the score (ECE)."""
    rows = scores.sum(axis=0).astype(float)
    if rows.sum() <= 0:
        return UNKNOWN
    middles = (np.arange(CELLS) + 0.5) / CELLS
    gaps = (rows * middles - scores[1]).reshape(10, -1).sum(axis=1)
    return Estimate(float(np.abs(gaps).sum() / rows.sum()))


def regression(counts: Counts) -> dict[str, Estimate]:
    """Mean absolute and mean squared error with normal intervals, and the root of the latter."""
    n = counts.labelled
    if n <= 0:
        return dict.fromkeys(("mae", "mse", "rmse"), UNKNOWN)
    absolute, square, fourth = (max(float(total), 0.0) / n for total in counts.loss)
    mae, mse = _mean(absolute, square, n), _mean(square, fourth, n)
    root = Estimate(math.sqrt(square), math.sqrt(mse.low or 0.0), None if mse.high is None else math.sqrt(mse.high))
    return {"mae": mae, "mse": mse, "rmse": root}


def _mean(mean: float, mean_of_squares: float, n: int) -> Estimate:
    if n < 2:
        return Estimate(mean)
    half = Z * math.sqrt(max(mean_of_squares - mean * mean, 0.0) / (n - 1))
    return Estimate(mean, max(0.0, mean - half), mean + half)
