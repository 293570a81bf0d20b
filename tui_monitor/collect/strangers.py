"""Listening sockets of unknown purpose: when one may be asked, and what it was asked already.

Each question is a line in somebody's log. Who answered like no kind of server is left alone, longer each time; who accepted and was
silent, or said that it is busy, may be a server that starts, and is asked again soon, then more and more seldom, too.
"""

from __future__ import annotations

from msgspec import Struct

SOON_S = 4.0
LATER_S = 60.0
SELDOM_S = 600.0
MAX_KNOWN = 2048


class _Told(Struct):
    """What is known of one socket."""

    due_s: float
    wait_s: float
    paths: set[str]  # asked in a round of questions that did not come to its end


class Strangers:
    """All of them, by whatever names one; the longest known are forgotten first."""

    def __init__(self) -> None:
        self._told: dict[object, _Told] = {}

    def may_ask(self, who: object, now_s: float) -> bool:
        """Whether it is time to ask a listener (again)."""
        return who not in self._told or now_s >= self._told[who].due_s

    def asked_before(self, who: object) -> set[str]:
        """The paths that the round under way has asked; whoever asks adds to it."""
        return self._of(who).paths

    def later(self, who: object, now_s: float) -> None:
        """A listener answered, and like no kind."""
        told = self._of(who)
        told.paths.clear()
        told.wait_s = min(SELDOM_S, max(LATER_S, 2 * told.wait_s))
        told.due_s = now_s + told.wait_s

    def soon(self, who: object, now_s: float) -> float:
        """It was silent or busy, or not done in time; returns when it is due again, in seconds from now."""
        told = self._of(who)
        told.wait_s = min(SELDOM_S, max(SOON_S, 2 * told.wait_s))
        told.due_s = now_s + told.wait_s
        return told.wait_s

    def _of(self, who: object) -> _Told:
        if who not in self._told:
            if len(self._told) >= MAX_KNOWN:
                self._told.pop(next(iter(self._told)))
            self._told[who] = _Told(0.0, 0.0, set())
        return self._told[who]
