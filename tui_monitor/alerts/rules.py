"""Rules: one line each, the built-in calm set and the user's own.

A rule looks at *subjects*: targets, GPUs, the host, disks, signals, performance windows, named Prometheus queries. It applies to every subject
that has all the numbers its `when` asks for and that fits `where`. `where` is exact, and all of it must hold:

    subject  target | gpu | host | disk | signal | performance | query
    name     the subject's name; `target` and `gpu` are other words for it
    kind     the kind of server (vllm, triton ...), or of subject
    model, version, source, signal, role, window, slice, mount, prometheus, label.ANY    labels of the subject

A rule that asks for nothing but `state` is true of those kinds of subjects that can be in the state it names (`state == STALLED`: targets;
`state == LOST`: GPUs; `state == drift`: signals). Where that is more than one, `where = {subject = ...}` must say which.

Rules of one name are levels of one alert; its severity is the worst level that is true. A user's rule takes the place of all built-in
levels of its name.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Sequence
from typing import NamedTuple, get_args

from msgspec import Struct

from tui_monitor.alerts.expression import Expression, ExpressionError, nearest, read_expression
from tui_monitor.alerts.truth import Value
from tui_monitor.config import RuleSettings, Settings
from tui_monitor.model import GpuState, Severity, SignalState, Subject, TargetState, clean
from tui_monitor.vocabulary import VOCABULARY, seconds

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")  # worst first
PLACEHOLDERS = ("value", "target", "rule", "why", "state", "severity")
MOST_RULES = 500
LONGEST_FOR_S = 7 * 86400.0

_STATES: dict[str, tuple[str, ...]] = {"target": get_args(TargetState), "gpu": get_args(GpuState), "signal": get_args(SignalState)}
_SUBJECTS = ("target", "gpu", "host", "disk", "signal", "performance", "query")
_NAMES = ("name", "target", "gpu")
_LABELS = ("model", "version", "source", "signal", "role", "window", "slice", "mount", "prometheus")


def _built_in() -> tuple[RuleSettings, ...]:
    """Few, late and certain: each of these is worth a look at night."""
    target, gpu = {"subject": "target"}, {"subject": "gpu"}
    rows: list[tuple[str, str, str, str, str, dict[str, str], str]] = [
        ("stalled", "state == STALLED", "", "30s", "critical", target, "{target} makes no progress: {why}"),
        ("down", "state == DOWN", "", "20s", "critical", target, "{target} is down: {why}"),
        ("stale", "state == STALE", "", "1m", "warning", target, "{target} tells nothing new: {why}"),
        ("slow-answers", "state == SLOW", "", "2m", "warning", target, "{target} answers slowly: {why}"),
        ("errors", "error.ratio > 25%", "error.ratio < 20%", "2m", "critical", target, "{value} of the requests to {target} fail"),
        ("errors", "error.ratio > 5%", "error.ratio < 3%", "2m", "warning", target, "{value} of the requests to {target} fail"),
        ("kv-cache", "kv_cache.used > 95%", "kv_cache.used < 90%", "2m", "warning", target, "key-value cache of {target} is {value} full"),
        ("gpu-lost", "state == LOST", "", "10s", "critical", gpu, "{target} is lost: {why}"),
        ("gpu-hung", "state == HUNG", "", "10s", "critical", gpu, "{target} does not answer: {why}"),
        ("gpu-hot", "gpu.temperature > 95C", "gpu.temperature < 90C", "30s", "critical", gpu, "{target} is {value} hot"),
        ("gpu-hot", "gpu.temperature > 88C", "gpu.temperature < 84C", "2m", "warning", gpu, "{target} is {value} hot"),
        ("gpu-ecc", "gpu.ecc.uncorrected > 0", "", "0s", "warning", gpu, "{target} had {value} memory errors that it could not correct"),
        ("disk", "disk.used.ratio > 97%", "disk.used.ratio < 96%", "1m", "critical", {"subject": "disk"}, "{target} is {value} full"),
        ("disk", "disk.used.ratio > 90%", "disk.used.ratio < 89%", "5m", "warning", {"subject": "disk"}, "{target} is {value} full"),
        ("memory", "memory.used.ratio > 98%", "memory.used.ratio < 96%", "1m", "critical", {"subject": "host"}, "memory is {value} full"),
        ("memory", "memory.used.ratio > 93%", "memory.used.ratio < 90%", "5m", "warning", {"subject": "host"}, "memory is {value} full"),
        # Latency is no drift rule: it moves with the load every day, and has rules of its own. Its signals are shown all the same.
        *(
            ("drift", "state == drift", "", "0s", "warning", {"subject": "signal", "role": role}, "{why}")
            for role in ("input", "output", "score", "quality")
        ),
        (
            "accuracy",
            "accuracy < 50%",
            "accuracy > 55%",
            "5m",
            "warning",
            {"subject": "performance", "window": "30m"},
            "accuracy of {target} is {value}",
        ),
    ]
    return tuple(
        RuleSettings(name, when, clear, for_, severity, where, summary) for name, when, clear, for_, severity, where, summary in rows
    )


BUILT_IN: tuple[RuleSettings, ...] = _built_in()


class Fault(NamedTuple):
    """What is wrong with a rule: which one, the column inside the named text (0: the whole), and a sentence that begins with the key."""

    rule: int  # its place in the list
    column: int
    message: str


class RuleError(ValueError):
    """Rules that cannot be used; `str(error)` is the first fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = tuple(faults)


