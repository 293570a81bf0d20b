"""What one look at drift costs: Kolmogorov-Smirnov of 10 columns of 10,000 rows, here and, in the same run, by Evidently and NannyML.

    python bench/drift.py                                     this program alone, measure by measure, and its verb as a process
    python bench/drift.py --peers /path/to/venv/bin/python    beside Evidently and NannyML of that environment ('pandas<3' evidently nannyml statsmodels)
    python bench/drift.py --rows 100000 --columns 100

Everybody gets the same data frames in memory and does the whole of its work from there: bins or sorted values of the reference are not
kept from one time to the next. The best of several times counts, as wall and as CPU time; turns are taken, so that a busy machine is busy
for all. Start-up (importing) is stated apart. The last part replays a day of 144,000 rows x 10 columns past the live judges.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROUNDS = 3
PROGRAM = """
import json, sys, time
begun, begun_cpu = time.perf_counter(), time.process_time()
import numpy as np
import warnings
warnings.simplefilter("ignore")
{imports}
started = time.perf_counter() - begun, time.process_time() - begun_cpu
import pandas as pd
sides = [pd.DataFrame(dict(zip([f"x{{i}}" for i in range(a.shape[1])], a.T.copy()))) for a in np.load({data!r}).values()]
def work(reference, now):
{work}
best = [1e9, 1e9]
for _ in range({times}):
    t, c = time.perf_counter(), time.process_time()
    result = work(*sides)
    best = [min(best[0], time.perf_counter() - t), min(best[1], time.process_time() - c)]
