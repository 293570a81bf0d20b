"""The text that is read out: processes, GPUs, exporters, orphans, and pages that were read in part, in sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tui_monitor.cli import plain
from tui_monitor.model import (
    Ack,
    Alert,
    EngineInfo,
    Foreign,
    ForeignAlert,
    Frame,
    Gpu,
    GpuProcess,
    Orphan,
    OutwardState,
    ServerProcess,
    Shelf,
    Silence,
    Target,
)

AT = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
GIB = 2**30


def _text(**more: Any) -> str:
    engine = EngineInfo(pid=1, instance="default", started_at=AT, interval_s=1.0)
    return plain.text(Frame(**{"at": AT, "host": "h1", "version": "0", "engine": engine, "gpu_why": "no NVIDIA driver", **more}), utc=True)


def _target(name: str = "llm", **more: Any) -> Target:
    given = {"name": name, "kind": "vllm", "url": "http://127.0.0.1:8000", "state": "OK", "why": "", "since": AT, "age_s": 1.0}
    return Target(**{**given, **more})


def _gpu(**more: Any) -> Gpu:
    return Gpu(**{"index": 0, "uuid": "u", "name": "H200", "state": "OK", "metrics": {"gpu.util": 0.9}, **more})


def test_a_process_in_one_sentence() -> None:
    process = ServerProcess(pid=7, started=AT - timedelta(hours=3), processes=4, rss_bytes=41 * GIB, cpu=3.2, gpu_memory_bytes=9 * GIB)
    assert "  process 7 and 3 more, up 3h00, uses 3.2 cores, memory 41 GiB, GPU 0 1 with 9.0 GiB in use\n" in _text(
        targets=[_target(gpus=[0, 1], process=process)]
    )
    assert "  process 7\n" in _text(targets=[_target(process=ServerProcess(pid=7))])
    assert "process" not in _text(targets=[_target()])


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (ServerProcess(pid=7, restarts=1), "restarted 1 time since watching began"),
        (ServerProcess(pid=7, restarts=3), "restarted 3 times since watching began"),
        (ServerProcess(pid=7, container="docker 3f2a"), "in container docker 3f2a"),
        (ServerProcess(pid=7, stopped=["python (8)"]), "stopped: python (8)"),
        (ServerProcess(pid=7, orphan=True), "an orphan, whoever started it is gone"),
    ],
)
def test_what_happened_to_a_process(process: ServerProcess, said: str) -> None:
    assert said in _text(targets=[_target(process=process)])


def test_a_page_that_was_read_in_part_and_a_value_that_is_a_lower_bound() -> None:
    text = _text(
        targets=[
            _target(limited="more than 50 samples", bad_lines=1, metrics={"error.ratio": 0.1}, at_least=["error.ratio"], misses={"error.ratio": "refused requests"})
        ]
    )  # fmt: skip
    assert "  its page is read in part: more than 50 samples\n" in text
    assert "  1 line of its page could not be read and is left out\n" in text
    assert "errors at least 10%" in text
    assert "  errors: at least, it misses refused requests\n" in text
    assert "2 lines of its page could not be read and are left out" in _text(targets=[_target(bad_lines=2)])


def test_exporters_are_counted_and_read_out_after_servers() -> None:
    node = _target("a-node", kind="node-exporter", about="host", metrics={"load.1m": 3.0})
    dark = _target("dcgm", kind="dcgm-exporter", about="gpu", state="DOWN", why="refused")
    text = _text(targets=[node, dark, _target(state="DOWN")])
    assert "Servers: 1 DOWN. Exporters: 1 DOWN, 1 OK.\n" in text
    assert (
        text.index("llm (vllm")
        < text.index("Exporter of GPUs dcgm (dcgm-exporter")
        < text.index("Exporter of a host a-node (node-exporter")
    )
    only = _text(targets=[node])
    assert "Servers: none found" in only
    assert "Exporter of a host a-node" in only


def test_gpus_say_who_uses_them_and_whose_they_are() -> None:
    used = _gpu(processes=[GpuProcess(7, "python", None, GIB, "llm")])
    far = _gpu(uuid="v", source="dcgm", slice="MIG 3 1g.12gb")
    text = _text(gpus=[used, far])
    assert "GPU 0 H200: OK, busy 90%, used by llm\n" in text
    assert "GPU 0 MIG 3 1g.12gb of dcgm H200: OK, busy 90%\n" in text


def test_a_silent_exporter_of_gpus_is_said_once_and_a_gpu_of_two_sources_too() -> None:
    dark = [
        _gpu(index=i, uuid=f"d{i}", source="dcgm", state="UNKNOWN", why="its exporter is silent: refused", metrics={}) for i in range(8)
    ]
    exporter = _target("dcgm", kind="dcgm-exporter", about="gpu", state="DOWN", why="refused")
    text = _text(gpus=dark, targets=[exporter])
    assert "8 GPUs of dcgm: not known, their exporter is DOWN\n" in text
    assert text.count("refused") == 1
    assert _text(gpus=[_gpu(), _gpu(source="dcgm")]).count("GPU 0") == 1


def test_orphans_say_what_they_hold() -> None:
    held = Orphan(pid=4711, name="VLLM::EngineCore", kind="vllm", ports=[8000, 8001], gpus=[1], gpu_memory_bytes=12 * GIB)
    text = _text(orphans=[held, Orphan(pid=5, name="python", kind="", ports=[9000])])
    assert "Orphans: 2.\n" in text
    assert "Orphan VLLM::EngineCore (4711), left behind by vllm, holds ports 8000 8001 and GPU 1 with 12 GiB\n" in text
    assert "Orphan python (5), holds port 9000\n" in text
    assert "Orphan" not in _text()


ACK = Ack("ann", AT, "on it", AT + timedelta(hours=1))
SILENCE = Silence("ben", AT, AT + timedelta(days=3), "move")
SHELF = Shelf("cleo", AT, "", AT + timedelta(hours=23))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "FIRING since 2026-05-01 12:00:00: stalled on llm: no progress"),
        ({"state": "pending", "silenced": SILENCE}, "pending since 2026-05-01 12:00:00: stalled on llm: no progress - silenced by ben until 2026-05-04 12:00: move"),
        ({"acknowledged": ACK}, "ACKED since 2026-05-01 12:00:00: stalled on llm: no progress - taken by ann until 13:00: on it"),
        ({"silenced": SILENCE, "acknowledged": ACK}, "SILENCED since 2026-05-01 12:00:00: stalled on llm: no progress - taken by ann until 13:00: on it - silenced by ben until 2026-05-04 12:00: move"),
        ({"shelved": SHELF}, "SHELVED since 2026-05-01 12:00:00: stalled on llm: no progress - shelved by cleo until 11:00"),
        ({"flapping": True, "flaps": 4}, "FIRING since 2026-05-01 12:00:00: stalled on llm: no progress (flapping, came back 4 times)"),
        ({"holding": "no data since 11:59:00", "flapping": True, "flaps": 1}, "FIRING since 2026-05-01 12:00:00: stalled on llm: no progress (no data since 11:59:00) (flapping, came back 1 time)"),
        ({"state": "resolved", "ended_at": AT + timedelta(minutes=2)}, "resolved since 2026-05-01 12:02:00: stalled on llm: no progress"),
    ],
)  # fmt: skip
def test_an_alert_in_one_line(more: dict[str, Any], said: str) -> None:
    given = {"id": "a", "rule": "stalled", "severity": "warning", "state": "firing", "since": AT, "value": 1.0, "target": "llm"}
    alert = Alert(**{**given, "summary": "no progress", **more})
    assert plain.alert_line(alert, AT, utc=True) == f"a warning {said}"


def test_what_is_silenced_is_counted_once_and_apart() -> None:
    given = {"rule": "stalled", "severity": "warning", "state": "firing", "since": AT, "value": 1.0, "target": "llm", "summary": ""}
    alerts = [
        Alert(id="a", **given),
        Alert(id="b", **given, acknowledged=ACK),
        Alert(id="c", **given, acknowledged=ACK, silenced=SILENCE),
        Alert(id="d", **given, silenced=SILENCE),
    ]
    assert "Alerts: 1 firing (1 warning), 1 acknowledged, 2 silenced, 0 pending." in _text(alerts=alerts)


def test_what_fires_elsewhere_and_who_is_not_told() -> None:
    silence = Silence("ben", AT, AT + timedelta(hours=2), "move", source="alertmanager")
    given = {"source": "alertmanager", "fingerprint": "x", "rule": "psu", "target": "n1", "state": "firing", "since": AT, "summary": "out"}
    psu = ForeignAlert(id="f1", severity="critical", **given)
    there = (psu, replace(psu, id="f2", silenced=silence), replace(psu, id="f3", inhibited=True))
    at_s = AT.timestamp()
    text = _text(
        foreign=Foreign(source="alertmanager", at_s=at_s, alerts=there, why="refused", silent_s=12.0),
        outward=[
            OutwardState(name="webhook", waiting=4, error="connection refused", since_s=at_s - 180),
            OutwardState(name="alerta", sent=3),
        ],
    )
    assert (
        "In alertmanager:\n"
        "  f1 critical FIRING since 2026-05-01 12:00:00: psu on n1: out\n"
        "  f2 critical SILENCED since 2026-05-01 12:00:00: psu on n1: out - silenced by ben (alertmanager) until 14:00: move\n"
        "  f3 critical INHIBITED since 2026-05-01 12:00:00: psu on n1: out\n"
        "Not sent to webhook for 3 min: connection refused (4 wait)\n"
        "alertmanager: not answered for 12 s: refused\n"
    ) in text
    assert "Alerts: 0 firing" in text
    assert "alerta" not in text
