"""The verbs around a running engine, with a real one in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui_monitor import __version__
from tui_monitor.cli import places as engine_places
from tui_monitor.cli.main import main
from tui_monitor.engine import paths

ROOT = Path(__file__).parents[2]
CONFIG = 'interval = "200ms"\n[discovery]\nenabled = false\n[[rules]]\nname = "always"\nwhen = "memory.used.ratio > 0%"\nfor = "0s"\nseverity = "warning"\n'
PATIENCE_S = 30.0


@pytest.fixture
def config(places: Path) -> Path:
    path = places / "config" / "tui-monitor" / "config.toml"
    path.parent.mkdir()
    path.write_text(CONFIG)
    return path


@pytest.fixture
def engine(config: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-W", "error", "-m", "tui_monitor", "engine"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        _until(lambda: paths.socket_path("default").exists() or process.poll() is not None)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def _until(true: object) -> None:
    """Poll another process; there is nothing else to wait for."""
    end_s = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < end_s:
        time.sleep(0.05)


def _alerts(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    main(["alerts", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    return list(answer["alerts"])


def test_status_says_what_runs_and_stop_ends_it(engine: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engine", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pid"] == engine.pid
    assert told["version"] == __version__
    assert told["instance"] == "default"
    assert told["socket"] == str(paths.socket_path("default"))
    assert told["screens"] == 0
    assert told["recording"] == "recording"
    assert {"uptime_s", "late_ticks", "cpu_ratio", "rss_bytes"} <= set(told)
    assert main(["engine", "status"]) == 0
    assert f"pid {engine.pid}\n" in capsys.readouterr().out

    assert main(["--read-only", "engine", "stop"]) == 1
    assert "read-only" in capsys.readouterr().err
    assert main(["engine", "stop"]) == 0
    assert engine.wait(PATIENCE_S) == 0
    capsys.readouterr()
    assert main(["engine", "stop"]) == 1
    assert capsys.readouterr().err == "tui-monitor: no engine of instance default runs\n"
    assert main(["engine", "status"]) == 1


def test_a_second_engine_is_refused_in_one_line(engine: subprocess.Popen[str]) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "tui_monitor", "engine"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1].startswith("tui-monitor: an engine of instance 'default' runs already")
    spawned = subprocess.run(
        [sys.executable, "-m", "tui_monitor", "engine", "--spawned"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (spawned.returncode, spawned.stderr) == (0, ""), "two screens at the same instant: both attach to the first engine"


def test_an_alert_is_listed_taken_given_back_and_kept(engine: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
    _until(lambda: any(alert["state"] == "firing" for alert in _alerts(capsys)))
    (alert,) = [one for one in _alerts(capsys) if one["rule"] == "always"]
    id_ = str(alert["id"])
    assert main(["alerts"]) == 1
    assert f"{id_} warning FIRING" in capsys.readouterr().out

    assert main(["ack", "zz-none", "-m", "me"]) == 1
    assert "no alert 'zz-none'; `tui-monitor alerts --all` lists them" in capsys.readouterr().err
    assert main(["ack", id_[:6], "-m", "looking at it", "--for", "2h"]) == 0
    assert "acked always" in capsys.readouterr().out
    (taken,) = [one for one in _alerts(capsys) if one["id"] == id_]
    assert taken["state"] == "firing"
    assert taken["acknowledged"]["comment"] == "looking at it"
    assert main(["alerts"]) == 0, "acknowledged: nothing fires that nobody has"
    assert "ACKED" in capsys.readouterr().out
    assert main(["once"]) == 0
    capsys.readouterr()

    os.kill(engine.pid, signal.SIGKILL)
    engine.wait(PATIENCE_S)
    assert main(["alerts"]) == 0
    out, err = capsys.readouterr()
    assert "looking at it" in out
    assert err.startswith("tui-monitor: nobody watches since ")

    assert main(["unack", id_]) == 0, "works on what was kept, without an engine"
    assert "unacked always" in capsys.readouterr().out
    assert main(["unack", id_]) == 1
    capsys.readouterr()
    assert main(["alerts"]) == 1
    capsys.readouterr()
    assert main(["ack", id_, "-m", "again"]) == 0
    assert main(["alerts"]) == 0
    with sqlite3.connect(paths.database_path("default")) as db:
        what = [row[0] for row in db.execute("SELECT what FROM journal WHERE episode = ? ORDER BY number", (id_,))]
    db.close()
    assert what[-3:] == ["acked", "unacked", "acked"]


def test_a_snapshot_is_written_once_and_never_over_another(
    engine: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.sqlite"
    _until(lambda: main(["engine", "status"]) == 0)
    capsys.readouterr()
    assert main(["snapshot", "-o", str(out), "--since", "30m"]) == 0
    assert str(out) in capsys.readouterr().out
    first = out.read_bytes()
    assert main(["snapshot", "-o", str(out)]) == 1
    assert capsys.readouterr().err == f"tui-monitor: {out} is there already; --force writes over it\n"
    assert out.read_bytes() == first
    assert main(["snapshot", "-o", str(out), "--force"]) == 0
    assert main(["engine", "stop"]) == 0
    assert main(["snapshot", "-o", str(tmp_path / "later.sqlite")]) == 0, "without an engine from what was recorded"
    for name in ("s.sqlite", "later.sqlite"):
        with sqlite3.connect(tmp_path / name) as db:
            assert db.execute("SELECT count(*) FROM frames").fetchone()[0] > 0
        db.close()
    capsys.readouterr()
    assert main(["open", str(out), "--at", "2001-01-01"]) == 64
    assert "lies outside the file" in capsys.readouterr().err


def test_once_asks_the_running_engine(engine: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["once", "--json", "--wait", "10s"]) in (0, 1)
    frame = json.loads(capsys.readouterr().out)
    assert frame["engine"]["pid"] == engine.pid


def test_sighup_reads_the_configuration_again_and_a_broken_one_changes_nothing(
    engine: subprocess.Popen[str], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = config.with_name("right.toml")
    right.write_text(CONFIG)

    def said(text: str) -> bool:
        main(["once", "--json", "--config", str(right)])
        return any(text in event["text"] for event in json.loads(capsys.readouterr().out)["events"])

    _until(lambda: said("watching began"))
    config.write_text(CONFIG + 'wen = "x"\n')
    engine.send_signal(signal.SIGHUP)
    _until(lambda: said("wen: unknown key (did you mean when?)"))
    assert said("wen: unknown key (did you mean when?)")
    assert engine.poll() is None
    config.write_text(CONFIG)
    engine.send_signal(signal.SIGHUP)
    _until(lambda: said("configuration read again"))
    assert said("configuration read again")


def test_stop_ends_a_program_that_does_not_understand_the_question(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An engine of another version: it closes the connection, or refuses. The signal reaches it by the kernel's word for who listens."""
    paths.make_runtime_dir()
    code = (
        "import socket, sys\ns = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\nprint('up', flush=True)\n"
        "while True:\n c, _ = s.accept(); c.close()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(paths.socket_path("default"))], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            assert main(["engine", "stop"]) == 0
            assert other.wait(PATIENCE_S) == -signal.SIGTERM
        finally:
            other.kill()


def test_a_socket_that_nobody_listens_at_is_no_engine(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths.make_runtime_dir()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(paths.socket_path("default")))
    dead.close()
    assert main(["engine", "status"]) == 1
    assert main(["engine", "stop"]) == 1
    assert capsys.readouterr().err == "tui-monitor: no engine of instance default runs\n" * 2


def test_an_engine_that_does_not_answer_is_unreadable(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths.make_runtime_dir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(paths.socket_path("default")))
        other.listen()
        threading.Thread(target=lambda: [other.accept()[0].close() for _ in range(3)], daemon=True).start()
        assert [main(["once"]), main(["alerts"]), main(["engine", "status"])] == [3, 3, 1]
    assert capsys.readouterr().err.count("\n") == 3


def test_a_runtime_directory_that_is_too_deep_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/tmp/" + 120 * "x")
    assert main(["engine", "status"]) == 1
    assert "too long for a socket; set XDG_RUNTIME_DIR" in capsys.readouterr().err


def test_the_command_that_starts_an_engine_does_not_import_what_lies_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = engine_places.engine_command("x", "c.toml", "--demo", "calm")
    assert command[:5] == [sys.executable, "-P", "-m", "tui_monitor", "engine"]
    assert command[5:] == ["--spawned", "--instance", "x", "--config", str(tmp_path / "c.toml"), "--demo", "calm"]
    monkeypatch.chdir(ROOT)
    assert "-P" not in engine_places.engine_command("x", None), "in a checkout the package is found by the directory"


def test_an_unknown_demo_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engine", "--demo", "storm"]) == 64
    assert "there is no scenario 'storm'" in capsys.readouterr().err


def test_where_nobody_ever_watched(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["alerts"]) == 3
    assert main(["ack", "x", "-m", "y"]) == 1
    assert main(["snapshot", "-o", str(tmp_path / "s")]) == 1
    assert [line.split(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "tui-monitor: nobody has ever watched instance default here",
        "tui-monitor: instance default has no alerts yet",
        f"tui-monitor: nothing was recorded yet in {paths.state_dir('default')}",
    ]
    assert not paths.state_dir("default").exists(), "asking leaves nothing behind"
