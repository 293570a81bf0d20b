"""The judges of whole rows that numpy alone can do, by the names that the configuration has for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate.row_distance import RobustZ, RowDistance
from tui_monitor.analyse.drift.multivariate.row_error import RowError

Fit = RowError | RowDistance | RobustZ
METHODS: dict[str, type[RowError | RowDistance | RobustZ]] = {"pca": RowError, "mahalanobis": RowDistance, "robust_z": RobustZ}
SIGNALS = {"pca": "row error", "mahalanobis": "row distance", "robust_z": "row robust z"}

LEAST_ROWS = 500
ROWS_A_COLUMN = 20  # with fewer, directions are noise
LEAST_STRETCH, MOST_STRETCHES = 100, 200
EXTREME = 0.01  # share of the rows that a mean is taken without
MOST_PARTS = 5


def rows_needed(columns: int) -> int:
    """Rows that a fit over so many columns needs."""
    return max(LEAST_ROWS, ROWS_A_COLUMN * columns)


def fit(method: str, names: Sequence[str], reference: Floats) -> Fit:
    """What the reference teaches.

    Raises:
        ValueError: in one line why it teaches nothing.
    """
    needed = rows_needed(len(names))
    if reference.shape[0] < needed:
        raise ValueError(f"{reference.shape[0]} rows in the reference, {needed} are needed for {len(names)} columns")
    return METHODS[method].fit(names, reference)


def halves(rows: int) -> NDArray[np.bool_]:
    """Which rows of a reference are learned from; the others tell what is usual.

    A fit knows the rows that made it too well: judged by those, every new row would seem a little worse. Stretches of rows that follow each
    other stay together, so that what is usual also tells how alike neighbours are; they are short, so that every hour of a day has both.
    """
    learned: NDArray[np.bool_] = np.arange(rows) // max(LEAST_STRETCH, rows // MOST_STRETCHES) % 2 == 0
    return learned


class Rise(NamedTuple):
    """How rows of now differ from those of the reference."""

    times: float  # mean now / mean of the reference
    worst: str  # the column that adds most to the difference
    parts: list[tuple[str, float, float]]  # column, its share of the reference's mean, its share of the mean now; the worst first


class Usual(Struct, frozen=True):
    """What columns add to a row of the reference, on average."""

    by_column: list[float]
    mean: float


def usual(fitted: Fit, reference: Floats) -> Usual | None:
    """Means over rows, without the most extreme hundredth: one absurd row is no rise. None where no row can be told."""
    got, parts = fitted.of(reference), fitted.parts(reference)
    told = ~np.isnan(got)
    if not told.any():
        return None
    told &= np.nan_to_num(got) <= np.quantile(got[told], 1 - EXTREME)
    return Usual(parts[told].mean(axis=0).tolist(), float(got[told].mean()))


def rise(fitted: Fit, was: Usual, rows: Floats) -> Rise | None:
    """The difference between rows of now and the reference; None where no row can be told."""
    got = usual(fitted, rows)
    if got is None or not fitted.used:
        return None
    before, now = np.asarray(was.by_column), np.asarray(got.by_column)
    order = np.argsort(-(now - before), kind="stable")
    whole, whole_now = max(float(before.sum()), 1e-300), max(float(now.sum()), 1e-300)
    listed = [(fitted.used[i], float(before[i]) / whole, float(now[i]) / whole_now) for i in order[:MOST_PARTS]]
    return Rise(got.mean / was.mean if was.mean > 0 else math.inf if got.mean > 0 else 1.0, listed[0][0], listed)


def said(method: str, since: str, found: Rise) -> str:
    """One sentence: what rose or fell, by how much, and where most of it is."""
    name = SIGNALS[method]
    if found.times >= 1:
        much = f"{found.times:.1f}x" if found.times < 1000 else "more than 1000x"
        return f"{name} up {much} since {since}, worst column: {found.worst}."
    return f"{name} down to {found.times:.2g}x since {since}: rows are more alike than in the reference."
