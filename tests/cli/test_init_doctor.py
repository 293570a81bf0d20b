"""`init` and `doctor`, and moments in a recording."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tui_monitor.cli import init
from tui_monitor.cli.main import main
from tui_monitor.cli.moments import moment_s
from tui_monitor.config import load, parse
from tui_monitor.model import Found

ROOT = Path(__file__).parents[2]
PAGE = b"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 0\n"


@pytest.fixture
def server() -> Iterator[str]:
    """Something that looks like vLLM."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE if self.path == "/metrics" else b'{"version": "0.9.1"}' if self.path == "/version" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        http.shutdown()


def test_what_init_found_is_accepted_by_check(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep" / "c.toml"
    command = [sys.executable, "-m", "tui_monitor", "init", "-o", str(path)]  # a process of its own: nobody discovers himself
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert f"wrote {path} with " in done.stdout
    assert any(target.url == server and target.kind == "vllm" for target in load(path, {})[0].targets)
    assert main(["check", str(path)]) == 0
    before = path.read_bytes()
    capsys.readouterr()
    assert main(["init", "-o", str(path)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"tui-monitor: {path} is there already; --force writes over it"
    assert path.read_bytes() == before
    assert main(["init", "-o", str(path), "--force"]) == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["c.toml"], "no unfinished file stays"


def test_init_into_a_place_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", "-o", str(tmp_path / "file" / "c.toml")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"tui-monitor: {tmp_path}/file")


@pytest.mark.parametrize("found", [[], [Found("a", "vllm", "http://127.0.0.1:8000")]])
def test_what_is_commented_out_is_right_too(found: list[Found]) -> None:
    text = init.written(found, "h\n[engine]\x1b")
    assert len(parse(text, "f").targets) == len(found)
    parse("\n".join(line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.splitlines()), "f")


def test_names_cannot_break_out_of_the_file() -> None:
    evil = Found(
        'a"\n[engine]\ngroup = "x', "triton", "http://127.0.0.1:8000", {"metrics": "http://127.0.0.1:8002/metrics"}, how="x\n[engine]"
    )
    read = parse(init.written([evil], "h").replace("\\n", " "), "f")
    assert len(read.targets) == 1
    assert read.engine.group == ""
    assert read.targets[0].urls == {"metrics": "http://127.0.0.1:8002/metrics"}


def test_the_doctor_names_every_check_with_a_grade(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    grades = {line.split()[1]: line.split()[0] for line in lines}
    assert {"python", "config", "terminal", "runtime", "state", "disk", "nvml", "proc", "psi", "discovery"} <= set(grades)
    assert set(grades.values()) <= {"PASS", "WARN", "FAIL"}
    assert code == (1 if "FAIL" in grades.values() else 0)
    assert grades["python"] == "PASS"


@pytest.mark.parametrize(
    ("why", "spoil", "id_", "grade"),
    [
        ("a wrong configuration", "config", "config", "FAIL"),
        ("a runtime directory that is a file", "runtime", "runtime", "FAIL"),
        ("a state directory that is a file", "state", "state", "WARN"),
    ],
)
def test_the_doctor_finds_what_is_wrong(
    why: str, spoil: str, id_: str, grade: str, places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if spoil == "config":
        (places / "config" / "tui-monitor").mkdir()
        (places / "config" / "tui-monitor" / "config.toml").write_text("nonsense = 1")
    else:
        (places / "a-file").write_text("")
        monkeypatch.setenv({"runtime": "XDG_RUNTIME_DIR", "state": "XDG_STATE_HOME"}[spoil], str(places / "a-file"))
    code = main(["doctor"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[1] == id_]
    assert line.startswith(grade), why
    assert " - " in line, "with a cure"
    assert code == (1 if grade == "FAIL" else code)


FIRST, LAST = (datetime(2026, 5, day, hour, 30, tzinfo=UTC).timestamp() for day, hour in ((1, 20), (2, 4)))


@pytest.mark.parametrize(
    ("text", "day", "hour", "minute", "second"),
    [
        ("2026-05-01T22:15", 1, 22, 15, 0),
        ("2026-05-02 00:15:30+02:00", 1, 22, 15, 30),
        ("2026-05-01T22:15:00Z", 1, 22, 15, 0),
        ("22:15", 1, 22, 15, 0),
        ("3:00:01", 2, 3, 0, 1),
        ("04:30", 2, 4, 30, 0),
        ("-1h30m", 2, 3, 0, 0),
    ],
)
def test_moments(text: str, day: int, hour: int, minute: int, second: int) -> None:
    assert moment_s(text, FIRST, LAST, UTC) == datetime(2026, 5, day, hour, minute, second, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("text", ["soon", "", "25:00", "-soon", "2026-13-01", "2026-05-03T00:00", "-9h", "2026-05-01T20:00"])
def test_no_moments(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|lies outside the file, which holds 2026-05-01 20:30:00 to 2026-05-02 04:30:00"):
        moment_s(text, FIRST, LAST, UTC)
