"""What a measure of drift gives: a statistic, and a p-value of a single look where the measure is a test."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Measured(Struct, frozen=True):
    """`p` is None for a distance. It is the p-value of one look: looked at every minute it alarms every day (see `judge`)."""

    statistic: float | None
    p: float | None = None
