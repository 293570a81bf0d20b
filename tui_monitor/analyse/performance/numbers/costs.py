"""What predictions cost by a matrix of costs, and which kind of error made it more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tui_monitor.analyse.performance.counting.counts import Counts, FloatArray
from tui_monitor.analyse.performance.numbers.intervals import unknown, within
from tui_monitor.model import Estimate

_SMALL = 0.05  # of the change; a kind of error that made less is not named


class CostPart(NamedTuple):
    """One kind of outcome in the change of the mean cost."""

    label: str
    prediction: str
    before: float  # share of the labelled rows
    now: float
    change: float  # of the mean cost of a prediction


def cost_table(counts: Counts) -> FloatArray:
    """Cost of each label x prediction, in the order of `classes.names`."""
    names, costs = counts.layout.classes.names, counts.layout.costs
    return np.array([[costs.get(label, {}).get(said, 0.0) for said in names] for label in names], dtype=np.float64).reshape(
        len(names), len(names)
    )


def cost(counts: Counts) -> Estimate:
    """Mean cost of a labelled prediction, with the variance of the multinomial of label x prediction.

    The interval stays between the least and the most that a row with these labels can cost.
    """
    n = counts.labelled
    if not n:
        return unknown()
    table, each = counts.confusion.astype(np.float64), cost_table(counts)
    value = float((table * each).sum()) / n
    variance = max(float((table * each * each).sum()) / n - value * value, 0.0) / max(n - 1, 1)
    possible = each[table.sum(axis=1) > 0]
    return within(value, variance, n, n, float(possible.min()), float(possible.max()))


def cost_change(now: Counts, before: Counts) -> list[CostPart]:
    """What each kind of outcome added to the mean cost since before, largest first; they sum to the change.

    Empty where either has no labels.
    """
    now.fit()
    before.fit()
    if not now.labelled or not before.labelled:
        return []
    names, each = now.layout.classes.names, cost_table(now)
    was, is_now = before.confusion / before.labelled, now.confusion / now.labelled
    change = each * (is_now - was)
    parts = [
        CostPart(names[label], names[said], float(was[label, said]), float(is_now[label, said]), float(change[label, said]))
        for label, said in np.argwhere(each != 0).tolist()
    ]
    return sorted(parts, key=lambda part: (-abs(part.change), part.label, part.prediction))


def cost_sentence(now: Counts, before: Counts) -> str:
    """`cost per 1,000 predictions 41.2 -> 63.8, because false negatives 2.1 % -> 3.9 %`; empty where it cannot be told."""
    parts = cost_change(now, before)
    if not parts:
        return ""
    new, old = cost(now).value or 0.0, cost(before).value or 0.0
    sentence = f"cost per 1,000 predictions {_amount(1000 * old)} -> {_amount(1000 * new)}"
    change = new - old
    same_way = [part for part in parts if part.change * change > 0 and abs(part.change) >= _SMALL * abs(change)]
    causes = [f"{_kind(now, part)} {100 * part.before:.1f} % -> {100 * part.now:.1f} %" for part in same_way[:2]]
    return f"{sentence}, because {' and '.join(causes)}" if causes else sentence


def _kind(counts: Counts, part: CostPart) -> str:
    positive = counts.layout.positive
    if counts.layout.task == "binary":
        outcome = "true" if (part.label in positive) == (part.prediction in positive) else "false"
        return f"{outcome} {'positives' if part.prediction in positive else 'negatives'}"
    return f'"{part.label}" taken for "{part.prediction}"' if part.label != part.prediction else f'"{part.label}" told right'


def _amount(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
