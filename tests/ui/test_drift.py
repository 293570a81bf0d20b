"""Drift on the screen: pictures, what tells a fast move from a slow one, words, keys, and every size."""

from __future__ import annotations

import asyncio
import math
import os
from pathlib import Path

import pytest
from drift_frames import ALL_BLIND, BLIND, DRIFT, DRIFT_FRAMES, IDLE, LEARNING, LOOK, MANY, PROMPT, REASON, STALE, TTFT, UGLY, climb, told
from frames import AT, VIEW, ago, histories
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from tui_monitor.cli import drift_lines
from tui_monitor.engine.feed import ScriptedFeed
from tui_monitor.model import Command, Drift, Frame, MarkReference, Measured, Outcome, Shares
from tui_monitor.ui import board, theme
from tui_monitor.ui.app import MonitorApp
from tui_monitor.ui.dialogs.signal import question
from tui_monitor.ui.panes import drift_chart, drift_detail, drift_explain, drift_measures, drift_shapes, drift_table, drift_words, order
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import PANES, View
from tui_monitor.ui.widgets.canvas import Canvas, text_width

GOLDEN = Path(__file__).parent / "golden"
HISTORIES = histories()
REASON_NAME = "llama-70b/vllm:request_success:finished_reason"


def screen(frame: Frame, view: View, width: int, height: int, *, plain: bool = False) -> list[str]:
    return list(board.draw_board(frame, view, HISTORIES, width, height, ascii=plain).lines())


def bare(line: Line) -> str:
    return "".join(part if isinstance(part, str) else part[0] for part in line)


def detail(signal: Drift, width: int = 100, frame: Frame = DRIFT, *, plain: bool = False) -> str:
    return "\n".join(bare(line) for line in drift_detail.of_signal(frame, signal, LOOK, width, ascii=plain))


SCREENS = {
    "drift-160x45": (DRIFT, LOOK, 160, 45, False),
    "drift-160x45-zoom": (DRIFT, replace(LOOK, zoom=True), 160, 45, False),
    "drift-100x30": (DRIFT, LOOK, 100, 30, False),
    "drift-100x30-zoom-ascii": (DRIFT, replace(LOOK, zoom=True, signal=REASON_NAME), 100, 30, True),
    "drift-80x24": (DRIFT, LOOK, 80, 24, False),
    "drift-60x16": (DRIFT, LOOK, 60, 16, False),
    "drift-60x15": (DRIFT, LOOK, 60, 15, False),
    "drift-learning-80x24": (DRIFT_FRAMES["learning"], LOOK, 80, 24, False),
    "drift-blind-80x24": (ALL_BLIND, LOOK, 80, 24, False),
    "drift-nothing-80x24": (DRIFT_FRAMES["nothing"], LOOK, 80, 24, False),
    "drift-stable-100x30": (DRIFT_FRAMES["stable"], LOOK, 100, 30, False),
    "drift-many-100x30-zoom": (MANY, replace(LOOK, zoom=True), 100, 30, False),
    "drift-ugly-160x45-zoom": (UGLY, replace(LOOK, zoom=True), 160, 45, False),
    "drift-categories-100x30-zoom": (UGLY, replace(LOOK, zoom=True, signal=order.signal_name(UGLY.drift[1])), 100, 30, False),
}


def compared(name: str, lines: list[str]) -> None:
    """As the other golden screens: WRITE_GOLDEN=1 writes them anew."""
    drawn = "\n".join(line.rstrip() for line in lines) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str) -> None:
    frame, view, width, height, plain = SCREENS[name]
    compared(name, screen(frame, view, width, height, plain=plain))


@pytest.mark.parametrize(("name", "signal", "width"), [("drift-detail-103", PROMPT, 103), ("drift-detail-categories-73", REASON, 73)])
def test_detail(name: str, signal: Drift, width: int) -> None:
    compared(name, detail(signal, width).splitlines())


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(sorted(DRIFT_FRAMES)), st.integers(20, 220), st.integers(5, 60), st.sampled_from(PANES), st.booleans(), st.booleans(), st.booleans(),
    st.integers(0, 300), st.sampled_from(["1m", "5m", "30m", "24h"]), st.sampled_from(["", "tokens", "!drift"]),
)  # fmt: skip
def test_any_size_is_drawn_and_every_line_fills_it(
    name: str, width: int, height: int, focus: str, zoom: bool, plain: bool, faults: bool, which: int, window: str, sieve: str
) -> None:
    frame = DRIFT_FRAMES[name]
    chosen = order.signal_name(frame.drift[which % len(frame.drift)]) if frame.drift else None
    view = replace(VIEW, focus=focus, zoom=zoom, faults_only=faults, signal=chosen, window=window, filter=sieve)
    lines = screen(frame, view, width, height, plain=plain)
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}
    assert not plain or all(line.isascii() for line in lines)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([signal for frame in DRIFT_FRAMES.values() for signal in frame.drift[:12]]), st.integers(20, 200), st.booleans())
