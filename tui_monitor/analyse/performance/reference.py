"""The log that a model is held against: what its numbers were there, and how much they varied between windows of one length."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.calibrate import Calibrator, ClassCalibrator
from tui_monitor.analyse.performance.counts import Batch, Counts
from tui_monitor.analyse.performance.layout import Layout
from tui_monitor.analyse.performance.metrics import measured
from tui_monitor.analyse.performance.reweight import Mix
from tui_monitor.model import Estimate
from tui_monitor.vocabulary import VOCABULARY

FEWEST = 3  # parts of a reference from which a spread can be told at all
DEVIATIONS = 3.0
MOST_PARTS = 500  # of one length that are looked at in a live log: the newest
MINUTE_S = 60.0


class Reference:
    """Labelled rows that a log is held against.

    Args:
        batch: the rows, in any order; those without a label count for nothing here.
        layout: of the log; classes that only the reference has become classes of the log.
        name: where the rows come from.
        slices: names of the slices, for reweighting.
        inside: one line a row, one column a slice.
        most_parts: parts of one length to look at, the newest; None: all.
    """

    def __init__(
        self,
        batch: Batch,
        layout: Layout,
        name: str,
        slices: Sequence[str] = (),
        inside: NDArray[np.bool_] | None = None,
        most_parts: int | None = MOST_PARTS,
    ) -> None:
        self.name = name
        self._layout = layout
        known = np.isfinite(batch.label) if layout.regression else batch.label >= 0
        order = np.argsort(batch.at_s[known], kind="stable")
        self.batch = batch.take(np.flatnonzero(known)[order])
        self.rows = len(self.batch.label)
        self._most = most_parts
        self._floors: dict[float, dict[str, float]] = {}
        self.values = {key: one.value for key, one in self._numbers(self.batch).items() if one.value is not None}
        self.calibrator, self.why_uncalibrated = self._calibration()
        self.mix = None
        if inside is not None and slices and not layout.regression:
            self.mix = Mix.of(slices, inside[known][order], self.batch.prediction == self.batch.label, name)

    def of(self, width_s: float | None, metrics: dict[str, Estimate]) -> dict[str, Estimate]:
        """The numbers of a window with what they are in the reference, and its floors for this length (None: no floors)."""
        floors = self.floors(width_s) if width_s is not None else {}
        return {key: held_against(one, key, self.values.get(key), floors.get(key)) for key, one in metrics.items()}

    def floors(self, width_s: float) -> dict[str, float]:
        """For each number its mean - 3 sd (where high is bad + 3 sd) over the reference cut into windows of this length.

        The cuts go back from the first whole minute after the newest row, as the windows of a log that ends there; only whole ones count.
        Numbers that fewer than three of them have are not in the result, nor those of which neither high nor low is bad.
        """
        found = self._floors.get(width_s)
        if found is None:
            found = self._floors[width_s] = self._floors_of(width_s)
        return found

    def expected(self, batch: Batch) -> NDArray[np.float64] | None:
        """Calibrated chances of a batch: of the positive class, with several classes of the prediction to be right."""
        if self.calibrator is None or batch.score is None:
            return None
        if isinstance(self.calibrator, Calibrator):
            return self.calibrator.of(batch.score)
        return self.calibrator.of(batch.score, batch.prediction.astype(np.int64))

    def _floors_of(self, width_s: float) -> dict[str, float]:
        at_s = self.batch.at_s
        if not self.rows:
            return {}
        end_s = (math.floor(at_s[-1] / MINUTE_S) + 1) * MINUTE_S
        parts = math.floor((end_s - math.floor(at_s[0] / MINUTE_S) * MINUTE_S) / width_s)
        if parts < FEWEST:
            return {}
        looked_at = parts if self._most is None else min(parts, self._most)
        edges = np.searchsorted(at_s, end_s - width_s * np.arange(looked_at, -1, -1), side="left")
        series: dict[str, list[float]] = {}
        for first, last in itertools.pairwise(edges):
            if last > first:
                for key, one in self._numbers(self.batch.take(slice(int(first), int(last)))).items():
                    if one.value is not None:
                        series.setdefault(key, []).append(one.value)
        return {
            key: float(np.mean(values) + (DEVIATIONS if _bad(key) == "high" else -DEVIATIONS) * np.std(values))
            for key, values in series.items()
            if len(values) >= FEWEST and _bad(key)
        }

    def _numbers(self, batch: Batch) -> dict[str, Estimate]:
        counts = Counts(self._layout)
        counts.add_rows(batch)
        counts.add_labels(batch)
        return measured(counts)

    def _calibration(self) -> tuple[Calibrator | ClassCalibrator | None, str]:
        batch = self.batch
        if batch.score is None or self._layout.regression:
            return None, "" if self._layout.regression else "no score column"
        if self._layout.task == "binary":
            found: Calibrator | ClassCalibrator | str = Calibrator.fit(batch.score, self._layout.positives()[batch.label.astype(np.int64)])
        else:
            found = ClassCalibrator.fit(batch.score, batch.label.astype(np.int64), batch.prediction.astype(np.int64))
        return (None, found) if isinstance(found, str) else (found, "")


def _bad(key: str) -> str:
    term = VOCABULARY.get(key)
    return term.bad if term is not None else ""


def held_against(one: Estimate, key: str, reference: float | None, floor: float | None) -> Estimate:
    """A number beside its reference."""
    if reference is None and floor is None:
        return one
    breach = None if floor is None or one.value is None else one.value > floor if _bad(key) == "high" else one.value < floor
    return msgspec.structs.replace(one, reference=reference, floor=floor, breach=breach)
