"""The sequential judge: looks at every check for ever and still keeps its false alarms to a budget.

A test gives each bin a score of 0..1 and asks whether the mean score of new rows lies above what the reference allows, `high`. A cut scores 1
below an edge and 0 beyond (and the other way round, for the other direction); the mean rank scores a row by the share of the reference below
it; the spread by how far from the middle that is. For every bet b, the product over the rows of 1 + b (score - high) is an e-value: given the
past, each factor's mean is at most 1 for every distribution whose mean score is at most `high`, whatever else it looks like. (For a cut that is
the likelihood ratio of "its share rose by a jump".) A Shiryaev-Roberts recursion makes an e-detector of such a stream (Shin, Ramdas, Rinaldo:
E-detectors, 2022), and the weighted mean over tests, directions and bets is one again, because means of e-values are e-values. Alarming when
it reaches N gives a mean time of at least N checks between false alarms, whatever the distribution, however often one looks. No single test is
best (ranks find a moved mean soonest, the spread a moved scale, cuts anything at one place), and the mean costs but the log of a weight.

What the reference allows is its own interval (Clopper-Pearson of a share, normal of a mean of ranks), widened by the smallest shift worth
knowing: where no share up to a value moved by more than that, no mean of scores moved by more than that times the scores' total variation.

Rows that are not independent are worth less than one each: counts and the reference's size are divided by `tau`, the reference's
over-dispersion. That, and the reference's interval, are the two places where the guarantee is no theorem; `bench/budget.py` tries them.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift import beta

Floats: TypeAlias = NDArray[np.float64]

JUMPS = (0.02, 0.05, 0.1, 0.2, 0.35)  # alternatives: how far a share may have moved
BETS = (0.25, 0.6, 1.3)  # on the mean rank and the spread; the best one is the move of the mean score over its variance
MOST_BET = 0.95  # of the bet at which one row could lose everything
CUTS_WEIGHT, RANK_WEIGHT, SPREAD_WEIGHT = 0.5, 0.25, 0.25
REFERENCE_ALPHA = 0.01  # chance that the reference's interval misses the truth at any cut
SCORE_ERRORS = 2.58  # half width of the interval of a mean score, in standard errors: 99 %
LEAST_BLOCKS = 3.0
ALONE = 1.5  # blocks of an hour: with fewer, what its own mean took away is not known
CAUTION, SURE = 1.64, 2.0  # standard errors: added to an over-dispersion that is there; beyond 1 from which on one is
LEAST_INSIDE = 0.01  # rows, where dependence leaves less than one of them
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


def tests_of(counts: Floats, *, category: bool) -> Floats:
    """The tests of a histogram: categories one by one, or what lies below each cut."""
    return singles(counts) if category else cuts(counts)


def telling(share: Floats) -> NDArray[np.bool_]:
    """Shares that are neither nearly none nor nearly all: of the others a few rows would tell too much."""
    return np.asarray((share > 0.02) & (share < 0.98))


def overdispersion(slots: Floats, tests: Floats, expected_shares: Floats | None = None, an_hour: float = 1.0, seen: float = 1.0) -> float:
    """How many rows tell as much as one independent row, from how much more than binomially the shares vary between slots of time.

    Neighbouring slots are joined to blocks of 2, 4, 8 ... and the largest answer counts: dependence may reach over several slots.

    Args:
        slots: counts, one row per slot.
        tests: the cuts, as `cuts` or `singles` give them.
        expected_shares: of each slot and bin, where they vary by the hour; None: the same in all.
        an_hour: slots that the shares of one hour were made of.
        seen: days (weeks) that its slots are from.

    Returns:
        At least 1; 1 also where there are too few slots to say.
    """
    if expected_shares is not None:
        return _overdispersion_by_hour(slots, tests, expected_shares, an_hour, seen)
    worst = 1.0
    size = 1
    while slots.shape[0] // size >= (8 if size > 1 else 4):
        used = slots.shape[0] // size * size
        blocks = slots[:used].reshape(-1, size, slots.shape[1]).sum(axis=1)
        rows = blocks.sum(axis=1)
        inside = blocks @ tests.T
        share = inside.sum(axis=0) / max(rows.sum(), 1.0)
        told = telling(share)
        worst = max(worst, _of_blocks((inside - rows[:, None] * share)[:, told], rows, rows.sum() * (share * (1 - share))[told]))
        size *= 2
    return worst


def _of_blocks(gap: Floats, rows: Floats, variance: Floats) -> float:
    """The sum of squared gaps over what chance alone makes of all rows together, so that a block weighs as it does in a sum of rows.

    (The mean of each block's own ratio would let the many small blocks between bursts hide what the few large ones tell.)
    """
    whole = float(rows.sum())
    blocks = whole**2 / max(float(rows @ rows), 1e-9)  # equally large ones that would tell as much
    if not variance.size or blocks < LEAST_BLOCKS:
        return 1.0
    return _cautious(float(np.mean((gap**2).sum(axis=0) / variance)) / (1 - 1 / blocks), blocks - 1)


def _cautious(found: float, freedom: float) -> float:
    """A ratio of variances from so many blocks: raised by its own standard errors where it is beyond 1 for sure, lowered to what is sure else."""
    error = math.sqrt(2 / freedom)
    return found * (1 + CAUTION * error) if found > 1 + SURE * error else max(1.0, found - error)


def _overdispersion_by_hour(slots: Floats, tests: Floats, shares: Floats, an_hour: float, seen: float) -> float:
    worst, size = 1.0, 1
    rows = slots.sum(axis=1, keepdims=True)
    inside, expected = slots @ tests.T, (shares * rows) @ tests.T
    spread = rows * (shares @ tests.T) * (1 - shares @ tests.T)
    while len(slots) // size >= (8 if size > 1 else 4):
        used = len(slots) // size * size
        apart = max(an_hour / size, seen)  # blocks of an hour: their own mean takes one of them away from how much they vary
        gap, variance, came = ((a[:used].reshape(-1, size, a.shape[1]).sum(axis=1)) for a in (inside - expected, spread, rows))
        told = variance.sum(axis=0) > 4
        lost = math.sqrt(apart / (apart - 1)) if apart > ALONE else 1.0
        worst = max(worst, _of_blocks(lost * gap[:, told], came[:, 0], variance.sum(axis=0)[told]))
        size *= 2
    return worst


def _of_cuts(reference: Floats, tests: Floats, tau: float, tolerance: float, sides: int) -> Floats:
    """What a row of each bin adds to the log of each likelihood ratio: (direction, jump, test) flattened, by bin."""
    size = reference.sum() / tau
    inside = tests @ reference / tau
    alpha = REFERENCE_ALPHA / (2 * max(inside.size, 1) * sides)
    low = np.where(inside > 0, beta.quantile(np.maximum(inside, LEAST_INSIDE), size - inside + 1, alpha), 0.0)
    high = np.where(inside < size, beta.quantile(inside + 1, np.maximum(size - inside, LEAST_INSIDE), 1 - alpha), 1.0)
    low = np.clip(low - tolerance, _TINY, 1 - _TINY)
    high = np.clip(high + tolerance, _TINY, 1 - _TINY)
    jump = np.asarray(JUMPS)[:, None]
    up = np.clip(high + jump, _TINY, 1 - _TINY)
    down = np.clip(low - jump, _TINY, 1 - _TINY)
    gain_inside = np.stack([np.log(up / high), np.log(down / low)])[..., None]
    gain_outside = np.stack([np.log((1 - up) / (1 - high)), np.log((1 - down) / (1 - low))])[..., None]
    gains: Floats = np.where(tests > 0, gain_inside, gain_outside).reshape(-1, reference.size)
    return gains


def _of_scores(reference: Floats, scores: Floats, variation: float, tau: float, tolerance: float, sides: int) -> Floats:
    """The same for a mean of scores of 0..1, moved up or down: (direction, bet) flattened, by bin."""
    size = max(float(reference.sum()), 1.0)
    mean = float(reference @ scores) / size
    error = math.sqrt(float(reference @ (scores - mean) ** 2) / size * tau / size)
    width = SCORE_ERRORS * error * (1.0 if sides == 1 else 1.3) + 3 * tau / size + variation * tolerance  # 99 % of all hours together
    rows = []
    for score, centre in ((scores, mean), (1 - scores, 1 - mean)):
        high = min(centre + width, 1.0)
        rows += [np.log1p(min(bet, MOST_BET / high) * (score - high)) for bet in BETS]
    return np.stack(rows)


def _gains(reference: Floats, tests: Floats, tau: float, tolerance: float, sides: int, *, ordered: bool) -> tuple[Floats, Floats]:
    """What a row of each bin adds to the log of each e-value, and the log of each e-value's weight."""
    of_cuts = _of_cuts(reference, tests, tau, tolerance, sides)
    if not ordered or len(tests) < 2:
        return of_cuts, np.full(len(of_cuts), -math.log(max(len(of_cuts), 1)))
    shares = reference / max(float(reference.sum()), 1.0)
    rank = np.cumsum(shares) - shares / 2
    families = (
        (of_cuts, CUTS_WEIGHT),
        (_of_scores(reference, rank, 1.0, tau, tolerance, sides), RANK_WEIGHT),
        (_of_scores(reference, (2 * rank - 1) ** 2, 2.0, tau, tolerance, sides), SPREAD_WEIGHT),
    )
    weights = np.concatenate([np.full(len(gains), math.log(weight / len(gains))) for gains, weight in families])
    return np.concatenate([gains for gains, _ in families]), weights


class Judge:
    """The e-detector of one signal, with its estimate of when the change began."""

    def __init__(
        self, reference: Floats, tests: Floats, tau: float, tolerance: float, hours: Floats | None = None, *, ordered: bool = False
    ) -> None:
        """Prepare.

        Args:
            reference: counts per bin.
            tests: which bins each test adds up.
            tau: rows that tell as much as one independent row, at least 1.
            tolerance: the smallest shift of a share that is worth an alarm.
            hours: counts per hour and bin, where what is usual varies by the hour: of the day, or of the week.
            ordered: whether the bins have an order; then the mean rank and the spread are judged too.
        """
        self._tau = tau
        self._sides: Floats = reference[None, :] if hours is None else hours
        self._tests, self._tolerance, self._ordered = tests, tolerance, ordered
        self._at = 0  # the side that is judged by now: those of all hours together would take 100 times the memory
        self._gains, self._log_weights = self._of_side(0)
        shape = self._log_weights.shape
        self.log_e: Floats = np.full(shape, -np.inf)
        self.log_run: Floats = np.zeros(shape)  # evidence since the likeliest beginning of a change
        self.run_s: Floats = np.zeros(shape)  # that beginning

    def _of_side(self, at: int) -> tuple[Floats, Floats]:
        return _gains(self._sides[at], self._tests, self._tau, self._tolerance, len(self._sides), ordered=self._ordered)

    def update(self, counts: Floats, since_s: float, hour: int | None = None) -> None:
        """One check: the rows that came since `since_s`, the time of the check before, in that hour."""
        at = 0 if hour is None else hour % len(self._sides)
        if at != self._at:
            self._at, (self._gains, _) = at, self._of_side(at)
        step = self._gains @ (counts / self._tau)
        self.log_e = np.logaddexp(self.log_e, 0.0) + step
        self.run_s[self.log_run <= 0] = since_s
        self.log_run = np.maximum(self.log_run, 0.0) + step

    def evidence(self, budget_checks: float) -> float:
        """log10 of how far the evidence is beyond a budget of one false alarm in so many checks; an alarm at 0 and above."""
        each = self.log_e + self._log_weights
        top = float(each.max()) if each.size else -math.inf
        if top == -math.inf:
            return -math.log10(budget_checks)
        mean = top + math.log(float(np.exp(each - top).sum()))
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
