"""The whole program under a real terminal: screen, engine, and what is left when they have gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .pty_screen import Screen

PROGRAM = Path(__file__).with_name("program.py")
ROOT = Path(__file__).parents[2]
CONFIG = 'interval = "200ms"\n[discovery]\nenabled = false\n'


class Host:
    """Places of one test's instances, and the command line there."""

    def __init__(self, folder: Path) -> None:
        self.environ = {
            f"XDG_{name}": str(folder / part) for name, part in (("CONFIG_HOME", "c"), ("STATE_HOME", "s"), ("RUNTIME_DIR", "r"))
        }
        for path in self.environ.values():
            Path(path).mkdir(mode=0o700)
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG)

    def screen(self, *words: str, size: tuple[int, int] = (100, 30), **environ: str) -> Screen:
        return Screen("--config", str(self.config), *words, size=size, program=PROGRAM, **self.environ, **environ)

    def say(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tui_monitor", *words], cwd=ROOT, env=os.environ | self.environ, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def engine(self, instance: str = "default") -> dict[str, object] | None:
        done = self.say("engine", "status", "--json", "--instance", instance)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def until_screens(self, count: int, within_s: float = 20.0) -> None:
        """The engine says so in its next frame."""
        end_s = time.monotonic() + within_s
        while (told := self.engine() or {"screens": None})["screens"] != count:
            assert time.monotonic() < end_s, told
            time.sleep(0.05)

    def gone(self, instance: str = "default", within_s: float = 20.0) -> bool:
        end_s = time.monotonic() + within_s
        while self.engine(instance) is not None and time.monotonic() < end_s:
            time.sleep(0.1)
        return self.engine(instance) is None


@pytest.fixture
def host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="tm-", ignore_cleanup_errors=True) as folder:
        there = Host(Path(folder))
        yield there
        for instance in ("default", "demo"):
            there.say("engine", "stop", "--instance", instance)


def test_the_screen_starts_an_engine_and_q_ends_both(host: Host) -> None:
    with host.screen() as screen:
        screen.until("LIVE")
        host.until_screens(1)
        screen.send("q")
        assert screen.ended(10) == 0
        screen.assert_restored()
        assert screen.errors() == ""
    assert host.gone()


def test_two_screens_share_an_engine_and_the_first_q_does_not_end_it(host: Host) -> None:
    with host.screen() as first:
        first.until("LIVE")
        with host.screen() as second:
            second.until("LIVE")
            host.until_screens(2)
            first.send("q")
            assert first.ended(10) == 0
            assert host.engine() is not None
            second.send("q")
            assert second.ended(10) == 0
    assert host.gone()


def test_a_lost_screen_leaves_the_engine_watching(host: Host) -> None:
    with host.screen() as screen:
        screen.until("LIVE")
        screen.child.kill()
        screen.child.wait()
    told = host.engine()
    assert told is not None
    assert told["recording"] == "recording"
    with host.screen() as again:
        again.until("LIVE")
        assert host.engine()["pid"] == told["pid"], "the same one: an unbroken picture"
        again.send("q")
        assert again.ended(10) == 0
    assert host.gone()


def test_an_engine_that_was_killed_is_started_again(host: Host) -> None:
    with host.screen() as screen:
        screen.until("LIVE")
        first = host.engine()
        os.kill(int(first["pid"]), 9)
        end_s = time.monotonic() + 30
        while ((second := host.engine()) is None or second["pid"] == first["pid"]) and time.monotonic() < end_s:
            screen.read(0.1)
        assert second is not None
        assert second["pid"] != first["pid"]
        screen.until("LIVE")
        screen.send("q")
        assert screen.ended(10) == 0


@pytest.mark.parametrize(
    ("why", "content", "words", "code", "line"),
    [
        ("a wrong configuration", "intervall = 1", (), 78, "config.toml:1: intervall: unknown key (did you mean interval?)"),
        ("a theme that nobody has", CONFIG, ("--theme", "none-such"), 1, "no theme 'none-such'"),
    ],
)
def test_what_is_wrong_at_the_start_is_one_line_on_a_restored_terminal(
    why: str, content: str, words: tuple[str, ...], code: int, line: str, host: Host
) -> None:
    host.config.write_text(content)
    with host.screen(*words) as screen:
        assert screen.ended(15) == code, why
        screen.assert_restored()
        errors = screen.errors()
    assert line in errors
    assert errors.count("\n") == 1


def test_an_engine_that_cannot_start_says_why(host: Host) -> None:
    (Path(host.environ["XDG_RUNTIME_DIR"]) / "tui-monitor").write_text("in the way")
    with host.screen() as screen:
        assert screen.ended(20) == 1
        screen.assert_restored()
        errors = screen.errors()
    assert errors.startswith("tui-monitor: cannot make ")
    assert "set XDG_RUNTIME_DIR" in errors
    assert errors.count("\n") == 1


def test_a_snapshot_opens_in_the_same_screen(host: Host, tmp_path: Path) -> None:
    out = tmp_path / "s.sqlite"
    with host.screen() as screen:
        screen.until("LIVE")
        assert host.say("snapshot", "-o", str(out)).returncode == 0
        screen.send("q")
        assert screen.ended(10) == 0
    before = out.read_bytes()
    with host.screen("open", str(out)) as screen:
        screen.until("REPLAY")
        assert "LIVE" not in screen.text
        screen.send("q")
        assert screen.ended(10) == 0
        screen.assert_restored()
    assert out.read_bytes() == before
    assert host.gone(), "a replay starts no engine"


def test_the_demo_begins_and_leaves_no_process(host: Host) -> None:
    with host.screen("demo", "--scenario", "calm", size=(120, 40)) as screen:
        screen.until("✔ 2 OK", within_s=60)
        ports = [
            target["url"].rpartition(":")[2] for target in json.loads(host.say("--instance", "demo", "once", "--json").stdout)["targets"]
        ]
        assert len(ports) == 2
        screen.send("q")
        assert screen.ended(15) == 0
    assert host.gone("demo")
    end_s = time.monotonic() + 10
    while (left := _with(str(host.environ["XDG_STATE_HOME"]))) and time.monotonic() < end_s:
        time.sleep(0.1)
    assert not left


def _with(text: str) -> list[str]:
    """Command lines of this host that hold a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found
