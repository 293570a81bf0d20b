"""What goes over the wire: soon, no more than needed, and no colour where none is wanted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .pty_screen import COLOUR, SHOW, Screen

READY = "1 STALLED|STALLED +.*llama|llama +.*STALLED"


@pytest.mark.parametrize(
    ("why", "environ", "coloured"),
    [
        ("a terminal of today", {}, True),
        ("NO_COLOR", {"NO_COLOR": "1"}, False),
        ("a terminal without colour", {"TERM": "vt100", "COLORTERM": ""}, False),
        ("sixteen colours", {"TERM": "xterm-color", "COLORTERM": ""}, True),
        ("an empty NO_COLOR says nothing", {"NO_COLOR": ""}, True),
    ],
)
def test_colours_on_the_wire(why: str, environ: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark"), **environ) as screen:
        screen.until(READY)
        for keys, text in (("?", "Keys"), ("4A", "Acknowledge"), ("\x10", "Search"), ("t", "Model server"), ("/xy", "/xy")):
            screen.send(keys)
            screen.until(text)
            screen.send("\x1b")
            screen.until(text, gone=True)
        screen.send("\x03")
        assert screen.ended(2.0) == 0
        wire = screen.wire.decode()
        assert bool(COLOUR.search(wire)) == coloured, why
        if environ.get("TERM") == "xterm-color":
            assert not re.search(r"[34]8;[25];", wire)


@pytest.mark.parametrize(
    ("why", "environ", "output"),
    [
        ("stdout is a pipe", {"TERM": "xterm"}, subprocess.PIPE),
        ("TERM=dumb", {"TERM": "dumb"}, subprocess.PIPE),
        ("no TERM", {}, subprocess.PIPE),
    ],
)
def test_not_a_terminal_is_one_line(why: str, environ: dict[str, str], output: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SHOW), "plain", str(tmp_path / "mark")],
        stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SHOW.parents[2]), **environ},
    )  # fmt: skip
    assert done.returncode == 1, why
    assert done.stdout == ""
    assert re.fullmatch(r"tui-monitor: .*`tui-monitor once`.*--plain.*\n", done.stderr)


def test_a_dumb_terminal_is_left_alone(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark"), TERM="dumb") as screen:
        assert screen.ended(5.0) == 1
        assert screen.wire == b""
        assert "`tui-monitor once`" in screen.errors()


def test_numbers_of_the_host_come_before_everything_else(tmp_path: Path) -> None:
    with Screen("slow-engine", str(tmp_path / "mark")) as screen:
        screen.until(r"load +\d+\.\d\d .*memory +\d")
        assert len(screen.wire) < 600, "the pre-paint was not the first picture"
        screen.until(r"cpu +\d+%")  # the screen has taken over and goes on with the same lines
        screen.send("q")
        assert screen.ended(2.0) == 0
        screen.assert_restored()


def test_keys_typed_before_the_screen_is_there_are_not_lost(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark")) as screen:
        screen.send("?")
        screen.until("Keys")
        screen.send("\x1b")
        screen.until("Keys", gone=True)
        screen.send("q")
        assert screen.ended(2.0) == 0


def test_a_failing_import_gives_the_terminal_back(tmp_path: Path) -> None:
    with Screen("broken-import", str(tmp_path / "mark")) as screen:
        assert screen.ended(10.0) == 1
        screen.assert_restored()
        assert "textual" in screen.errors().splitlines()[0]


def test_another_size_is_another_layout(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark"), size=(80, 24)) as screen:
        screen.until(r"\[1 Health\]")
        screen.resize(160, 45)
        screen.until("(?s)1 Health.*2 Performance.*3 Drift.*4 Alerts")
        screen.until(r"(?s)^([^\n]*\n){44}[^\n]*q quit")
        screen.resize(20, 5)
        screen.until("STALLED")
        screen.send("q")
        assert screen.ended(2.0) == 0
        screen.assert_restored()


def test_a_click_focuses_a_pane(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark"), size=(160, 45)) as screen:
        screen.until("(?s)1 Health.*2 Performance.*3 Drift.*4 Alerts")
        row, column = next((y, line.index("4 Alerts")) for y, line in enumerate(screen.text.splitlines()) if "4 Alerts" in line)
        screen.send(f"\x1b[<0;{column + 1};{row + 2}M\x1b[<0;{column + 1};{row + 2}m")
        screen.until("u undo")
        screen.send("q")
        assert screen.ended(2.0) == 0


def test_steady_picture_sends_only_what_changed(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark"), size=(160, 45)) as screen:
        screen.until(READY)
        screen.until("count [1-9]")
        screen.wire = b""
        now = int(re.search(r"count (\d+)", screen.text)[1])
        screen.until(f"count {now + 10}\\b")
        assert len(screen.wire) < 10 * 700, "ten frames that differ in a few numbers"


def test_the_title_says_the_worst(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.until("count [1-9]")
        assert re.search(rb"\x1b\]2;[^\x07]*STALLED llama[^\x07]*\x07", screen.wire)
