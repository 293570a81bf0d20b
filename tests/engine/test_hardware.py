"""A server joined to its processes and GPUs."""

from __future__ import annotations

from tui_monitor.collect.families import families
from tui_monitor.engine.hardware import NOTHING, holding, joined, with_owners
from tui_monitor.model import Found, Gpu, GpuProcess, Orphan, Outside, Process

GIB = 2**30


def found(name: str = "llm", pid: int | None = 100, **more: object) -> Found:
    return Found(name, "vllm", "http://127.0.0.1:8000", pid=pid, **more)  # type: ignore[arg-type]


def process(pid: int, target: str = "llm", cpu: float | None = 0.5, state: str = "S", name: str = "python") -> Process:
    return Process(pid, name, "bob", target, GIB, cpu, 1000.0, state, 1)


def gpu(index: int, *pids: int, util: float | None = 0.4, **more: object) -> Gpu:
    processes = [GpuProcess(pid, "python", used_bytes=2 * GIB) for pid in pids]
    return Gpu(index=index, uuid=f"GPU-{index}", name="H100", state="OK", metrics={"gpu.util": util}, processes=processes, **more)  # type: ignore[arg-type]


def on(gpus: list[Gpu], processes: list[Process], **more: object) -> dict[str, object]:
    gpus = with_owners(gpus, processes)
    return dict(joined([(found(started_s=1000.0, **more), 2)], families(processes), gpus, {}))  # type: ignore[arg-type]


def test_children_count_and_their_gpus_are_the_servers() -> None:
    processes = [process(100, cpu=0.25), process(101, cpu=1.5), process(200, target="other")]
    hardware = on([gpu(0, 101, 200), gpu(1, 200), gpu(2, 101, util=0.9)], processes)["llm"]
    assert hardware.gpus == [0, 2]  # type: ignore[attr-defined]
    assert hardware.outside == Outside(cpu=1.75, gpu=0.9)  # type: ignore[attr-defined]
    mine = hardware.process  # type: ignore[attr-defined]
    assert (mine.pid, mine.processes, mine.rss_bytes, mine.cpu, mine.gpu_memory_bytes, mine.restarts) == (100, 2, 2 * GIB, 1.75, 4 * GIB, 2)


def test_a_first_look_knows_no_rate_and_says_nothing_of_it() -> None:
    hardware = on([], [process(100, cpu=None)])["llm"]
    assert (hardware.outside.cpu, hardware.process.cpu, hardware.process.rss_bytes) == (None, None, GIB)  # type: ignore[attr-defined]


def test_stopped_processes_are_named() -> None:
    hardware = on([], [process(100), process(101, state="T", name="VLLM::EngineCore")])["llm"]
    assert hardware.outside.stopped == ("VLLM::EngineCore (101)",)  # type: ignore[attr-defined]
    assert hardware.process.stopped == ["VLLM::EngineCore (101)"]  # type: ignore[attr-defined]


def test_a_gpu_that_the_server_names_itself_is_its_own() -> None:
    gpus = [gpu(0), gpu(1)]
    hardware = joined([(found(), 0)], families([process(100)]), gpus, {"llm": {"GPU-1"}})["llm"]
    assert hardware.gpus == [1]


def test_another_hosts_server_has_no_process() -> None:
    assert joined([(found(pid=None), 0)], {}, [gpu(0)], {}).get("llm", NOTHING) is NOTHING


def test_a_gpu_of_an_exporter_is_not_an_index_of_this_host() -> None:
    remote = gpu(3, source="dcgm")
    assert joined([(found(), 0)], families([process(100)]), [remote], {"llm": {"GPU-3"}})["llm"].gpus == []


def test_orphans_without_a_port_count_only_while_they_hold_a_gpu() -> None:
    gpus = [gpu(0, 7, 8)]
    port = Orphan(pid=6, name="python", kind="litserve", ports=[8000])
    holder = Orphan(pid=7, name="VLLM::Worker", kind="vllm")
    harmless = Orphan(pid=9, name="VLLM::Worker", kind="vllm")
    assert holding([port], [holder, harmless], gpus) == [
        port,
        Orphan(pid=7, name="VLLM::Worker", kind="vllm", gpus=[0], gpu_memory_bytes=2 * GIB),
    ]
