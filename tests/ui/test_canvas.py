"""A canvas is a grid: whatever is painted, every line is exactly as wide as the canvas, for us and for the terminal."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_monitor.ui.widgets.canvas import Canvas, cell_width, cut, pad, text_width, wrap

WIDE = "模型"


@pytest.mark.parametrize(
    ("why", "text", "width", "expected"),
    [
        ("it fits", "abc", 3, "abc"),
        ("an ellipsis takes a cell", "abcd", 3, "ab…"),
        ("a wide character is never halved", "a模型b", 4, "a模…"),
        ("the half that does not fit goes", "模型", 3, "模…"),
        ("no room", "abc", 0, ""),
        ("one cell", "abc", 1, "…"),
    ],
)
def test_cut(why: str, text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected, why


@pytest.mark.parametrize("char", [*"a模한🚀ｱé±│━⣿▁✔✖▲◆◐●○⊘–—…×·°≥→", "\u0301", "\u200d"])
def test_our_widths_are_the_terminal_librarys(char: str) -> None:
    assert cell_width(char) == cell_len(char)


def test_pad_fills_and_aligns() -> None:
    assert (pad("7", 3, ">"), pad(WIDE, 5), pad("long one", 4)) == ("  7", "模型 ", "lon…")


def test_wrap_breaks_between_words_and_cuts_the_last_line() -> None:
    assert wrap("one two three four", 9, 2) == ["one two", "three fo…"]
    assert wrap("one two", 20, 2) == ["one two"]
    assert wrap("", 10, 2) == []


def test_put_clips_on_all_sides() -> None:
    canvas = Canvas(4, 1)
    assert canvas.put(-2, 0, "abcdefgh") == 6
    canvas.put(0, 5, "never seen")
    assert list(canvas.lines()) == ["cdef"]


def test_a_wide_character_at_the_edge_leaves_a_blank_half() -> None:
    canvas = Canvas(5, 2)
    canvas.put(4, 0, WIDE)
    canvas.put(-1, 1, WIDE)
    assert list(canvas.lines()) == ["     ", " 型  "]


def test_painting_over_half_a_wide_character_blanks_the_other_half() -> None:
    canvas = Canvas(4, 1)
    canvas.put(0, 0, WIDE)
    canvas.put(1, 0, "x")
    assert list(canvas.lines()) == [" x型"]


def test_control_and_format_characters_never_reach_the_terminal() -> None:
    canvas = Canvas(12, 1)
    canvas.put(0, 0, "a\x1b[2Jb\u202ec\x9b\u2028d")
    assert list(canvas.lines()) == ["a [2Jbc  d  "]


def test_marks_stay_with_their_character() -> None:
    canvas = Canvas(3, 1)
    canvas.put(0, 0, "e\u0301xy")
    assert [text_width(line) for line in canvas.lines()] == [3]
    assert canvas.lines()[0] == "e\u0301xy"


def test_a_band_stays_under_what_is_painted_later() -> None:
    canvas = Canvas(6, 1)
    canvas.band(0)
    canvas.put(1, 0, "ab", "crit", bold=True)
    assert [(run.text, run.role, run.bold, run.back) for run in canvas.rows()[0]] == [
        (" ", "text", False, "band"),
        ("ab", "crit", True, "band"),
        ("   ", "text", False, "band"),
    ]


def test_a_part_has_its_own_origin_and_edges() -> None:
    canvas = Canvas(6, 3)
    canvas.part(2, 1, 3, 1).put(-1, 0, "abcdef")
    assert list(canvas.lines()) == ["      ", "  bcd ", "      "]
    assert canvas.part(4, 0, 99, 99).width == 2


def test_a_box_says_its_key_its_title_and_a_remark() -> None:
    canvas = Canvas(30, 3)
    inside = canvas.box(key="1", title="Health", right="2 faults")
    assert list(canvas.lines()) == ["╭─ 1 Health ────── 2 faults ─╮", "│                            │", "╰────────────────────────────╯"]
    assert (inside.width, inside.height) == (26, 1)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, "────"), (None, "────"), (0.5, "━━──"), (0.6, "━━╸─"), (1.0, "━━━━"), (7.0, "━━━━"), (0.001, "╸───")]
)
def test_bar(share: float | None, expected: str) -> None:
    canvas = Canvas(4, 1)
    assert canvas.bar(0, 0, 4, share) == 4
    assert canvas.lines()[0] == expected


@example([(0, 0, "\u09be")], False)
@given(st.lists(st.tuples(st.integers(-5, 25), st.integers(-1, 4), st.text(max_size=30)), max_size=12), st.booleans())
def test_every_line_is_exactly_width_cells(painted: list[tuple[int, int, str]], plain: bool) -> None:
    canvas = Canvas(20, 4, ascii=plain)
    for x, y, text in painted:
        canvas.put(x, y, text)
    assert [cell_len(line) for line in canvas.lines()] == [20] * 4
    assert all(len(line) == 20 and line.isascii() and line.isprintable() for line in canvas.lines()) or not plain
