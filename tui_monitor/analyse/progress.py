"""Whether a model server makes forward progress: one of eight states, with the sentence that says why.

A 200 from its health page alone never makes OK. What decides is whether counters of finished work grow while work is there; where the
server tells of no work, its host may still see clients that wait.
"""

from __future__ import annotations

import math

from msgspec import Struct, structs

from tui_monitor.analyse.clock import shifted
from tui_monitor.analyse.effort import Effort
from tui_monitor.analyse.target import Measured
from tui_monitor.analyse.waiting import Waiting
from tui_monitor.model import Failure, Found, Outside, Reading, ServerAnswer, TargetState

MOVING_S = 10.0  # finished work this recently is progress (or three intervals, where that is more)
STALLED_S = 10.0  # nothing finished for this long while work is there
UNSURE_STALL_S = 30.0  # also where its processes are busy or half busy: a long prompt is no stall
LONGEST_STALL_S = 120.0  # also for a server whose answers take minutes
SLOW_S = 1.0  # an answer to a health question or a metrics page that takes longer
DOWN_S = 30.0  # silent for this long (or ten intervals) is no longer merely stale
_SAYS_NOTHING = "answers, but does not tell whether it makes progress"

_NOTHING_SEEN = Outside()

_State = tuple[TargetState, str, float | None]  # with since when, where that is known better than by looking


class ProgressVerdict(Struct, frozen=True):
    """How a target stands, why, and since when."""

    state: TargetState
    why: str
    since_s: float


