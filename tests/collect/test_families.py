"""Families of processes from the kernel's own lines: sums, children that come and go, stopped ones, and what a look costs."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tui_monitor.collect import families as room
from tui_monitor.collect.families import Families, families
from tui_monitor.model import Process

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Kernel:
    """A process file system of a few processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reads: list[int] = []
        (root / "stat").write_text("cpu 0\nbtime 1700000000\n")

    def put(
        self, pid: int, parent: int = 1, *, comm: str = "python", state: str = "S", cpu_s: float = 0.0, reaped_s: float = 0.0,
        started: int | None = None, pages: int = 10, command: str = "",
    ) -> None:  # fmt: skip
        home = self.root / str(pid)
        home.mkdir(exist_ok=True)
        middle = [0] * 9 + [round(cpu_s * TICK), 0, round(reaped_s * TICK), 0, 0, 0, 0, 0]
        words = [state, parent, *middle, started if started is not None else 100 * pid, 0, pages, 0]
        (home / "stat").write_text(f"{pid} ({comm}) " + " ".join(map(str, words)) + "\n")
        (home / "cmdline").write_bytes(command.encode() + b"\0")

    def end(self, pid: int) -> None:
        for name in ("stat", "cmdline"):
            (self.root / str(pid) / name).unlink()
        (self.root / str(pid)).rmdir()


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_a_family_is_one_and_its_eldest_names_it(kernel: Kernel) -> None:
    kernel.put(10, cpu_s=5.0, pages=100)
    kernel.put(11, 10, comm="VLLM::EngineCor", cpu_s=50.0, pages=900, command="VLLM::EngineCore --secret")
    kernel.put(12, 11, cpu_s=1.0, pages=50)
    kernel.put(99, 1, cpu_s=1000.0)
    watched = Families(kernel.root)
    first = families(watched.look({10: "llm"}, 100.0))["llm"]
    assert (first.pid, first.processes, first.rss_bytes, first.cpu) == (10, 3, 1050 * PAGE, None)
    assert first.started is not None
    assert first.started.timestamp() == 1700000000 + 1000 / TICK
    kernel.put(10, cpu_s=5.2, pages=100)
    kernel.put(11, 10, comm="VLLM::EngineCor", cpu_s=53.0, pages=900, command="VLLM::EngineCore --secret")
    processes = watched.look({10: "llm"}, 102.0)
    assert [process.name for process in processes] == ["python", "VLLM::EngineCore --secret", "python"]
    found = families(processes)
    assert set(found) == {"llm"}
    assert found["llm"].cpu == pytest.approx(1.6)


def test_stopped_ones_are_named_and_a_profiler_is_not_a_stop(kernel: Kernel) -> None:
    kernel.put(10)
    kernel.put(11, 10, comm="engine", state="T")
    kernel.put(12, 10, comm="held", state="t")
    watched = Families(kernel.root)
    assert families(watched.look({10: "llm"}, 1.0))["llm"].stopped == ["engine (11)"]
    assert families(watched.look({10: "llm"}, 2.0))["llm"].stopped == ["engine (11)", "held (12)"]
    kernel.put(11, 10, comm="engine")
    kernel.put(12, 10, comm="held")
    assert families(watched.look({10: "llm"}, 3.0))["llm"].stopped == []


def test_children_that_come_and_go_between_two_looks_count_for_their_parent(kernel: Kernel) -> None:
    kernel.put(10)
    watched = Families(kernel.root)
    watched.look({10: "t"}, 0.0)
    kernel.put(10, cpu_s=1.0, reaped_s=3.0)
    assert families(watched.look({10: "t"}, 2.0))["t"].cpu == pytest.approx(2.0)


def test_a_known_child_that_ends_is_not_counted_again(kernel: Kernel) -> None:
    kernel.put(10)
    kernel.put(11, 10, cpu_s=500.0)
    watched = Families(kernel.root)
    watched.look({10: "t"}, 0.0)
    kernel.put(11, 10, cpu_s=501.0)
    assert families(watched.look({10: "t"}, 1.0))["t"].cpu == pytest.approx(1.0)
    kernel.put(11, 10, cpu_s=501.5, state="Z")
    still = families(watched.look({10: "t"}, 2.0))["t"]
    assert (still.processes, still.cpu) == (1, 0.0)  # dead, its parent has not noticed
    kernel.end(11)
    kernel.put(10, reaped_s=501.5)
    assert families(watched.look({10: "t"}, 3.0))["t"].cpu == pytest.approx(0.0)


