"""The rows of one log as a whole: learns how columns go together, then gives every row numbers that are judged like any column.

Two steps, so that no row is judged by a fit that it made: first rows are collected and fitted; then the numbers of the rows after them are a
signal that learns its own reference. Where a file of rows is given, half of it is fitted and the other half is the reference.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate import methods
from tui_monitor.analyse.drift.multivariate.methods import SIGNALS, Fit, Rise, Usual
from tui_monitor.analyse.drift.multivariate.numbers import Row, numeric, table
from tui_monitor.analyse.drift.reference import Reference, of_rows
from tui_monitor.analyse.drift.signal import LEAST_ROWS
from tui_monitor.model import LogRow

LEAST_COLUMNS = 3  # numeric ones: two columns have one relation, which their own signals mostly tell
MOST_ROWS = 10_000  # that are collected; beyond, every second one goes
RECENT = 500  # rows by which a rise is told
FITTED_OF_FILE = 50_000  # rows of a reference file, the newest


class Kept(NamedTuple):
    """A row without what nobody asks here."""

    at_s: float
    features: Row


class Given(NamedTuple):
    """A signal with the reference that the file of the log gives it."""

    signal: str
    bins: Bins
    reference: Reference


class Numbers(NamedTuple):
    """What rows got: a number each, NaN where a row has too few values."""

    signal: str
    at_s: Floats
    values: Floats

    @property
    def told(self) -> NDArray[np.bool_]:
        """Which rows have a number."""
        return ~np.isnan(self.values)


class SavedRows(Struct, frozen=True):
    """What was learned of a log, over a restart: no row of it."""

    names: list[str]
    fits: dict[str, Fit]
    usual: dict[str, Usual]
    origin: str = ""  # the file it is from


class WholeRows:
    """One log. Not for several threads at once."""

    def __init__(self, log: str, wanted: Sequence[str], learn_s: float, *, keep: int = 0) -> None:
        """`wanted`: methods by their names; `keep`: newest rows that others want to look at."""
        self.log = log
        self._wanted = [one for one in wanted if one in SIGNALS]
        self._learn_s = learn_s
        self.names: list[str] = []
        self.fits: dict[str, Fit] = {}
        self.usual: dict[str, Usual] = {}
        self.why_not: dict[str, str] = {}  # method -> why it has no fit
        self.origin = ""
        self.reference: list[Kept] = []  # rows as they should be, for those that need rows: never written
        self.newest: deque[Kept] = deque(maxlen=max(keep, 1))
        self.fresh: deque[Kept] = deque(maxlen=max(keep, 1))  # those that the slow judges have not seen
        self.settled = False  # whether it has learned what it can
        self._keep = keep
        self._more: list[str] = []  # methods that are wanted since, and have still to learn
        self._collected: list[Kept] = []
        self._every = self._turn = 1  # of the rows that come, so many pass for one that is collected
        self._recent: Floats = np.zeros((0, 0))

    def renew(self, wanted: Sequence[str], learn_s: float, *, keep: int) -> None:
        """Other settings: what stays goes on, what is new learns from a file that is `given` or from rows that come, the rest is forgotten."""
        before, self._wanted, self._learn_s = set(self._wanted), [one for one in wanted if one in SIGNALS], learn_s
        if self.settled:
            self._more = [one for one in self._wanted if one in self._more or one not in before]
        for method in before - set(self._wanted):
            self.fits.pop(method, None)
            self.usual.pop(method, None)
            self.why_not.pop(method, None)
        if keep != self._keep:
            self._keep = keep
            self.newest, self.fresh = (deque(rows.copy(), maxlen=max(keep, 1)) for rows in (self.newest, self.fresh))
            self.reference = self.reference[-keep:] if keep else []

    @property
    def needs_file(self) -> bool:
        """Whether something is wanted of the file that it learned from: its rows, or another fit."""
        return self.settled and bool(self.origin) and bool(self._more or (self._keep and not self.reference))

    # -- learning -------------------------------------------------------------------------------------------------------------------------

    def given(self, rows: Sequence[LogRow], origin: str) -> list[Given]:
        """Learn from a file of rows as they should be; returns the signals that have their reference by it."""
        kept = [Kept(row.at_s, row.features) for row in rows[-FITTED_OF_FILE:]]
        if self.settled and self.origin == origin:  # the same as before
            self._remember(kept)
            return self._settle_more(kept, origin)
        self._collected = []
        return self._settle(kept, origin)

    def _settle(self, kept: Sequence[Kept], origin: str) -> list[Given]:
        self.settled, self.origin, self.fits, self.usual, self.why_not, self._more = True, origin, {}, {}, {}, []
        self._remember(kept)
        self.names = numeric([row.features for row in kept])
        return self._fit(self._wanted, kept, origin)

    def _settle_more(self, kept: Sequence[Kept], origin: str) -> list[Given]:
        """What is wanted since, over the columns that the others are of."""
        more, self._more, self._collected = self._more, [], []
        return self._fit(more, kept, origin)

    def _fit(self, wanted: Sequence[str], kept: Sequence[Kept], origin: str) -> list[Given]:
        if len(self.names) < LEAST_COLUMNS:
            return []
        rows = table([row.features for row in kept], self.names)
        learned = (
            methods.halves(len(kept)) if origin and len(kept) >= 2 * methods.rows_needed(len(self.names)) else np.ones(len(kept), np.bool_)
        )
        at_s = np.asarray([row.at_s for row in kept])
        found = []
        for method in wanted:
            try:
                fitted = methods.fit(method, self.names, rows[learned])
            except (ValueError, np.linalg.LinAlgError) as error:
                self.why_not[method] = str(error)
                continue
            was = methods.usual(fitted, rows if learned.all() else rows[~learned])
            if was is None:
                self.why_not[method] = "too many values are missing in the reference"
                continue
            self.fits[method], self.usual[method] = fitted, was
            if not learned.all():
                found += _given(method, fitted.of(rows[~learned]), at_s[~learned], origin)
        return found

    def _remember(self, kept: Sequence[Kept]) -> None:
        self.reference = list(kept[-self._keep :]) if self._keep else []

    @property
    def progress(self) -> tuple[int, int] | None:
        """(rows collected, rows needed) while it collects; None when it does not."""
        if (self.settled and not self._more) or not self._collected:
            return None
        return len(self._collected), methods.rows_needed(max(len(self.names), LEAST_COLUMNS))

    # -- rows that come -------------------------------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[LogRow]) -> list[Numbers]:
        """New rows; returns what they got, nothing while it learns."""
        kept = [Kept(row.at_s, row.features) for row in rows]
        if self._keep:
            self.newest.extend(kept)
            self.fresh.extend(kept)
            self._learn_anew()
        fits = dict(self.fits)  # no row is judged by a fit that it made
        if self._more or not self.settled:
            self._collect(kept)
        if not fits or not kept:
            return []
        values = table([row.features for row in kept], self.names)
        at_s = np.asarray([row.at_s for row in kept])
        self._recent = values[-RECENT:] if len(values) >= RECENT or not self._recent.size else np.vstack([self._recent, values])[-RECENT:]
        return [Numbers(SIGNALS[method], at_s, fitted.of(values)) for method, fitted in fits.items()]

    def _learn_anew(self) -> None:
        """Rows to compare with, after a restart that took the fits along and no row."""
        if not self.settled or self.reference or self.origin or len(self.newest) < 2 * LEAST_ROWS:
            return
        if self.newest[-1].at_s - self.newest[0].at_s >= self._learn_s / 2 or len(self.newest) == self.newest.maxlen:
            self.reference = list(self.newest)

    def rise(self, method: str) -> Rise | None:
        """How the newest rows differ from the reference; None where nothing can be told."""
        fitted, was = self.fits.get(method), self.usual.get(method)
        return methods.rise(fitted, was, self._recent) if fitted is not None and was is not None and self._recent.size else None

    def _collect(self, kept: Sequence[Kept]) -> None:
        for row in kept:
            self._turn -= 1
            if self._turn <= 0:
                self._turn = self._every
                self._collected.append(row)
                if len(self._collected) >= MOST_ROWS:
                    self._collected, self._every = self._collected[::2], self._every * 2
        if not self._collected:
            return
        if len(self._collected) < LEAST_ROWS or self._collected[-1].at_s - self._collected[0].at_s < self._learn_s / 2:
            return  # the signal itself learns for the whole of that time afterwards
        names = self.names if self.settled else numeric([row.features for row in self._collected[-LEAST_ROWS:]])
        if len(names) >= LEAST_COLUMNS and len(self._collected) < methods.rows_needed(len(names)):
            self.names = names
            return
        collected, self._collected = self._collected, []
        if self.settled:
            self._settle_more(collected, "")
        else:
            self._settle(collected, "")

    # -- over a restart -------------------------------------------------------------------------------------------------------------------

    def dump(self) -> SavedRows | None:
        """What was learned; None while nothing is."""
        return SavedRows(self.names, self.fits, self.usual, self.origin) if self.fits else None

    def load(self, saved: SavedRows) -> None:
        """Take up what `dump` gave of what is wanted; the rest is learned."""
        known = [method for method in self._wanted if method in saved.fits and method in saved.usual]
        fits = {method: saved.fits[method] for method in known if saved.fits[method].scale.names == saved.names}
        if not fits:
            return
        self.names, self.fits, self.origin, self.settled = saved.names, fits, saved.origin, True
        self.usual = {method: saved.usual[method] for method in fits}
        self._more = [method for method in self._wanted if method not in fits]


def _given(method: str, got: Floats, at_s: Floats, origin: str) -> list[Given]:
    told = ~np.isnan(got)
    if told.sum() < LEAST_ROWS:
        return []
    bins = Bins.of_numbers(got[told])
    timed = bool(np.unique(at_s[told]).size > 1)
    return [Given(SIGNALS[method], bins, of_rows(got[told], at_s[told] if timed else None, bins, origin))]


def columns(rows: Sequence[Kept], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Rows as columns: numbers where all are, else objects; missing is NaN, or None among words."""
    found: dict[str, NDArray[Any]] = {}
    for name in names:
        values = [row.features.get(name) for row in rows]
        if any(isinstance(value, str) for value in values):
            found[name] = np.asarray([None if value is None else str(value) for value in values], dtype=object)
        else:
            found[name] = np.asarray([math.nan if value is None else float(value) for value in values])
    return found
