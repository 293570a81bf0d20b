"""Which inputs matter to a live model: asked of it, within a budget of requests. Both questions yield their progress, then one result.

Permutation importance (Breiman 2001; Fisher, Rudin, Dominici 2019): one column's values change places among the golden rows; how far accuracy
falls is what the model gets from that column. The rows are the same with and without, so the interval is that of a paired difference.
Local explanation (LIME; Ribeiro, Singh, Guestrin 2016): one row is asked again with its columns moved at random, and a straight line is
fitted to the answers, near ones counting more. Its fit says how far such a line can be believed.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import structs

from tui_monitor.analyse.performance.golden.judged import Heard, response, same
from tui_monitor.analyse.performance.golden.shares import Z, paired
from tui_monitor.model import ColumnWeight, Estimate, ProbeExplained, clean, utc

FEWEST_ROWS = 5
MOST_REPEATS = 5
MOST_WEIGHTS = 64  # that are told
GIVE_UP = 5  # failures in a row
WIDTH = 0.75  # of the kernel, times the root of the number of columns: LIME's default
RIDGE = 1e-6

Value = float | str | bool


class GoldenRow(NamedTuple):
    """A golden question as columns."""

    id: str
    values: Mapping[str, Value]


class Replied(NamedTuple):
    """What the model said to a row: None where it said nothing."""

    heard: Heard | None
    right: bool = False
    value: Any = None
    why: str = ""


class Progress(NamedTuple):
    """Requests done, of at most."""

    done: int
    of: int


Ask = Callable[[str, Mapping[str, Value]], Awaitable[Replied]]


class _Broken(Exception):
    """Too many failures in a row."""


class _Counted:
    """Asks, and counts what it costs."""

    def __init__(self, ask: Ask, budget: int) -> None:
        self._ask, self._budget = ask, budget
        self.requests = self.failed = 0
        self._in_a_row = 0

    async def __call__(self, row: str, values: Mapping[str, Value]) -> Replied:
        if self.requests >= self._budget:
            raise _Broken(f"{self._budget} requests are the most")
        self.requests += 1
        reply = await self._ask(row, values)
        if reply.heard is not None:
            self._in_a_row = 0
            return reply
        self.failed += 1
        self._in_a_row += 1
        if self._in_a_row >= GIVE_UP:
            raise _Broken(f"given up after {GIVE_UP} failures in a row: {reply.why}")
        return reply


class _Tally:
    """What one column's places did: pairs, right before and wrong after, the other way round, and other answers."""

    def __init__(self) -> None:
        self.pairs = self.lost = self.gained = self.moved = 0


