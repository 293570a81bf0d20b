"""What a signal is judged by, and what of it survives a restart: counts and evidence, never rows."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.past import Snapshot
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.model import SignalState

Role = Literal["input", "output", "score", "performance", "latency", "quality"]
Intake = Literal["histogram", "categories", "rows"]
"""How its rows come: as cumulative buckets, as cumulative counts of categories, or as values."""


class Before(Struct, frozen=True):
    """A reference that was: what it is compared with, and can become again."""

    bins: Bins
    reference: Reference
    given: bool = False


class Limits(Struct, frozen=True):
    """How the room judges."""

    learn_s: float
    every_s: float
    tolerance: float


class Closed(Struct, frozen=True):
    """A drift that is over or still open, as it is told."""

    source: str
    signal: str
    since_s: float  # estimated change
    start_s: float  # the check that raised it
    end_s: float | None
    kind: str
    test: str
    effect: float
    evidence: float
    sentence: str
    up: bool = True
    category: str = ""


class SavedWeeks(Struct, frozen=True):
    """The first weeks of a signal."""

    times: bytes  # of the slots, float64
    counts: bytes  # float32: rows per bin, then the sum of their values
    day_s: float | None  # the end of the last day
    given: bool
    brief: bool


class SavedSignal(Struct):
    """A signal as it survives a restart."""

    source: str
    name: str
    role: Role
    intake: Intake
    bins: Bins | None
    reference: Reference | None
    slots: list[tuple[float, list[float]]]  # while a histogram is learned
    words: list[tuple[float, dict[str, float]]]  # while categories are
    begun_s: float | None
    state: SignalState
    since_s: float | None
    start_s: float | None
    past: list[Snapshot]
    log_e: list[float]
    log_run: list[float]
    run_s: list[float]
    rows_s: float | None
    closed: list[Closed]
    evidence_past: list[tuple[float, float]]
    befores: list[Before] = []
    unfit: str = ""  # why nothing can be learned
    given: bool = False
    offered: str = ""  # which reference was given last, also while another one holds
    first_weeks: SavedWeeks | None = None
    missing_reference: float | None = None
