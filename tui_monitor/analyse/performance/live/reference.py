"""The log that a model is held against: what its numbers were there, and how much they varied between windows of one length."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Layout
from tui_monitor.analyse.performance.numbers.metrics import headline, measured
from tui_monitor.analyse.performance.unlabelled.calibrate import Calibrator, ClassCalibrator
from tui_monitor.analyse.performance.unlabelled.reweight import Mix
from tui_monitor.model import Estimate
from tui_monitor.vocabulary import VOCABULARY

FEWEST = 3  # parts of a reference from which a spread can be told at all
FEWEST_ROWS = 30  # labelled rows of a slice of it
DEVIATIONS = 3.0
MOST_PARTS = 500  # of one length that are looked at in a live log: the newest
MINUTE_S = 60.0

Mask = NDArray[np.bool_]
Numbers = Callable[[Counts], dict[str, Estimate]]


class _Held(NamedTuple):
    """What a log or a slice of it was like in the reference."""

    values: dict[str, float]
    floors: dict[float, dict[str, float]]  # by the length of the windows, as far as somebody asked
    inside: NDArray[np.uint8] | None = None  # bits of the slice's rows; None: all


class Reference:
    """Labelled rows that a log is held against: the log against all of them, a slice against the same slice of them.

    Args:
        batch: the rows, in any order; those without a label count for nothing here.
        layout: of the log; classes that only the reference has become classes of the log.
        name: where the rows come from.
        inside: name of a slice -> which of the rows belong to it; None: nobody knows.
        slices: names of those whose mix is looked at, for reweighting.
        most_parts: parts of one length to look at, the newest; None: all.
        live: of a log that is looked at every few seconds: for slices only the numbers that it shows, and nothing of a slice with too few rows.
    """

    def __init__(
        self,
        batch: Batch,
        layout: Layout,
        name: str,
        inside: Callable[[str], Mask | None] | None = None,
        slices: Sequence[str] = (),
        *,
        most_parts: int | None = MOST_PARTS,
        live: bool = False,
    ) -> None:
        self.name = name
        self._layout = layout
        known = np.isfinite(batch.label) if layout.regression else batch.label >= 0
        self._order = np.flatnonzero(known)[np.argsort(batch.at_s[known], kind="stable")]
        self.batch = batch.take(self._order)
        self.rows = len(self.batch.label)
        self._inside = inside
        self._slices = slices
        self._most = most_parts
        self._fewest = FEWEST_ROWS if live else 0
        self._of_slice: Numbers = headline if live else measured
        self._held: dict[str | None, _Held] = {None: _Held(_values(self._numbers(self.batch, measured)), {})}
        self.calibrator, self.why_uncalibrated = self._calibration()

    @property
    def values(self) -> dict[str, float]:
        """The numbers over all of it."""
        return self._held[None].values

    @cached_property
    def mix(self) -> Mix | None:
        """How often the model was right in each mix of slices."""
        inside = [self._mask(name) for name in self._slices]
        known = [mask for mask in inside if mask is not None]
        if self._layout.regression or not inside or len(known) < len(inside) or not self.rows:
            return None
        right = self._layout.as_one(self.batch.prediction) == self._layout.as_one(self.batch.label)
        return Mix.of(self._slices, np.stack(known, axis=1), right, self.name)

    def of(self, width_s: float | None, metrics: dict[str, Estimate], slice_: str | None = None) -> dict[str, Estimate]:
        """The numbers of a window with what they are in the same slice of the reference, and the floors for its length (None: no floors)."""
        values = self._part(slice_).values
        floors = self.floors(width_s, slice_) if width_s is not None else {}
        return {key: held_against(one, key, values.get(key), floors.get(key)) for key, one in metrics.items()}

    def floors(self, width_s: float, slice_: str | None = None) -> dict[str, float]:
        """For each number its mean - 3 sd (where high is bad + 3 sd) over the reference cut into windows of this length.

        The cuts go back from the first whole minute after the newest row, as the windows of a log that ends there; only whole ones count.
        Numbers that fewer than three of them have are not in the result, nor those of which neither high nor low is bad.
        """
        part = self._part(slice_)
        found = part.floors.get(width_s)
        if found is None:
            mine = self.batch
            if part.inside is not None:  # of no bits: of no rows
                mine = mine.take(np.flatnonzero(np.unpackbits(part.inside)))
            found = part.floors[width_s] = self._floors_of(mine, width_s, measured if slice_ is None else self._of_slice)
        return found

    def forget(self, slice_: str) -> None:
        """A slice that is no more."""
        self._held.pop(slice_, None)

    def _part(self, slice_: str | None) -> _Held:
        found = self._held.get(slice_)
        if found is None:
            inside = self._mask(slice_ or "")
            if inside is None or not inside.any() or np.count_nonzero(inside) < self._fewest:
                found = _Held({}, {}, np.zeros(0, np.uint8))
            else:
                found = _Held(_values(self._numbers(self.batch.take(inside), self._of_slice)), {}, np.packbits(inside))
            self._held[slice_] = found
        return found

    def _mask(self, slice_: str) -> Mask | None:
        mask = self._inside(slice_) if self._inside is not None else None
        return None if mask is None else mask[self._order]

    def expected(self, batch: Batch) -> NDArray[np.float64] | None:
        """Calibrated chances of a batch: of the positive class, with several classes of the prediction to be right."""
        if self.calibrator is None or batch.score is None:
            return None
        if isinstance(self.calibrator, Calibrator):
            return self.calibrator.of(batch.score)
        return self.calibrator.of(batch.score, batch.prediction.astype(np.int64))

    def _floors_of(self, batch: Batch, width_s: float, numbers: Numbers) -> dict[str, float]:
        at_s = batch.at_s
        if not len(at_s):
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
                for key, one in self._numbers(batch.take(slice(int(first), int(last))), numbers).items():
                    if one.value is not None:
                        series.setdefault(key, []).append(one.value)
        return {
            key: float(np.mean(values) + (DEVIATIONS if _bad(key) == "high" else -DEVIATIONS) * np.std(values))
            for key, values in series.items()
            if len(values) >= FEWEST and _bad(key)
        }

    def _numbers(self, batch: Batch, numbers: Numbers) -> dict[str, Estimate]:
        counts = Counts(self._layout)
        counts.add_rows(batch)
        counts.add_labels(batch)
        return numbers(counts)

    def _calibration(self) -> tuple[Calibrator | ClassCalibrator | None, str]:
        batch = self.batch
        if batch.score is None or self._layout.regression:
            return None, "" if self._layout.regression else "no score column"
        if self._layout.task == "binary":
            found: Calibrator | ClassCalibrator | str = Calibrator.fit(batch.score, self._layout.positives()[batch.label.astype(np.int64)])
        else:
            found = ClassCalibrator.fit(batch.score, batch.label.astype(np.int64), batch.prediction.astype(np.int64))
        return (None, found) if isinstance(found, str) else (found, "")


def _values(metrics: dict[str, Estimate]) -> dict[str, float]:
    return {key: one.value for key, one in metrics.items() if one.value is not None}


def _bad(key: str) -> str:
    term = VOCABULARY.get(key)
    return term.bad if term is not None else ""


def held_against(one: Estimate, key: str, reference: float | None, floor: float | None) -> Estimate:
    """A number beside its reference."""
    if reference is None and floor is None:
        return one
    breach = None if floor is None or one.value is None else one.value > floor if _bad(key) == "high" else one.value < floor
    return msgspec.structs.replace(one, reference=reference, floor=floor, breach=breach)