def test_the_detail_of_any_signal_fits_any_width(signal: Drift, width: int, plain: bool) -> None:
    for line in drift_detail.of_signal(UGLY, signal, LOOK, width, ascii=plain):
        assert text_width(bare(line)) <= width


# -- what is said ---------------------------------------------------------------------------------------------------------------------


def test_the_worst_stands_first_then_what_matters_and_learning_is_quiet() -> None:
    shown = [signal.state for signal in order.signals(DRIFT, LOOK)]
    assert shown[:5] == ["drift", "drift", "watch", "stale", "blind"]
    assert shown[-2:] == ["learning", "idle"]
    weak = replace(PROMPT, signal="weak", importance=0.1, evidence=2.0)
    heavy = replace(PROMPT, signal="heavy", importance=0.9, evidence=1.0)
    strong = replace(PROMPT, signal="strong", importance=0.1, evidence=12.0)
    assert [one.signal for one in order.signals(replace(DRIFT, drift=[weak, heavy, strong]), LOOK)] == ["heavy", "strong", "weak"]


def test_evidence_that_trembles_moves_no_row() -> None:
    def names(*evidence: float) -> list[str]:
        drift = [replace(PROMPT, signal=f"s{i}", evidence=value) for i, value in enumerate(evidence)]
        return [one.signal for one in order.signals(replace(DRIFT, drift=drift), LOOK)]

    assert names(1.1, 1.2) == names(1.2, 1.1)
    assert names(40.0, 90.0) == names(90.0, 40.0) == ["s0", "s1"]
    older = replace(PROMPT, signal="older", since=ago(hours=9), evidence=40.0)
    assert order.signals(replace(DRIFT, drift=[replace(PROMPT, evidence=90.0), older]), LOOK)[0].signal == "older"
    follower = replace(older, signal="follower", follows="chat/older", evidence=900.0)
    assert order.signals(replace(DRIFT, drift=[follower, older]), LOOK)[0].signal == "older", "the one that began it"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(2_592_000.0, "30 days"), (86_400.0, "day"), (129_600.0, "36 hours"), (90.0, "90 seconds"), (0.5, "0.500 seconds")],
)
def test_the_budget_in_words(seconds: float, said: str) -> None:
    assert drift_words.budget(replace(DRIFT, drift_budget_s=seconds)) == f"one false alarm per {said} over 11 signals"


def test_who_is_not_watched_is_said_and_a_frame_of_before_has_no_budget() -> None:
    assert "over 256 signals, 12 more not watched" in drift_words.budget(MANY)
    assert "12 more not watched" in drift_words.dataset(MANY, 100)
    assert drift_words.budget(replace(DRIFT, drift_budget_s=None)) == ""
    assert "one false alarm per 30 days over 11 signals" in screen(DRIFT, LOOK, 80, 24)[2]


def test_the_share_of_the_dataset_counts_only_who_is_judged() -> None:
    said = drift_words.dataset(DRIFT, 200)
    assert said.startswith("2 of 7 judged signals drift (29%) · 75% of what matters for the model · 1 origin · 1 watched")
    assert "not judged: 1 learning, 1 idle, 1 blind, 1 stale" in said
    assert said.endswith("llama-70b 2 of 4")
    assert drift_words.dataset(DRIFT_FRAMES["learning"], 200) == "no signal is judged yet · not judged: 12 learning"
    assert drift_words.dataset(DRIFT_FRAMES["stable"], 200) == "none of 4 judged signals drifts"


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ({"5m": 0.31, "30m": 0.3, "3h": 0.05, "24h": 0.01}, "fast: all within the last 30m"),
        ({"5m": 0.2, "30m": 0.21, "3h": 0.2, "24h": 0.15}, "slow or old: even 24h shows it"),
        ({"5m": 0.02, "30m": 0.2, "3h": 0.2, "24h": 0.1}, "it goes away: the last 5m differ least"),
        ({"5m": 0.3, "30m": 0.3, "3h": 0.3, "24h": 0.3}, "watched for too short a time: 24h holds the same rows as 5m"),
        ({"5m": 0.3, "30m": 0.28, "3h": 0.1, "24h": 0.1}, "fast: all within the last 30m"),
        ({"5m": 0.02, "30m": 0.01, "3h": 0.01, "24h": 0.01}, ""),
        ({"5m": None, "30m": 0.3}, ""),
        ({"5m": math.nan, "30m": 0.3}, ""),
        ({}, ""),
    ],
)
def test_a_fast_move_and_a_slow_one_look_different(windows: dict[str, float | None], said: str) -> None:
    assert drift_words.pace(replace(PROMPT, windows=windows)) == said


