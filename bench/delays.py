"""How soon a real change is found, against ADWIN, PageHinkley and a KS window, all at one rate of false alarms.

    python bench/delays.py                    the tables; without river its columns are those published
    python bench/delays.py --streams 30       of each kind
    python bench/delays.py --shift 0          smallest_shift of our judge

Ten rows a minute, one check a minute. Every detector sees 10,000 unchanged rows first; its one knob is set so that 5 % of days of 14,400
unchanged rows raise a false alarm (ours here, on `--days` days; the others' as they were set that way before, and their rate is printed).
The change comes at row 5,000. Numbers are medians in rows, with the share of streams in which it was never found within the day. `default` is
what the product does: one false alarm in 30 days, `watch or drift` by the judge, then `drift` (an effect of 0.05 too).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy.special import kolmogorov
from streams import Chance, Floats

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.reference import of_rows
from tui_monitor.analyse.drift.saved import Limits
from tui_monitor.analyse.drift.signal import Signal

REFERENCE, DAY, CHANGE, CHECK = 10_000, 14_400, 5_000, 10
BUDGET = 30 * 1440.0
KNOBS = {"numeric": (0.0107, 246.0), "errors": (0.0496, 59.1)}  # ADWIN's delta, PageHinkley's threshold
KS_ALPHA, KS_ROWS = 0.00023, 1000

Change = Callable[[Floats, Chance], Floats]


def _after(rows: Floats) -> Floats:
    return np.maximum(0.0, rows - CHANGE)


def _moved(by: float) -> Change:
    return lambda rows, chance: chance.normal(size=rows.size) + by * (rows >= CHANGE)


def _recurring(rows: Floats) -> Floats:
    return ((rows >= CHANGE) & (_after(rows) % 1200 < 300)).astype(np.float64)


def _wrong(rate: Callable[[Floats], Floats]) -> Change:
    return lambda rows, chance: (chance.random(rows.size) < rate(rows)).astype(np.float64)


NUMERIC: dict[str, tuple[Change, int]] = {  # and the bar in rows: the published delay of an e-detector
    "mean +0.1 sd": (_moved(0.1), 2715),
    "mean +0.25 sd": (_moved(0.25), 375),
    "mean +0.5 sd": (_moved(0.5), 120),
    "mean +1 sd": (_moved(1.0), 50),
    "scale x 1.5": (lambda rows, chance: chance.normal(size=rows.size) * np.where(rows >= CHANGE, 1.5, 1.0), 185),
    "shape: lopsided": (  # the same mean and spread
        lambda rows, chance: np.where(rows >= CHANGE, chance.exponential(size=rows.size) - 1.0, chance.normal(size=rows.size)),
        0,
    ),
    "shape: two humps": (
        lambda rows, chance: np.where(
            rows >= CHANGE,
            chance.choice((-0.8, 0.8), size=rows.size) + chance.normal(0, 0.6, size=rows.size),
            chance.normal(size=rows.size),
        ),
        0,
    ),
    "gradual to +0.5": (lambda rows, chance: chance.normal(size=rows.size) + 0.5 * np.minimum(1.0, _after(rows) / 4000), 1700),
    "recurring +0.5": (lambda rows, chance: chance.normal(size=rows.size) + 0.5 * _recurring(rows), 120),
}
ERRORS: dict[str, tuple[Change, int]] = {
    "errors to 12 %": (_wrong(lambda rows: 0.1 + 0.02 * (rows >= CHANGE)), 5340),
    "errors to 15 %": (_wrong(lambda rows: 0.1 + 0.05 * (rows >= CHANGE)), 825),
    "errors to 20 %": (_wrong(lambda rows: 0.1 + 0.1 * (rows >= CHANGE)), 225),
    "errors to 30 %": (_wrong(lambda rows: 0.1 + 0.2 * (rows >= CHANGE)), 80),
    "gradual to 20 %": (_wrong(lambda rows: 0.1 + 0.1 * np.minimum(1.0, _after(rows) / 4000)), 2045),
    "recurring 20 %": (_wrong(lambda rows: 0.1 + 0.1 * _recurring(rows)), 225),
}
CATEGORY: dict[str, tuple[Change, int]] = {
    f"category +{points} points": (
        lambda rows, chance, share=points / 100: np.where(
            chance.random(rows.size) < share * (rows >= CHANGE) / 0.8, 1.0, chance.choice(5, size=rows.size, p=[0.4, 0.2, 0.2, 0.15, 0.05])
        ),
        0,
    )
    for points in (5, 10, 20)
}


def _signal(reference: Floats, shift: float, *, category: bool) -> Signal:
    if category:
        values: Any = np.asarray([f"class {value:.0f}" for value in reference], dtype=object)
        bins = Bins.of_categories(values)
    else:
        values, bins = reference, Bins.of_numbers(reference)
    known = of_rows(values, np.arange(REFERENCE) * 6.0, bins)
    return Signal("", "x", "input", Limits(0.0, 60.0, shift), "rows", bins=bins, reference=known)


def ours(reference: Floats, rows: Floats, shift: float, budget: float, *, category: bool) -> tuple[Floats, list[str]]:
    """Of each check: the evidence, log10, and the state."""
    signal = _signal(reference, shift, category=category)
    bins = signal.bins
    if bins is None:
        raise RuntimeError("a signal with a reference has bins")
    values: Any = np.asarray([f"class {value:.0f}" for value in rows], dtype=object) if category else rows
    counts = bins.slots(values, np.arange(rows.size) // CHECK, rows.size // CHECK)
    evidence, states = [], []
    for check, each in enumerate(counts):
        signal.step(check * 60.0, check * 60.0 + 60.0, each, budget)
        evidence.append(signal.evidence if signal.evidence is not None else -math.inf)
        states.append(signal.state)
        if budget > 1 and check > CHANGE // CHECK and signal.state == "drift":
            break
    return np.asarray(evidence), states


def _first(out: Iterable[bool], step: int, start: int = CHANGE) -> float:
    """Rows from the change to the first alarm after it."""
    found = next((place for place, over in enumerate(out) if over and (place + 1) * step > start), None)
    return math.inf if found is None else (found + 1) * step - start


def river(name: str, knob: float, reference: Floats, rows: Floats, start: int = CHANGE) -> float:
    """Rows to the first alarm of a detector of river's."""
    from river import drift

    detector = drift.ADWIN(delta=knob) if name == "ADWIN" else drift.PageHinkley(threshold=knob)
    for value in reference.tolist():
        detector.update(value)
    for place, value in enumerate(rows.tolist()):
        detector.update(value)
        if detector.drift_detected and place >= start:
            return place + 1 - start
    return math.inf


