"""What a long log costs: the verb `performance` over ten million CSV rows, as a process of its own.

    python bench/offline.py                                  10,000,000 rows over 30 days, with and without a series
    python bench/offline.py --rows 1000000 --task multiclass
    python bench/offline.py --shuffled                       rows in no order of time
    python bench/offline.py --iso                            times as ISO 8601

The file is written under /tmp (about 50 bytes a row) and removed. Rate is rows over wall time, CPU as the kernel counts it, peak the largest
resident size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

BLOCK = 500_000
START_S, SPAN_S = 1_780_000_000.0, 30 * 86_400.0


def write(path: Path, rows: int, task: str, *, shuffled: bool, iso: bool) -> None:
    """Ids, times, predictions, labels for nine rows of ten, scores, a country."""
    chance = np.random.default_rng(6)
    with path.open("w") as file:
        for begin in range(0, rows, BLOCK):
            n = min(BLOCK, rows - begin)
            place = chance.random(n) * rows if shuffled else np.arange(begin, begin + n)
            at_s = START_S + place / rows * SPAN_S
            frame = pd.DataFrame({"id": np.arange(begin, begin + n), "timestamp": at_s.round(3)})
            if iso:
                frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            score = chance.random(n).round(6)
            if task == "regression":
                frame["prediction"] = score
                frame["label"] = (score + chance.normal(0, 0.1, n)).round(6)
            elif task == "binary":
                frame["prediction"] = (score > 0.5).astype(int)
                frame["label"] = (chance.random(n) < score).astype(int)
                frame["score"] = score
            else:
                frame["prediction"] = np.array(["nlp", "vision", "graph", "other"])[chance.integers(0, 4, n)]
                frame["label"] = np.where(chance.random(n) < 0.7, frame["prediction"], "other")
            frame["country"] = np.array(["de", "fr", "es"])[chance.integers(0, 3, n)]
            frame["label"] = frame["label"].astype(object).where(chance.random(n) < 0.9, "")
            frame.to_csv(file, index=False, header=begin == 0)


def measure(path: Path, task: str, more: list[str]) -> tuple[float, float, float, dict[str, object]]:
    """(wall s, CPU s, peak MB, the answer's `rows`)."""
    words = ["performance", str(path), "--task", task, "--prediction", "prediction", "--label", "label", "--json", *more]
    words += ["--score", "score"] if task == "binary" else []
    begun_s = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "tui_monitor", *words], stdout=subprocess.PIPE)
    assert child.stdout is not None
    answer = json.loads(child.stdout.read())
    _, status, used = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - begun_s
    if status:
        raise SystemExit(f"failed with status {status}")
    return wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, answer["rows"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--task", choices=("binary", "multiclass", "regression"), default="binary")
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--iso", action="store_true")
    call = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "log.csv"
        write(path, call.rows, call.task, shuffled=call.shuffled, iso=call.iso)
        print(f"{call.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB, {call.task}; this process {_peak_mb():.0f} MB")
        for more in ([], ["--every", "1h"], ["--slice", 'country == "de"']):
            wall_s, cpu_s, peak_mb, rows = measure(path, call.task, more)
            print(
                f"{' '.join(more) or 'windows only':24} {wall_s:6.1f} s wall {cpu_s:6.1f} s CPU {call.rows / wall_s:11,.0f} rows/s {peak_mb:5.0f} MB peak  {rows}"
            )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
