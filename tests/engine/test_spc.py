"""Control charts of the charts' past: limits of whole minutes, marks of the rules, and a reason instead of limits where little is known."""

from __future__ import annotations

import pytest

from tui_monitor.engine.history import Rings
from tui_monitor.engine.spc import controlled, rules_of
from tui_monitor.model import History, HistoryQuery

START_S = 6000.0
KEYS = [
    "request.rate point",
    "request.rate centre",
    "request.rate upper",
    "request.rate lower",
    "request.rate rule",
    "request.rate western",
]


def rings(values: list[float], key: str = "request.rate") -> Rings:
    """A value a minute; until its last tick another one stands there, as in a sliding window."""
    made = Rings(2.0)
    for minute, value in enumerate(values):
        for second in range(0, 60, 2):
            made.put(START_S + 60 * minute + second, "x", {key: value if second >= 50 else 1000.0})
    return made


def asked(made: Rings, minutes: int, keys: list[str] = KEYS) -> dict[str, list[float | None]]:
    return controlled(HistoryQuery("x", keys, START_S, START_S + 60 * minutes, minutes), made.query).values


def test_limits_are_those_of_the_handbook_over_the_ends_of_minutes() -> None:
    flow = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]  # NIST/SEMATECH e-Handbook 6.3.2.2
    found = asked(rings(flow), 10)
    assert list(found) == KEYS
    assert found["request.rate point"] == pytest.approx(flow, rel=1e-6)
    for key, value in (("centre", 50.81), ("upper", 55.8041), ("lower", 45.8159)):
        assert found[f"request.rate {key}"] == [pytest.approx(value, abs=1e-3)] * 10
    assert found["request.rate rule"] == [0.0] * 10


def test_points_that_break_rules_carry_their_numbers() -> None:
    values = [10.0, 11.0] * 10 + [30.0]
    rules = asked(rings(values), 21)["request.rate rule"]
    assert 1 in rules_of(rules[20])
    assert 4 in rules_of(rules[13])
    assert 4 not in rules_of(rules[12])
    assert rules_of(rules[0]) == ()
    assert rules_of(None) == ()


def test_the_rules_of_western_electric_have_a_series_of_their_own() -> None:
    found = asked(rings([10.0, 11.0, 10.0, 9.5] * 5 + [12.4, 10.2, 12.5]), 23)
    limits = {end: found[f"request.rate {end}"][0] for end in ("centre", "upper")}
    sigma = ((limits["upper"] or 0.0) - (limits["centre"] or 0.0)) / 3
    assert (12.4 - (limits["centre"] or 0.0)) / sigma == pytest.approx(2.35, abs=0.05)  # two of three beyond 2 sigma
    assert 5 in rules_of(found["request.rate rule"][22])
    assert rules_of(found["request.rate western"][22]) == (2,)
    assert asked(rings([5.0] * 3), 3)["request.rate western"] == [None] * 3


def test_too_few_points_have_no_limits_and_gaps_no_marks() -> None:
    found = asked(rings([5.0, 6.0, 7.0]), 12)
    assert [value for value in found["request.rate point"] if value is not None] == [5.0, 6.0, 7.0]
    assert found["request.rate centre"] == found["request.rate upper"] == found["request.rate rule"] == [None] * 12


def test_no_limit_is_where_the_number_cannot_be() -> None:
    found = asked(rings([0.9, 0.1] * 6, "kv_cache.used"), 12, ["kv_cache.used upper", "kv_cache.used lower"])
    assert (found["kv_cache.used upper"][0], found["kv_cache.used lower"][0]) == (1.0, 0.0)


def test_what_nobody_knows_is_all_gaps() -> None:
    assert set(asked(Rings(2.0), 5)) == set(KEYS)
    assert all(value is None for series in asked(Rings(2.0), 5).values() for value in series)


def test_other_keys_are_answered_as_ever_beside_them_and_what_is_asked_for_is_bounded() -> None:
    seen: list[HistoryQuery] = []

    def ask(query: HistoryQuery) -> History:
        seen.append(query)
        return History(query.subject, query.start_s, 1.0, {key: [1.0] * query.points for key in query.keys})

    found = controlled(HistoryQuery("x", ["queue.length", "queue.length rule"], 0.0, 86400.0, 100_000), ask)
    assert [len(series) for series in found.values.values()] == [2000, 2000]
    assert [(query.keys, query.points) for query in seen] == [(["queue.length"], 2000), (["queue.length"], 2000)]
    seen.clear()
    controlled(HistoryQuery("x", ["queue.length"], 0.0, 60.0, 5), ask)
    controlled(HistoryQuery("x", ["queue.length point"], 0.0, 600.0, 10), ask, fine=False)
    assert [query.points for query in seen] == [5, 10]


def test_the_worst_minute_stands_for_a_longer_point_of_a_latency_and_the_mean_for_a_rate() -> None:
    for key, value in (("latency.p95", 4.0), ("request.rate", 2.5)):
        made = Rings(2.0)
        for minute, seen in enumerate([1.0, 2.0, 3.0, 4.0]):
            for second in range(0, 60, 2):
                made.put(START_S + 60 * minute + second, "x", {key: seen})
        query = HistoryQuery("x", [f"{key} point"], START_S, START_S + 240, 1)
        assert controlled(query, made.query).values[f"{key} point"] == [value]
