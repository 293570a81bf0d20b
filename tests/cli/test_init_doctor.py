"""`init` and `doctor`, and moments in a recording."""

from __future__ import annotations

import os
import socket
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
from tui_monitor.collect import discover
from tui_monitor.collect.discover import Discovered
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import load, parse
from tui_monitor.model import Found, Orphan

ROOT = Path(__file__).parents[2]
PAGE = b"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 0\n"


@pytest.fixture
def server() -> Iterator[str]:
    """Something that looks like vLLM."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (
                PAGE
                if self.path == "/metrics"
                else b'{"version": "0.9.1"}'
                if self.path == "/version"
                else b"ok"
                if self.path == "/health"
                else b""
            )
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


@pytest.mark.parametrize(
    "found",
    [
        [],
        [Found("a", "vllm", "http://127.0.0.1:8000")],
        [Found(f"{kind}-{number}", kind, "http://127.0.0.1:8000", how="x", models=("m",) * number) for kind in KINDS for number in (0, 1)],
    ],
    ids=["nothing", "one", "every kind"],
)
def test_what_is_commented_out_is_right_too(found: list[Found]) -> None:
    text = init.written(found, "h\n[engine]\x1b")
    assert len(parse(text, "f").targets) == len(found)
    parse("\n".join(line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.splitlines()), "f")


def test_every_place_models_and_how_often_stand_in_the_file() -> None:
    urls = {"dashboard": "http://127.0.0.1:18265", "metrics": "http://127.0.0.1:18080/metrics"}
    found = [
        Found("apps", "ray-serve", "http://127.0.0.1:8000", urls, pid=7, how="process raylet (7)", container="docker 3f2a9c01b2d4"),
        Found("shop", "torchserve", "http://127.0.0.1:9080", {"management": "http://127.0.0.1:9999"}),
        Found("half", "tf-serving", "http://127.0.0.1:8501", models=("half", 'q"uoted')),
    ]
    text = init.written(found, "h")
    ray, shop, half = parse(text, "f").targets
    assert (ray.urls, shop.urls, half.models) == (urls, {"management": "http://127.0.0.1:9999"}, ["half", 'q"uoted'])
    assert "# process raylet (7), in docker 3f2a9c01b2d4\n" in text
    assert '#interval = "5s"' in text, "Ray's page changes seldom"
    assert '#metrics = "http://127.0.0.1:9082/metrics"' in text, "where it is by default"


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
    assert {"python", "config", "terminal", "runtime", "state", "disk", "nvml", "proc", "psi"} <= set(grades)
    assert {"server", "discovery"} & set(grades)
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


def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str, seen: Discovered | None = None) -> list[str]:
    """The doctor's lines about servers, with a configuration, when a look around brings `seen`."""

    async def looked(*_: object) -> Discovered:
        return seen or Discovered([], [], frozenset())

    monkeypatch.setattr(discover, "discover", looked)
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "tui-monitor"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(config)
    main(["doctor"])
    told = [line for line in capsys.readouterr().out.splitlines() if " - " in line or "PASS" in line]
    return [line for line in told if line.split()[1] in ("server", "discovery", "secret", "file_sd", "numbers", "orphan", "unseen")]


def test_the_doctor_says_why_a_server_is_silent_and_what_hides_its_numbers(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        refused = f"http://127.0.0.1:{unused.getsockname()[1]}"
    seen = Discovered(
        [
            Found("good", "vllm", server, pid=7, container="docker 3f2a9c01b2d4"),
            Found("mute", "mlserver", server, {"metrics": f"{server}/off"}, orphan=True, pid=8),
            Found("gone", "vllm", refused),
        ],
        ["triton (process 9) is in another network namespace - publish its port", "processes: hidden"],
        frozenset(),
        orphans=[Orphan(pid=5, name="VLLM::EngineCore", kind="vllm", ports=[1, 2])],
    )
    assert doctor(monkeypatch, capsys, "", seen) == [
        f"PASS server     good: vllm at {server}, process 7, docker 3f2a9c01b2d4, version 0.9.1",
        f"WARN server     mute: mlserver at {server}, process 8: does not say whether it is ready: 404 Not Found - if it is of another kind, set kind in [[targets]]",
        "WARN numbers    mute tells no numbers: its metrics page is switched off - needs metrics_endpoint=/metrics in settings.json",
        "WARN orphan     mute (process 8) serves on, but whoever started it is gone - nobody will start it again",
        f"WARN server     gone: vllm at {refused}: nobody listens on {refused[7:]} - it is starting, or it listens elsewhere: give its URL in [[targets]]",
        "WARN orphan     VLLM::EngineCore (process 5) was left behind by vllm and holds ports 1 2 - `kill 5` frees it",
        "WARN unseen     triton (process 9) is in another network namespace - publish its port",
    ]


def test_the_doctor_finds_secrets_that_cannot_be_read(
    places: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    config = (
        f'[[targets]]\nname = "a"\nurl = "http://u:hidden@127.0.0.1:1"\nkind = "vllm"\nbearer_token_file = "{places}/token"\n'
        f'[[targets]]\nname = "b"\nurl = "{server}"\nkind = "vllm"\nbearer_token_env = "NO_SUCH_TOKEN"\ntls = {{ca = "{places}/ca.pem"}}\n'
    )
    lines = doctor(monkeypatch, capsys, config)
    cure = "without it the server refuses us: make the file readable, or set the variable, for the user who runs the engine"
    assert lines[:3] == [
        f"FAIL secret     a: bearer_token_file {places}/token: No such file or directory - {cure}",
        f"FAIL secret     b: bearer_token_env NO_SUCH_TOKEN: is not set in the environment of the engine - {cure}",
        f"FAIL secret     b: tls.ca {places}/ca.pem: is not there - name a PEM file that can be read",
    ]
    assert "hidden" not in "".join(lines)


def test_the_doctor_reads_target_files(places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (places / "good.yml").write_text("- targets: [a:1, b:2]\n")
    (places / "bad.json").write_text('[\n{"targets": 7}]')
    lines = doctor(monkeypatch, capsys, f'[discovery]\nfile_sd = ["{places}/*.yml", "{places}/bad.json"]\n')
    assert lines[:2] == [
        "PASS file_sd    2 targets in the target files",
        f"WARN file_sd    {places}/bad.json:2: targets must be a list of host:port - correct the file; it is read again as soon as it changes",
    ]


def test_the_doctor_says_that_nothing_is_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(monkeypatch, capsys, "") == [
        "WARN discovery  no server of models was found on this host - start one, or name one under [[targets]]"
    ]
    assert doctor(monkeypatch, capsys, "[discovery]\nenabled = false\n") == ["PASS discovery  [discovery] is switched off"]


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
