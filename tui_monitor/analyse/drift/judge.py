"""The sequential judge: looks at every check for ever and still keeps its false alarms to a budget.

For every cut of the distribution and each direction a likelihood ratio of "share moved by a jump" against the nearest point of what
the reference allows is an e-value: its mean is at most 1 while nothing changed. A Shiryaev-Roberts recursion makes an e-detector of the
stream (Shin, Ramdas, Rinaldo: E-detectors, 2022), and the mean over cuts, directions and jumps is one again. Alarming when it reaches
N gives a mean time of at least N checks between false alarms, whatever the distribution, however often one looks.

What the reference allows is its Clopper-Pearson interval, widened by the smallest shift worth knowing. Rows that are not independent
are worth less than one each: counts and the reference's size are divided by `tau`, the reference's over-dispersion.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv  # with this module in the loader's thread, not at the first judgement on the loop

Floats: TypeAlias = NDArray[np.float64]

JUMPS = (0.02, 0.05, 0.1, 0.2)  # alternatives: how far a share may have moved
REFERENCE_ALPHA = 0.01  # chance that the reference's interval misses the truth at any cut
_TINY = 1e-9


def cuts(counts: Floats) -> Floats:
    """Which bins lie below each telling cut of an ordered histogram: one row of zeros and ones per cut.

    Cuts that split the reference alike are one cut; the outermost cuts stand where its mass ends, so that rows outside it tell most.
    """
    below = np.cumsum(counts)[:-1]
    kept = [i for i in range(below.size) if i + 1 == below.size or below[i] != below[i + 1]]
    full = np.flatnonzero(below == counts.sum())
    if full.size:
        kept = [i for i in kept if i < full[0]] + [int(full[0])]
    return np.asarray([[1.0 if j <= i else 0.0 for j in range(counts.size)] for i in kept]).reshape(len(kept), counts.size)


def singles(counts: Floats) -> Floats:
    """Each category against all others."""
    return np.eye(counts.size)


def overdispersion(slots: Floats, tests: Floats, expected_shares: Floats | None = None) -> float:
    """How many rows tell as much as one independent row, from how much more than binomially the shares vary between slots of time.

    Neighbouring slots are joined to blocks of 2, 4, 8 ... and the largest answer counts: dependence may reach over several slots.

    Args:
        slots: counts, one row per slot.
        tests: the cuts, as `cuts` or `singles` give them.
        expected_shares: of each slot and bin, where they vary by the hour; None: the same in all.

    Returns:
        At least 1; 1 also where there are too few slots to say.
    """
    if expected_shares is not None:
        return _overdispersion_by_hour(slots, tests, expected_shares)
    worst = 1.0
    size = 1
    while slots.shape[0] // size >= (8 if size > 1 else 4):
        used = slots.shape[0] // size * size
        blocks = slots[:used].reshape(-1, size, slots.shape[1]).sum(axis=1)
        rows = blocks.sum(axis=1)
        blocks, rows = blocks[rows > 0], rows[rows > 0]
        inside = blocks @ tests.T
        share = inside.sum(axis=0) / max(rows.sum(), 1.0)
        telling = (share > 0.02) & (share < 0.98)
        if rows.size > 3 and telling.any():
            expected = rows[:, None] * share[telling]
            variance = expected * (1 - share[telling])
            worst = max(worst, float(np.mean(((inside[:, telling] - expected) ** 2 / variance).sum(axis=0) / (rows.size - 1))))
        size *= 2
    return worst


def _overdispersion_by_hour(slots: Floats, tests: Floats, shares: Floats) -> float:
    worst, size = 1.0, 1
    rows = slots.sum(axis=1, keepdims=True)
    inside, expected = slots @ tests.T, (shares * rows) @ tests.T
    spread = rows * (shares @ tests.T) * (1 - shares @ tests.T)
    while len(slots) // size >= (8 if size > 1 else 4):
        used = len(slots) // size * size
        gap, variance = ((a[:used].reshape(-1, size, a.shape[1]).sum(axis=1)) for a in (inside - expected, spread))
        telling = variance.sum(axis=0) > 4
        if telling.any():
            ratio = np.divide(
                gap[:, telling] ** 2, variance[:, telling], out=np.zeros_like(gap[:, telling]), where=variance[:, telling] > 0
            )
            worst = max(worst, float(np.mean(ratio.sum(axis=0) / max(1, len(gap) - 1))))
        size *= 2
    return worst


def _gains(reference: Floats, tests: Floats, tau: float, tolerance: float, sides: int) -> tuple[Floats, Floats]:
    """What a row inside and a row outside each test adds to the log of the likelihood ratio: (direction, jump, test) each."""
    size = reference.sum() / tau
    inside = tests @ reference / tau
    alpha = REFERENCE_ALPHA / (2 * max(inside.size, 1) * sides)
    low = np.where(inside > 0, betaincinv(np.maximum(inside, _TINY), size - inside + 1, alpha), 0.0)
    high = np.where(inside < size, betaincinv(inside + 1, np.maximum(size - inside, _TINY), 1 - alpha), 1.0)
    low = np.clip(low - tolerance, _TINY, 1 - _TINY)
    high = np.clip(high + tolerance, _TINY, 1 - _TINY)
    jump = np.asarray(JUMPS)[:, None]
    up = np.clip(high + jump, _TINY, 1 - _TINY)
    down = np.clip(low - jump, _TINY, 1 - _TINY)
    gain_inside = np.stack([np.log(up / high), np.log(down / low)])
    return gain_inside, np.stack([np.log((1 - up) / (1 - high)), np.log((1 - down) / (1 - low))])


class Judge:
    """The e-detector of one signal, with its estimate of when the change began."""

    def __init__(self, reference: Floats, tests: Floats, tau: float, tolerance: float, hours: Floats | None = None) -> None:
        """Prepare.

        Args:
            reference: counts per bin.
            tests: which bins each test adds up.
            tau: rows that tell as much as one independent row, at least 1.
            tolerance: the smallest shift of a share that is worth an alarm.
            hours: counts per hour of the day and bin, where what is usual varies by the hour.
        """
        self._tests = tests
        self._tau = tau
        sides = [reference] if hours is None else list(hours)
        gains = [_gains(side, tests, tau, tolerance, len(sides)) for side in sides]
        self._gain_inside, self._gain_outside = (np.stack(part) for part in zip(*gains, strict=True))
        shape = self._gain_inside.shape[1:]
        self.log_e: Floats = np.full(shape, -np.inf)
        self.log_run: Floats = np.zeros(shape)  # evidence since the likeliest beginning of a change
        self.run_s: Floats = np.zeros(shape)  # that beginning

    def update(self, counts: Floats, since_s: float, hour: int | None = None) -> None:
        """One check: the rows that came since `since_s`, the time of the check before, in that hour of the day."""
        at = 0 if hour is None or len(self._gain_inside) == 1 else hour
        inside = self._tests @ counts / self._tau
        step = self._gain_inside[at] * inside + self._gain_outside[at] * (counts.sum() / self._tau - inside)
        self.log_e = np.logaddexp(self.log_e, 0.0) + step
        fresh = self.log_run <= 0
        self.run_s = np.where(fresh, since_s, self.run_s)
        self.log_run = np.where(fresh, 0.0, self.log_run) + step

    def evidence(self, budget_checks: float) -> float:
        """log10 of how far the evidence is beyond a budget of one false alarm in so many checks; an alarm at 0 and above."""
        top = float(self.log_e.max()) if self.log_e.size else -math.inf
        if top == -math.inf:
            return -math.log10(budget_checks)
        mean = top + math.log(float(np.exp(self.log_e - top).sum()) / self.log_e.size)
        return (mean - math.log(budget_checks)) / math.log(10)

    @property
    def change_s(self) -> float | None:
        """When the change most likely began, by the test with the strongest evidence; None while no test leans to a change."""
        if not self.log_run.size or self.log_run.max() <= 0:
            return None
        return float(self.run_s.flat[int(self.log_run.argmax())])

    def restart(self) -> None:
        """Forget all evidence, for instance after a change has ended."""
        self.log_e = np.full_like(self.log_e, -np.inf)
        self.log_run = np.zeros_like(self.log_run)
