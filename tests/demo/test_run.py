"""The demo as real processes: it starts, answers, says what to watch, and leaves nothing behind, however it ends."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import tui_monitor
from tui_monitor.collect.predictions import LogTail
from tui_monitor.collect.servers.exporter import exporter_kind
from tui_monitor.config import RuleSettings, Settings
from tui_monitor.demo.rows_file import RowsFile
from tui_monitor.demo.run import FILES, Demo, DemoFailed
from tui_monitor.model import LogRows

SAME_CODE = os.environ | {"PYTHONPATH": str(Path(tui_monitor.__file__).parent.parent)}
PARENT = """
import json, sys, time
from pathlib import Path
from tui_monitor.demo.run import Demo
demo = Demo("calm", 1.0, Path(sys.argv[1]))
demo.start()
print(json.dumps(demo.pids), flush=True)
time.sleep(60)
"""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    one = Demo("calm", 1.0, tmp_path)
    one.start()
    yield one
    one.stop()


def gone(descriptors: list[int], within_s: float) -> bool:
    """Whether all of these processes end in time; waits for the kernel to say so."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    left = set(descriptors)
    while left:
        ended = poll.poll(within_s * 1000)
        if not ended:
            return False
        for descriptor, _ in ended:
            poll.unregister(descriptor)
            left.discard(descriptor)
    return True


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def test_it_answers_and_is_named_in_its_command_line(demo: Demo, tmp_path: Path) -> None:
    settings = demo.settings(Settings())
    generator, classifier = settings.targets
    assert b"vllm:num_requests_running" in get(generator.url + "/metrics")
    assert json.loads(get(generator.url + "/v1/models"))["data"][0]["owned_by"] == "vllm"
    page = get(classifier.url + "/metrics").decode()
    for pid in demo.pids.values():
        assert b"tui_monitor.demo." in Path(f"/proc/{pid}/cmdline").read_bytes()
    for family in ("classifier_requests_total", "classifier_request_seconds", "classifier_requests_in_flight"):
        assert f"# TYPE {family} " in page


def test_what_the_engine_is_told(demo: Demo, tmp_path: Path) -> None:
    mine = RuleSettings(name="mine", when="latency.p95 > 1s")
    settings = demo.settings(Settings(rules=[mine]))
    generator, classifier = settings.targets
    assert (generator.kind, classifier.kind, settings.discovery.enabled, settings.recording.enabled) == ("vllm", "prometheus", False, True)
    assert settings.rules == [mine]  # at the usual speed the built-in rules stand
    says = exporter_kind(classifier).says
    assert {"request.rate", "error.ratio", "latency.p95"} <= set(says.measures)
    (log,) = settings.predictions
    assert Path(log.path).parent == Path(log.labels.path).parent == tmp_path


def test_the_log_is_read_with_its_features_and_its_late_labels(demo: Demo, tmp_path: Path) -> None:
    settings = demo.settings(Settings())
    url = settings.targets[1].url + "/predict"
    request = urllib.request.Request(url, json.dumps({"text": "the server is down now!"}).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        said = json.loads(answer.read())
    labels = RowsFile(tmp_path / "labels.jsonl")
    labels.append({"id": said["id"], "label": "urgent"})
    labels.close()
    reading = asyncio.run(LogTail(settings.predictions[0]).read(time.time()))
    assert isinstance(reading.content, LogRows)
    assert reading.content.left_out == {}
    (row,) = (row for row in reading.content.rows if row.id == said["id"])
    assert (row.prediction, row.score, row.features) == (said["prediction"], said["score"], {"words": 5.0, "alarms": 0.4})
    assert abs(row.at_s - time.time()) < 10
    assert reading.content.labels[said["id"]] == "urgent"


def test_a_faster_story_has_a_faster_rule(tmp_path: Path) -> None:
    with Demo("calm", 2.0, tmp_path) as demo:
        (rule,) = demo.settings(Settings()).rules
    assert (rule.name, rule.when, rule.for_, rule.severity) == ("stalled", "state == STALLED", "15s", "critical")


def test_stopped_it_leaves_its_own_files_and_nothing_else(tmp_path: Path) -> None:
    demo = Demo("calm", 1.0, tmp_path)
    demo.start()
    watched = [os.pidfd_open(pid) for pid in demo.pids.values()]
    demo.stop()
    assert gone(watched, 0.0)
    for descriptor in watched:
        os.close(descriptor)
    assert {path.name for path in tmp_path.iterdir()} <= set(FILES)
    assert (tmp_path / "demo.log").read_text() == ""
    with pytest.raises(DemoFailed, match="not running"):
        demo.settings(Settings())
    demo.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_process_that_started_it(tmp_path: Path, number: int) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, env=SAME_CODE)
    assert parent.stdout is not None
    pids = json.loads(parent.stdout.readline())
    watched = [os.pidfd_open(pid) for pid in pids.values()]
    assert len(watched) == 3
    assert not gone(watched[:1], 0.0)
    parent.send_signal(number)
    assert parent.wait(10) == -number
    assert gone(watched, 5.0)
    parent.stdout.close()
    for descriptor in watched:
        os.close(descriptor)


def test_without_the_kernels_rope_the_pipe_is_enough(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "from tui_monitor.demo import generator, lifeline\nlifeline.follow_parent = lambda: None\ngenerator.main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=SAME_CODE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline().startswith(b"ready ")
    child.stdin.close()
    assert child.wait(5) == 0
    child.stdout.close()


def test_a_directory_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r"^the demo did not start: .*none"):
        Demo("calm", 1.0, tmp_path / "none").start()


def test_a_server_that_dies_at_once_is_one_clear_line_and_the_others_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.demo.run.MODEL", "--no-such-option")
    demo = Demo("calm", 1.0, tmp_path)
    with pytest.raises(DemoFailed, match=r"its generator ended with 2: .*error"):
        demo.start()
    assert demo.pids == {}


def test_wrong_scenarios_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no scenario 'x'"):
        Demo("x", 1.0, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_servers_import_nothing_heavy() -> None:
    code = "import sys, tui_monitor.demo.generator, tui_monitor.demo.classifier, tui_monitor.demo.traffic\nprint(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=SAME_CODE).stdout.split())
    assert loaded.isdisjoint({"numpy", "pandas", "scipy", "httpx", "textual", "rich", "msgspec", "psutil", "sqlite3"})
