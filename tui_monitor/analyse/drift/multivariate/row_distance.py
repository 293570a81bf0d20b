"""How far a row lies from all others: by all columns together (Mahalanobis), or in the column where it is furthest out (robust z)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate.numbers import LEAST_KNOWN, MOST_Z, Scale, enough, varied

FLAT = 1e-9  # of the largest variance: a direction in which the reference does not vary says nothing of distance
MAD_TO_SD = 1.4826  # of a normal distribution
MEAN_TO_SD = 1.2533  # the same for the mean absolute deviation, where more than half of the values are equal


class RowDistance(Struct, frozen=True, tag="mahalanobis"):
    """The distance of a row from the middle of the reference, in standard deviations of the direction in which it lies."""

    scale: Scale
    centre: list[float]
    whitening: list[list[float]]  # one line a direction, divided by its standard deviation

    @classmethod
    def fit(cls, names: Sequence[str], reference: Floats) -> RowDistance:
        """From rows as they should be.

        Raises:
            ValueError: fewer than two columns tell anything.
        """
        scale, z, singular, directions = varied(names, reference)
        sd = singular / np.sqrt(max(z.shape[0] - 1, 1))
        telling = sd**2 > FLAT * max(float(sd[0] ** 2), 1e-300)
        return cls(scale, z.mean(axis=0).tolist(), (directions[telling] / sd[telling, None]).tolist())

    @property
    def used(self) -> list[str]:
        """The columns that it looks at."""
        return self.scale.used

    def parts(self, rows: Floats) -> Floats:
        """What each column adds to the squared distance; may be below zero where a column makes a row more usual."""
        filled, weight = enough(self.scale.tamed(rows) - np.asarray(self.centre))
        whitening = np.asarray(self.whitening)
        added: Floats = filled * (filled @ whitening.T @ whitening) * weight[:, None]
        return added

    def of(self, rows: Floats) -> Floats:
        """The distance of each row; NaN where too few of its values are there."""
        filled, weight = enough(self.scale.tamed(rows) - np.asarray(self.centre))
        distance: Floats = np.sqrt(((filled @ np.asarray(self.whitening).T) ** 2).sum(axis=1) * weight)
        return distance


class RobustZ(Struct, frozen=True, tag="robust_z"):
    """The largest robust z of a row: (x - median) / (1.4826 MAD), as Iglewicz and Hoaglin (1993) have it."""

    scale: Scale

    @classmethod
    def fit(cls, names: Sequence[str], reference: Floats) -> RobustZ:
        """From rows as they should be.

        Raises:
            ValueError: no column tells anything.
        """
        plain = Scale.of(names, reference)
        kept, middle, spread = [], [], []
        for place in plain.kept:
            known = reference[~np.isnan(reference[:, place]), place]
            median = float(np.median(known))
            apart = np.abs(known - median)
            width = MAD_TO_SD * float(np.median(apart)) or MEAN_TO_SD * float(apart.mean())
            kept.append(place)
            middle.append(median)
            spread.append(width)
        if not kept:
            raise ValueError(f"none of {len(names)} numeric columns varies")
        return cls(Scale(plain.names, kept, middle, spread, plain.left_out))

    @property
    def used(self) -> list[str]:
        """The columns that it looks at."""
        return self.scale.used

    def parts(self, rows: Floats) -> Floats:
        """The robust z of each row in each column, without its sign."""
        z = np.abs(self.scale.z(rows))
        there = ~np.isnan(z)
        told = there.sum(axis=1) >= max(1.0, LEAST_KNOWN * z.shape[1])
        apart: Floats = np.where(told[:, None], np.where(there, z, 0.0), np.nan)
        return apart

    def of(self, rows: Floats) -> Floats:
        """The largest of each row; NaN where too few of its values are there."""
        largest: Floats = np.minimum(self.parts(rows).max(axis=1), MOST_Z)
        return largest
