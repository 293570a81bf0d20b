"""How near the estimate without labels comes to the truth, on CSV files that have both.

    python bench/estimate.py REFERENCE.csv CURRENT.csv [LABELS.csv] --prediction y_pred --score y_pred_proba --label repaid [--id id]

The current rows are cut into chunks; for each the estimated and the realised value stand side by side, with the interval, and whether either
falls below mean - 3 sd of the reference's own chunks. NannyML's wheel brings such files (`nannyml/datasets/data/synthetic_car_loan_*.csv`).
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.numbers.metrics import measured
from tui_monitor.analyse.performance.unlabelled import cbpe
from tui_monitor.analyse.performance.unlabelled.calibrate import Calibrator

KEYS = ("accuracy", "auc", "f1", "precision", "recall")


def read(path: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("current")
    parser.add_argument("labels", nargs="?")
    parser.add_argument("--prediction", default="prediction")
    parser.add_argument("--score", default="score")
    parser.add_argument("--label", default="label")
    parser.add_argument("--id", default="id")
    parser.add_argument("--chunk", type=int, default=5000)
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    asked = arguments()
    reference, current = read(asked.reference), read(asked.current)
    late = {row[asked.id]: row[asked.label] for row in read(asked.labels)} if asked.labels else {}
    classes = Classes()

    def batch(rows: list[dict[str, str]], calibrator: Calibrator | None) -> Batch:
        score = np.array([float(row[asked.score]) for row in rows])
        label = classes.codes(row.get(asked.label) or late.get(row[asked.id]) for row in rows)
        said = classes.codes(row[asked.prediction] for row in rows)
        return Batch(np.zeros(len(rows)), said, label, score, calibrated=calibrator.of(score) if calibrator else None)

    learned = batch(reference, None)
    layout = Layout("binary", classes, scores=True, calibrated=True)
    begun = time.process_time()
    calibrator = Calibrator.fit(learned.score, layout.positives()[learned.label])
    fit_s = time.process_time() - begun
    if isinstance(calibrator, str):
        raise SystemExit(calibrator)

    def counted(rows: list[dict[str, str]]) -> Counts:
        counts, columns = Counts(layout), batch(rows, calibrator)
        counts.add_rows(columns)
        counts.add_labels(columns)
        return counts

    def chunks(rows: list[dict[str, str]]) -> list[list[dict[str, str]]]:
        return [rows[first : first + asked.chunk] for first in range(0, len(rows) - asked.chunk + 1, asked.chunk)]

    known = [measured(counted(rows)) for rows in chunks(reference)]
    floors = {key: float(np.mean([one[key].value for one in known]) - 3 * np.std([one[key].value for one in known])) for key in KEYS}
    errors: dict[str, list[float]] = {key: [] for key in KEYS}
    inside = dict.fromkeys(KEYS, 0)
    estimate_s = 0.0
    for number, rows in enumerate(chunks(current)):
        counts = counted(rows)
        begun = time.process_time()
        guessed = cbpe.estimated(counts, calibrator, asked.reference).metrics
        estimate_s += time.process_time() - begun
        true = measured(counts)
        parts = []
        for key in KEYS:
            value, low, high, real = guessed[key].value, guessed[key].low, guessed[key].high, true[key].value
            errors[key].append(abs(value - real))
            inside[key] += low <= real <= high
            marks = ("!" if value < floors[key] else " ") + ("!" if real < floors[key] else " ")
            parts.append(f"{key} {value:.6f} [{low:.4f}, {high:.4f}] real {real:.6f} {marks}")
        print(f"{number:3} " + "  ".join(parts[:2]))
    for key in KEYS:
        n = len(errors[key])
        print(
            f"{key:<10} mean absolute error {np.mean(errors[key]):.5f}   inside the interval {inside[key]} of {n}   floor {floors[key]:.6f}"
        )
    print(f"CPU: fit {1000 * fit_s:.1f} ms on {len(reference):,} rows, {1000 * estimate_s / max(1, len(errors['auc'])):.2f} ms an estimate")


if __name__ == "__main__":
    main()
