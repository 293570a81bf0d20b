"""Rules that hold a number against its forecast, as the engine asks them: minute by minute, from what is learned to what fires and ends."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from datetime import UTC

import numpy as np
import pytest

from tui_monitor.alerts.judging import judge
from tui_monitor.alerts.lifecycle import AlertBook
from tui_monitor.alerts.rules import read_rule
from tui_monitor.alerts.usual import UsualKeeper
from tui_monitor.config import RuleSettings, Settings
from tui_monitor.engine.engine import Engine
from tui_monitor.engine.forecasting import Forecasting, unforecast
from tui_monitor.model import Subject

START_S = 29_333_280 * 60.0
HOURS = 30
NOISE = np.random.default_rng(7).normal(0, 3, HOURS * 60).tolist()
BUSY = read_rule(RuleSettings("busy", "request.rate above expected", for_="3m"))
QUIET = read_rule(RuleSettings("quiet", "request.rate[5m] below expected", for_="3m", summary="{value} of {target}: {expected}"))
NEVER = read_rule(RuleSettings("never", "latency.p99 above expected or ttft.p95 above expected"))


def chat(rate: float | None, silent: str = "") -> Subject:
    metrics = {"request.rate": rate, "latency.p99": 0.3, "ttft.p95": None}
    return Subject("target", "chat", metrics, state="OK", silent=silent, windows={"5m": {"request.rate": rate}})


def at_s(minute: int) -> float:
    return START_S + 60 * minute


@pytest.fixture(scope="module")
def kept() -> bytes:
    """Thirty hours, as an engine leaves them."""
    made = Forecasting(UTC)
    for minute, noise in enumerate(NOISE):
        made.observe(at_s(minute), [chat(150 + noise)])
    saved = made.dump(0.0, ending=True)
    assert saved is not None
    return saved


@pytest.fixture
def forecasting(kept: bytes) -> Forecasting:
    made = Forecasting(UTC)
    assert made.restore(kept) == ""
    return made


class Watch:
    """The engine's order of a tick: forecasts, what is usual, rules."""

    def __init__(self, forecasting: Forecasting, *rules: RuleSettings) -> None:
        self.forecasting, self.usual = forecasting, UsualKeeper({})
        self.book = AlertBook(
            [read_rule(one) for one in rules] or [BUSY, QUIET], flap_window_s=300.0, no_data_hold_s=300.0, ack_for_s=3600.0
        )
        self.minute = HOURS * 60

    def minutes(self, *rates: float | None, silent: str = "") -> Iterator[Subject]:
        for rate in rates:
            now_s = at_s(self.minute)
            told = self.forecasting.observe(now_s, [chat(rate, silent)])
            self.usual.take(told, now_s)
            (subject,) = self.usual.fill(told, now_s)
            self.book.evaluate([subject], now_s, now_s)
            self.minute += 1
            yield subject

    def firing(self) -> dict[str, str]:
        return {one.rule: one.summary for one in self.book.episodes() if one.state == "firing"}


def test_it_is_unknown_while_the_band_is_learned_and_says_for_how_long() -> None:
    made = Forecasting(UTC)
    said = []
    for hour in range(28):
        for minute in range(60):
            (subject,) = made.observe(at_s(60 * hour + minute), [chat(150 + NOISE[minute])])
            told = BUSY.when.truth({"request.rate": 1e6, **{name: one.value for name, one in subject.usual.items()}}.get)
            assert told is (None if BUSY.unknown(subject) else True)
        said.append(BUSY.unknown(subject))
    learned = "no band of request.rate yet, learned for {} of 24 hours"
    assert said[0] == said[3] == learned.format(0)
    assert [said[6], said[26], said[27]] == [learned.format(3), learned.format(23), ""]


def test_a_young_forecast_fires_nothing_unless_a_bound_decides() -> None:
    watch = Watch(
        Forecasting(UTC),
        RuleSettings("busy", "request.rate above expected"),
        RuleSettings("most", "request.rate above expected ceiling 300/s"),
    )
    list(watch.minutes(*[150.0] * 10, *[1000.0] * 10))
    assert list(watch.firing()) == ["most"]


