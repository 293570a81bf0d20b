"""One column of two files held against each other: what kind it is, every measure that applies, and a verdict from a single look.

A single look has no budget over time: the verdict rests on the p-value, corrected for the number of columns (Benjamini and Hochberg 1995),
and on an effect that is worth a word. What looks every minute is `judge`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift import sentence, shares
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.samples import Pair
from tui_monitor.model import Drift, Measured, Part, Shares, clean

LEAST_ROWS = 20  # on a side: below, nothing is said
LEVEL = 0.01  # of the corrected p
FLOOR = 0.05  # of the effect: what is certain but smaller is watched
NEARLY_ALL = 0.5  # of the values are different ones: an id, a text, no category
MOST_CATEGORIES = 1000
PARTS = 5

NUMERIC = (
    "ks",
    "kuiper",
    "anderson_darling",
    "cramer_von_mises",
    "mann_whitney",
    "welch_t",
    "wasserstein",
    "energy",
    "psi",
    "kl",
    "js",
    "hellinger",
)
CATEGORY = ("chi_square", "g", "fisher", "l_infinity", "cramers_v", "psi", "kl", "js", "hellinger")
TESTS = tuple(dict.fromkeys((*NUMERIC, *CATEGORY)))
_COUNTED = {
    "chi_square": shares.chi_square, "g": shares.g_test, "fisher": shares.fisher, "l_infinity": shares.l_infinity, "cramers_v": shares.cramers_v,
    "psi": shares.psi, "kl": shares.kl, "js": shares.js, "hellinger": shares.hellinger,
}  # fmt: skip


class Column(NamedTuple):
    """One side: the values that are there, and how many rows there were."""

    values: NDArray[Any]  # float64, finite; or object: text
    rows: int

    @property
    def numeric(self) -> bool:
        """Whether these are numbers."""
        return self.values.dtype != object

    @property
    def missing(self) -> float | None:
        """Share of rows without a value."""
        return None if not self.rows else 1.0 - self.values.size / self.rows


class Compared(NamedTuple):
    """One column before its verdict, which needs the p-values of all columns."""

    drift: Drift
    p: float | None  # of the measure that the verdict rests on


def compare(name: str, source: str, reference: Column | None, now: Column | None, tests: Collection[str] = ()) -> Compared:
    """Every measure of one column, and what can be said without the other columns.

    Args:
        name: of the column.
        source: the file of now.
        reference: None: the reference has no such column.
        now: None: now has none.
        tests: only these measures; empty: all that apply.
    """
    category = _is_category(reference, now)
    kind: Literal["category", "numeric"] = "category" if category else "numeric"
    why, state = _unfit(reference, now, category=category)
    blank = Drift(
        signal=name, source=source, role="input", state=state or "stable", since=None, test="l_infinity" if category else "ks", effect=None,
        bound="=", p=None, n_reference=0 if reference is None else reference.values.size, n_now=0 if now is None else now.values.size,
        evidence=None, sentence=f"{name}: {why}." if why else "", type=kind, why=why,
        missing_reference=None if reference is None else reference.missing, missing_now=None if now is None else now.missing,
    )  # fmt: skip
    if why or reference is None or now is None:
        return Compared(blank, None)
    return _categories(blank, reference, now, tests) if category else _numbers(blank, reference, now, tests)


def judged(compared: Sequence[Compared]) -> list[Drift]:
    """The verdicts of a whole data set: p-values corrected for their number, effects against their floor."""
    known = [(i, one.p) for i, one in enumerate(compared) if one.p is not None]
    adjusted = dict(zip((i for i, _ in known), adjusted_p([p for _, p in known]), strict=True))
    return [_judged(one.drift, adjusted[i]) if i in adjusted else one.drift for i, one in enumerate(compared)]


def adjusted_p(p: Sequence[float]) -> list[float]:
    """P-values corrected for looking at many (Benjamini and Hochberg 1995): at most this share of those under a level is false."""
    order = sorted(range(len(p)), key=lambda i: p[i], reverse=True)
    result, least = [1.0] * len(p), 1.0
    for rank, i in enumerate(order):
        least = min(least, p[i] * len(p) / (len(p) - rank))
        result[i] = least
    return result


def _judged(drift: Drift, p: float) -> Drift:
    from msgspec.structs import replace

    certain = p < LEVEL
    effect = drift.effect or 0.0
    state = ("drift" if effect >= FLOOR else "watch") if certain else "stable"
    evidence = math.log10(LEVEL / max(p, 1e-300))
    if state == "stable":
        measure = "L-infinity" if drift.type == "category" else "KS"
        said = sentence.same(measure, "=", effect, drift.n_now, drift.n_reference)
        return replace(drift, evidence=evidence, sentence=f"{drift.signal}: {said}", parts=[])
    return replace(drift, state=state, evidence=evidence)


def _is_category(reference: Column | None, now: Column | None) -> bool:
    sides = [side for side in (reference, now) if side is not None and side.values.size]
    if any(not side.numeric for side in sides):
        return True
    return bool(sides) and np.unique(np.concatenate([side.values for side in sides])).size <= 2


def _unfit(reference: Column | None, now: Column | None, *, category: bool) -> tuple[str, Any]:
    """Why nothing can be said, and in which state that is."""
    for side, where in ((reference, "the reference"), (now, "the current file")):
        if side is None:
            return f"not in {where}", "blind"
        if not side.values.size:
            return f"no values in {where}", "blind"
    if reference is None or now is None:
        return "", None
    if reference.numeric != now.numeric:
        return "numbers on one side, text on the other", "blind"
    least = min(reference.values.size, now.values.size)
    if least < LEAST_ROWS:
        return f"only {least} values on one side, {LEAST_ROWS} are needed", "idle"
    if category and not reference.numeric:
        for side in (reference, now):
            different = len(set(side.values.tolist()))
            if different > NEARLY_ALL * side.values.size or different > MOST_CATEGORIES:
                return f"{different} different texts in {side.values.size} rows: no category", "blind"
    return "", None


def _wanted(known: Sequence[str], tests: Collection[str]) -> list[str]:
    return [name for name in known if not tests or name in tests]


def _numbers(blank: Drift, reference: Column, now: Column, tests: Collection[str]) -> Compared:
    from msgspec.structs import replace

    pair = Pair(reference.values, now.values)
    edges = shares.decile_edges(pair.reference)
    before, after = shares.binned(pair.reference, edges), shares.binned(pair.now, edges)
    ks = pair.ks()
    measures: dict[str, Measured] = {}
    for name in _wanted(NUMERIC, tests):
        measures[name] = ks if name == "ks" else _COUNTED[name](before, after) if name in _COUNTED else getattr(pair, name)()
    at, f, g = pair.largest_gap()
    signal = blank.signal
    moved = (
        f"{signal} moved up: {sentence.percent(1 - g)} above {at:g}, {sentence.percent(1 - f)} in the reference."
        if g <= f
        else f"{signal} moved down: {sentence.percent(g)} at or below {at:g}, {sentence.percent(f)} in the reference."
    )
    names = _bin_names(edges)
    low, high = before / before.sum(), after / after.sum()
    median = [float(np.quantile(side, 0.5)) for side in (pair.reference, pair.now)]
    tail = [float(np.quantile(side, 0.95)) for side in (pair.reference, pair.now)]
    drift = replace(
        blank,
        effect=ks.statistic,
        p=ks.p,
        tests=measures,
        sentence=moved,
        shares=Shares(edges.tolist(), low.tolist(), high.tolist()),
        quantiles={"p50": (median[0], median[1]), "p95": (tail[0], tail[1])},
        mean=(float(pair.reference.mean()), float(pair.now.mean())),
        parts=_parts(names, low, high),
    )
    return Compared(drift, ks.p)


def _bin_names(edges: Floats) -> list[str]:
    if not edges.size:
        return ["all"]
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"up to {edges[0]:g}", *inner, f"above {edges[-1]:g}"]


def _categories(blank: Drift, reference: Column, now: Column, tests: Collection[str]) -> Compared:
    from msgspec.structs import replace

    texts = [np.asarray([_word(value) for value in side.values.tolist()], dtype=object) for side in (reference, now)]
    names = sorted({*texts[0].tolist(), *texts[1].tolist()})
    place = {name: i for i, name in enumerate(names)}
    before, after = (np.bincount([place[word] for word in side.tolist()], minlength=len(names)).astype(np.float64) for side in texts)
    measures = {name: _COUNTED[name](before, after) for name in _wanted(CATEGORY, tests) if name != "fisher" or len(names) == 2}
    low, high = before / before.sum(), after / after.sum()
    at = int(np.abs(low - high).argmax())
    chi = shares.chi_square(before, after)
    p = shares.fisher(before, after).p if len(names) == 2 else chi.p
    drift = replace(
        blank,
        effect=float(np.abs(low - high).max()),
        p=p,
        tests=measures,
        sentence=f"{blank.signal}: share of {clean(names[at], 60)!r} moved from {sentence.percent(low[at])} to {sentence.percent(high[at])}.",
        parts=_parts(names, low, high),
    )
    return Compared(drift, 1.0 if p is None else p)


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parts(names: Sequence[str], before: Floats, after: Floats) -> list[Part]:
    order = np.argsort(-np.abs(after - before), kind="stable")[:PARTS]
    return [Part(clean(names[i], 60), float(before[i]), float(after[i])) for i in order if before[i] != after[i]]