class Rule(Struct, frozen=True):
    """One level of an alert."""

    name: str
    severity: Severity
    when: Expression
    clear: Expression | None  # hysteresis: once it fires it stays until this is true
    for_s: float
    where: tuple[tuple[str, str], ...]
    subjects: tuple[str, ...]  # kinds it can be true of; empty: whatever has its keys
    keys: tuple[str, ...]  # numbers that `when` asks for
    summary: str
    built_in: bool = False
    keep_firing_for_s: float = 0.0  # goes on firing for so long after it was last true

    @property
    def unit(self) -> str:
        """Unit of the value that an episode of this rule shows: its first number."""
        term = VOCABULARY.get(self.keys[0]) if self.keys else None
        return term.unit if term else ""

    def concerns(self, subject: Subject) -> bool:
        """Whether the rule applies to a subject at all, whatever its numbers are now."""
        if self.subjects and subject.kind not in self.subjects:
            return False
        return all(key in subject.metrics for key in self.keys) and all(_fits(subject, key, text) for key, text in self.where)

    def value(self, subject: Subject) -> float | None:
        """The number that the episode shows."""
        return subject.metrics.get(self.keys[0]) if self.keys else None

    def sentence(self, subject: Subject, value: float | None) -> str:
        """The summary with its placeholders filled; without one, the condition itself."""
        text = self.summary or (
            "{target}: " + self.when.text.replace("{", "{{").replace("}", "}}") + (" (now {value})" if self.keys else "")
        )
        said = text.format(
            value=say_value(value, self.unit),
            target=subject.name,
            rule=self.name,
            why=subject.why,
            state=subject.state,
            severity=self.severity,
        )
        return clean(said).rstrip(" :")


def _fits(subject: Subject, key: str, text: str) -> bool:
    if key == "subject":
        return subject.kind == text
    if key in _NAMES and subject.name == text:
        return True
    if key == "kind" and subject.kind == text:
        return True
    return subject.labels.get(key.removeprefix("label.")) == text


def lookup(subject: Subject) -> dict[str, Value]:
    """What an expression finds in a subject: its numbers, and its `state`. Of a silent subject only the state and its age: other numbers are old."""
    if subject.silent:
        return {"state": subject.state or None, "state.age": subject.metrics.get("state.age")}
    return {**subject.metrics, "state": subject.state or None}


