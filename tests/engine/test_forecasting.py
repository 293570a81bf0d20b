"""Forecasts beside the tick: once a minute, kept now and then, told to rules at every tick, and in the charts' past."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.engine.forecasting import SAVED_EVERY_S, Forecasting
from tui_monitor.engine.history import Rings
from tui_monitor.model import HistoryQuery, Subject

START_S = 29_333_280 * 60.0
MINUTES = 2 * 1440
RATES = np.random.default_rng(3).normal(50, 3, MINUTES).tolist()


def subjects(rate: float) -> list[Subject]:
    return [
        Subject("target", "chat", {"request.rate": rate, "kv_cache.used": 0.3}, state="OK"),
        Subject("signal", "chat/prompt", {"drift.ks": 0.1}),
    ]


def fed() -> Forecasting:
    made = Forecasting()
    for minute, rate in enumerate(RATES):
        made.observe(START_S + 60 * minute, subjects(rate))
    return made


@pytest.fixture(scope="module")
def kept() -> bytes:
    """What an engine that watched for two days keeps when it ends."""
    saved = fed().dump(0.0, ending=True)
    assert saved is not None
    return saved


def restored(kept: bytes) -> Forecasting:
    made = Forecasting()
    assert made.restore(kept) == ""
    return made


def test_what_an_earlier_engine_knew_is_known_at_once(kept: bytes) -> None:
    made = restored(kept)
    for minute in range(4):
        made.observe(START_S + 60 * (MINUTES + minute), subjects(0.0))
    assert [(one.subject, one.key) for one in made.forecasts] == [("chat", "request.rate")]
    fresh = Forecasting()
    for minute in range(4):
        fresh.observe(START_S + 60 * (MINUTES + minute), subjects(0.0))
    assert fresh.forecasts == []


@pytest.mark.parametrize("saved", [b"\xc1 rubbish", b"\x93\x01\x02"])
def test_what_cannot_be_read_is_said_and_all_is_learned_anew(saved: bytes) -> None:
    made = Forecasting()
    assert made.restore(saved).startswith("the kept forecasts cannot be used: ")
    made.observe(START_S, subjects(1.0))
    assert made.note.startswith("2 numbers are learned")


@pytest.mark.parametrize("saved", [None, b""])
def test_nothing_kept_is_no_trouble(saved: bytes | None) -> None:
    assert Forecasting().restore(saved) == ""


def test_it_is_kept_every_quarter_of_an_hour_and_at_the_end() -> None:
    made = Forecasting()
    assert made.dump(START_S, ending=False) is None
    assert made.dump(START_S + SAVED_EVERY_S - 1, ending=False) is None
    assert made.dump(START_S + SAVED_EVERY_S, ending=False) is not None
    assert made.dump(START_S + SAVED_EVERY_S + 1, ending=False) is None
    assert made.dump(START_S + SAVED_EVERY_S + 2, ending=True) is not None
    assert made.dump(START_S, ending=False) is not None  # the clock was set back


def test_rules_are_told_at_every_tick_and_other_subjects_are_left_alone(kept: bytes) -> None:
    made = restored(kept)
    for minute in range(4):
        chat, signal = made.observe(START_S + 60 * (MINUTES + minute), subjects(0.0))
    again, _ = made.observe(START_S + 60 * (MINUTES + 3) + 2, subjects(7.0))  # the same minute
    assert chat.metrics["anomalies"] == again.metrics["anomalies"] == 1.0
    assert again.metrics["request.rate"] == 7.0
    assert signal == subjects(0.0)[1]


def test_the_band_goes_into_the_charts_once_a_minute(kept: bytes) -> None:
    made, rings = restored(kept), Rings(2.0)
    at_s = START_S + 60 * MINUTES
    made.observe(at_s, subjects(50.0))
    made.keep_bands(at_s, rings)
    names = [f"request.rate expected{end}" for end in ("", ".low", ".high")]
    (middle,), (low,), (high,) = rings.query(HistoryQuery("chat", names, at_s, at_s + 60, 1)).values.values()
    assert low is not None
    assert high is not None
    assert middle == pytest.approx(50, abs=3)
    assert low < 45
    assert high > 55
    later = Rings(2.0)
    made.observe(at_s + 2, subjects(50.0))
    made.keep_bands(at_s + 2, later)
    assert later.query(HistoryQuery("chat", names, at_s, at_s + 60, 1)).values == {name: [None] for name in names}


def test_a_chart_may_ask_what_is_to_come_and_other_keys_are_answered_as_ever(kept: bytes) -> None:
    made, rings = restored(kept), Rings(2.0)
    at_s = START_S + 60 * MINUTES
    made.observe(at_s, subjects(50.0))
    rings.put(at_s, "chat", {"request.rate": 50.0})
    names = [f"request.rate ahead{end}" for end in ("", ".low", ".high", ".steady")]
    found = made.ahead(HistoryQuery("chat", ["request.rate", *names], at_s - 3600, at_s + 3600, 2), rings.query)
    assert (found.subject, found.start_s, found.step_s) == ("chat", at_s - 3600, 3600.0)
    assert list(found.values) == ["request.rate", *names]
    middle, low, high, steady = (found.values[name] for name in names)
    assert steady[1] == pytest.approx(middle[1], abs=1)  # it grows no more
    assert middle == [None, pytest.approx(50, abs=3)]  # a column stands for its end: the first one is now
    assert low[0] is high[0] is None
    assert low[1] is not None
    assert high[1] is not None
    assert low[1] < 46
    assert high[1] > 54
    only = made.ahead(HistoryQuery("chat", ["request.rate"], at_s - 60, at_s + 60, 1), rings.query)
    assert only.values == {"request.rate": [50.0]}
    unknown = made.ahead(HistoryQuery("nobody", names, at_s, at_s + 7200, 100_000), rings.query)
    assert [set(series) for series in unknown.values.values()] == [{None}] * 4
    assert {len(series) for series in unknown.values.values()} == {2000}


def test_the_note_says_how_many_are_known_and_how_many_are_learned(kept: bytes) -> None:
    made = restored(kept)
    more = Subject("target", "new", {"request.rate": 1.0}, state="OK")
    made.observe(START_S + 60 * MINUTES, [*subjects(50.0), more])
    assert made.note == "2 numbers are forecast, 1 more are learned (0 of 24 hours)"