print("RESULT" + json.dumps({{"startup": started, "best": best, "result": result}}))
"""
OURS = (
    "from tui_monitor.analyse.drift import columns, nature",
    """
    compared = [columns.compare(c, "now", nature.of_numbers(reference[c].to_numpy()), nature.of_numbers(now[c].to_numpy()), {tests})
                for c in reference]
    return [one.effect for one in columns.judged(compared)]""",
)
SCIPY = ("from scipy import stats", "\n    return [float(stats.ks_2samp(reference[c], now[c]).statistic) for c in reference]")
EVIDENTLY = (
    "from evidently import Report\nfrom evidently.presets import DataDriftPreset",
    """
    snapshot = Report([DataDriftPreset(num_method="ks")]).run(now, reference)
    return len(snapshot.dict()["metrics"])""",
)
NANNYML = (
    "import nannyml",
    """
    calculator = nannyml.UnivariateDriftCalculator(list(reference), continuous_methods=["kolmogorov_smirnov"], chunk_size=len(now))
    found = calculator.fit(reference).calculate(now).filter(period="analysis").to_df()
    return [float(found[c, "kolmogorov_smirnov", "value"].iloc[0]) for c in reference]""",
)


def child(python: str, part: tuple[str, str], data: Path, times: int) -> dict[str, object]:
    """One program, its best time of several."""
    text = PROGRAM.format(imports=part[0], work=part[1], data=str(data), times=times)
    told = subprocess.run([python, "-c", text], capture_output=True, text=True, env=_environment(python))
    lines = [line for line in told.stdout.splitlines() if line.startswith("RESULT")]
    if not lines:
        raise SystemExit(told.stderr[-2000:])
    result: dict[str, object] = json.loads(lines[0].removeprefix("RESULT"))
    return result


def _environment(python: str) -> dict[str, str]:
    here = str(Path(__file__).resolve().parents[1])
    return dict(os.environ, OMP_NUM_THREADS="1", **({"PYTHONPATH": here} if python == sys.executable else {}))


def single_look(rows: int, columns: int, peers: str | None, folder: Path) -> None:
    chance = np.random.default_rng(11)
    data = folder / "data.npz"
    np.savez(data, reference=chance.normal(size=(rows, columns)), now=chance.normal(0.02, 1, size=(rows, columns)))
    parts = {"tui-monitor KS": (sys.executable, (OURS[0], OURS[1].format(tests=("ks",))), 20)}
    for tests in (("ks", "psi", "js", "wasserstein"), ()):
        parts[f"tui-monitor {' '.join(tests) or 'all measures'}"] = (sys.executable, (OURS[0], OURS[1].format(tests=tests)), 10)
    parts["scipy ks_2samp"] = (sys.executable, SCIPY, 10)
    if peers is not None:
        parts |= {"NannyML KS": (peers, NANNYML, 10), "Evidently KS": (peers, EVIDENTLY, 3)}
    best: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS):
        for name, (python, part, times) in parts.items():
            told = child(python, part, data, times)
            known = best.setdefault(name, {"startup": [1e9, 1e9], "best": [1e9, 1e9]})
            for key, held in known.items():
                known[key] = [min(pair) for pair in zip(held, told[key], strict=True)]  # type: ignore[call-overload]
    ours = best["tui-monitor KS"]["best"]
    print(f"{rows:,} rows x {columns} columns{'':24} wall ms   CPU ms    x wall   x CPU   start-up wall s   CPU s")
    for name, known in best.items():
        wall, cpu = known["best"]
        print(
            f"  {name:44} {1e3 * wall:9.1f} {1e3 * cpu:8.1f} {wall / ours[0]:9.1f} {cpu / ours[1]:7.1f} "
            f"{known['startup'][0]:17.2f} {known['startup'][1]:7.2f}"
        )


def process(words: list[str]) -> tuple[float, float, float, str]:
    """(wall s, CPU s, peak MB, the last line) of the verb."""
    begun_s = time.perf_counter()
    started = subprocess.Popen([sys.executable, "-m", "tui_monitor", *words], stdout=subprocess.PIPE, env=_environment(sys.executable))
    assert started.stdout is not None
    out = started.stdout.read().decode()
    _, status, used = os.wait4(started.pid, 0)
    if status:
        raise SystemExit(f"{words} failed with status {status}")
    return time.perf_counter() - begun_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.splitlines()[-1]


def verbs(rows: int, columns: int, folder: Path) -> None:
    """The verb as people call it: start-up, reading and all."""
    import pandas as pd

    chance = np.random.default_rng(12)
    paths = [folder / "reference.csv", folder / "current.csv"]
    for place, path in enumerate(paths):
        pd.DataFrame(chance.normal(0.02 * place, 1, size=(rows, columns)).round(6), columns=[f"x{i}" for i in range(columns)]).to_csv(
            path, index=False
        )
    words = ["drift", "--reference", str(paths[0]), "--current", str(paths[1]), "--json"]
    for name, more in (("drift, all measures", []), ("drift --tests ks", ["--tests", "ks"])):
        wall, cpu, peak, _ = min(process([*words, *more]) for _ in range(ROUNDS))
        print(f"  {name:44} {wall:6.2f} s wall {cpu:6.2f} s CPU {peak:5.0f} MB peak, as a process with reading two files of {rows:,} rows")


def replay(folder: Path) -> None:
    """A day of 144,000 rows x 10 columns past the judges."""
    import pandas as pd

    rows, paths = 144_000, [folder / "kept.csv", folder / "log.csv"]
    chance = np.random.default_rng(13)
    for place, path in enumerate(paths):
        frame = pd.DataFrame({"timestamp": (1_780_012_800 + 86_400 * place + np.arange(rows) * 0.6).round(3)})
        for column in range(8):
            frame[f"x{column}"] = chance.normal(size=rows).round(6)
        frame["country"] = chance.choice(["de", "fr", "es", "it"], rows, p=[0.5, 0.3, 0.1, 0.1])
        frame["items"] = chance.poisson(5, rows)
        if place:
            frame.loc[rows // 2 :, "x1"] += 0.4
        frame.to_csv(path, index=False)
    wall, cpu, peak, last = min(process(["drift", "replay", str(paths[1]), "--reference", str(paths[0]), "--json"]) for _ in range(ROUNDS))
    print(f"  {'replay, a day of 144,000 rows x 10 columns':44} {wall:6.2f} s wall {cpu:6.2f} s CPU {peak:5.0f} MB peak  {last}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--peers", metavar="PYTHON")
    call = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        single_look(call.rows, call.columns, call.peers, Path(folder))
        verbs(call.rows, call.columns, Path(folder))
        replay(Path(folder))


if __name__ == "__main__":
    main()
