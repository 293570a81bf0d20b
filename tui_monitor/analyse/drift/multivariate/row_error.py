"""How badly a row is reconstructed from the directions in which rows usually vary: what breaks the relations between columns stands out.

A linear autoencoder (Jolliffe, Principal Component Analysis, 2nd ed., 6.1.1 and 10.1): the directions are those of 95 % of the variance of
the reference, at most all but one, and what they cannot reproduce of a row is its error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate.numbers import Scale, enough, varied

EXPLAINED = 0.95
ROUNDING = 1e-6  # a thousandth of a spread: one column is the sum of others, and this is arithmetic


class RowError(Struct, frozen=True, tag="pca"):
    """What the reference taught. `components`: one line a direction."""

    scale: Scale
    centre: list[float]  # of the tamed columns: their mean
    components: list[list[float]]

    @classmethod
    def fit(cls, names: Sequence[str], reference: Floats) -> RowError:
        """From rows as they should be; columns may have gaps.

        Raises:
            ValueError: fewer than two columns tell anything.
        """
        scale, z, singular, directions = varied(names, reference)
        explained = np.cumsum(singular**2) / max(float((singular**2).sum()), 1e-300)
        kept = min(int(np.searchsorted(explained, EXPLAINED)) + 1, len(scale.kept) - 1, len(directions))
        return cls(scale, z.mean(axis=0).tolist(), directions[:kept].tolist())

    @property
    def used(self) -> list[str]:
        """The columns that it looks at."""
        return self.scale.used

    def parts(self, rows: Floats) -> Floats:
        """The squared error of each row in each used column, in squared spreads; NaN where a row has too few values."""
        z = self.scale.tamed(rows) - np.asarray(self.centre)
        filled, weight = enough(z)
        directions = np.asarray(self.components)
        rest = filled - filled @ directions.T @ directions
        squared: Floats = np.where(np.isnan(z), 0.0, rest**2) * weight[:, None]
        squared[squared.sum(axis=1) < ROUNDING] = 0.0
        return squared

    def of(self, rows: Floats) -> Floats:
        """The error of each row; NaN where too few of its values are there."""
        error: Floats = self.parts(rows).sum(axis=1)
        return error
