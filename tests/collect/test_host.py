"""The host's numbers from the kernel's own texts, and a watch that nothing can hold up."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tui_monitor.collect import kernel
from tui_monitor.collect.disks import Disks, Space
from tui_monitor.collect.host import HostSampler, HostWatch
from tui_monitor.model import Process, System

GIB = 2**30
STAT = "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 50 0 50 350 50 0 0 0 0 0\ncpu1 50 0 50 350 50 0 0 0 0 0\nintr 5\n"
LATER = STAT.replace("cpu  100 0 100 700 100", "cpu  150 0 120 720 110")
MEMINFO = "MemTotal:  16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB\nSwapTotal: 1048576 kB\nSwapFree: 1048576 kB\n"
DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
  eth0:{rx} 1 0 0 0 0 0 0 {tx} 1 0 0 0 0 0 0
docker0: 777 1 0 0 0 0 0 0 777 1 0 0 0 0 0 0
"""
MOUNTS = "/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/vda /var/lib/bind ext4 rw 0 0\nnas:/m /models\\040old nfs4 rw 0 0\n/dev/loop0 /snap squashfs ro 0 0\n/dev/sr0 /cd ext4 ro,noatime 0 0\n"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A kernel's files: host/proc and host/sys."""
    files = {
        "proc/stat": STAT, "proc/meminfo": MEMINFO, "proc/loadavg": "1.25 0.8 0.5 1/100 4\n",
        "proc/pressure/cpu": "some avg10=12.50 avg60=0 avg300=0 total=1\n", "proc/pressure/io": "some avg10=0.00 avg60=0.00\nfull avg10=9 x\n",
        "proc/self/mounts": MOUNTS, "proc/self/net/dev": DEV.format(rx=1000, tx=2000), "sys/class/net/eth0/device/x": "",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def sampler(host: Path) -> HostSampler:
    return HostSampler(host / "proc", host / "sys", lambda point: Space(60, 100, 30) if point == "/" else Space(10, 100, 90))


def test_the_first_look_has_levels_and_no_rates(host: Path) -> None:
    system = sampler(host).look(10.0, [])
    assert system.metrics["load.1m"] == 1.25
    assert system.metrics["memory.total"] == 16 * GIB
    assert system.metrics["memory.used"] == 4 * GIB
    assert system.metrics["memory.used.ratio"] == 0.25
    assert system.metrics["swap.used"] == 0
    assert system.metrics["pressure.cpu"] == 0.125
    assert system.metrics["pressure.io"] == 0
    assert system.cores == 2
    assert {key for key, value in system.metrics.items() if value is None} == set(system.absent)
    assert system.absent["cpu.util"] == system.absent["net.rx"] == "no second sample yet"
    assert "PSI" in system.absent["pressure.memory"]


def test_the_second_look_has_rates(host: Path) -> None:
    looks = sampler(host)
    looks.look(10.0, [])
    (host / "proc/stat").write_text(LATER)
    (host / "proc/self/net/dev").write_text(DEV.format(rx=1500, tx=2000))
    system = looks.look(12.0, [])
    assert system.metrics["cpu.util"] == pytest.approx(70 / 100)  # 50 + 20 busy ticks of 100; waiting for a disk is not busy
    assert (system.metrics["net.rx"], system.metrics["net.tx"]) == (250.0, 0.0)
    assert [network.name for network in system.networks] == ["eth0"]  # a bridge counts the same bytes again


def test_an_interface_that_came_anew_has_no_rate(host: Path) -> None:
    looks = sampler(host)
    looks.look(10.0, [])
    (host / "proc/self/net/dev").write_text(DEV.format(rx=5, tx=5))
    assert looks.look(12.0, []).metrics["net.rx"] is None


def test_nothing_readable_is_unknown_with_reasons_and_never_zero(tmp_path: Path) -> None:
    system = sampler(tmp_path).look(1.0, [])
    assert set(system.metrics.values()) == {None}
    assert set(system.absent) == set(system.metrics)
    assert all(system.absent.values())


def test_the_fullest_disk_counts_and_the_part_for_root_is_not_free(host: Path) -> None:
    system = sampler(host).look(1.0, [])
    assert [disk.mount for disk in system.disks] == ["/", "/models old"]
    assert system.metrics["disk.used.ratio"] == pytest.approx(60 / 90)
    assert (system.metrics["disk.used"], system.metrics["disk.total"]) == (60, 100)


@pytest.mark.parametrize(
    ("why", "files", "expected"),
    [
        ("a container with a limit (cgroup 2)", {"memory.max": "2147483648", "memory.current": "1000", "memory.stat": "inactive_file 300"}, 700),
        ("a host has no limit at the root", {"memory.current": "1000"}, None),
        ("a container without one", {"memory.max": "max", "memory.current": "1000", "memory.stat": ""}, None),
        ("version 1 writes a huge number", {"memory/memory.limit_in_bytes": str(2**62), "memory/memory.usage_in_bytes": "5", "memory/memory.stat": ""}, None),
    ],
)  # fmt: skip
def test_the_limit_of_a_container_is_the_total_when_it_is_smaller(
    host: Path, why: str, files: dict[str, str], expected: int | None
) -> None:
    for name, text in files.items():
        path = host / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    metrics = sampler(host).look(1.0, []).metrics
    assert metrics["memory.used"] == (4 * GIB if expected is None else expected), why
    assert metrics["memory.total"] == (16 * GIB if expected is None else 2 * GIB), why


def test_processes_are_summed_and_unknown_without_one(host: Path) -> None:
    looks = sampler(host)
    assert looks.look(1.0, []).metrics["process.rss"] is None
    both = [Process(1, "a", None, "t", 100, 0.5), Process(2, "b", None, "t", 50, None)]
    system = looks.look(2.0, both)
    assert (system.metrics["process.rss"], system.metrics["process.cpu"]) == (150, 0.5)
    assert system.processes == both


def test_a_hung_mount_holds_nobody_up_and_says_so() -> None:
    release, asked = threading.Event(), []

    def ask(point: str) -> Space:
        asked.append(point)
        if point == "/nas":
            release.wait(10)
        return Space(1, 2, 1)

    disks = Disks(ask)
    mounts = [kernel.Mount("/", "/dev/a", "ext4"), kernel.Mount("/nas", "nas:/", "nfs")]
    disks.look(mounts, tick_s=0.0, patience_s=0.1)
    assert disks.known(0.1)[0][0].used_bytes == 1
    disks.look(mounts, tick_s=6.0, patience_s=0.01)
    hung = disks.known(6.0)[1][0]
    assert (hung.used_bytes, hung.why) == (None, "does not answer for 6 s")
    assert asked.count("/nas") == 1  # never a second question while one is under way
    release.set()
    disks.look(mounts, tick_s=7.0, patience_s=5.0)
    assert disks.known(7.0)[1][0].why == ""


def test_a_mount_that_refuses_says_why() -> None:
    def ask(point: str) -> Space:
        raise PermissionError(13, "Permission denied")

    disks = Disks(ask)
    disks.look([kernel.Mount("/secret", "x", "ext4")], 0.0, 5.0)
    assert disks.known(0.0)[0][0].why == "cannot be read: Permission denied"


def test_the_watch_looks_at_once_and_again_soon() -> None:
    watch = HostWatch(3600.0)
    assert watch.latest() is None
    watch.watch({os.getpid(): "me"})
    watch.start()
    try:
        once = threading.Event()
        for _ in range(500):
            reading = watch.latest()
            if reading is not None and isinstance(reading.content, System) and reading.content.metrics["cpu.util"] is not None:
                break
            once.wait(0.01)
        assert reading is not None
        assert isinstance(reading.content, System)
        assert [process.target for process in reading.content.processes][:1] == ["me"]
        assert watch.families()["me"].pid == os.getpid()
    finally:
        watch.stop()


def test_what_the_kernel_should_never_write_becomes_a_failure(host: Path) -> None:
    (host / "proc/self/mounts").unlink()
    (host / "proc/self/mounts").symlink_to(host / "proc/self/mounts")  # a loop: OSError, still no exception outside

    def explode(point: str) -> Space:
        raise AssertionError(point)

    system = HostSampler(host / "proc", host / "sys", explode).look(1.0, [])
    assert system.disks == []
    assert system.absent["disk.used"] == "no file system is mounted"