def say_value(value: float | None, unit: str) -> str:
    """A number for a sentence, three significant digits with its unit."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{100 * value:.3g} %"
    if unit == "s":
        for factor, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
            if abs(value) >= 2 * factor:
                return f"{value / factor:.3g} {name}"
        return f"{value:.3g} s" if abs(value) >= 1 or value == 0 else f"{1000 * value:.3g} ms"
    if unit in ("B", "B/s"):
        tail = unit[1:]
        for power, name in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
            if abs(value) >= 1024.0**power:
                return f"{value / 1024.0**power:.3g} {name}{tail}"
        return f"{value:.0f} B{tail}"
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip() if unit != "/s" else f"{digits}/s"


# -- from settings ------------------------------------------------------------------------------------------------------------------


def _units(queries: Collection[str]) -> dict[str, str | None]:
    return {**dict.fromkeys(queries), **{key: term.unit for key, term in VOCABULARY.items()}}


def _has_control(text: str) -> bool:
    return any(not char.isprintable() for char in text)


def _states_of(word: str) -> set[str]:
    """Kinds of subjects that can be in a state: those that spell it so, else those that have it in another case."""
    exact = {kind for kind, states in _STATES.items() if word in states}
    return exact or {kind for kind, states in _STATES.items() if word.casefold() in {state.casefold() for state in states}}


def _subjects(settings: RuleSettings, when: Expression, keys: tuple[str, ...]) -> tuple[str, ...]:
    if "subject" in settings.where:
        return (settings.where["subject"],)
    if keys:
        return ()
    kinds = set(_STATES).intersection(*(_states_of(word) for _, word in when.words))
    if len(kinds) != 1:
        shown = " or ".join(f'"{kind}"' for kind in sorted(kinds)) or "one kind"
        raise ExpressionError(0, f"where: say whose state is meant: where = {{subject = {shown}}}")
    return tuple(kinds)


def _check_summary(summary: str) -> None:
    """Refuse placeholders that nobody fills.

    Raises:
        ExpressionError: with the column of the placeholder.
    """
    if _has_control(summary):
        raise ExpressionError(0, "summary: holds a control character")
    try:
        parts = list(string.Formatter().parse(summary))
    except ValueError as error:
        raise ExpressionError(0, f"summary: {error}; write {{{{ for a brace") from None
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in PLACEHOLDERS or form or conversion:
            column = summary.find("{" + name) + 1
            raise ExpressionError(
                column, f"summary: unknown placeholder {{{name}}}{nearest(name, PLACEHOLDERS)}; known: {' '.join(PLACEHOLDERS)}"
            )


def _check_where(where: dict[str, str]) -> None:
    for key, text in where.items():
        if key not in ("subject", "kind", *_NAMES, *_LABELS) and not key.startswith("label."):
            raise ExpressionError(
                0, f"where: unknown key {key!r}{nearest(key, ('subject', 'kind', *_NAMES, *_LABELS))}; other labels are label.NAME"
            )
        if key == "subject" and text not in _SUBJECTS:
            raise ExpressionError(0, f"where: unknown subject {text!r}{nearest(text, _SUBJECTS)}; known: {' '.join(_SUBJECTS)}")


def _read(key: str, text: str, queries: Collection[str]) -> Expression:
    every_state = dict.fromkeys(state for states in _STATES.values() for state in states)
    try:
        return read_expression(text, _units(queries), {"state": tuple(every_state)})
    except ExpressionError as error:
        raise ExpressionError(error.column, f"{key}: {error}") from None


def read_rule(settings: RuleSettings, queries: Collection[str] = (), *, built_in: bool = False) -> Rule:
    """One rule as the user wrote it.

    Args:
        settings: the rule.
        queries: names of configured Prometheus queries, which a rule may ask for like a key of the vocabulary.
        built_in: whether it is one of ours.

    Raises:
        ExpressionError: column inside the text at fault (0: none), and a sentence that begins with its key.
    """
    if not settings.name.strip() or len(settings.name) > 64 or _has_control(settings.name):
        raise ExpressionError(0, "name: must be 1 to 64 printable characters")
    when = _read("when", settings.when, queries)
    clear = _read("clear", settings.clear, queries) if settings.clear.strip() else None
    try:
        for_s = seconds(settings.for_)
    except ValueError as error:
        raise ExpressionError(0, f"for: {error}") from None
    if for_s > LONGEST_FOR_S:
        raise ExpressionError(0, "for: at most 7d")
    if settings.severity not in SEVERITIES:
        raise ExpressionError(
            0, f"severity: unknown {settings.severity!r}{nearest(settings.severity, SEVERITIES)}; known: {' '.join(SEVERITIES)}"
        )
    _check_where(settings.where)
    _check_summary(settings.summary)
    keys = tuple(name for name in when.names if name != "state")
    severity = next(known for known in SEVERITIES if known == settings.severity)
    subjects = _subjects(settings, when, keys)
    return Rule(settings.name, severity, when, clear, for_s, tuple(settings.where.items()), subjects, keys, settings.summary, built_in)


def check_rules(rules: Sequence[RuleSettings], queries: Collection[str] = ()) -> list[Fault]:
    """What is wrong with the user's rules, in order; empty when nothing is."""
    return _read_all(rules, queries)[1]


def _read_all(rules: Sequence[RuleSettings], queries: Collection[str]) -> tuple[list[Rule], list[Fault]]:
    good: list[Rule] = []
    faults: list[Fault] = []
    levels: set[tuple[str, str]] = set()
    for index, settings in enumerate(rules):
        try:
            if index >= MOST_RULES:
                raise ExpressionError(0, f"name: more than {MOST_RULES} rules")
            if (settings.name, settings.severity) in levels:
                raise ExpressionError(
                    0, f"severity: {settings.name!r} has a level {settings.severity!r} already; levels of one name differ in severity"
                )
            levels.add((settings.name, settings.severity))
            good.append(read_rule(settings, queries))
        except ExpressionError as error:
            faults.append(Fault(index, error.column, str(error)))
    return good, faults


def check_disabled(disable: Sequence[str], rules: Sequence[RuleSettings] = ()) -> list[str]:
    """One line for every name in `disable` that no rule has."""
    known = dict.fromkeys(rule.name for rule in (*BUILT_IN, *rules))
    return [f"unknown rule {name!r}{nearest(name, known)}" for name in disable if name not in known]


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """The rules in force: the user's, and the built-in ones whose name is neither taken nor switched off.

    Raises:
        RuleError: with every fault.
    """
    queries = [name for prometheus in settings.prometheus for name in prometheus.queries]
    own, faults = _read_all(settings.rules, queries)
    if faults:
        raise RuleError(faults)
    taken = {rule.name for rule in own}
    ours = [read_rule(rule, built_in=True) for rule in BUILT_IN if rule.name not in taken]
    return tuple(rule for rule in (*own, *ours) if rule.name not in settings.alerts.disable)
