"""Where a model is worst: slices and classes held against all other rows of the same window, with what chance does to many of them.

Each part is tested against the rest of its log, one-sided, from counts alone: right and wrong rows by the exact distribution of the wrong
ones (Fisher; the score test of two shares is its limit, and calls a part of 30 rows with 95 % right worse ten times too often), mean errors by
Welch's test and Student's, whichever is more careful. Over the parts of one look Benjamini and Hochberg (1995) keep the share of those named by chance at 5 %; without any difference
that is the chance that a look names anything at all. They are listed by the gap that is certain: its lower 95 % bound.

It is a display. A pane looks again every few seconds for months, and over so many looks something is named by chance every now and then; the
looks of one window share their rows, so what is named stays for a while. No alert rests on it: a rule about a slice names the slice,
`where = {subject = "slice", slice = "long"}`, and asks for its own numbers over a short and a long window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.numbers.pairs import independent
from tui_monitor.analyse.performance.slicing.tallies import Mean, Share, labels_by_predictions, main_key, tally
from tui_monitor.language.columns import spelled_text
from tui_monitor.model import Estimate, WorstSlice

FEWEST = 30  # labelled rows of a part, and of the rest, before anything is said of it
RATE = 0.05  # of those named, the share that is so by chance
LISTED = 10


class _Part(NamedTuple):
    name: str
    key: str
    mine: Share | Mean
    rest: Share | Mean

    @property
    def p(self) -> float:
        """Chance of being this much worse than the rest without any difference."""
        if isinstance(self.mine, Share) and isinstance(self.rest, Share):
            return fisher(self.mine, self.rest)
        return welch(self.mine, self.rest) if isinstance(self.mine, Mean) and isinstance(self.rest, Mean) else 1.0

    @property
    def gap(self) -> Estimate:
        """How much worse, positive."""
        mine, rest = self.mine.estimate, self.rest.estimate
        return independent(rest, mine) if isinstance(self.mine, Share) else independent(mine, rest)


def worst_slices(
    whole: Counts,
    slices: Mapping[str, Counts],
    window: str,
    key: str = "",
    *,
    fewest: int = FEWEST,
    most: int = LISTED,
) -> list[WorstSlice]:
    """The parts of a window that do worse than the rest beyond chance, worst first.

    Args:
        whole: of the window.
        slices: of the same window, by name. A slice that began later than the window is held against a rest that holds some of its own rows.
        window: how it is called.
        key: a share or a mean (`tallies`); the log's main number when empty.
        fewest: labelled rows that a part and its rest need.
        most: parts that are listed.
    """
    key = key or main_key(whole.layout.task)
    parts = [part for part in _parts(whole, slices, key) if min(part.mine.n, part.rest.n) >= fewest]
    adjusted = benjamini_hochberg([part.p for part in parts])
    found = [
        WorstSlice(part.name, window, part.key, part.mine.estimate, part.rest.estimate, part.gap, p)
        for part, p in zip(parts, adjusted, strict=True)
        if p <= RATE
    ]
    return sorted(found, key=lambda one: (-(one.gap.low or 0.0), one.slice))[:most]


def _parts(whole: Counts, slices: Mapping[str, Counts], key: str) -> Iterator[_Part]:
    total = tally(whole, key)
    for name, counts in slices.items():
        mine = tally(counts, key)
        if isinstance(total, Share) and isinstance(mine, Share):
            yield _Part(name, key, mine, total.without(mine))
        if isinstance(total, Mean) and isinstance(mine, Mean):
            yield _Part(name, key, mine, total.without(mine))
    if key == "accuracy" and whole.layout.task == "multiclass":  # of two classes precision and recall say it already
        yield from _classes(whole)


def _classes(whole: Counts) -> Iterator[_Part]:
    """Every class as a part: the rows that are it (their share right is its recall), and those called so (its precision)."""
    table = labels_by_predictions(whole)
    total = Share(float(np.trace(table)), int(table.sum()))
    for place, name in enumerate(whole.layout.classes.names):
        text = spelled_text(name) or repr(name)
        hits = float(table[place, place])
        for column, key, rows in (("label", "recall", table[place].sum()), ("prediction", "precision", table[:, place].sum())):
            mine = Share(hits, int(rows))
            yield _Part(f"{column} == {text}", key, mine, total.without(mine))


def benjamini_hochberg(chances: list[float]) -> list[float]:
    """Adjusted chances: those up to a rate are the ones that may be named at that rate of false ones."""
    order = sorted(range(len(chances)), key=chances.__getitem__, reverse=True)
    adjusted, least = [1.0] * len(chances), 1.0
    for place, number in enumerate(order):
        least = min(least, chances[number] * len(chances) / (len(chances) - place))
        adjusted[number] = least
    return adjusted


def fisher(mine: Share, rest: Share) -> float:
    """Chance of as many wrong rows in a part of this size, or more, when the wrong ones fall anywhere in the log (hypergeometric)."""
    bad = round(mine.n - mine.hits)
    wrong, n, rows = bad + round(rest.n - rest.hits), mine.n, mine.n + rest.n
    expected = n * wrong / rows if rows else 0.0
    if bad <= expected:
        return 1.0
    right = rows - wrong
    first = _choose(wrong, bad) + _choose(right, n - bad) - _choose(rows, n)
    spread = math.sqrt(expected * (right / rows) * ((rows - n) / max(rows - 1, 1)))
    more = np.arange(bad, min(n, wrong, bad + int(12 * spread) + 200), dtype=np.float64)
    with np.errstate(divide="ignore"):
        steps = np.log(wrong - more) + np.log(n - more) - np.log(more + 1) - np.log(right - n + more + 1)
    return min(1.0, math.exp(first) * (1.0 + float(np.exp(np.cumsum(steps)).sum())))


def _choose(of: int, some: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)


def welch(mine: Mean, rest: Mean) -> float:
    """Chance of a mean this much above the other without any difference (Welch 1947), and not less than by their common variance.

    The common one matters where a part is most of its log: errors have a long tail, and a small rest that missed it shows too little spread.
    """
    gap = mine.total / mine.n - rest.total / rest.n if min(mine.n, rest.n) >= 2 else 0.0
    if gap <= 0:
        return 1.0
    one, two = _variance(mine), _variance(rest)
    if one + two <= 0:
        return 0.0
    degrees = (one + two) ** 2 / (one * one / (mine.n - 1) + two * two / (rest.n - 1))
    both = mine.n + rest.n
    common = (one * mine.n * (mine.n - 1) + two * rest.n * (rest.n - 1)) / (both - 2) * (1 / mine.n + 1 / rest.n)
    return max(student_tail(gap / math.sqrt(one + two), degrees), student_tail(gap / math.sqrt(common), both - 2.0))


def _variance(of: Mean) -> float:
    """Of the mean."""
    value = of.total / of.n
    return max(of.squares / of.n - value * value, 0.0) / (of.n - 1)


def student_tail(t: float, degrees: float) -> float:
    """Chance beyond t >= 0 (Wallace 1959; within 3 % of its value from 10 degrees on)."""
    z = (8 * degrees + 1) / (8 * degrees + 3) * math.sqrt(degrees * math.log1p(t * t / degrees))
    return math.erfc(z / math.sqrt(2)) / 2