def test_windows_without_rows_are_dashes() -> None:
    [line] = drift_chart.windows(replace(PROMPT, windows={"5m": 0.3, "30m": None}), LOOK, 80)
    assert bare(line).split() == ["5m", "━━━━━━━━", ".30", "30m", "–"]


@pytest.mark.parametrize("signal", [LEARNING, BLIND, STALE, IDLE])
def test_where_there_is_no_verdict_it_says_what_would_help(signal: Drift) -> None:
    helps = drift_words.remedy(signal)
    assert helps
    assert f"helps: {helps[:30]}" in detail(signal)
    assert f"helps    {helps}" in drift_explain.of_signal(DRIFT, signal)
    assert drift_words.remedy(PROMPT) == ""


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("ttft_seconds", 0.0012, "1.2ms"), ("ttft_seconds", -0.25, "-250ms"), ("duration_us", 1500.0, "1.5ms"), ("size_bytes", 2048.0, "2.0 KiB"),
        ("tokens", 1000.0, "1000"), ("tokens", 0.5, "0.5"), ("tokens", -20.5, "-20.5"), ("tokens", 1e-9, "1e-9"), ("tokens", None, "–"), ("tokens", math.inf, "∞"),
    ],
)  # fmt: skip
def test_values_have_the_unit_of_their_name(name: str, number: float | None, said: str) -> None:
    assert drift_words.value(told(name, "stable"), number) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.31, ".31"), (0.001, "<.01"), (0.0, ".00"), (1.0, "1.00"), (842.0, "842"), (-0.5, "-.50"), (math.nan, "–")]
)
def test_measures_in_few_characters(value: float, said: str) -> None:
    assert drift_words.small(value) == said


def test_bounds_are_never_shown_as_exact_numbers() -> None:
    assert drift_measures.written("ks", PROMPT) == ".31 .. .46"
    assert drift_measures.written("wasserstein", PROMPT) == "≥ 1187"
    assert drift_measures.written("psi", PROMPT) == ".61"
    assert drift_measures.written("ks", replace(PROMPT, bounds={"ks": (0.2, 0.2)})) == ".20"
    assert drift_measures.written("psi", replace(PROMPT, tests={"psi": Measured(None)})) == "–"


def test_measures_name_their_bins_and_their_base_and_mark_a_single_look() -> None:
    table = "\n".join(bare(line) for line in drift_measures.table(PROMPT, 160))
    assert "on 16 bins, nats, shares of at least 1e-4: population stability index" in table
    assert "on 16 bins, base 2, 0 to 1: Jensen-Shannon distance" in table
    assert "single look" in table
    assert "on 5 categories" in "\n".join(bare(line) for line in drift_measures.table(REASON, 160))
    assert drift_measures.table(told("x", "stable"), 80) == []
    assert "single look" not in "\n".join(bare(line) for line in drift_measures.table(replace(PROMPT, tests={"psi": Measured(0.1)}), 160))


def test_the_reference_tells_a_clock_time_not_seconds_since_1970() -> None:
    assert drift_words.origin(PROMPT, AT, utc=True) == "learned in 60 min before 05:22, by the hour of the day"
    assert drift_words.origin(replace(PROMPT, origin="file train.csv"), AT, utc=True) == "file train.csv"


def test_the_detail_says_everything() -> None:
    said = detail(PROMPT)
    for part in (
        "data drift, sudden, since 12:18 (2h04)", "KS ≥.31, 95 % .28 to .34", "40× beyond the false-alarm budget of one per 30 days", "CUSUM and EWMA are out",
        "finished_reason, amount of fraud", "1 row of 2.1 counts", "mean 617 → 1804", "what changed most", "change", "budget",
        "concept the truth changed", "a acknowledges its alert: somebody has seen it, and what is normal stays as it was",
    ):  # fmt: skip
        assert part in said
    assert said.splitlines()[1] == PROMPT.sentence


