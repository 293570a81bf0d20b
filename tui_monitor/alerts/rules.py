"""Rules: one line each, the built-in calm set (`built_in.toml`) and the user's own.

A rule looks at *subjects*: targets, GPUs, the host, disks, signals, performance windows, named Prometheus queries. It applies to every subject
that has all the numbers its `when` asks for and that fits `where` (see `matching`; all of it must hold):

    subject  target | model | gpu | host | disk | signal | performance | slice | query: for each of these
    name     the subject's name; `target` and `gpu` are other words for it
    kind     the kind of server (vllm, triton ...), or of subject
    model, version, source, signal, role, window, basis, slice, mount, prometheus, follows, label.ANY    labels of the subject

Quality is asked for over windows: `accuracy[5m] < 90% and accuracy[3h] < 92% and n.labelled[5m] > 100` falls short and long, where a few bad
minutes alone do not; `f1.macro[24h] < 80%` is a slow decay. There is one subject a log ("fraud"), one a slice ("fraud/long") and one a
probe, each with `state`, and windows 5m 30m 3h 24h deploy all (a probe: latest); a number without a window is that of the last 30 minutes.
Numbers that do not rest on labels are other subjects ("fraud (estimated)"), meant only where a rule names their `basis`: labelled, sampled,
estimated, probe, given. One window as a subject of its own is meant where `window` is named. A slice needs its name:

    [[rules]]
    name = "long-prompts"
    when = "accuracy[30m] < 85% and accuracy[3h] < 88% and n.labelled[30m] > 100"
    where = {subject = "slice", source = "fraud", slice = "long"}

Models and slices have the numbers of what they are part of; they are meant only where `subject` names them. A rule that asks for nothing
but `state` is true of those kinds of subjects that can be in the state it names (`state == STALLED`: targets; `state == LOST`: GPUs;
`state == drift`: signals). Where that is more than one, `where = {subject = ...}` must say which.

Of the drifts of one source that began within the same hour one leads and the others follow it: `follows` of a signal is the name of the one that
it follows, and empty where it leads. `where = {subject = "signal", follows = ""}` is one alert per origin, without `follows` it is one per signal.

`latency.p95 above usual` holds a number against a share of its own past at this hour; `latency.p95 above expected`, `request.rate below expected`
and `queue.length outside expected` against the band that the forecast gives it in this minute. Only numbers that are forecast have one. It takes
27 hours to learn it; until then such a rule is unknown, unless `floor` or `ceiling` decide. A level that stays is what is expected after some
hours, so such a rule ends by itself.

Rules of one name are levels of one alert; its severity is the worst level that is true. A user's rule takes the place of all built-in
levels of its name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tui_monitor.alerts.reading import read_levels, read_rule
from tui_monitor.alerts.rule import SEVERITIES, Rule, lookup
from tui_monitor.alerts.summary import PLACEHOLDERS, say_value
from tui_monitor.config import RuleSettings, Settings
from tui_monitor.language.expression import ExpressionError
from tui_monitor.language.names import BUSINESS, Asked, asked
from tui_monitor.language.tokens import nearest
from tui_monitor.language.truth import expected_number

__all__ = [
    "BUILT_IN",
    "PLACEHOLDERS",
    "SEVERITIES",
    "Fault",
    "Rule",
    "RuleError",
    "asked_by",
    "check_disabled",
    "check_rules",
    "expected_of",
    "lookup",
    "names_of",
    "read_levels",
    "read_rule",
    "rules_of",
    "say_value",
    "usual_of",
]

MOST_RULES = 500

BUILT_IN: tuple[RuleSettings, ...] = tuple(
    msgspec.convert(tomllib.loads(Path(__file__).with_name("built_in.toml").read_text(encoding="utf-8"))["rules"], list[RuleSettings])
)


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


def names_of(settings: Settings) -> list[str]:
    """What a rule may ask for beside the vocabulary: named queries, and what prediction logs count for the business (its mean, its sum)."""
    counted = [f"{BUSINESS}{name}" for log in settings.predictions for name in log.counters]
    return [*(name for prometheus in settings.prometheus for name in prometheus.queries), *counted, *(f"{name}.sum" for name in counted)]


def check_rules(rules: Sequence[RuleSettings], queries: Collection[str] = ()) -> list[Fault]:
    """What is wrong with the user's rules, in order; empty when nothing is."""
    return _read_all(rules, queries)[1]


def _read_all(rules: Sequence[RuleSettings], queries: Collection[str]) -> tuple[list[Rule], list[Fault]]:
    good: list[Rule] = []
    faults: list[Fault] = []
    known: set[tuple[str, str]] = set()
    for index, settings in enumerate(rules):
        try:
            if index >= MOST_RULES:
                raise ExpressionError(0, f"name: more than {MOST_RULES} rules")
            levels = read_levels(settings, queries)
            for level in levels:
                if (level.name, level.severity) in known:
                    key = "slo" if settings.slo else "severity"
                    raise ExpressionError(
                        0, f"{key}: {level.name!r} has a level {level.severity!r} already; levels of one name differ in severity"
                    )
                known.add((level.name, level.severity))
            good.extend(levels)
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
    own, faults = _read_all(settings.rules, names_of(settings))
    if faults:
        raise RuleError(faults)
    taken = {rule.name for rule in own}
    ours = [level for rule in BUILT_IN if rule.name not in taken for level in read_levels(rule, built_in=True)]
    return tuple(rule for rule in (*own, *ours) if rule.name not in settings.alerts.disable)


def asked_by(rules: Iterable[Rule]) -> tuple[Asked, ...]:
    """Everything that rules ask for beyond the numbers of now: what must be made for them. One entry a name, in no order that matters."""
    names = {name for rule in rules for expression in (rule.when, rule.clear) if expression for name in expression.names}
    return tuple(one for one in map(asked, sorted(names)) if one.window or one.over)


def usual_of(rules: Iterable[Rule]) -> dict[str, str]:
    """The usual values that rules ask for: as they are looked up -> the name of the number whose past it is."""
    found: dict[str, str] = {}
    for rule in rules:
        for expression in (rule.when, rule.clear):
            for wanted in expression.usual if expression else ():
                found[wanted] = wanted.removeprefix("usual(").rpartition(", ")[0]
    return found


def expected_of(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The numbers that rules hold against their forecasts, each once."""
    wanted = (one for rule in rules for expression in (rule.when, rule.clear) if expression for one in expression.expected)
    return tuple(dict.fromkeys(expected_number(one) for one in wanted))
