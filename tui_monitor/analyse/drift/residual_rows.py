"""The labelled rows of one log on their way to ranks among errors of like inputs: first they are learned from, then they are ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from tui_monitor.analyse.drift.dependence import Enough, enough
from tui_monitor.analyse.drift.error_model import Singles
from tui_monitor.analyse.drift.judge import Floats, tests_of
from tui_monitor.analyse.drift.residual import BINS, LEAST_ROWS, MOST_COLUMNS, MOST_HELD, Labelled, Transform, chance_of, transform
from tui_monitor.analyse.drift.season import DAY_S
from tui_monitor.analyse.drift.signal import MORE_ROWS

MOST_PIECES = 512  # that they are held in
BEYOND_A_DAY = 1.02  # every hour of it has rows then


class Residuals:
    """The labelled rows of one log: learns its transform from the first, and turns the others into u."""

    def __init__(self, name: str, learn_s: float, first: Sequence[str] = ()) -> None:
        """Prepare.

        Args:
            name: of the signal.
            learn_s: how long a transform is learned.
            first: columns that are taken first where there are too many, because they matter most for the model.
        """
        self.name, self.version = name, ""
        self.made: Transform | None = None
        self._fresh = self._ended = False
        self._learn_s, self._first = learn_s, list(first)
        self.columns: list[str] = []
        self._held: list[Labelled] = []
        self._begun_s: float | None = None
        self._seen, self._tried = 0, 0.0  # rows so far, and at the last try
        self._stride = 1  # of so many rows one is held, while a whole day is seen
        self.drifting = False  # its signal is in drift: what comes is not usual

    def renew(self, learn_s: float, first: Sequence[str]) -> None:
        """Other settings: for what is still to be learned; columns that were taken stay."""
        self._learn_s, self._first = learn_s, list(first)

    def inputs(self, columns: Mapping[str, tuple[str, NDArray[Any], NDArray[np.bool_]]], rows: int) -> Singles:
        """Numbers of rows that came, one column each of `self.columns`; new ones are taken up while there is no transform.

        Args:
            columns: role, values of the rows that have one, and which rows those are.
            rows: how many.
        """
        if self.made is None:
            numeric = [name for name, (_, values, there) in columns.items() if values.dtype != object and there.any()]
            for name in sorted(numeric, key=lambda name: self._first.index(name) if name in self._first else len(self._first)):
                if name not in self.columns and len(self.columns) < MOST_COLUMNS:
                    self.columns.append(name)
        found = np.full((rows, len(self.columns)), np.nan, np.float32)
        for place, name in enumerate(self.columns):
            if name in columns and columns[name][1].dtype != object:
                found[columns[name][2], place] = columns[name][1]
        return found

    def unpacked(self, kept: Sequence[bytes]) -> Singles:
        """Rows that waited for their label, each as the bytes of its numbers; what they did not have yet is missing."""
        found = np.full((len(kept), len(self.columns)), np.nan, np.float32)
        for place, one in enumerate(kept):
            row = np.frombuffer(one, np.float32)[: len(self.columns)]
            found[place, : row.size] = row
        return found

    def take(self, now_s: float, inputs: Singles, errors: Floats, names: Sequence[str]) -> tuple[str, Floats, NDArray[np.bool_]] | None:
        """Labelled rows as a column of u; None while the transform is learned. Rows of which nothing can be told have none.

        Args:
            now_s: when their labels came.
            inputs: as `inputs` or `unpacked` made them.
            errors: prediction - label, or 1 for wrong and 0 for right; NaN: unknown.
            names: their ids.
        """
        if not errors.size:
            return None
        rows = Labelled(np.full(errors.size, now_s), inputs, errors, chance_of(names))
        there = np.isfinite(errors)
        if self.made is None:
            self._hold(now_s, rows.take(there))
            return None
        self._see_a_day(now_s, rows.take(there))
        there &= self.made.inside(inputs)
        chosen = rows.take(there)
        return "performance", self.made.ranks(chosen.inputs, chosen.errors, chosen.chance), there

    def adopt(self, made: Transform) -> None:
        """Take a transform that was made before, or elsewhere."""
        self.made, self.columns = made, list(made.columns)
        self._fresh = True
        self._forget_held()

    def serves(self, version: str) -> None:
        """This version of the model serves: if it is another one, what is usual of its errors is learned. What was given stays."""
        before, self.version = self.made.version if self.made is not None else self.version, version
        if not version or before in ("", version) or (self.made is not None and self.made.given):
            return
        self._ended = self._ended or self.made is not None
        self.made, self.columns, self._fresh = None, [], False
        self._forget_held()

    def news(self) -> tuple[bool, Transform | None]:
        """Since the last call: whether a transform holds no more, and the one that is new."""
        told = self._ended, self.made if self._fresh else None
        self._fresh = self._ended = False
        return told

    def _forget_held(self) -> None:
        self._held, self._begun_s, self._seen, self._tried, self._stride = [], None, 0, 0.0, 1

    def _hold(self, now_s: float, rows: Labelled) -> None:
        """The first rows, the newest of them in full: what is usual of their order tells what a row is worth."""
        self._add(now_s, rows)
        while len(self._held) > 1 and self._size - self._held[0].errors.size >= MOST_HELD:
            self._held.pop(0)
        passed_s = now_s - (self._begun_s or now_s)
        if passed_s < self._learn_s or self._seen < max(LEAST_ROWS, self._tried * MORE_ROWS):
            return
        whole = self._together().take(slice(-MOST_HELD, None))
        made = self._transform(whole, f"learned from {whole.errors.size:,} labelled rows", day=passed_s >= DAY_S)
        self._tried = self._seen
        if passed_s < max(DAY_S, self._learn_s):
            found = _enough(made, whole, now_s)
            if found.why_not:
                return
            made = structs.replace(made, reference=made.reference.worth(found.tau))
        held, begun_s = self._held, self._begun_s
        self.adopt(made)
        self._held, self._begun_s = held, begun_s

    def _see_a_day(self, now_s: float, rows: Labelled) -> None:
        """What was learned in less gives way to a whole day, which knows its hours, and more rows of rare inputs."""
        before = self.made
        if before is None or before.given or before.day or self.drifting:
            return
        self._add(now_s, rows.take(slice(None, None, self._stride)))
        while self._size > 2 * MOST_HELD:
            self._stride *= 2
            self._held = [self._together().take(slice(None, None, 2))]
        if self._size < LEAST_ROWS or now_s - (self._begun_s or now_s) < DAY_S * BEYOND_A_DAY:
            return
        whole = self._together()
        whole = whole.take(slice(None, None, 1 + whole.errors.size // (MOST_HELD + 1)))
        made = self._transform(whole, f"learned from {whole.errors.size:,} labelled rows of a day", day=True)
        reference = made.reference.worth(before.reference.tau)  # rows that are not neighbours tell less of their order
        self.adopt(structs.replace(made, reference=reference))

    def _transform(self, rows: Labelled, origin: str, *, day: bool) -> Transform:
        return structs.replace(transform(self.name, self.columns, rows, origin, version=self.version), day=day)

    def _add(self, now_s: float, rows: Labelled) -> None:
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        self._seen += rows.errors.size
        self._held.append(rows)
        if len(self._held) > MOST_PIECES:
            self._held = [self._together()]

    @property
    def _size(self) -> int:
        return sum(one.errors.size for one in self._held)

    def _together(self) -> Labelled:
        width = len(self.columns)
        inputs = [np.pad(one.inputs, ((0, 0), (0, width - one.inputs.shape[1])), constant_values=np.nan) for one in self._held]
        at_s, _, errors, chance = zip(*self._held, strict=True)
        return Labelled(np.concatenate(at_s), np.concatenate(inputs), np.concatenate(errors), np.concatenate(chance))


def _enough(made: Transform, rows: Labelled, now_s: float) -> Enough:
    """Whether rows of less than a day tell what is usual of u."""
    minutes, slot = np.unique(rows.at_s // 60, return_inverse=True)
    counts = BINS.slots(made.ranks(rows.inputs, rows.errors, rows.chance), slot.astype(np.int64), minutes.size)
    return enough(60 * minutes, counts, tests_of(counts.sum(axis=0), category=False), made.reference.tau, now_s)
