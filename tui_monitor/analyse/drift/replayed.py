"""The live judges over a past log, at full speed: what would they have said?

Rows become counts of a check each at once, column by column; then the very signals of the room are checked as if time passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.reference import of_rows
from tui_monitor.analyse.drift.saved import Closed, Limits
from tui_monitor.analyse.drift.signal import LEAST_ROWS, Signal

MOST_EPISODES = 100_000  # of one signal


class Series(NamedTuple):
    """A column with the times of its rows, both of one length; rows without a value are left out before."""

    at_s: Floats
    values: NDArray[Any]  # float64, finite; or object: texts


class Replayed(NamedTuple):
    """What the judges would have said."""

    episodes: list[Closed]  # drifts, by the check that raised them; an end of None: still on at the log's end
    checks: int  # moments at which there was something to check
    signals: int
    log_s: float  # from the first row to the last
    unfit: dict[str, str]  # columns that were not judged: why


def replay(
    columns: Mapping[str, Series], reference: Mapping[str, Series], *, every_s: float, budget_s: float, smallest_shift: float
) -> Replayed:
    """Checks at every multiple of `every_s` since 1970; the budget is that of all signals together.

    Args:
        columns: of the log.
        reference: the same columns as they should be.
        every_s: between two checks.
        budget_s: one false alarm in this time is allowed.
        smallest_shift: of a share, that is worth an alarm.
    """
    unfit = {name: why for name, series in columns.items() if (why := _unfit(series, reference.get(name)))}
    fit = {name: series for name, series in columns.items() if name not in unfit}
    times = [series.at_s for series in columns.values() if series.at_s.size]
    if not times:
        return Replayed([], 0, 0, 0.0, unfit)
    first_s, last_s = min(float(at_s.min()) for at_s in times), max(float(at_s.max()) for at_s in times)
    slot_of = {
        id(series.at_s): np.floor(series.at_s / every_s).astype(np.int64) for series in fit.values()
    }  # most columns share their times
    moments = np.unique(np.concatenate([np.zeros(0, np.int64), *(np.unique(slot) for slot in slot_of.values())]))
    limits = Limits(0.0, every_s, smallest_shift)
    signals: list[tuple[Signal, Floats]] = []
    for name, series in fit.items():
        known = reference[name]
        bins = Bins.of_categories(known.values) if known.values.dtype == object else Bins.of_numbers(known.values)
        signal = Signal("", name, "input", limits, "rows", bins=bins, reference=of_rows(known.values, known.at_s, bins))
        signal.most_closed = MOST_EPISODES
        signals.append((signal, bins.slots(series.values, np.searchsorted(moments, slot_of[id(series.at_s)]), moments.size)))
        if bins.kind == "category":
            _note_new(signal, series.values)
    budget_checks = max(1.0, budget_s / every_s * max(1, len(signals)))
    for place, moment in enumerate(moments.tolist()):
        end_s = (moment + 1) * every_s
        for signal, counts in signals:
            row = counts[place]
            if row.sum() > 0:
                signal.step(end_s - every_s, end_s, row, budget_checks)
    episodes = [one for signal, _ in signals for one in (*signal.closed, signal.episode(None)) if one is not None]
    episodes.sort(key=lambda one: (one.start_s, one.signal))
    return Replayed(episodes, moments.size, len(signals), last_s - first_s, unfit)


def _note_new(signal: Signal, values: NDArray[Any]) -> None:
    """Names of categories that the reference never had, for the sentences."""
    bins = signal.bins
    if bins is None:
        return
    names, counts = np.unique(values.astype(str), return_counts=True)
    known = {*bins.names[:-2], *bins.seen}
    signal.new_names.update({str(name): int(count) for name, count in zip(names, counts, strict=True) if str(name) not in known})


def _unfit(series: Series, reference: Series | None) -> str:
    if reference is None:
        return "not in the reference"
    if reference.values.size < LEAST_ROWS:
        return f"{reference.values.size} values in the reference, {LEAST_ROWS} are needed"
    if not series.values.size:
        return "no values in the log"
    if (series.values.dtype == object) != (reference.values.dtype == object):
        return "numbers on one side, text on the other"
    if reference.values.dtype == object:
        different = np.unique(reference.values.astype(str)).size
        if different > reference.values.size / 2:
            return f"{different} different texts in {reference.values.size} rows: no category"
    return ""
