"""Whether a model server makes forward progress: one of eight states, with the sentence that says why.

A 200 from its health page alone never makes OK. What decides is whether counters of finished work grow while work is there.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from tui_monitor.analyse.target import Measured
from tui_monitor.model import Failure, Found, Reading, ServerAnswer, TargetState

MOVING_S = 10.0  # finished work this recently is progress (or three intervals, where that is more)
STALLED_S = 10.0  # nothing finished for this long while work is there
LONGEST_STALL_S = 120.0  # also for a server whose answers take minutes
SLOW_S = 1.0  # an answer to a health question or a metrics page that takes longer
DOWN_S = 30.0  # silent for this long (or ten intervals) is no longer merely stale
CLIENTS_KEPT = 60


class ProgressVerdict(Struct, frozen=True):
    """How a target stands, why, and since when."""

    state: TargetState
    why: str
    since_s: float


class Progress:
    """Judges one target. Pure: it sees readings, numbers and the time, in that order of trust."""

    def __init__(self, starting_s: float = 300.0, interval_s: float = 2.0) -> None:
        """Args: `starting_s`: how long refusing is "starting"; `interval_s`: how often the target is asked."""
        self._starting_s = starting_s
        self._interval_s = interval_s
        self._first_s: float | None = None  # when judging began
        self._up_s: float | None = None  # the last time it was ready, or answered with numbers
        self._silent_s: float | None = None  # since when nothing answers
        self._silent_pages_s: float | None = None  # since when it answers without numbers
        self._work_s: float | None = None  # since when there is work without a break
        self._slow = 0  # slow answers in a row
        self._judged: Reading | None = None
        self._clients: deque[tuple[float, int]] = deque(maxlen=CLIENTS_KEPT)
        self._fewest_clients: int | None = None  # connections that are always there: other monitors, pools
        self._verdict: ProgressVerdict | None = None

    def judge(self, now_s: float, reading: Reading | None, measured: Measured | None, found: Found) -> ProgressVerdict:
        """The state now.

        Args:
            now_s: wall clock.
            reading: the newest answer or failure of the target's source; the same one may come again.
            measured: its numbers over the last minute.
            found: what is known of its process.
        """
        if self._first_s is None:
            self._first_s = now_s
        if reading is not None and reading is not self._judged:
            self._take(reading, measured)
            self._judged = reading
        state, why, since_s = self._state(now_s, reading, measured, found)
        before = self._verdict
        if before is not None and before.state == state:
            since_s = before.since_s
        self._verdict = ProgressVerdict(state, why, since_s if since_s is not None else now_s)
        return self._verdict

    # -- what came ----------------------------------------------------------------------------------------------------------------------

    def _take(self, reading: Reading, measured: Measured | None) -> None:
        at_s = reading.at_s
        answer = reading.content if isinstance(reading.content, ServerAnswer) else None
        if answer is None:
            self._silent_s = at_s if self._silent_s is None else self._silent_s
            if reading.failure is not None and reading.failure.kind == "refused":
                self._work_s = None  # whatever it worked on is gone; one late answer ends no stall
            return
        self._silent_s = None
        numbers = answer.page is not None and not answer.page.damaged
        if numbers:
            self._silent_pages_s = None
        elif self._silent_pages_s is None:
            self._silent_pages_s = at_s
        if answer.ready or (answer.ready is None and numbers):
            self._up_s = at_s
        slow = max(reading.took_s, answer.ready_took_s or 0.0) > SLOW_S
        self._slow = self._slow + 1 if slow else 0
        if answer.clients is not None:
            self._clients.append((at_s, answer.clients))
            self._fewest_clients = min(answer.clients, answer.clients if self._fewest_clients is None else self._fewest_clients)
        if measured is None or not measured.work:
            self._work_s = None
        elif self._work_s is None:
            self._work_s = at_s

    # -- what it means ------------------------------------------------------------------------------------------------------------------

    def _state(
        self, now_s: float, reading: Reading | None, measured: Measured | None, found: Found
    ) -> tuple[TargetState, str, float | None]:
        if reading is None:
            return "UNKNOWN", "no answer yet", None
        answer = reading.content if isinstance(reading.content, ServerAnswer) else None
        if answer is None:
            return self._silent(now_s, reading.failure, found)
        if answer.process_alive is False:
            return "DOWN", "its process has ended", None
        moving_s = self._moving_s(now_s, measured)
        if answer.ready is False and (moving_s is None or moving_s > self._patience(MOVING_S)):
            said = f": {answer.ready_why}" if answer.ready_why else ""
            if self._may_be_starting(now_s, found):
                return "STARTING", f"answers, not ready yet{said}", None
            return "DOWN", f"answers, but is not ready{said}", None
        if answer.page is None or answer.page.damaged:
            return self._without_numbers(now_s, answer, measured, found)
        if measured is None or measured.at_s is None:
            return "UNKNOWN", "no numbers yet", None
        if not measured.tells_progress and measured.work is None:
            return "UNKNOWN", "answers, but does not tell whether it makes progress", None
        return self._with_numbers(now_s, reading, answer, measured)

    def _silent(self, now_s: float, failure: Failure | None, found: Found) -> tuple[TargetState, str, float | None]:
        """Nothing answered at all."""
        said = failure.message if failure else "no answer"
        since_s = self._silent_s if self._silent_s is not None else now_s
        refused = failure is not None and failure.kind == "refused"
        if self._may_be_starting(now_s, found):
            return "STARTING", f"{said}; may take {self._starting_s:.0f} s to start", None
        if refused or self._up_s is None:
            return "DOWN", said, since_s
        age_s = now_s - self._up_s
        if age_s > max(DOWN_S, 10 * self._interval_s):
            return "DOWN", f"{said}; nothing heard for {age_s:.0f} s", since_s
        if age_s > self._few_intervals():
            return "STALE", f"{said}; numbers are {age_s:.0f} s old", None
        stalled = self._verdict is not None and self._verdict.state == "STALLED"
        return ("STALLED", f"nothing was finished, and now {said}", None) if stalled else ("SLOW", said, None)

    def _without_numbers(
        self, now_s: float, answer: ServerAnswer, measured: Measured | None, found: Found
    ) -> tuple[TargetState, str, float | None]:
        """It answers, but not with a page of numbers."""
        page = answer.page.damaged if answer.page is not None else answer.page_failure.message if answer.page_failure else ""
        if measured is None or measured.at_s is None:
            if answer.ready is None and answer.page_failure is not None and answer.page_failure.kind in ("refused", "timeout"):
                return self._silent(now_s, answer.page_failure, found)
            if page:
                return "UNKNOWN", f"answers, but has no numbers: {page}", None
            return "UNKNOWN", "answers, but does not tell whether it makes progress", None
        age_s = now_s - measured.at_s
        if age_s > self._few_intervals():
            if answer.ready is None and age_s > max(DOWN_S, 10 * self._interval_s):
                return "DOWN", f"{page}; nothing heard for {age_s:.0f} s", None
            return "STALE", f"{page or 'no numbers'}; numbers are {age_s:.0f} s old", None
        return "SLOW", page or "its page of numbers did not come", None

    def _with_numbers(
        self, now_s: float, reading: Reading, answer: ServerAnswer, measured: Measured
    ) -> tuple[TargetState, str, float | None]:
        if measured.at_s is not None and now_s - measured.at_s > max(self._few_intervals(), reading.took_s + 2 * self._interval_s):
            return "STALE", f"numbers are {now_s - measured.at_s:.0f} s old", None
        moving_s = self._moving_s(now_s, measured)
        work = measured.work or 0.0
        if measured.tells_progress:
            stalled_since_s = self._stalled_since(now_s, measured)
            if stalled_since_s is not None:
                what = f"{work:.0f} running or waiting" if work else f"{self._clients[-1][1]} clients connected"
                return "STALLED", f"nothing finished for {now_s - stalled_since_s:.0f} s, {what}", stalled_since_s
        if self._slow >= 2:
            took_s = max(reading.took_s, answer.ready_took_s or 0.0)
            return "SLOW", f"takes {took_s:.1f} s to answer how it is", None
        not_ready = f", though it says it is not ready: {answer.ready_why}" if answer.ready is False else ""
        if moving_s is not None and moving_s <= self._patience(MOVING_S):
            return "OK", f"finished work {moving_s:.0f} s ago{not_ready}", None
        if not measured.tells_progress:
            return ("UNKNOWN", "work is there, but it does not tell whether any gets done", None) if work else ("IDLE", "no work", None)
        if measured.pages < 2:
            return ("UNKNOWN", "one look so far: progress shows from the second on", None) if work else ("IDLE", "no work", None)
        if work:
            return "OK", "work has just begun", None
        quiet = f" for {moving_s:.0f} s" if moving_s is not None else " since watching began"
        return "IDLE", f"no work{quiet}" if measured.work is not None else f"nothing finished{quiet}; it does not tell what waits", None

    def _moving_s(self, now_s: float, measured: Measured | None) -> float | None:
        return None if measured is None or measured.progress_at_s is None else max(0.0, now_s - measured.progress_at_s)

    def _stalled_since(self, now_s: float, measured: Measured) -> float | None:
        """Since when work is there and none gets done, where that is too long; else None."""
        patience_s = self._patience(STALLED_S)
        if "token.rate.generated" not in measured.metrics or measured.metrics["token.rate.generated"] is None:
            # Only whole answers are counted: none for a while is normal where one takes a while.
            patience_s = max(patience_s, min(2 * (measured.metrics.get("latency.mean") or 0.0), LONGEST_STALL_S))
        began_s = max(measured.progress_at_s or 0.0, measured.since_s or 0.0)
        if self._work_s is not None:
            began_s = max(began_s, self._work_s)
        elif not self._clients_hang(began_s, now_s - patience_s, measured):
            return None
        return began_s if now_s - began_s >= patience_s else None

    def _clients_hang(self, began_s: float, from_s: float, measured: Measured) -> bool:
        """Whether more clients than usual have been connected all the time since nothing moves.

        A frozen engine behind a living front tells of no work at all; the kernel still sees its clients. Only for servers that count
        running requests: they close idle connections after seconds, so that a connection that stays is one that waits. Connections that
        were there at the quietest moment are other monitors or pools and prove nothing.
        """
        if measured.metrics.get("request.running") is None or self._fewest_clients is None:
            return False
        lately = [count for at_s, count in self._clients if at_s >= max(began_s, from_s)]
        return len(lately) >= 2 and min(lately) > self._fewest_clients

    def _may_be_starting(self, now_s: float, found: Found) -> bool:
        """Young, and not up since its process began (or, where that is not known, since we watch)."""
        began_s = found.started_s if found.started_s is not None else self._first_s
        if began_s is None or now_s - began_s > self._starting_s:
            return False
        return self._up_s is None or (found.started_s is not None and self._up_s < found.started_s)

    def _patience(self, least_s: float) -> float:
        return max(least_s, self._few_intervals())

    def _few_intervals(self) -> float:
        return max(3 * self._interval_s, 3.0)
