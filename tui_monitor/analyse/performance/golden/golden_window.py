"""Answers to golden questions over sliding windows: sums of slots of a minute."""

from __future__ import annotations

from msgspec import Struct, field

from tui_monitor.analyse.performance.golden.shares import mean, wilson
from tui_monitor.model import Estimate
from tui_monitor.vocabulary import WINDOWS

SLOT_S = 60.0
SHOWN = ("30m", "3h", "24h")
SET_BACK_S = 120.0  # the clock was set back: what lies in the future is forgotten
MOST_IDS = 5000


class Sums(Struct):
    """What a slot or a window holds. A question that is asked again and again tells little new, so each is counted by itself."""

    each: dict[str, list[int]] = field(default_factory=dict)  # question -> answers, right ones, ones that are not the first
    took_s: float = 0.0
    took_squared: float = 0.0
    failed: int = 0

    @property
    def answers(self) -> int:
        """All of them."""
        return sum(one[0] for one in self.each.values())

    def answer(self, question: str, took_s: float, *, right: bool, changed: bool) -> None:
        """One answer more."""
        one = self.each.setdefault(question, [0, 0, 0])
        one[0] += 1
        one[1] += right
        one[2] += changed
        self.took_s += took_s
        self.took_squared += took_s * took_s

    def add(self, other: Sums, sign: int = 1) -> None:
        """Another slot's, or with -1 what leaves."""
        for question, counts in other.each.items():
            one = self.each.setdefault(question, [0, 0, 0])
            for i in range(3):
                one[i] += sign * counts[i]
            if one[0] <= 0:
                del self.each[question]
        self.took_s += sign * other.took_s
        self.took_squared += sign * other.took_squared
        self.failed += sign * other.failed

    def metrics(self) -> dict[str, Estimate]:
        """The numbers of the window."""
        n, questions = self.answers, len(self.each)
        return {
            "accuracy": wilson(sum(one[1] for one in self.each.values()), n, questions),
            "probe.latency": mean(self.took_s, self.took_squared, n),
            "probe.changed": wilson(sum(one[2] for one in self.each.values()), n, questions),
        }


class Windows:
    """All windows of one probe; `total` is since it began."""

    def __init__(self, slots: dict[int, Sums] | None = None, total: Sums | None = None) -> None:
        """From what was kept, or empty."""
        self.slots = dict(slots or {})
        self.total = total or Sums()
        self._newest = max(self.slots, default=0)
        self._sliding = {name: (0, Sums()) for name in SHOWN}
        for _, sums in self._sliding.values():
            for slot in self.slots.values():
                sums.add(slot)

    def touched(self, at_s: float) -> list[Sums]:
        """Everything that something at this moment counts in."""
        self.advance(at_s)
        index = int(at_s // SLOT_S)
        self._newest = max(self._newest, index)
        slot = self.slots.setdefault(index, Sums())
        return [slot, self.total, *(sums for _, sums in self._sliding.values())]

    def advance(self, now_s: float) -> None:
        """Let what is too old leave its windows."""
        if now_s + SET_BACK_S < self._newest * SLOT_S:
            self.slots, self._newest = {}, 0
            self._sliding = {name: (0, Sums()) for name in SHOWN}
        for name, (first, sums) in self._sliding.items():
            begins = int((now_s - WINDOWS[name]) // SLOT_S) + 1
            if begins > first:
                for index in [index for index in self.slots if first <= index < begins]:
                    sums.add(self.slots[index], -1)
                self._sliding[name] = (begins, sums)
        oldest = min(first for first, _ in self._sliding.values())
        for index in [index for index in self.slots if index < oldest]:
            del self.slots[index]

    def forget(self, known: set[str]) -> None:
        """Questions that are asked no more leave the sum of all when there are many."""
        if len(self.total.each) > MOST_IDS:
            self.total.each = {question: counts for question, counts in self.total.each.items() if question in known}

    def shown(self, now_s: float) -> list[tuple[str, Sums]]:
        """Each window by its name, shortest first, `all` last."""
        self.advance(now_s)
        return [*((name, sums) for name, (_, sums) in self._sliding.items()), ("all", self.total)]
