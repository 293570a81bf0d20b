"""An estimate without labels, from what the scores meant in the reference: confidence-based performance estimation.

Every row is expected to be positive as often as rows with its score were; the sum over a window is an expected confusion matrix, and its
numbers are the estimates. `NannyML's description`_ of the method is the model. Only calibrated scores count: raw confidence is worse than no
estimate.

The interval is for the value that the labels of this window would give: it holds the chance of the rows themselves (each is positive or not,
c (1 - c)) and the error of the calibration, which was learned from a finite reference. It cannot hold a change of what a score means; that is
the assumption.

.. _NannyML's description: https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.calibrate import Calibrator
from tui_monitor.analyse.performance.inferred import Inferred, share_like
from tui_monitor.model import Estimate

Floats = NDArray[np.float64]

MOST_OUTSIDE = 0.05  # share of the window's rows whose score the reference never saw


class Expected(NamedTuple):
    """What the rows with a score are expected to be, by what was predicted for them: (negative, positive)."""

    rows: tuple[float, float]
    positive: tuple[float, float]  # sum of calibrated chances c
    variance: tuple[float, float]  # sum of c (1 - c)
    cells: NDArray[np.generic]  # 2 x 1000: rows by step of the score


def assumption(reference: str) -> str:
    """What these estimates take for granted, in one sentence."""
    return f"assumes that what a score means is unchanged since the reference (P(label | inputs) as in {reference or 'the reference'})"


def binary(expected: Expected, calibrator: Calibrator, reference: str = "") -> Inferred:
    """Estimated accuracy, precision, recall, F1 and AUC of a window.

    Args:
        expected: sums over the window's rows that have a score.
        calibrator: what made them.
        reference: the name of the reference, for the assumption.
    """
    said = assumption(reference)
    rows = sum(expected.rows)
    if rows <= 0:
        return Inferred({}, said, "no predictions with a score in the window")
    outside = calibrator.outside(expected.cells.sum(axis=0))
    if outside > MOST_OUTSIDE:
        return Inferred({}, said, f"{100 * outside:.0f} % of the scores lie beyond all scores of the reference")
    said_negative, said_positive = expected.rows
    missed, hit = expected.positive
    false_alarms, refused = said_positive - hit, said_negative - missed
    metrics = {"accuracy": _of(expected, calibrator, (hit + refused) / rows, (1 / rows, -1 / rows), rows)}
    zero = Estimate(0.0, 0.0, 1.0, "estimated", int(rows))  # as scikit-learn's zero_division=0
    metrics["precision"] = (
        _of(expected, calibrator, hit / said_positive, (1 / said_positive, 0.0), said_positive) if said_positive else zero
    )
    actual = hit + missed
    pull = (missed / actual**2, -hit / actual**2) if actual else (0.0, 0.0)
    metrics["recall"] = _of(expected, calibrator, hit / actual, pull, actual) if actual else zero
    both = 2 * hit + false_alarms + missed
    pull = (2 * (said_positive + missed) / both**2, -2 * hit / both**2) if both else (0.0, 0.0)
    metrics["f1"] = _of(expected, calibrator, 2 * hit / both, pull, both / 2) if both else zero
    metrics["auc"] = _auc(expected.cells.sum(axis=0).astype(np.float64), calibrator)
    return Inferred(metrics, said)


def multiclass(rows: float, right: float, variance: float, fitted_on: int, reference: str = "") -> Inferred:
    """Estimated accuracy of a window of several classes.

    The error of the calibration is that of the share right in so many reference rows, twice: it holds while the window looks so much like
    the reference that half of the reference's rows would do for it.

    Args:
        rows: rows with scores.
        right: sum of their calibrated chances c to be right.
        variance: sum of c (1 - c).
        fitted_on: labelled reference rows.
        reference: the name of the reference, for the assumption.
    """
    said = assumption(reference)
    if rows <= 0:
        return Inferred({}, said, "no predictions with scores in the window")
    value = right / rows
    spread = variance / rows**2 + 2 * variance / rows / max(fitted_on, 1)
    return Inferred({"accuracy": share_like(value, spread, int(rows), "estimated", least=rows)}, said)


def _of(expected: Expected, calibrator: Calibrator, value: float, pull: tuple[float, float], least: float) -> Estimate:
    """A number of the confusion matrix; `pull` is how much one more positive among the rows predicted (positive, negative) changes it."""
    by_positive, by_negative = pull
    chance = by_positive**2 * expected.variance[1] + by_negative**2 * expected.variance[0]
    fit = calibrator.variance(by_positive * expected.cells[1] + by_negative * expected.cells[0])
    return share_like(value, chance + fit, int(sum(expected.rows)), "estimated", least=least)


def _auc(cells: Floats, calibrator: Calibrator) -> Estimate:
    """Of the raw score, with the expected positives in each of its cells; rows of one cell count half."""
    rows = float(cells.sum())
    positive = cells * calibrator.cells
    negative = cells - positive
    n_positive, n_negative = float(positive.sum()), float(negative.sum())
    if n_positive <= 0 or n_negative <= 0:
        return Estimate(None, source="estimated", n=int(rows))
    below = np.cumsum(negative) - negative / 2  # negatives below a positive of the cell
    above = n_positive - np.cumsum(positive) + positive / 2
    pairs = n_positive * n_negative
    value = float((positive * below).sum()) / pairs
    pull = (below - above) / pairs - value * (1 / n_positive - 1 / n_negative)  # one negative of the cell becomes a positive
    chance = float((pull**2 * cells * calibrator.cells * (1 - calibrator.cells)).sum())
    return share_like(value, chance + calibrator.variance(pull * cells), int(rows), "estimated", least=min(n_positive, n_negative))