async def importances(
    rows: Sequence[GoldenRow], ask: Ask, budget: int, now_s: float, *, tolerance: float = 0.0, seed: int = 0
) -> AsyncIterator[Progress | ProbeExplained]:
    """Permutation importance of every column; the result comes last.

    Args:
        rows: the golden ones; those with other columns than the first are left out.
        ask: puts one row to the model.
        budget: requests at most.
        now_s: stands in the result.
        tolerance: within which two numbers are one answer.
        seed: of the permutations.
    """
    columns = list(rows[0].values) if rows else []
    rows = [one for one in rows if list(one.values) == columns]
    chance = random.Random(seed)  # noqa: S311 - statistics
    used = min(len(rows), budget // (1 + len(columns)))
    if used < FEWEST_ROWS:
        why = (
            f"{FEWEST_ROWS} golden rows with the same columns are the fewest, there are {len(rows)}"
            if len(rows) < FEWEST_ROWS
            else f"{budget} requests are too few for {len(columns)} columns: explain_requests = {FEWEST_ROWS * (1 + len(columns))}"
        )
        yield ProbeExplained(at=utc(now_s), row=None, columns=len(columns), why=why)
        return
    rows = chance.sample(rows, used)
    repeats = max(1, min(MOST_REPEATS, (budget - used) // (used * len(columns))))
    of = used * (1 + repeats * len(columns))
    counted, why = _Counted(ask, budget), ""
    tallies = {column: _Tally() for column in columns}
    base: dict[str, Replied] = {}
    try:
        for row in rows:
            reply = await counted(row.id, row.values)
            if reply.heard is not None:
                base[row.id] = reply
            yield Progress(counted.requests, of)
        answered = [row for row in rows if row.id in base]
        for _ in range(repeats):
            for column in columns:
                places = chance.sample(answered, len(answered))
                for place, row in enumerate(places):
                    other = places[place - 1].values[column]  # nobody keeps his own
                    tally = tallies[column]
                    if other == row.values[column]:
                        tally.pairs += 1
                        continue
                    reply = await counted(row.id, {**row.values, column: other})
                    yield Progress(counted.requests, of)
                    if reply.heard is not None:
                        _count(tally, base[row.id], reply, tolerance)
    except _Broken as broken:
        why = str(broken)
    yield _importances(tallies, base, counted, repeats, why, now_s)


def _count(tally: _Tally, before: Replied, after: Replied, tolerance: float) -> None:
    tally.pairs += 1
    tally.lost += before.right and not after.right
    tally.gained += after.right and not before.right
    tally.moved += before.heard is not None and after.heard is not None and not same(before.heard, after.heard, tolerance)


def _importances(
    tallies: Mapping[str, _Tally], base: Mapping[str, Replied], counted: _Counted, repeats: int, why: str, now_s: float
) -> ProbeExplained:
    weights = [
        ColumnWeight(
            clean(column, 80),
            paired(tally.lost / repeats, tally.gained / repeats, tally.pairs / repeats),  # repeats of a row are no new rows
            moved=tally.moved / tally.pairs,
        )
        for column, tally in tallies.items()
        if tally.pairs
    ]
    weights.sort(key=lambda one: (-(one.value.value or 0.0), -(one.moved or 0.0)))
    sure = [one for one in weights if (one.value.low or 0.0) > 0]
    sentence = ""
    if sure:
        best = sure[0]
        sentence = f"{best.column} matters most: without it accuracy falls by {100 * (best.value.value or 0):.0f} points"
    elif weights:
        sentence = f"no column's loss is beyond chance over {len(base)} golden rows"
    return ProbeExplained(
        at=utc(now_s),
        row=None,
        weights=weights[:MOST_WEIGHTS],
        columns=len(tallies),
        rows=len(base),
        requests=counted.requests,
        failed=counted.failed,
        base=sum(one.right for one in base.values()) / len(base) if base else None,
        why=clean(why),
        sentence=sentence,
    )


async def explanation(
    row: GoldenRow, rows: Sequence[GoldenRow], ask: Ask, budget: int, now_s: float, *, seed: int = 0
) -> AsyncIterator[Progress | ProbeExplained]:
    """A straight line through the model's answers around one row; the result comes last.

    The answer that is followed is the number that the model says, or the probability of the class that it says to the row as it is, or
    where it says only classes 1 for the same class and 0 for another one.

    Args:
        row: to explain.
        rows: golden rows, that tell how far each column moves: one step is its standard deviation, a category's is another category.
        ask: puts one row to the model.
        budget: requests at most.
        now_s: stands in the result.
        seed: of the moves.
    """
    moves = _moves(row, rows)
    samples = budget - 1
    if samples < 2 * (len(moves) + 1):
        why = f"{budget} requests are too few for {len(moves)} columns: explain_requests = {2 * len(moves) + 3}"
        yield ProbeExplained(at=utc(now_s), row=row.id, columns=len(moves), why=why)
        return
    chance = random.Random(seed)  # noqa: S311 - statistics
    counted, why = _Counted(ask, budget), ""
    steps: list[list[float]] = []
    answers: list[float] = []
    base = 0.0
    try:
        first = await counted(row.id, row.values)
        yield Progress(1, budget)
        if first.heard is None:
            yield ProbeExplained(at=utc(now_s), row=row.id, columns=len(moves), requests=1, failed=1, why=clean(first.why))
            return
        base = _followed(first, first)
        steps.append([0.0] * len(moves))
        answers.append(base)
        for _ in range(samples):
            moved = [move(chance) for move in moves.values()]
            reply = await counted(row.id, {**row.values, **{column: value for column, (_, value) in zip(moves, moved, strict=True)}})
            yield Progress(counted.requests, budget)
            if reply.heard is not None:
                steps.append([step for step, _ in moved])
                answers.append(_followed(reply, first))
    except _Broken as broken:
        why = str(broken)
    yield _explained(row, moves, steps, answers, counted, base, why, now_s)


def _followed(reply: Replied, first: Replied) -> float:
    number = response(reply.value, first.value)
    if number is None:
        return float(reply.heard is not None and first.heard is not None and reply.heard.digest == first.heard.digest)
    return number


class _Numeric:
    """Moves a number by some of its steps; whole numbers stay whole."""

    def __init__(self, value: float, others: Sequence[float]) -> None:
        spread = statistics.pstdev(others) if len(others) > 1 else 0.0
        self.value, self.step = value, spread or abs(value) * 0.1 or 1.0
        self._whole = all(float(one).is_integer() for one in (value, *others))

    def __call__(self, chance: random.Random) -> tuple[float, Value]:
        to = self.value + self.step * chance.gauss(0, 1)
        to = float(round(to)) if self._whole else to
        return (to - self.value) / self.step, to


class _Category:
    """Takes another value that a golden row has, half of the times."""

    step: float | None = None

    def __init__(self, value: Value, others: Sequence[Value]) -> None:
        self.value, self._others = value, others

    def __call__(self, chance: random.Random) -> tuple[float, Value]:
        if chance.random() < 0.5:
            return 0.0, self.value
        return 1.0, chance.choice(self._others)


def _moves(row: GoldenRow, rows: Sequence[GoldenRow]) -> dict[str, _Numeric | _Category]:
    """How each column is moved; one that nobody knows another value of stays."""
    found: dict[str, _Numeric | _Category] = {}
    for column, value in row.values.items():
        seen = [one.values[column] for one in rows if column in one.values]
        numbers = [one for one in (value, *seen) if not isinstance(one, str | bool)]
        if not isinstance(value, str | bool) and len(numbers) == len(seen) + 1 and len(set(numbers)) != 2:
            found[column] = _Numeric(float(value), [float(one) for one in numbers[1:]])
            continue
        others = sorted({one for one in seen if one != value}, key=str)
        if not others and isinstance(value, bool):
            others = [not value]
        if others:
            found[column] = _Category(value, others)
    return found


def _explained(
    row: GoldenRow,
    moves: Mapping[str, _Numeric | _Category],
    steps: list[list[float]],
    answers: list[float],
    counted: _Counted,
    base: float,
    why: str,
    now_s: float,
) -> ProbeExplained:
    told = ProbeExplained(
        at=utc(now_s), row=row.id, columns=len(moves), rows=len(answers), requests=counted.requests, failed=counted.failed, base=base,
        why=clean(why),
    )  # fmt: skip
    if len(answers) < 2 * (len(moves) + 1):
        return structs.replace(told, why=clean(why) or "too few answers for a line")
    if max(answers) - min(answers) <= 1e-12 * max(1.0, abs(base)):
        return structs.replace(told, fit=None, sentence="its answer stays the same whatever is moved")
    effects, errors, fit = _line(steps, answers)
    n = len(answers)
    weights = [
        ColumnWeight(clean(column, 80), Estimate(effect, effect - Z * error, effect + Z * error, source="probe", n=n), step=move.step)
        for (column, move), effect, error in zip(moves.items(), effects, errors, strict=True)
    ]
    weights.sort(key=lambda one: -abs(one.value.value or 0.0))
    best = weights[0]
    step = "another category" if best.step is None else f"a step of {best.step:.3g}"
    doubt = "" if fit >= 0.5 else "; the line fits badly, do not trust it"
    sentence = f"{best.column} moves the answer most: {step} by {best.value.value or 0.0:+.3g} (R2 {fit:.2f}{doubt})"
    return structs.replace(told, weights=weights[:MOST_WEIGHTS], fit=fit, sentence=sentence)


def _line(steps: list[list[float]], answers: list[float]) -> tuple[list[float], list[float], float]:
    """Effects of one step, their standard errors (robust to unequal scatter, HC1), and the weighted R2 of the line."""
    import numpy as np

    moved, said = np.asarray(steps, dtype=np.float64), np.asarray(answers, dtype=np.float64)
    design = np.column_stack([np.ones(len(said)), moved])
    weight = np.exp(-(moved**2).sum(axis=1) / (WIDTH**2 * max(1, moved.shape[1])))
    weight /= weight.sum()
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    inverse = np.linalg.pinv(design.T @ (weight[:, None] * design) + penalty)
    line = inverse @ design.T @ (weight * said)
    rest = said - design @ line
    spread = float(weight @ (said - weight @ said) ** 2)
    fit = 1.0 - float(weight @ rest**2) / spread if spread > 0 else 0.0
    freedom = len(said) / max(1, len(said) - design.shape[1])
    meat = design.T @ ((weight * rest)[:, None] ** 2 * design)
    errors = np.sqrt(np.clip(np.diag(freedom * inverse @ meat @ inverse), 0.0, None))
    return line[1:].tolist(), errors[1:].tolist(), max(0.0, min(1.0, fit))
