"""The first weeks of a signal: until a whole day, and then two weeks, were seen, whatever moves slowly may be the hour or the day.

What was learned in an hour knows one hour. A service that sleeps at night would alarm every evening, and one that rests on Sundays every
Saturday; so until then only what is clearly sudden is drift, and the rest is watched.

- After a day the reference is made anew of the whole day, by the hour of the day where that matters.
- A later day that ends unlike the reference becomes the reference itself: a Monday is judged by the Sunday, and the Tuesday by the Monday. One
  reference of different days would need a correlation time of days to be honest, and be deaf.
- After two weeks it is made of all of them, by the hour of the week where that matters: two Saturdays tell what a Saturday is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.dependence import NO_MOODS, Moods, moods
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.reference import Reference, of_slots
from tui_monitor.analyse.drift.saved import SavedWeeks
from tui_monitor.analyse.drift.season import DAY_S, HOURS, NEARLY, WEEK_S

SLOW_S = 3600.0  # the hour of the day does not change a service faster
FIRST_SLOT_S, SLOT_S = 300.0, 900.0  # of the first day, and later
MOST_SLOTS = 2048
MORE = 1.5  # times as much as it was thought to be: a row is worth less, and the judge begins anew
QUIET_HOURS = 6  # of a night that may have no rows at all
BUSY_DAYS = 10  # of two weeks, that must have rows
WHY_DAY = "it may be the hour of the day, which is known when a whole day was seen"
WHY_WEEK = "it may be the day of the week, which is known when two weeks were seen"
ORIGIN = "learned over a whole day"
ORIGIN_LAST = "learned from the last day, which was unlike those before it"
ORIGIN_WEEKS = "learned over two weeks"


class FirstWeeks:
    """Counts of the first two weeks, times of drift left out.

    Args:
        bins: of the signal.
        given: its reference was given: that stays, and the first day tells only what a row is worth, which few bursts of rows cannot.
        brief: it was given, but learned elsewhere in less than a day: what moves slowly is watched too.
        day_s: the end of the last whole day that was looked at; None: none is over.
    """

    def __init__(self, bins: Bins, *, given: bool = False, brief: bool = False, day_s: float | None = None) -> None:
        self.given, self.brief, self.day_s = given, brief, day_s
        self._bins = bins
        self._times: list[float] = []
        self._counts: NDArray[np.float32] = np.zeros((16, len(bins)), np.float32)
        self._amounts: list[float] = []
        self._hours: set[int] = set()
        self._days: set[int] = set()
        self._checks = self._watched = 0  # since the end of the last day

    @property
    def why(self) -> str:
        """Why what moves slowly is watched only; empty where it is not."""
        return "" if self.given and not self.brief else WHY_DAY if self.day_s is None else WHY_WEEK

    def add(self, at_s: float, counts: Floats, amount: float) -> None:
        """Rows that came."""
        self._hours.add(int(at_s % DAY_S // 3600))
        self._days.add(int(at_s // DAY_S))
        slot_s = FIRST_SLOT_S if self.day_s is None else SLOT_S
        if not self._times or not 0 <= at_s - self._times[-1] < slot_s:
            if len(self._times) >= MOST_SLOTS:  # a clock that jumps about
                self._forget(1)
            if len(self._times) == len(self._counts):
                self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
            self._times.append(at_s)
            self._amounts.append(0.0)
            self._counts[len(self._times) - 1] = 0
        self._counts[len(self._times) - 1] += counts.astype(np.float32)
        self._amounts[-1] += amount

    def slots(self, since_s: float, until_s: float) -> tuple[Floats, Floats]:
        """Times of the slots that began between two moments and ended before the second, and their counts."""
        times = np.asarray(self._times)
        chosen = np.flatnonzero((times >= since_s) & (np.append(times[1:], np.inf) <= until_s))
        return times[chosen], self._counts[chosen].astype(np.float64)

    def moods(self, until_s: float, tests: Floats) -> Moods:
        """Of the last day before a time."""
        times, counts = self.slots(until_s - DAY_S, until_s)
        return moods(counts, tests, float(times[-1] - times[0])) if times.size else NO_MOODS

    def _forget(self, slots: int) -> None:
        del self._times[:slots], self._amounts[:slots]
        self._counts[: len(self._times)] = self._counts[slots : slots + len(self._times)]

    def over(self, *, watched: bool) -> Reference | None:
        """A day, or all of it, is over: the reference to judge by from now on; None where that of now stays.

        Args:
            watched: whether what comes is unlike the reference, and slowly became so.
        """
        self._checks, self._watched = self._checks + 1, self._watched + watched
        if not self._times:
            return None
        first_s, last_s = self._times[0], self._times[-1]
        if self.day_s is None:
            if len(self._hours) < HOURS - QUIET_HOURS or last_s - first_s < DAY_S:
                return None
            self.day_s, self._checks, self._watched = last_s, 0, 0
            return self._learned(0.0, ORIGIN)
        if last_s - self.day_s < DAY_S:
            return None
        self.day_s, unlike = last_s, self._watched > self._checks / 2
        self._checks = self._watched = 0
        if self.ended:
            return self._learned(0.0, ORIGIN_WEEKS)
        return self._learned(last_s - DAY_S, ORIGIN_LAST) if unlike else None

    @property
    def ended(self) -> bool:
        """Whether everything was seen: the first day of a given reference, else two weeks."""
        if self.given or not self._times:
            return self.day_s is not None
        return self._times[-1] - self._times[0] >= 2 * WEEK_S * NEARLY and len(self._days) >= BUSY_DAYS

    def _learned(self, since_s: float, origin: str) -> Reference:
        chosen = np.flatnonzero(np.asarray(self._times) >= since_s)
        counts, times = self._counts[chosen].astype(np.float64), np.asarray(self._times)[chosen]
        found = of_slots(counts, len(self._bins), origin, times, category=self._bins.kind == "category")
        amount = float(np.asarray(self._amounts)[chosen].sum())
        return Reference(found.counts, found.tau, found.hours, amount / max(found.rows, 1.0) if amount else None, None, origin)

    # -- over a restart ---------------------------------------------------------------------------------------------------------------------

    def dump(self) -> SavedWeeks:
        """What must survive."""
        table = np.column_stack([self._counts[: len(self._times)], self._amounts]).astype(np.float32)
        return SavedWeeks(np.asarray(self._times).tobytes(), table.tobytes(), self.day_s, self.given, self.brief)

    @classmethod
    def load(cls, bins: Bins, saved: SavedWeeks) -> FirstWeeks:
        """As `dump` gave it.

        Raises:
            ValueError: it does not fit the bins.
        """
        times: NDArray[Any] = np.frombuffer(saved.times, np.float64)[-MOST_SLOTS:]
        table = np.frombuffer(saved.counts, np.float32).reshape(-1, len(bins) + 1)[-MOST_SLOTS:]
        if len(times) != len(table) or not np.isfinite(times).all() or not np.isfinite(table).all():
            raise ValueError("what was counted in the first weeks does not fit its bins")
        made = cls(bins, given=saved.given, brief=saved.brief, day_s=saved.day_s)
        made._times, made._amounts = times.tolist(), table[:, -1].astype(np.float64).tolist()
        made._counts = np.concatenate([table[:, :-1], np.zeros((16, len(bins)), np.float32)])
        made._hours = {int(at_s % DAY_S // 3600) for at_s in made._times}
        made._days = {int(at_s // DAY_S) for at_s in made._times}
        return made
