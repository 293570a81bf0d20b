"""A rule as the user wrote it becomes one level of an alert, or two for an objective; whatever is wrong is said with its column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from tui_monitor.alerts.matching import STATES, read_where, states_of
from tui_monitor.alerts.rule import SEVERITIES, Rule
from tui_monitor.alerts.slo import Slo, read_slo
from tui_monitor.alerts.summary import check_summary
from tui_monitor.config import RuleSettings
from tui_monitor.language.expression import Expression, ExpressionError, read_expression
from tui_monitor.language.names import asked
from tui_monitor.language.tokens import nearest
from tui_monitor.model import Severity
from tui_monitor.vocabulary import VOCABULARY, seconds

LONGEST_FOR_S = 7 * 86400.0
LONGEST_RUNBOOK = 2000


def _units(queries: Collection[str]) -> dict[str, str | None]:
    return {**dict.fromkeys(queries), **{key: term.unit for key, term in VOCABULARY.items()}}


def _words(where: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The states that `state` can be: of the kind that `where` names, else of all kinds whose words we know."""
    kind = where.get("subject", "")
    if kind in STATES:
        return {"state": STATES[kind]}
    return {"state": tuple(dict.fromkeys(state for states in STATES.values() for state in states))}


def _read(key: str, text: str, queries: Collection[str], where: Mapping[str, str]) -> Expression:
    try:
        return read_expression(text, _units(queries), _words(where), queries)
    except ExpressionError as error:
        raise ExpressionError(error.column, f"{key}: {error}") from None


def _duration(key: str, text: str) -> float:
    try:
        duration_s = seconds(text)
    except ValueError as error:
        raise ExpressionError(0, f"{key}: {error}") from None
    if duration_s > LONGEST_FOR_S:
        raise ExpressionError(0, f"{key}: at most 7d")
    return duration_s


def _subjects(settings: RuleSettings, when: Expression, keys: tuple[str, ...]) -> tuple[str, ...]:
    if "subject" in settings.where:
        return (settings.where["subject"],)
    if keys:
        return ()
    kinds = set(STATES).intersection(*(states_of(word) for _, word in when.words))
    if len(kinds) != 1:
        shown = " or ".join(f'"{kind}"' for kind in sorted(kinds)) or "one kind"
        raise ExpressionError(0, f"where: say whose state is meant: where = {{subject = {shown}}}")
    return tuple(kinds)


def _is_number(queries: Collection[str]) -> Callable[[str], bool]:
    units = _units(queries)

    def known(name: str) -> bool:
        try:
            return read_expression(f"{name} is known", units, None, queries).names == (name,)
        except ExpressionError:
            return False

    return known


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > 64 or any(not char.isprintable() for char in name):
        raise ExpressionError(0, "name: must be 1 to 64 printable characters")


def _severity(text: str) -> Severity:
    for known in SEVERITIES:
        if text == known:
            return known
    raise ExpressionError(0, f"severity: unknown {text!r}{nearest(text, SEVERITIES)}; known: {' '.join(SEVERITIES)}")


def read_rule(settings: RuleSettings, queries: Collection[str] = (), *, built_in: bool = False) -> Rule:
    """The first level of a rule; see `read_levels`."""
    return read_levels(settings, queries, built_in=built_in)[0]


def read_levels(settings: RuleSettings, queries: Collection[str] = (), *, built_in: bool = False) -> tuple[Rule, ...]:
    """One rule as the user wrote it: one level, or those of its objective.

    Args:
        settings: the rule.
        queries: names of configured Prometheus queries, which a rule may ask for like a key of the vocabulary.
        built_in: whether it is one of ours.

    Raises:
        ExpressionError: column inside the text at fault (0: none), and a sentence that begins with its key.
    """
    _check_name(settings.name)
    slo = _objective(settings)
    severity = _severity(settings.severity)
    if slo is None or settings.when.strip():
        when = _read("when", settings.when, queries, settings.where)
        levels = [(severity, when)] if slo is None else _levels(slo, f"({settings.when})", queries, settings.where)
    else:
        levels = _levels(slo, "", queries, settings.where)
    clear = _read("clear", settings.clear, queries, settings.where) if settings.clear.strip() else None
    for_s, keep_s = _duration("for", settings.for_), _duration("keep_firing_for", settings.keep_firing_for)
    where = read_where(settings.where)
    check_summary(settings.summary, _is_number(queries), VOCABULARY)
    if len(settings.runbook) > LONGEST_RUNBOOK or any(not char.isprintable() and char != "\n" for char in settings.runbook):
        raise ExpressionError(0, f"runbook: must be a URL or a text of at most {LONGEST_RUNBOOK} printable characters")
    rules = []
    for level, expression in levels:
        names = tuple(name for name in expression.names if name != "state")
        keys = tuple(dict.fromkeys(asked(name).key for name in names))
        subjects = _subjects(settings, expression, keys)
        rules.append(
            Rule(
                name=settings.name,
                severity=level,
                when=expression,
                clear=clear,
                for_s=for_s,
                where=where,
                subjects=subjects,
                keys=keys,
                summary=settings.summary,
                built_in=built_in,
                keep_firing_for_s=keep_s,
                runbook=settings.runbook,
                shows=names[0] if names else "",
                slo=slo,
            )
        )
    return tuple(rules)


def _objective(settings: RuleSettings) -> Slo | None:
    if not settings.slo.strip():
        return None
    try:
        slo = read_slo(settings.slo)
    except ExpressionError as error:
        raise ExpressionError(error.column, f"slo: {error}") from None
    if settings.severity != "warning":
        raise ExpressionError(0, "severity: an slo has two levels, critical and warning; leave it out")
    return slo


def _levels(slo: Slo, extra: str, queries: Collection[str], where: Mapping[str, str]) -> list[tuple[Severity, Expression]]:
    """Critical and warning, as far as they can be reached; `extra` must be true too."""
    levels: list[tuple[Severity, Expression]] = []
    for severity in SEVERITIES:
        text = slo.expression(severity)
        if text:
            levels.append((severity, _read("slo", f"({text}) and {extra}" if extra else text, queries, where)))
    if not levels:
        raise ExpressionError(0, "slo: no burn of this budget is fast: it can never fire")
    return levels
