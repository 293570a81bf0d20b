"""Quality from a drawn sample that people labelled, and whether two people agree (Cohen's kappa).

Each labelled row counts for as many as its chance to be drawn says (Horvitz and Thompson 1952); shares are ratios of such sums (Hájek 1971).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.numbers.intervals import Z, student
from tui_monitor.analyse.performance.unlabelled.inferred import Inferred, by_class, share_like
from tui_monitor.model import Estimate, SampledLabel

Floats = NDArray[np.float64]

ASSUMPTION = (
    "assumes that the labelled rows are those that were drawn (none skipped because it was hard), and that they were labelled rightly"
)
MIN_ROWS = 10


def sampled(counts: Counts) -> Inferred:
    """Accuracy of a window from its sampled rows; of two classes also precision, recall and F1; of numbers their errors."""
    if "sampled" not in counts:
        return Inferred({}, ASSUMPTION, "no sampled labels")
    n = int(counts["sampled"].sum())
    if n < MIN_ROWS:
        return Inferred(
            {}, ASSUMPTION, f"{n} sampled row{'' if n == 1 else 's'} labelled in this window" if n else "no sampled labels in this window"
        )
    return Inferred(_errors(counts, n) if counts.layout.regression else _shares(counts, n), ASSUMPTION)


def _shares(counts: Counts, n: int) -> dict[str, Estimate]:
    counts.fit()
    weights, squares = (by_class(counts, sums) for sums in counts["sampled_weights"])
    k = len(weights)
    total = float(weights.sum())
    worth = total**2 / float(squares.sum())  # Kish's effective number of rows

    def of(value: float, pull: Floats) -> Estimate:
        """A ratio of sums; `pull` is how much one more row of each kind changes it (linearised variance)."""
        return share_like(value, float((pull**2 * squares).sum()), n, "sampled", least=worth)

    right = np.eye(k)
    accuracy = float((weights * right).sum()) / total
    metrics = {"accuracy": of(accuracy, (right - accuracy) / total)}
    if counts.layout.task != "binary":
        return metrics
    positive = counts.layout.positives()
    was, said = np.broadcast_to(positive[:, None], (k, k)).astype(float), np.broadcast_to(positive[None, :], (k, k)).astype(float)
    for key, top, bottom in (("precision", was * said, said), ("recall", was * said, was), ("f1", 2 * was * said, was + said)):
        below = float((weights * bottom).sum())
        value = float((weights * top).sum()) / below if below else 0.0
        nothing = Estimate(0.0, 0.0, 1.0, "sampled", n)  # as scikit-learn's zero_division=0
        seen = bottom > 0
        least = float(weights[seen].sum()) ** 2 / float(squares[seen].sum()) if below else 0.0
        metrics[key] = (
            share_like(value, float((((top - value * bottom) / below) ** 2 * squares).sum()), n, "sampled", least=least)
            if below
            else nothing
        )
    return metrics


def _errors(counts: Counts, n: int) -> dict[str, Estimate]:
    result: dict[str, Estimate] = {}
    for key, (weight, square, x, square_x, square_xx) in zip(("bias", "mae", "mse"), counts["sampled_errors"].tolist(), strict=True):
        mean = x / weight
        variance = max(square_xx - 2 * mean * square_x + mean**2 * square, 0.0) / weight**2
        half = student(n - 1) * math.sqrt(variance * n / (n - 1))
        low = mean - half if key == "bias" else max(0.0, mean - half)
        result[key] = Estimate(mean, low, mean + half, "sampled", n)
    mse = result["mse"]
    value, low, high = (None if one is None else math.sqrt(one) for one in (mse.value, mse.low, mse.high))
    return {key: result[key] for key in ("mae", "mse")} | {"rmse": Estimate(value, low, high, "sampled", n), "bias": result["bias"]}


# -- two people ---------------------------------------------------------------------------------------------------------------------------


def twice(labels: Iterable[SampledLabel]) -> list[tuple[str | float, str | float]]:
    """What two people said of the same row: of each row the first two of different annotators, in the order of their names."""
    of: dict[str, dict[str, str | float]] = {}
    for one in labels:
        of.setdefault(one.id, {}).setdefault(one.annotator, one.label)
    result = []
    for said in of.values():
        if len(said) > 1:
            first, second = sorted(said)[:2]
            result.append((said[first], said[second]))
    return result


def kappa(pairs: Sequence[tuple[str | float, str | float]]) -> Estimate:
    """Cohen's kappa: how far two people agree beyond chance; 1 is always, 0 no more than chance.

    Variance of Fleiss, Cohen and Everitt (1969). Unknown where both said the same one class throughout.
    """
    n = len(pairs)
    names = sorted({label for pair in pairs for label in pair}, key=str)
    if n < 2 or len(names) < 2:
        return Estimate(None, source="sampled", n=n)
    place = {name: at for at, name in enumerate(names)}
    table = np.zeros((len(names), len(names)))
    for first, second in pairs:
        table[place[first], place[second]] += 1
    table /= n
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    agree, chance = float(np.trace(table)), float(rows @ columns)
    value = (agree - chance) / (1 - chance)
    both = rows[None, :] + columns[:, None]  # of a cell (i, j): how often the first says j and the second i
    diagonal = float((np.diagonal(table) * (1 - np.diagonal(both) * (1 - value)) ** 2).sum())
    beside = table * both**2
    off = (1 - value) ** 2 * float(beside.sum() - np.trace(beside))
    variance = max(diagonal + off - (value - chance * (1 - value)) ** 2, 0.0) / (n * (1 - chance) ** 2)
    half = Z * math.sqrt(variance)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), "sampled", n)
