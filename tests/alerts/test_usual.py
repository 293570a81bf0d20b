"""What is usual at this hour: learned from days that are over, and honest about how few they are."""

from __future__ import annotations

import random
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.alerts import usual
from tui_monitor.alerts.rules import read_rule, usual_of
from tui_monitor.alerts.sketch import MOST_BINS, Sketch
from tui_monitor.alerts.usual import UsualKeeper
from tui_monitor.config import RuleSettings
from tui_monitor.model import Subject, Usual

DAY_S = 86400.0
RULE = read_rule(RuleSettings("odd", "latency.p95 above usual floor 200ms", summary="{value} is over {threshold}: {usual}"))
LOW = read_rule(RuleSettings("few", "request.rate below usual(97%)"))
WANTED = usual_of([RULE, LOW])
P95 = "usual(latency.p95, 99%)"


def chat(latency_s: float | None, rate: float | None = None) -> Subject:
    return Subject("target", "chat", {"latency.p95": latency_s, "request.rate": rate}, state="OK")


def learn(keeper: UsualKeeper, days: int, value: float = 0.3, hour: int = 14, first: int = 0) -> None:
    """Every minute of one hour of some days, and the first of the hour after."""
    for day in range(first, first + days):
        for minute in range(61):
            keeper.take([chat(value, 10 * value)], day * DAY_S + hour * 3600 + minute * 60)


def at(keeper: UsualKeeper, day: int, hour: int = 14, *, subject: Subject | None = None) -> dict[str, Usual]:
    (filled,) = keeper.fill([subject or chat(0.3)], day * DAY_S + hour * 3600 + 1800)
    return filled.usual


def test_what_rules_ask_for() -> None:
    assert WANTED == {P95: "latency.p95", "usual(request.rate, 3%)": "request.rate"}


def test_nothing_is_usual_before_two_days() -> None:
    keeper = UsualKeeper(WANTED, UTC)
    assert at(keeper, 0)[P95] == Usual(None, "usual at 14 h is not known yet: seen on 0 of 2 days")
    learn(keeper, 1)
    assert at(keeper, 1)[P95] == Usual(None, "usual at 14 h is not known yet: seen on 1 of 2 days")
    learn(keeper, 1, first=1)
    told = at(keeper, 2)[P95]
    assert told.value == pytest.approx(0.3, rel=0.05)
    assert told.value is not None
    assert told.value >= 0.3
    assert told.why.startswith("usual at 14 h: up to 3")
    assert told.why.endswith("ms, 99 % of 2 days")


def test_other_hours_say_nothing_about_this_one() -> None:
    keeper = UsualKeeper(WANTED, UTC)
    learn(keeper, 3, hour=3)
    assert at(keeper, 3, hour=14)[P95].value is None
    assert at(keeper, 3, hour=3)[P95].value == pytest.approx(0.3, rel=0.05)


def test_hours_are_those_of_the_zone() -> None:
    keeper = UsualKeeper(WANTED, timezone(timedelta(hours=2)))
    learn(keeper, 3, hour=12)
    assert at(keeper, 3, hour=12)[P95].why.startswith("usual at 14 h: up to")


def test_today_cannot_make_itself_usual() -> None:
    keeper = UsualKeeper(WANTED, UTC)
    learn(keeper, 3)
    for minute in range(59):
        keeper.take([chat(5.0)], 3 * DAY_S + 14 * 3600 + minute * 60)
        assert at(keeper, 3)[P95].value == pytest.approx(0.3, rel=0.05)


def test_a_quantile_needs_enough_minutes() -> None:
    wanted = {"usual(latency.p95, 99.9%)": "latency.p95", "usual(latency.p95, 90%)": "latency.p95"}
    keeper = UsualKeeper(wanted, UTC)
    learn(keeper, 3)
    told = at(keeper, 3)
    assert told["usual(latency.p95, 99.9%)"].value is None
    assert told["usual(latency.p95, 99.9%)"].why.endswith("of 1000 minutes")
    assert told["usual(latency.p95, 90%)"].value is not None


def test_a_minute_counts_once_however_often_it_is_told() -> None:
    keeper = UsualKeeper({"usual(latency.p95, 99%)": "latency.p95"}, UTC)
    for day in range(2):
        for second in range(0, 1800, 2):  # half an hour at every tick
            keeper.take([chat(0.3)], day * DAY_S + 14 * 3600 + second)
        keeper.take([chat(0.3)], day * DAY_S + 15 * 3600)
    assert at(keeper, 2)[P95].why.startswith("usual at 14 h is not known yet: 5")  # of 100 minutes, the first day faded a little