class Progress:
    """Judges one target. Pure: it sees readings, numbers, what its host sees, and the time, in that order of trust."""

    def __init__(self, starting_s: float = 300.0, interval_s: float = 2.0) -> None:
        """Args: `starting_s`: how long refusing is "starting"; `interval_s`: how often the target is asked."""
        self._starting_s = starting_s
        self._interval_s = interval_s
        self._began_s: float | None = None  # when judging began
        self._again_s: float | None = None  # when it was seen to begin again
        self._pid: int | None = None
        self._up_s: float | None = None  # the last time it was ready, or answered with numbers
        self._silent_s: float | None = None  # since when nothing answers
        self._refused = False  # nobody listened at the last reading
        self._silent_pages_s: float | None = None  # since when it answers without numbers
        self._work_s: float | None = None  # since when there is work without a break
        self._moved_s: float | None = None  # when work was last known to get done
        self._stopped_s: float | None = None  # since when one of its processes is stopped
        self._slow = 0  # slow answers in a row
        self._judged: Reading | None = None
        self._waiting = Waiting()
        self._effort = Effort()
        self._verdict: ProgressVerdict | None = None

    def judge(
        self, now_s: float, reading: Reading | None, measured: Measured | None, found: Found, outside: Outside = _NOTHING_SEEN
    ) -> ProgressVerdict:
        """The state now.

        Args:
            now_s: wall clock.
            reading: the newest answer or failure of the target's source; the same one may come again.
            measured: its numbers over the last minute.
            found: what is known of its process.
            outside: what this host sees of its processes.
        """
        if self._began_s is None:
            self._began_s = now_s
        if found.pid is not None:
            if self._pid is not None and found.pid != self._pid:
                self._begin_again(now_s)
            self._pid = found.pid
        if not outside.stopped:
            self._stopped_s = None
        elif self._stopped_s is None:
            self._stopped_s = now_s
        before = self._verdict
        self._effort.take(now_s, outside, idle=before is not None and before.state == "IDLE" and not self._waiting.anybody)
        if reading is not None and reading is not self._judged:
            self._take(reading, measured, outside)
            self._judged = reading
        state, why, since_s = self._state(now_s, reading, measured, found, outside)
        if before is not None and before.state == state:
            since_s = before.since_s
        self._verdict = ProgressVerdict(state, why, since_s if since_s is not None else now_s)
        return self._verdict

    def stepped(self, step_s: float, now_s: float) -> None:
        """The wall clock was set: what lasts goes on lasting, neither longer nor shorter; see `clock.shifted`."""
        self._began_s = shifted(self._began_s, step_s, now_s)
        self._again_s = shifted(self._again_s, step_s, now_s)
        self._up_s = shifted(self._up_s, step_s, now_s)
        self._silent_s = shifted(self._silent_s, step_s, now_s)
        self._silent_pages_s = shifted(self._silent_pages_s, step_s, now_s)
        self._work_s = shifted(self._work_s, step_s, now_s)
        self._moved_s = shifted(self._moved_s, step_s, now_s)
        self._stopped_s = shifted(self._stopped_s, step_s, now_s)
        self._waiting.stepped(step_s, now_s)
        self._effort.stepped(step_s, now_s)
        if self._verdict is not None:
            self._verdict = structs.replace(self._verdict, since_s=shifted(self._verdict.since_s, step_s, now_s))

    # -- what came ----------------------------------------------------------------------------------------------------------------------

    def _begin_again(self, at_s: float) -> None:
        """Another process in its place: it may take its time to start."""
        self._again_s = at_s
        self._up_s = self._work_s = None
        self._effort = Effort()

    def _take(self, reading: Reading, measured: Measured | None, outside: Outside) -> None:
        at_s = reading.at_s
        refused, self._refused = self._refused, reading.failure is not None and reading.failure.kind == "refused"
        answer = reading.content if isinstance(reading.content, ServerAnswer) else None
        if refused and not self._refused and (answer is None or answer.ready is not True):
            self._begin_again(at_s)  # somebody listens again, and is not ready yet
        moved_s = measured.progress_at_s if measured is not None else None
        moving, self._moved_s = moved_s is not None and moved_s != self._moved_s, moved_s
        clients, backlog = (answer.clients, answer.backlog) if answer is not None else (None, None)
        self._waiting.take(at_s, clients, backlog, outside.unanswered, moving=moving)
        if answer is None:
            self._silent_s = at_s if self._silent_s is None else self._silent_s
            if self._refused:
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
        if measured is None or not measured.work:
            self._work_s = None
        elif self._work_s is None:
            self._work_s = at_s

    # -- what it means ------------------------------------------------------------------------------------------------------------------

    def _state(self, now_s: float, reading: Reading | None, measured: Measured | None, found: Found, outside: Outside) -> _State:
        if reading is None:
            return "UNKNOWN", "no answer yet", None
        answer = reading.content if isinstance(reading.content, ServerAnswer) else None
        refused = reading.failure is not None and reading.failure.kind == "refused"
        if answer is not None and answer.process_alive is False:
            return "DOWN", "its process has ended", None
        if outside.stopped and not refused:
            return self._stopped(now_s, reading.failure, measured, outside)
        if answer is None:
            return self._silent(now_s, reading.failure, found)
        moving_s = self._moving_s(now_s, measured)
        if answer.ready is False and (moving_s is None or moving_s > self._patience(MOVING_S, measured)):
            said = f": {answer.ready_why}" if answer.ready_why else ""
            starting = self._starting(now_s, found, f"answers, not ready yet{said}")
            return starting or ("DOWN", f"answers, but is not ready{said}", None)
        if answer.page is None or answer.page.damaged:
            return self._without_numbers(now_s, answer, measured, found)
        if measured is None or measured.at_s is None:
            return "UNKNOWN", "no numbers yet", None
        if measured.about == "server" and not measured.tells_progress and measured.work is None:
            return self._untold(now_s, _SAYS_NOTHING)
        return self._with_numbers(now_s, reading, answer, measured)

    def _stopped(self, now_s: float, failure: Failure | None, measured: Measured | None, outside: Outside) -> _State:
        """Somebody stopped one of its processes: it can be continued, and until then it does nothing."""
        named = ", ".join(outside.stopped[:3]) + (f" and {len(outside.stopped) - 3} more" if len(outside.stopped) > 3 else "")
        said = f"process {named} is stopped" if len(outside.stopped) == 1 else f"processes {named} are stopped"
        if failure is not None:
            return "STALLED", f"{said}: {failure.message}", self._stopped_s
        moved_s = measured.progress_at_s if measured is not None else None
        if moved_s is not None and self._stopped_s is not None and moved_s > self._stopped_s + self._interval_s:
            return "SLOW", f"{said}; the others finished work {max(0.0, now_s - moved_s):.0f} s ago", None
        work = measured.work if measured is not None else None
        if work:
            return "STALLED", f"{said}, {_much(work)} running or waiting", self._stopped_s
        if clients := self._waiting.clients:
            return "STALLED", f"{said}, {clients} client{'' if clients == 1 else 's'} connected", self._stopped_s
        return "SLOW", f"{said}; nobody waits for it yet", None

    def _silent(self, now_s: float, failure: Failure | None, found: Found) -> _State:
        """Nothing answered at all."""
        said = failure.message if failure else "no answer"
        since_s = self._silent_s if self._silent_s is not None else now_s
        kind = failure.kind if failure else ""
        doing = {"refused": "nobody listens yet", "timeout": "accepts connections and is silent"}.get(kind, said)
        if starting := self._starting(now_s, found, doing):
            return starting
        if kind == "refused" or self._up_s is None:
            return "DOWN", said, since_s
        waits, _, _ = self._waiting.at_the_door()
        if waits and now_s - since_s >= self._patience(STALLED_S, None) and self._effort.rests(now_s - STALLED_S / 2):
            return "STALLED", f"{waits}, {said}, {self._effort}", since_s
        age_s = now_s - self._up_s
        if age_s > max(DOWN_S, 10 * self._interval_s):
            return "DOWN", f"{said}; nothing heard for {age_s:.0f} s", since_s
        if age_s > self._few_intervals():
            return "STALE", f"{said}; numbers are {age_s:.0f} s old", None
        stalled = self._verdict is not None and self._verdict.state == "STALLED"
        return ("STALLED", f"nothing was finished, and now {said}", None) if stalled else ("SLOW", said, None)

    def _without_numbers(self, now_s: float, answer: ServerAnswer, measured: Measured | None, found: Found) -> _State:
        """It answers, but not with a page of numbers."""
        page = answer.page.damaged if answer.page is not None else answer.page_failure.message if answer.page_failure else ""
        if measured is None or measured.at_s is None:
            if answer.ready is None and answer.page_failure is not None and answer.page_failure.kind in ("refused", "timeout"):
                return self._silent(now_s, answer.page_failure, found)
            return self._untold(now_s, f"answers, but has no numbers: {page}" if page else _SAYS_NOTHING)
        age_s = now_s - measured.at_s
        if age_s > self._few_intervals():
            if answer.ready is None and age_s > max(DOWN_S, 10 * self._interval_s):
                return "DOWN", f"{page}; nothing heard for {age_s:.0f} s", None
            return "STALE", f"{page or 'no numbers'}; numbers are {age_s:.0f} s old", None
        return "SLOW", page or "its page of numbers did not come", None

    def _untold(self, now_s: float, why: str) -> _State:
        """It answers and tells of no progress; whether clients wait at its door is all that can be seen."""
        waits, since_s, surely = self._waiting.at_the_door()
        patience_s = self._patience(STALLED_S if surely else LONGEST_STALL_S, None)
        if not waits or now_s - since_s < patience_s:
            return "UNKNOWN", why, None
        effort = self._effort
        sentence = f"{waits}, for {now_s - since_s:.0f} s" + (f", {effort}" if effort.known else "")
        if surely and effort.works:
            return "SLOW", sentence, since_s
        sure = effort.rests(now_s - patience_s) if effort.known else surely
        return ("STALLED", sentence, since_s) if sure else ("UNKNOWN", f"{why}; {sentence}", None)

    def _with_numbers(self, now_s: float, reading: Reading, answer: ServerAnswer, measured: Measured) -> _State:
        if measured.at_s is not None and now_s - measured.at_s > max(self._few_intervals(), reading.took_s + 2 * self._interval_s):
            return "STALE", f"numbers are {now_s - measured.at_s:.0f} s old", None
        moving_s = self._moving_s(now_s, measured)
        work = measured.work or 0.0
        busy: _State | None = None
        if measured.tells_progress:
            stall = self._stall(now_s, measured)
            if stall is not None and stall[0] == "STALLED":
                return stall
            if stall is not None:
                busy = stall
        if self._slow >= 2:
            took_s = max(reading.took_s, answer.ready_took_s or 0.0)
            return "SLOW", f"takes {took_s:.1f} s to answer how it is", None
        if measured.about != "server":
            return "OK", "answers with fresh numbers", None
        not_ready = f", though it says it is not ready: {answer.ready_why}" if answer.ready is False else ""
        if moving_s is not None and moving_s <= self._patience(MOVING_S, measured):
            return "OK", f"finished work {moving_s:.0f} s ago{not_ready}", None
        if not measured.tells_progress:
            return ("UNKNOWN", "work is there, but it does not tell whether any gets done", None) if work else self._untold_idle(now_s)
        if measured.pages < 2:
            return ("UNKNOWN", "one look so far: progress shows from the second on", None) if work else ("IDLE", "no work", None)
        if busy is not None:
            return busy
        if work:
            return "OK", "work has just begun", None
        quiet = f" for {moving_s:.0f} s" if moving_s is not None else " since watching began"
        said = f"no work{quiet}" if measured.work is not None else f"nothing finished{quiet}; it does not tell what waits"
        clients = self._waiting.clients
        return "IDLE", f"{said}; {clients} client{'' if clients == 1 else 's'} connected" if clients else said, None

    def _untold_idle(self, now_s: float) -> _State:
        """It tells that nothing runs, but not whether anything gets done."""
        state = self._untold(now_s, "")
        return ("IDLE", "no work", None) if state[0] == "UNKNOWN" else state

    def _stall(self, now_s: float, measured: Measured) -> _State | None:
        """Work or clients are there and nothing gets done for too long: STALLED; or OK where it may still be a long request."""
        patience_s = self._patience(STALLED_S, measured)
        by_token = measured.metrics.get("token.rate.generated") is not None
        if not by_token:  # only whole answers are counted: none for a while is normal where one takes a while
            patience_s = max(patience_s, min(2 * (measured.metrics.get("latency.mean") or 0.0), LONGEST_STALL_S))
        began_s = max(measured.progress_at_s or 0.0, measured.since_s or 0.0)
        if self._work_s is not None:
            began_s = max(began_s, self._work_s)
        age_s = now_s - began_s
        if age_s < patience_s:
            return None
        effort = self._effort
        if self._work_s is not None:
            work, there = measured.work or 0.0, f"{_much(measured.work or 0.0)} running or waiting"
        else:
            counts_running = measured.metrics.get("request.running") is not None
            at_rest = effort.rests(now_s - patience_s)
            work, there = None, self._waiting.hanging(now_s, began_s, patience_s, counts_running=counts_running, at_rest=at_rest)
            if not there:
                return None
        longest_s = patience_s
        if effort.works:
            longest_s = UNSURE_STALL_S if by_token and work is not None else LONGEST_STALL_S
        elif effort.known and work is None and not effort.rests(now_s - patience_s):
            longest_s = UNSURE_STALL_S
        finished = f"nothing finished for {age_s:.0f} s"
        parts = [finished, there] if work is not None else [there, finished]
        sentence = ", ".join([*parts, str(effort)] if effort.known else parts)
        if age_s >= max(patience_s, longest_s):
            return "STALLED", sentence, began_s
        # Where tokens are counted one should have come by now, so this is no OK; whole answers may take as long as they take.
        return "SLOW" if by_token and work is not None else "OK", f"{sentence}: a long request, it seems", None

    # -- times --------------------------------------------------------------------------------------------------------------------------

    def _moving_s(self, now_s: float, measured: Measured | None) -> float | None:
        return None if measured is None or measured.progress_at_s is None else max(0.0, now_s - measured.progress_at_s)

    def _starting(self, now_s: float, found: Found, doing: str) -> _State | None:
        """Young, and not up since its process began (or, where that is not known, since we watch or saw it begin again)."""
        if self._up_s is not None and (found.started_s is None or self._up_s >= found.started_s):
            return None
        began_s = found.started_s if found.started_s is not None else self._began_s
        began_s = max(now_s if began_s is None else began_s, -math.inf if self._again_s is None else self._again_s)
        age_s = max(0.0, now_s - began_s)
        if age_s > self._starting_s:
            return None
        return "STARTING", f"starting for {_span(age_s)}: {doing}; may take {_span(self._starting_s)}", began_s

    def _patience(self, least_s: float, measured: Measured | None) -> float:
        step_s = measured.step_s if measured is not None else 0.0
        return max(least_s, self._few_intervals(), 2 * step_s)

    def _few_intervals(self) -> float:
        return max(3 * self._interval_s, 3.0)


def _much(work: float) -> str:
    return f"{work:.0f}" if work < 1e9 else f"{work:.3g}"  # a broken page may tell of 300 digits


def _span(length_s: float) -> str:
    return f"{length_s:.0f} s" if length_s < 100 else f"{length_s / 60:.0f} min"