def test_what_leaves_the_band_fires_and_ends_when_it_is_back(forecasting: Forecasting) -> None:
    watch = Watch(forecasting)
    list(watch.minutes(*(150 + noise for noise in NOISE[:60])))
    assert watch.firing() == {}
    *_, subject = watch.minutes(*[412.0] * 5)
    edge = BUSY.threshold(subject)
    assert edge is not None
    assert 155 < edge < 250
    (said,) = watch.firing().values()
    assert said.startswith("chat: request.rate above expected (now 412/s); expected 1")
    assert said.endswith(f" to {edge:.0f}/s")
    list(watch.minutes(150.0))
    assert watch.firing() == {}
    list(watch.minutes(*[20.0] * 5))
    assert list(watch.firing()) == ["quiet"]
    assert watch.firing()["quiet"].startswith("20/s of chat: expected 1")
    list(watch.minutes(150.0))
    assert watch.firing() == {}


def test_a_level_that_stays_is_what_is_expected_after_some_hours(forecasting: Forecasting) -> None:
    watch = Watch(forecasting)
    list(watch.minutes(*(412 + noise for noise in NOISE[:60])))
    assert list(watch.firing()) == ["busy"]
    list(watch.minutes(*(412 + noise for noise in NOISE[60:420])))
    assert watch.firing() == {}


def test_a_restart_in_the_middle_of_it_ends_nothing(forecasting: Forecasting) -> None:
    watch = Watch(forecasting)
    list(watch.minutes(*[412.0] * 5))
    (began,) = (one.id for one in watch.book.episodes())
    saved = watch.forecasting.dump(0.0, ending=True)
    again = Watch(Forecasting(UTC))
    assert again.forecasting.restore(saved) == ""
    again.minute = watch.minute
    again.book = AlertBook([BUSY, QUIET], episodes=watch.book.episodes())
    list(again.minutes(None))  # the first page tells no rate yet
    assert list(again.firing()) == ["busy"]
    list(again.minutes(*[412.0] * 3))
    assert [(one.id, one.state) for one in again.book.episodes()] == [(began, "firing")]


def test_a_single_minute_outside_fires_nothing(forecasting: Forecasting) -> None:
    watch = Watch(forecasting)
    for _ in range(5):
        list(watch.minutes(412.0, 150.0, 150.0))
        assert watch.firing() == {}


def test_the_band_holds_for_every_tick_of_its_minute(forecasting: Forecasting) -> None:
    first, second, third = (forecasting.observe(at_s(HOURS * 60) + later_s, [chat(150.0)])[0] for later_s in (0, 2, 60))
    assert first.usual == second.usual != third.usual
    assert all(
        one.value is not None and math.isfinite(one.value) for one in first.usual.values() if "request" in one.why or "/s" in one.why
    )


def test_after_a_gap_nobody_knows_the_band_until_the_level_is_known_again(forecasting: Forecasting) -> None:
    watch = Watch(forecasting)
    list(watch.minutes(150.0))
    (subject,) = watch.minutes(None, silent="refused")
    assert BUSY.unknown(subject) == ""  # a minute is no gap
    *_, subject = watch.minutes(*[None] * 6, silent="refused")
    assert BUSY.unknown(subject) == "no band of request.rate yet, no number came lately"
    watch.minute += 90
    subjects = list(watch.minutes(*[500.0] * 8))
    said = [BUSY.unknown(one).partition(", ")[2] for one in subjects]
    assert said == ["its level is learned anew after a gap"] * 5 + [""] * 3
    assert watch.firing() == {}


def test_what_is_usual_and_what_is_expected_stand_side_by_side(forecasting: Forecasting) -> None:
    keeper = UsualKeeper({"usual(request.rate, 99%)": "request.rate"}, UTC)
    (subject,) = keeper.fill(forecasting.observe(at_s(HOURS * 60), [chat(150.0)]), at_s(HOURS * 60))
    assert {"usual(request.rate, 99%)", "expected(request.rate, low)", "expected(request.rate, high)"} <= set(subject.usual)