def test_old_days_fade() -> None:
    keeper = UsualKeeper(WANTED, UTC)
    learn(keeper, 20, value=3.0)
    learn(keeper, 60, value=0.3, first=20)
    told = at(keeper, 80)
    assert told["usual(request.rate, 3%)"].value == pytest.approx(3.0, rel=0.06)
    assert told[P95].value == pytest.approx(3.0, rel=0.06), "1 % of the weight is left of the slow days after two months"
    learn(keeper, 60, value=0.3, first=80)
    assert at(keeper, 140)[P95].value == pytest.approx(0.3, rel=0.06)


def test_the_rule_over_a_day_and_its_sentence() -> None:
    keeper = UsualKeeper(WANTED, UTC)
    learn(keeper, 3)
    now_s = 3 * DAY_S + 14 * 3600 + 60
    (slow,) = keeper.fill([chat(0.9)], now_s)
    values = {"latency.p95": 0.9, P95: slow.usual[P95].value}
    assert RULE.when.truth(values.get) is True
    assert RULE.value(slow) == 0.9
    assert RULE.threshold(slow) == slow.usual[P95].value
    assert RULE.sentence(slow, 0.9).startswith("900 ms is over 3")
    assert "usual at 14 h: up to" in RULE.sentence(slow, 0.9)
    low = keeper.fill([chat(0.3, 1.0)], now_s)[0]
    assert low.usual["usual(request.rate, 3%)"].why.startswith("usual at 14 h: from 2.")


def test_kept_and_loaded_it_says_the_same() -> None:
    keeper = UsualKeeper(WANTED, UTC)
    learn(keeper, 3)
    keeper.take([chat(0.4)], 3 * DAY_S + 14 * 3600)
    again = UsualKeeper(WANTED, UTC)
    again.load(keeper.dump())
    assert at(again, 3) == at(keeper, 3)
    assert again.dump() == keeper.dump()


@pytest.mark.parametrize("damage", [b"", b"\x00", b"not this", b"\x82\xa7version\x02\xa5pasts\x90"])
def test_what_is_damaged_is_refused_and_changes_nothing(damage: bytes) -> None:
    keeper = UsualKeeper(WANTED, UTC)
    learn(keeper, 3)
    before = keeper.dump()
    with pytest.raises(ValueError, match="the kept past of what is usual cannot be used"):
        keeper.load(damage)
    assert keeper.dump() == before


def test_numbers_that_find_no_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usual, "MOST_SIGNALS", 2)
    keeper = UsualKeeper({P95: "latency.p95"}, UTC)
    names = [Subject("target", f"t{place}", {"latency.p95": 0.1}) for place in range(3)]
    keeper.take(names, 0.0)
    assert keeper.left_out == 1
    keeper.take(names[2:], 30 * DAY_S)  # the others were not seen for a month
    assert keeper.left_out == 1


def test_the_silent_and_the_unknown_teach_nothing() -> None:
    keeper = UsualKeeper(WANTED, UTC)
    for minute in range(120):
        keeper.take([chat(None), Subject("target", "x", {"latency.p95": 1.0}, silent="gone")], minute * 60.0)
    assert at(keeper, 5)[P95].value is None
    assert UsualKeeper({}, UTC).fill([chat(1.0)], 0.0)[0].usual == {}


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(0.0), min_size=1, max_size=60), st.sampled_from([0.03, 0.5, 0.97, 0.99]))
def test_a_quantile_is_at_most_five_percent_too_careful(values: list[float], share: float) -> None:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    ordered = sorted(0.0 if abs(value) < 1e-9 else value for value in values)
    place = next(place for place in range(len(ordered)) if place + 1 >= share * len(ordered) * (1 - 1e-6))
    told, exact = sketch.quantile(share), ordered[place]
    assert told is not None
    slack = 1e-6 * abs(exact)
    if share >= 0.5:
        assert exact - slack <= told <= exact + abs(exact) * 0.0501 + slack
    else:
        assert exact - abs(exact) * 0.0501 - slack <= told <= exact + slack


def test_a_sketch_stays_small() -> None:
    sketch, chance = Sketch(), random.Random(5)
    for _ in range(5000):
        sketch.add(10 ** chance.uniform(-6, 6))
    keys, counts = sketch.kept()
    assert len(counts) == 4 * MOST_BINS
    assert sketch.total == pytest.approx(5000)
    again = Sketch(keys, counts)
    assert again.quantile(0.9) == sketch.quantile(0.9)
    with pytest.raises(ValueError, match="do not belong together"):
        Sketch(keys, counts[4:])
