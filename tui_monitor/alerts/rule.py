"""One level of an alert: which subjects it is about, when it is true of them, and what it says then."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from tui_monitor.alerts.matching import PARTS, Matcher, is_meant
from tui_monitor.alerts.slo import Slo
from tui_monitor.alerts.summary import filled, say_value
from tui_monitor.language.expression import Expression
from tui_monitor.language.names import asked, judged, window_now
from tui_monitor.language.truth import Comparison, Condition, Join, Lookup, Name, Not, Unexpected, Unusual, Value, expected_number
from tui_monitor.model import Severity, Subject, clean
from tui_monitor.vocabulary import VOCABULARY

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")  # worst first

_OF_THE_SILENT = ("state.age", "scrape.up", "scrape.age")  # numbers that a silent subject has all the same; its others are old


class Rule(Struct, frozen=True):
    """One level of an alert."""

    name: str
    severity: Severity
    when: Expression
    clear: Expression | None  # hysteresis: once it fires it stays until this is true
    for_s: float
    where: tuple[Matcher, ...]
    subjects: tuple[str, ...]  # kinds it can be true of; empty: whatever has its keys, parts left out
    keys: tuple[str, ...]  # of the numbers that `when` asks for; a subject must have them all
    summary: str
    built_in: bool = False
    keep_firing_for_s: float = 0.0  # goes on firing for so long after it was last true
    runbook: str = ""  # a URL or a text: what to do
    shows: str = ""  # the name of the number that its episodes show
    slo: Slo | None = None

    @property
    def unit(self) -> str:
        """Unit of the value that an episode of this rule shows: its first number."""
        return unit_of(self.shows) if self.shows else ""

    @property
    def window(self) -> str:
        """The window of that number; empty where it is a number of this moment."""
        one = asked(self.shows)
        named = next((matcher.text for matcher in self.where if matcher.key == "window" and matcher.sign == "=="), "")
        return one.window or (named if judged(one.key) else "") or window_now(one.key)

    def concerns(self, subject: Subject) -> bool:
        """Whether the rule applies to a subject at all, whatever its numbers are now."""
        if subject.kind not in self.subjects if self.subjects else subject.kind in PARTS:
            return False
        metrics = subject.metrics
        for key in self.keys:
            if key not in metrics:
                return False
        return is_meant(subject, self.where) and all(matcher.fits(subject) for matcher in self.where)

    def value(self, subject: Subject) -> float | None:
        """The number that the episode shows."""
        found = lookup(subject).get(self._shown(subject)) if self.shows else None
        return found if isinstance(found, (int, float)) else None

    def _shown(self, subject: Subject) -> str:
        """Of an objective, the number of the pair of windows that burns."""
        pair = self.slo.burning(lookup(subject).get, self.severity) if self.slo else None
        return f"{self.slo.bad}[{pair.long}]" if self.slo and pair else self.shows

    def threshold(self, subject: Subject) -> float | None:
        """What that number is held against now: the line in its chart. None where it is held against nothing by itself."""
        return _limit(self.when.root, self._shown(subject), lookup(subject).get) if self.shows else None

    def sentence(self, subject: Subject, value: float | None) -> str:
        """The summary with its placeholders filled; without one, the condition itself."""
        if not self.summary and self.slo:
            said = self._burning(subject, value)
        elif not self.summary:
            now = "" if value is None else f" (now {say_value(value, self.unit)})"
            past = [why for wanted in (self.when.usual, self.when.expected) if (why := _why(subject, wanted))]
            said = "; ".join([f"{subject.name}: {self.when.text}{now}", *past])
        else:
            said = filled(self.summary, _Texts(self, subject, value))
        return clean(said).rstrip(" :")

    def unknown(self, subject: Subject) -> str:
        """Which past or forecast nobody knows yet that it is held against, and why; empty where all are known."""
        for wanted in (*self.when.usual, *self.when.expected):
            told = subject.usual.get(wanted)
            if told is None and wanted in self.when.expected:
                return f"no band of {expected_number(wanted)}: no {subject.kind} has a forecast of it"
            if told is not None and told.value is None:
                return told.why
        return ""

    def _burning(self, subject: Subject, value: float | None) -> str:
        slo = self.slo
        if slo is None:
            return ""
        burn = None if value is None else value / slo.budget
        window = asked(self._shown(subject)).window
        return f"{subject.name} burns the budget of {slo.text} {_times(burn)} too fast: {say_value(value, 'ratio')} bad in {window}"


class _Texts(dict[str, str]):
    """What placeholders stand for; only those that are asked for are made."""

    def __init__(self, rule: Rule, subject: Subject, value: float | None) -> None:
        super().__init__()
        self._rule, self._subject, self._value = rule, subject, value

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """The text of one placeholder."""
        rule, subject = self._rule, self._subject
        match name:
            case "value":
                return say_value(self._value, rule.unit)
            case "threshold":
                return say_value(rule.threshold(subject), rule.unit)
            case "window":
                return asked(rule._shown(subject)).window or rule.window or default  # noqa: SLF001 -- of this file
            case "burn":
                return _times(None if self._value is None or rule.slo is None else self._value / rule.slo.budget)
            case "usual":
                return _why(subject, rule.when.usual) or default
            case "expected":
                return _why(subject, rule.when.expected) or default
            case "target":
                return subject.name
            case "rule":
                return rule.name
            case "severity":
                return rule.severity
            case "why" | "state":
                return subject.why if name == "why" else subject.state
            case "model" | "slice" | "kind":
                return subject.labels.get(name) or default
        found = lookup(subject).get(name)
        return say_value(found, unit_of(name)) if isinstance(found, (int, float)) else default


def _why(subject: Subject, wanted: Sequence[str]) -> str:
    """What is usual, or expected, of the first of these numbers that has it."""
    return next((subject.usual[name].why for name in wanted if name in subject.usual), "")


def _times(burn: float | None) -> str:
    return "–" if burn is None else f"{burn:.3g} times"


def unit_of(name: str) -> str:
    """Unit of what a name asks for; empty where it has none, or where nobody knows it."""
    one = asked(name)
    if one.over is not None:
        return "ratio"
    term = VOCABULARY.get(one.key)
    return term.unit if term else ""


def _limit(condition: Condition, name: str, get: Lookup) -> float | None:
    """What a name is held against in the first comparison of it."""
    found: Value = None
    match condition:
        case Comparison(left=left, right=right):
            found = right.value(get) if left == Name(name) else left.value(get) if right == Name(name) else None
        case Unusual(of=of) | Unexpected(of=of) if of == Name(name):
            found = condition.limit(get)
        case Not(of=of):
            found = _limit(of, name, get)
        case Join(parts=parts):
            found = next((limit for part in parts if (limit := _limit(part, name, get)) is not None), None)
        case _:
            pass
    return found if isinstance(found, (int, float)) else None


class Values:
    """What an expression finds in a subject: its numbers, its `state`, its windows, what is usual and what is expected.

    Of a silent subject only the state and its age, and that it is silent: its other numbers are old.
    """

    __slots__ = ("_metrics", "_subject")

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._metrics = subject.metrics

    def get(self, name: str) -> Value:
        """The value of a name; None where nobody can say."""
        subject = self._subject
        if subject.silent and name not in _OF_THE_SILENT and name != "state":
            return None
        found = self._metrics.get(name)
        if found is not None:
            return found
        if name == "state":
            return subject.state or None
        if name in subject.usual:
            return subject.usual[name].value
        if name.endswith("]"):
            before, _, window = name[:-1].rpartition("[")
            over = subject.windows.get(window)
            return None if over is None else over.get(before)
        return None


def lookup(subject: Subject) -> Values:
    """The values of a subject, for `Expression.truth(lookup(subject).get)`."""
    return Values(subject)
