"""How rows of a signal come: as cumulative buckets, as cumulative counts of categories, or as values; until the next check they wait here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.learning import LearnedCategories, LearnedCounts, LearnedRows
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.saved import Intake
from tui_monitor.model import clean

MOST_NEW = 10  # new categories that are named
SHARE_ROWS = 1000.0  # the newest rows that tell the share of missing values, as they fade


class Arrivals:
    """Rows of one signal that wait for its next check, by bin where the bins are known."""

    def __init__(self, intake: Intake, bins: Bins | None) -> None:
        self.intake, self.bins = intake, bins
        self.reference: Reference | None = None
        self.learner = learner_of(intake, bins)
        self.begun_s: float | None = None  # when its learning began
        self.seen_s = 0.0  # last time its source told it
        self.unfit = False  # nothing can be learned from its values; `why_blind` tells why
        self.why_blind = ""
        self.seen_rows = self.seen_missing = 0.0  # rows, and those without a value; while it is judged they fade
        self.new_names: Counter[str] = Counter()
        self.pending: Floats = np.zeros(len(bins) if bins else 0)
        self.pending_words: Counter[str] = Counter()
        self.pending_amount = 0.0
        self._before: dict[str, float] | Floats | None = None  # the cumulative counts of the last observation
        self._amount_before: float | None = None

    def observe(self, at_s: float, cumulative: Sequence[float], categories: Sequence[str] | None, amount: float | None = None) -> None:
        """The counts since the source began; what was there before the first look, or fell since the last one, tells nothing.

        Args:
            at_s: when they were read.
            cumulative: at or below each edge, then all rows; for categories the rows of each.
            categories: their names.
            amount: the sum of all rows' values, where the source tells it.
        """
        self._seen(at_s)
        if self.intake == "categories":
            self._observe_categories(dict(zip(categories or (), cumulative, strict=True)))
            return
        now = np.diff(np.asarray(cumulative, dtype=np.float64), prepend=0.0)
        before, amount_before = self._before, self._amount_before
        self._before, self._amount_before = now, amount
        if isinstance(before, np.ndarray):
            grown = now - before
            if (grown >= 0).all():  # else its source began anew: a new segment
                self.pending += grown
                if amount is not None and amount_before is not None:
                    self.pending_amount += amount - amount_before

    def _observe_categories(self, now: dict[str, float]) -> None:
        before = self._before
        if isinstance(before, dict):
            grown = Counter({name: count - before.get(name, 0.0) for name, count in now.items() if count > before.get(name, 0.0)})
            self._words(grown)
        self._before = now

    def _words(self, grown: Mapping[str, float]) -> None:
        if self.bins is None:
            self.pending_words.update(grown)
            return
        places = self.bins.places(np.asarray(list(grown), dtype=object)) if grown else ()
        for (name, count), place in zip(grown.items(), places, strict=True):
            self.pending[place] += count
            if place == len(self.bins) - 1:
                self._strange(name, count)

    def _strange(self, name: str, count: float) -> None:
        if name in self.new_names or len(self.new_names) < MOST_NEW:
            self.new_names[clean(name, 60)] += round(count)

    def rows(self, at_s: Floats, values: NDArray[Any]) -> None:
        """Values that came, none of them missing: finite numbers, or texts."""
        if not values.size:
            return
        self._seen(float(at_s.max()))
        if self.unfit:
            return
        if self.bins is None:
            if isinstance(self.learner, LearnedRows):
                self.learner.add(at_s, values)
            return
        if self.bins.kind == "numeric":
            if values.dtype == object:
                values = np.asarray([value for value in values if isinstance(value, float)], dtype=np.float64)
            self.why_blind = "" if values.size else "its values are texts now, they were numbers in the reference"
            self.pending += self.bins.counts(values)
            self.pending_amount += float(values.sum())
        else:
            self._words(Counter(text if isinstance(text, str) else f"{text:.12g}" for text in values.tolist()))

    def came(self, at_s: float, rows: int, missing: int) -> None:
        """So many rows came, of which so many have no value here; `at_s` is the time of the newest."""
        self._seen(at_s)
        if self.reference is not None:
            fading = 0.5 ** (rows / SHARE_ROWS)
            self.seen_rows, self.seen_missing = self.seen_rows * fading, self.seen_missing * fading
        self.seen_rows += rows
        self.seen_missing += missing

    @property
    def missing_now(self) -> float | None:
        """Share of the newest rows without a value; None where that is not told."""
        return self.seen_missing / self.seen_rows if self.seen_rows and self.reference is not None else None

    def add(self, at_s: float, counts: Floats) -> None:
        """Rows per bin that came."""
        self._seen(at_s)
        self.pending = self.pending + counts

    def _seen(self, at_s: float) -> None:
        self.seen_s = at_s
        if self.begun_s is None:
            self.begun_s = at_s


def learner_of(intake: Intake, bins: Bins | None) -> LearnedCounts | LearnedCategories | LearnedRows:
    """What learns the reference of a signal whose rows come like this."""
    if intake == "rows":
        return LearnedRows()
    return LearnedCategories() if intake == "categories" or bins is None else LearnedCounts(bins)
