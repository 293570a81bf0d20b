"""Who waits at a server's door, seen from its host: a frozen engine behind a living front tells of no work, its clients are still there.

A connection alone proves nothing: pools and other monitors keep theirs open. What proves a wait, the surest first:

1. a connection whose newest bytes came from the client some seconds ago: it asked and has no answer (`unanswered`);
2. connections that nobody has accepted (`backlog`);
3. more connections than ever there were while work got done;
4. connections that stay, more than at the quietest moment, at a server that counts running requests: most such close idle ones after seconds.

The last two are guesses, made only where the kernel does not tell of questions. A stream that broke off has had some of its answer: it is
seen with the next client that asks.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from tui_monitor.analyse.clock import shifted

KEPT = 200  # looks
ASKED_S = 5.0  # a client that counts as unanswered has waited this long already


class _Look(NamedTuple):
    at_s: float
    clients: int | None
    backlog: int | None
    unanswered: int | None


class Waiting:
    """The clients of one server, look after look."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=KEPT)
        self._fewest: int | None = None
        self._most_at_work: int | None = None

    def take(self, at_s: float, clients: int | None, backlog: int | None, unanswered: int | None, *, moving: bool) -> None:
        """One look; `moving`: work got done since the look before."""
        self._looks.append(_Look(at_s, clients, backlog, unanswered))
        if clients is not None:
            self._fewest = clients if self._fewest is None else min(clients, self._fewest)
            if moving:
                self._most_at_work = max(clients, self._most_at_work or 0)

    def stepped(self, step_s: float, now_s: float) -> None:
        """The wall clock was set; see `clock.shifted`."""
        self._looks = deque((look._replace(at_s=shifted(look.at_s, step_s, now_s)) for look in self._looks), maxlen=KEPT)

    @property
    def clients(self) -> int | None:
        """Connected at the newest look."""
        return self._looks[-1].clients if self._looks else None

    @property
    def anybody(self) -> bool:
        """Whether anybody may want something: more than the usual connections."""
        if not self._looks:
            return False
        look = self._looks[-1]
        return bool(look.unanswered or look.backlog) or (look.clients or 0) > (self._fewest or 0)

    def at_the_door(self) -> tuple[str, float, bool]:
        """Who waits without a break up to now, and since when: for a sentence; and whether that is surely not one long request."""
        queued, unanswered = [look.backlog for look in self._looks], [look.unanswered for look in self._looks]
        for numbers, what, to, surely in ((queued, "connection", "to be accepted", True), (unanswered, "client", "for an answer", False)):
            run = 0
            while run < len(numbers) and numbers[-1 - run]:
                run += 1
            if run > 1:
                return _wait(min(filter(None, numbers[-run:])), what, to), self._looks[-run].at_s, surely
        return "", 0.0, False

    def hanging(self, now_s: float, began_s: float, patience_s: float, *, counts_running: bool, at_rest: bool) -> str:
        """Who has waited all through the patience, for a sentence: "4 clients connected"; empty when nobody surely has."""
        from_s = max(began_s, now_s - patience_s)
        lately = [look for look in self._looks if look.at_s >= from_s]
        unanswered = _least([look.unanswered for look in lately if look.at_s >= now_s - max(0.0, patience_s - ASKED_S)])
        if unanswered:
            return _wait(unanswered, "client", "for an answer")
        if queued := _least([look.backlog for look in lately]):
            return _wait(queued, "connection", "to be accepted")
        clients = _least([look.clients for look in lately])
        if not clients or lately[-1].unanswered is not None:  # all that asked have had some of their answer: pools keep their connections
            return ""
        more = (at_rest or counts_running) and self._most_at_work is not None and clients > self._most_at_work
        stay = counts_running and clients > (self._fewest or 0)
        return f"{_many(clients, 'client')} connected" if more or stay else ""


def _least(numbers: list[int | None]) -> int:
    """The least of at least two looks; 0 when one of them does not know."""
    known = [number for number in numbers if number is not None]
    return min(known) if len(known) == len(numbers) >= 2 else 0


def _wait(count: int, what: str, to: str) -> str:
    return f"{_many(count, what)} wait{'s' if count == 1 else ''} {to}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
