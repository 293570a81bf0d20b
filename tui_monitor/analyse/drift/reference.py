"""What a signal usually looks like: counts per bin, what a row is worth, and whether that varies by the hour."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.dependence import MOST_ROWS, cautious, correlation_time, correlation_time_of_categories, ranks
from tui_monitor.analyse.drift.judge import Floats, cuts, overdispersion, singles

DAY_S = 86_400.0
HOURS = 24
EXPLAINED = 0.2  # of the variance between slots: from here on the hour of the day is part of the reference
DAYS_FOR_HOURS = 1.0  # a reference must cover every hour, else its gaps would be judged by other hours
WAVES, CYCLE = 4, 6.0  # sine and cosine of the day and of its half; F from which on they are there: 1 in 400 by chance
MOST_BLOCKS, ROWS_A_BLOCK = 2048, 20
LEAST_AN_HOUR = 50  # rows; an hour with fewer is judged by the whole reference


class Reference(Struct, frozen=True):
    """A frozen summary. `hours[h]` are the counts of that hour of the day (UTC), where the hour matters; empty where it does not."""

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

    def counts_of(self, hour: int | None = None) -> Floats:
        """Counts of an hour of the day where hours matter and it has enough rows, else of the whole."""
        if hour is not None and self.hours and math.fsum(self.hours[hour]) >= LEAST_AN_HOUR:
            return np.asarray(self.hours[hour], dtype=np.float64)
        return np.asarray(self.counts, dtype=np.float64)

    def shares(self, hour: int | None = None) -> Floats:
        """Share of each bin, as `counts_of`."""
        counts = self.counts_of(hour)
        shares: Floats = counts / max(float(counts.sum()), 1.0)
        return shares

    def of_hours(self) -> Floats | None:
        """One row of counts an hour of the day; None where the hour does not matter."""
        return np.stack([self.counts_of(hour) for hour in range(HOURS)]) if self.hours else None


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
    hour = (at_s % DAY_S // 3600).astype(np.int64)
    whole = float(at_s[-1] - at_s[0]) >= DAYS_FOR_HOURS * DAY_S * 0.98
    seasonal = whole and _explained_by_hour(places, hour, len(bins), numeric=numeric) > EXPLAINED
    if numeric:
        ranked = ranks(values[order].astype(np.float64))
        tau = correlation_time(_without_hours(ranked, hour) if seasonal else ranked)
    else:
        tau = correlation_time_of_categories(places)
    tau = cautious(tau, min(values.size, MOST_ROWS))
    if not seasonal:
        tau = max(tau, _of_blocks(places, len(bins), cuts(counts) if numeric else singles(counts)))
    hours = np.bincount(hour * len(bins) + places, minlength=HOURS * len(bins)).reshape(HOURS, len(bins)) if seasonal else np.zeros((0, 0))
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
    tests = singles(counts) if category else cuts(counts)
    hours: Floats = np.zeros((0, 0))
    if at_s is not None and at_s.size and float(at_s[-1] - at_s[0]) >= DAYS_FOR_HOURS * DAY_S * 0.98:
        hour = (at_s % DAY_S // 3600).astype(np.int64)
        if _explained(slots, hour, tests) > EXPLAINED:
            hours = np.zeros((HOURS, bins))
            np.add.at(hours, hour, slots)
            expected = np.divide(
                hours, hours.sum(axis=1, keepdims=True), out=np.zeros_like(hours), where=hours.sum(axis=1, keepdims=True) > 0
            )
            tau = overdispersion(slots, tests, expected[hour])
            return Reference(counts.tolist(), tau, hours.tolist(), origin=origin)
    return Reference(counts.tolist(), overdispersion(slots, tests), [], origin=origin)


def _without_hours(ranked: Floats, hour: NDArray[np.int64]) -> Floats:
    """What is left of ranks when the mean of their hour is taken out: a daily cycle is no dependence."""
    rows = np.bincount(hour, minlength=HOURS)
    means = np.bincount(hour, ranked, HOURS) / np.maximum(rows, 1)
    smooth: Floats = _smooth(means[:, None], rows > 0)[:, 0]
    return ranked - smooth[hour]  # not the hours' own means: what a burst is must stay


def _of_blocks(places: NDArray[np.int64], bins: int, tests: Floats) -> float:
    """Over-dispersion of blocks of rows: it finds rare long bursts, where a correlation time is cut off too soon."""
    blocks = min(MOST_BLOCKS, places.size // ROWS_A_BLOCK)
    if blocks < 2:
        return 1.0
    block = np.arange(places.size) * blocks // places.size
    return overdispersion(np.bincount(block * bins + places, minlength=blocks * bins).reshape(blocks, bins).astype(np.float64), tests)


def _smooth(level: Floats, there: NDArray[np.bool_]) -> Floats:
    """The day and its half in 24 levels, one column each: least squares on the hours that are there."""
    turn = 2 * np.pi * np.arange(HOURS) / HOURS
    waves = np.stack([np.ones(HOURS), np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)], axis=1)
    fitted: Floats = waves @ np.linalg.lstsq(waves[there], level[there], rcond=None)[0]
    return fitted


def _cyclic(level: Floats, there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which columns follow the day, and do not just differ from hour to hour as they would where rows come in bursts: an F test."""
    freedom = int(there.sum()) - WAVES - 1
    if freedom < 8:
        return np.zeros(level.shape[1], np.bool_)
    smooth = _smooth(level, there)
    along = ((smooth - level[there].mean(axis=0))[there] ** 2).sum(axis=0) / WAVES
    beside = ((level - smooth)[there] ** 2).sum(axis=0) / freedom
    cyclic: NDArray[np.bool_] = along > CYCLE * beside
    return cyclic


