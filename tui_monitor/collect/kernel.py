"""What the kernel writes in /proc and in its control groups, as numbers. Pure: texts in, numbers out; units are in the names."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct


class CpuTimes(Struct, frozen=True):
    """Clock ticks of all cores together since the boot, and how many cores there are."""

    busy: int
    all: int
    cores: int


class Memory(Struct, frozen=True):
    """Memory in bytes; `used` is what is not available to new programs."""

    used_bytes: int | None
    total_bytes: int | None
    swap_used_bytes: int | None


class Mount(Struct, frozen=True):
    """A file system that holds files people care about."""

    point: str
    device: str
    kind: str


# fmt: off
# File systems without files of their own, or always full by design.
_NO_STORAGE = frozenset(
    [
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "erofs", "fuse.gvfsd-fuse",
        "fuse.lxcfs", "fuse.portal", "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs",
        "squashfs", "sysfs", "tmpfs", "tracefs", "udf",
    ]
)
# fmt: on


def cpu_times(stat: str) -> CpuTimes | None:
    """The cpu line of /proc/stat. Idle and waiting for a disk are not busy; guest time is inside user time already."""
    ticks: list[int] = []
    cores = 0
    for line in stat.splitlines():
        word, *rest = line.split()[:9] or [""]
        if word == "cpu":
            ticks = [int(part) for part in rest]
        elif re.fullmatch(r"cpu[0-9]+", word):
            cores += 1
    if len(ticks) < 4:
        return None
    idle = sum(ticks[3:5])
    return CpuTimes(sum(ticks) - idle, sum(ticks), max(cores, 1))


def cpu_share(before: CpuTimes, after: CpuTimes) -> float | None:
    """Share of all cores' time in use between two looks; None when no tick passed between them."""
    passed = after.all - before.all
    return min(1.0, max(0.0, (after.busy - before.busy) / passed)) if passed > 0 else None


def memory(meminfo: str) -> Memory:
    """The host's memory from /proc/meminfo."""
    kib = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB", meminfo, re.MULTILINE)}

    def less(whole: str, part: str) -> int | None:
        return (kib[whole] - kib[part]) * 1024 if whole in kib and part in kib else None

    total = kib.get("MemTotal")
    return Memory(less("MemTotal", "MemAvailable"), None if total is None else total * 1024, less("SwapTotal", "SwapFree"))


def container_memory(groups: Path) -> tuple[int, int] | None:
    """(used, limit) in bytes of the container we run in, or None outside of one.

    Only the root of the mounted control groups is asked: a container sees its own group there, a host has no limit there. A limit on
    our own service further down says nothing about the host.
    """
    layouts = (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    )
    for limit, usage, stat, reclaimable in layouts:
        try:
            top, used = (groups / limit).read_text().strip(), int((groups / usage).read_text())
            match = re.search(rf"^{reclaimable} (\d+)$", (groups / stat).read_text(), re.MULTILINE)
        except (OSError, ValueError):
            continue
        if top.isdigit():
            return max(0, used - (int(match[1]) if match else 0)), int(top)
    return None


def load_1m(loadavg: str) -> float:
    """The first number of /proc/loadavg."""
    return float(loadavg.split(maxsplit=1)[0])


def pressure(text: str) -> float | None:
    """Share of the last 10 s in which some task waited: `some avg10=` of a file in /proc/pressure, which is in percent."""
    match = re.search(r"^some avg10=([0-9.]+)", text, re.MULTILINE)
    return float(match[1]) / 100 if match else None


def network_bytes(dev: str) -> dict[str, tuple[int, int]]:
    """Interface -> (received, sent) bytes since it came up, from /proc/net/dev; loopback left out."""
    counters: dict[str, tuple[int, int]] = {}
    for line in dev.splitlines():
        name, colon, rest = line.partition(":")
        fields = rest.split()
        if colon and len(fields) >= 9 and name.strip() != "lo":
            counters[name.strip()] = int(fields[0]), int(fields[8])
    return counters


def mounts(text: str, limit: int = 32) -> list[Mount]:
    """The storage of /proc/self/mounts: one entry a device (bind mounts show it again), read-only ones left out, at most `limit`."""
    by_device: dict[str, Mount] = {}
    for line in text.splitlines():
        fields = [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field) for field in line.split()]
        if len(fields) < 4 or fields[2] in _NO_STORAGE or "ro" in fields[3].split(","):
            continue
        device, point, kind = fields[:3]
        key = point if kind in {"overlay", "nfs", "nfs4", "cifs"} else device
        known = by_device.get(key)
        if known is None or len(point) < len(known.point):
            by_device[key] = Mount(point, device, kind)
    return sorted(by_device.values(), key=lambda mount: mount.point)[:limit]
