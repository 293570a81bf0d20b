"""The first day of a signal: until a whole one was seen, whatever moves slowly may be the hour of the day.

What was learned in an hour knows one hour. A service that sleeps at night would alarm every evening, so until its first day is over only
what is clearly sudden is drift, and the rest is watched; then the reference is made anew of the whole day, by the hour where that matters.
"""

from __future__ import annotations

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.learning import LearnedCounts
from tui_monitor.analyse.drift.reference import DAY_S, HOURS, Reference

SLOW_S = 1800.0  # the hour of the day does not change a service faster
SLOT_S = 300.0
MORE = 1.5  # times as much as it was thought to be: a row is worth less, and the judge begins anew
QUIET_HOURS = 6  # of a night that may have no rows at all
CLEARLY = 1.1  # the slope leaves so many times the error of the step
WHY = "it may be the hour of the day, which is known when a whole day was seen"
ORIGIN = "learned over a whole day"


class FirstDay:
    """Counts of the first day, times of drift left out.

    Args:
        bins: of the signal.
        given: its reference was given: that stays, and the day tells only what a row is worth, which few bursts of rows cannot.
        slots: what an earlier engine had counted.
    """

    def __init__(self, bins: Bins, slots: list[tuple[float, Floats]] | None = None, *, given: bool = False) -> None:
        self.given = given
        self._learned = LearnedCounts(bins)
        self._hours: set[int] = set()
        for at_s, counts in slots or ():
            self.add(at_s, counts, 0.0)

    @property
    def slots(self) -> list[tuple[float, Floats]]:
        """What was counted, for a restart."""
        return self._learned.slots

    def add(self, at_s: float, counts: Floats, amount: float) -> None:
        """Rows that came."""
        slots = self._learned.slots
        self._hours.add(int(at_s % DAY_S // 3600))
        if slots and 0 <= at_s - slots[-1][0] < SLOT_S:
            slots[-1] = (slots[-1][0], slots[-1][1] + counts)
            self._learned.amount += amount
        else:
            self._learned.add(at_s, counts, amount)

    @property
    def whole(self) -> bool:
        """Whether every hour of a day is covered; a busy day of drift is not."""
        slots = self._learned.slots
        return len(self._hours) >= HOURS - QUIET_HOURS and slots[-1][0] - slots[0][0] >= DAY_S

    def learned(self) -> Reference:
        """The reference of the day."""
        return self._learned.learned(ORIGIN)[1]
