"""A signal over a restart: counts and evidence, never rows."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from tui_monitor.analyse.drift.first_weeks import FirstWeeks
from tui_monitor.analyse.drift.learning import LearnedCategories, LearnedCounts
from tui_monitor.analyse.drift.past import Past
from tui_monitor.analyse.drift.saved import Limits, SavedSignal
from tui_monitor.analyse.drift.season import HOURS, WEEK_HOURS
from tui_monitor.analyse.drift.signal import Signal


def dumped(signal: Signal) -> SavedSignal:
    """What must survive."""
    judge, learned = signal.judge, signal.learner
    return SavedSignal(
        source=signal.source,
        name=signal.name,
        role=signal.role,
        intake=signal.intake,
        bins=signal.bins,
        reference=signal.reference,
        slots=[(at_s, counts.tolist()) for at_s, counts in learned.slots] if isinstance(learned, LearnedCounts) else [],
        words=[(at_s, dict(counts)) for at_s, counts in learned.slots] if isinstance(learned, LearnedCategories) else [],
        begun_s=signal.begun_s,
        state=signal.state,
        since_s=signal.since_s,
        start_s=signal.start_s,
        past=signal.past.dump() if signal.reference is not None else [],
        log_e=[] if judge is None else judge.log_e.ravel().tolist(),
        log_run=[] if judge is None else judge.log_run.ravel().tolist(),
        run_s=[] if judge is None else judge.run_s.ravel().tolist(),
        rows_s=signal.rows_s,
        closed=signal.closed,
        evidence_past=list(signal.evidence_past),
        befores=signal.befores,
        unfit=signal.why_blind if signal.unfit else "",
        given=signal.given,
        offered=signal.offered,
        missing_reference=signal.missing_reference,
        first_weeks=signal.first_weeks.dump() if signal.first_weeks else None,
    )


def loaded(saved: SavedSignal, limits: Limits) -> Signal:
    """A signal as `dumped` left it; the next observation begins a new segment.

    Raises:
        ValueError: what was saved does not fit together.
    """
    signal = Signal(saved.source, saved.name, saved.role, limits, saved.intake, bins=saved.bins)
    _restore(signal, saved)
    return signal


def _restore(signal: Signal, saved: SavedSignal) -> None:
    signal.begun_s, signal.rows_s = saved.begun_s, saved.rows_s
    signal.offered = saved.offered
    signal.befores, signal.missing_reference = (
        [one for one in saved.befores if len(one.bins) == len(one.reference.counts)],
        saved.missing_reference,
    )
    signal.unfit, signal.why_blind, signal.seen_s = bool(saved.unfit), saved.unfit, saved.rows_s or saved.begun_s or 0.0
    if isinstance(signal.learner, LearnedCounts):
        if any(len(counts) != len(signal.bins or ()) for _, counts in saved.slots):
            raise ValueError(f"{saved.name}: what was learned does not fit its bins")
        signal.learner.slots = [(at_s, np.asarray(counts, dtype=np.float64)) for at_s, counts in saved.slots]
    elif isinstance(signal.learner, LearnedCategories):
        signal.learner.slots = [(at_s, Counter({str(name): count for name, count in words.items()})) for at_s, words in saved.words]
    else:
        signal.begun_s = saved.begun_s if saved.reference is not None else None  # rows are never kept: it learns from the start
    if saved.reference is None:
        return
    reference = saved.reference
    if (
        signal.bins is None
        or len(reference.counts) != len(signal.bins)
        or not reference.rows > 0
        or any(len(hour) != len(signal.bins) for hour in reference.hours)
        or len(reference.hours) not in (0, HOURS, WEEK_HOURS)
    ):
        raise ValueError(f"{saved.name}: reference and layout differ")
    signal.learned(reference)
    if saved.first_weeks is not None:
        signal.first_weeks = FirstWeeks.load(signal.bins, saved.first_weeks)
    signal.given = saved.given
    past = Past.load(saved.past)
    if past.total.size != len(signal.bins):
        raise ValueError(f"{saved.name}: past and layout differ")
    signal.past = past
    judge = signal.judge
    if judge is not None and len(saved.log_e) == len(saved.log_run) == len(saved.run_s) == judge.log_e.size:
        shape = judge.log_e.shape
        judge.log_e = np.asarray(saved.log_e, dtype=np.float64).reshape(shape)
        judge.log_run = np.asarray(saved.log_run, dtype=np.float64).reshape(shape)
        judge.run_s = np.asarray(saved.run_s, dtype=np.float64).reshape(shape)
    signal.state, signal.since_s, signal.start_s = saved.state, saved.since_s, saved.start_s
    signal.closed, signal.evidence_past = list(saved.closed), deque(saved.evidence_past)
