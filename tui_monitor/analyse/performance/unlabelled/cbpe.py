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

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.unlabelled.calibrate import Calibrator, ClassCalibrator
from tui_monitor.analyse.performance.unlabelled.inferred import Inferred, share_like
from tui_monitor.model import Estimate

Floats = NDArray[np.float64]

MOST_OUTSIDE = 0.05  # share of the window's rows whose score the reference never saw


def assumption(reference: str) -> str:
    """What these estimates take for granted, in one sentence."""
    return f"assumes that what a score means is unchanged since the reference (P(label | inputs) as in {reference or 'the reference'})"


def estimated(counts: Counts, calibrator: Calibrator | ClassCalibrator, reference: str = "") -> Inferred:
    """What to expect of a window or a slice of it: accuracy; of two classes also precision, recall, F1 and AUC.

    Args:
        counts: with rows whose `calibrated` chance the calibrator gave.
        calibrator: the same.
        reference: the name of the reference, for the assumption.
    """
    said = assumption(reference)
    if "expecting" not in counts or not counts["expecting"].any():
        return Inferred({}, said, "no predictions with a score in the window")
    if isinstance(calibrator, ClassCalibrator):
        return Inferred({"accuracy": _of_classes(counts, calibrator.rows)}, said)
    outside = calibrator.outside(counts["predicted_cells"].sum(axis=0))
    if outside > MOST_OUTSIDE:
        return Inferred({}, said, f"{100 * outside:.0f} % of the scores lie beyond all scores of the reference")
    return Inferred(_binary(counts, calibrator), said)


def _of_classes(counts: Counts, fitted_on: int) -> Estimate:
    """Accuracy over several classes.

    The error of the calibration is that of the share right in so many reference rows, twice: it holds while the window looks so much like
    the reference that half of the reference's rows would do for it.
    """
    rows = float(counts["expecting"].sum())
    right, variance = (float(total) for total in counts["expected"].sum(axis=0))
    spread = variance / rows**2 + 2 * variance / rows / max(fitted_on, 1)
    return share_like(right / rows, spread, int(rows), "estimated", least=rows)


def _binary(counts: Counts, calibrator: Calibrator) -> dict[str, Estimate]:
    said_negative, said_positive = (float(rows) for rows in counts["expecting"])
    missed, hit = (float(positive) for positive in counts["expected"][:, 0])
    rows = said_negative + said_positive
    false_alarms, refused = said_positive - hit, said_negative - missed
    cells = counts.ordered_predicted

    def of(value: float, by_positive: float, by_negative: float, least: float) -> Estimate:
        """`by_...`: how much the number changes with one more positive among the rows predicted so."""
        chance = by_negative**2 * counts["expected"][0, 1] + by_positive**2 * counts["expected"][1, 1]
        fit = calibrator.variance(by_negative * cells[0] + by_positive * cells[1])
        return share_like(value, float(chance) + fit, int(rows), "estimated", least=least)

    nothing = Estimate(0.0, 0.0, 1.0, "estimated", int(rows))  # as scikit-learn's zero_division=0
    actual, both = hit + missed, 2 * hit + false_alarms + missed
    return {
        "accuracy": of((hit + refused) / rows, 1 / rows, -1 / rows, rows),
        "precision": of(hit / said_positive, 1 / said_positive, 0.0, said_positive) if said_positive else nothing,
        "recall": of(hit / actual, missed / actual**2, -hit / actual**2, actual) if actual else nothing,
        "f1": of(2 * hit / both, 2 * (said_positive + missed) / both**2, -2 * hit / both**2, both / 2) if both else nothing,
        "auc": _auc(cells.sum(axis=0), counts.ordered_expected, calibrator),
    }


def _auc(cells: Floats, positive: Floats, calibrator: Calibrator) -> Estimate:
    """Of the raw score, with the positives to expect in each of its cells; rows of one cell count half."""
    rows = float(cells.sum())
    positive = np.clip(positive, 0.0, cells)  # sums that slots were taken out of keep a rounding error
    negative = cells - positive
    n_positive, n_negative = float(positive.sum()), float(negative.sum())
    if n_positive <= 0 or n_negative <= 0:
        return Estimate(None, source="estimated", n=int(rows))
    below = np.cumsum(negative) - negative / 2  # negatives below a positive of the cell
    above = n_positive - np.cumsum(positive) + positive / 2
    pairs = n_positive * n_negative
    value = float((positive * below).sum()) / pairs
    pull = (below - above) / pairs - value * (1 / n_positive - 1 / n_negative)  # one negative of the cell becomes a positive
    chance = float((pull**2 * positive * negative / np.maximum(cells, 1.0)).sum())
    return share_like(value, chance + calibrator.variance(pull * cells), int(rows), "estimated", least=min(n_positive, n_negative))
