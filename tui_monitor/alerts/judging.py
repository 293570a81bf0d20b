"""What all levels of one alert together say about its subject at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from msgspec import Struct

from tui_monitor.alerts.rules import SEVERITIES, Rule, lookup
from tui_monitor.model import Severity, Subject

RANK: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}  # 0 is the worst

_UNDECIDED = ("UNKNOWN", "STARTING", "learning")  # states of a subject that was not watched for long enough to be judged
_GONE = (
    "DOWN",
    "STALE",
    "LOST",
    "HUNG",
    "idle",
    "stale",
    "blind",
)  # states in which nothing new is learned: not silent, but no "ok" either

Pair = tuple[Rule, Subject]


class Level(Struct):
    """What one level of an alert remembers between two looks; steady time."""

    since_s: float | None = None  # true without a break since then
    ripe: bool = False  # for long enough
    false_s: float | None = None  # ripe, not true since then, and kept by keep_firing_for


class Verdict(Struct, frozen=True):
    """What all levels together say about one subject now."""

    condition: Literal["true", "kept", "false", "unknown", "silent"]
    severity: Severity = "info"  # worst level that is true or kept (once firing: and has been so for long enough)
    ripe: bool = False
    since_s: float = 0.0  # steady
    for_s: float = 0.0
    keep_s: float = 0.0
    value: float | None = None
    unit: str = ""
    summary: str = ""
    why: str = ""  # of the silence
    labels: dict[str, str] = {}
    key: str = ""
    threshold: float | None = None
    runbook: str = ""


def judge(memory: dict[Severity, Level], pairs: Sequence[Pair], now_s: float) -> Verdict:
    """One verdict from all levels of an alert, worst first, and all subjects of that name.

    Args:
        memory: of the levels; it is changed.
        pairs: rules with the subjects that they concern.
        now_s: steady time.
    """
    best: Pair | None = None
    kept: Rule | None = None
    kept_since_s = now_s
    ripe = False
    since_s = now_s
    for severity, group in groupby(pairs, key=lambda pair: pair[0].severity):
        level = memory.setdefault(severity, Level())
        of_level = list(group)
        hit = next((pair for pair in of_level if _holds(*pair, ripe=level.ripe)), None)
        if hit is None:
            rule = of_level[0][0]
            silent = any(subject.silent or subject.state in _GONE for _, subject in of_level)
            if level.ripe and not silent and rule.keep_firing_for_s > 0:
                level.since_s = None
                level.false_s = now_s if level.false_s is None else level.false_s
                if now_s - level.false_s < rule.keep_firing_for_s:
                    if kept is None:
                        kept, kept_since_s = rule, level.false_s
                    continue
            memory[severity] = Level(ripe=level.ripe and silent, false_s=level.false_s if silent else None)
            continue
        level.false_s = None
        level.since_s = now_s if level.since_s is None else min(level.since_s, now_s)
        level.ripe = level.ripe or now_s - level.since_s >= hit[0].for_s
        since_s = min(since_s, level.since_s)
        if best is None or (level.ripe and not ripe):
            best = hit
        ripe = ripe or level.ripe
    if best is None:
        if kept is not None:
            return Verdict("kept", kept.severity, ripe=True, since_s=kept_since_s, keep_s=kept.keep_firing_for_s)
        return _absence(pairs)
    rule, subject = best
    value = rule.value(subject)
    severity = kept.severity if kept is not None and RANK[kept.severity] < RANK[rule.severity] else rule.severity
    ripe = ripe or kept is not None
    return Verdict(
        "true",
        severity,
        ripe,
        since_s,
        rule.for_s,
        value=value,
        unit=rule.unit,
        summary=rule.sentence(subject, value),
        labels=subject.labels,
        key=rule.shows,
        threshold=rule.threshold(subject),
        runbook=rule.runbook,
    )


def _holds(rule: Rule, subject: Subject, *, ripe: bool) -> bool:
    """Whether a level is true of a subject; one that fires already stays true until its `clear` is (hysteresis)."""
    values = lookup(subject).get
    return bool(rule.when.truth(values)) or (ripe and rule.clear is not None and rule.clear.truth(values) is False)


def _absence(pairs: Sequence[Pair]) -> Verdict:
    """The verdict when no level is true: silence of the source, nothing that can be said, or a plain no."""
    for _, subject in pairs:
        if subject.silent or subject.state in _GONE:
            return Verdict("silent", why=subject.silent or subject.why or subject.state)
    unknown = any(subject.state in _UNDECIDED or rule.when.truth(lookup(subject).get) is None for rule, subject in pairs)
    if not unknown:
        return Verdict("false")
    return Verdict("unknown", why=next((why for rule, subject in pairs if (why := rule.unknown(subject))), "nothing known yet"))
