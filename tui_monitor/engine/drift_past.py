"""The past of signals, asked of Prometheus: one question at a time in a thread of its own, so that a slow one holds no judge up."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tui_monitor.collect import past_counts
from tui_monitor.collect.credentials import CredentialError
from tui_monitor.collect.prometheus import RangeFailure
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import PrometheusSettings, ReferenceSettings, past_of
from tui_monitor.vocabulary import seconds

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.given import Made

ASK_AGAIN_S = 300.0
MOST_QUESTIONS = 1000  # that wait
LOADING_S = 30.0  # pandas is loaded with the first question
OF_THE_QUESTION = ("empty", "too_large", "bad_status")  # failures that other questions to the same server need not have


class Question(NamedTuple):
    """What a signal counted in a time that was."""

    target: str
    signal: str  # a histogram's family, or `family{label}` of a class counter
    instance: str  # by which the Prometheus knows the target, a regular expression
    one: ReferenceSettings
    server: PrometheusSettings
    at_s: float  # when it was asked
    tries: int  # before this one


class Answer(NamedTuple):
    """A reference, or why there is none, and the share of that time that is known."""

    question: Question
    made: Made | None
    said: str
    known: float = 0.0


class PastQuestions:
    """Questions that wait, and what came. `put`, `took` and `renew` are for the judges' thread, `answer_all` and `end` for the loop."""

    def __init__(self) -> None:
        self._waiting: deque[Question] = deque()
        self._came: deque[Answer] = deque()
        self._silent: dict[str, tuple[float, str]] = {}  # Prometheus -> when it did not answer, and why: others do not wait for it then
        self._workers: dict[str, Worker[Answer]] = {}  # of each Prometheus: one that is stuck for good keeps no other from answering
        self._over = threading.Event()  # nobody wants to know any more
        self._own = threading.Lock()

    @property
    def waits(self) -> bool:
        """Whether there is a question."""
        return bool(self._waiting)

    def put(self, question: Question) -> bool:
        """One more question; returns whether there was room for it."""
        if len(self._waiting) >= MOST_QUESTIONS:
            return False
        self._waiting.append(question)
        return True

    def took(self) -> list[Answer]:
        """What came since the last time."""
        found = []
        while self._came:
            found.append(self._came.popleft())
        return found

    def renew(self) -> None:
        """Other references: nothing that was asked before is of use."""
        with self._own:
            self._over.set()
            self._over = threading.Event()
            self._waiting.clear()
            self._silent = {}

    def end(self) -> None:
        """No more questions: what is under way ends with its next piece, and nobody waits for it."""
        self._over.set()
        self._waiting.clear()

    async def answer_all(self) -> None:
        """Ask everything that waits, one after the other. Never raises."""
        while True:
            with self._own:
                if not self._waiting:
                    return
                question, over, silent = self._waiting.popleft(), self._over, self._silent
            answer = await self._answer(question, over, silent)
            if not over.is_set():
                self._came.append(answer)

    async def _answer(self, question: Question, over: threading.Event, silent: dict[str, tuple[float, str]]) -> Answer:
        name = question.server.name
        silent_s, said = silent.get(name, (-ASK_AGAIN_S, ""))
        if 0 <= question.at_s - silent_s < ASK_AGAIN_S:
            return Answer(question, None, said)
        worker = self._workers.setdefault(name, Worker("drift-past"))
        deadline_s = past_counts.LONGEST_S + 2 * seconds(question.server.timeout) + LOADING_S
        try:
            return await worker.run(lambda: asked(question, over.is_set), deadline_s)
        except Busy:
            said = "an earlier question for the past is still stuck"
        except TimeoutError:
            said = f"the past did not come within {deadline_s:g} s"
        except RangeFailure as error:
            said = error.failure.message
            if error.failure.kind in OF_THE_QUESTION:
                return Answer(question, None, said)
        except CredentialError as error:
            return Answer(question, None, str(error))
        except Exception as error:  # noqa: BLE001 - the border of a source: what a foreign library raises on a foreign answer
            return Answer(question, None, type(error).__name__)
        silent[name] = question.at_s, said
        return Answer(question, None, said)


def asked(question: Question, over: Callable[[], bool]) -> Answer:
    """Ask. Blocks: for a thread of its own.

    Raises:
        RangeFailure: no answer, and why.
        CredentialError: a file of the settings cannot be read.
    """
    from tui_monitor.analyse.drift.given import of_buckets, of_categories

    one, server = question.one, question.server
    start_s, end_s = past_of(one.past)
    if question.at_s < end_s:
        return Answer(question, None, "that time is not over")
    family, _, label = question.signal.removesuffix("}").partition("{")
    origin = said_past(one)
    if label:
        said = past_counts.past_categories(server, family, label, question.instance, start_s, end_s, one.query, over=over)
        return Answer(question, of_categories(said.names, said.at_s, said.slots, origin), "", said.known)
    past = past_counts.past_buckets(server, family, question.instance, start_s, end_s, one.query, over=over)
    return Answer(question, of_buckets(past.edges, past.at_s, past.slots, origin, past.amount), "", past.known)


def said_past(one: ReferenceSettings) -> str:
    """A past time in words."""
    begins, ends = (time.strftime("%d %b %H:%M", time.gmtime(moment)) for moment in past_of(one.past))
    return f"{begins} to {ends} UTC from {one.prometheus}"
