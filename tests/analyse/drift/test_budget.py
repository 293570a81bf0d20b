"""The law in small: months in which nothing changes stay quiet, and what changes is found soon. `bench/budget.py` and `bench/delays.py` in large."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.reference import of_rows, of_slots
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.analyse.drift.saved import Limits
from tui_monitor.analyse.drift.signal import Signal
from tui_monitor.config import DriftSettings

START_S, DAY_S, EVERY_S = 1_800_057_600.0, 86_400.0, 600.0
ROWS = 20  # a check
EDGES = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0]


def autoregressive(chance: np.random.Generator, rows: int, phi: float) -> np.ndarray:
    values = chance.normal(size=rows) * math.sqrt(1 - phi**2)
    for i in range(1, rows):
        values[i] += phi * values[i - 1]
    return values


def bursts(chance: np.random.Generator, rows: int) -> np.ndarray:
    """Of 100 rows each that have a fifth of their variance in common."""
    moods = np.repeat(chance.normal(size=rows // 100 + 1), 100)[:rows]
    return math.sqrt(0.2) * moods + math.sqrt(0.8) * chance.normal(size=rows)


def stream(kind: str, chance: np.random.Generator, rows: int) -> np.ndarray:
    if kind == "dependent":
        return autoregressive(chance, rows, 0.7)
    if kind == "bursts":
        return bursts(chance, rows)
    swing = 0.6 * np.sin(2 * np.pi * np.arange(rows) / ROWS * EVERY_S / DAY_S) if kind == "daily" else 0.0
    return chance.normal(size=rows) + swing


@pytest.mark.parametrize(
    ("kind", "buckets", "importance"),
    [
        *((kind, buckets, {}) for kind in ("independent", "dependent", "bursts", "daily") for buckets in (False, True)),
        ("independent", False, {"0": 500.0, "1": 20.0, "2": 1.0}),
        ("bursts", True, {"0": 500.0, "1": 1.0}),
    ],
)
def test_a_month_in_which_nothing_changes_is_quiet(kind: str, buckets: bool, importance: dict[str, float]) -> None:
    """Three signals for 30 days after one day of learning: the budget would allow one alarm, however it is split."""
    room = DriftRoom(DriftSettings(learn="1d", every="600s"), importance)
    checks = round(31 * DAY_S / EVERY_S)
    values = [stream(kind, np.random.default_rng([7, seed]), checks * ROWS) for seed in range(3 if kind == "independent" else 2)]
    tokens = [np.ceil(100 * np.exp(each)) for each in values]
    totals = np.zeros((len(values), len(EDGES) + 1))
    for check in range(checks):
        now_s, part = START_S + (check + 1) * EVERY_S, slice(check * ROWS, (check + 1) * ROWS)
        for place, each in enumerate(values):
            if buckets:
                totals[place] += np.bincount(np.searchsorted(EDGES, tokens[place][part], side="left"), minlength=len(EDGES) + 1)
                room.observe(now_s, "host", f"{place}", "input", EDGES, np.cumsum(totals[place]).tolist())
            else:
                room.rows("host", np.full(ROWS, now_s - 1), {f"{place}": ("input", each[part], np.ones(ROWS, np.bool_))})
        room.check(now_s)
    assert [verdict.state for verdict in room.verdicts(now_s)] == ["stable"] * len(values)
    assert room.episodes() == []


def test_a_few_bursts_are_not_what_is_usual() -> None:
    """Silence, then some 200 rows within three minutes that are alike: an hour holds six bursts, and their rows are no 1,200 independent ones."""
    alarms, waited = 0, []
    for seed in range(60):
        chance = np.random.default_rng([9, seed])
        room, hours = DriftRoom(DriftSettings(learn="1h", every="60s", false_alarm_every="3000d")), 6
        sizes = 1 + chance.geometric(1 / 200, size=6 * hours)
        group = np.repeat(np.arange(sizes.size), sizes)
        at_s = np.sort(chance.uniform(0, hours * 3600, sizes.size))[group] + chance.uniform(0, 180, group.size)
        values = math.sqrt(0.2) * chance.normal(size=sizes.size)[group] + math.sqrt(0.8) * chance.normal(size=group.size)
        for minute in range(hours * 60):
            came = at_s // 60 == minute
            now_s = START_S + 60.0 * (minute + 1)
            if came.any():
                room.rows("host", START_S + np.sort(at_s[came]), {"x": ("input", values[came], np.ones(came.sum(), np.bool_))})
            room.check(now_s)
            if minute == 89:
                waited += [verdict.sentence for verdict in room.verdicts(now_s)]
        alarms += len(room.episodes())
    assert alarms == 0
    assert sum("its rows come in bursts, " in said for said in waited) > 15  # most are in the silence between two
    assert not any("as in the reference" in said for said in waited)


def test_moods_without_silence_are_learned_from_a_dozen_too() -> None:
    """Rows of twenty minutes share a quarter of their variance, so an hour holds three levels and not 1,200 rows: 33 alarms on these hosts else."""
    alarms, said = [], 0
    for seed in range(40):
        chance = np.random.default_rng([seed, 5])
        room, minutes = DriftRoom(DriftSettings(learn="1h", every="60s")), 9 * 60
        levels = chance.normal(size=12 * 60 * ROWS // 400 + 1)
        values = math.sqrt(0.25) * np.repeat(levels, 400)[: 12 * 60 * ROWS] + math.sqrt(0.75) * chance.normal(size=12 * 60 * ROWS)
        tokens, counts = np.ceil(100 * np.exp(values)), np.zeros(len(EDGES) + 1)
        for minute in range(minutes):
            part = tokens[minute * ROWS : (minute + 1) * ROWS]
            counts += np.bincount(np.searchsorted(EDGES, part, side="left"), minlength=counts.size)
            now_s = START_S + 60.0 * (minute + 1)
            room.observe(now_s, "host", "x", "input", EDGES, np.cumsum(counts).tolist())
            room.check(now_s)
            if minute == 120:
                verdict = room.verdicts(now_s)[0]
                said += verdict.state == "learning" or "just another jump" in verdict.sentence
        alarms.append(len(room.episodes()))
        assert room.verdicts(now_s)[0].state != "blind"
    assert sum(alarms) <= 10  # on the first day, of hosts whose three levels were alike by chance
    assert said >= 25


def found_after(change: str, seed: int) -> tuple[float, float]:
    """Rows from the change to the drift, and from the change to where it is said to have begun; ten rows a check, once a minute."""
    chance = np.random.default_rng([8, seed])
    reference = chance.normal(size=10_000)
    bins = Bins.of_numbers(reference)
    signal = Signal("", "x", "input", Limits(0.0, 60.0, 0.01), "rows", bins=bins, reference=of_rows(reference, np.arange(10_000.0), bins))
    for check in range(1200):
        rows = chance.normal(size=10)
        if check >= 300:
            rows = rows * 1.5 if change == "scale" else rows + float(change)
        signal.step(check * 60.0, check * 60.0 + 60.0, bins.counts(rows), 43_200.0)
        if signal.state == "drift":
            return (check + 1 - 300) * 10.0, (signal.since_s or 0.0) / 6 - 3000
    return math.inf, math.inf


@pytest.mark.parametrize(("change", "rows"), [("0.25", 1200), ("0.5", 250), ("-0.5", 250), ("1.0", 150), ("scale", 450)])
def test_a_change_is_found_soon_at_the_products_own_budget(change: str, rows: float) -> None:
    found = [found_after(change, seed) for seed in range(5)]
    assert 0 < np.median([delay for delay, _ in found]) <= rows
    assert np.median([abs(begin) for _, begin in found]) <= 200


def test_tau_of_bursts_counts_a_burst_by_its_rows() -> None:
    """Few large bursts between many small slots: 1 + (rows of a burst - 1) times what they have in common, not the mean over all slots."""
    chance = np.random.default_rng(9)
    slots = []
    for _ in range(4000):
        rows = 200 if chance.random() < 0.1 else 2
        mood = chance.normal(0, 0.5)
        slots.append(np.bincount(np.searchsorted([-1, -0.3, 0.3, 1], mood + chance.normal(size=rows)), minlength=5).astype(float))
    table = np.stack(slots)
    tau = of_slots(table, 5, category=False).tau
    shares = table / table.sum(axis=1, keepdims=True)
    big = table.sum(axis=1) > 100
    truth = 200 * shares[big][:, :2].sum(axis=1).var() / 0.25
    assert 0.6 * truth < tau < 2 * truth
    assert truth > 10


def test_independent_slots_have_a_tau_of_one() -> None:
    chance = np.random.default_rng(10)
    taus = [of_slots(chance.multinomial(20, [0.1, 0.2, 0.4, 0.3], size=60).astype(float), 4, category=False).tau for _ in range(20)]
    assert np.mean(np.asarray(taus) < 1.2) >= 0.9
