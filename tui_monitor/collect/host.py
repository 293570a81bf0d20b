"""The host: cores, load, memory, swap, disks, network, pressure, and the processes of the served models.

A daemon thread looks at its own pace; what can block for ever (a file system, a process stuck in the kernel) is asked in threads of
its own, so nothing here can hold up the numbers of the host, and nothing at all the engine's loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path

from tui_monitor.collect import kernel
from tui_monitor.collect.disks import Disks, Space, space
from tui_monitor.collect.families import Families, families
from tui_monitor.model import Disk, Failure, Metrics, Network, Process, Reading, ServerProcess, System, clean

FIRST_GAP_S = 0.5  # the second look comes early, so that rates are there soon
DISKS_EVERY_S = 5.0
MOST_PROCESSES = 200  # in the frame; sums are over all
MOST_INTERFACES = 32
_SECOND = "no second sample yet"


class HostSampler:
    """Takes one look after the other; keeps what rates need from the look before."""

    def __init__(self, proc: Path = Path("/proc"), sys: Path = Path("/sys"), ask_disk: Callable[[str], Space] = space) -> None:
        """`proc` and `sys` are where the kernel's files are mounted."""
        self._proc = proc
        self._sys = sys
        self._disks = Disks(ask_disk)
        self._disks_at_s: float | None = None
        self._cpu: kernel.CpuTimes | None = None
        self._net: tuple[float, dict[str, tuple[int, int]]] | None = None
        self.metrics: Metrics = {}
        self.absent: dict[str, str] = {}

    def look(self, tick_s: float, processes: list[Process]) -> System:
        """The host now.

        Args:
            tick_s: now, on a clock that never goes back.
            processes: of the served models, as last seen.
        """
        self.metrics, self.absent = {}, {}
        cores = self._look_at_cpu()
        self._put("load.1m", *self._read("loadavg", kernel.load_1m))
        self._look_at_memory()
        for resource in ("cpu", "memory", "io"):
            self._put(
                f"pressure.{resource}", *self._read(f"pressure/{resource}", kernel.pressure, "this kernel does not measure pressure (PSI)")
            )
        disks = self._look_at_disks(tick_s)
        networks = self._look_at_network(tick_s)
        why = "no process of a served model is known"
        rss, cpu = ([getattr(process, part) for process in processes] for part in ("rss_bytes", "cpu"))
        self._put("process.rss", float(sum(known)) if (known := [r for r in rss if r is not None]) else None, why)
        self._put("process.cpu", sum(known) if (known := [c for c in cpu if c is not None]) else None, _SECOND if processes else why)
        return System(
            metrics=self.metrics,
            absent=self.absent,
            cores=cores,
            disks=disks,
            networks=networks,
            processes=processes[:MOST_PROCESSES],
            age_s=0.0,
        )

    def _put(self, key: str, value: float | None, why: str) -> None:
        self.metrics[key] = value
        if value is None:
            self.absent[key] = why

    def _read(self, name: str, parse: Callable[[str], float | None], missing: str = "") -> tuple[float | None, str]:
        """A number of one of the kernel's files, and the reason for the case that it is None."""
        try:
            return parse((self._proc / name).read_text()), missing or f"{self._proc / name} says nothing about it"
        except FileNotFoundError:
            return None, missing or f"no {self._proc / name}"
        except (OSError, ValueError, IndexError) as error:  # pressure files refuse reading where the kernel has it switched off
            return None, missing or clean(f"{self._proc / name}: {error}")

    def _look_at_cpu(self) -> int | None:
        try:
            now = kernel.cpu_times((self._proc / "stat").read_text())
        except (OSError, ValueError):
            now = None
        before, self._cpu = self._cpu, now
        if now is None:
            self._put("cpu.util", None, f"{self._proc / 'stat'} cannot be read")
            return None
        self._put("cpu.util", kernel.cpu_share(before, now) if before else None, _SECOND)
        return now.cores

    def _look_at_memory(self) -> None:
        try:
            memory = kernel.memory((self._proc / "meminfo").read_text())
        except OSError:
            memory = kernel.Memory(None, None, None)
        used, total = memory.used_bytes, memory.total_bytes
        container = kernel.container_memory(self._sys / "fs/cgroup")
        if container and (total is None or container[1] < total):
            used, total = container
        missing = f"{self._proc / 'meminfo'} does not say"
        self._put("memory.used", used, missing)
        self._put("memory.total", total, missing)
        self._put("memory.used.ratio", used / total if used is not None and total else None, missing)
        self._put("swap.used", memory.swap_used_bytes, missing)

    def _look_at_disks(self, tick_s: float) -> list[Disk]:
        if self._disks_at_s is None or tick_s - self._disks_at_s >= DISKS_EVERY_S:
            self._disks_at_s = tick_s
            try:
                mounts = kernel.mounts((self._proc / "self/mounts").read_text(errors="replace"))
            except OSError:
                mounts = []
            self._disks.look(mounts, tick_s, patience_s=0.1)
        known = self._disks.known(tick_s)
        # As df counts: the part that is kept for root is not there for anybody else.
        spaces = [(room.used / (room.used + room.free), room) for _, room in known if room is not None and room.used + room.free > 0]
        ratio, fullest = max(spaces, key=lambda pair: pair[0]) if spaces else (None, None)
        missing = "no file system answers" if known else "no file system is mounted"
        self._put("disk.used", fullest.used if fullest else None, missing)
        self._put("disk.total", fullest.total if fullest else None, missing)
        self._put("disk.used.ratio", ratio, missing)
        return [disk for disk, _ in known]

    def _look_at_network(self, tick_s: float) -> list[Network]:
        try:
            counters = kernel.network_bytes((self._proc / "self/net/dev").read_text())
        except (OSError, ValueError):
            counters = {}
        # Bridges, bonds and their like count the same bytes again; a container has no real interface, and all of its own are meant.
        real = {name: both for name, both in counters.items() if (self._sys / "class/net" / name / "device").exists()}
        counters = dict(list((real or counters).items())[:MOST_INTERFACES])
        before, self._net = self._net, (tick_s, counters)
        networks: list[Network] = []
        for name, (rx, tx) in counters.items():
            old = before[1].get(name) if before else None
            passed_s = tick_s - before[0] if before else 0.0
            grown = (rx - old[0], tx - old[1]) if old and passed_s > 0 else None
            known = grown is not None and min(grown) >= 0  # a counter that fell belongs to an interface that came anew
            networks.append(Network(clean(name, 32), *((grown[0] / passed_s, grown[1] / passed_s) if grown and known else (None, None))))
        for key, rates in (("net.rx", [n.rx for n in networks]), ("net.tx", [n.tx for n in networks])):
            sure = [rate for rate in rates if rate is not None]
            self._put(key, sum(sure) if sure else None, _SECOND if networks else "no network interface but loopback")
        return networks


