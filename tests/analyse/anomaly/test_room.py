"""The room tells only what is outside or fills up, and stays within its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import numpy as np
import pytest

from tui_monitor.analyse.anomaly.room import MOST, MOST_FILLS, MOST_TOLD, ForecastRoom
from tui_monitor.model import Subject

START_S = 29_333_280 * 60.0
MINUTES = 2 * 1440


def subjects(minute: int, rate: float, *, silent: str = "") -> list[Subject]:
    used = 5e11 + 1e8 * minute
    return [
        Subject("target", "chat", {"request.rate": rate, "latency.p95": None, "kv_cache.used": 0.3}, state="OK", silent=silent),
        Subject("disk", "/data", {"disk.used": used, "disk.total": 1e12, "disk.used.ratio": used / 1e12}, state="OK"),
        Subject("signal", "chat/prompt", {"drift.ks": 0.1}),
    ]


def fed(minutes: int = MINUTES, room: ForecastRoom | None = None) -> ForecastRoom:
    room = room or ForecastRoom(UTC)
    for minute, rate in enumerate(np.random.default_rng(0).normal(50, 3, minutes).tolist()):
        room.observe(START_S + 60 * minute, subjects(minute, rate))
    return room


def minutes_after(room: ForecastRoom, rate: float, count: int) -> Iterator[ForecastRoom]:
    for minute in range(MINUTES, MINUTES + count):
        room.observe(START_S + 60 * minute, subjects(minute, rate))
        yield room


def test_what_is_as_expected_is_not_told_but_what_fills_is() -> None:
    (one,) = fed().forecasts()
    assert (one.subject, one.key, one.outside_since) == ("/data", "disk.used", None)
    assert one.full_in_s == pytest.approx((5e11 - 1e8 * MINUTES) / 1e8 * 60, rel=0.1)
    assert one.full_high_s is None
    assert one.why.startswith("full in about 35 h (")


def test_what_is_outside_comes_first_with_its_sentence() -> None:
    room = fed()
    *_, room = minutes_after(room, 0.0, 4)
    first, second = room.forecasts()
    assert (first.subject, first.key, second.key) == ("chat", "request.rate", "disk.used")
    assert first.outside_since is not None
    assert first.outside_since.timestamp() == START_S + 60 * MINUTES
    assert first.why == "request.rate is below what is expected"
    assert first.far is not None
    assert first.far > 1
    assert room.told(subjects(0, 0.0)[0])["anomalies"] == 1.0


def test_rules_may_ask_what_is_full_and_what_is_outside() -> None:
    room = fed()
    target, disk, signal = subjects(MINUTES, 50.0)
    assert room.told(disk)["disk.full.in"] == pytest.approx(36 * 3600 - 17_000, rel=0.3)
    assert room.told(disk)["disk.full.in.high"] is None
    assert room.told(target) == {"kv_cache.full.in": None, "kv_cache.full.in.high": None, "kv_cache.full.lasted": None, "anomalies": 0.0}
    assert room.told(signal) == {}
    assert ForecastRoom(UTC).told(target)["anomalies"] is None


def test_a_silent_subject_is_unknown() -> None:
    room = fed()
    room.observe(START_S + 60 * MINUTES, subjects(MINUTES, 0.0, silent="no answer"))
    assert room.told(subjects(0, 0.0, silent="no answer")[0])["anomalies"] is None


def test_bands_of_the_charts() -> None:
    bands = dict(fed().bands())
    assert set(bands["chat"]) == {
        f"{key} {what}" for key in ("request.rate", "kv_cache.used") for what in ("expected", "expected.low", "expected.high")
    }
    assert bands["chat"]["request.rate expected.low"] < 50 < bands["chat"]["request.rate expected.high"]  # type: ignore[operator]


def test_what_is_to_come_is_told_of_later_times_only_and_of_what_is_there() -> None:
    room = fed()
    now_s = room._minute * 60.0
    past, now, soon, day, far = room.ahead("chat", "request.rate", [now_s - 60, now_s, now_s + 3600, now_s + 86400, now_s + 26 * 3600])
    assert past is now is far is None
    assert soon is not None
    assert day is not None
    assert soon[1] < soon[0] < soon[2]
    assert day[2] - day[1] > soon[2] - soon[1]
    assert room.ahead("chat", "ttft.p95", [now_s + 60]) == room.ahead("other", "request.rate", [now_s + 60]) == [None]


def test_a_minute_counts_once() -> None:
    room = ForecastRoom(UTC)
    assert room.observe(START_S, subjects(0, 1.0))
    assert not room.observe(START_S + 2, subjects(0, 1.0))
    assert room.observe(START_S + 60, subjects(0, 1.0))


def test_a_restart_changes_nothing() -> None:
    room, other = fed(), ForecastRoom(UTC)
    other.load(room.dump())
    assert other.forecasts() == []
    *_, room = minutes_after(room, 0.0, 10)
    *_, other = minutes_after(other, 0.0, 10)
    assert [one.key for one in other.forecasts()] == ["request.rate", "disk.used"]
    assert other.forecasts() == room.forecasts()


@pytest.mark.parametrize("damaged", [b"", b"no", b"\x82\xa7version\x01", b"\x83\xa7version\x09\xa8outlooks\x90\xa9fillings\x90"])
def test_what_is_damaged_is_refused_and_changes_nothing(damaged: bytes) -> None:
    room = fed(100)
    before = room.dump()
    with pytest.raises(ValueError, match="cannot be used"):
        room.load(damaged)
    assert room.dump() == before


def test_what_finds_no_room_is_counted_and_what_is_gone_makes_room() -> None:
    room = ForecastRoom(UTC)
    many = [Subject("query", f"p{i}", {"a": 1.0}) for i in range(MOST + 5)]
    disks = [Subject("disk", f"/{i}", {"disk.used": 1.0, "disk.total": 2.0}) for i in range(MOST_FILLS + 5)]
    room.observe(START_S, many)
    assert room.left_out == 5
    room.observe(START_S + 60, disks)
    assert room.left_out == 2 * (MOST_FILLS + 5) - MOST_FILLS
    room.observe(START_S + 15 * 86400, [Subject("query", "new", {"a": 1.0})])
    assert room.left_out == 0
    assert room.learning() == (0, 1, "learning: 0 of 24 hours")


def test_no_more_is_told_than_a_screen_needs() -> None:
    room = ForecastRoom(UTC)
    for minute in range(0, 30 * 60, 5):
        used = 4e11 + 2e8 * minute
        room.observe(
            START_S + 60 * minute, [Subject("disk", f"/{i}", {"disk.used": used, "disk.total": 1e12}) for i in range(MOST_TOLD + 5)]
        )
    assert len(room.forecasts()) == MOST_TOLD