# -- what is drawn --------------------------------------------------------------------------------------------------------------------


def test_ends_that_hold_nothing_are_one_bin_and_no_share_is_lost() -> None:
    shares = Shares([1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.5, 0.5, 0.0, 0.0], [0.0, 0.001, 0.499, 0.5, 0.0, 0.0])
    bars = drift_shapes.joined(shares, 40)
    assert bars.edges == [2.0, 3.0, 4.0]
    assert bars.reference == [0.0, 0.5, 0.5, 0.0]
    assert sum(bars.now) == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 50))
def test_bars_keep_the_whole_of_both_sides(shares: list[float], most: int) -> None:
    other = list(reversed(shares))
    bars = drift_shapes.joined(Shares([float(i) for i in range(len(shares) - 1)], shares, other), most)
    assert sum(bars.reference) == pytest.approx(sum(shares))
    assert sum(bars.now) == pytest.approx(sum(other))
    assert len(bars.edges) == len(bars.reference) - 1
    assert len(bars.now) == len(bars.reference) <= most


def test_what_grew_and_what_shrank_is_marked_without_colour_too() -> None:
    canvas = Canvas(70, 9, ascii=True)
    used = drift_shapes.stacked(canvas, PROMPT)
    lines = list(canvas.lines())[:used]
    assert lines[-2].count("^") == 4
    assert lines[-2].count("v") == 3
    assert all(line.isascii() for line in lines)


def test_categories_are_bars_with_a_mark_at_the_reference() -> None:
    lines = [bare(line) for line in drift_shapes.parts(REASON, 80, 9)]
    assert lines[0].split()[:5] == ["stop", "81%", "→", "69%", "▾12"]
    assert lines[1].split()[:5] == ["new", "0%", "→", "8.0%", "▴8"]
    assert len(drift_shapes.parts(UGLY.drift[1], 80, 9)) == 9
    assert bare(drift_shapes.parts(UGLY.drift[1], 80, 9)[-1]).strip() == "… 24 more"


def test_shares_that_do_not_fit_together_draw_nothing() -> None:
    for shares in (Shares([1.0], [0.5, 0.5], [1.0]), Shares([], [], []), Shares([1.0], [math.nan, 0.5], [0.5, 0.5]), None):
        assert drift_shapes.stacked(Canvas(80, 9), replace(PROMPT, shares=shares)) == 0


def test_the_evidence_chart_has_the_budget_and_the_change() -> None:
    canvas = Canvas(80, 8)
    assert drift_chart.evidence(canvas, PROMPT, LOOK)
    text = "\n".join(canvas.lines())
    assert "budget ╌" in text
    assert "┊change" in text
    assert "100× " in text
    assert "1/10k" in text
    assert not drift_chart.evidence(Canvas(80, 8), replace(PROMPT, evidence_past=[(AT.timestamp(), 1.0)]), LOOK)


def test_w_narrows_the_evidence_chart_and_short_windows_show_all() -> None:
    spans = []
    for window in ("5m", "30m", "24h"):
        found = drift_chart.series(PROMPT, replace(LOOK, window=window))
        assert found is not None
        spans.append(round(found.step_s * (len(found.values) - 1)))
    assert spans == [13140, 1800, 13140]


def test_a_stretch_without_checks_is_a_gap() -> None:
    points = climb(60, -3.0, 1.0, 0.5)
    found = drift_chart.series(replace(PROMPT, evidence_past=points[:20] + points[40:]), LOOK)
    assert found is not None
    assert None in found.values


def test_early_charts_are_marked_small_and_are_no_state() -> None:
    early = replace(DRIFT, drift=[replace(DRIFT_FRAMES["stable"].drift[0], early=["CUSUM", "EWMA"])])
    row = next(line for line in screen(early, LOOK, 80, 24) if "target" in line and "KS" in line)
    assert "stable ▴" in row
    assert "0 of 1 drift" in screen(early, LOOK, 80, 24)[2]


def test_names_of_one_family_differ_at_their_end() -> None:
    rows = [line for line in screen(UGLY, LOOK, 80, 24) if "a_column" in line and "DRIFT" in line]
    assert len({line.split("DRIFT")[0] for line in rows[:2]}) == 2


