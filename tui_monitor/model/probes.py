"""Questions with known answers, what became of them, and which inputs matter."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from tui_monitor.model.quality import Estimate
from tui_monitor.model.readings import Failure


class GoldenQuestion(Struct, frozen=True):
    """A request whose answer is known."""

    id: str
    request: Any  # a body as the protocol wants it, or one row of it
    label: Any  # text, number, or a list of numbers
    key: str = ""  # changes with request or label: answers to another question are not compared


class GoldenAnswer(Struct, frozen=True):
    """What came back for a golden question; with a `failure` nothing did, and nobody can say whether it is right."""

    question: str
    at_s: float
    took_s: float
    value: Any = None  # text, number, a list of numbers, or class -> number
    failure: Failure | None = None


class ChangedAnswer(Struct, frozen=True):
    """A golden question that is answered otherwise than at the first run."""

    question: str  # its id
    first: str  # cleaned, at most 200 characters
    now: str
    label: str
    right: bool  # what is said now
    was_right: bool
    since: datetime  # when it was first answered so


class ColumnWeight(Struct, frozen=True):
    """How much one input column matters. Of importances `value` is the drop of accuracy; of one row's explanation the effect of one step."""

    column: str
    value: Estimate
    moved: float | None = None  # importances: share of the answers that were another one
    step: float | None = None  # explanation: how large one step is; None: another category


class ProbeExplained(Struct, frozen=True, kw_only=True):
    """Which inputs matter, asked of the live server. `row` None: of all golden questions (permutation importance), else of that one."""

    at: datetime
    row: str | None
    weights: list[ColumnWeight] = []  # heaviest first
    columns: int = 0  # of which the heaviest are told
    rows: int = 0  # golden rows that it rests on
    requests: int = 0  # that it cost
    failed: int = 0  # of them
    base: float | None = None  # accuracy of the rows as they are; or the answer to the row as it is
    fit: float | None = None  # explanation: R2 of the straight line, 1 is perfect
    why: str = ""  # why there is nothing, or less than was asked
    sentence: str = ""


class ProbeState(Struct, frozen=True, kw_only=True):
    """A set of golden questions and how its asking stands; its numbers are in `Frame.performance` with the source `probe`."""

    name: str
    target: str
    state: Literal["OK", "CHANGED", "FALLING", "UNKNOWN"] = "UNKNOWN"
    since: datetime | None = None
    sentence: str = ""
    protocol: str = ""  # as it is spoken, also where `auto` is configured
    model: str = ""
    questions: int = 0
    asked: int = 0  # since the first run, failures too
    failed: int = 0  # refused, timed out, 5xx, unreadable: never counted as wrong
    failures: dict[str, int] = {}  # kind -> times
    failing: str = ""  # why the newest question has no answer
    silent: str = ""  # a whole round without any answer: nothing is known of the model now
    rounds: int = 0  # how often every question has been asked
    first: Estimate | None = None  # accuracy of the first whole run
    changed: list[ChangedAnswer] = []  # newest first
    changed_total: int = 0
    unsteady: list[str] = []  # questions whose answers go back and forth: they are no evidence
    left_out: dict[str, int] = {}  # reason -> lines of its file
    why: str = ""  # why nothing is asked
    asked_at: datetime | None = None
    next_at: datetime | None = None
    explains: str = ""  # why importances cannot be asked for; empty: they can
    explaining: tuple[int, int] | None = None  # requests done, of at most
    explained: ProbeExplained | None = None
