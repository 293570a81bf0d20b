"""The control chart of Performance: centre, limits, and the numbers of broken rules; in words, without colour, at every size."""

from __future__ import annotations

from typing import Any

import pytest
from frames import AT, LLAMA, VIEW
from frames import INCIDENT as FRAME
from msgspec.structs import replace
from quality_frames import BESIDE
from test_app import play, press, text

from tui_monitor.engine.spc import controlled
from tui_monitor.model import History, HistoryQuery
from tui_monitor.ui import board
from tui_monitor.ui.panes import control
from tui_monitor.ui.view import Histories, Series, View, series_of

KEY = "token.rate.generated"
CALM = [
    1812,
    1790,
    1826,
    1803,
    1779,
    1795,
    1818,
    1788,
    1772,
    1801,
    1831,
    1808,
    1786,
    1799,
    1823,
    1815,
    1781,
    1768,
    1806,
    1792,
    1820,
    1797,
    1783,
    1811,
    1829,
    1794,
    1776,
    1804,
    1817,
    1789.0,
]
SEEN = replace(VIEW, focus="performance", target=LLAMA.name, control="nelson")


def histories(values: list[float | None], rules: control.Rules = "nelson") -> Histories:
    """What the engine would answer for these points of a minute."""
    end_s = AT.timestamp() // 60 * 60
    query = control.wanted(FRAME, LLAMA.name, KEY, "5m", 76, rules)
    assert (query.end_s, query.points) == (end_s, 30)

    def ask(asked: HistoryQuery) -> History:
        return History(asked.subject, asked.start_s, 60.0, {KEY: values})

    return series_of(controlled(query, ask, fine=False))


def screen(values: list[float | None], width: int = 80, height: int = 24, view: View = SEEN, **more: Any) -> str:
    return "\n".join(board.draw_board(FRAME, view, histories(values, view.control), width, height, **more).lines())


def lines_of_points(shown: str, point: str) -> int:
    """Points of the chart: they stand between its head and its words."""
    return shown.partition("control chart")[2].partition(": a point beyond")[0].count(point)


def test_a_calm_number_has_its_limits_and_is_in_control() -> None:
    shown = screen(CALM)
    assert "control chart, Nelson  1" in shown
    assert "a point 1 min" in shown
    assert "in control: no point breaks one of Nelson's eight rules" in shown
    assert shown.count("•") == 30
    assert shown.count("╌" * 40) >= 2
    assert "─" * 10 in shown


@pytest.mark.parametrize("ascii", [False, True])
@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 45), (140, 20)])
def test_points_that_break_a_rule_carry_its_number_and_words_say_which(size: tuple[int, int], ascii: bool) -> None:  # noqa: A002
    calm = screen(CALM, *size, ascii=ascii)
    shown = screen([*CALM[:-1], 400.0], *size, ascii=ascii)
    assert "1: a point beyond 3 sigma (1)" in shown
    assert "beyond 3 sigma" not in calm
    rules = histories([*CALM[:-1], 400.0])[LLAMA.name, KEY + " rule"].values
    marked = sum(bool(value) for value in rules)
    assert marked > 10
    plain = lines_of_points(shown, "*" if ascii else "•")
    assert lines_of_points(calm, "*" if ascii else "•") - plain == marked
    assert "1" in next(line for line in shown.splitlines() if " 400 " in line).rpartition(" 400 ")[2]
    if ascii:
        assert shown.isascii()


def test_without_enough_points_it_says_what_is_missing() -> None:
    shown = screen([None] * 25 + CALM[:5])
    assert "5 points of 1 min; limits need 10" in shown
    assert shown.count("•") == 5
    assert "╌" * 10 not in shown
    assert "no history yet" in "\n".join(board.draw_board(FRAME, SEEN, {}, 80, 24).lines())


def test_explain_says_what_it_is_its_limits_and_which_rules_when() -> None:
    said = "\n".join(board.explain_chosen(FRAME, SEEN, histories([*CALM[:-1], 400.0])))
    assert "control chart" in said
    assert "points   30 of 1 min each" in said
    assert "the mean of these points" in said
    assert "rule 1   a point beyond 3 sigma: 1 point, the last at 14:22" in said
    assert "never an alert" in said
    assert "control chart" not in "\n".join(board.explain_chosen(FRAME, replace(SEEN, control=""), histories(list(CALM))))


