"""Notices a page whose numbers change in equal steps, though nothing says so.

Traffic can beat like that by chance or by a timer. Such a mistake is harmless: rates over whole beats are right for both, and the first
change off the beat ends it.
"""

from __future__ import annotations

from collections import deque
from itertools import combinations

SAME_LOOKS = 3  # a plateau of fewer looks cannot be told from traffic
GAPS = 3
SHORTEST_S, LONGEST_S = 2.0, 100.0
SLACK = 0.01  # of a step: how far its clock may run off in one
UNEVEN = 0.02  # of a step: how early or late a single one may come
KEPT = 12  # changes
FORGET_BEATS = 30  # after so long a pause nobody knows where in the beat the next change must come
_ROUND = (60.0, 30.0, 20.0, 15.0, 10.0, 5.0)  # what people set such periods to

Interval = tuple[float, float]


class Rhythm:
    """The beat of one page's changes, once there is one."""

    def __init__(self) -> None:
        self.step_s = 0.0  # 0: none
        self._same = 1  # looks that saw the same numbers
        self._changes: deque[tuple[int, float, float]] = deque(maxlen=KEPT)  # (which beat, last look before, first look after)

    @property
    def phase(self) -> Interval | None:
        """Between which two times the newest change came; None without a rhythm."""
        if not self.step_s:
            return None
        newest = self._changes[-1][0]
        lows = [low_s + (newest - beat) * self.step_s * (1 - SLACK) for beat, low_s, _ in self._changes]
        highs = [high_s + (newest - beat) * self.step_s * (1 + SLACK) for beat, _, high_s in self._changes]
        low_s, high_s = max(lows), min(highs)
        return (low_s, high_s) if low_s < high_s else self._changes[-1][1:]

    def observe(self, before_s: float, at_s: float, *, changed: bool) -> None:
        """One look, and whether it saw other numbers than the one before it at `before_s`."""
        if not changed:
            self._same += 1
            return
        same, self._same = self._same, 1
        if self.step_s:
            self._follow(before_s, at_s)
            return
        if same < SAME_LOOKS:
            self._changes.clear()
        self._changes.append((self._changes[-1][0] + 1 if self._changes else 0, before_s, at_s))
        while len(self._changes) > GAPS:
            self.step_s = self._step()
            if self.step_s:
                return
            self._changes.popleft()

    def _follow(self, before_s: float, at_s: float) -> None:
        beat, low_s, high_s = self._changes[-1]
        beats = max(1, round((before_s + at_s - low_s - high_s) / 2 / self.step_s))
        if beats > FORGET_BEATS:  # the beat itself is still believed
            self._changes.clear()
            beat = 0
        self._changes.append((beat + beats, before_s, at_s))
        if len(self._changes) == 1:
            return
        self.step_s = self._step()
        if not self.step_s:
            self._changes.clear()
            self._changes.append((0, before_s, at_s))

    def _step(self) -> float:
        """The roundest length of a step that fits all changes; 0 when none does."""
        low_s, high_s = 0.0, LONGEST_S
        for (beat, after_s, until_s), (later, later_after_s, later_until_s) in combinations(self._changes, 2):
            beats = later - beat
            low_s = max(low_s, (later_after_s - until_s) / (beats + 2 * UNEVEN))
            high_s = min(high_s, (later_until_s - after_s) / max(beats - 2 * UNEVEN, 0.5))
        if not low_s < high_s or high_s < SHORTEST_S:
            return 0.0
        whole = [float(number) for number in range(int(low_s) + 1, int(high_s) + 1)]
        fits = [step_s for step_s in (*_ROUND, *whole) if low_s <= step_s <= high_s]
        return fits[0] if fits else (low_s + high_s) / 2
