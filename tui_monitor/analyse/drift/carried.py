"""Which slices of a log carry a change: counts per bin and slice of the reference against those of the newest rows.

A change has an event A: a row lies beyond the cut where the distributions differ most, or in the category that changed most. A slice S adds
P_now(A and S) - P_ref(A and S) to it; the contributions of slices that split all rows add up to the change itself, so each has a part of it.
A part may be more than the whole: elsewhere it went the other way.

If every slice moved by as much, each would carry its share of the rows. So a slice is told where it carries clearly more than that, beyond
chance: the statistic is the mean of 1{A}(1{S} - r) now, less that of the reference, with r the share of the rows, whichever of the two is larger;
the threshold is Bonferroni's over all slices that are looked at, with rows counted for what they are worth. What is told besides another
slice must carry more than its share of the rows outside of that one too: rows that two columns tell of are told of once.

A slice can carry a change in two ways: its own rows changed, or there are more of them than before. `Carries` has the numbers of both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.dependence import cautious, correlation_time
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.model import Carries

Mask = NDArray[np.bool_]

MOST_TOLD = 3
LEAST_ROWS = 100  # since the change, and in the reference, that are worth one each
LEAST_MOVED = 0.02  # of the event's share: of less nothing is carried
LEAST_PART = 0.2  # of one slice
LEAST_TOGETHER = 0.5  # of those that are told
CLEARLY = 0.15  # more than its share of the rows
CHANCE = 0.001  # that any slice is told where all moved alike
AS_MUCH = 0.9
MOST_LOOKED_AT = 8  # slices beyond chance, the largest: what their rows are worth is looked at too


class Rows(NamedTuple):
    """Rows of a signal in the order of time: the bin of each, and the slices that it belongs to."""

    places: NDArray[np.int64]
    member: Mask  # rows x slices

    def table(self, bins: int) -> Floats:
        """Rows of each bin that two slices share, bins x (slices + 1) x (slices + 1); the last slice is all rows, so it has those of one too."""
        whole = np.column_stack([self.member, np.ones(self.places.size, np.bool_)]).astype(np.float32)  # exact up to 16 million
        made = np.zeros((bins, whole.shape[1], whole.shape[1]))
        for place in range(bins):
            here = whole[self.places == place]
            made[place] = here.T @ here
        return made


class Change(NamedTuple):
    """What moved: rows in these bins are more, or fewer, than expected."""

    event: Mask  # of the bins
    expected: Floats  # share of each bin
    tau: float  # rows of this signal that tell as much as one


def change_of(expected: Floats, counts: Floats, at: int, tau: float, *, category: bool) -> Change:
    """The event that tells a change best: what lies on the side of the cut that has grown; or the category, one that grew where that is the same.

    Of right and wrong one grows as much as the other shrinks; it is what grew that has come from somewhere.
    """
    wanted, now = expected / max(float(expected.sum()), 1e-300), counts / max(float(counts.sum()), 1e-300)
    place = np.arange(wanted.size)
    if category:
        grown = int((now - wanted).argmax())
        return Change(place == (grown if now[grown] - wanted[grown] >= AS_MUCH * abs(now[at] - wanted[at]) else at), wanted, tau)
    above = now[: at + 1].sum() <= wanted[: at + 1].sum()
    return Change(place > at if above else place <= at, wanted, tau)


class _Sides(NamedTuple):
    """What two slices share (all rows are the last one): shares of all rows, of rows that are in the event too; and the event's share."""

    inside: Floats
    both: Floats
    event: float

    @classmethod
    def of(cls, table: Floats, shares: Floats, event: Mask) -> _Sides:
        """From rows of each bin, at the shares of the bins: those of the hour may be others than those of the whole."""
        rows = table[:, -1, -1]
        whole = table.sum(axis=0) / max(float(rows.sum()), 1e-300)
        of_bin = np.where(rows[:, None, None] > 0, table / np.maximum(rows, 1e-300)[:, None, None], whole)
        spread = shares[:, None, None] * of_bin
        return cls(spread.sum(axis=0), spread[event].sum(axis=0), float(shares[event].sum()))


