"""Model servers: what a frame says of each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tui_monitor.model.words import Metrics, TargetState


class Model(Struct, frozen=True):
    """One model of a target."""

    name: str
    version: str | None
    state: str
    metrics: Metrics = {}
    why: str = ""


class ServerProcess(Struct, frozen=True, kw_only=True):
    """The processes of a target on this host, as one."""

    pid: int  # of the eldest
    started: datetime | None = None
    processes: int = 1
    rss_bytes: int | None = None
    cpu: float | None = None  # cores
    gpu_memory_bytes: int | None = None  # of all its GPUs
    restarts: int = 0  # seen since watching began
    stopped: list[str] = []  # processes in state T: "python (1234)"
    orphan: bool = False
    container: str = ""


class Orphan(Struct, frozen=True, kw_only=True):
    """A process that a model server left behind and that still holds a port or a GPU's memory."""

    pid: int
    name: str
    kind: str  # of the server it belonged to
    ports: list[int] = []
    gpus: list[int] = []
    gpu_memory_bytes: int | None = None


class Target(Struct, frozen=True, kw_only=True):
    """A watched server now. A key of `metrics` that is None has its reason in `absent`."""

    name: str
    kind: str
    url: str
    state: TargetState
    why: str
    since: datetime  # of the state
    age_s: float | None  # of the newest numbers
    pid: int | None = None
    gpus: list[int] = []
    version: str | None = None
    metrics: Metrics = {}
    absent: dict[str, str] = {}
    bounds: dict[str, tuple[float, float]] = {}  # quantile key -> the bucket it fell into
    at_least: list[str] = []  # keys whose value is a lower bound
    misses: dict[str, str] = {}  # of those, what the value leaves out; without an entry it fell into the open top bucket
    series: dict[str, str] = {}  # key -> the exposed name that was used
    models: list[Model] = []
    how: str = ""
    about: Literal["server", "gpu", "host"] = "server"  # gpu, host: an exporter that tells of them, and no server of models
    limited: str = ""  # which limit its page hit, and what that left out
    bad_lines: int = 0  # of its newest page, dropped
    process: ServerProcess | None = None  # None: on another host, or not ours to see


class TargetWindow(Struct, frozen=True, kw_only=True):
    """A target's numbers over one sliding window."""

    target: str
    window: str  # 1m 5m 30m 3h 24h
    covered_s: float  # how much of the window is known
    metrics: Metrics
    at_least: list[str] = []
