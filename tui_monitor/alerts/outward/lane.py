"""The rows that wait for one outward system: which is next, and when. Pure; the time is an argument.

Of one episode the rows stay in their order. A row that fails is tried again after 1 s, 2 s, 4 s ... 10 min. While the system fails at all, only
one row is tried at a time, with the same pauses, so that 300 waiting ones are no storm; a new row is tried soon in any case. When something
arrives, all the others are due.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from tui_monitor.model import Outgoing, OutwardState

FIRST_S = 1.0
LONGEST_S = 600.0
SOON_S = 5.0  # between attempts, where something new waits
MOST = 10_000  # rows in memory; what comes beyond that stays in the outbox
REMEMBERED = 10_000  # keys that are done: a row that comes a second time is not sent a second time
TOO_OLD_S = 86400.0  # nobody wants to be woken by what happened a day ago


class Lane:
    """The rows of one system."""

    def __init__(self, name: str, at_once: int, *, first_s: float = FIRST_S, jitter: Callable[[], float] = lambda: 0.5) -> None:
        """`first_s` is the first pause; `jitter` gives 0..1, 0.5 for pauses exactly as written."""
        self.name = name
        self._at_once, self._first_s, self._jitter = at_once, first_s, jitter
        self._rows: dict[str, deque[Outgoing]] = {}  # by episode, in order
        self._heads: list[tuple[float, int, str]] = []  # when, a number that keeps the order, episode
        self._keys: set[str] = set()  # that wait or are under way
        self._busy: set[str] = set()  # episodes with a row under way
        self._done: dict[str, Outgoing] = {}
        self._number = 0
        self._fails = 0
        self._tried_s = 0.0
        self._not_before_s = 0.0
        self._error = ""
        self._since_s: float | None = None
        self._sent_s: float | None = None
        self._sent = self._given_up = 0

    def put(self, row: Outgoing, now_s: float) -> Outgoing | None:
        """Take a row. One that waits already is left alone; of one that is done, the result is returned once more."""
        if row.key in self._done:
            return replace(self._done[row.key], number=row.number)
        if row.key in self._keys or len(self._keys) >= MOST:
            return None
        self._keys.add(row.key)
        line = self._rows.setdefault(row.episode, deque())
        line.append(row)
        if len(line) == 1:
            self._show(row)
        if self._fails and row.attempts == 0:
            self._not_before_s = min(self._not_before_s, max(now_s, self._tried_s + SOON_S))
        return None

    def take(self, now_s: float) -> Outgoing | None:
        """The row to send now, or None."""
        if len(self._busy) >= (1 if self._fails else self._at_once) or self._waits_s(now_s) > 0:
            return None
        while self._heads:
            due_s, _, episode = self._heads[0]
            line = self._rows.get(episode)
            if not line or episode in self._busy or line[0].next_s != due_s:
                heapq.heappop(self._heads)  # an old mark
                continue
            if due_s > now_s and due_s - now_s <= LONGEST_S:  # further away than any pause: the clock was set back
                return None
            heapq.heappop(self._heads)
            self._busy.add(episode)
            self._tried_s = now_s
            return line[0]
        return None

    def wake_s(self, now_s: float) -> float | None:
        """How long until something may be due; None: only something new, or the end of what is under way, changes anything."""
        if not self._heads or len(self._busy) >= (1 if self._fails else self._at_once):
            return None
        return max(self._waits_s(now_s), min(LONGEST_S, self._heads[0][0] - now_s), 0.0)

    def _waits_s(self, now_s: float) -> float:
        return min(self._not_before_s - now_s, LONGEST_S) if self._fails else 0.0

    def sent(self, row: Outgoing, now_s: float) -> Outgoing:
        """It is there."""
        done = replace(row, state="sent", attempts=row.attempts + 1, error="")
        self._sent += 1
        self._sent_s = now_s
        self._remove(row, done)
        self._well(now_s)
        return done

    def failed(self, row: Outgoing, reason: str, now_s: float, *, again: bool, after_s: float | None = None) -> Outgoing:
        """It is not there; returns the row with its reason, and the time of the next attempt or that there is none."""
        attempts = row.attempts + 1
        if not again or now_s - row.at_s > TOO_OLD_S:
            done = replace(row, state="given up", attempts=attempts, error=reason)
            self._given_up += 1
            self._remove(row, done)
            if not again:
                self._well(now_s)  # it was understood, and refused
            return done
        self._fails += 1
        self._error = reason
        self._since_s = now_s if self._since_s is None else self._since_s
        self._not_before_s = now_s + max(self._pause_s(self._fails), min(after_s or 0.0, LONGEST_S))
        waiting = replace(row, attempts=attempts, error=reason, next_s=now_s + max(self._pause_s(attempts), min(after_s or 0.0, LONGEST_S)))
        self._busy.discard(row.episode)
        self._rows[row.episode][0] = waiting
        self._show(waiting)
        return waiting

    def _pause_s(self, attempts: int) -> float:
        return min(LONGEST_S, self._first_s * 2.0 ** min(attempts - 1, 30)) * (0.75 + 0.5 * self._jitter())

    def _well(self, now_s: float) -> None:
        """It answers again: nobody has to wait for the end of a pause."""
        if not self._fails:
            return
        self._fails, self._error, self._since_s = 0, "", None
        for episode, line in self._rows.items():
            if episode not in self._busy and line[0].next_s > now_s:
                line[0] = replace(line[0], next_s=now_s)
                self._show(line[0])

    def _remove(self, row: Outgoing, done: Outgoing) -> None:
        self._busy.discard(row.episode)
        self._keys.discard(row.key)
        self._done[row.key] = done
        while len(self._done) > REMEMBERED:
            del self._done[next(iter(self._done))]
        line = self._rows[row.episode]
        line.popleft()
        if line:
            self._show(line[0])
        else:
            del self._rows[row.episode]

    def _show(self, row: Outgoing) -> None:
        self._number += 1
        heapq.heappush(self._heads, (row.next_s, self._number, row.episode))

    def why_not(self, episode: str) -> str:
        """Of an episode: `not sent (reason)` while something of it waits, else nothing."""
        line = self._rows.get(episode)
        if not line:
            return ""
        return f"not sent ({line[0].error or self._error or 'under way'})"

    @property
    def room(self) -> bool:
        """Whether it takes more rows."""
        return len(self._keys) < MOST

    @property
    def state(self) -> OutwardState:
        """Whether what it must be told gets there."""
        return OutwardState(
            name=self.name,
            waiting=len(self._keys),
            error=self._error,
            since_s=self._since_s,
            sent_s=self._sent_s,
            sent=self._sent,
            given_up=self._given_up,
        )
