"""The host and its GPUs."""

from __future__ import annotations

from msgspec import Struct

from tui_monitor.model.words import GpuState, Metrics


class GpuProcess(Struct, frozen=True):
    """A process that holds memory of a GPU."""

    pid: int
    name: str
    user: str | None = None
    used_bytes: int | None = None
    target: str | None = None


class Gpu(Struct, frozen=True, kw_only=True):
    """One GPU; LOST and HUNG ones have every metric None."""

    index: int
    uuid: str
    name: str
    state: GpuState
    why: str = ""
    source: str = "nvml"  # or the name of the exporter's target
    simulated: bool = False
    metrics: Metrics = {}
    throttle: list[str] = []
    processes: list[GpuProcess] = []
    age_s: float | None = None
    slice: str = ""  # of a MIG instance: its number and profile

    @property
    def subject(self) -> str:
        """Its name in rules, alerts and charts: gpu0 on this host, exporter/gpu0 elsewhere."""
        name = f"gpu{self.index}" + (f"/{self.slice.replace(' ', '-')}" if self.slice else "")
        return name if self.source == "nvml" or self.simulated else f"{self.source}/{name}"


class Disk(Struct, frozen=True):
    """A mounted file system; one that does not answer has a `why` and no numbers."""

    mount: str
    device: str
    used_bytes: int | None
    total_bytes: int | None
    why: str = ""


class Network(Struct, frozen=True):
    """An interface, bytes per second."""

    name: str
    rx: float | None
    tx: float | None


class Process(Struct, frozen=True):
    """A process of a served model."""

    pid: int
    name: str
    user: str | None
    target: str | None
    rss_bytes: int | None
    cpu: float | None  # cores
    started_s: float | None = None
    state: str = ""  # the kernel's letter: R S D T t Z
    parent: int | None = None


class System(Struct, frozen=True, kw_only=True):
    """The host now."""

    metrics: Metrics = {}
    absent: dict[str, str] = {}
    cores: int | None = None
    disks: list[Disk] = []
    networks: list[Network] = []
    processes: list[Process] = []
    age_s: float | None = None
