"""What was expected: the band of a chart, the lines of the explain key, when something is full; nothing where nothing was expected."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from frames import AT, INCIDENT, LLAMA, VIEW, ago
from msgspec.structs import replace

from tui_monitor.model import Forecast, Frame
from tui_monitor.ui import board
from tui_monitor.ui.panes import expected
from tui_monitor.ui.view import Series

KEY = "token.rate.generated"
OUTSIDE = Forecast(
    subject=LLAMA.name, kind="target", key=KEY, value=0.0, expected=1800.0, low=1200.0, high=2400.0, outside_since=ago(minutes=3),
    why=f"{KEY} is below what is expected at this hour of the day",
)  # fmt: skip
FILLS = Forecast(
    subject="/models", kind="disk", key="disk.used", full_in_s=3 * 86400.0, full_low_s=2 * 86400.0, full_high_s=5 * 86400.0, why="full in about 3 days"
)  # fmt: skip
FRAME = replace(INCIDENT, forecasts=[OUTSIDE, FILLS])
SEEN = replace(VIEW, focus="performance", target=LLAMA.name, metric=KEY)


def series(*values: float | None) -> Series:
    return Series(AT.timestamp() - 60, 60.0 / len(values), list(values))


def test_a_band_is_what_was_kept_of_the_number_itself() -> None:
    middle, low, high = expected.keys(KEY)
    found = {(LLAMA.name, middle): series(None, 2.0), (LLAMA.name, low): series(None, 1.0), (LLAMA.name, high): series(None, 3.0)}
    band = expected.band(found, LLAMA.name, KEY)
    assert band is not None
    assert (band.middle, band.low, band.high) == ([None, 2.0], [None, 1.0], [None, 3.0])
    assert expected.band(found, "qwen-7b", KEY) is None
    assert expected.band(found, LLAMA.name, "request.rate") is None
    assert expected.band({**found, (LLAMA.name, high): series(None, None)}, LLAMA.name, KEY) is None


def test_only_what_is_outside_is_said_to_be() -> None:
    assert expected.outside(FRAME, LLAMA.name) == expected.outside(FRAME, LLAMA.name, [KEY]) == [OUTSIDE]
    assert expected.outside(FRAME, LLAMA.name, ["request.rate"]) == []
    assert expected.outside(FRAME, "/models") == []  # it fills up, which is something else
    assert expected.of(FRAME, "/models", "disk.used") == FILLS
    assert expected.of(FRAME, "/", "disk.used") is None


@pytest.mark.parametrize(
    ("why", "about_s", "latest_s", "said"),
    [
        ("likely", 3 * 86400.0, 5 * 86400.0, "full in 3 days"),
        ("nobody can say that it will be", 3 * 86400.0, None, ""),
        ("too wide to be news", 3 * 86400.0, 7 * 86400.0, ""),
        ("it does not fill", None, None, ""),
    ],
)
def test_when_it_is_full(why: str, about_s: float | None, latest_s: float | None, said: str) -> None:
    frame = replace(FRAME, forecasts=[replace(FILLS, full_in_s=about_s, full_high_s=latest_s)])
    assert expected.full_in(frame, "/models", "disk.used") == said, why
    assert expected.full_in(frame, "/", "disk.used") == ""


def test_explain_tells_the_band_since_when_and_how_far() -> None:
    said = board.explain_chosen(FRAME, SEEN)
    assert "expected 1800/s, between 1200/s and 2400/s" in said
    assert "outside  since 14:19:07, 3.0 times as far as it may be" in said
    assert f"so       {OUTSIDE.why}" in said
    assert expected.lines(FRAME, "/models", "disk.used", utc=True) == ["so       full in about 3 days"]
    assert not any(line.startswith(("expected", "outside")) for line in board.explain_chosen(INCIDENT, SEEN))


def test_the_chart_says_it_beside_the_number() -> None:
    shown = "\n".join(board.draw_board(FRAME, SEEN, {}, 160, 45).lines())
    assert "below what is expected at this hour" in shown
    assert "below what is expected" not in "\n".join(board.draw_board(INCIDENT, SEEN, {}, 160, 45).lines())


# -- what is to come --------------------------------------------------------------------------------------------------------------------


def coming(frame: Frame = FRAME, *, known: bool = True, swing: float = 0.0, growth: float = 1.0) -> dict[tuple[str, str], Series]:
    """What an engine answers: the level grows, by one every five minutes, beside a swing whose peak is six hours away."""
    query = expected.wanted_ahead(frame, LLAMA.name, KEY)
    step_s = (query.end_s - query.start_s) / query.points
    hours = [1800.0 + swing * math.sin(2 * math.pi * (place + 1) / query.points) for place in range(query.points)]
    middle = [hour + growth * place for place, hour in enumerate(hours)]
    told = [middle, [value - 300 for value in middle], [value + 400 for value in middle], hours]
    return {
        (LLAMA.name, name): Series(query.start_s, step_s, [value if known else None for value in values])
        for name, values in zip(query.keys, told, strict=True)
    }


@pytest.mark.parametrize(("window", "hours", "last"), [("3h", 1, 1811.0), ("24h", 6, 1871.0)])
def test_a_long_chart_shows_the_next_hours(window: str, hours: int, last: float) -> None:
    found = expected.ahead(coming(), LLAMA.name, KEY, window)
    assert found is not None
    assert found.span_s == hours * 3600.0
    assert (found.band.middle[-1], found.band.low[-1], found.band.high[-1]) == (last, last - 300, last + 400)


@pytest.mark.parametrize("window", ["1m", "5m", "30m"])
def test_a_short_chart_has_no_room_for_them(window: str) -> None:
    assert expected.ahead(coming(), LLAMA.name, KEY, window) is None


def test_nothing_known_is_nothing_told() -> None:
    for histories in ({}, coming(known=False)):
        assert expected.ahead(histories, LLAMA.name, KEY, "24h") is None
        assert expected.ahead_lines(FRAME, histories, LLAMA.name, KEY, utc=True) == []


def test_explain_tells_the_next_hours_with_their_bounds() -> None:
    said = board.explain_chosen(FRAME, SEEN, coming())
    at = said.index("ahead    15:20 about 1811/s, between 1511/s and 2211/s")
    assert said[at + 1].strip().startswith("20:20 about 1871/s, between")
    assert "about 2087/s, between 1787/s and 2487/s" in said[at + 2]
    assert not any(line.startswith("ahead") for line in board.explain_chosen(FRAME, SEEN))


def test_the_hours_part_and_the_trend_are_told_apart() -> None:
    said = board.explain_chosen(FRAME, SEEN, coming(swing=600.0))
    assert f"hours    lowest about 1200/s at {AT + timedelta(days=1):%d %b} 08:20, highest about 2400/s at 20:20" in said
    assert "trend    up, 11.0/s in an hour, 287/s in a day" in said
    assert not any(line.startswith(("hours", "trend")) for line in board.explain_chosen(FRAME, SEEN))
    told = expected.course_lines(FRAME, coming(growth=0.0), LLAMA.name, KEY, utc=True)
    assert told == ["hours    no hour of the day or the week tells more than the hours before it", "trend    steady"]


def test_the_chart_names_them_where_the_number_is_as_expected() -> None:
    calm = replace(FRAME, forecasts=[])
    shown = "\n".join(board.draw_board(calm, SEEN, coming(swing=600.0), 160, 45).lines())
    assert "by the hour 1200/s to 2400/s, trend up 287/s" in shown
    assert "by the hour" not in "\n".join(board.draw_board(calm, SEEN, {}, 160, 45).lines())


def test_a_full_hour_of_tomorrow_is_told_whole() -> None:
    midnight = replace(FRAME, at=AT.replace(hour=0, minute=1, second=30))
    told = expected.ahead_lines(midnight, coming(midnight), LLAMA.name, KEY, utc=True)
    tomorrow = f"{AT + timedelta(days=1):%d %b}"
    assert [line[9:].partition(" about")[0] for line in told] == ["01:00", "06:00", f"{tomorrow} 00:00"]


def test_the_chart_of_a_day_draws_them_behind_now() -> None:
    query = next(query for query in board.history_wanted(FRAME, replace(SEEN, window="24h"), 160, 45) if KEY in query.keys)
    step_s = (query.end_s - query.start_s) / query.points
    past = {(LLAMA.name, KEY): Series(query.start_s, step_s, [1800.0] * query.points)}
    with_it, without = (
        "\n".join(board.draw_board(FRAME, replace(SEEN, window="24h"), histories, 160, 45).lines()) for histories in (past | coming(), past)
    )
    assert with_it.count("┈" * 10) >= 2
    (line,) = [line for line in with_it.splitlines() if "STALLED 38s" in line and "│" in line and "┊" in line]
    assert line.index("STALLED 38s") < line.rindex("┊"), "what it is now stands before what is to come"
    assert "┈" not in without
