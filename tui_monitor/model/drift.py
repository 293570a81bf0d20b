"""What has changed in a signal, how strong the evidence is, and in which measure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from msgspec import Struct

from tui_monitor.model.words import SignalState


class Shares(Struct, frozen=True):
    """A reference and the rows since the change over the same cuts: `len(reference) == len(edges) + 1`, or one a name for categories."""

    edges: list[float]
    reference: list[float]
    now: list[float]
    names: list[str] = []  # of categories, which have no edges; those that the reference lacked are together, last


class Measured(Struct, frozen=True):
    """One measure of drift. `p` is that of a single look, and None for a distance: looked at every minute it would alarm every day."""

    statistic: float | None
    p: float | None = None


class Part(Struct, frozen=True):
    """A bin, a category or a slice that a change is made of: its shares of the rows, reference and now."""

    name: str
    reference: float
    now: float


class Carries(Struct, frozen=True):
    """A slice of a log's rows that carries much of a change.

    The change is that of rows beyond a cut, or in a category; `carries` is the slice's part of it. It is more than 1 where the rest went the
    other way. Pairs are (reference, now).
    """

    name: str
    carries: float
    interval: tuple[float, float]  # of `carries`, 95 %
    reference: float | None  # share of the rows beyond the cut, or in the category, that lie in the slice
    now: float | None
    rows: tuple[float, float]  # share of all rows that lie in it
    inside: tuple[float | None, float | None]  # share of its own rows that lie beyond the cut, or in the category
    where: str = ""  # the cut or the category: "above 47"


class Drift(Struct, frozen=True, kw_only=True):
    """The verdict on one signal."""

    signal: str
    source: str
    role: Literal["input", "output", "score", "performance", "latency", "quality"]
    state: SignalState
    since: datetime | None
    test: str  # ks, l_infinity: the measure that the state rests on
    effect: float | None
    bound: str  # "=" or ">=": buckets give a lower bound
    p: float | None  # None: the judge is sequential, it has no p
    n_reference: int
    n_now: int
    evidence: float | None  # log10 of how far beyond the false-alarm budget; negative: within it
    sentence: str
    progress: float | None = None  # 0..1 while learning
    quantiles: dict[str, tuple[float | None, float | None]] = {}  # p50, p95: reference, now
    shares: Shares | None = None
    type: Literal["numeric", "category", ""] = ""
    kind: Literal["sudden", "gradual", "recurring", ""] = ""  # of a change, as known by now
    cause: Literal["data", "target", "concept", "cost", "system", "quality", ""] = ""  # which sort of drift it is
    why: str = ""  # why it is idle or blind
    tests: dict[str, Measured] = {}  # every measure that applies
    bounds: dict[str, tuple[float, float | None]] = {}  # of measures over buckets: at least, at most
    missing_reference: float | None = None  # share of missing values
    missing_now: float | None = None
    out_of_range: float | None = None  # share of the rows since the change, or the newest, outside of the reference's whole range
    new_category: float | None = None  # ... in categories that the reference never had
    mean: tuple[float | None, float | None] = (None, None)  # exact, where the source tells sums: reference, now
    parts: list[Part] = []  # what changed most, first
    slices: list[Carries] = []  # of a log: those that carry most of the change, where any does beyond its share of the rows
    windows: dict[str, float | None] = {}  # window -> effect over it
    interval: tuple[float | None, float | None] = (None, None)  # of the effect, 95 %
    tau: float | None = None  # rows that tell as much as one independent row
    origin: str = ""  # of the reference
    importance: float | None = None  # weight of the signal for the model, where a map was given
    budget_days: float | None = None  # its share of the false-alarm budget: one of its own in so many days; None: it has none
    early: list[str] = []  # amber charts that are out: "CUSUM", "EWMA"
    evidence_past: list[tuple[float, float]] = []  # (seconds since 1970, evidence), oldest first
    moved_together: list[str] = []  # signals that moved within the same hour, in order of onset
    raised: datetime | None = None  # when the drift that is on was found: its beginning, `since`, is estimated then
    follows: str = ""  # "source/signal" of the drift that this one goes back to; empty: it leads, and the rule `drift` speaks of it
    followed_by: list[str] = []  # of one that leads: who follows, in the order in which they were found


STATES: tuple[SignalState, ...] = ("drift", "watch", "stale", "blind", "stable", "learning", "idle")
"""Worst first."""
_DECADES = 9.0


def worst_first(drifts: Iterable[Drift]) -> list[Drift]:
    """By state; in a state by what matters most for the model, who leads before who follows, then by evidence.

    Loud ones that are alike: the oldest first. Evidence counts in decades and up to a billion times the budget: rows must not move while it grows.
    """
    return sorted(drifts, key=_badness)


def _badness(drift: Drift) -> tuple[int, float, bool, int, float, str, str]:
    loud = drift.state in ("drift", "watch") and drift.evidence is not None and not math.isnan(drift.evidence)
    decades = round(min(_DECADES, max(-_DECADES, drift.evidence or 0.0))) if loud else 0
    since_s = drift.since.timestamp() if loud and drift.since else 0.0
    return STATES.index(drift.state), -(drift.importance or 0.0), bool(drift.follows), -decades, since_s, drift.source, drift.signal
