"""Control charts of what the charts' past holds, asked for like any series: `KEY point`, `KEY centre`, `KEY upper`, `KEY lower`, `KEY rule`.

`KEY rule` is by Nelson's rules, `KEY western` by those of Western Electric.

A rate is one of the last minute, so neighbours that are seconds apart share most of what they count, and limits from their moving range would be
far too narrow. So a point stands for at least a minute, and is what was known at its end; of longer ones it is the mean of such minutes, the
worst where the number is never averaged. The limits are those of the points that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui_monitor.analyse.anomaly.spc import MEANINGS, WESTERN_MEANINGS, Limits, spc
from tui_monitor.engine.derived import MOST_COLUMNS, Ask, derived
from tui_monitor.engine.history import never_averaged
from tui_monitor.model import History, HistoryQuery
from tui_monitor.vocabulary import VOCABULARY

__all__ = ["ENDS", "LEAST_POINTS", "MEANINGS", "POINT_S", "WESTERN_MEANINGS", "controlled", "rules_of"]

POINT, CENTRE, UPPER, LOWER, RULE, WESTERN = ENDS = (" point", " centre", " upper", " lower", " rule", " western")
LEAST_POINTS = 10  # with fewer nobody knows how much is usual: points, but no limits
POINT_S = 60.0  # the least that a point should stand for
PARTS = 6  # of a minute; the last of them that is known is the minute's


def controlled(query: HistoryQuery, ask: Ask, *, fine: bool = True) -> History:
    """The answer to a query that may ask for control charts; everything else is what `ask` says.

    Args:
        query: its keys may end in one of `ENDS`.
        ask: the series themselves.
        fine: whether more columns than points may be asked for.
    """
    wanted = derived(query, ask, ENDS)
    if wanted is None:
        return ask(query)
    bases, points, step_s, values = wanted
    minutes = max(1, round(step_s / POINT_S))
    parts = max(1, min(PARTS if minutes == 1 else minutes, MOST_COLUMNS // points)) if fine else 1
    found = ask(HistoryQuery(query.subject, bases, query.start_s, query.end_s, points * parts)).values
    for base in bases:
        columns = found.get(base) or [None] * (points * parts)
        made = _chart(base, [_one(base, columns[at * parts : (at + 1) * parts], last=minutes == 1) for at in range(points)])
        values |= {key: series for key, series in made.items() if key in query.keys}
    return History(query.subject, query.start_s, step_s, values)


def rules_of(value: float | None) -> tuple[int, ...]:
    """The numbers of the rules in a value of `KEY rule` or `KEY western`: each is a bit, rule 1 the lowest."""
    bits = 0 if value is None else int(value)
    return tuple(number for number in range(1, 9) if bits >> (number - 1) & 1)


def _one(key: str, parts: Sequence[float | None], *, last: bool) -> float | None:
    known = [value for value in parts if value is not None]
    if not known:
        return None
    if last:
        return known[-1]
    return max(known) if never_averaged(key) else sum(known) / len(known)


def _chart(key: str, values: list[float | None]) -> dict[str, list[float | None]]:
    count = len(values)
    centre = upper = lower = None
    broken: dict[bool, list[float | None]] = {western: [None] * count for western in (False, True)}
    if sum(value is not None for value in values) >= LEAST_POINTS:
        for western, rules in broken.items():
            chart = spc(values, western=western)
            if chart.limits is not None:
                centre, (lower, upper) = chart.limits.centre, _reachable(key, chart.limits, values)
                for point in chart.points:
                    rules[point.index] = float(sum(1 << (number - 1) for number in point.rules))
    return {
        key + POINT: values,
        key + CENTRE: [centre] * count,
        key + UPPER: [upper] * count,
        key + LOWER: [lower] * count,
        key + RULE: broken[False],
        key + WESTERN: broken[True],
    }


def _reachable(key: str, limits: Limits, values: Sequence[float | None]) -> tuple[float, float]:
    """The limits, no farther than the number can go: what is never negative has none below 0, a share none above 1."""
    term = VOCABULARY.get(key)
    negative = any(value is not None and value < 0 for value in values)
    low = limits.low if negative else max(0.0, limits.low)
    return low, min(1.0, limits.high) if term is not None and term.unit == "ratio" and limits.centre <= 1 else limits.high
