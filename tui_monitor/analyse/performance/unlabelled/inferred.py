"""Quality numbers that rest on something else than a label for every row: the numbers, what they take for granted, or why there are none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.counting.layout import SAME
from tui_monitor.analyse.performance.numbers.intervals import within
from tui_monitor.model import Basis, Estimate


class Inferred(NamedTuple):
    """Estimates from one source. Without `metrics` there is a `why`."""

    metrics: dict[str, Estimate]
    assumption: str = ""  # one sentence
    why: str = ""


def share_like(value: float, variance: float, n: int, source: Basis, *, least: float) -> Estimate:
    """An estimate between 0 and 1, with its interval.

    Args:
        value: the estimate; what lies beyond is cut.
        variance: of the estimate.
        n: rows that it is reported to rest on.
        source: what it rests on.
        least: rows that it is worth where the variance says nothing (all right, or all wrong).
    """
    known = within(min(1.0, max(0.0, value)), variance, least, n)
    return Estimate(known.value, known.low, known.high, source, n)


def by_class(counts: Counts, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """A section with a place for each class along every axis, as far as there are classes; of a binary log `1` and `true` are one of them."""
    names = counts.layout.classes.names
    table = table[tuple(slice(len(names)) for _ in table.shape)].copy()
    if counts.layout.task == "binary":
        for number, word in SAME:
            if number in names and word in names:
                for axis in range(table.ndim):
                    along = np.moveaxis(table, axis, 0)
                    along[names.index(number)] += along[names.index(word)]
                    along[names.index(word)] = 0
    return table