class HostWatch:
    """Looks at the host for ever, in daemon threads. `latest` never blocks and `stop` never waits."""

    name = "host"

    def __init__(
        self, interval_s: float, *, proc: Path = Path("/proc"), sys: Path = Path("/sys"), ask_disk: Callable[[str], Space] = space
    ) -> None:
        """Nothing runs before `start`."""
        self.interval_s = interval_s
        self._sampler = HostSampler(proc, sys, ask_disk)
        self._roots: dict[int, str] = {}
        self._root = proc
        self._processes: list[Process] = []
        self._families: dict[str, ServerProcess] = {}
        self._latest: Reading | None = None
        self._stopped = threading.Event()
        self._met = threading.Event()  # there are processes that were not watched before

    def start(self) -> None:
        """The first look happens at once, the second after at most `FIRST_GAP_S`, then one every interval."""
        for run, name in ((self._run, "host"), (self._run_family, "processes")):
            threading.Thread(target=run, name=name, daemon=True).start()

    def stop(self) -> None:
        """Ends the threads at their next turn."""
        self._stopped.set()
        self._met.set()

    def latest(self) -> Reading | None:
        """The newest look (content `System`), or None before the first is over."""
        return self._latest

    def families(self) -> dict[str, ServerProcess]:
        """Target -> its processes as one, as last seen; never blocks. Restarts, GPU memory and the like are not known here."""
        return self._families

    def watch(self, pids: dict[int, str]) -> None:
        """Which processes belong to which target; their children are found."""
        fresh = not pids.keys() <= self._roots.keys()
        self._roots = dict(pids)
        if fresh:
            self._met.set()

    def _run(self) -> None:
        for gap_s in chain([min(FIRST_GAP_S, self.interval_s)], repeat(self.interval_s)):
            self._latest = self._read()
            if self._stopped.wait(gap_s):
                return

    def _run_family(self) -> None:
        family = Families(self._root)
        # A little sooner than the host's second look, so that it has the processes' second one.
        for gap_s in chain([min(0.8 * FIRST_GAP_S, self.interval_s)], repeat(self.interval_s)):
            try:
                processes = family.look(self._roots, time.monotonic())
            except (OSError, ValueError):
                processes = []
            self._processes, self._families = processes, families(processes)
            self._met.wait(gap_s)  # a server that was found now is not left without a process until the next turn
            self._met.clear()
            if self._stopped.is_set():
                return

    def _read(self) -> Reading:
        at_s, begun_s = time.time(), time.monotonic()
        try:
            system = self._sampler.look(begun_s, self._processes)
        except Exception as error:  # noqa: BLE001 - the border of the source: whatever a kernel may write must not end the watch
            failure = Failure("unreadable", clean(f"{type(error).__name__}: {error}"))
            return Reading(self.name, at_s, time.monotonic() - begun_s, failure=failure)
        return Reading(self.name, at_s, time.monotonic() - begun_s, content=system)