WESTERN = replace(SEEN, control="western")
RUN = [*CALM[:-9], 1810.0, 1815.0, 1809.0, 1812.0, 1816.0, 1811.0, 1813.0, 1810.0, 1806.0]  # ten above the centre


def test_the_rules_of_western_electric_mark_by_their_own_numbers_and_say_so() -> None:
    nelson, western = screen(list(RUN)), screen(list(RUN), view=WESTERN)
    assert "2: nine points in a row on one side of the centre (2)" in nelson
    assert "4: eight points in a row on one side of the centre (3)" in western
    assert "control chart, Western Electric  1" in western
    assert "in control: no point breaks one of Western Electric's four rules" in screen(CALM, view=WESTERN)


def test_the_head_leaves_out_what_does_not_fit_whole() -> None:
    head = [next(line for line in screen(CALM, width, view=WESTERN).splitlines() if "control chart, W" in line) for width in (80, 120)]
    assert "≤ 1862" in head[0]
    assert "a point" not in head[0]
    assert "…" not in head[0]
    assert ", a point 1 min" in head[1]


def test_explain_says_whose_rules_they_are_and_where_the_key_goes_on() -> None:
    said = "\n".join(board.explain_chosen(FRAME, WESTERN, histories(list(RUN), "western")))
    assert "rules    Western Electric's four rules; c ends the control chart" in said
    assert "rule 4   eight points in a row on one side of the centre: 3 points" in said
    said = "\n".join(board.explain_chosen(FRAME, SEEN, histories(list(RUN))))
    assert "rules    Nelson's eight rules; c goes on to those of Western Electric" in said


def test_points_are_whole_minutes_and_never_more_than_columns() -> None:
    for window, width in (("1m", 76), ("3h", 76), ("24h", 76), ("24h", 30), ("30m", 300)):
        query = control.wanted(FRAME, LLAMA.name, KEY, window, width)
        step_s = (query.end_s - query.start_s) / query.points
        assert step_s % 60 == 0
        assert query.end_s % step_s == 0
        assert query.end_s <= AT.timestamp()
        assert 10 <= query.points <= max(10, width - 8)
    assert not any(key.endswith(" rule") for query in board.history_wanted(FRAME, replace(SEEN, control=""), 80, 24) for key in query.keys)


def test_c_changes_the_chart_and_back_where_a_server_is_shown() -> None:
    async def script(app: Any, pilot: Any) -> None:
        await pilot.press("c")
        assert not app.view.control
        assert "first focus Performance: 2" in text(app)
        await pilot.press("2", "c")
        for _ in range(5):
            await pilot.pause()
        assert app.view.control
        assert "control chart" in text(app)
        assert (LLAMA.name, KEY + " rule") in app._histories
        assert "control chart, Nelson" in text(app)
        await pilot.press("c")
        for _ in range(5):
            await pilot.pause()
        assert "control chart, Western Electric" in text(app)
        assert (LLAMA.name, KEY + " western") in app._histories
        await pilot.press("c")
        await pilot.pause()
        assert "control chart, " not in text(app)

    play(script)
    press(["2", "c", "c", "c"], lambda app: None if not app.view.control else pytest.fail("still a control chart"))


def test_of_a_log_it_says_that_there_is_none() -> None:
    def check(app: Any) -> None:
        assert not app.view.control
        assert "control charts are of a server's numbers" in text(app)

    async def script(app: Any, pilot: Any) -> None:
        app.choose(focus="performance", log=BESIDE.quality[0].name)
        await pilot.press("c")
        await pilot.pause()
        check(app)

    play(script, BESIDE)


def test_a_series_of_one_value_has_no_marks() -> None:
    assert control.broken({}, LLAMA.name, KEY) == {}
    assert control.broken({(LLAMA.name, KEY + " rule"): Series(0.0, 60.0, [0.0, None, 3.0])}, LLAMA.name, KEY) == {1: [180.0], 2: [180.0]}
    assert "in control" in screen([5.0] * 30)