class _Parts(NamedTuple):
    """Of what two slices share, all rows the last one."""

    now: _Sides
    then: _Sides

    @property
    def moved(self) -> float:
        return self.now.event - self.then.event

    @property
    def carried(self) -> Floats:
        """Part of the change."""
        made: Floats = (self.now.both - self.then.both) / self.moved
        return made

    @property
    def usual(self) -> Floats:
        """Share of the rows, now or in the reference, whichever is larger: what it would carry if all moved alike."""
        return np.maximum(self.now.inside, self.then.inside)

    def variance(self, at: Floats, rows: float, rows_then: float) -> Floats:
        """Of the mean of 1{A}(1{S} - at) now less that of the reference, of the slices themselves and not of what two share."""
        made = np.zeros(at.shape)
        for side, count in ((self.now, rows), (self.then, rows_then)):
            both = side.both[-1, :-1]
            mean = both - at * side.event
            made += (both * (1 - at) ** 2 + (side.event - both) * at**2 - mean**2) / count
        return made


def contributions(rows: Rows, table: Floats, change: Change) -> Floats:
    """Part of the change that each slice carries; of slices that split all rows they add up to 1. NaN where nothing moved."""
    parts = _parts(rows, table, change)
    return parts.carried[-1, :-1] if parts.moved else np.full(rows.member.shape[1], np.nan)


def _parts(rows: Rows, table: Floats, change: Change) -> _Parts:
    now = rows.table(len(change.event))
    shares = now[:, -1, -1] / max(rows.places.size, 1)
    return _Parts(_Sides.of(now, shares, change.event), _Sides.of(table, change.expected, change.event))


def carriers(rows: Rows, table: Floats, change: Change, names: Sequence[str], allowed: Mask, where: str = "") -> list[Carries]:
    """The few slices that carry the most of a change, the largest part first; none where that is within chance.

    Args:
        rows: those since the change.
        table: `Rows.table` of the reference.
        change: what moved.
        names: of the slices.
        allowed: the slices that may be told.
        where: the event, for people.
    """
    size, size_then = float(rows.places.size), float(table[:, -1, -1].sum())
    if min(size, size_then) < LEAST_ROWS * change.tau or not allowed.any():
        return []
    parts = _parts(rows, table, change)
    if abs(parts.moved) < LEAST_MOVED:
        return []
    part, usual = parts.carried[-1, :-1], parts.usual[-1, :-1]
    excess = part - usual
    of_usual = parts.moved**2 * usual * (1 - usual) / min(size, size_then)  # the share of the rows is not known exactly either
    spread = np.sqrt(parts.variance(usual, size, size_then) + of_usual)
    threshold = -NormalDist().inv_cdf(CHANCE / (2 * int(allowed.sum())))
    beyond = excess * abs(parts.moved) / np.maximum(threshold * spread, 1e-300)  # squared: the worth of a row that it bears
    clear = allowed & (part >= LEAST_PART) & (excess >= CLEARLY) & (beyond > math.sqrt(change.tau))
    hit = change.event[rows.places]
    told: dict[int, float] = {}  # slice -> what a row is worth
    for i in [int(i) for i in np.argsort(-excess, kind="stable") if clear[i]][:MOST_LOOKED_AT]:
        tau = max(change.tau, _tau(np.where(hit, rows.member[:, i] - usual[i], 0.0)))
        if len(told) < MOST_TOLD and beyond[i] > math.sqrt(tau) and all(_adds(parts, i, other) for other in told):
            told[i] = tau
    if _together(parts, list(told)) < LEAST_TOGETHER:
        return []
    half = 1.96 * np.sqrt(parts.variance(part, size, size_then)) / abs(parts.moved)
    return [
        Carries(
            name=names[i],
            carries=float(part[i]),
            interval=(float(part[i] - half[i] * math.sqrt(told[i])), float(part[i] + half[i] * math.sqrt(told[i]))),
            reference=_share(parts.then.both[-1, i], parts.then.event),
            now=_share(parts.now.both[-1, i], parts.now.event),
            rows=(float(parts.then.inside[-1, i]), float(parts.now.inside[-1, i])),
            where=where,
            inside=(_share(parts.then.both[-1, i], parts.then.inside[-1, i]), _share(parts.now.both[-1, i], parts.now.inside[-1, i])),
        )
        for i in sorted(told, key=lambda i: -part[i])
    ]


def _adds(parts: _Parts, one: int, other: int) -> bool:
    """Whether a slice carries more than its share of the rows outside of another one too."""
    carried, usual = parts.carried, parts.usual
    return bool(carried[-1, one] - carried[one, other] >= usual[-1, one] - usual[one, other] + CLEARLY)


def _together(parts: _Parts, told: Sequence[int]) -> float:
    """Part of the change in any of some slices: at least, where three share rows."""
    pairs = sum(parts.carried[one, other] for place, one in enumerate(told) for other in told[:place])
    return float(sum(parts.carried[-1, one] for one in told) - pairs)


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole > 0 else None


def _tau(series: Floats) -> float:
    return cautious(correlation_time(series), series.size)