@pytest.mark.parametrize(
    ("when", "where", "why"),
    [
        ("request.rate above expected", {}, ""),
        ("request.rate[5m] outside expected", {"subject": "target"}, ""),
        ("cpu.util above expected", {"subject": "host"}, ""),
        ("conversion below expected", {}, ""),
        ("latency.p99 above expected", {}, "latency.p99 is not forecast; of a target these are: request.rate latency.p95 "),
        ("latency.over(500ms) above expected", {}, "latency.over(0.5s) is not forecast; of a target these are: "),
        ("gpu.power above expected", {}, "gpu.power is not forecast; of a gpu these are: gpu.memory.used gpu.temperature"),
        ("cpu.util above expected", {"subject": "gpu"}, "cpu.util is not forecast; of a gpu these are: "),
        (
            "latency.p95 above expected",
            {"subject": "model"},
            "latency.p95 is not forecast, and nothing else of a model; of a target these are: ",
        ),
        ("business.clicks below expected", {}, "business.clicks is not forecast; of a target these are: "),
        ("latency.p99 > 1s", {}, ""),
    ],
)
def test_what_nobody_forecasts_is_said_in_one_line(when: str, where: dict[str, str], why: str) -> None:
    queries = ["conversion", "business.clicks"]
    rule = read_rule(RuleSettings("r", when, where=where), queries)
    said = [told for _, told in unforecast([rule], queries)]
    assert [told.startswith(why) for told in said] == ([True] if why else [])


def test_a_key_that_nobody_forecasts_is_unknown_with_that_reason(forecasting: Forecasting) -> None:
    (subject,) = forecasting.observe(at_s(HOURS * 60), [chat(150.0)])
    assert NEVER.when.truth({"latency.p99": 9.0}.get) is None
    assert NEVER.unknown(subject) == "no band of latency.p99: no target has a forecast of it"


def test_the_engine_says_once_what_nobody_forecasts() -> None:
    wrong = RuleSettings("tail", "latency.p99 above expected")
    engine = Engine(Settings(rules=[wrong, RuleSettings("busy", "request.rate above expected")]), "t", None)
    (said,) = [event for event in engine._events if event.text.startswith("rule ")]
    assert said.severity == "warning"
    assert said.text.startswith("rule tail (warning): latency.p99 is not forecast; of a target these are: request.rate latency.p95 ")


def test_the_engine_says_once_which_rules_cannot_be_judged_yet(forecasting: Forecasting) -> None:
    settings = Settings(rules=[RuleSettings("busy", "request.rate above expected"), RuleSettings("odd", "request.rate > 1/s")])

    def said(made: Forecasting) -> list[str]:
        engine = Engine(settings, "t", None)
        alerting, began_s, first = engine._alerting, engine._started_s, at_s(HOURS * 60)

        async def look() -> None:
            for later_s in (0.0, 60.0, 118.0, 120.0, 180.0):
                await alerting.evaluate(made.observe(first + later_s, [chat(150.0)]), began_s + later_s)
                told.append(sum(event.text.startswith("rule ") for event in engine._events))

        told: list[int] = []
        asyncio.run(look())
        assert told == ([0, 0, 0, 1, 1] if told[-1] else [0] * 5)
        return [event.text for event in engine._events if event.text.startswith("rule ")]

    assert said(Forecasting(UTC)) == ["rule busy waits: no band of request.rate yet, learned for 0 of 24 hours"]
    assert said(forecasting) == []


def test_its_verdict_says_why_nobody_knows(forecasting: Forecasting) -> None:
    now_s = at_s(HOURS * 60)
    young, known = (made.observe(now_s, [chat(412.0)])[0] for made in (Forecasting(UTC), forecasting))
    told = judge({}, [(BUSY, young)], 0.0)
    assert (told.condition, told.why) == ("unknown", "no band of request.rate yet, learned for 0 of 24 hours")
    assert judge({}, [(BUSY, known)], 0.0).condition == "true"