def ks_window(reference: Floats, rows: Floats, start: int = CHANGE) -> float:
    """Rows to the first p of the newest 1,000 rows under the level."""
    known, whole = np.sort(reference), np.concatenate([reference[-KS_ROWS:], rows])
    scale = math.sqrt(REFERENCE * KS_ROWS / (REFERENCE + KS_ROWS))
    for end in range(start + CHECK, rows.size + 1, CHECK):
        now = np.sort(whole[end : end + KS_ROWS])
        below = np.searchsorted(known, now, side="right") / REFERENCE
        gap = max(float(np.max(np.arange(1, KS_ROWS + 1) / KS_ROWS - below)), float(np.max(below - np.arange(KS_ROWS) / KS_ROWS)))
        if kolmogorov((scale + 0.12 + 0.11 / scale) * gap) < KS_ALPHA:
            return end - start
    return math.inf


def _said(delays: list[float]) -> str:
    never = sum(math.isinf(delay) for delay in delays) / len(delays)
    middle = float(np.median([min(delay, 1e9) for delay in delays]))
    return f"{middle:,.0f}{f' ({never:.0%})' if never else ''}" if middle < 1e8 else f"never ({never:.0%})"


def table(name: str, kinds: dict[str, tuple[Change, int]], asked: argparse.Namespace, *, with_river: bool) -> None:
    """One table of delays."""
    category = name == "category"
    unchanged, _ = next(iter(kinds.values()))
    before, day = np.zeros(REFERENCE), np.zeros(DAY)
    highest, false = [], [0, 0, 0]
    adwin, hinkley = KNOBS.get(name, KNOBS["numeric"])
    for seed in range(asked.days):
        chance = np.random.default_rng([asked.seed, seed])
        reference, rows = unchanged(before, chance), unchanged(day, chance)
        highest.append(float(ours(reference, rows, asked.shift, 1.0, category=category)[0].max()))
        if with_river and not category and seed < asked.check_others:
            false[0] += river("ADWIN", adwin, reference, rows, 0) < math.inf
            false[1] += river("PageHinkley", hinkley, reference, rows, 0) < math.inf
            false[2] += ks_window(reference, rows, 0) < math.inf
    knob = sorted(highest)[-(math.floor(0.05 * asked.days) + 1)] + 1e-9
    said = (
        f"; others: ADWIN {false[0]}, PageHinkley {false[1]}, KS {false[2]} of {asked.check_others}" if with_river and not category else ""
    )
    print(f"\n{name}: ours alarms at {10**knob:,.0f} checks ({(np.asarray(highest) > knob).sum()} of {asked.days} days false{said})")
    print(
        " " * 20
        + "".join(f"{one:>14}" for one in ("ours", "ADWIN", "PageHinkley", "KS 1000"))
        + f"{'bar':>8}{'default':>14}{'to drift':>14}"
    )
    for kind, (change, published) in kinds.items():
        found: list[list[float]] = [[], [], [], [], [], []]
        for seed in range(asked.streams):
            chance = np.random.default_rng([asked.seed, 1000 + seed])
            reference, rows = change(before, chance), change(np.arange(DAY, dtype=np.float64), chance)
            evidence, _ = ours(reference, rows, asked.shift, 1.0, category=category)
            found[0].append(_first(evidence > knob, CHECK))
            if with_river and not category:
                found[1].append(river("ADWIN", adwin, reference, rows))
                found[2].append(river("PageHinkley", hinkley, reference, rows))
            if not category and name != "errors":
                found[3].append(ks_window(reference, rows))
            found[4].append(_first(evidence > math.log10(BUDGET), CHECK))
            _, states = ours(reference, rows, asked.shift, BUDGET, category=category)
            found[5].append(_first([state == "drift" for state in states], CHECK))
        columns = [_said(each) if each else "-" for each in found]
        bar = f"{1.25 * published:,.0f}" if published else "-"
        print(
            f"{kind:20}" + "".join(f"{each:>14}" for each in columns[:4]) + f"{bar:>8}" + "".join(f"{each:>14}" for each in columns[4:]),
            flush=True,
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=30)
    parser.add_argument("--days", type=int, default=60, help="unchanged days that set the knob")
    parser.add_argument("--check-others", type=int, default=5, help="of them, on which the other detectors are tried too")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shift", type=float, default=0.0, help="smallest_shift of ours; the published table has 0")
    parser.add_argument("--only", default="numeric,errors,category")
    asked = parser.parse_args()
    try:
        import river as _  # noqa: F401
    except ImportError:
        print("river is not installed: its columns are left out")
        with_river = False
    else:
        with_river = True
    print(f"seed {asked.seed}, {asked.streams} streams of each, smallest shift {asked.shift:g}")
    for name, kinds in (("numeric", NUMERIC), ("errors", ERRORS), ("category", CATEGORY)):
        if name in asked.only.split(","):
            table(name, kinds, asked, with_river=with_river)


if __name__ == "__main__":
    main()