@pytest.mark.parametrize("width", [56, 76, 80, 156])
def test_state_and_name_never_leave_the_table(width: int) -> None:
    canvas = Canvas(width, 20)
    drift_table.draw(canvas, DRIFT, LOOK, order.signals(DRIFT, LOOK), 0, focus=True)
    row = next(iter(canvas.lines()[1:]))
    assert "request_" in row
    assert "DRIFT" in row
    assert "KS ≥.31" in row


def test_that_no_drift_is_judged_stands_where_the_signals_would() -> None:
    broken = replace(DRIFT, drift=[], drift_why="drift is not judged: ImportError: numpy is broken")
    shown = "\n".join(screen(broken, LOOK, 80, 24))
    assert "drift is not judged: ImportError" in shown
    assert "no signal yet" not in shown


def test_filter_and_faults_only() -> None:
    assert [one.signal for one in order.signals(DRIFT, replace(LOOK, filter="target"))] == [REASON.signal]
    assert {one.state for one in order.signals(DRIFT, replace(LOOK, faults_only=True))} == {"drift", "watch", "stale"}
    assert "no signal fits the filter" in "\n".join(screen(DRIFT, replace(LOOK, filter="nowhere"), 80, 24))


# -- read out -------------------------------------------------------------------------------------------------------------------------


def test_what_is_read_out() -> None:
    lines = list(drift_lines.lines(DRIFT, utc=True))
    assert lines[0].endswith("budget one false alarm per 30 days over 11 signals")
    assert lines[1] == f"Drift {PROMPT.signal} of llama-70b: drift: {PROMPT.sentence}"
    assert lines[2] == "  data drift, sudden, since 12:18 (2h04)"
    assert lines[3].startswith("  effect KS at least .31, 95 % between .28 and .34. Evidence is 40× beyond")
    assert any(line.startswith("  stable: amount of fraud, ") for line in lines)
    assert "  learning: inter_token_latency_seconds of llama-70b (36%)" in lines
    assert list(drift_lines.lines(DRIFT_FRAMES["nothing"], utc=True)) == []
    for frame in DRIFT_FRAMES.values():
        assert all("\n" not in line for line in drift_lines.lines(frame, utc=True))


# -- keys -----------------------------------------------------------------------------------------------------------------------------


class Obeying(ScriptedFeed):
    """Remembers what it was told."""

    sent: list[Command]

    async def send(self, command: Command) -> Outcome:
        self.sent = [*getattr(self, "sent", []), command]
        return Outcome(ok=True, message="")


def pressed(frame: Frame, keys: list[str], size: tuple[int, int] = (100, 30)) -> tuple[View, str, list[Command]]:
    feed = Obeying([frame])
    app = MonitorApp(feed, theme.load("default-dark"), clock=frame.at.timestamp, utc=True)
    found: list[str] = []

    async def drive() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.press("3", *keys)
            await pilot.pause()
            found.extend(line.text for line in app.screen._compositor.render_strips())

    asyncio.run(drive())
    return app.view, "\n".join(found), getattr(feed, "sent", [])


def test_b_asks_first_and_says_that_it_is_no_acknowledgement() -> None:
    _, shown, sent = pressed(DRIFT, ["b"])
    assert "becomes what is normal" in shown
    assert "no acknowledgement" in shown
    assert sent == []
    assert pressed(DRIFT, ["b", "n"])[2] == []
    assert pressed(DRIFT, ["b", "y"])[2] == [MarkReference("llama-70b", PROMPT.signal)]
    view, _, sent = pressed(replace(DRIFT, drift=[LEARNING]), ["b", "y"])
    assert sent == []
    assert "still learning" in view.toast


def test_the_question_of_a_stable_signal_speaks_of_no_drift() -> None:
    assert any("Its drift ends" in line for line in question(DRIFT, PROMPT, utc=True))
    assert not any("drift" in line for line in question(DRIFT, told("x", "stable"), utc=True))


def test_a_acknowledges_the_alert_of_the_selected_signal() -> None:
    _, shown, sent = pressed(DRIFT, ["home", "a"])
    assert [getattr(command, "alert", None) for command in sent] == ["a9"]
    assert "acknowledged llama-70b drift request_prompt_tokens; u undoes" in shown
    assert [getattr(command, "alert", None) for command in pressed(DRIFT, ["down", "down", "a"])[2]] == ["a1"], "it has none: the worst"


