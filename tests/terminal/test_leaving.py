"""Whatever ends the screen, the user's terminal is as it was, and soon."""

from __future__ import annotations

import os
import select
import signal
import termios
from pathlib import Path

import pytest

from .pty_screen import Screen

READY = "1 STALLED|STALLED +.*llama|llama +.*STALLED"


@pytest.mark.parametrize("keys", ["q", "\x03"], ids=["q", "ctrl+c"])
def test_leaving_on_purpose_says_goodbye(keys: str, tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.send(keys)
        assert screen.ended(2.0) == 0
        screen.assert_restored()
        assert (tmp_path / "mark").read_text() == "goodbye=True"
        assert screen.errors() == "returned 0\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_a_lost_screen_and_says_no_goodbye(number: int, code: int, tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.child.send_signal(number)
        assert screen.ended(2.0) == code
        screen.assert_restored()
        assert (tmp_path / "mark").read_text() == "goodbye=False"


@pytest.mark.parametrize("ignored", [False, True], ids=["SIGHUP delivered", "SIGHUP ignored, as under nohup"])
def test_a_vanished_terminal_ends_the_screen(ignored: bool, tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark"), ignore_hangup=ignored) as screen:
        screen.until(READY)
        os.close(screen._slave)
        os.close(screen.fd)
        assert screen.child.wait(timeout=2.0) == 129
        assert (tmp_path / "mark").read_text() == "goodbye=False"


def test_ctrl_c_from_outside_is_q(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.child.send_signal(signal.SIGINT)
        assert screen.ended(2.0) == 0
        screen.assert_restored()


def test_a_crash_restores_first_and_leaves_its_traceback_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "mark.log").symlink_to(tmp_path / "elsewhere")
    with Screen("crash", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.send("a")
        assert screen.ended(3.0) == 1
        screen.assert_restored()
        line, returned = screen.errors().splitlines()
        assert line.startswith("tui-monitor: the screen crashed: ")
        assert str(tmp_path / "mark.log") in line
        assert returned == "returned 1"
        assert "RuntimeError: a defect of ours" in line
        assert "Traceback" in (tmp_path / "mark.log").read_text()
        assert (tmp_path / "elsewhere").read_text() == "mine"
        assert "Traceback" not in screen.wire.decode()


def test_an_engine_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    with Screen("no-engine", str(tmp_path / "mark")) as screen:
        assert screen.ended(10.0) == 1
        screen.assert_restored()
        assert screen.errors().splitlines()[0] == "tui-monitor: no engine runs; start one"


def test_a_feed_that_will_not_close_does_not_keep_us(tmp_path: Path) -> None:
    with Screen("hanging-close", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.send("q")
        assert screen.ended(2.5) == 0
        screen.assert_restored()


def test_a_blocked_event_loop_does_not_keep_us(tmp_path: Path) -> None:
    with Screen("wedged", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.send("a")
        while not (tmp_path / "mark.sent").exists():
            screen.read(0.02)
        screen.child.send_signal(signal.SIGTERM)
        assert screen.ended(2.5) == 143
        screen.assert_restored()


@pytest.mark.parametrize("how", ["key", "signal"])
def test_a_reader_that_stopped_reading_does_not_keep_us(how: str, tmp_path: Path) -> None:
    """An SSH client that sleeps: the terminal takes nothing more, for as long as it likes."""
    with Screen("flood", str(tmp_path / "mark"), size=(160, 45)) as screen:
        screen.until(READY)
        for _ in range(40):  # frames come every 5 ms; nobody reads until the kernel's buffer is full
            os.sched_yield()
            select.select([], [], [], 0.05)
        if how == "key":
            screen.send("q")
        else:
            screen.child.send_signal(signal.SIGTERM)
        assert screen.ended(2.5, reading=False) == (0 if how == "key" else 143)
        assert termios.tcgetattr(screen._slave) == screen.before


def test_a_reader_that_comes_back_sees_the_newest_picture(tmp_path: Path) -> None:
    with Screen("flood", str(tmp_path / "mark"), size=(160, 45)) as screen:
        screen.until(READY)
        for _ in range(20):
            select.select([], [], [], 0.05)
        screen.send("4")
        screen.until("4 Alerts")
        screen.send("q")
        assert screen.ended(3.0) == 0
        screen.assert_restored()


def test_suspended_and_back(tmp_path: Path) -> None:
    with Screen("plain", str(tmp_path / "mark")) as screen:
        screen.until(READY)
        screen.send("\x1a")
        _, status = os.waitpid(screen.child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        while screen.read(0.05):
            pass
        screen.assert_restored()
        screen.picture.reset()  # the shell wrote over everything
        screen.child.send_signal(signal.SIGCONT)
        screen.until(READY)
        screen.send("q")
        assert screen.ended(2.0) == 0
        screen.assert_restored()
