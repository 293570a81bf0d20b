"""The numeric columns of rows, side by side on one scale: what every judge of whole rows starts from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from tui_monitor.analyse.drift.judge import Floats

MOST_COLUMNS = 64
LEAST_KNOWN = 0.5  # share of a column's rows, and of a row's columns, that must be there
TRIM = 0.001  # at either end: what a standard deviation is measured without
QUARTILES = 1.349  # between them lie so many standard deviations of a normal distribution
KNEE = 3.0
MOST_FITTED = 10_000  # rows
MOST_Z = 1e6  # nothing is further away than this: sums of squares must stay finite

Row = Mapping[str, float | str | None]


def numeric(rows: Sequence[Row]) -> list[str]:
    """Columns that hold numbers in at least half of the rows and no words, in the order in which they first appear."""
    numbers: dict[str, int] = {}
    wordy: set[str] = set()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str):
                wordy.add(name)
            elif value is not None and math.isfinite(value):
                numbers[name] = numbers.get(name, 0) + 1
    return [name for name, count in numbers.items() if name not in wordy and count >= LEAST_KNOWN * len(rows)][:MOST_COLUMNS]


def table(rows: Sequence[Row], names: Sequence[str]) -> Floats:
    """One line a row, one column a name; NaN where there is no finite number."""
    made = np.full((len(rows), len(names)), np.nan)
    for place, name in enumerate(names):
        column = [row.get(name) for row in rows]
        try:
            made[:, place] = column
        except (TypeError, ValueError):  # words among them
            made[:, place] = [value if isinstance(value, float | int) else np.nan for value in column]
    made[~np.isfinite(made)] = np.nan
    return made


class Scale(Struct, frozen=True):
    """Where each column usually lies, and how wide. Columns that tell nothing are left out with the reason."""

    names: list[str]  # all columns of a table, in its order
    kept: list[int]  # places of those that are used
    middle: list[float]  # of the used ones: the median
    spread: list[float]  # the standard deviation that a normal distribution of the same quartiles has
    left_out: dict[str, str] = {}

    @classmethod
    def of(cls, names: Sequence[str], reference: Floats) -> Scale:
        """From rows as they should be. Medians and quartiles: a few absurd rows do not move them, heavy tails neither."""
        kept, middle, spread, left_out = [], [], [], {}
        for place, name in enumerate(names):
            column = reference[:, place]
            known = column[~np.isnan(column)]
            if known.size < max(2.0, LEAST_KNOWN * column.size):
                left_out[name] = "mostly missing in the reference"
                continue
            if known.size > 20 and (np.diff(known) >= 0).all() and np.unique(known).size > known.size / 2:
                left_out[name] = "only ever grows: a counter or a time"
                continue
            low, median, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
            tiny = 1e-12 * max(1.0, abs(median))
            width = (high - low) / QUARTILES
            if not width > tiny:  # more than half of the rows have one value
                width = float(np.clip(known, *np.quantile(known, [TRIM, 1 - TRIM])).std())
            if not width > tiny:
                left_out[name] = "constant in the reference"
                continue
            kept.append(place)
            middle.append(median)
            spread.append(width)
        return cls(list(names), kept, middle, spread, left_out)

    @property
    def used(self) -> list[str]:
        """Names of the columns that are used."""
        return [self.names[place] for place in self.kept]

    def z(self, rows: Floats) -> Floats:
        """The used columns, in spreads away from the middle; NaN stays."""
        scaled: Floats = np.clip((rows[:, self.kept] - np.asarray(self.middle)) / np.asarray(self.spread), -MOST_Z, MOST_Z)
        return scaled

    def tamed(self, rows: Floats) -> Floats:
        """The same, with what is beyond `KNEE` growing by its logarithm: relations of usual values stay as they are, heavy tails rule no sum."""
        z = self.z(rows)
        far = np.abs(z) - KNEE
        bent: Floats = np.where(far > 0, np.sign(z) * (KNEE + np.log1p(np.maximum(far, 0.0))), z)
        return bent


def enough(z: Floats) -> tuple[Floats, Floats]:
    """Rows with 0 (the usual value) where one is missing, and for each row columns / columns that are there: NaN where too few are."""
    there = ~np.isnan(z)
    known = there.sum(axis=1)
    weight = np.full(z.shape[0], np.nan)
    told = known >= max(1.0, LEAST_KNOWN * z.shape[1])
    weight[told] = z.shape[1] / known[told]
    return np.where(there, z, 0.0), weight


def varied(names: Sequence[str], reference: Floats) -> tuple[Scale, Floats, Floats, Floats]:
    """(scale, rows on it, singular values, directions): in which directions rows as they should be vary, one line a direction.

    Raises:
        ValueError: fewer than two columns tell anything.
    """
    scale = Scale.of(names, reference)
    if len(scale.kept) < 2:
        raise ValueError(f"{len(scale.kept)} of {len(names)} numeric columns vary, 2 are needed")
    every = max(1, -(-reference.shape[0] // MOST_FITTED))
    z: Floats = np.nan_to_num(scale.tamed(reference[::every]))
    _, singular, directions = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    return scale, z, singular, directions
