"""`once`: the frame's JSON, its exit codes, and the text that is read out."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tui_monitor.cli import frames, plain
from tui_monitor.cli.main import main
from tui_monitor.cli.once import judge
from tui_monitor.model import (
    Ack,
    Alert,
    Disk,
    Drift,
    EngineInfo,
    Estimate,
    Frame,
    Gpu,
    Model,
    Performance,
    System,
    Target,
)

AT = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


def _alert(**more: Any) -> Alert:
    given = {"id": "3f9a01c2", "rule": "stalled", "severity": "critical", "state": "firing", "since": AT, "value": None, "target": "llm"}
    return Alert(**{**given, "summary": "llm makes no progress", **more})


def _frame(**more: Any) -> Frame:
    given = {"at": AT, "host": "h1", "version": "0", "engine": EngineInfo(pid=1, instance="default", started_at=AT, interval_s=1.0)}
    return Frame(**{**given, "gpu_why": "no NVIDIA driver", **more})


ACK = Ack("ann", AT, "on it", AT + timedelta(hours=1))


@pytest.mark.parametrize(
    ("why", "alerts", "code"),
    [
        ("nothing", [], 0),
        ("a warning", [_alert(severity="warning")], 1),
        ("something critical among others", [_alert(severity="warning"), _alert()], 2),
        ("taken is not firing", [_alert(acknowledged=ACK)], 0),
        ("pending, resolved and lost are not firing", [_alert(state="pending"), _alert(state="resolved"), _alert(state="lost")], 0),
        ("information is no warning", [_alert(severity="info")], 0),
    ],
)
def test_the_exit_code(why: str, alerts: list[Alert], code: int) -> None:
    assert judge([(alert.severity, plain.counts(alert)) for alert in alerts]) == code, why


def test_it_watches_by_itself_and_leaves_nothing_behind(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (places / "config" / "tui-monitor").mkdir()
    (places / "config" / "tui-monitor" / "config.toml").write_text('interval = "200ms"\n[discovery]\nenabled = false\n')
    assert main(["once", "--json", "--wait", "10s"]) in (0, 1, 2)
    out, err = capsys.readouterr()
    frame = json.loads(out)
    assert err == ""
    assert list(frame)[:1] == ["schema"]
    assert {
        "schema",
        "at",
        "host",
        "version",
        "engine",
        "system",
        "gpus",
        "gpu_why",
        "targets",
        "performance",
        "drift",
        "alerts",
        "events",
    } <= set(frame)
    assert frame["schema"] == 1
    assert frame["at"].endswith("Z")
    assert set(frame["system"]) >= {"metrics", "disks", "networks", "processes"}
    assert isinstance(frame["system"]["metrics"]["cpu.util"], float), "settled: cpu.util needs two looks"
    assert frame["gpus"] or frame["gpu_why"]
    assert not list((places / "run").rglob("*.sock"))
    assert not list((places / "state").rglob("*"))


@pytest.mark.parametrize("words", [["once", "--plain"], ["--plain"]])
def test_the_plain_text_has_no_signs_and_no_colour(words: list[str], places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) in (0, 1, 2)
    out, _ = capsys.readouterr()
    assert out.startswith("tui-monitor ")
    assert "Alerts: " in out
    assert "Host: cpu " in out
    assert "\x1b" not in out
    assert not set(out) & set("✔✖▲●│─━")


def test_a_number_that_is_none_stays_none_in_json() -> None:
    frame = _frame(system=System(metrics={"cpu.util": math.nan, "load.1m": math.inf, "memory.used": None}))
    assert json.loads(msgspec.json.encode(frame))["system"]["metrics"] == {"cpu.util": None, "load.1m": None, "memory.used": None}


def test_nothing_read_is_blank() -> None:
    assert frames.is_blank(_frame(system=System(metrics={"cpu.util": None})))
    assert not frames.is_blank(_frame(system=System(metrics={"cpu.util": 0.0})))


def test_what_is_read_out() -> None:
    target = Target(
        name="llm", kind="vllm", url="http://127.0.0.1:8000", state="STALLED", why="12 running, nothing finished for 40 s", since=AT - timedelta(seconds=40),
        age_s=1.0, version="0.9", metrics={"request.rate": 0.0, "queue.length": 12.0, "latency.p95": None, "ttft.p95": 1.5}, at_least=["ttft.p95"],
        absent={"latency.p95": "nothing observed in the window"}, models=[Model("m", "1", "READY", {"request.rate": 0.0})],
    )  # fmt: skip
    fine = Target(name="abc", kind="triton", url="http://127.0.0.1:8002", state="OK", why="", since=AT - timedelta(hours=3), age_s=1.0)
    frame = _frame(
        system=System(
            metrics={"cpu.util": 0.5, "load.1m": 1.0, "memory.used": 2.0**30, "memory.total": 4 * 2.0**30, "swap.used": 0.0, "pressure.io": 0.25},
            absent={"net.rx": "no second sample yet"}, cores=8,
            disks=[Disk("/", "/dev/vda", 2**30, 4 * 2**30), Disk("/mnt", "nfs", None, None, "does not answer for 9 s")],
        ),
        gpus=[
            Gpu(index=0, uuid="u", name="H200", state="OK", metrics={"gpu.util": 0.9, "gpu.temperature": 70.0}, throttle=["power"]),
            Gpu(index=1, uuid="v", name="H200", state="LOST", why="has fallen off the bus", metrics={"gpu.util": None}),
        ],
        targets=[fine, target],
        alerts=[_alert(acknowledged=ACK), _alert(id="b", rule="down", target="abc"), _alert(id="c", state="resolved")],
        performance=[
            Performance(name="log", window="5m", slice=None, n=200, coverage=0.5, metrics={"accuracy": Estimate(0.9, 0.85, 0.94), "auc": Estimate(None)})
        ],
        drift=[
            Drift(signal="prompt_tokens", source="llm", role="input", state="drift", since=AT, test="ks", effect=0.4, bound=">=", p=None,
                  n_reference=500, n_now=900, evidence=3.0, sentence="prompt_tokens moved up")
        ],
    )  # fmt: skip
    lines = plain.text(frame, utc=True).splitlines()
    assert lines[:4] == [
        "tui-monitor 0 on h1 at 2026-05-01 12:00:00 UTC",
        "Alerts: 1 firing (1 critical), 1 acknowledged, 0 pending. Servers: 1 STALLED, 1 OK.",
        "  b critical FIRING since 2026-05-01 12:00:00: down on abc: llm makes no progress",
        "  3f9a01c2 critical ACKED since 2026-05-01 12:00:00: stalled on llm: llm makes no progress - taken by ann until 13:00: on it",
    ]
    text = "\n".join(lines[4:])
    assert "Host: cpu 50% of 8 cores" in text
    assert "waiting for io 25%" in text
    assert "  not known: net.rx: no second sample yet" in text
    assert "  disk /mnt: does not answer for 9 s" in text
    assert "GPU 0 H200: OK, busy 90%, temperature 70°C, slowed by power" in text
    assert "GPU 1 H200: LOST, has fallen off the bus\n" in text
    assert text.index("llm (vllm 0.9, http://127.0.0.1:8000): STALLED for 40s: 12 running") < text.index("abc (triton"), "the worst first"
    assert "  requests 0/s, waiting 12, ttft.p95 at least 1.5" in text
    assert "latency.p95: nothing observed in the window" in text
    assert "  model m version 1 READY: requests 0/s" in text
    assert "  Performance log over 5m: accuracy 90.0% (85.0% to 94.0%); 200 rows, 50% labelled" in text
    assert "Drift prompt_tokens of llm: drift: prompt_tokens moved up" in text


def test_nothing_found_says_what_next() -> None:
    assert "Servers: none found; `tui-monitor doctor` tells what could not be seen" in plain.text(_frame(), utc=True)
    assert "still looking" in plain.text(_frame(discovering=True), utc=True)