def _explained_by_hour(places: NDArray[np.int64], hour: NDArray[np.int64], bins: int, *, numeric: bool) -> float:
    """Share of the variance between slots of some minutes that the hour of the day explains."""
    slots = max(HOURS * 4, min(HOURS * 12, places.size // 50))
    slot = np.arange(places.size) * slots // places.size
    counts = np.bincount(slot * bins + places, minlength=slots * bins).reshape(slots, bins).astype(np.float64)
    of_slot = np.zeros(slots, np.int64)
    of_slot[slot] = hour
    whole = counts.sum(axis=0)
    return _explained(counts, of_slot, cuts(whole) if numeric else singles(whole))


def _explained(slots: Floats, hour: NDArray[np.int64], tests: Floats) -> float:
    """The largest share over the tests, each beyond what chance alone would explain."""
    rows = slots.sum(axis=1)
    kept = rows > 0
    if kept.sum() < 2 * HOURS or not tests.size:
        return 0.0
    share = (slots[kept] @ tests.T) / rows[kept, None]
    weight, hour = rows[kept], hour[kept]
    mean = (weight[:, None] * share).sum(axis=0) / weight.sum()
    total = (weight[:, None] * (share - mean) ** 2).sum(axis=0)
    of_hour = np.zeros((HOURS, share.shape[1]))
    np.add.at(of_hour, hour, weight[:, None] * share)
    per_hour = np.bincount(hour, weight, HOURS)
    level = np.divide(of_hour, per_hour[:, None], out=np.zeros_like(of_hour), where=per_hour[:, None] > 0)
    between = (per_hour[:, None] * (level - mean) ** 2).sum(axis=0)
    chance = (np.count_nonzero(per_hour) - 1) / (kept.sum() - 1)
    explained = np.divide(between, total, out=np.zeros_like(total), where=total > 1e-12)
    telling = (mean > 0.02) & (mean < 0.98) & _cyclic(level, per_hour > 0)
    found = (explained[telling] - chance) / (1 - chance)
    return float(found.max()) if found.size else 0.0
