"""Quality on the screen: pictures, what tells a fast fall from a slow decay, sources that are never mixed, keys, and every size."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from frames import FRAMES, VIEW, ago, alert, histories
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from quality_frames import BESIDE, CHURN, ESTIMATED, HUGE, LOOK, NOTHING, PROBED, QUALITY, QUALITY_FRAMES, SOURCES, SPAM, quality_histories
from rich.cells import cell_len

from tui_monitor.engine.feed import ScriptedFeed
from tui_monitor.model import Estimate, ExplainProbe, Frame, Outcome, Performance, ProbeState, Quality
from tui_monitor.ui import board, theme
from tui_monitor.ui.app import MonitorApp
from tui_monitor.ui.dialogs.alert import past_of
from tui_monitor.ui.panes import (
    calibration,
    confusion,
    logs,
    probes,
    quality_detail,
    quality_explain,
    quality_facts,
    quality_table,
    written,
)
from tui_monitor.ui.panes.story import Line
from tui_monitor.ui.view import PANES, View
from tui_monitor.ui.widgets.canvas import text_width
from tui_monitor.ui.widgets.lines import scale

GOLDEN = Path(__file__).parent / "golden"
HISTORIES = histories() | quality_histories()


def screen(frame: Frame, view: View, width: int, height: int, *, plain: bool = False) -> list[str]:
    return list(board.draw_board(frame, view, HISTORIES, width, height, ascii=plain).lines())


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part if isinstance(part, str) else part[0] for part in line) for line in lines)


SCREENS = {
    "quality-160x45": (QUALITY, LOOK, 160, 45, False),
    "quality-160x45-zoom": (QUALITY, replace(LOOK, zoom=True), 160, 45, False),
    "quality-100x30": (QUALITY, LOOK, 100, 30, False),
    "quality-100x30-zoom-ascii": (QUALITY, replace(LOOK, zoom=True, slice="long"), 100, 30, True),
    "quality-80x24": (QUALITY, LOOK, 80, 24, False),
    "quality-60x16": (QUALITY, LOOK, 60, 16, False),
    "quality-60x15": (QUALITY, LOOK, 60, 15, False),
    "quality-decay-80x24": (QUALITY, replace(LOOK, log="churn", quality_window="24h"), 80, 24, False),
    "quality-regression-80x24": (QUALITY, replace(LOOK, log="price"), 80, 24, False),
    "quality-sources-100x30-zoom": (SOURCES, replace(LOOK, log="spam", zoom=True), 100, 30, False),
    "quality-estimated-80x24": (ESTIMATED, replace(LOOK, log="fraud"), 80, 24, False),
    "quality-nothing-80x24": (NOTHING, LOOK, 80, 24, False),
    "quality-huge-80x24": (HUGE, replace(LOOK, log=HUGE.quality[1].name), 80, 24, False),
    "quality-huge-160x45-zoom": (HUGE, replace(LOOK, log=HUGE.quality[1].name, zoom=True), 160, 45, False),
    "quality-beside-80x24": (BESIDE, LOOK, 80, 24, False),
    "quality-probe-100x30-zoom": (PROBED, replace(LOOK, log="golden", zoom=True), 100, 30, False),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str) -> None:
    """As the other golden screens: WRITE_GOLDEN=1 writes them anew."""
    frame, view, width, height, plain = SCREENS[name]
    drawn = "\n".join(line.rstrip() for line in screen(frame, view, width, height, plain=plain)) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(QUALITY_FRAMES)), st.integers(20, 220), st.integers(5, 60), st.sampled_from(PANES), st.booleans(), st.booleans(), st.booleans(),
    st.integers(0, 11), st.sampled_from(["5m", "24h", "all", "nothing"]), st.sampled_from(["", "spam", "!ok"]),
)  # fmt: skip
def test_any_size_is_drawn_and_every_line_fills_it(
    name: str, width: int, height: int, focus: str, zoom: bool, plain: bool, faults: bool, which: int, window: str, sieve: str
) -> None:
    frame = QUALITY_FRAMES[name]
    log = logs.every(frame)[which % len(logs.every(frame))]
    slices = [None, *logs.slices(frame, log)]
    view = replace(
        VIEW,
        focus=focus,
        zoom=zoom,
        faults_only=faults,
        log=log.name,
        quality_window=window,
        slice=slices[which % len(slices)],
        filter=sieve,
    )
    lines = screen(frame, view, width, height, plain=plain)
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}
    assert not plain or all(line.isascii() for line in lines)


# -- what the numbers say -------------------------------------------------------------------------------------------------------------


def strip(frame: Frame, log: Quality) -> str:
    return "".join(logs.GLYPHS[level][0] for _, level in logs.levels(frame, log, "labelled", log.key))


def test_a_fast_fall_is_bad_on_the_left_and_a_slow_decay_on_the_right() -> None:
    assert strip(QUALITY, SPAM) == "✖✖✔✔✔✔"
    slow = [
        replace(one, metrics={"accuracy": replace(one.metrics["accuracy"], breach=one.window == "24h", low=0.9, high=0.95)})
        for one in QUALITY.performance
        if one.name == "churn"
    ]
    assert strip(replace(QUALITY, performance=slow), CHURN) == "✔✔✔✖✔"


def test_a_young_log_does_not_look_like_a_slow_decay() -> None:
    def of(window: str, n: int, value: float) -> Performance:
        return Performance(
            name="spam",
            window=window,
            slice=None,
            n=n,
            coverage=1.0,
            metrics={"accuracy": Estimate(value, value - 0.02, value + 0.02, reference=0.9)},
        )

    young = replace(
        QUALITY, performance=[of("1m", 50, 0.5), of("5m", 200, 0.7), of("30m", 200, 0.7), of("24h", 200, 0.7), of("all", 200, 0.7)]
    )
    assert strip(young, SPAM) == "◐◐……◐"
    assert "younger" not in " ".join(screen(young, LOOK, 80, 24))
    said = "\n".join(quality_explain.of_number(young, SPAM, replace(LOOK, log="spam", quality_window="24h")))
    assert "young    the log is no older than a shorter window" in said
    assert "young  " not in "\n".join(quality_explain.of_number(young, SPAM, replace(LOOK, log="spam", quality_window="5m")))


@pytest.mark.parametrize(
    ("estimate", "key", "against", "level"),
    [
        (None, "accuracy", 0.9, "no value"),
        (Estimate(None), "accuracy", 0.9, "no value"),
        (Estimate(0.8, breach=True), "accuracy", None, "breach"),
        (Estimate(0.8, 0.7, 0.89), "accuracy", 0.9, "worse"),
        (Estimate(0.8, 0.7, 0.91), "accuracy", 0.9, "well"),
        (Estimate(0.8), "accuracy", None, "no reference"),
        (Estimate(0.8, breach=False), "accuracy", None, "well"),
        (Estimate(5.0, 4.5, 5.5), "mae", 4.0, "worse"),
        (Estimate(3.0, 2.5, 3.5), "mae", 4.0, "well"),
        (Estimate(3.0, 2.5, 3.5), "bias", 0.0, "well"),
        (Estimate(0.899, 0.8985, 0.8995, reference=0.9, floor=0.8, breach=False), "accuracy", 0.9, "well"),
        (Estimate(0.86, 0.859, 0.861, reference=0.9, floor=0.8, breach=False), "accuracy", 0.9, "worse"),
    ],
)
def test_how_a_number_stands(estimate: Estimate | None, key: str, against: float | None, level: str) -> None:
    assert logs.level(estimate, key, against) == level


def test_sources_stand_side_by_side_by_name_and_are_never_mixed() -> None:
    view = replace(LOOK, log="spam")
    lines = text(quality_table.table(SOURCES, view, SOURCES.quality[0], 96, 30).lines).splitlines()
    rows = {line.split()[0]: line for line in lines if line.strip()}
    assert "91.0%" in rows["✔"]
    assert "78.0%" in rows["estimated"]
    assert "91.7%" in rows["sampled"]
    assert "98.0%" in rows["probe"]
    assert "90.0%" in rows["given"]
    assert "78.0%" not in rows["✔"]
    told = {name: said for name, said, _ in quality_facts.facts(SOURCES, SOURCES.quality[0], replace(view, quality_window="24h"))}
    assert "assumes" in told["estimated"]
    assert "unchanged" in told["estimated"]
    assert "assumes" in told["sampled"]


def test_without_labels_the_estimate_says_loudly_that_it_is_one() -> None:
    drawn = "\n".join(screen(ESTIMATED, replace(LOOK, log="fraud"), 80, 24))
    assert "estimated from the scores alone" in drawn
    assert "no label is looked at" in drawn
    assert "estimated" in "\n".join(screen(ESTIMATED, LOOK, 80, 24)), "the line beside the servers' speed says so too"


def test_a_log_that_gets_nothing_says_why() -> None:
    drawn = "\n".join(screen(NOTHING, LOOK, 80, 24))
    assert "nothing new: /var/log/fraud.jsonl: no such file, for 3 min" in drawn
    assert "iban (locked" in drawn


def test_a_bad_log_is_shown_first_while_the_servers_are_well_and_a_stalled_server_before_it() -> None:
    assert logs.chosen(QUALITY, LOOK) is not None
    assert logs.chosen(BESIDE, LOOK) is None
    assert "FALLING" in "\n".join(screen(BESIDE, LOOK, 80, 24)), "but it has its line there"
    assert logs.chosen(QUALITY, replace(LOOK, target="qwen-7b")) is None
    assert logs.chosen(QUALITY, replace(LOOK, target="qwen-7b", log="price")).name == "price"


def test_tab_counts_logs_that_are_not_well() -> None:
    assert "2 Perf 2" in screen(QUALITY, replace(VIEW, focus="health"), 80, 24)[1]


def test_the_smallest_screen_names_a_falling_log() -> None:
    assert any("spam" in line and "FALLING" in line for line in screen(QUALITY, VIEW, 40, 12))


def test_several_estimates_stand_side_by_side_each_with_its_assumption() -> None:
    first = next(one for one in ESTIMATED.performance if one.window == "30m" and one.source == "estimated")
    silent = replace(
        first, metrics={"accuracy": Estimate(None, source="estimated")}, why="fewer than 100 rows of the reference fit", assumption=""
    )
    other = replace(
        first, metrics={"accuracy": Estimate(0.88, source="estimated")}, assumption="assumes that each slice keeps its accuracy, unchanged"
    )
    rest = [one for one in ESTIMATED.performance if one is not first]
    frame = replace(ESTIMATED, performance=[*rest, silent, first, other])
    told = [said for name, said, _ in quality_facts.facts(frame, frame.quality[0], replace(LOOK, log="fraud")) if name == "estimated"]
    assert [said.partition(" ")[0] for said in told] == ["fewer", "86.0%", "88.0%"]
    assert "each slice keeps" in told[2]
    assert "86.0%" in text(quality_table.table(frame, LOOK, frame.quality[0], 80, 9).lines), "the first that says something"


@pytest.mark.parametrize(
    ("labels", "key", "where"),
    [
        ({"source": "spam", "basis": "labelled"}, "accuracy[5m]", ("quality:spam", "accuracy[5m]")),
        ({"source": "spam", "basis": "estimated", "slice": "long"}, "f1", ("quality:spam/long", "f1[30m] estimated")),
        ({"source": "spam", "window": "24h"}, "n.labelled", ("quality:spam", "n.labelled[24h]")),
        ({"source": "spam"}, "", None),
    ],
)
def test_an_alert_about_quality_finds_the_past_of_its_number(labels: dict[str, str], key: str, where: tuple[str, str] | None) -> None:
    made = alert(
        1,
        "quality",
        "warning",
        "firing",
        "spam",
        ago(minutes=1),
        kind="slice" if "slice" in labels else "performance",
        labels=labels,
        key=key,
    )
    assert past_of(made) == where


def test_windows_stand_by_their_length() -> None:
    more = [*QUALITY.performance, *(replace(QUALITY.performance[0], window=window) for window in ("1m", "7d", "odd"))]
    assert logs.windows(replace(QUALITY, performance=more), "spam") == ["1m", "5m", "30m", "3h", "24h", "7d", "odd", "deploy", "all"]


def test_a_young_engine_has_a_short_chart() -> None:
    young = replace(QUALITY, engine=replace(QUALITY.engine, started_at=ago(minutes=2)))
    [query] = [one for one in board.history_wanted(young, LOOK, 80, 24) if one.subject.startswith("quality")]
    assert query.end_s - query.start_s == pytest.approx(300)
    [query] = [one for one in board.history_wanted(young, replace(LOOK, replay=True), 80, 24) if one.subject.startswith("quality")]
    assert query.end_s - query.start_s == pytest.approx(10800)


def test_charts_ask_for_the_windows_number_its_interval_and_the_long_run() -> None:
    [query] = [
        one for one in board.history_wanted(QUALITY, replace(LOOK, quality_window="30m"), 80, 24) if one.subject.startswith("quality")
    ]
    assert query.subject == "quality:spam"
    assert query.keys == ["accuracy[30m]", "accuracy[30m].low", "accuracy[30m].high", "accuracy[all]"]
    assert query.end_s - query.start_s == pytest.approx(10800)
    [sliced] = [one for one in board.history_wanted(QUALITY, replace(LOOK, slice="long"), 80, 24) if one.subject.startswith("quality")]
    assert sliced.subject == "quality:spam/long"
    [query] = [one for one in board.history_wanted(ESTIMATED, replace(LOOK, log="fraud"), 80, 24) if one.subject.startswith("quality")]
    assert query.keys[0] == "accuracy[30m] estimated"
    assert query.keys[1] == "accuracy[30m] estimated.low"


@pytest.mark.parametrize(
    ("values", "share", "ends"),
    [
        ([0.93, 0.94], True, (0.925, 0.945)),
        ([0.0, 1.0], True, (0.0, 1.0)),
        ([0.999, 1.0], True, (0.985, 1.0)),
        ([], True, (0.0, 1.0)),
        ([120.0, 160.0], False, (120.0, 160.0)),
    ],
)
def test_a_scale_begins_where_the_values_are(values: list[float], share: bool, ends: tuple[float, float]) -> None:
    made = scale(values, share=share)
    assert made.low <= min(values, default=0.0)
    assert made.high >= max(values, default=1.0) - 1e-9
    assert (made.low, made.high) == pytest.approx(ends, abs=0.011)


def test_names_that_differ_at_the_end_are_told_apart() -> None:
    names = {written.short(log.name, 20) for log in HUGE.quality}
    assert len(names) == len(HUGE.quality)
    assert all(text_width(name) <= 20 for name in names)


# -- confusion, calibration, probes ------------------------------------------------------------------------------------------------------


def test_a_confusion_matrix_says_what_was_found_and_what_was_right() -> None:
    drawn = text(confusion.lines([[90, 10], [5, 895]], ["ham", "spam"], 60, 10))
    assert "PREDICTED AS" in drawn
    assert drawn.splitlines()[2].split() == ["ham", "90", "10", "90%"]
    assert drawn.splitlines()[-1].split() == ["right", "95%", "99%"]


def test_a_hundred_classes_become_the_pairs_that_are_confused_most() -> None:
    matrix = [[500 if i == j else 0 for j in range(100)] for i in range(100)]
    matrix[3][7] = 60
    drawn = text(confusion.lines(matrix, [f"c{i}" for i in range(100)], 70, 8)).splitlines()
    assert len(drawn) == 2
    assert "60 of 50.1k rows" in drawn[0]
    assert drawn[1].split()[:4] == ["60", "c3", "as", "c7"]
    assert "no label yet" in text(confusion.lines([[0, 0], [0, 0]], ["a", "b"], 60, 8))


def test_a_calibration_plot_needs_room_and_keeps_its_width() -> None:
    plot = next(one.calibration for one in QUALITY.performance if one.calibration is not None)
    assert calibration.lines(plot, 30, 12) == []
    assert calibration.lines(plot, 80, 5) == []
    drawn = text(calibration.lines(plot, 80, 12))
    assert drawn.splitlines()[-2].split() == ["score", "0", ".1", ".2", ".3", ".4", ".5", ".6", ".7", ".8", ".9"]
    assert all(text_width(line) <= 80 for line in drawn.splitlines())


def test_probes_tell_what_changed_and_which_inputs_matter() -> None:
    drawn = text(probes.lines(PROBED, PROBED.probes[0], LOOK, 100))
    assert "✖ q-17  right, now wrong" in drawn
    assert "no refund → refund" in drawn
    assert "7 without an answer, not counted as wrong: timeout 7" in drawn
    rows = [line for line in drawn.splitlines() if "points" in line]
    assert rows[0].split()[0] == "amount"
    assert "━" in rows[0]
    assert "may be chance" in rows[1]
    asking = replace(PROBED.probes[0], explaining=(50, 200))
    assert "50 of at most 200 requests" in text(probes.importances(PROBED, asking, LOOK, 100))


# -- detail and explanation ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(QUALITY_FRAMES))
@pytest.mark.parametrize("width", [40, 77, 103])
def test_the_detail_of_every_log_is_drawn(name: str, width: int) -> None:
    frame = QUALITY_FRAMES[name]
    for log in logs.every(frame)[:3]:
        lines = text(quality_detail.of_log(frame, log, replace(LOOK, log=log.name), width)).splitlines()
        assert lines[0][0] in "✖▲✔?"
        if width > 40:
            assert max(map(text_width, lines)) <= width, max(lines, key=text_width)


def test_the_detail_has_all_of_it() -> None:
    said = text(quality_detail.of_log(QUALITY, SPAM, replace(LOOK, log="spam"), 103))
    for part in (
        "✖ FALLING since 14:13:07", "judged by accuracy", "positive is spam", "labelled: true labels", "classes", "PRECISION", "confusion", "calibration", "slices over 30m",
        'tag == "nlp"', "groups held against each other", "recall of lang == de minus lang == en: -8.0 points (-10.0 to -6.0); ratio 0.91 (0.88 to 0.94)", "on the same rows",
        "of base model: +2.9 points", "may be chance", "deploys", "v7", "duplicate 12", "email, name (locked", "below its floor",
    ):  # fmt: skip
        assert part in " ".join(said.split()), part


def test_e_explains_a_number_in_full() -> None:
    said = "\n".join(quality_explain.of_number(QUALITY, SPAM, replace(LOOK, log="spam", quality_window="30m")))
    for part in (
        "means    Share of labelled predictions that were right.", "unit     share, 0 to 1", "formula  right / labelled", "value    80.1%", "between  78.4% and 81.8%", "Wilson's",
        "window   13:52:07 to 14:22:07", "rows     2480 predictions, 2182 of them labelled (88%)", "they come 31 s after", "rests on labelled: true labels",
        "vs       93.1% of the first 20,000 labelled rows", "floor    90.0%: mean - 3 sd", "it is below",
    ):  # fmt: skip
        assert part in said, part


def test_e_says_why_there_is_no_number_and_what_an_estimate_assumes() -> None:
    said = "\n".join(quality_explain.of_number(NOTHING, NOTHING.quality[0], LOOK))
    assert "absent   /var/log/fraud.jsonl: no such file" in said
    said = "\n".join(quality_explain.of_number(ESTIMATED, ESTIMATED.quality[0], LOOK))
    assert "assumes  that only the inputs moved" in said
    assert "then Wilson's" in said
    others = "\n".join(quality_explain.of_number(SOURCES, SOURCES.quality[0], replace(LOOK, log="spam", quality_window="24h")))
    assert "also     estimated 92.5%" in others
    assert "also     probe 98.5%" in others


# -- keys ------------------------------------------------------------------------------------------------------------------------------------


class Asked(ScriptedFeed):
    """Remembers the commands."""

    sent: list[object]

    async def send(self, command: object) -> Outcome:
        self.sent = [*getattr(self, "sent", []), command]
        return Outcome(ok=True, message="done")


def pressed(frame: Frame, keys: list[str], size: tuple[int, int] = (100, 30)) -> tuple[View, str, list[object]]:
    feed = Asked([frame])
    app = MonitorApp(feed, theme.load("default-dark"), clock=frame.at.timestamp, utc=True)
    found: list[str] = []

    async def drive() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.press("2", *keys)
            await pilot.pause()
            found.extend(line.text for line in app.screen._compositor.render_strips())

    asyncio.run(drive())
    return app.view, "\n".join(found), getattr(feed, "sent", [])


def test_full_stop_and_comma_go_through_the_numbers() -> None:
    assert pressed(QUALITY, ["full_stop"])[0].quality_key == "precision"
    assert pressed(QUALITY, ["full_stop", "comma"])[0].quality_key == "accuracy"
    assert pressed(BESIDE, ["full_stop"])[0].metric == "token.rate.generated"


def test_w_goes_through_the_windows_of_a_log_and_of_a_server() -> None:
    assert pressed(QUALITY, ["w"])[0].quality_window == "3h"
    assert pressed(QUALITY, ["w", "w", "w", "w", "w"])[0].quality_window == "5m"
    assert pressed(BESIDE, ["w"])[0].window == "30m"


def test_brackets_go_through_the_slices_and_esc_ends_that() -> None:
    assert pressed(QUALITY, ["right_square_bracket"])[0].slice == "tag == nlp", "the worst first"
    assert pressed(QUALITY, ["left_square_bracket"])[0].slice == "lang == de"
    assert pressed(QUALITY, ["right_square_bracket", "left_square_bracket"])[0].slice is None
    assert pressed(QUALITY, ["right_square_bracket", "escape"])[0].slice is None
    assert "has no slice" in pressed(QUALITY, ["down", "right_square_bracket"])[0].toast


def test_arrows_go_through_logs_and_servers() -> None:
    assert pressed(QUALITY, ["down"])[0].log == "churn"
    view, _, _ = pressed(QUALITY, ["right", "right", "right"])
    assert (view.log, view.target) == (None, "llama-70b")
    view, shown, _ = pressed(BESIDE, ["left"])
    assert view.log == "price"
    assert "mae" in shown


def test_t_lists_servers_and_logs() -> None:
    _, shown, _ = pressed(BESIDE, ["t"])
    assert "llama-70b" in shown
    assert "log, binary" in shown
    assert "FALLING" in shown
    assert pressed(BESIDE, ["t", "end", "enter"])[0].log == "price"


def test_health_chooses_a_server_again() -> None:
    view, _, _ = pressed(BESIDE, ["left", "1", "down"])
    assert view.log is None


def test_enter_opens_the_detail_and_it_scrolls() -> None:
    _, shown, _ = pressed(QUALITY, ["enter"])
    assert "judged by accuracy" in shown
    _, later, _ = pressed(QUALITY, ["enter", *["pagedown"] * 12])
    assert "deploys" in later


def test_importances_are_asked_only_where_that_is_allowed() -> None:
    view, _, sent = pressed(QUALITY, ["i"])
    assert sent == []
    assert "golden questions" in view.toast
    shown = replace(PROBED, performance=[], quality=[], targets=[])
    assert pressed(shown, ["i"])[2] == [ExplainProbe("golden", None)]
    assert pressed(shown, ["I"])[2] == [ExplainProbe("golden", "q-17")]
    refused: list[ProbeState] = [replace(PROBED.probes[0], explains="explain = false")]
    view, _, sent = pressed(replace(shown, probes=refused), ["i"])
    assert sent == []
    assert "explain = false" in view.toast
    assert pressed(replace(shown, probes=[replace(PROBED.probes[0], explaining=(3, 9))]), ["i"])[2] == [ExplainProbe("golden", stop=True)]


def test_a_frame_that_says_the_same_draws_nothing_new() -> None:
    later = replace(QUALITY, seq=QUALITY.seq + 1, performance=list(QUALITY.performance))
    one = board.draw_board(QUALITY, LOOK, HISTORIES, 160, 45).rows()
    two = board.draw_board(later, LOOK, HISTORIES, 160, 45).rows()
    assert one == two


def test_frames_of_before_have_no_quality_and_are_shown_all_the_same() -> None:
    assert logs.every(FRAMES["incident"])[0].name == "fraud"
    assert "fraud" in "\n".join(screen(FRAMES["incident"], LOOK, 80, 24))
