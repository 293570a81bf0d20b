"""The cell diff leaves the same picture as Textual's own output, with a fraction of the bytes."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ComposeResult
from textual.containers import Grid
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import DataTable, Input, OptionList, Static

from tui_monitor.ui.terminal import Look, Shadow, change, look_of

SIZE = (60, 20)
RED, BLUE = Style.parse("red"), Style.parse("bold white on blue")


class Picture:
    """What a terminal shows after some output."""

    def __init__(self, columns: int = SIZE[0], rows: int = SIZE[1]) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.screen.set_mode(pyte.modes.LNM)
        self.screen.reset_mode(pyte.modes.DECAWM)
        self._stream = pyte.Stream(self.screen)
        self.received = 0

    def feed(self, text: str) -> None:
        self.received += len(text.encode())
        self._stream.feed(text)

    def cells(self) -> list[list[tuple[Any, ...]]]:
        """Every cell as a person sees it: of a blank only the background."""
        return [[_seen(row[x]) for x in range(self.screen.columns)] for row in (self.screen.buffer[y] for y in range(self.screen.lines))]


def _seen(cell: Any) -> tuple[Any, ...]:
    if cell.data in {" ", ""} and not cell.underscore and not cell.reverse:
        return (" ", cell.bg)
    return (cell.data or " ", cell.fg, cell.bg, cell.bold, cell.underscore, cell.reverse)


class Dialog(ModalScreen[None]):
    CSS = "Dialog { align: center middle; } Dialog Static { width: 23; height: 5; border: round red; background: $surface; }"

    def compose(self) -> ComposeResult:
        yield Static("a dialog 模型 over it")


class Zoo(App[None]):
    """Stock widgets of every sort, drawn in both ways at once."""

    CSS = "Grid { grid-size: 3 2; } Static, DataTable, OptionList { height: 1fr; border: solid green; }"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__()
        self.theirs, self.ours, self.shadow = Picture(), Picture(), Shadow()
        self.pen = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=SIZE[0], legacy_windows=False)
        self.updates = 0

    def compose(self) -> ComposeResult:
        with Grid():
            yield Static("one", id="one")
            yield Static(Text("模型 two 日本語 wide"), id="two")
            yield Static("[red]three[/red] [reverse]four[/reverse]", id="three")
            yield Input("typed", id="input")
            yield DataTable(id="table")
            yield OptionList("a", "b", "c", id="options")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("x", "y")
        for n in range(3):
            table.add_row(n, n * n)

    def _display(self, screen: Any, renderable: Any) -> None:
        if isinstance(renderable, LayoutUpdate | ChopsUpdate) and not self._batch_count:
            self.updates += 1
            self.theirs.feed(renderable.render_segments(self.pen))
            self.ours.feed(self.shadow.update(renderable, self.size))
        super()._display(screen, renderable)


def test_the_same_picture_as_textual_with_dialogs_resizes_and_wide_characters() -> None:
    async def drive() -> None:
        app = Zoo()
        async with app.run_test(size=SIZE) as pilot:
            steps: list[Any] = [
                lambda: app.query_one("#one", Static).update("changed"),
                lambda: app.query_one("#two", Static).update(Text("x模型 moved by one")),
                lambda: app.query_one("#two", Static).update(Text("模型 and back")),
                lambda: app.push_screen(Dialog()),
                lambda: app.screen_stack[0].query_one("#three", Static).update("under the dialog"),
                lambda: app.screen.query_one(Static).update("changed 型 text"),
                app.pop_screen,
                lambda: app.query_one(OptionList).action_cursor_down(),
                lambda: app.query_one(Input).insert("more", 0),
                lambda: app.query_one(DataTable).update_cell_at((1, 1), "77"),
                lambda: app.push_screen(Dialog()),
                app.pop_screen,
            ]
            for number, step in enumerate(steps):
                step()
                await pilot.pause()
                assert app.ours.cells() == app.theirs.cells(), f"after step {number}"
            assert app.updates > len(steps)
            assert app.ours.received * 3 < app.theirs.received
            app.theirs.screen.resize(15, 40)
            app.ours.screen.resize(15, 40)
            await pilot.resize_terminal(40, 15)
            await pilot.pause()
            assert app.ours.cells() == app.theirs.cells(), "after a resize"
            app.ours.screen.reset()  # the shell had the terminal
            app.ours.screen.reset_mode(pyte.modes.DECAWM)
            app.shadow.forget()
            app.screen.refresh()
            await pilot.pause()
            assert app.ours.cells() == app.theirs.cells(), "after a suspension"

    asyncio.run(drive())


def strip(text: str, style: Style | None = None) -> Strip:
    return Strip([Segment(text, style)])


def test_a_strip_that_was_covered_is_drawn_again_although_it_is_the_same_object() -> None:
    shadow, picture = Shadow(), Picture(8, 1)
    below, above = strip("aaaaaaaa"), strip("BB")
    for pieces in ([(0, 0, below)], [(3, 0, above)], [(0, 0, below)]):
        picture.feed(shadow.draw(pieces, (8, 1)))
    assert picture.screen.display == ["aaaaaaaa"]


def test_chops_outside_the_dirty_spans_are_not_drawn() -> None:
    shadow, picture = Shadow(), Picture(8, 1)
    picture.feed(shadow.draw([(0, 0, strip("aaaa")), (4, 0, strip("bbbb"))], (8, 1)))
    update = ChopsUpdate([{0: strip("AAAA"), 4: strip("????")}], [(0, 0, 4)], [[4, 8]])
    picture.feed(shadow.update(update, (8, 1)))
    assert picture.screen.display == ["AAAAbbbb"]


@pytest.mark.parametrize(
    ("why", "before", "after", "sent"),
    [
        ("nothing changed", "12:00:00", "12:00:00", ""),
        ("one digit", "12:00:00", "12:00:01", "\x1b[1;8H1"),
        ("two digits close by: repeating is shorter than jumping", "12:00:00", "12:01:01", "\x1b[1;5H1:01"),
        ("far apart: jump", "1       1", "2       2", "\x1b[1;1H2\x1b[7C2"),
    ],
)
def test_bytes(why: str, before: str, after: str, sent: str) -> None:
    shadow = Shadow()
    shadow.draw([(0, 0, strip(before))], (len(before), 1))
    assert shadow.draw([(0, 0, strip(after))], (len(before), 1)) == sent, why


def test_the_pen_is_kept_from_one_update_to_the_next() -> None:
    shadow = Shadow()
    shadow.draw([(0, 0, strip("1", RED))], (1, 1))
    assert shadow.draw([(0, 0, strip("2", RED))], (1, 1)) == "\x1b[1;1H2"
    shadow.forget()
    assert shadow.draw([(0, 0, strip("2", RED))], (1, 1)) == "\x1b[1;1H\x1b[m\x1b[31m2"


def test_without_colours_none_is_sent_and_the_marks_stay() -> None:
    shadow = Shadow(None)
    sent = shadow.draw([(0, 0, Strip([Segment("ab", BLUE), Segment("cd", Style.parse("reverse #ff0000"))]))], (4, 1))
    assert sent == "\x1b[1;1H\x1b[m\x1b[1mab\x1b[0;7mcd"


def test_control_characters_never_reach_the_terminal() -> None:
    sent = Shadow().draw([(0, 0, strip("a\x1b]0;x\x07\x9b1mb\u200b"))], (20, 1))
    assert "\x07" not in sent
    assert "\x9b" not in sent
    assert sent.count("\x1b") == 2  # the move and the reset that we wrote


def test_half_a_wide_character_at_the_edge_is_a_blank() -> None:
    shadow, picture = Shadow(), Picture(4, 1)
    picture.feed(shadow.draw([(0, 0, strip("abc模"))], (4, 1)))
    assert picture.screen.display == ["abc "]


def test_writing_over_one_half_of_a_wide_character_blanks_the_other() -> None:
    shadow, picture = Shadow(), Picture(6, 1)
    picture.feed(shadow.draw([(0, 0, strip("a模b  "))], (6, 1)))
    picture.feed(shadow.draw([(2, 0, strip("x"))], (6, 1)))
    assert picture.screen.display == ["a xb  "]
    picture.feed(shadow.draw([(0, 0, strip("a模b  "))], (6, 1)))
    assert [picture.screen.buffer[0][x].data for x in range(4)] == ["a", "模", "", "b"]
    picture.feed(shadow.draw([(1, 0, strip("y"))], (6, 1)))
    assert picture.screen.display == ["ay b  "]


def test_a_wide_character_over_the_first_half_of_another_leaves_no_half_behind() -> None:
    shadow, ours, fresh = Shadow(), Picture(6, 1), Picture(6, 1)
    red = Strip([Segment("11模1 ", RED)])
    pieces = [(0, 0, red.crop(0, 4)), (4, 0, red.crop(4))]
    ours.feed(shadow.draw([(0, 0, strip("1模模 "))], (6, 1)))
    ours.feed(shadow.draw(pieces, (6, 1)))
    fresh.feed(Shadow().draw(pieces, (6, 1)))
    assert ours.cells() == fresh.cells(), "the second strip must not take the half for its own"


_STYLES = [None, RED, BLUE, Style.parse("reverse"), Style.parse("underline green on #123456"), Style.parse("dim"), Style.parse("bold dim")]
_RUNS = st.lists(st.tuples(st.text("ab 12模e\u0301é…⣿", max_size=6), st.sampled_from(_STYLES)), max_size=5)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(_RUNS, _RUNS, st.integers(1, 11)), min_size=2, max_size=5))
def test_any_way_to_a_picture_is_the_picture(steps: list[tuple[Any, Any, int]]) -> None:
    shadow, ours = Shadow(), Picture(12, 2)
    for first, second, cut in steps:
        rows = [Strip([Segment(text, style) for text, style in runs]).adjust_cell_length(12) for runs in (first, second)]
        pieces = [(0, 0, rows[0].crop(0, cut)), (cut, 0, rows[0].crop(cut)), (0, 1, rows[1])]
        ours.feed(shadow.draw(pieces, (12, 2)))
        fresh = Picture(12, 2)
        fresh.feed(Shadow().draw(pieces, (12, 2)))
        assert ours.cells() == fresh.cells()


@pytest.mark.parametrize("before", ["", "1;31", "7;38;2;1;2;3;48;5;7", "2;4", "1;2;92;103"])
@pytest.mark.parametrize("after", ["", "1;31", "1", "7;38;2;1;2;3;48;5;7", "2", "4;35", "1;2;92;103"])
def test_a_change_of_pen_does_what_a_reset_would(before: str, after: str) -> None:
    step, fresh = Picture(2, 1), Picture(2, 1)
    step.feed(f"\x1b[0;{before}m" if before else "\x1b[m")
    if look_of(before) != look_of(after):
        step.feed(change(look_of(before), look_of(after)))
    fresh.feed(f"\x1b[0;{after}m" if after else "\x1b[m")
    assert step.screen.cursor.attrs == fresh.screen.cursor.attrs


def test_colours_are_what_the_terminal_can() -> None:
    orange = Style.parse("#ff8700")
    assert "38;2;255;135;0" in Shadow(ColorSystem.TRUECOLOR).draw([(0, 0, strip("x", orange))], (1, 1))
    assert look_of("38;5;208;48;2;1;2;3;1") == Look(frozenset({"1"}), "38;5;208", "48;2;1;2;3")


def test_full_updates_are_taken_apart_by_their_place() -> None:
    shadow, picture = Shadow(), Picture(6, 3)
    picture.feed(shadow.draw([(0, y, strip("......")) for y in range(3)], (6, 3)))
    picture.feed(shadow.update(LayoutUpdate([[strip("ab"), strip("cd")]], Region(1, 1, 4, 1)), (6, 3)))
    assert picture.screen.display == ["......", ".abcd.", "......"]
