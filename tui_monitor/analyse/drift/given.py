"""References that are not learned: from the columns of a file, or from buckets and class counters that a Prometheus remembers."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.learning import LearnedCategories
from tui_monitor.analyse.drift.nature import Column, nature, of_numbers
from tui_monitor.analyse.drift.reference import Reference, of_rows, of_slots

LEAST_ROWS = 500


class Made(NamedTuple):
    """A reference with its bins, or why there is none."""

    bins: Bins | None
    reference: Reference | None
    why: str = ""
    timed: bool = True  # whether its order in time was known


def of_values(values: NDArray[Any], at_s: Floats | None, origin: str) -> Made:
    """From the values of a column, those that are there.

    Args:
        values: float64 without NaN, or objects without None.
        at_s: their times, or None.
        origin: the file's name, for people.
    """
    side = of_numbers(values) if values.dtype != object else Column(values.size, texts=Counter(str(value) for value in values))
    found = nature(side, side)
    if found.state == "blind":
        return Made(None, None, found.why.replace("the reference", origin).partition("; to judge it")[0])
    if values.size < LEAST_ROWS:
        return Made(None, None, f"{values.size} value{'' if values.size == 1 else 's'} in {origin}, {LEAST_ROWS} are needed")
    if values.dtype == object:
        values = np.asarray([f"{value:.12g}" if isinstance(value, float) else str(value) for value in values], dtype=object)
        bins = Bins.of_categories(values)
    else:
        bins = Bins.of_numbers(values)
    return Made(bins, of_rows(values, at_s, bins, origin), timed=at_s is not None)


def of_buckets(edges: list[float], times: Floats, slots: Floats, origin: str, amount: float | None = None) -> Made:
    """From counts per slot of time and bucket (`len(edges) + 1` of them).

    Args:
        edges: finite upper bounds.
        times: of the slots.
        slots: one row a slot.
        origin: where they come from, for people.
        amount: the sum of all these rows' values, where it is known.
    """
    bins = Bins("numeric", edges=edges)
    kept = slots.sum(axis=1) > 0
    if why := _too_few(slots, kept, origin):
        return Made(None, None, why)
    found = of_slots(slots[kept], len(bins), origin, times[kept], category=False)
    return Made(bins, found if amount is None else structs.replace(found, mean=float(amount / found.rows)))


def of_categories(names: list[str], times: Floats, slots: Floats, origin: str) -> Made:
    """From counts per slot of time and category, as `of_buckets`: the most frequent ones by name, as where they are learned."""
    kept = slots.sum(axis=1) > 0
    if why := _too_few(slots, kept, origin):
        return Made(None, None, why)
    learned = LearnedCategories()
    for at_s, row in zip(times[kept], slots[kept], strict=True):
        learned.add(float(at_s), Counter({name: float(count) for name, count in zip(names, row, strict=True) if count > 0}))
    bins, reference = learned.learned(origin)
    return Made(bins, reference)


def _too_few(slots: Floats, kept: NDArray[np.bool_], origin: str) -> str:
    return f"{slots.sum():.0f} rows in {origin}, {LEAST_ROWS} are needed" if slots.sum() < LEAST_ROWS or kept.sum() < 2 else ""
