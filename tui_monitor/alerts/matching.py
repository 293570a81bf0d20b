"""Which subjects a rule is about: its `where`, and what else can be said of one.

    where = {kind = "vllm", model = "!= draft", name = "=~ chat-.*"}

A plain value must be equal; `!=` in front of it, must not be; `=~` and `!~` hold a regular expression against the whole value. All must hold.
A label that a subject does not have is empty, so `!=` is true of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from msgspec import Struct

from tui_monitor.language.tokens import ExpressionError, nearest
from tui_monitor.model import GpuState, SignalState, Subject, SubjectKind, TargetState

SUBJECTS: tuple[SubjectKind, ...] = get_args(SubjectKind)
PARTS = ("model", "slice")  # of another subject, with the same keys: meant only where a rule says so
STATES: dict[str, tuple[str, ...]] = {
    "target": get_args(TargetState),
    "gpu": get_args(GpuState),
    "signal": get_args(SignalState),
    "model": (),  # their servers' own words
    "performance": ("OK", "CHANGED", "FALLING", "DECAYED", "UNKNOWN"),
}
NAMES = ("name", "target", "gpu")
LABELS = ("model", "version", "source", "signal", "role", "window", "basis", "slice", "mount", "prometheus", "follows")

_LABELLED = "labelled"
_LONGEST = 200
_SIGNED = re.compile(r"\s*(!=|=~|!~)\s*(.*)", re.DOTALL)


class Matcher(Struct, frozen=True):
    """One entry of `where`."""

    key: str
    sign: Literal["==", "!=", "=~", "!~"]
    text: str

    def fits(self, subject: Subject) -> bool:
        """Whether it holds for a subject."""
        match self.sign:
            case "==":
                return self.text in _values(subject, self.key)
            case "!=":
                return self.text not in _values(subject, self.key)
            case _:
                hit = any(re.fullmatch(self.text, value) for value in _values(subject, self.key))
                return hit == (self.sign == "=~")


def _values(subject: Subject, key: str) -> tuple[str, ...]:
    """What a key stands for: the subject's name by each of its words, its kind, its label."""
    label = subject.labels.get(key.removeprefix("label."), "")
    if key == "subject":
        return (subject.kind,)
    if key in NAMES:
        return (subject.name, label) if label else (subject.name,)
    return (subject.kind, label) if key == "kind" and label else (subject.kind,) if key == "kind" else (label,)


def is_meant(subject: Subject, where: Sequence[Matcher]) -> bool:
    """Whether `where` speaks of a subject at all.

    One window of a log and its numbers that rest on something else than labels (an estimate, a sample, golden questions) are meant only
    where it says so; everything else always is.
    """
    window, basis = subject.labels.get("window", ""), subject.labels.get("basis", _LABELLED)
    if window and not any(matcher.key in ("window", "label.window") for matcher in where):
        return False
    return basis == _LABELLED or any(matcher.key in ("basis", "label.basis") or matcher.text == basis for matcher in where)


def read_where(where: Mapping[str, str]) -> tuple[Matcher, ...]:
    """The matchers of a `where`.

    Raises:
        ExpressionError: a key or a kind of subject that there is not, or a broken regular expression.
    """
    return tuple(_matcher(key, text) for key, text in where.items())


def _matcher(key: str, text: str) -> Matcher:
    known = ("subject", "kind", *NAMES, *LABELS)
    if key not in known and not key.startswith("label."):
        raise ExpressionError(0, f"where: unknown key {key!r}{nearest(key, known)}; other labels are label.NAME")
    found = _SIGNED.fullmatch(text)
    if key == "subject":
        if text not in SUBJECTS:
            raise ExpressionError(0, f"where: unknown subject {text!r}{nearest(text, SUBJECTS)}; known: {' '.join(SUBJECTS)}")
        return Matcher(key, "==", text)
    if found is None:
        return Matcher(key, "==", text)
    sign: Literal["!=", "=~", "!~"] = "!=" if found[1] == "!=" else "=~" if found[1] == "=~" else "!~"
    if sign != "!=":
        if len(found[2]) > _LONGEST:
            raise ExpressionError(0, f"where: {key}: the regular expression is longer than {_LONGEST} characters")
        try:
            re.compile(found[2])
        except re.error as error:
            raise ExpressionError(0, f"where: {key}: {found[2]!r} is no regular expression: {error.msg}") from None
    return Matcher(key, sign, found[2])


def states_of(word: str) -> set[str]:
    """Kinds of subjects that can be in a state: those that spell it so, else those that have it in another case."""
    exact = {kind for kind, states in STATES.items() if word in states}
    return exact or {kind for kind, states in STATES.items() if word.casefold() in {state.casefold() for state in states}}
