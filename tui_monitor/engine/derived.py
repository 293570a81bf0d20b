"""Questions for series that are made of others: `KEY point`, `KEY ahead`; which numbers they are made of, and what else was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tui_monitor.model import History, HistoryQuery

MOST_COLUMNS = 2000

Ask = Callable[[HistoryQuery], History]


class Derived(NamedTuple):
    """What a question comes down to."""

    bases: list[str]  # numbers that something is made of, each once
    points: int
    step_s: float
    values: dict[str, list[float | None]]  # of the keys that are series themselves


def derived(query: HistoryQuery, ask: Ask, ends: tuple[str, ...]) -> Derived | None:
    """None where no key of the question has one of these ends.

    Args:
        query: keys that end in one of `ends`, and others.
        ask: the series themselves.
        ends: of the keys that are made of others.
    """
    bases = list(dict.fromkeys(key.removesuffix(end) for key in query.keys for end in ends if key.endswith(end)))
    if not bases:
        return None
    points = max(1, min(query.points, MOST_COLUMNS))
    plain = [key for key in query.keys if not key.endswith(ends)]
    values = dict(ask(HistoryQuery(query.subject, plain, query.start_s, query.end_s, points)).values) if plain else {}
    return Derived(bases, points, max((query.end_s - query.start_s) / points, 1e-3), values)
