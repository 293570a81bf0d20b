"""Rules that are well written and can never fire, or fire where nobody means it: what `check` warns of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tui_monitor.alerts.reading import read_levels
from tui_monitor.alerts.rule import Rule
from tui_monitor.alerts.rules import names_of
from tui_monitor.alerts.slo import PAIRS
from tui_monitor.cli import settings
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.config import RuleSettings, Settings
from tui_monitor.engine.forecasting import unforecast
from tui_monitor.language.names import BUSINESS, Asked, asked, judged
from tui_monitor.language.truth import Condition, Join, Not, Unknown
from tui_monitor.vocabulary import VOCABULARY

SHORT_S = 120.0  # "above usual" is true one minute in a hundred by its own meaning

_OF_KIND: dict[str, tuple[str, ...]] = {  # of subjects that are no servers: the beginnings of their keys
    "gpu": ("gpu.",),
    "host": ("cpu.", "load.", "memory.", "swap.", "net.", "pressure."),
    "disk": ("disk.",),
    "signal": ("drift.", "missing.", "out_of_range.", "new_category."),
}
_OF_EVERY_TARGET = ("scrape.", "process.", "state.", "models.")


def warnings(chosen: Settings, name: str) -> Iterator[str]:
    """One line each: FILE:LINE[:COLUMN]: KEY: warning: what is wrong."""
    queries = set(names_of(chosen))
    kinds = kinds_here(chosen)
    text = settings.text_of(name)
    for index, rule in enumerate(chosen.rules):
        levels = read_levels(rule, queries)
        for key, column, why in _of_rule(rule, levels, queries, kinds):
            line, before = settings.place_in_rule(text, index, key)
            where = f"{name}:{line}" + (f":{before + column}" if before and column else "")
            yield f"{where}: rules.{index + 1}.{key}: warning: {why}"


def kinds_here(chosen: Settings) -> dict[str, Kind]:
    """The kinds of servers that can be met: those configured, and all where discovery looks for them."""
    from tui_monitor.collect.servers.exporter import exporter_kind
    from tui_monitor.collect.servers.registry import KINDS

    kinds = {one.kind: KINDS[one.kind] for one in chosen.targets if one.kind in KINDS}
    if chosen.discovery.enabled or any(one.kind == "auto" for one in chosen.targets):
        kinds = dict(KINDS)
    return kinds | {f"prometheus {one.name}": exporter_kind(one) for one in chosen.targets if one.kind == "prometheus"}


def _of_rule(rule: RuleSettings, levels: tuple[Rule, ...], queries: set[str], kinds: Mapping[str, Kind]) -> Iterator[tuple[str, int, str]]:
    """Key at fault, column in its text, sentence."""
    level = levels[0]
    wanted = [asked(one) for one in level.when.names if one != "state"]
    key = "slo" if level.slo and not rule.when else "when"
    counting = _meant(rule, kinds)
    for one in wanted:
        why = _nobody_counts(one, queries, counting, rule.where)
        if why:
            yield key, rule.when.find(one.name) + 1, f"can never fire here: {why}"
            return
    apart = _apart(wanted, queries, counting, rule.where.get("subject", ""))
    if apart:
        yield key, 0, f"can never fire: {apart}"
    if level.slo:
        for severity in ("critical", "warning"):
            if severity not in {one.severity for one in levels}:
                yield "slo", 0, f"has no level {severity}: not even all requests together would burn this budget so fast"
        missing = len(PAIRS) - len(level.slo.pairs())
        if missing and len(levels) == 2:
            yield "slo", 0, f"{missing} of its {len(PAIRS)} pairs of windows can never fire: more than all requests would have to be bad"
    if level.when.usual and level.for_s < SHORT_S:
        yield "when", 0, 'one minute in a hundred is above usual by itself; give it for = "5m"'
    for _, why in unforecast([level], queries):
        yield "when", 0, f"can never be outside of what is expected: {why}"
    if level.when.expected and level.for_s < SHORT_S:
        yield "when", 0, 'a minute alone may be outside of what is expected; give it for = "3m"'
    if _asks_absence(level.when.root) and level.for_s <= 0:
        yield "when", 0, 'every number is unknown when watching begins; give it for = "2m"'


def _meant(rule: RuleSettings, kinds: Mapping[str, Kind]) -> dict[str, Kind]:
    """The kinds that `where` leaves."""
    kind = rule.where.get("kind", "")
    return {name: one for name, one in kinds.items() if name == kind} if kind in kinds else dict(kinds)


def _nobody_counts(one: Asked, queries: set[str], kinds: Mapping[str, Kind], where: Mapping[str, str]) -> str:
    """Why no target can say this number; empty where one can, or where it is no target's."""
    if kinds_of(one.key, queries, {}) != {"target", "model"} or where.get("subject", "target") not in ("target", "model"):
        return ""
    if any(one.key in kind.says.measures for kind in kinds.values()):
        return ""
    said = {why for kind in kinds.values() if (why := kind.says.cannot.get(one.key))}
    who = where["kind"] if where.get("kind", "") in kinds else ""
    if len(said) == 1:
        return f"{one.key}{' of ' + who if who else ''}: {said.pop()}"
    return f"no target counts {one.key}"


def kinds_of(key: str, queries: set[str], kinds: Mapping[str, Kind]) -> set[str]:
    """The kinds of subjects that can have a key; GPUs and hosts elsewhere are told by exporters, which are targets."""
    if judged(key) and (key in VOCABULARY or key.startswith(BUSINESS)):  # and what a page or a query says of itself
        gauges = {"target"} if any(key in kind.says.measures for kind in kinds.values()) else set()
        return {"performance", "slice"} | gauges | ({"query"} if key in queries and not key.startswith(BUSINESS) else set())
    if key in queries:
        return {"query"}
    if key.startswith(_OF_EVERY_TARGET):
        return {"target"}
    found = {kind for kind, starts in _OF_KIND.items() if key.startswith(starts)}
    if not found:
        return {"target", "model"}
    return found | ({"target"} if any(key in kind.says.measures for kind in kinds.values()) else set())


def _apart(wanted: list[Asked], queries: set[str], kinds: Mapping[str, Kind], subject: str) -> str:
    """Why no subject has all the numbers together; empty where one can."""
    having = {one.key: kinds_of(one.key, queries, kinds) for one in wanted}
    for key, found in having.items():
        if subject and subject not in found:
            return f"a {subject} has no {key}"
    if set.intersection(*having.values()) - {"target", "model"} if having else True:
        return ""
    every = [key for key in having if not key.startswith(_OF_EVERY_TARGET)]
    if not every or any(all(key in kind.says.measures for key in every) for kind in kinds.values()):
        return ""
    return f"nothing has {' and '.join(having)} together"


def _asks_absence(condition: Condition) -> bool:
    match condition:
        case Unknown(spelled=spelled):
            return spelled != "known"
        case Not(of=of):
            return _asks_absence(of)
        case Join(parts=parts):
            return any(_asks_absence(part) for part in parts)
        case _:
            return False
