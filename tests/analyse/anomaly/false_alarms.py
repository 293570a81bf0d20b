"""How often numbers in which nothing happens are called anomalies, and how soon those in which something does.

    python tests/analyse/anomaly/false_alarms.py [DAYS] [SEEDS] [FIRST SEED]

prints one line for each kind of number, and the sum with its 95 % interval (a count of Poisson's).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from tui_monitor.analyse.anomaly.moment import Moment
from tui_monitor.analyse.anomaly.outlook import Outlook, Traits

Floats = NDArray[np.float64]
START_MINUTE = 29_333_280  # a Friday, 0 h
DAY = 1440


def moments(count: int, first: int = 0) -> Iterator[Moment]:
    """Minutes of a host whose zone is UTC."""
    for minute in range(START_MINUTE + first, START_MINUTE + first + count):
        yield Moment(minute * 60.0, minute, minute // 60, minute % 60 / 60)


def correlated(rng: np.random.Generator, count: int, phi: float) -> Floats:
    """AR(1) of variance 1."""
    steps = rng.normal(0, (1 - phi * phi) ** 0.5, count)
    values = np.empty(count)
    now = rng.normal()
    for place, step in enumerate(steps.tolist()):
        now = phi * now + step
        values[place] = now
    return values


def cycle(count: int) -> Floats:
    """A day of -1..1, half as high on two days of seven."""
    minute = np.arange(count)
    return np.sin(2 * np.pi * (minute % DAY / DAY - 0.3)) * np.where(minute // DAY % 7 >= 5, 0.5, 1.0)


def _batch(rng: np.random.Generator, count: int) -> Floats:
    minute = np.arange(count) % DAY
    ends = np.repeat(rng.integers(165, 195, count // DAY + 1), DAY)[:count]
    return 10 + rng.normal(size=count) + 50.0 * ((minute >= 120) & (minute < ends))


def _bursts(rng: np.random.Generator, count: int) -> Floats:
    starts = (rng.random(count) < 1 / 400) * rng.exponential(20, count)
    return 2 + rng.exponential(1, count) + np.convolve(starts, np.ones(8))[:count]


def _saw(rng: np.random.Generator, count: int) -> Floats:
    """Grows for 15 to 25 hours and falls to its floor, like a log before it is rotated."""
    ends = np.cumsum(rng.integers(900, 1500, count // 900 + 2))
    begins = np.concatenate([[0], ends])
    at = np.arange(count)
    since = at - begins[np.searchsorted(begins, at, side="right") - 1]
    return 100 + 0.1 * since + rng.normal(size=count)


KINDS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "calm": lambda rng, count: 100 + 5 * rng.normal(size=count),
    "AR(1) 0.9": lambda rng, count: 100 + 5 * correlated(rng, count, 0.9),
    "AR(1) 0.99": lambda rng, count: 100 + 5 * correlated(rng, count, 0.99),
    "daily and weekly cycle": lambda rng, count: 100 + 60 * cycle(count) + 5 * correlated(rng, count, 0.7),
    "counts with a cycle": lambda rng, count: rng.poisson(np.maximum(0.2, 30 * (1 + 0.9 * cycle(count)))).astype(float),
    "bursts": _bursts,
    "log-normal": lambda rng, count: np.exp(0.5 * correlated(rng, count, 0.8)),
    "Student t of 3": lambda rng, count: 100 + 5 * rng.standard_t(3, count),
    "nightly batch": _batch,
    "random walk": lambda rng, count: 1000 + 0.5 * np.cumsum(rng.normal(size=count)),
    "queue": lambda rng, count: np.maximum(0, 3 * correlated(rng, count, 0.9) - 3).round(),
    "hourly job": lambda rng, count: 10 + rng.normal(size=count) + 40.0 * (np.arange(count) % 60 < 6),
    "mostly zero ratio": lambda rng, count: (rng.random(count) < 0.02) * rng.beta(1, 8, count),
    "saw-tooth": _saw,
    "constant": lambda rng, count: np.full(count, 42.0),
}


def episodes(values: list[float], traits: Traits = Traits(floor=0.02)) -> list[float]:  # noqa: B008 - frozen
    """Days at which anomalies of the series began."""
    outlook, found, before = Outlook(traits), [], None
    for at, value in zip(moments(len(values)), values, strict=True):
        outlook.observe(at, value)
        if outlook.since_s is not None and before is None:
            found.append((at.minute - START_MINUTE) / DAY)
        before = outlook.since_s
    return found


def delay(kind: str, change: Callable[[Floats], Floats], days: int = 30, seed: int = 0) -> int | None:
    """Minutes from a change at noon of the last but one day until it is an anomaly; None when it never is."""
    values = KINDS[kind](np.random.default_rng(seed), days * DAY)
    at = (days - 2) * DAY + DAY // 2
    values[at:] = change(values[at:])
    outlook = Outlook(Traits(floor=0.02))
    for place, (moment, value) in enumerate(zip(moments(len(values)), values.tolist(), strict=True)):
        outlook.observe(moment, value)
        if place >= at and outlook.since_s is not None:
            return place - at + 1
    return None


def main() -> None:
    """The table."""
    words = [int(word) for word in sys.argv[1:4]]
    days, seeds, first = [*words, *(42, 4, 0)[len(words) :]]
    total = 0
    for kind, make in KINDS.items():
        found = [day for seed in range(first, first + seeds) for day in episodes(make(np.random.default_rng(seed), days * DAY).tolist())]
        total += len(found)
        print(f"{kind:24} {len(found):3} anomalies in {days * seeds} days  {', '.join(f'day {day:.1f}' for day in found[:6])}", flush=True)
    low, high = (gammaincinv(total, 0.025) if total else 0.0), gammaincinv(total + 1, 0.975)
    print(
        f"{'all':24} {total:3} anomalies in {days * seeds * len(KINDS)} days of a series; seeds {first} to {first + seeds - 1}: one in "
        f"{days * seeds * len(KINDS) / max(total, 1):.0f}, 95 % between {days * seeds * len(KINDS) / high:.0f} and "
        + (f"{days * seeds * len(KINDS) / low:.0f}" if low else "never")
    )
    for kind, name, change in (
        ("calm", "6 standard deviations up", lambda values: values + 30),
        ("AR(1) 0.9", "doubled", lambda values: values * 2),
        ("daily and weekly cycle", "nothing any more", lambda values: values * 0),
        ("daily and weekly cycle", "half as much again", lambda values: values * 1.5),
        ("counts with a cycle", "nothing any more", lambda values: values * 0),
        ("log-normal", "ten times as much", lambda values: values * 10),
    ):
        print(f"{kind:24} {name:26} after {delay(kind, change)} min")


if __name__ == "__main__":
    main()
