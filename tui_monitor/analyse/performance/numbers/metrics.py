"""Every quality number with its 95 % interval and the rows it rests on, from counts alone.

Values are those of scikit-learn with `zero_division=0`, averages over the classes that occur as label or prediction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Counts, FloatArray
from tui_monitor.analyse.performance.counting.layout import BINS, CELLS
from tui_monitor.analyse.performance.numbers.costs import cost
from tui_monitor.analyse.performance.numbers.intervals import Z, mean, root, share, unknown, wilson, within
from tui_monitor.analyse.performance.slicing.tallies import labels_by_predictions
from tui_monitor.model import Calibration, ClassScore, Estimate

AVERAGED = tuple(f"{name}.{kind}" for kind in ("macro", "weighted") for name in ("precision", "recall", "f1"))
CLASS_KEYS = ("accuracy", *AVERAGED, "f1.micro")
BINARY_KEYS = ("accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "calibration.error", *AVERAGED, "f1.micro")
REGRESSION_KEYS = ("mae", "mse", "rmse", "bias")
_FINE = 1e-6  # of a bound that is searched for


def measured(counts: Counts) -> dict[str, Estimate]:
    """All numbers of the log's task that need labels; each is there, without a value where it cannot be told.

    `business.NAME` and `business.NAME.sum` need none: they are about all predictions.
    """
    counts.fit()
    task = counts.layout.task
    if task == "regression":
        result = regression(counts)
    else:
        table = _told_apart(counts)
        result = (binary(counts, table) if task == "binary" else {"accuracy": accuracy(table)}) | averaged(table)
        if task != "binary" and "log_loss" in counts:
            result["log_loss"] = _log_loss(counts)
        if counts.layout.costs:
            result["cost"] = cost(counts)
    return result | business(counts)


def headline(counts: Counts) -> dict[str, Estimate]:
    """Of `measured` what is looked at in every slice of a log all the time: it costs a tenth of the rest."""
    counts.fit()
    task = counts.layout.task
    if task == "regression":
        errors = regression(counts)
        return {"mae": errors["mae"], "bias": errors["bias"]} | business(counts)
    table = _told_apart(counts)
    result = confused(counts, table) if task == "binary" else {"accuracy": accuracy(table)}
    if counts.layout.costs:
        result["cost"] = cost(counts)
    return result | business(counts)


def coverage(counts: Counts) -> Estimate:
    """Share of the predictions whose label is known."""
    return share(counts.labelled, counts.rows)


# -- from the confusion matrix ------------------------------------------------------------------------------------------------------------


def accuracy(table: FloatArray) -> Estimate:
    """Share of labelled predictions that were right."""
    return share(float(np.trace(table)), float(table.sum()))


def confused(counts: Counts, table: FloatArray) -> dict[str, Estimate]:
    """Numbers of the positive class against all others."""
    is_positive = counts.layout.positives()[_order(counts)]
    true_positive = float(table[is_positive][:, is_positive].sum())
    said, was = float(table[:, is_positive].sum()), float(table[is_positive].sum())
    n = float(table.sum())
    return {
        "accuracy": accuracy(table),
        "precision": _share_or_zero(true_positive, said, n),
        "recall": _share_or_zero(true_positive, was, n),
        "f1": f1(_share_or_zero(true_positive, said + was - true_positive, n)),
    }


def binary(counts: Counts, table: FloatArray) -> dict[str, Estimate]:
    """Numbers of the positive class against all others, and those of its score."""
    result = confused(counts, table)
    if "cells" not in counts:
        return result | dict.fromkeys(("auc", "log_loss", "brier", "calibration.error"), unknown())
    scored, (total, squares) = int(counts["scored"][0]), counts["brier"].tolist()
    return result | {
        "auc": auc(counts.ordered_cells),
        "log_loss": _log_loss(counts),
        "brier": within(total / scored, _variance(total, squares, scored), scored, scored) if scored else unknown(),
        "calibration.error": calibration_error(counts),
    }


def _share_or_zero(hits: float, of: float, rows: float) -> Estimate:
    """A share; 0 with an interval of everything where rows have labels and none of them is of this kind."""
    return Estimate(0.0, 0.0, 1.0, n=0) if rows and not of else share(hits, of)


def f1(overlap: Estimate) -> Estimate:
    """F1 = 2J / (1 + J) grows with J = TP / (TP + FP + FN), which is a share with a proper interval."""
    if overlap.value is None or overlap.low is None or overlap.high is None:
        return overlap
    value, low, high = (2 * j / (1 + j) for j in (overlap.value, overlap.low, overlap.high))
    return Estimate(value, low, high, n=overlap.n)


def averaged(table: FloatArray) -> dict[str, Estimate]:
    """Macro and weighted averages over the classes, and micro F1.

    Their variance is that of the delta method on the multinomial of label x prediction, taken at a table with one row more for each class
    that occurs: half of it right, half spread over the others, so that a class that was never mistaken still leaves doubt.
    """
    n = float(table.sum())
    if not n:
        return dict.fromkeys((*AVERAGED, "f1.micro"), unknown())
    occurs = (table.sum(axis=0) + table.sum(axis=1)) > 0
    table = table[occurs][:, occurs]
    right = accuracy(table)
    if len(table) == 1:  # all rows right, in one class
        return dict.fromkeys((*AVERAGED, "f1.micro"), right)
    values = {key: min(float(weight @ each), 1.0) for key, each, weight, _ in _averages(table)}  # weights may sum to a rounding more than 1
    k = len(table)
    smooth = table + 0.5 / (k - 1)
    np.fill_diagonal(smooth, np.diagonal(table) + 0.5)
    smooth *= n / smooth.sum()
    result: dict[str, Estimate] = {}
    for key, each, weight, slope in _averages(smooth):
        if key == "recall.weighted":
            continue
        value = float(weight @ each)
        gradient = slope(weight)
        if key.endswith("weighted"):  # the weights move with the labels too
            gradient += ((each - value) / n)[:, None]
        pull = float((smooth * gradient).sum())
        variance = float((smooth * gradient * gradient).sum()) - pull * pull / n
        rows = value * (1 - value) / variance if variance > 0 else n
        low, high = wilson(values[key], rows)
        result[key] = Estimate(values[key], low, high, n=int(n))
    result["recall.weighted"] = right  # the same number by another name, and as a share it has a better interval
    result["f1.micro"] = right
    return {key: result[key] for key in (*AVERAGED, "f1.micro")}


class _Average(NamedTuple):
    key: str
    each: FloatArray  # the number of every class
    weight: FloatArray  # of every class
    slope: Callable[[FloatArray], FloatArray]  # weights -> by how much each cell of the table moves their mean


def _averages(table: FloatArray) -> Iterator[_Average]:
    hits, was, said = np.diagonal(table), table.sum(axis=1), table.sum(axis=0)
    per_said, per_was, per_both = _inverse(said), _inverse(was), _inverse(said + was)
    precision, recall, f = hits * per_said, hits * per_was, 2 * hits * per_both

    def of_precision(weight: FloatArray) -> FloatArray:
        part = weight * per_said
        return np.diag(part) - (precision * part)[None, :]

    def of_recall(weight: FloatArray) -> FloatArray:
        part = weight * per_was
        return np.diag(part) - (recall * part)[:, None]

    def of_f1(weight: FloatArray) -> FloatArray:
        part = weight * per_both
        return np.diag(2 * part) - np.add.outer(f * part, f * part)

    for kind, weight in (("macro", np.full(len(was), 1 / len(was))), ("weighted", was / was.sum())):
        yield _Average(f"precision.{kind}", precision, weight, of_precision)
        yield _Average(f"recall.{kind}", recall, weight, of_recall)
        yield _Average(f"f1.{kind}", f, weight, of_f1)


def _inverse(count: FloatArray) -> FloatArray:
    return np.divide(1.0, count, out=np.zeros_like(count), where=count > 0)


def class_scores(counts: Counts) -> dict[str, ClassScore]:
    """How well each class is told that occurs as label or prediction."""
    counts.fit()
    table = _told_apart(counts)
    hits, was, said = np.diagonal(table), table.sum(axis=1), table.sum(axis=0)
    precision, recall, f = hits * _inverse(said), hits * _inverse(was), 2 * hits * _inverse(said + was)
    return {
        name: ClassScore(int(was[at]), float(precision[at]), float(recall[at]), float(f[at]))
        for at, name in enumerate(counts.layout.classes.listed())
        if was[at] or said[at]
    }


def confusion(counts: Counts) -> list[list[int]]:
    """Label x prediction, both in the order of `classes.listed()`."""
    order = _order(counts)
    result: list[list[int]] = counts.confusion[order][:, order].tolist()
    return result


def _order(counts: Counts) -> NDArray[np.intp]:
    return np.asarray(counts.layout.classes.order(), dtype=np.intp)


def _told_apart(counts: Counts) -> FloatArray:
    """Label x prediction in the order to show."""
    order = _order(counts)
    return labels_by_predictions(counts)[order][:, order].astype(np.float64)


# -- from the scores ----------------------------------------------------------------------------------------------------------------------


def auc(cells: FloatArray | NDArray[np.int64]) -> Estimate:
    """Chance that a positive row scores higher than a negative one; those of one cell count half.

    Variance of DeLong, DeLong and Clarke-Pearson (1988), which cells give as well as rows; with one row of a kind that of Hanley and
    McNeil (1982).
    """
    negative, positive = cells[0].astype(np.float64), cells[1].astype(np.float64)
    n, p = float(negative.sum()), float(positive.sum())
    if n <= 0 or p <= 0:
        return unknown(round(n + p))
    below = (np.cumsum(negative) - negative / 2) / n  # of a positive row: share of the negatives under it
    above = 1 - (np.cumsum(positive) - positive / 2) / p
    value = float(positive @ below / p)
    if n > 1 and p > 1:
        variance = float(positive @ (below - value) ** 2 / (p - 1) / p + negative @ (above - value) ** 2 / (n - 1) / n)
    else:
        q1, q2 = value / (2 - value), 2 * value * value / (1 + value)
        variance = (value * (1 - value) + (p - 1) * (q1 - value * value) + (n - 1) * (q2 - value * value)) / (n * p)
    return within(value, variance, min(n, p), round(n + p))


def _log_loss(counts: Counts) -> Estimate:
    total, squares = counts["log_loss"].tolist()
    return mean(total, squares, int(counts["scored"][0]), floor=0.0)


def _variance(total: float, squares: float, n: int) -> float:
    """Of a mean."""
    return max(squares / n - (total / n) ** 2, 0.0) / (n - 1) if n > 1 else 0.0


def _bins(counts: Counts) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of ten equal steps of the score: rows, sum of their scores, positive rows."""
    cells = counts["cells"].reshape(2, BINS, CELLS // BINS).sum(axis=2)
    return cells.sum(axis=0), np.maximum(counts["bin_scores"], 0.0), cells[1]


def calibration(counts: Counts) -> Calibration | None:
    """The calibration plot of a binary log with scores."""
    if "cells" not in counts:
        return None
    rows, scores, positive = _bins(counts)
    there = rows > 0
    return Calibration(
        n=[int(x) for x in rows],
        score=[float(s / n) if is_there else None for s, n, is_there in zip(scores, rows, there, strict=True)],
        share=[float(p / n) if is_there else None for p, n, is_there in zip(positive, rows, there, strict=True)],
    )


def calibration_error(counts: Counts) -> Estimate:
    """Mean gap between score and share of positive rows, over ten equal steps of the score (ECE).

    Chance alone makes gaps, so the value is too high by about their size, and the interval may lie low around it: it holds those true
    gaps under which this value is no surprise. With a normal error in each step the value is a sum of folded normal distributions (Leone,
    Nelson and Nottingham 1961), whose mean and variance are known; true gaps are taken in the proportions of those that were seen.
    """
    rows, scores, positive = _bins(counts)
    n = float(rows.sum())
    if n <= 0:
        return unknown()
    there = rows > 0
    rows, scores, positive = rows[there], scores[there], positive[there]
    gap = np.abs(scores - positive) / n
    value = float(gap.sum())
    smooth = (positive + 1) / (rows + 2)
    noise = np.sqrt(rows * smooth * (1 - smooth)) / n
    steps = list(zip(np.hypot(gap, noise).tolist(), noise.tolist(), strict=True))
    size = sum(shape for shape, _ in steps)
    low, high = (size * _stretch(steps, value, z) for z in (Z, -Z))
    return Estimate(value, min(value, low), max(value, min(1.0, high)), n=round(n))


def _stretch(steps: list[tuple[float, float]], value: float, z: float) -> float:
    """By how much the gaps have to be stretched so that the value is z standard deviations above what they let expect; 0 or more."""

    def reached(stretch: float) -> float:
        mean_of_sum = variance = 0.0
        for shape, sd in steps:
            gap = stretch * shape
            ratio = gap / sd
            folded = sd * math.sqrt(2 / math.pi) * math.exp(-ratio * ratio / 2) + gap * math.erf(ratio / math.sqrt(2))
            mean_of_sum += folded
            variance += max(gap * gap + sd * sd - folded * folded, 0.0)
        return mean_of_sum + z * math.sqrt(variance)

    few, many = 0.0, 1.0
    under, over = reached(few) - value, reached(many) - value
    if under >= 0:
        return 0.0
    while over < 0:
        few, under, many = many, over, 2 * many
        over = reached(many) - value
    while many - few > _FINE * many:  # false position, with a half of the end that stays (Dowell and Jarratt 1971, the Illinois method)
        middle = (few * over - many * under) / (over - under)
        there = reached(middle) - value
        if abs(there) <= _FINE * value:
            return middle
        if there < 0:
            few, under, over = middle, there, over / 2
        else:
            many, over, under = middle, there, under / 2
    return many


# -- without classes ----------------------------------------------------------------------------------------------------------------------


def regression(counts: Counts) -> dict[str, Estimate]:
    """Mean absolute, mean squared and root mean squared error, and the mean of prediction - label."""
    n = counts.labelled
    error, size, square, fourth = counts["errors"].tolist()
    mse = mean(square, fourth, n, floor=0.0)
    return {"mae": mean(size, square, n, floor=0.0), "mse": mse, "rmse": root(mse), "bias": mean(error, square, n)}


def business(counts: Counts) -> dict[str, Estimate]:
    """Of each counter its mean a prediction (`business.NAME`) and its sum (`business.NAME.sum`), over the rows that have the number.

    A counter of nothing but 0 and 1, such as clicks, is a share and has Wilson's interval. The sum's interval says what another window
    with the same traffic could bring: rows that come at random, each with a number of its own, so its variance is the sum of squares.
    """
    if "counters" not in counts:
        return {}
    result: dict[str, Estimate] = {}
    for name, (rows, total, squares) in zip(counts.layout.counters, counts["counters"].tolist(), strict=True):
        n = round(rows)
        is_share = total == squares and 0 <= total <= rows
        result[f"business.{name}"] = share(total, n) if is_share else mean(total, squares, n)
        half = Z * math.sqrt(max(squares, 0.0))
        low = max(0.0, total - half) if is_share else total - half
        result[f"business.{name}.sum"] = Estimate(total, low, total + half, n=n) if n else unknown()
    return result
