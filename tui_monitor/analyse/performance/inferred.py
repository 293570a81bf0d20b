"""Quality numbers that rest on something else than a label for every row: the numbers, what they take for granted, or why there are none."""

from __future__ import annotations

import math
from typing import NamedTuple

from tui_monitor.model import Basis, Estimate

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution


class Inferred(NamedTuple):
    """Estimates from one source. Without `metrics` there is a `why`."""

    metrics: dict[str, Estimate]
    assumption: str = ""  # one sentence
    why: str = ""


def share_like(value: float, variance: float, n: int, source: Basis, *, least: float) -> Estimate:
    """An estimate between 0 and 1 with Wilson's interval for as many rows as would give this variance.

    Args:
        value: the estimate.
        variance: of the estimate.
        n: rows that it is reported to rest on.
        source: what it rests on.
        least: rows that it is worth where the variance says nothing (all right, or all wrong).
    """
    value = min(1.0, max(0.0, value))
    spread = value * (1.0 - value)
    worth = spread / variance if variance > 0 and spread > 0 else least
    if not worth > 0:
        return Estimate(value, 0.0, 1.0, source, n)
    square = Z * Z / worth
    middle = (value + square / 2) / (1 + square)
    half = math.sqrt(square) * math.sqrt(spread + square / 4) / (1 + square)
    return Estimate(value, max(0.0, min(value, middle - half)), min(1.0, max(value, middle + half)), source, n)