def test_a_on_a_signal_that_follows_acknowledges_the_alert_of_its_leader_and_says_so() -> None:
    _, shown, sent = pressed(DRIFT, ["down", "a"])
    assert [getattr(command, "alert", None) for command in sent] == ["a9"]
    assert "acknowledged llama-70b drift request_prompt_tokens, which finished_reason follows; u undoes" in shown
    own = replace(DRIFT, alerts=[*DRIFT.alerts, replace(DRIFT.alerts[-1], id="own", target=REASON_NAME)])  # a rule of the user
    _, shown, sent = pressed(own, ["down", "a"])
    assert [getattr(command, "alert", None) for command in sent] == ["own"]
    assert "which" not in shown.splitlines()[-2]
    over = replace(DRIFT, alerts=[*DRIFT.alerts[:-1], replace(DRIFT.alerts[-1], state="resolved")])
    assert [getattr(command, "alert", None) for command in pressed(over, ["down", "a"])[2]] == ["a1"], "the leader's is over: the worst"


def test_who_follows_says_whom_and_since_when_and_who_leads_says_nothing_of_it() -> None:
    assert drift_words.follows(REASON, DRIFT, utc=True) == "request_prompt_tokens since 12:18"
    assert drift_words.follows(REASON, replace(DRIFT, drift=[REASON]), utc=True) == "request_prompt_tokens"
    assert drift_words.follows(PROMPT, DRIFT, utc=True) == drift_words.leads(PROMPT) == ""
    assert "follows   request_prompt_tokens since 12:18: one origin, one alert" in detail(REASON)
    assert "follows" not in detail(PROMPT)
    assert "a acknowledges the alert of request_prompt_tokens, which it follows: somebody has seen it" in detail(REASON, 160)


@pytest.mark.parametrize(("width", "said"), [(160, ", follows request_prompt_tokens since 12:18"), (120, ", follows request_prompt_tokens"),
                                             (80, "   follows request_prompt_tokens"), (60, "   follows")])  # fmt: skip
def test_the_line_over_the_detail_says_whom_it_follows_at_every_width(width: int, said: str) -> None:
    canvas = Canvas(width, 8)
    drift_detail.in_pane(canvas, DRIFT, REASON, View(utc=True))
    assert said in canvas.lines()[0]
    assert "follows" not in "".join(canvas.lines()[2:])


def test_the_louder_line_is_the_origin() -> None:
    rows = board.draw_board(DRIFT, View(focus="drift", zoom=True, utc=True), HISTORIES, 160, 45).rows()
    bold = {run.text.strip() for row in rows for run in row if run.bold}
    assert any("request_prompt_tokens" in text for text in bold)
    assert not any(text == "finished_reason" for text in bold)


def test_numbers_then_and_now_are_whole_or_not_there() -> None:
    wide, narrow = (Canvas(width, 12) for width in (100, 40))
    for canvas in (wide, narrow):
        drift_detail.in_pane(canvas, DRIFT, PROMPT, View(utc=True))
    assert any(line.rstrip().endswith("mean 617 → 1804") for line in wide.lines())
    (line,) = [line for line in narrow.lines() if line.startswith("p50")]
    assert line.rstrip() == "p50 412 → 1290   p95 1900 → 6200"


def test_enter_opens_the_detail_and_it_scrolls() -> None:
    _, shown, _ = pressed(DRIFT, ["enter"])
    assert "reference and now" in shown
    _, later, _ = pressed(DRIFT, ["enter", *["pagedown"] * 9])
    assert "what each cause means" in later
    _, shown, _ = pressed(DRIFT, ["e"])
    assert "cause    data drift" in shown


def test_what_is_looked_at_stays_selected() -> None:
    for key in ("enter", "e", "b"):
        assert pressed(DRIFT, [key, "escape"])[0].signal == order.signal_name(PROMPT)


def test_arrows_go_through_the_signals_in_their_order() -> None:
    assert pressed(DRIFT, ["down"])[0].signal == REASON_NAME
    assert pressed(DRIFT, ["down", "down", "up"])[0].signal == REASON_NAME
    assert pressed(DRIFT, ["end"])[0].signal == "fraud/embed_norm"
    assert pressed(DRIFT, ["w"])[0].window == "30m"


def test_a_signal_that_is_watched_would_be_a_drift() -> None:
    assert drift_words.history(TTFT, DRIFT, utc=True) == "would be system drift, since 14:16 (6m)"
    assert drift_words.history(replace(PROMPT, since=ago(days=2)), DRIFT, utc=True) == "data drift, sudden, since 19 Nov 14:22 (2d00)"
