"""Everything that the screen can show now."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from tui_monitor.model.alerts import Alert, Foreign, OutwardState, Silence
from tui_monitor.model.drift import Drift
from tui_monitor.model.forecast import Forecast
from tui_monitor.model.hardware import Gpu, System
from tui_monitor.model.probes import ProbeState
from tui_monitor.model.quality import Performance, Quality
from tui_monitor.model.readings import Queried
from tui_monitor.model.targets import Orphan, Target, TargetWindow
from tui_monitor.model.words import SCHEMA, Severity


class Event(Struct, frozen=True):
    """One line of what happened."""

    at: datetime
    text: str
    severity: Severity | Literal[""] = ""


class EngineInfo(Struct, frozen=True, kw_only=True):
    """The monitor watching itself."""

    pid: int
    instance: str
    started_at: datetime
    interval_s: float
    late_ticks: int = 0
    cpu_ratio: float | None = None  # of one core
    rss_bytes: int | None = None
    recording: str = "off"  # recording | paused: REASON | off
    recorded_bytes: int | None = None
    screens: int = 0
    people: list[str] = []
    demo: bool = False
    config: str = ""


class Frame(Struct, frozen=True, kw_only=True):
    """Everything the screen can show now: numbered, immutable, complete."""

    schema: int = SCHEMA
    seq: int = 0
    at: datetime
    host: str
    version: str
    engine: EngineInfo
    system: System = field(default_factory=System)
    gpus: list[Gpu] = []
    gpu_why: str | None = None  # why there is none
    targets: list[Target] = []
    orphans: list[Orphan] = []
    windows: list[TargetWindow] = []
    performance: list[Performance] = []
    quality: list[Quality] = []
    probes: list[ProbeState] = []
    drift: list[Drift] = []
    forecasts: list[Forecast] = []  # numbers outside of what was expected, the farthest first; then what fills up, the soonest first
    forecasting: str = ""  # how many numbers are forecast, and how many are learned yet
    drift_budget_s: float | None = None  # one false alarm of all signals together in so long
    drift_left_out: int = 0  # signals that are there and not judged: more than are kept
    drift_why: str = ""  # why no drift is judged at all
    alerts: list[Alert] = []
    foreign: Foreign | None = None  # what an Alertmanager says
    outward: list[OutwardState] = []  # systems that are told of alerts, and whether that gets there
    silences: list[Silence] = []  # in force, those that end soonest first; then those that ended in the last day
    events: list[Event] = []  # newest first
    queries: dict[str, Queried] = {}  # Prometheus' name -> its named numbers
    strip: str = ""  # the last 60 minutes, oldest first: 0 fine, 1 warning, 2 critical, '?' nobody watched
    discovering: bool = False  # the first look around is not over
    discovery: bool = True  # whether servers are looked for at all
