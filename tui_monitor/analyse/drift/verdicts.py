"""What a signal's state is told as: the verdict with its measures, parts, bounds and one sentence."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from tui_monitor.analyse.drift import buckets, residual, sentence, shares
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.past import Stretch, effect
from tui_monitor.analyse.drift.season import HOURS, WEEK_HOURS
from tui_monitor.analyse.drift.signal import FRESH_ROWS, LEAST_ROWS, Signal, new_share
from tui_monitor.analyse.histogram import reached
from tui_monitor.model import Drift, Measured, Part, Shares, SignalState, clean, utc

PARTS = 5
WINDOWS_S = {"5m": 300.0, "30m": 1800.0, "3h": 10_800.0, "24h": 86_400.0}
LEAST_IN_WINDOW = 50  # rows: below, a window's effect is noise
SEEN = 0.02  # a share that differs by less is not told of
COST = "cost"  # the signal of what wrong answers cost
_CAUSES: dict[str, Literal["data", "target", "concept", "system", "quality"]] = {
    "input": "data", "output": "target", "score": "target", "performance": "concept", "latency": "system", "quality": "quality",
}  # fmt: skip


def verdict(signal: Signal, now_s: float) -> Drift:
    """How a signal stands."""
    category = signal.category
    state: SignalState = signal.state
    if now_s - signal.seen_s > max(signal.limits.every_s, 30.0):
        state = "stale"
    test, bound = ("l_infinity", "=") if category else ("ks", ">=")
    reference = signal.reference
    if reference is None or signal.judge is None:
        return _learning(signal, now_s, state, test, bound)
    change_s = signal.since_s if signal.state == "drift" else signal.judge.change_s if signal.state == "watch" else None
    rows = signal.now()
    found = effect(rows, category=category)
    return Drift(
        signal=signal.name,
        source=signal.source,
        role=signal.role,
        state=state,
        since=utc(change_s) if change_s is not None else None,
        test=test,
        effect=found.size if rows.rows else None,
        bound=bound,
        p=None,
        n_reference=round(reference.rows),
        n_now=round(rows.rows),
        evidence=signal.evidence,
        sentence=_sentence(signal, now_s, state, change_s, rows, found.size),
        quantiles=_quantiles(signal, rows),
        shares=_shares(signal, rows),
        type="category" if category else "numeric",
        kind=signal.kind() if state == "drift" else "",
        cause=_cause(signal),
        why=signal.why_blind if state == "blind" else signal.why_watched if state == "watch" else "",
        missing_reference=signal.missing_reference,
        missing_now=signal.missing_now,
        out_of_range=_out_of_range(signal, rows),
        new_category=new_share(signal, rows) if signal.category and signal.role != "quality" and rows.rows else None,
        tests=_tests(signal, rows),
        bounds=_bounds(signal, rows),
        mean=(reference.mean, rows.amount / rows.rows if rows.rows and rows.amount else None),
        parts=_parts(signal, rows) if state in ("drift", "watch") else [],
        windows=_windows(signal, now_s),
        interval=_interval(signal, rows, found.size, found.at),
        tau=reference.tau,
        origin=_origin(signal),
        early=signal.early.out(),
        evidence_past=list(signal.evidence_past),
        raised=utc(signal.start_s) if signal.state == "drift" and signal.start_s is not None else None,
    )


def _learning(signal: Signal, now_s: float, state: SignalState, test: str, bound: str) -> Drift:
    rows, begun_s, limits = signal.learned_rows, signal.begun_s, signal.limits
    passed_s = max(0.0, now_s - (begun_s if begun_s is not None else now_s))
    said = sentence.learning(rows, LEAST_ROWS, passed_s, limits.learn_s)
    said = f"{signal.why_anew}; {said}" if signal.why_anew else said
    said = f"{signal.name}: {signal.why_blind}." if state == "blind" else said
    return Drift(
        signal=signal.name, source=signal.source, role=signal.role, state=state, since=None, test=test, effect=None, bound=bound, p=None,
        n_reference=round(rows), n_now=0, evidence=None, progress=min(rows / LEAST_ROWS, passed_s / limits.learn_s if limits.learn_s else 1.0, signal.learned_part, 1.0),
        sentence=sentence.silent(sentence.clock(signal.seen_s, now_s)) if state == "stale" else said,
        type="category" if signal.category else "numeric", cause=_cause(signal), why=signal.why_blind if state == "blind" else "",
        origin=f"before: {signal.befores[-1].reference.origin}" if signal.befores else "",
    )  # fmt: skip


def _cause(signal: Signal) -> Literal["data", "target", "concept", "cost", "system", "quality"]:
    return "cost" if signal.role == "performance" and signal.name == COST else _CAUSES[signal.role]


def _origin(signal: Signal) -> str:
    if signal.reference is None:
        return ""
    hours = {HOURS: ", by the hour of the day", WEEK_HOURS: ", by the hour of the week"}.get(len(signal.reference.hours), "")
    before = f"; before: {signal.befores[-1].reference.origin}" if signal.befores else ""
    return signal.reference.origin + hours + before


def _out_of_range(signal: Signal, rows: Stretch) -> float | None:
    """Share outside the range that a column of numbers had in its reference: its first and last bin are there for that."""
    if signal.intake != "rows" or signal.category or rows.rows <= 0:
        return None
    return float((rows.counts[0] + rows.counts[-1]) / rows.rows)


def moved(signal: Signal, rows: Stretch, since_s: float, now_s: float) -> str:
    """One sentence on a change."""
    since = sentence.clock(since_s, now_s)
    if signal.bins is None or rows.rows <= 0:
        return sentence.quiet(since)
    was, is_now = rows.expected / max(float(rows.expected.sum()), 1e-300), rows.counts / rows.rows
    at = effect(rows, category=signal.category).at
    if signal.category and signal.intake == "histogram":  # rows that are counted by what holds for them
        return sentence.changed(signal.name, since, signal.bins.names[0], float(was[0]), float(is_now[0]))
    if signal.category:
        if signal.new_names and is_now[-1] - was[-1] >= 0.999 * abs(is_now[at] - was[at]):
            names = ", ".join(f"{name!r} ({count} rows)" for name, count in signal.new_names.most_common(3))
            return sentence.strange(signal.name, since, names, float(is_now[-1]))
        if is_now[at] == 0 and was[at] > 0:
            return sentence.vanished(signal.name, since, signal.bins.names[at], float(was[at]))
        return sentence.changed(signal.name, since, signal.bins.names[at], float(was[at]), float(is_now[at]))
    if signal.name == residual.CLASSES:
        return sentence.wrong_more(since, float(was[: at + 1].sum()), float(is_now[: at + 1].sum()))
    if signal.name == residual.NUMBERS:
        ends = (slice(None, residual.END_BINS), slice(-residual.END_BINS, None))
        low, high = ((float(was[end].sum()), float(is_now[end].sum())) for end in ends)
        return sentence.errors_moved(since, low, high, SEEN)
    return sentence.moved(signal.name, since, signal.bins.edges, at, float(was[: at + 1].sum()), float(is_now[: at + 1].sum()))


def _sentence(signal: Signal, now_s: float, state: SignalState, change_s: float | None, rows: Stretch, size: float) -> str:
    reference = signal.reference
    if state == "stale" or reference is None:
        return sentence.silent(sentence.clock(signal.seen_s, now_s))
    if state in ("drift", "watch") and rows.rows > 0:
        said = moved(signal, rows, change_s if change_s is not None else rows.since_s, now_s)
        return f"{said} {signal.why_watched[0].upper()}{signal.why_watched[1:]}." if state == "watch" and signal.why_watched else said
    if state == "idle":
        if signal.quiet(now_s) and signal.rows_s is not None:
            return sentence.quiet(sentence.clock(signal.rows_s, now_s))
        return sentence.waiting(float(signal.past.total.sum()), FRESH_ROWS * reference.tau)
    bucket = signal.one_bin()
    if state == "blind" and signal.why_blind:
        return f"{signal.why_blind}."
    if state == "blind" and bucket is not None and signal.bins is not None:
        edges = signal.bins.edges
        low = sentence.number(edges[bucket - 1], "") if bucket else "0"
        return sentence.blind(f"{low} … {sentence.number(edges[bucket], signal.name) if bucket < len(edges) else 'more'}")
    measure, bound = ("L-infinity", "=") if signal.category else ("KS", ">=")
    return sentence.same(measure, bound, size, rows.rows, reference.rows)


def _quantiles(signal: Signal, rows: Stretch) -> dict[str, tuple[float | None, float | None]]:
    if signal.category or signal.reference is None or signal.bins is None:
        return {}
    bounds = [*signal.bins.edges, math.inf]
    sides = [list(zip(bounds, np.cumsum(counts).tolist(), strict=True)) for counts in (signal.reference.counts, rows.counts)]

    def at(q: float, levels: list[tuple[float, float]]) -> float | None:
        found = reached(q, levels)
        return None if found is None or levels[-1][1] <= 0 else found.value

    return {key: (at(q, sides[0]), at(q, sides[1])) for key, q in (("p50", 0.5), ("p95", 0.95))}


def _shares(signal: Signal, rows: Stretch) -> Shares | None:
    if signal.reference is None or signal.bins is None or rows.rows <= 0:
        return None
    expected = rows.expected / max(float(rows.expected.sum()), 1e-300)
    names = [clean(name, 60) for name in signal.bins.names] if signal.category else []
    return Shares(signal.bins.shown_edges(), expected.tolist(), (rows.counts / rows.rows).tolist(), names)


def _parts(signal: Signal, rows: Stretch) -> list[Part]:
    if signal.bins is None or rows.rows <= 0:
        return []
    was, is_now = rows.expected / max(float(rows.expected.sum()), 1e-300), rows.counts / rows.rows
    labels = signal.bins.labels()
    order = np.argsort(-np.abs(is_now - was), kind="stable")[:PARTS]
    return [Part(clean(labels[i], 60), float(was[i]), float(is_now[i])) for i in order if was[i] != is_now[i]]


def _tests(signal: Signal, rows: Stretch) -> dict[str, Measured]:
    """Every measure that counts allow, over the rows that stand for now; p is that of a single look, at rows as they are worth."""
    reference = signal.reference
    if reference is None or rows.rows < LEAST_IN_WINDOW:
        return {}
    was = rows.expected / max(float(rows.expected.sum()), 1e-300) * reference.rows / reference.tau
    is_now = rows.counts / reference.tau
    found = {
        "chi_square": shares.chi_square(was, is_now), "g": shares.g_test(was, is_now), "psi": shares.psi(was, is_now), "kl": shares.kl(was, is_now),
        "js": shares.js(was, is_now), "hellinger": shares.hellinger(was, is_now), "l_infinity": shares.l_infinity(was, is_now),
    }  # fmt: skip
    if signal.category:
        found["cramers_v"] = shares.cramers_v(was, is_now)
    else:
        found["ks"] = Measured(buckets.ks(was, is_now).low)
        found["mann_whitney"] = Measured(_ridit(was, is_now))
    return found


def _ridit(was: Floats, is_now: Floats) -> float:
    below = np.cumsum(was) - was / 2
    return float((is_now * below).sum() / (is_now.sum() * was.sum()))


def _bounds(signal: Signal, rows: Stretch) -> dict[str, tuple[float, float | None]]:
    """What the bins prove of the measures over the rows themselves: at least, at most."""
    reference = signal.reference
    if reference is None or signal.category or rows.rows < LEAST_IN_WINDOW:
        return {}
    ks, mw = buckets.ks(rows.expected, rows.counts), buckets.mann_whitney(rows.expected, rows.counts)
    found: dict[str, tuple[float, float | None]] = {"ks": (ks.low, ks.high), "mann_whitney": (mw.low, mw.high)}
    now_mean = rows.amount / rows.rows if rows.amount else None
    if (moved_by := buckets.wasserstein(reference.mean, now_mean, rows.expected, rows.counts)) is not None:
        found["wasserstein"] = (moved_by.low, moved_by.high)
    return found


def _windows(signal: Signal, now_s: float) -> dict[str, float | None]:
    starts = [now_s - width_s for width_s in WINDOWS_S.values()]
    return dict(zip(WINDOWS_S, signal.past.gaps(starts, category=signal.category, least=LEAST_IN_WINDOW), strict=True))


def _interval(signal: Signal, rows: Stretch, size: float, at: int) -> tuple[float | None, float | None]:
    """95 % of the difference at the place where it is largest, rows counted for what they are worth."""
    reference = signal.reference
    if reference is None or rows.rows < LEAST_IN_WINDOW:
        return None, None
    was, is_now = rows.expected / max(float(rows.expected.sum()), 1e-300), rows.counts / rows.rows
    p, q = (float(was[at]), float(is_now[at])) if signal.category else (float(was[: at + 1].sum()), float(is_now[: at + 1].sum()))
    half = 1.96 * math.sqrt(reference.tau * (p * (1 - p) / max(reference.rows, 1.0) + q * (1 - q) / rows.rows))
    return max(0.0, size - half), min(1.0, size + half)
