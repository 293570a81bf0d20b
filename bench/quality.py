"""What quality costs: a day of predictions with late labels, counted as the live engine counts them.

    python bench/quality.py                       24 h of 100 rows a second, labels 30 s late, looked at every 2 s
    python bench/quality.py --slices 20           the same with 20 slices
    python bench/quality.py --hours 1 --profile   where it goes
    python bench/quality.py --check               every window at 50 random moments against scikit-learn on the raw rows

Time is simulated; what is measured is this process: CPU as the kernel counts it, and its largest resident set.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import time
from typing import Any

import numpy as np

from tui_monitor.analyse.performance.live.log import LabelledLog
from tui_monitor.config import Columns, PredictionSettings
from tui_monitor.model import LogRow, LogRows, Performance

BEGIN_S = 1_800_000_000.0
STEP_S = 2.0
LATE_S = 30.0


class Day:
    """Rows of a binary model with scores, made as they are needed: (time, prediction, label, score)."""

    def __init__(self, rate: float, *, grid: bool) -> None:
        self._chance = np.random.default_rng(7)
        self._rate = rate
        self._grid = grid
        self.at: list[np.ndarray[Any, Any]] = []
        self.said: list[np.ndarray[Any, Any]] = []
        self.truth: list[np.ndarray[Any, Any]] = []
        self.score: list[np.ndarray[Any, Any]] = []
        self.count = 0

    def rows(self, begin_s: float, *, keep: bool) -> tuple[list[LogRow], dict[str, str | float]]:
        """The rows of one step, and their labels by id."""
        n = round(self._rate * STEP_S)
        chance = self._chance
        at_s = begin_s + np.sort(chance.random(n)) * STEP_S
        score = chance.beta(1.2, 1.2, n)
        if self._grid:
            score = np.floor(score * 1000) / 1000
        truth, said = (chance.random(n) < score).astype(int), (score >= 0.5).astype(int)
        if keep:
            for kept, values in ((self.at, at_s), (self.said, said), (self.truth, truth), (self.score, score)):
                kept.append(values)
        ids = [f"request-{number}" for number in range(self.count, self.count + n)]
        self.count += n
        tokens = chance.integers(1, 4000, n)
        rows = [
            LogRow(i, a, str(s), p, None, {"tokens": float(t)})
            for i, a, s, p, t in zip(ids, at_s.tolist(), said.tolist(), score.tolist(), tokens.tolist(), strict=True)
        ]
        return rows, {i: str(t) for i, t in zip(ids, truth.tolist(), strict=True)}


def log(slices: int) -> LabelledLog:
    """The log of the settings."""
    named = {f"tokens from {n * 4000 // slices}": f"tokens > {n * 4000 // slices}" for n in range(slices)}
    return LabelledLog(PredictionSettings("bench", "x.jsonl", columns=Columns(score="p"), slices=named, auto_slices=False))


def replay(arguments: argparse.Namespace) -> None:
    """Run it, and say what it cost beside making the rows."""
    made, day = log(arguments.slices), Day(arguments.rate, grid=arguments.check)
    chance = np.random.default_rng(11)
    steps = round(arguments.hours * 3600 / STEP_S)
    looked_at = set(chance.choice(np.arange(60, steps), min(50, steps - 60), replace=False).tolist()) if arguments.check else set()
    late: list[dict[str, str | float]] = []
    cost_s = longest_s = 0.0
    worst: dict[str, float] = {}
    begun_s = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for step in range(steps):
        now_s = BEGIN_S + (step + 1) * STEP_S
        rows, labels = day.rows(now_s - STEP_S, keep=bool(looked_at))
        late.append(labels)
        due = late.pop(0) if len(late) > LATE_S / STEP_S else {}
        start_s = time.process_time()
        made.add(LogRows(rows, due, {}), now_s)
        windows = made.windows(now_s) if not arguments.check or step in looked_at else []
        took_s = time.process_time() - start_s
        cost_s += took_s
        longest_s = max(longest_s, took_s)
        if step in looked_at:
            compare(windows, day, late, worst)
    simulated_s = steps * STEP_S
    if worst:
        print("largest difference from scikit-learn in", len(looked_at), "moments:")
        print("  " + "  ".join(f"{key} {gap:.1e}" for key, gap in sorted(worst.items())))
        wrong = [key for key, gap in worst.items() if not gap <= 1e-9]
        print("  DIFFERENT: " + " ".join(wrong) if wrong else "  all equal to 1e-9")
    held = sum(book.held_bytes for _, book in made.books.each())
    print(
        f"{day.count:,} rows, {arguments.slices} slices, wall {time.perf_counter() - begun_s:.0f} s (with making the rows); "
        f"CPU {1e3 * cost_s / simulated_s:.2f} ms a simulated second = {100 * cost_s / simulated_s:.2f} % of a core; "
        f"longest step {1e3 * longest_s:.1f} ms; "
        f"windows {held / 1e6:.1f} MB; peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB (before: {before / 1e3:.0f} MB)"
    )


def compare(windows: list[Performance], day: Day, late: list[dict[str, str | float]], worst: dict[str, float]) -> None:
    """Every labelled window of the whole log against the rows themselves."""
    from sklearn import metrics

    at_s, said, truth, score = (np.concatenate(kept) for kept in (day.at, day.said, day.truth, day.score))
    unlabelled = sum(map(len, late))
    known = np.arange(len(at_s)) < len(at_s) - unlabelled
    for one in windows:
        if one.slice is not None or one.source != "labelled" or one.end is None:
            continue
        inside = at_s < one.end.timestamp()
        if one.start is not None:
            inside &= at_s >= one.start.timestamp()
        rows = inside & known
        if (one.n, one.labelled) != (int(inside.sum()), int(rows.sum())):
            worst["n"] = float(max(abs(one.n - inside.sum()), abs(one.labelled - rows.sum())))
        t, s, p = truth[rows], said[rows], score[rows]
        if len(np.unique(t)) < 2:
            continue
        right = {
            "accuracy": metrics.accuracy_score(t, s),
            "precision": metrics.precision_score(t, s, zero_division=0),
            "recall": metrics.recall_score(t, s, zero_division=0),
            "f1": metrics.f1_score(t, s, zero_division=0),
            "log_loss": metrics.log_loss(t, p, labels=[0, 1]),
            "brier": metrics.brier_score_loss(t, p),
            "f1.macro": metrics.f1_score(t, s, average="macro", zero_division=0),
            "recall.weighted": metrics.recall_score(t, s, average="weighted", zero_division=0),
            "auc": metrics.roc_auc_score(t, p),
        }
        for key, value in right.items():
            found = one.metrics[key].value
            gap = float("inf") if found is None else abs(found - value)
            worst[key] = max(worst.get(key, 0.0), gap)


def main() -> None:
    """Read the flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rate", type=float, default=100.0, help="rows a second")
    parser.add_argument("--slices", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="compare with scikit-learn; scores on a grid of 1,000")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    if not arguments.profile:
        replay(arguments)
        return
    profile = cProfile.Profile()
    profile.runcall(replay, arguments)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
