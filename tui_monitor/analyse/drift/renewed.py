"""A signal under other limits than those that it began with, where nothing that was learned or seen is lost; and one that cannot go on."""

from __future__ import annotations

import copy
from collections import Counter

from tui_monitor.analyse.drift.early import Early
from tui_monitor.analyse.drift.past import effect
from tui_monitor.analyse.drift.saved import Limits
from tui_monitor.analyse.drift.signal import Signal


def renew(signal: Signal, limits: Limits, now_s: float) -> bool:
    """Judge by these limits from now on; returns whether its evidence begins anew, because another shift is the smallest worth knowing."""
    before, signal.limits = signal.limits, limits
    return before.tolerance != limits.tolerance and judge_anew(signal, now_s)


def judge_anew(signal: Signal, now_s: float) -> bool:
    """Evidence against the same reference, from nothing; returns whether there was any to begin anew.

    Evidence is against "moved by no more than the smallest shift": gathered against another one it proves nothing. A drift that is on stays so,
    with its beginning, unless it is no larger than what is not worth a word now.
    """
    if signal.reference is None:
        return False
    other = copy.copy(signal)
    other.early, other.new_names = Early(), Counter()  # what `learned` empties
    other.learned(signal.reference)
    signal.judge = other.judge
    if signal.since_s is not None and effect(signal.past.since(signal.since_s), category=signal.category).size <= signal.limits.tolerance:
        if (over := signal.episode(now_s)) is not None:
            signal.closed = [*signal.closed, over][-signal.most_closed :]
        signal.since_s = signal.start_s = None
        signal.state = "idle"
    return True


def failed(signal: Signal, why: str) -> Signal:
    """What stands in the place of a signal whose judging raised: blind, with what it was and had been told. `why` is fit for people."""
    made = Signal(
        signal.source, signal.name, signal.role, signal.limits, signal.intake, bins=signal.bins if signal.intake == "histogram" else None
    )
    made.unfit, made.state, made.why_blind = True, "blind", f"judging it failed: {why}"
    made.seen_s, made.given, made.befores, made.closed = signal.seen_s, signal.given, signal.befores, signal.closed
    return made
