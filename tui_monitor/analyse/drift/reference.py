"""What a signal usually looks like: counts per bin, what a row is worth, and whether that varies by the hour."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.dependence import MOST_ROWS, cautious, correlation_time, correlation_time_of_categories, ranks
from tui_monitor.analyse.drift.judge import Floats, overdispersion, tests_of
from tui_monitor.analyse.drift.season import DAY_S, HOURS, NEARLY, WEEK_S, cell, curve, season_of

MOST_BLOCKS, ROWS_A_BLOCK = 2048, 20
LEAST_AN_HOUR = 50  # rows; an hour of the week with fewer is judged by that of the day, one of the day by the whole reference
SLOT_S = 1800.0  # in which weeks of rows are counted


class Reference(Struct, frozen=True):
    """A frozen summary. `hours[h]` are the counts of that hour of the day (24) or week (168), where the hour matters; empty where not."""

    counts: list[float]
    tau: float = 1.0
    hours: list[list[float]] = []
    mean: float | None = None
    sd: float | None = None
    origin: str = ""

    @property
    def rows(self) -> float:
        """How many rows it was made of."""
        return math.fsum(self.counts)

    def worth(self, tau: float) -> Reference:
        """The same, of which at least so many rows tell as much as one."""
        return structs.replace(self, tau=max(tau, self.tau))

    def cell(self, at_s: float) -> int | None:
        """Which hour a time lies in; None where the hour does not matter."""
        return int(cell(at_s, len(self.hours))) if self.hours else None

    def counts_of(self, hour: int | None = None) -> Floats:
        """Counts of an hour where hours matter and it has enough rows, else of the same hour of all days, else of the whole."""
        if hour is not None:
            for step in (len(self.hours), HOURS):
                counts: Floats = np.asarray(self.hours[hour % step :: step], dtype=np.float64).sum(axis=0)
                if counts.sum() >= LEAST_AN_HOUR:
                    return counts
        return np.asarray(self.counts, dtype=np.float64)

    def shares(self, hour: int | None = None) -> Floats:
        """Share of each bin, as `counts_of`."""
        counts = self.counts_of(hour)
        shares: Floats = counts / max(float(counts.sum()), 1.0)
        return shares

    def of_hours(self) -> Floats | None:
        """One row of counts an hour; None where the hour does not matter."""
        return np.stack([self.counts_of(hour) for hour in range(len(self.hours))]) if self.hours else None


def of_rows(values: NDArray[Any], at_s: Floats | None, bins: Bins, origin: str = "") -> Reference:
    """From rows, in order of time where times are known (else as they stand, and taken for independent).

    Args:
        values: finite numbers, or texts.
        at_s: their times; None: unknown.
        bins: of the column.
        origin: where they come from, for people.
    """
    places = bins.places(values)
    counts = np.bincount(places, minlength=len(bins)).astype(np.float64)
    numeric = bins.kind == "numeric"
    mean, sd = (float(values.mean()), float(values.std())) if numeric and values.size else (None, None)
    if at_s is None or values.size < 2:
        return Reference(counts.tolist(), mean=mean, sd=sd, origin=origin)
    order = np.argsort(at_s, kind="stable")
    places, at_s = places[order], at_s[order]
    tests = tests_of(counts, category=not numeric)
    season = _season(places, at_s, len(bins), tests)
    if numeric:
        ranked = ranks(values[order].astype(np.float64))
        tau = correlation_time(_without_hours(ranked, cell(at_s, season), season) if season else ranked)
    else:
        tau = correlation_time_of_categories(places)
    tau = cautious(tau, min(values.size, MOST_ROWS))
    if not season:
        tau = max(tau, _of_blocks(places, len(bins), tests))
        return Reference(counts.tolist(), tau, [], mean, sd, origin)
    hours = np.bincount(cell(at_s, season) * len(bins) + places, minlength=season * len(bins)).reshape(season, len(bins))
    return Reference(counts.tolist(), tau, hours.astype(np.float64).tolist(), mean, sd, origin)


def of_slots(slots: Floats, bins: int, origin: str = "", at_s: Floats | None = None, *, category: bool) -> Reference:
    """From counts per slot of time, where rows are not known: tau comes from how much more than binomially the slots vary.

    Args:
        slots: one row a slot.
        bins: how many.
        origin: where they come from.
        at_s: the slots' times; None: unknown.
        category: whether the bins have no order.
    """
    counts = slots.sum(axis=0)
    tests = tests_of(counts, category=category)
    season = season_of(slots, at_s, tests) if at_s is not None else 0
    if at_s is None or not season:
        return Reference(counts.tolist(), overdispersion(slots, tests), [], origin=origin)
    hour = cell(at_s, season)
    hours = np.zeros((season, bins))
    np.add.at(hours, hour, slots)
    rows = hours.sum(axis=1, keepdims=True)
    expected = np.divide(hours, rows, out=np.zeros_like(hours), where=rows > 0)
    seen = max(1.0, float(at_s[-1] - at_s[0]) / (season * 3600.0))
    return Reference(
        counts.tolist(), overdispersion(slots, tests, expected[hour], len(slots) / season, seen), hours.tolist(), origin=origin
    )


def _season(places: NDArray[np.int64], at_s: Floats, bins: int, tests: Floats) -> int:
    """As `season_of`, from the bins of rows in order of time."""
    span_s = float(at_s[-1] - at_s[0])
    if span_s < DAY_S * NEARLY:
        return 0
    if span_s < 2 * WEEK_S * NEARLY:
        slots = max(HOURS * 4, min(HOURS * 12, places.size // 50))
        slot = np.arange(places.size) * slots // places.size
    else:
        slot = np.unique((at_s // SLOT_S).astype(np.int64), return_inverse=True)[1]
        slots = int(slot[-1]) + 1
    counts = np.bincount(slot * bins + places, minlength=slots * bins).reshape(slots, bins).astype(np.float64)
    of_slot = np.zeros(slots)
    of_slot[slot] = at_s
    return season_of(counts, of_slot, tests)


def _without_hours(ranked: Floats, hour: NDArray[np.int64], season: int) -> Floats:
    """What is left of ranks when the mean of their hour is taken out: a daily cycle is no dependence."""
    rows = np.bincount(hour, minlength=season)
    means = np.bincount(hour, ranked, season) / np.maximum(rows, 1)
    course = curve(means, rows > 0)
    return ranked - course[hour]  # not the hours' own means: what a burst is must stay


def _of_blocks(places: NDArray[np.int64], bins: int, tests: Floats) -> float:
    """Over-dispersion of blocks of rows: it finds rare long bursts, where a correlation time is cut off too soon."""
    blocks = min(MOST_BLOCKS, places.size // ROWS_A_BLOCK)
    if blocks < 2:
        return 1.0
    block = np.arange(places.size) * blocks // places.size
    return overdispersion(np.bincount(block * bins + places, minlength=blocks * bins).reshape(blocks, bins).astype(np.float64), tests)
