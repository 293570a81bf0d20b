"""How often the drift judges cry wolf, on simulated months in which nothing changes; and what they cost.

    python bench/budget.py                              every kind of stream, 1 signal on a host
    python bench/budget.py --only ar0.9 --months 60     one kind, more months
    python bench/budget.py --signals 10                 hosts of 10 signals, which share the budget
    python bench/budget.py --reference 10000            rows the reference is learned from, at first; or --days of them
    python bench/budget.py --cost                       CPU, memory and import instead

The way is the product's own: a room learns each signal's reference from the first rows, then is checked once a minute for 30 days. An alarm
is a drift; `fired` also counts evidence beyond the budget that was too small a change to be told. The law holds where the mean time
between alarms of a host is 30 days or more; the interval is Poisson's, 95 %, exact: under `never` alarms only its lower end is known.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv
from streams import BUCKETS, DAY_S, EDGES, KINDS, MIXED, START_S, Stream

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings

EVERY_S = 60.0
MONTH_S = 30 * DAY_S
BUCKET = "buckets:"


class Counted(NamedTuple):
    """Of one host and month."""

    alarms: int
    fired: int
    learned: int  # signals that had a reference and were judged
    taus: list[float]
    told: list[str]  # each alarm: of which stream, on which day, and what it said


class Fed:
    """One signal of a room, fed a minute at a time: rows, or what a server's histogram would tell."""

    def __init__(self, room: DriftRoom, name: str, stream: Stream, *, buckets: bool) -> None:
        self._room, self._name, self._stream, self._buckets = room, name, stream, buckets
        slots = int((stream.at_s[-1] - START_S) // EVERY_S) + 2 + 100
        self._ends = np.searchsorted(stream.at_s, START_S + EVERY_S * np.arange(slots + 1))
        if buckets:
            bins = Bins("numeric", edges=EDGES)
            counts = bins.slots(stream.values, ((stream.at_s - START_S) // EVERY_S).astype(np.int64), slots)
            self._cumulative = np.cumsum(np.cumsum(counts, axis=0), axis=1)

    def minute(self, minute: int) -> None:
        """What came in that minute."""
        begin, end = self._ends[minute], self._ends[minute + 1]
        now_s = START_S + (minute + 1) * EVERY_S
        if self._buckets:
            self._room.observe(now_s, "host", self._name, "input", EDGES, self._cumulative[minute].tolist())
        elif begin < end:
            at_s, values = self._stream.at_s[begin:end], self._stream.values[begin:end]
            self._room.rows("host", at_s, {self._name: ("input", values, np.ones(values.size, np.bool_))})


def months(kind: str, seed: int, signals: int, learn_s: float, per_minute: float, shift: float) -> Counted:
    """One host for 30 days after it has learned."""
    settings = DriftSettings(false_alarm_every="30d", smallest_shift=shift, learn=f"{round(learn_s)}s", every=f"{round(EVERY_S)}s")
    room = DriftRoom(settings)
    names = MIXED if kind == "mixed" else [kind]
    fed = []
    for place in range(signals):
        chance = np.random.default_rng([seed, place])
        known = names[place % len(names)]
        buckets = known.startswith(BUCKET) or (kind == "mixed" and known in BUCKETS and place // len(names) % 2 == 1)
        known = known.removeprefix(BUCKET)
        at_s, values = KINDS[known](chance, learn_s + MONTH_S + 10 * EVERY_S, per_minute)
        if buckets:
            values = np.ceil(300 * np.exp(0.9 * values))
        fed.append(Fed(room, f"{place} {known}", Stream(at_s, values), buckets=buckets))
    known_signals = room._signals  # noqa: SLF001 (evidence beyond the budget before it is told)
    fired, out = 0, [False] * signals
    for minute in range(math.ceil((learn_s + MONTH_S) / EVERY_S) + 1):
        for one in fed:
            one.minute(minute)
        room.check(START_S + (minute + 1) * EVERY_S)
        for place, signal in enumerate(known_signals.values()):
            over = signal.evidence is not None and signal.evidence >= 0
            fired += over and not out[place]
            out[place] = over
    judged = [signal for signal in known_signals.values() if signal.reference is not None]
    told = [
        f"{one.signal}, day {(one.start_s - START_S) / DAY_S:.2f}, since {(one.since_s - START_S) / DAY_S:.2f}: {one.sentence}"
        for one in room.episodes()
    ]
    return Counted(len(told), fired, len(judged), [signal.tau for signal in judged], told)


def interval(alarms: int, days: float) -> tuple[float, float]:
    """Mean days between alarms, at least and at most: 95 %, exact Poisson."""
    most = float(gammaincinv(alarms + 1, 0.975))
    least = float(gammaincinv(alarms, 0.025)) if alarms else 0.0
    return days / most, days / least if least else math.inf


def _table(asked: argparse.Namespace) -> None:
    kinds = [*KINDS, *(BUCKET + name for name in BUCKETS)]
    chosen = asked.only.split(",") if asked.only else kinds
    print(
        f"seed {asked.seed}, {asked.per_minute:g} rows a minute, smallest shift {asked.shift:g}, hosts of {asked.signals}, budget 30 days"
    )
    print(
        f"{'stream':18} {'reference':>10} {'tau':>6} {'months':>7} {'sig.-mon.':>9} {'fired':>6} {'alarms':>6}  mean time between alarms, 95 %"
    )
    for kind in chosen:
        learn_s = DAY_S * asked.days if asked.days else asked.reference / asked.per_minute * 60
        began, found = time.process_time(), []
        for month in range(asked.months):
            found.append(months(kind, asked.seed + month, asked.signals, learn_s, asked.per_minute, asked.shift))
            if asked.seconds and time.process_time() - began > asked.seconds:
                break
        alarms, fired = sum(one.alarms for one in found), sum(one.fired for one in found)
        judged = sum(one.learned for one in found)
        taus = sorted(tau for one in found for tau in one.taus)
        low, high = interval(alarms, 30.0 * len(found))
        said = f"{30 * len(found) / alarms:.0f} days" if alarms else "never"
        law = "ok" if alarms <= len(found) else "over, by chance perhaps" if high >= 30 else "BROKEN"
        law += f", {blind} SIGNALS WERE NOT JUDGED" if (blind := asked.signals * len(found) - judged) else ""
        print(
            f"{kind:18} {learn_s / 60 * asked.per_minute:>10,.0f} {taus[len(taus) // 2] if taus else math.nan:>6.1f} {len(found):>7} {judged:>9} {fired:>6} {alarms:>6}"
            f"  {said} ({low:.0f} to {high:.0f}) {law}",
            flush=True,
        )
        for one in (line for month in found for line in month.told):
            print(f"    {one}", flush=True)


def _minutes(signals: int, minutes: int) -> Iterator[tuple[DriftRoom, int]]:
    room = DriftRoom(DriftSettings(learn="30m"))
    chance = np.random.default_rng(1)
    shares = np.diff(np.concatenate([[0.0], 1 / (1 + np.exp(-np.linspace(-3, 3, len(EDGES)))), [1.0]]))
    totals = np.zeros((signals, len(EDGES) + 1))
    for minute in range(minutes):
        totals += chance.multinomial(40, shares, size=signals)
        now_s = START_S + minute * EVERY_S
        for place in range(signals):
            room.observe(now_s, "host", f"signal {place}", "input", EDGES, np.cumsum(totals[place]).tolist())
        yield room, minute


def _cost() -> None:
    spent = []
    for room, minute in _minutes(100, 200):
        now_s, began = START_S + minute * EVERY_S, time.process_time()
        room.check(now_s)
        room.verdicts(now_s)
        if minute > 100:
            spent.append(time.process_time() - began)
    print(
        f"100 signals x 4 windows, one check and all verdicts: {1000 * float(np.median(spent)):.0f} ms CPU, worst {1000 * max(spent):.0f} ms (bar 50)"
    )
    tracemalloc.start()
    for room, minute in _minutes(100, 30 * 60):
        room.check(START_S + minute * EVERY_S)
    print(f"24 h of counts of {room.signals} signals: {tracemalloc.get_traced_memory()[0] / 2**20:.1f} MiB (bar 30)")
    tracemalloc.stop()
    code = (
        "import sys,time;t=time.process_time();import tui_monitor.analyse.drift.room;t=time.process_time()-t;"
        "print(f'{t:.3f}', *[m for m in ('scipy.stats','pandas','sklearn') if m in sys.modules])"
    )
    done = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ).stdout.split()
        for _ in range(5)
    ]
    print(
        f"import of the live path: {min(float(one[0]) for one in done):.3f} s CPU (bar 0.25); of scipy.stats, pandas, sklearn: {done[0][1:] or 'none'}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=10, help="host-months of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="kinds, by commas: " + " ".join([*KINDS, *(BUCKET + name for name in BUCKETS), "mixed"]))
    parser.add_argument("--signals", type=int, default=1, help="on a host")
    parser.add_argument("--reference", type=int, default=1200, help="rows to learn from, at first; the default is the product's, an hour")
    parser.add_argument("--days", type=float, default=0.0, help="to learn from, instead of rows")
    parser.add_argument("--per-minute", type=float, default=20.0)
    parser.add_argument("--shift", type=float, default=DriftSettings().smallest_shift, help="smallest_shift")
    parser.add_argument("--seconds", type=float, default=0.0, help="CPU at most for a kind")
    parser.add_argument("--cost", action="store_true")
    asked = parser.parse_args()
    if asked.cost:
        _cost()
    else:
        _table(asked)


if __name__ == "__main__":
    main()
