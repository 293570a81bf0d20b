"""What the rules cost: CPU of one tick of the alert book, as the kernel counts it for this process.

    python bench/rules.py                                   200 rules over 100 targets
    python bench/rules.py --rules 500 --targets 500 --ticks 20
    python bench/rules.py --bad 1                           a storm: every target is in trouble
    python bench/rules.py --profile                         where it goes

The rules are the usual mix: comparisons, joined ones, windows, objectives, usual values. Numbers change at every tick, and some alerts fire.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import resource
import time

from tui_monitor.alerts.lifecycle import AlertBook
from tui_monitor.alerts.rules import Rule, read_levels, usual_of
from tui_monitor.alerts.usual import UsualKeeper
from tui_monitor.config import RuleSettings
from tui_monitor.model import Subject
from tui_monitor.vocabulary import VOCABULARY, WINDOWS

KEYS = [
    key
    for key in VOCABULARY
    if key.startswith(("request.", "error.", "queue.", "latency.", "ttft.", "itl.", "token.", "kv_cache.", "scrape."))
]


def rules(count: int) -> list[Rule]:
    """The usual mix."""
    forms = [
        RuleSettings("", "latency.p95 > {n}ms", clear="latency.p95 < 1ms", for_="1m"),
        RuleSettings("", "latency.p95 > {n}ms and request.rate > 1/s", for_="1m", where={"kind": "vllm"}),
        RuleSettings("", "error.ratio[30m] > {n}% and error.ratio[5m] > {n}%", for_="1m"),
        RuleSettings("", "latency.p95[5m] > 2s + 2 * latency.p95[24h] or queue.length > {n}"),
        RuleSettings("", "latency.p95 above usual floor {n}ms", for_="5m"),
        RuleSettings("", "request.rate is unknown", for_="2m"),
        RuleSettings("", "state == STALLED and queue.length > {n}", for_="30s"),
        RuleSettings("", slo="error.ratio < 0.1% over 30d"),
        RuleSettings("", "kv_cache.used > 9{n}%", where={"target": "=~ t1.*"}),
        RuleSettings("", "not (ttft.p95 < {n}s or itl.p95 < 10s)", where={"model": "!= draft"}),
    ]
    made: list[Rule] = []
    for place in range(count):
        form = forms[place % len(forms)]
        text = {"name": f"rule-{place}", "when": form.when.replace("{n}", str(place % 7 + 1))}
        made.extend(read_levels(RuleSettings(**text, clear=form.clear, for_=form.for_, where=form.where, slo=form.slo)))
    return made


def subjects(count: int, chance: random.Random, bad: float) -> list[Subject]:
    """Targets with every number and window that a server has; a share of them is in trouble all the time."""
    found = []
    for place in range(count):
        worse = 100.0 if place < bad * count else 0.1
        metrics = {key: worse * chance.random() / 100 for key in KEYS}
        windows = {window: {key: worse * chance.random() / 100 for key in KEYS} for window in WINDOWS}
        labels = {"kind": chance.choice(["vllm", "triton"]), "model": f"m{place}"}
        found.append(Subject("target", f"t{place}", metrics, state="OK", labels=labels, windows=windows))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--ticks", type=int, default=30)
    parser.add_argument("--bad", type=float, default=0.03, help="share of the targets that are in trouble")
    parser.add_argument("--profile", action="store_true")
    call = parser.parse_args()
    chance = random.Random(1)
    begun_s = time.process_time()
    levels = rules(call.rules)
    print(f"reading {call.rules} rules: {1000 * (time.process_time() - begun_s):.0f} ms CPU")
    book, usual = AlertBook(levels), UsualKeeper(usual_of(levels))
    rounds = [subjects(call.targets, chance, call.bad) for _ in range(4)]
    profile = cProfile.Profile()
    costs, filling, changed = [], [], 0
    for tick in range(call.ticks):
        told, at_s = rounds[tick % len(rounds)], 1e9 + 2 * tick
        begun_s = time.process_time()
        usual.take(told, at_s)
        told = usual.fill(told, at_s)
        filling.append(time.process_time() - begun_s)
        if call.profile:
            profile.enable()
        begun_s = time.process_time()
        changed += len(book.evaluate(told, at_s, at_s))
        costs.append(time.process_time() - begun_s)
        profile.disable()
    costs.sort()
    filling.sort()
    print(
        f"{len(levels)} levels x {call.targets} targets = {len(levels) * call.targets} questions a tick, {changed} changes in {call.ticks} ticks"
    )
    print(f"evaluate: median {1000 * costs[len(costs) // 2]:.1f} ms CPU a tick, worst {1000 * costs[-1]:.1f} ms")
    print(f"usual:    median {1000 * filling[len(filling) // 2]:.1f} ms CPU a tick, worst {1000 * filling[-1]:.1f} ms")
    print(f"memory:   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")
    if call.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(15)


if __name__ == "__main__":
    main()
