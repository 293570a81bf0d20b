"""Fairness: two groups of a log held against each other, as a difference and as a ratio.

Equal recall is equal opportunity, equal selection rate (share of positive predictions, labels or not) is demographic parity; a ratio of
selection rates below 0.8 is what the four-fifths rule speaks of. Which of them ought to be equal is a question that no number answers.
The intervals take the groups for different rows; rows that are in both make them wider than they had to be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.numbers.intervals import Z
from tui_monitor.analyse.performance.numbers.pairs import independent
from tui_monitor.analyse.performance.slicing.tallies import Mean, Share, tally
from tui_monitor.model import Estimate, Gap

BINARY = ("accuracy", "recall", "precision", "selection.rate")
KEYS: dict[str, tuple[str, ...]] = {"binary": BINARY, "multiclass": ("accuracy",), "regression": ("mae",)}


def gaps(slices: Mapping[str, Counts], compare: Iterable[Iterable[str]], window: str) -> list[Gap]:
    """Every compared pair of slices in every number of the task. Pairs of unknown slices are left out: `check` names them.

    Args:
        slices: of one window, by name.
        compare: pairs of names.
        window: how it is called.
    """
    found = []
    for pair in compare:
        names = list(pair)
        if len(names) != 2 or any(name not in slices for name in names):
            continue
        first, second = (slices[name] for name in names)
        for key in KEYS[first.layout.task]:
            one, two = tally(first, key), tally(second, key)
            if one is not None and two is not None:
                found.append(Gap(names[0], names[1], window, key, difference(one, two), ratio(one, two)))
    return found


def difference(first: Share | Mean, second: Share | Mean) -> Estimate:
    """First - second, with Newcombe's interval of two shares (1998, method 10), or the like of two means; n is of the smaller group."""
    n = min(first.n, second.n)
    if not n:
        return Estimate(None, n=0)
    gap = independent(first.estimate, second.estimate)
    return Estimate(gap.value, gap.low, gap.high, n=n)


def ratio(first: Share | Mean, second: Share | Mean) -> Estimate:
    """First / second, with the interval of its logarithm (Katz and others 1978).

    Where that has none, because nobody in a group was right or everybody in both, the limits of the two shares give a wider one; it has no
    upper end where the second may be 0.
    """
    n = min(first.n, second.n)
    one, two = first.estimate, second.estimate
    if not n or one.value is None or two.value is None:
        return Estimate(None, n=n)
    value = one.value / two.value if two.value > 0 else None
    variance = _of_logarithm(first) + _of_logarithm(second)
    if value and 0 < variance < math.inf:
        spread = math.exp(Z * math.sqrt(variance))
        return Estimate(value, value / spread, value * spread, n=n)
    low = (one.low or 0.0) / two.high if two.high else None
    high = one.high / two.low if one.high is not None and two.low else None
    return Estimate(value, low, high, n=n)


def _of_logarithm(of: Share | Mean) -> float:
    """Variance of the logarithm of a share or of a mean."""
    if isinstance(of, Share):
        return 1 / of.hits - 1 / of.n if of.hits > 0 else math.inf
    value = of.total / of.n
    return max(of.squares / of.n / (value * value) - 1, 0.0) / (of.n - 1) if value > 0 and of.n > 1 else math.inf
