"""The whole screen as text: golden screens, the words that people and scripts rely on, and every size there can be."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from frames import ALERTS, CALM, EMPTY, FLEET, FRAMES, INCIDENT, MANY, NO_DATA, STORM, VIEW, histories
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from tui_monitor.model import Frame
from tui_monitor.ui import board
from tui_monitor.ui.view import PANES, View

GOLDEN = Path(__file__).parent / "golden"
HISTORIES = histories()


def screen(frame: Frame | None, view: View, width: int, height: int, *, plain: bool = False) -> list[str]:
    return list(board.draw_board(frame, view, HISTORIES, width, height, ascii=plain).lines())


SCREENS = {
    "incident-160x45": (INCIDENT, VIEW, 160, 45, False),
    "incident-160x45-ascii": (INCIDENT, VIEW, 160, 45, True),
    "incident-100x30": (INCIDENT, VIEW, 100, 30, False),
    "incident-80x24-health": (INCIDENT, VIEW, 80, 24, False),
    "incident-80x24-performance": (INCIDENT, replace(VIEW, focus="performance"), 80, 24, False),
    "incident-80x24-drift": (INCIDENT, replace(VIEW, focus="drift"), 80, 24, False),
    "incident-80x24-alerts": (INCIDENT, replace(VIEW, focus="alerts"), 80, 24, False),
    "incident-60x15": (INCIDENT, VIEW, 60, 15, False),
    "incident-20x5": (INCIDENT, VIEW, 20, 5, False),
    "incident-replay-80x24": (INCIDENT, replace(VIEW, replay=True), 80, 24, False),
    "incident-lost-80x24": (INCIDENT, replace(VIEW, note="engine lost: it was killed; next try in 2 s", behind_s=12), 80, 24, False),
    "calm-160x45": (CALM, VIEW, 160, 45, False),
    "empty-80x24": (EMPTY, VIEW, 80, 24, False),
    "no-data-80x24": (NO_DATA, VIEW, 80, 24, False),
    "many-160x45": (MANY, VIEW, 160, 45, False),
    "storm-160x45-alerts": (STORM, replace(VIEW, focus="alerts", zoom=True, marked=frozenset({"a1", "a2"})), 160, 45, False),
    "storm-160x45-ascii": (STORM, replace(VIEW, focus="alerts"), 160, 45, True),
    "storm-100x30-by-rule": (STORM, replace(VIEW, focus="alerts", group="rule", filter="!target-", zoom=True), 100, 30, False),
    "storm-80x24-alerts": (STORM, replace(VIEW, focus="alerts", alert="a4"), 80, 24, False),
    "calm-80x24-alerts": (CALM, replace(VIEW, focus="alerts"), 80, 24, False),
    "long-names-80x24": (FRAMES["long names"], VIEW, 80, 24, False),
    "fleet-160x45": (FLEET, VIEW, 160, 45, False),
    "fleet-160x45-zoom": (FLEET, replace(VIEW, zoom=True), 160, 45, False),
    "fleet-100x30-ascii": (FLEET, VIEW, 100, 30, True),
    "fleet-80x24": (FLEET, VIEW, 80, 24, False),
    "fleet-60x15": (FLEET, VIEW, 60, 15, False),
    "crowd-100x30": (FRAMES["crowd"], VIEW, 100, 30, False),
    "wide-characters-100x30": (FRAMES["wide characters"], VIEW, 100, 30, False),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str) -> None:
    """A picture that changed on purpose is written anew with WRITE_GOLDEN=1; look at the difference before it is kept."""
    frame, view, width, height, plain = SCREENS[name]
    drawn = "\n".join(line.rstrip() for line in screen(frame, view, width, height, plain=plain)) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(FRAMES)), st.integers(20, 220), st.integers(5, 60), st.sampled_from(PANES), st.booleans(), st.booleans(), st.booleans(),
    st.sampled_from(["", "llama", "!ok", "nothing fits this"]),
)  # fmt: skip
def test_any_size_is_drawn_and_every_line_fills_it(
    name: str, width: int, height: int, focus: str, zoom: bool, plain: bool, faults: bool, sieve: str
) -> None:
    view = replace(VIEW, focus=focus, zoom=zoom, faults_only=faults, filter=sieve)
    lines = screen(FRAMES[name], view, width, height, plain=plain)
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}
    assert not plain or all(line.isascii() for line in lines)


WORST = {
    "incident": ("1 STALLED", 2),
    "calm": ("3 OK", 0),
    "many": ("10 DOWN", 40),
    "fleet": ("2 DOWN", 1),
    "long names": ("1 STALLED", 1),
    "wide characters": ("1 STALLED", 1),
}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WORST)), st.integers(20, 220), st.integers(5, 60), st.sampled_from(PANES), st.booleans())
def test_any_size_says_the_worst_state_how_many_and_what_fires(name: str, width: int, height: int, focus: str, zoom: bool) -> None:
    worst, firing = WORST[name]
    top = screen(FRAMES[name], replace(VIEW, focus=focus, zoom=zoom), width, height)[0]
    assert worst in top
    if firing:
        assert re.search(rf"▲ ?{firing}\b", top)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(FRAMES)), st.integers(20, 220), st.integers(5, 60), st.booleans())
def test_the_clock_and_where_it_comes_from_are_at_the_top(name: str, width: int, height: int, replay: bool) -> None:
    lines = screen(FRAMES[name], replace(VIEW, replay=replay), width, height)
    assert "14:22:07" in "\n".join(lines[:3])
    assert ("REPLAY" in "\n".join(lines[:2])) == replay
    assert ("LIVE" in "\n".join(lines)) == (not replay)


@settings(max_examples=80, deadline=None)
@given(st.integers(80, 220), st.integers(16, 60), st.sampled_from(PANES), st.booleans())
def test_firing_and_acked_stand_literally_from_80_columns_on(width: int, height: int, focus: str, zoom: bool) -> None:
    view = replace(VIEW, focus=focus, zoom=zoom)
    assert "2 FIRING" in screen(INCIDENT, view, width, height)[0]
    assert "1 ACKED" in screen(INCIDENT, view, width, height)[0]
    assert "0 firing" in screen(CALM, view, width, height)[0]


def test_an_acknowledged_alert_no_longer_counts_as_firing() -> None:
    only = replace(INCIDENT, alerts=[ALERTS[2]])
    top = screen(only, VIEW, 80, 24)[0]
    assert "0 firing" in top
    assert "1 ACKED" in top


@pytest.mark.parametrize(("width", "height"), [(160, 45), (100, 30), (80, 24), (60, 15), (40, 10)])
def test_a_number_of_the_host_stands_with_its_name(width: int, height: int) -> None:
    text = "\n".join(screen(EMPTY, VIEW, width, height))
    assert re.search(r"cpu .*31%", text)
    assert re.search(r"load 18\.2", text)


def test_a_paused_screen_is_not_live() -> None:
    top = screen(INCIDENT, replace(VIEW, paused=True, behind_s=42), 80, 24)[0]
    assert "PAUSED 42s" in top
    assert "LIVE" not in top


def test_without_a_frame_it_says_what_it_waits_for() -> None:
    assert "connecting" in screen(None, VIEW, 80, 24)[0]
    assert "no engine" in screen(None, replace(VIEW, note="no engine answers"), 80, 24)[0]


def test_a_toast_takes_the_tickers_line() -> None:
    assert screen(INCIDENT, replace(VIEW, toast="acknowledged stalled; u undoes"), 80, 24)[-2].strip() == "acknowledged stalled; u undoes"


@pytest.mark.parametrize(
    ("width", "height", "zoom", "panes"),
    [
        (160, 45, False, ["health", "performance", "drift", "alerts"]),
        (140, 36, False, ["health", "performance", "drift", "alerts"]),
        (160, 45, True, ["drift"]),
        (160, 30, False, ["drift", "alerts"]),
        (100, 30, False, ["drift", "alerts"]),
        (80, 24, False, ["drift"]),
        (60, 16, False, ["drift"]),
        (60, 15, False, []),
        (20, 5, False, []),
    ],
)
def test_layouts(width: int, height: int, zoom: bool, panes: list[str]) -> None:
    spots = board.plan(INCIDENT, View(focus="drift", zoom=zoom), width, height).spots
    assert [spot.pane for spot in spots] == panes
    assert all(spot.x + spot.width <= width and spot.y + spot.height <= height for spot in spots)


def test_charts_ask_for_what_they_show_at_their_width() -> None:
    queries = board.history_wanted(INCIDENT, VIEW, 160, 45)
    target, ahead = [query for query in queries if query.subject == "llama-70b"]
    assert ahead.keys == [f"token.rate.generated ahead{end}" for end in ("", ".low", ".high", ".steady")]
    assert (ahead.end_s - ahead.start_s, ahead.points) == (86400.0, 288)
    assert 0 <= INCIDENT.at.timestamp() - ahead.start_s < 300.0
    assert {"token.rate.generated", "queue.length"} <= set(target.keys)
    assert target.end_s - target.start_s == 300.0
    assert 0 <= target.end_s - INCIDENT.at.timestamp() <= 300.0 / target.points
    assert 30 <= target.points <= 150, "an interval of 2 s cannot fill more"
    assert board.history_wanted(INCIDENT, VIEW, 40, 10) == []
    assert board.history_wanted(None, VIEW, 160, 45) == []


def test_a_steady_second_asks_for_the_same_grid() -> None:
    later = replace(INCIDENT, at=INCIDENT.at.replace(microsecond=1000))
    assert board.history_wanted(INCIDENT, VIEW, 160, 45) == board.history_wanted(later, VIEW, 160, 45)


def test_lists_step_in_the_order_of_the_screen() -> None:
    assert board.targets_in_order(INCIDENT, VIEW) == ["llama-70b", "resnet", "qwen-7b", "ranker"]
    assert board.alerts_in_order(INCIDENT, VIEW) == ["a1", "a2", "a3", "a4", "a5", "a6"]
    assert board.signals_in_order(INCIDENT, VIEW)[:2] == ["llama-70b/prompt_tokens", "llama-70b/time_to_first_token"]
    assert board.metrics_in_order(INCIDENT, VIEW)[0] == "token.rate.generated"


def test_a_filter_and_faults_only_thin_the_lists() -> None:
    assert board.targets_in_order(INCIDENT, replace(VIEW, filter="vllm !stalled")) == ["qwen-7b"]
    assert board.targets_in_order(INCIDENT, replace(VIEW, faults_only=True)) == ["llama-70b", "resnet"]
    assert board.alerts_in_order(INCIDENT, replace(VIEW, faults_only=True)) == ["a1", "a2"]
    assert board.alerts_in_order(INCIDENT, replace(VIEW, filter="kv_cache")) == ["a3"]


def test_the_footer_keeps_quit_and_help_when_room_is_short() -> None:
    last = screen(INCIDENT, VIEW, 60, 20)[-1]
    assert last.rstrip().endswith("q quit")
    assert "? help" in last
