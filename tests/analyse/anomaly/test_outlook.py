"""The band is rarely left where nothing happens, and soon where something does; gaps, clocks and restarts are no news."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from false_alarms import DAY, KINDS, delay, episodes, moments

from tui_monitor.analyse.anomaly.moment import Moment
from tui_monitor.analyse.anomaly.outlook import Coming, Kept, Outlook, Traits

NOISE = np.random.default_rng(7).normal(100, 5, 60 * DAY).tolist()


def watched(values: list[float | None], traits: Traits = Traits(floor=0.02)) -> Outlook:  # noqa: B008 - frozen
    outlook = Outlook(traits)
    for at, value in zip(moments(len(values)), values, strict=True):
        outlook.observe(at, value)
    return outlook


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("bursts", "random walk")])
def test_two_weeks_of_nothing_are_no_anomaly(kind: str) -> None:
    assert episodes(KINDS[kind](np.random.default_rng(1), 14 * DAY).tolist()) == []


@pytest.mark.parametrize(
    ("kind", "factor", "most"), [("calm", 1.4, 4), ("AR(1) 0.9", 2, 4), ("daily and weekly cycle", 0, 5), ("counts with a cycle", 0, 10)]
)
def test_what_happens_is_seen_within_minutes(kind: str, factor: float, most: int) -> None:
    after = delay(kind, lambda values: values * factor, days=24)
    assert after is not None
    assert 3 <= after <= most


def test_it_says_that_it_learns_until_a_day_is_known() -> None:
    young = watched(NOISE[: 6 * 60])
    assert young.learning == "learning: 2 of 24 hours"
    assert (young.low, young.high) == (None, None)
    assert watched(NOISE[: 30 * 60]).learning == ""


def test_the_expected_value_and_its_band_surround_what_is_there() -> None:
    outlook = watched(NOISE[: 20 * DAY])
    assert outlook.expected == pytest.approx(100, abs=1.5)
    assert outlook.low is not None
    assert outlook.high is not None
    assert 70 < outlook.low < 88
    assert 112 < outlook.high < 130


def test_a_cycle_is_expected_at_its_hour() -> None:
    values = KINDS["daily and weekly cycle"](np.random.default_rng(3), 28 * DAY)
    outlook = watched(values.tolist())
    assert outlook.season in ("day", "week")
    (noon,) = moments(1, 28 * DAY + DAY // 4)
    ahead = outlook.ahead(noon)
    assert ahead is not None
    expected, low, high, _ = ahead
    quiet = 100 + 60 * math.sin(2 * math.pi * (0.25 - 0.3))
    assert expected == pytest.approx(quiet, abs=15)
    assert low < quiet < high


@pytest.mark.parametrize("kind", ["AR(1) 0.99", "daily and weekly cycle", "random walk", "log-normal"])
def test_what_comes_lies_between_the_bounds_that_were_told_ahead(kind: str) -> None:
    values = KINDS[kind](np.random.default_rng(17), 18 * DAY).tolist()
    ats = list(moments(len(values)))
    outlook, inside, widths = Outlook(Traits(floor=0.02)), {60: 0, 360: 0, 1440: 0}, {60: 0.0, 360: 0.0, 1440: 0.0}
    asked = 0
    for place, (at, value) in enumerate(zip(ats, values, strict=True)):
        outlook.observe(at, value)
        if place < 9 * DAY or place % 97 or place + 1440 >= len(values):
            continue
        asked += 1
        for minutes in inside:
            told = outlook.ahead(ats[place + minutes])
            assert told is not None
            assert told[1] <= told[0] <= told[2]
            inside[minutes] += told[1] <= values[place + minutes] <= told[2]
            widths[minutes] += told[2] - told[1]
    assert asked > 100
    assert min(inside.values()) >= 0.98 * asked, inside
    assert widths[60] < widths[360] < widths[1440] < 2.5 * widths[60], "farther ahead is less certain, and no less than a few times"


def test_what_comes_is_the_hours_part_and_the_trends() -> None:
    minutes, noise = np.arange(14 * DAY), np.random.default_rng(5).normal(0, 2, 14 * DAY)

    def ahead(values: np.ndarray) -> list[Coming]:
        outlook = watched((100 + values + noise).tolist())
        return [one for at in list(moments(DAY, 14 * DAY))[59::60] if (one := outlook.ahead(at)) is not None]

    swings = [one.steady for one in ahead(60 * np.sin(2 * math.pi * minutes / DAY))]
    assert max(swings) - min(swings) == pytest.approx(120, abs=12)
    grows = ahead(0.02 * minutes)
    assert len({one.steady for one in grows}) == 1, "no hour is like the one of the day before"
    assert 0.4 < grows[0].expected - grows[0].steady < 1.2, "a damped trend says less than what was, and fades"
    assert 2 < grows[-1].expected - grows[-1].steady < 12


def test_before_a_day_is_known_nothing_is_told_ahead() -> None:
    (later,) = moments(1, 7 * 60)
    assert watched(NOISE[: 6 * 60]).ahead(later) is None
    assert Outlook(Traits()).ahead(later) is None


def test_three_of_five_minutes_make_an_anomaly_and_five_inside_end_it() -> None:
    outlook = watched(NOISE[: 10 * DAY])
    since = []
    for at, value in zip(moments(13, 10 * DAY), [400, 100, 400, 100, 400, 100, 400, 100, 100, 100, 100, 100, 100], strict=True):
        outlook.observe(at, value)
        since.append(outlook.since_s is not None)
    assert since == [False] * 4 + [True] * 7 + [False] * 2
    assert outlook.side == 0


def test_it_says_since_when_how_far_and_on_which_side() -> None:
    outlook = watched(NOISE[: 10 * DAY])
    last = [*moments(3, 10 * DAY)]
    for at in last:
        outlook.observe(at, 400.0)
    assert outlook.since_s == last[0].at_s
    assert outlook.side == 1
    assert outlook.far is not None
    assert outlook.far > 5


@pytest.mark.parametrize(("bad", "up", "down"), [("high", True, False), ("low", False, True), ("", True, True)])
def test_only_the_bad_side_is_an_anomaly(bad: str, up: bool, down: bool) -> None:
    for value, wanted in ((400.0, up), (0.0, down)):
        outlook = watched([*NOISE[: 5 * DAY], *[value] * 5], Traits(bad=bad))
        assert (outlook.since_s is not None) is wanted


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_a_gap(nothing: float | None) -> None:
    outlook = watched([*NOISE[: 2 * DAY], nothing, nothing, 100.0])
    assert outlook.since_s is None
    assert outlook.value == 100.0
    silent = watched([*NOISE[: 2 * DAY], *[400.0] * 4, *[nothing] * 10])
    assert (silent.since_s, silent.value, silent.low) == (None, None, None)


def test_after_hours_of_silence_the_level_begins_anew() -> None:
    outlook = watched(NOISE[: 2 * DAY])
    for at in moments(30, 2 * DAY + 300):
        outlook.observe(at, 500.0)
        assert outlook.since_s is None
    assert outlook.expected == pytest.approx(500.0)


@pytest.mark.parametrize("step_min", [-7, -90, -3 * DAY, -60 * DAY, 90, 3 * DAY, 60 * DAY])
def test_a_clock_that_is_set_is_no_anomaly(step_min: int) -> None:
    outlook = watched(NOISE[: 4 * DAY])
    for at, value in zip(moments(2 * DAY, 4 * DAY + step_min), NOISE[: 2 * DAY], strict=True):
        outlook.observe(at, value)
        assert outlook.since_s is None
    assert outlook.expected == pytest.approx(100, abs=2)


def test_a_minute_counts_once() -> None:
    outlook = watched(NOISE[: 2 * DAY])
    (at,) = moments(1, 2 * DAY)
    for _ in range(20):
        outlook.observe(at, 400.0)
    assert outlook.since_s is None


def test_a_new_level_is_accepted_within_days() -> None:
    outlook = watched([*NOISE[: 14 * DAY], *(value + 40 for value in NOISE[: 3 * DAY])])
    assert outlook.since_s is None
    assert outlook.expected == pytest.approx(140, abs=3)


def test_a_restart_changes_nothing() -> None:
    one = watched(NOISE[: 9 * DAY + 17])
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(one.kept()), type=Kept)
    other = Outlook(Traits(floor=0.02), kept)
    for at, value in zip(moments(2 * DAY, 9 * DAY + 17), [*NOISE[: 2 * DAY - 60], *[300.0] * 60], strict=True):
        one.observe(at, value)
        other.observe(at, value)
    assert other.since_s is not None
    assert (other.since_s, other.side) == (one.since_s, one.side)
    assert other.expected == pytest.approx(one.expected)
    assert len(msgspec.msgpack.encode(one.kept())) < 17_000


@pytest.mark.parametrize(
    "damage",
    [{"profile": (b"123", b"", 3, [], "")}, {"profile": (b"", b"", 3, [], "year")}, {"above": (b"\0" * 4000, 0)}, {"below": (b"", -1)}],
)
def test_what_is_damaged_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"hours|multiple|bytes"):
        Outlook(Traits(), msgspec.structs.replace(watched(NOISE[:100]).kept(), **damage))


def test_a_value_costs_microseconds() -> None:
    values = KINDS["daily and weekly cycle"](np.random.default_rng(0), 8 * DAY).tolist()
    outlook, whole = Outlook(Traits()), [*moments(len(values))]
    began = time.process_time()
    for at, value in zip(whole, values, strict=True):
        outlook.observe(at, value)
    assert (time.process_time() - began) / len(values) < 60e-6  # about 7 us on one core that nobody else uses


def test_a_ratio_stays_a_ratio() -> None:
    outlook = watched([0.97 + 0.01 * math.sin(i) for i in range(3 * DAY)], Traits("high", 0.1, 1.0))
    assert outlook.high == 1.0
    assert isinstance(next(moments(1)), Moment)
