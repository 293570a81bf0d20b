"""How a model answers golden questions, and whether it still answers them as at the first run.

The numbers are the probe's own (source `probe`); users' traffic is not in them. Two things keep a change from being cried too early. An
answer counts as another one when it was given several times in a row (and of written texts as the first one only then too), and a question
whose answer goes back and forth is unsteady: it is told apart and is no evidence. FALLING means that the whole interval of the newest answers' accuracy is below the first run's, and that the
paired difference of the same questions is below zero with its whole interval: which questions are hard is in both runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field, structs

from tui_monitor.analyse.performance.golden.golden_window import SHOWN, Sums, Windows
from tui_monitor.analyse.performance.golden.judged import Heard, judged, same
from tui_monitor.analyse.performance.golden.shares import mean, paired, wilson
from tui_monitor.model import ChangedAnswer, Estimate, GoldenAnswer, GoldenQuestion, Performance, ProbeState, clean, utc

LATEST = "latest"  # the window of the newest answer of each question
MOST_CHANGED = 100  # that are told
MOST_UNSTEADY = 100
RETURNS = 10  # answers: who comes back to an earlier answer within so many goes back and forth
UNSTEADY = 20  # answers without another move until it counts as steady again
KEPT_PAST = 5
FEWEST_SILENT = 3
HOPELESS = 3  # failures in a row
SURE, SURE_OF_TEXT = 2, 3  # times in a row: so often another answer must come before it counts as a change
GIVEN_UP = 2  # failures without any answer: the first run goes on without that question

State = Literal["OK", "CHANGED", "FALLING", "UNKNOWN"]


class Known(Struct):
    """What is known of one question."""

    key: str
    label: str
    first: Heard | None = None
    was_right: bool = False
    firm: bool = False  # the first answer was given several times in a row
    newest: Heard | None = None
    right: bool = False
    took_s: float = 0.0
    streak: int = 0  # how often the newest answer was given in a row
    answers: int = 0
    failures: int = 0
    refused: int = 0  # failures in a row
    since_s: float = 0.0
    past: list[tuple[Heard, int]] = field(default_factory=list)  # earlier answers, and after how many answers they ended
    unsteady_until: int = 0  # answers

    def changed(self, tolerance: float) -> bool:
        """Whether the newest answer is not the first."""
        return self.first is not None and self.newest is not None and not same(self.newest, self.first, tolerance)

    @property
    def unsteady(self) -> bool:
        """Whether its answers went back and forth lately."""
        return self.answers < self.unsteady_until

    def hear(self, heard: Heard, at_s: float, tolerance: float) -> None:
        """One answer more."""
        self.answers += 1
        if self.newest is None:
            self.newest, self.streak, self.since_s = heard, 1, at_s
            return
        if same(heard, self.newest, tolerance):
            self.streak += 1
            return
        came_back = any(same(heard, one, tolerance) and self.answers - ended <= RETURNS for one, ended in self.past)
        wanders = self.streak == 1 and self.answers > 2
        if came_back or wanders:
            self.unsteady_until = self.answers + UNSTEADY
        self.past = [*self.past[1 - KEPT_PAST :], (self.newest, self.answers)]
        self.newest, self.streak, self.since_s = heard, 1, at_s


class Saved(Struct):
    """What is kept on disk of one probe."""

    known: dict[str, Known] = field(default_factory=dict)
    slots: dict[int, Sums] = field(default_factory=dict)
    total: Sums = field(default_factory=Sums)
    failures: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    began_s: float | None = None


class ProbeBook:
    """All that one probe has learned."""

    def __init__(self, name: str, check: str, tolerance: float, *, writes: bool = False) -> None:
        """`writes`: the answers are written texts, that differ now and then without a change of the model."""
        self.name, self.writes, self._check, self._tolerance = name, writes, check, tolerance
        self._known: dict[str, Known] = {}
        self._windows = Windows()
        self._failures: Counter[str] = Counter()
        self._asked = 0
        self._failing = ""
        self._unanswered = 0  # in a row
        self._asked_at_s: float | None = None
        self._began_s: float | None = None
        self._state: State = "UNKNOWN"
        self._since_s: float | None = None

    @property
    def _confirmed(self) -> int:
        return SURE_OF_TEXT if self.writes else SURE

    # -- in -----------------------------------------------------------------------------------------------------------------------------

    def expect(self, questions: Sequence[GoldenQuestion]) -> None:
        """The questions as their file has them now. One with another request or label under an old id is a new one."""
        before = self._known
        self._known = {}
        for one in questions:
            known = before.get(one.id)
            self._known[one.id] = known if known is not None and known.key == one.key else Known(one.key, clean(one.label))
        self._windows.forget(set(self._known))

    def add(self, question: GoldenQuestion, answer: GoldenAnswer) -> None:
        """One answer, or one failure: that is never a wrong answer."""
        self._asked += 1
        self._asked_at_s = answer.at_s
        self._began_s = answer.at_s if self._began_s is None else self._began_s
        touched = self._windows.touched(answer.at_s)
        self._failing = answer.failure.message if answer.failure else ""
        self._unanswered = self._unanswered + 1 if answer.failure else 0
        known = self._known.get(question.id)
        if answer.failure is not None or known is None or known.key != question.key:
            if answer.failure is not None:
                self._failures[answer.failure.kind] += 1
                for sums in touched:
                    sums.failed += 1
            if answer.failure is not None and known is not None:
                known.failures += 1
                known.refused += 1
                self._turned(answer.at_s)
            return
        verdict = judged(answer.value, question.label, self._check, self._tolerance)
        known.hear(verdict.heard, answer.at_s, self._tolerance)
        known.refused = 0
        known.right, known.took_s = verdict.right, answer.took_s
        if known.first is None:
            known.first, known.was_right = verdict.heard, verdict.right
        elif self.writes and not known.firm and known.streak >= self._confirmed:
            known.first, known.was_right, known.firm = known.newest, known.right, True  # what was said once before may have been a slip
        changed = known.changed(self._tolerance)
        for sums in touched:
            sums.answer(question.id, answer.took_s, right=verdict.right, changed=changed)
        self._turned(answer.at_s)

    def _turned(self, at_s: float) -> None:
        state, _ = self._judge()
        if state != self._state:
            self._state, self._since_s = state, at_s

    def hopeless(self, identity: str) -> bool:
        """Whether a question was refused again and again while others were answered."""
        known = self._known.get(identity)
        return known is not None and known.refused >= HOPELESS and not self._silent

    @property
    def _silent(self) -> bool:
        return self._unanswered >= max(FEWEST_SILENT, len(self._known))

    def pin(self) -> str:
        """The newest answers become the first ones; returns why not, or nothing."""
        if not any(one.newest for one in self._known.values()):
            return "no golden question has been answered yet"
        for one in self._known.values():
            one.first, one.was_right, one.past, one.unsteady_until = one.newest, one.right, [], 0
        self._state, self._since_s = self._judge()[0], self._asked_at_s
        return ""

    # -- out ----------------------------------------------------------------------------------------------------------------------------

    def performance(self, now_s: float) -> list[Performance]:
        """The newest answer of each question, and every window.

        Asked twice, a question tells nothing new: intervals are as wide as the number of different questions makes them.
        """
        first = self._first()
        found = [self._of(LATEST, self._latest(), first, now_s, None)]
        spans = dict(zip(SHOWN, (1800.0, 10800.0, 86400.0), strict=True))
        for window, sums in self._windows.shown(now_s):
            begins_s = self._began_s if window == "all" else now_s - spans[window]
            found.append(self._of(window, sums, first, now_s, begins_s))
        return found

    def state(self, now_s: float) -> ProbeState:
        """How its asking stands, as far as the answers tell."""
        state, sentence = self._judge()
        changed = [(identity, one) for identity, one in self._known.items() if one.changed(self._tolerance)]
        changed.sort(key=lambda pair: -pair[1].since_s)
        return ProbeState(
            name=self.name,
            target="",
            state=state,
            since=None if self._since_s is None else utc(self._since_s),
            sentence=sentence,
            questions=len(self._known),
            asked=self._asked,
            failed=sum(self._failures.values()),
            failures=dict(self._failures),
            failing=self._failing,
            silent=f"{self._unanswered} golden questions in a row without an answer: {self._failing}" if self._silent else "",
            rounds=min((one.answers + one.failures for one in self._known.values()), default=0),
            first=self._first(),
            changed=[
                ChangedAnswer(
                    question=identity,
                    first=one.first.shown if one.first else "",
                    now=one.newest.shown if one.newest else "",
                    label=one.label,
                    right=one.right,
                    was_right=one.was_right,
                    since=utc(one.since_s),
                )
                for identity, one in changed[:MOST_CHANGED]
            ],
            changed_total=len(changed),
            unsteady=[identity for identity, one in self._known.items() if one.unsteady][:MOST_UNSTEADY],
            asked_at=None if self._asked_at_s is None else utc(self._asked_at_s),
        )

    def _latest(self) -> Sums:
        sums = Sums(failed=0)
        for identity, one in self._known.items():
            if one.newest is not None:
                sums.answer(identity, one.took_s, right=one.right, changed=one.changed(self._tolerance))
        return sums

    def _first(self) -> Estimate | None:
        """Accuracy of the first whole run; None until every question was answered once. One that never is does not hold the others up."""
        known = list(self._known.values())
        answered = [one for one in known if one.first is not None]
        if not answered or any(one.first is None and one.failures < GIVEN_UP for one in known) or 2 * len(answered) < len(known):
            return None
        return wilson(sum(one.was_right for one in answered), len(answered))

    def _of(self, window: str, sums: Sums, first: Estimate | None, now_s: float, begins_s: float | None) -> Performance:
        metrics = sums.metrics()
        accuracy, n = metrics["accuracy"], sums.answers
        if first is not None and accuracy.high is not None and first.value is not None:
            metrics["accuracy"] = structs.replace(accuracy, reference=first.value, breach=accuracy.high < first.value)
        if window == LATEST:
            sums_of = [one.took_s for one in self._known.values() if one.newest is not None]
            metrics["probe.latency"] = mean(sum(sums_of), sum(one * one for one in sums_of), len(sums_of))
        why = (
            ""
            if n
            else "no golden question answered" + (f": {self._failing}" if self._failing else " in the window" if self._asked else " yet")
        )
        if n and sums.failed:
            why = f"{sums.failed} of {n + sums.failed} questions without an answer; they are not counted as wrong"
        elif n and window == LATEST and n < len(self._known):
            why = f"{n} of {len(self._known)} questions answered so far"
        return Performance(
            name=self.name,
            window=window,
            slice=None,
            start=None if begins_s is None else utc(begins_s),
            end=utc(now_s),
            n=n,
            labelled=n,
            coverage=1.0 if n else None,
            source="probe",
            why=why,
            metrics=metrics,
        )

    def _judge(self) -> tuple[State, str]:
        """The state, and a sentence for people."""
        first = self._first()
        answered = [one for one in self._known.values() if one.first is not None]
        if first is None or first.value is None:
            return "UNKNOWN", f"first run: {len(answered)} of {len(self._known)} golden questions answered" if self._known else ""
        total, right, was_right = len(answered), sum(one.right for one in answered), sum(one.was_right for one in answered)
        steady = [one for one in answered if not one.unsteady and one.streak >= min(self._confirmed, one.answers)]
        others = [one for one in steady if one.streak >= self._confirmed and one.changed(self._tolerance)]
        lost, gained = (sum(one.was_right is was and one.right is not was for one in others) for was in (True, False))
        newest, difference = wilson(right, total), paired(gained, lost, len(steady))
        if newest.high is not None and newest.high < first.value and difference.high is not None and difference.high < 0:
            return "FALLING", f"{right} of {total} golden questions right, {was_right} at the first run: {lost} lost, {gained} gained"
        if others:
            verb = "answer is not that" if len(others) == 1 else "answers are not those"
            return "CHANGED", f"{len(others)} of {total} golden {verb} of the first run; {right} right now, {was_right} then"
        return "OK", f"{right} of {total} golden questions right, {was_right} at the first run"

    # -- kept ---------------------------------------------------------------------------------------------------------------------------

    def dump(self) -> Saved:
        """For the next engine. Answers are there as they are shown, at most 200 characters of each."""
        return Saved(self._known, self._windows.slots, self._windows.total, dict(self._failures), self._asked, self._began_s)

    def load(self, saved: Saved, now_s: float) -> None:
        """What an earlier engine learned."""
        self._known = dict(saved.known)
        self._windows = Windows(saved.slots, saved.total)
        self._windows.advance(now_s)
        self._failures = Counter(saved.failures)
        self._asked, self._began_s = saved.asked, saved.began_s
        self._state = self._judge()[0]


def packed(books: Sequence[ProbeBook]) -> bytes:
    """All probes of an engine, for its store."""
    return msgspec.msgpack.encode({book.name: book.dump() for book in books})


def unpacked(data: bytes) -> dict[str, Saved]:
    """The probes of an earlier engine.

    Raises:
        ValueError: it is something else.
    """
    try:
        return msgspec.msgpack.decode(data, type=dict[str, Saved])
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
