"""Simulated GPUs follow the load, slowly where heat is concerned, and say that they are simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_monitor.demo.gpus import SimulatedGpus
from tui_monitor.demo.load import Load, write_load
from tui_monitor.model import Metrics
from tui_monitor.vocabulary import VOCABULARY


def run(tmp_path: Path, loads: list[Load]) -> list[Metrics]:
    """The first GPU's numbers under these loads."""
    gpus, seen = SimulatedGpus(tmp_path / "load.json", pid=42), []
    for load in loads:
        write_load(tmp_path / "load.json", load)
        both = gpus.gpus(load.at_s)
        assert [(gpu.index, gpu.simulated, gpu.state, gpu.source) for gpu in both] == [(0, True, "OK", "demo"), (1, True, "OK", "demo")]
        assert both[0].processes[0].pid == 42
        seen.append(both[0].metrics)
    return seen


def known(metrics: Metrics, key: str) -> float:
    value = metrics[key]
    assert value is not None
    return value


def test_the_same_load_at_the_same_time_gives_the_same_numbers(tmp_path: Path) -> None:
    loads = [Load(1000.0 + i, i / 20, i / 30, frozen=False) for i in range(20)]
    assert run(tmp_path, loads) == run(tmp_path, loads)


def test_work_raises_power_memory_and_after_a_while_temperature(tmp_path: Path) -> None:
    loads = [Load(1000.0, 0.0, 0.0, frozen=False), *(Load(1001.0 + i, 0.9, 0.9, frozen=False) for i in range(90))]
    idle, first, *_, last = run(tmp_path, loads)
    for key in ("gpu.util", "gpu.power", "gpu.memory.used"):
        assert known(first, key) > known(idle, key) * 1.5, key
    assert known(first, "gpu.temperature") - known(idle, "gpu.temperature") < 5
    assert known(last, "gpu.temperature") - known(idle, "gpu.temperature") > 20
    assert known(last, "gpu.temperature") < 80  # a demo must not set off alarms of its own
    assert known(last, "gpu.power") < known(last, "gpu.power.limit")


def test_a_hang_is_full_use_and_little_power(tmp_path: Path) -> None:
    working, hung = run(tmp_path, [Load(1000.0, 0.8, 0.9, frozen=False), Load(1001.0, 0.8, 0.9, frozen=True)])
    assert hung["gpu.util"] == 1.0
    assert known(hung, "gpu.power") < known(working, "gpu.power") * 0.6


def test_without_a_generator_they_are_idle(tmp_path: Path) -> None:
    gpus = SimulatedGpus(tmp_path / "none.json")
    assert [gpu.metrics["gpu.util"] for gpu in gpus.gpus(1000.0)] == [0.0, 0.0]
    write_load(tmp_path / "none.json", Load(1000.0, 0.9, 0.9, frozen=False))
    assert gpus.gpus(1001.0)[0].metrics["gpu.util"] != 0.0
    assert gpus.gpus(1030.0)[0].metrics["gpu.util"] == 0.0  # what it left is too old


def test_every_key_is_of_the_vocabulary(tmp_path: Path) -> None:
    (metrics,) = run(tmp_path, [Load(1.0, 0.5, 0.5, frozen=False)])
    assert set(metrics) <= set(VOCABULARY)
    assert metrics["gpu.memory.used.ratio"] == pytest.approx(known(metrics, "gpu.memory.used") / known(metrics, "gpu.memory.total"))
