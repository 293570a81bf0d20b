"""An early signal that mostly agrees with the label, corrected by how often it does.

Rogan and Gladen, "Estimating prevalence from the results of a screening test" (1978): where the proxy tells a class from the rest with
sensitivity s and specificity t, a share p that it says is really (p + t - 1) / (s + t - 1). Applied to the rows of each predicted class, because
a proxy (a click, a complaint) often depends on what was shown; where a predicted class has too few labels of a kind, s and t are those of
all rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.numbers.intervals import share
from tui_monitor.analyse.performance.unlabelled.inferred import Inferred, by_class, share_like
from tui_monitor.model import Estimate

Floats = NDArray[np.float64]

MIN_LABELLED = 30  # rows of either kind that a rate is learned from
LEAST_TOLD = 0.2  # s + t - 1: a proxy nearer to chance multiplies every error by 5 and more


class Rates(NamedTuple):
    """How a proxy tells one class from the rest, with the labelled rows that show it."""

    sensitivity: float
    of_class: float
    specificity: float
    of_rest: float

    @property
    def told(self) -> float:
        """Youden's index: 1 is a perfect proxy, 0 one that says nothing."""
        return self.sensitivity + self.specificity - 1

    def true_share(self, said: float, rows: float) -> tuple[float, float]:
        """(true share, its variance) where the proxy says so for `said` of `rows` rows, by the delta method."""
        raw = (said / rows + self.specificity - 1) / self.told
        value = min(1.0, max(0.0, raw))
        seen = _error(said / rows, rows)
        missed = value**2 * _error(self.sensitivity, self.of_class)
        invented = (1 - value) ** 2 * _error(self.specificity, self.of_rest)
        return value, (seen + missed + invented) / self.told**2


def agreement(counts: Counts) -> Estimate:
    """Share of the labelled rows whose proxy says the same as their label."""
    if "proxy_label" not in counts:
        return Estimate(None, n=0)
    table = by_class(counts, counts["proxy_label"])
    return share(float(np.trace(table)), float(table.sum()))


def assumption(column: str, agrees: Estimate) -> str:
    """What these estimates take for granted, in one sentence."""
    rate = "" if agrees.value is None else f" ({100 * agrees.value:.1f} % of {agrees.n:,} rows)"
    return f"proxy {column}: assumes that its agreement with the label{rate} is unchanged where labels are missing"


def corrected(counts: Counts, column: str) -> Inferred:
    """Accuracy of a window from its proxy; of two classes also precision, recall and F1.

    Args:
        counts: of the window. Both the proxy's rates and the rows that it is applied to are the window's own.
        column: the name of the proxy, for the sentences.
    """
    said = assumption(column, agreement(counts))
    if "proxy_prediction" not in counts:
        return Inferred({}, said, "no proxy column")
    shown = by_class(counts, counts["proxy_prediction"])  # proxy x prediction
    rows = shown.sum(axis=0)
    if not rows.sum():
        return Inferred({}, said, f"no predictions with proxy {column} in the window")
    right: dict[int, tuple[float, float]] = {}  # class -> (share right among the rows predicted so, its variance)
    for k in np.flatnonzero(rows):
        rates = _rates(counts, int(k))
        if isinstance(rates, str):
            return Inferred({}, said, rates)
        if rates.told < LEAST_TOLD:
            name = counts.layout.classes.names[k]
            return Inferred(
                {},
                said,
                f"proxy {column} hardly tells {name} from the rest "
                f"(sensitivity {rates.sensitivity:.2f} + specificity {rates.specificity:.2f} is too near 1)",
            )
        right[int(k)] = rates.true_share(float(shown[k, k]), float(rows[k]))
    return Inferred(_metrics(counts, right, rows), said)


def _rates(counts: Counts, k: int) -> Rates | str:
    """How the proxy tells class k, among the rows predicted so if they are enough; or why nobody knows."""
    tables = [by_class(counts, counts["proxy_label"])]  # proxy x label
    if "proxy_joint" in counts:
        tables.insert(0, by_class(counts, counts["proxy_joint"])[:, :, k])
    of_class = of_rest = 0.0
    for table in tables:
        of_class = float(table[:, k].sum())
        of_rest = float(table.sum()) - of_class
        if min(of_class, of_rest) >= MIN_LABELLED:
            hit = float(table[k, k])
            invented = float(table[k].sum()) - hit
            return Rates(hit / of_class, of_class, 1 - invented / of_rest, of_rest)
    name = counts.layout.classes.names[k]
    few, kind = (of_class, name) if of_class < of_rest else (of_rest, f"anything but {name}")
    return f"{few:.0f} rows with a proxy are labelled {kind}; {MIN_LABELLED} are needed to know what it is worth"


def _metrics(counts: Counts, right: dict[int, tuple[float, float]], rows: Floats) -> dict[str, Estimate]:
    n = float(rows.sum())
    value = sum(rows[k] * part for k, (part, _) in right.items()) / n
    # Rates of all rows are shared between the predicted classes; that part of their errors is taken as independent.
    variance = sum(rows[k] ** 2 * error for k, (_, error) in right.items()) / n**2
    metrics = {"accuracy": share_like(value, variance, int(n), "estimated", least=n)}
    if counts.layout.task != "binary":
        return metrics
    positive = counts.layout.positives()
    hit = hit_error = missed = missed_error = said = refused = 0.0
    for k, (part, error) in right.items():
        if positive[k]:
            hit, hit_error, said = hit + rows[k] * part, hit_error + rows[k] ** 2 * error, said + rows[k]
        else:
            missed, missed_error, refused = missed + rows[k] * (1 - part), missed_error + rows[k] ** 2 * error, refused + rows[k]
    nothing = Estimate(0.0, 0.0, 1.0, "estimated", int(n))  # as scikit-learn's zero_division=0
    actual, both = hit + missed, said + hit + missed

    def of(value: float, by_hit: float, by_missed: float, least: float) -> Estimate:
        return share_like(value, by_hit**2 * hit_error + by_missed**2 * missed_error, int(n), "estimated", least=least)

    metrics["precision"] = of(hit / said, 1 / said, 0.0, said) if said else nothing
    metrics["recall"] = of(hit / actual, missed / actual**2, -hit / actual**2, actual) if actual else nothing
    metrics["f1"] = of(2 * hit / both, 2 * (said + missed) / both**2, -2 * hit / both**2, both / 2) if both else nothing
    return metrics


def _error(share: float, rows: float) -> float:
    """The variance of a share, with half a row of either kind: none is certain."""
    smooth = (share * rows + 0.5) / (rows + 1)
    return smooth * (1 - smooth) / rows
