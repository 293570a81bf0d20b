"""One column of two files held against each other: every measure that applies, and a verdict from a single look.

A single look has no budget over time: the verdict rests on the p-value, corrected for the number of columns (Benjamini and Hochberg 1995),
and on an effect that is worth a word. What looks every minute is `judge`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from tui_monitor.analyse.drift import sentence, shares
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.nature import Column, Nature, nature
from tui_monitor.analyse.drift.samples import Pair
from tui_monitor.model import Drift, Measured, Part, Shares, clean

LEVEL = 0.01  # of the corrected p
FLOOR = 0.05  # of the effect: what is certain but smaller is watched
PARTS = 5
KS, L_INFINITY = "ks", "l_infinity"

_NUMERIC_ROWS = {
    KS: Pair.ks, "kuiper": Pair.kuiper, "anderson_darling": Pair.anderson_darling, "cramer_von_mises": Pair.cramer_von_mises,
    "mann_whitney": Pair.mann_whitney, "welch_t": Pair.welch_t, "wasserstein": Pair.wasserstein, "energy": Pair.energy,
}  # fmt: skip
_COUNTED = {
    "chi_square": shares.chi_square, "g": shares.g_test, "fisher": shares.fisher, L_INFINITY: shares.l_infinity,
    "cramers_v": shares.cramers_v,
}  # fmt: skip
_DIVERGENCES = {"psi": shares.psi, "kl": shares.kl, "js": shares.js, "hellinger": shares.hellinger}
NUMERIC = (*_NUMERIC_ROWS, *_DIVERGENCES)
CATEGORY = (*_COUNTED, *_DIVERGENCES)
TESTS = tuple(dict.fromkeys((*NUMERIC, *CATEGORY)))


class Compared(NamedTuple):
    """One column before its verdict, which needs the p-values of all columns."""

    drift: Drift
    p: float | None  # of the test that the verdict rests on
    pair: Pair | None = None  # of numbers


def compare(
    name: str, source: str, reference: Column | None, now: Column | None, tests: Collection[str] = (), *, meant: bool = False
) -> Compared:
    """Every measure of one column, and what can be said without the other columns.

    Args:
        name: of the column.
        source: the file of now.
        reference: None: the reference has no such column.
        now: None: now has none.
        tests: only these measures; empty: all that apply. The verdict's own is computed in any case.
        meant: see `nature`.
    """
    of = nature(reference, now, meant=meant)
    blank = _blank(name, source, reference, now, of)
    if of.state is not None or reference is None or now is None:
        return Compared(blank, None)
    if reference.numbers is None or now.numbers is None:
        return _categories(blank, reference.texts, now.texts, tests)
    if of.type == "category":
        return _categories(blank, _counts(reference.numbers), _counts(now.numbers), tests)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near the end of all numbers: what does not exist then is None
        return _numbers(blank, reference.numbers, now.numbers, tests)


def _blank(name: str, source: str, reference: Column | None, now: Column | None, of: Nature) -> Drift:
    """What is known before anything is measured."""
    why = of.why or _remark(reference, now)
    return Drift(
        signal=name, source=source, role="input", state=of.state or "stable", since=None,
        test=L_INFINITY if of.type == "category" else KS, effect=None, bound="=", p=None,
        n_reference=0 if reference is None else reference.n, n_now=0 if now is None else now.n, evidence=None,
        sentence=f"{name}: {why}." if of.state else "", type=of.type, why=why,
        missing_reference=None if reference is None else reference.missing, missing_now=None if now is None else now.missing,
    )  # fmt: skip


def _remark(reference: Column | None, now: Column | None) -> str:
    """What of a column that is judged was left out."""
    said = []
    for side, where in ((reference, "the reference"), (now, "the current file")):
        if side is not None and side.infinite:
            said.append(f"{side.infinite:,} infinite value{'s' if side.infinite > 1 else ''} in {where} left out")
        if side is not None and side.drawn_from and side.numbers is not None:
            said.append(f"measured on a random {side.numbers.size:,} of {side.drawn_from:,} values of {where}")
    return "; ".join(said)


def judged(compared: Sequence[Compared]) -> list[Drift]:
    """The verdicts of a whole data set: p-values corrected for their number, effects against their floor."""
    known = [(i, one.p) for i, one in enumerate(compared) if one.p is not None]
    adjusted = dict(zip((i for i, _ in known), adjusted_p([p for _, p in known]), strict=True))
    return [_judged(one, adjusted[i]) if i in adjusted else one.drift for i, one in enumerate(compared)]


def adjusted_p(p: Sequence[float]) -> list[float]:
    """P-values corrected for looking at many (Benjamini and Hochberg 1995): at most this share of those under a level is false."""
    order = sorted(range(len(p)), key=lambda i: p[i], reverse=True)
    result, least = [1.0] * len(p), 1.0
    for rank, i in enumerate(order):
        least = min(least, p[i] * len(p) / (len(p) - rank))
        result[i] = least
    return result


def _judged(one: Compared, p: float) -> Drift:
    drift = one.drift
    effect = drift.effect or 0.0
    evidence = math.log10(LEVEL / max(p, 1e-300))
    if p >= LEVEL:
        if drift.sentence.startswith(f"{drift.signal}: only"):  # constant
            return replace(drift, evidence=evidence)
        measure = "largest difference of a share" if drift.type == "category" else "KS"
        said = sentence.same(measure, "=", effect, drift.n_now, drift.n_reference)
        return replace(drift, evidence=evidence, sentence=f"{drift.signal}: {said}", parts=[])
    state = "drift" if effect >= FLOOR else "watch"
    if one.pair is None:
        return replace(drift, state=state, evidence=evidence)
    edges, before, after = _deciles(one.pair)
    low, high = before / before.sum(), after / after.sum()
    return replace(
        drift, state=state, evidence=evidence, sentence=_moved(drift.signal, one.pair), parts=_parts(_bin_names(edges), low, high),
        shares=Shares(edges.tolist(), low.tolist(), high.tolist()),
    )  # fmt: skip


# -- numbers --------------------------------------------------------------------------------------------------------------------------------


def _numbers(blank: Drift, reference: Floats, now: Floats, tests: Collection[str]) -> Compared:
    pair = Pair(reference, now)
    if not tests:  # most of them need the values in order
        _ = pair.reference
    ks = pair.ks()
    binned = _deciles(pair) if not tests or any(name in _DIVERGENCES for name in tests) else None
    measures: dict[str, Measured] = {}
    for name in NUMERIC:
        if tests and name not in tests:
            continue
        if name in _NUMERIC_ROWS:
            measures[name] = ks if name == KS else _NUMERIC_ROWS[name](pair)
        elif binned is not None:
            measures[name] = _DIVERGENCES[name](binned[1], binned[2])
    drift = replace(
        blank,
        effect=ks.statistic,
        p=ks.p,
        tests={name: _finite(measured) for name, measured in measures.items()},
        mean=(_finite(Measured(float(reference.mean()))).statistic, _finite(Measured(float(now.mean()))).statistic),
    )
    return Compared(drift, ks.p, pair)


def _finite(measured: Measured) -> Measured:
    """What does not exist is None."""
    statistic, p = (None if value is None or not math.isfinite(value) else value for value in (measured.statistic, measured.p))
    return Measured(statistic, p)


def _deciles(pair: Pair) -> tuple[Floats, Floats, Floats]:
    """(edges, counts of the reference, counts of now)."""
    edges = shares.decile_edges(pair.reference)
    before, after = (
        np.diff(np.searchsorted(side, edges, side="right"), prepend=0, append=side.size).astype(np.float64)
        for side in (pair.reference, pair.now)
    )
    return edges, before, after


def _moved(signal: str, pair: Pair) -> str:
    at, f, g = pair.largest_gap()
    edge = sentence.number(at, signal)
    if g <= f:
        return f"{signal} moved up: {sentence.percent(1 - g)} above {edge}, {sentence.percent(1 - f)} in the reference."
    return f"{signal} moved down: {sentence.percent(g)} at or below {edge}, {sentence.percent(f)} in the reference."


def _bin_names(edges: Floats) -> list[str]:
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"up to {edges[0]:g}", *inner, f"above {edges[-1]:g}"]


# -- categories -----------------------------------------------------------------------------------------------------------------------------


def _counts(numbers: Floats) -> dict[str, int]:
    """Of few different numbers."""
    values, counts = np.unique(numbers, return_counts=True)
    return {f"{value:.17g}": int(count) for value, count in zip(values.tolist(), counts, strict=True)}


def _categories(blank: Drift, reference: Mapping[str, int], now: Mapping[str, int], tests: Collection[str]) -> Compared:
    names = sorted({*reference, *now})
    before, after = (np.array([side.get(name, 0) for name in names], dtype=np.float64) for side in (reference, now))
    measures: dict[str, Measured] = {}
    for name, measure in (_COUNTED | _DIVERGENCES).items():
        if (not tests or name in tests) and (name != "fisher" or len(names) == 2):
            measures[name] = _finite(measure(before, after))
    low, high = before / before.sum(), after / after.sum()
    at = int(np.abs(low - high).argmax())
    test = shares.fisher if len(names) == 2 else shares.chi_square
    p = (measures.get("fisher" if len(names) == 2 else "chi_square") or test(before, after)).p
    said = (
        f"{blank.signal} changed: {sentence.percent(high[at])} {clean(names[at], 60)}, {sentence.percent(low[at])} in the reference."
        if len(names) > 1
        else f"{blank.signal}: only {clean(names[0], 60)} on both sides."
    )
    why = "; ".join(part for part in (blank.why, "constant: one value on both sides" if len(names) == 1 else "") if part)
    drift = replace(
        blank,
        effect=float(abs(low[at] - high[at])),
        p=p,
        why=why,
        tests=measures,
        sentence=said,
        parts=_parts(names, low, high),
    )
    return Compared(drift, 1.0 if p is None else p)


def _parts(names: Sequence[str], before: Floats, after: Floats) -> list[Part]:
    """What moved most, first."""
    order = np.argsort(-np.abs(after - before), kind="stable")[:PARTS]
    return [Part(clean(names[i], 60), float(before[i]), float(after[i])) for i in order if before[i] != after[i]]
