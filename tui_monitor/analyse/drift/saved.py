"""What a signal is judged by, and what of it survives a restart."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tui_monitor.model import SignalState

Role = Literal["input", "output", "score", "performance", "latency", "quality"]


class Limits(Struct, frozen=True):
    """How the room judges."""

    learn_s: float
    every_s: float
    tolerance: float


class SavedSignal(Struct):
    """A signal as it survives a restart."""

    source: str
    name: str
    role: Role
    edges: list[float]
    categories: list[str] | None
    reference: list[float] | None
    tau: float
    slots: list[list[float]]
    begun_s: float | None
    state: SignalState
    since_s: float | None
    total: list[float]
    snapshots: list[tuple[float, list[float]]]
    log_e: list[float]
    log_run: list[float]
    run_s: list[float]
    rows_s: float | None
