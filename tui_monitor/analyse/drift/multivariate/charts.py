"""More amber charts, from river: ADWIN, DDM, EDDM and HDDM on a stream of errors, half-space trees on rows.

They look at every row and their false-alarm rate cannot be set in days, so they never judge. Need the extra `[river]`.
Sources: Bifet and Gavaldà 2007 (ADWIN), Gama and others 2004 (DDM), Baena-García and others 2006 (EDDM), Frías-Blanco and others 2015 (HDDM),
Tan, Ting and Liu 2011 (half-space trees).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate.numbers import Scale

NEEDS = "needs the extra [river]: pip install 'tui-monitor[river]'"
TITLES = {"adwin": "ADWIN", "ddm": "DDM", "eddm": "EDDM", "hddm": "HDDM", "half_space_trees": "half-space trees"}
OF_ERRORS = ("adwin", "ddm", "eddm", "hddm")
OF_RIGHT_OR_WRONG = ("ddm", "eddm", "hddm")  # they take 0 and 1 only
HELD_S = 1800.0  # a chart is out for so long after it fired: it begins anew by itself
MOST_ROWS = 1000  # a look; of more, evenly spread ones
_SEED = 7


class Detector(Protocol):
    """What river's detectors have in common."""

    drift_detected: bool

    def update(self, x: float) -> object:
        """One more value."""


def why_not() -> str:
    """Why there are no such charts here; nothing where there are."""
    return "" if find_spec("river") is not None else NEEDS


def made(name: str) -> Detector:
    """A detector by its name in the configuration, with river's own settings.

    Raises:
        ImportError: river is not installed.
    """
    from river import drift

    if name == "adwin":
        found: Detector = drift.ADWIN()
        return found
    binary = drift.binary
    hddm = getattr(binary, "HDDMW", None) or binary.HDDM_W  # its name changed between releases
    other: Detector = {"ddm": binary.DDM, "eddm": binary.EDDM, "hddm": hddm}[name]()
    return other


class Charts:
    """Several detectors on one stream of numbers."""

    def __init__(self, names: Iterable[str], make: Any = made) -> None:
        """`make` gives the detector of a name."""
        self._detectors: dict[str, Detector] = {name: make(name) for name in names}
        self._fired_s: dict[str, float] = {}

    def update(self, at_s: Floats, values: Floats) -> None:
        """More values, in order of time. NaN: none."""
        for name, detector in self._detectors.items():
            binary = name in OF_RIGHT_OR_WRONG
            for when_s, value in zip(at_s.tolist(), values.tolist(), strict=True):
                if math.isnan(value) or (binary and value not in (0.0, 1.0)):
                    continue
                detector.update(bool(value) if binary else value)
                if detector.drift_detected:
                    self._fired_s[name] = when_s

    def out(self, now_s: float) -> list[str]:
        """Those that fired within the last half hour, as people know them."""
        return [TITLES[name] for name in self._detectors if now_s - self._fired_s.get(name, -math.inf) < HELD_S]


class HalfSpaces:
    """Half-space trees over the numeric columns: learn first, then tell how many rows look unusual."""

    WINDOW = 250  # rows that a tree compares with
    LEARN = 1000  # rows before anything is said: half of them to learn from, half to know usual scores
    RECENT = 500
    UNUSUAL = 0.01
    SIGMAS = 4.0

    def __init__(self, names: Sequence[str], reference: Floats) -> None:
        """From at least `LEARN` rows as they should be.

        Raises:
            ValueError: too few rows, or no column that varies.
            ImportError: river is not installed.
        """
        from river import anomaly

        if reference.shape[0] < self.LEARN:
            raise ValueError(f"{reference.shape[0]} rows in the reference, {self.LEARN} are needed")
        self._scale = Scale.of(names, reference)
        if not self._scale.kept:
            raise ValueError("no numeric column varies")
        rows = reference[-self.LEARN :]
        self._trees = anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=self.WINDOW, seed=_SEED)
        half = len(rows) // 2
        for row in self._unit(rows[:half]):
            self._trees.learn_one(row)
        self._limit = float(np.quantile([self._trees.score_one(row) for row in self._unit(rows[half:])], 1 - self.UNUSUAL))
        self._recent: deque[bool] = deque(maxlen=self.RECENT)

    def update(self, rows: Floats) -> None:
        """Newer rows. They are not learned: what has changed must not become usual by itself."""
        every = max(1, -(-rows.shape[0] // MOST_ROWS))
        self._recent.extend(self._trees.score_one(row) > self._limit for row in self._unit(rows[::every]))

    @property
    def share(self) -> float | None:
        """Of the newest rows, how many look unusual; None: too few rows."""
        return sum(self._recent) / len(self._recent) if len(self._recent) == self.RECENT else None

    def out(self) -> list[str]:
        """Its name where that share is beyond chance."""
        share = self.share
        sd = math.sqrt(self.UNUSUAL * (1 - self.UNUSUAL) * (1 / self.RECENT + 2 / self.LEARN))
        return [TITLES["half_space_trees"]] if share is not None and share > self.UNUSUAL + self.SIGMAS * sd else []

    def _unit(self, rows: Floats) -> list[dict[str, float]]:
        """Columns between 0 and 1, as the trees want them: four standard deviations to either side."""
        unit = np.clip(np.nan_to_num(self._scale.tamed(rows)) / 8 + 0.5, 0.0, 1.0)
        return [dict(zip(self._scale.used, row, strict=True)) for row in unit.tolist()]