def test_a_child_whose_parent_never_asks_takes_nothing_from_the_others(kernel: Kernel) -> None:
    kernel.put(10)
    kernel.put(11, 10, cpu_s=500.0)
    watched = Families(kernel.root)
    watched.look({10: "t"}, 0.0)
    kernel.end(11)
    kernel.put(10, cpu_s=1.0)
    assert families(watched.look({10: "t"}, 1.0))["t"].cpu == pytest.approx(1.0)


def test_a_pid_given_to_another_process_is_no_member(kernel: Kernel) -> None:
    kernel.put(10, cpu_s=9.0)
    watched = Families(kernel.root)
    watched.look({10: "t"}, 0.0)
    kernel.put(10, cpu_s=1.0, started=77)
    assert watched.look({10: "t"}, 1.0) == []
    assert [process.cpu for process in watched.look({10: "t"}, 11.0)] == [None]  # met anew: the root was given again


def test_new_children_are_met_within_seconds_and_others_are_not_read_at_every_look(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid in range(1000, 1100):
        kernel.put(pid)
    kernel.put(10)
    read: list[int] = []
    plain = room.stat
    monkeypatch.setattr(room, "stat", lambda root, pid: (read.append(pid), plain(root, pid))[1])
    watched = Families(kernel.root)
    watched.look({10: "t"}, 0.0)
    read.clear()
    kernel.put(11, 10)
    assert len(watched.look({10: "t"}, 2.0)) == 1
    assert read == [10]
    assert len(watched.look({10: "t"}, 10.0)) == 2


def test_thousands_of_members_are_read_in_turn(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "READS_A_LOOK", 20)
    for pid in range(1000, 1050):
        kernel.put(pid)
    watched = Families(kernel.root)
    roots = {pid: f"t{pid}" for pid in range(1000, 1050)}
    watched.look(roots, 0.0)
    for at_s in (2.0, 4.0, 6.0):
        for pid in range(1000, 1050):
            kernel.put(pid, cpu_s=at_s)
        processes = watched.look(roots, at_s)
    assert len(processes) == 50
    assert [process.cpu for process in processes] == pytest.approx([1.0] * 50)


def test_unknown_is_not_zero() -> None:
    one = families([Process(1, "a", None, "t", None, None)])["t"]
    assert (one.rss_bytes, one.cpu, one.started) == (None, None, None)
    assert families([Process(1, "a", None, None, 5, 1.0)]) == {}


def test_a_stopped_child_of_a_real_process() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    try:
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        family = families(Families().look({child.pid: "t"}, 1.0))["t"]
        assert len(family.stopped) == 1
        assert f"({child.pid})" in family.stopped[0]
    finally:
        child.send_signal(signal.SIGCONT)
        child.stdin.close()
        child.wait(10)


def test_children_belong_to_the_target_of_their_parent() -> None:
    script = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); sys.stdin.read(); p.kill()"
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdin is not None
    try:
        child = int(parent.stdout.readline())
        family = Families()
        first = {process.pid: process for process in family.look({parent.pid: "ranker"}, tick_s=1.0)}
        assert {parent.pid, child} <= set(first)
        assert {process.target for process in first.values()} == {"ranker"}
        assert first[child].cpu is None  # one look tells nothing about its speed
        assert (first[child].rss_bytes or 0) > 0
        assert first[child].user == pwd.getpwuid(os.getuid()).pw_name
        second = {process.pid: process for process in family.look({parent.pid: "ranker"}, tick_s=2.0)}
        assert second[child].cpu == pytest.approx(0, abs=0.05)
    finally:
        parent.stdin.close()
        parent.wait(10)
        parent.stdout.close()
    assert family.look({parent.pid: "ranker"}, tick_s=3.0) == []  # gone is gone, not an error


def test_a_dead_process_that_its_parent_has_not_noticed_is_no_process() -> None:
    dead = subprocess.Popen(["sleep", "60"])
    family = Families()
    assert [process.pid for process in family.look({dead.pid: "t"}, tick_s=1.0)] == [dead.pid]
    dead.kill()
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert family.look({dead.pid: "t"}, tick_s=2.0) == []
    dead.wait(10)
