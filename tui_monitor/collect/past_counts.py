"""What a page's histograms and class counters counted in a time that was, from a Prometheus that scraped it.

Raw counters at moments are asked for, never `increase`, which invents parts of rows. A long time comes in pieces, so that a page of many
series stays within what one answer and one frame may hold.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tui_monitor.collect.prometheus import RangeFailure, RangeSource
from tui_monitor.config import PrometheusSettings
from tui_monitor.model import clean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORTEST_STEP_S, LONGEST_STEP_S = 15.0, 1800.0  # a longer one would blur the hours of the day
FINE_SLOTS, MOST_SLOTS = 1440, 10_000
MOST_SERIES = 2000
SAMPLES_A_PIECE = 40_000  # of all series: a frame repeats every label for each of them
FIRST_MOMENTS, MOST_MOMENTS, LEAST_MOMENTS = 12, 240, 3  # of a piece; how many series there are is known after the first
LONGEST_S = 60.0  # all pieces together
GAP_STEPS, GAP_S = 3, 300.0  # not seen for longer than both: when the rows of that time came is not known
FALLS, FALLS_SHARE = 3, 0.1  # of the steps of a query: from here on it is no counter
SUM = "sum"

Part = float | str
"""What a series counts: rows up to a bound, rows of a category, or `SUM`."""


class PastBuckets(NamedTuple):
    """Rows that came between two moments, per bucket."""

    edges: list[float]  # finite upper bounds, rising
    at_s: NDArray[np.float64]  # of each slot, its middle
    slots: NDArray[np.float64]  # one row a slot, one column a bucket and one for what is over all edges
    amount: float | None = None  # the sum of all these rows' values, where `_sum` tells it
    known: float = 1.0  # share of the time that was asked for


class PastCategories(NamedTuple):
    """Rows that came between two moments, per category."""

    names: list[str]
    at_s: NDArray[np.float64]
    slots: NDArray[np.float64]  # one row a slot, one column a name
    known: float = 1.0


def past_buckets(
    settings: PrometheusSettings,
    family: str,
    instance: str,
    start_s: float,
    end_s: float,
    query: str = "",
    *,
    over: Callable[[], bool] = lambda: False,
) -> PastBuckets:
    """Ask for a histogram. Blocks: for threads only; loads pandas.

    Args:
        settings: whom.
        family: of the histogram, without `_bucket`.
        instance: a regular expression for the label `instance`.
        start_s: from when.
        end_s: until when.
        query: PromQL to ask instead, for counters with the label `le`.
        over: whether nobody wants to know any more; looked at before every piece.

    Raises:
        RangeFailure: no answer, or nothing in it.
        CredentialError: a file of the settings cannot be read.
    """
    said = query or f"{{__name__=~{_quoted(re.escape(family) + '_(bucket|sum)')},instance=~{_quoted(instance)}}}"
    return buckets_of(
        _asked(settings, said, "le", (start_s, end_s), given=bool(query), over=over), "what the query asks for" if query else family
    )


def past_categories(
    settings: PrometheusSettings,
    family: str,
    label: str,
    instance: str,
    start_s: float,
    end_s: float,
    query: str = "",
    *,
    over: Callable[[], bool] = lambda: False,
) -> PastCategories:
    """Ask for a counter whose label names what was counted; as `past_buckets`."""
    said = query or f"{{__name__={_quoted(family)},instance=~{_quoted(instance)}}}"
    grown = _asked(settings, said, label, (start_s, end_s), given=bool(query), over=over)
    return categories_of(grown, "what the query asks for" if query else family)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _asked(
    settings: PrometheusSettings,
    query: str,
    label: str,
    span_s: tuple[float, float],
    *,
    given: bool,
    over: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Growth:
    """The pieces of a time, one after the other."""
    source, begun_s = RangeSource(settings), clock()
    whole_s = span_s[1] - span_s[0]
    step_s = math.ceil(max(SHORTEST_STEP_S, min(whole_s / FINE_SLOTS, LONGEST_STEP_S), whole_s / MOST_SLOTS))
    start_s = math.ceil(span_s[0] / step_s) * step_s  # a multiple of the step: Thanos and VictoriaMetrics move other moments to those
    grown = Growth(start_s, step_s, max(int((span_s[1] - start_s) // step_s) + 1, 1), label, given=given)
    at, size = 0, FIRST_MOMENTS
    while at < grown.moments:
        if over():
            raise RangeFailure("timeout", "nobody asks for it any more")
        if clock() - begun_s > LONGEST_S:
            raise RangeFailure("timeout", f"that time did not come within {LONGEST_S:g} s")
        last = min(at + size, grown.moments) - 1
        try:
            frame = source.frame(query, start_s + at * step_s, start_s + last * step_s, step_s, most_series=MOST_SERIES)
        except RangeFailure as error:
            if error.failure.kind != "too_large" or size <= LEAST_MOMENTS:
                raise
            size = max(LEAST_MOMENTS, size // 4)
            continue
        at = last + 1
        if series := grown.add(frame):
            size = min(MOST_MOMENTS, max(LEAST_MOMENTS, SAMPLES_A_PIECE // series))
    return grown


class Growth:
    """How much counters grew from moment to moment; what each began with tells nothing.

    Args:
        start_s: the first moment.
        step_s: between two.
        moments: how many.
        label: whose value tells what a series counts; all others name its process.
        given: the query is the user's: sums over processes may be in it, and where those fall nobody knows what came.
    """

    def __init__(self, start_s: float, step_s: float, moments: int, label: str, *, given: bool = False) -> None:
        import numpy as np

        self.start_s, self.step_s, self.moments, self.label = start_s, step_s, moments, label
        self._given = given
        self.slots: dict[Part, NDArray[np.float64]] = {}
        self.there = np.zeros(moments, dtype=np.bool_)  # slots that something is known of
        self.amount = 0.0  # NaN: the sum is not told for all rows
        self.layouts: set[frozenset[Part]] = set()  # which parts a process told at one moment
        self.found = self.labelled = False  # there was a series, and one with the label
        self.falls = self.steps = 0
        self._before: dict[frozenset[tuple[str, str]], tuple[int, dict[Part, float]]] = {}

    def add(self, frame: Any) -> int:
        """The next moments, as `RangeSource.frame` gives them; returns how many series they have."""
        import numpy as np

        labels = [name for name in frame.columns if name not in ("value", "timestamp")]
        self.found |= len(frame) > 0
        if not len(frame) or not labels:
            return 0
        times = frame.index.values.astype("datetime64[ns]").astype(np.int64) / 1e9
        moments = np.rint((times - self.start_s) / self.step_s).astype(np.int64)
        values = frame["value"].to_numpy(dtype=np.float64)
        codes = frame.groupby(labels, dropna=False, sort=False).ngroup().to_numpy()
        order = np.argsort(codes, kind="stable")
        found, first, count = np.unique(codes, return_index=True, return_counts=True)
        places = np.split(order, np.cumsum(count)[:-1])
        processes: dict[frozenset[tuple[str, str]], dict[Part, dict[int, float]]] = {}
        for mine, row in zip(places, frame[labels].iloc[first].itertuples(index=False, name=None), strict=True):
            named = {name: value for name, value in zip(labels, row, strict=True) if isinstance(value, str)}
            part = self._part(named)
            if part is None:
                continue
            line = processes.setdefault(frozenset(named.items()), {}).setdefault(part, {})
            for moment, value in zip(moments[mine].tolist(), values[mine].tolist(), strict=True):
                if 0 <= moment < self.moments:
                    line[moment] = max(value, line.get(moment, -math.inf))  # `le` may be written in two ways
        for process, lines in processes.items():
            self._follow(process, lines)
        return len(found)

    def _part(self, named: dict[str, str]) -> Part | None:
        """What a series counts; its own labels are taken out of `named`."""
        name = named.pop("__name__", "")
        key = f"label_{self.label}" if self.label in ("value", "timestamp") else self.label  # as `RangeSource` calls these
        value = named.pop(key, None)
        self.labelled |= value is not None
        if self.label != "le":
            return value or ""
        if value is None:
            return SUM if name.endswith("_sum") else None
        try:
            bound = float(value)
        except ValueError:
            return None
        return None if math.isnan(bound) else bound

    def _follow(self, process: frozenset[tuple[str, str]], lines: dict[Part, dict[int, float]]) -> None:
        """One process through the moments: all that it counts begins anew at once, and what it tells for the first time was 0 before."""
        for moment in sorted({moment for line in lines.values() for moment in line}):
            now = {part: line[moment] for part, line in lines.items() if not math.isnan(line.get(moment, math.nan))}
            rows = {part: value for part, value in now.items() if part != SUM}
            if not rows:
                continue
            if self.label == "le":
                self.layouts.add(frozenset(rows))
            known = self._before.get(process)
            if known is None:
                self._before[process] = moment, now
                continue
            at, before = known
            fell = any(value < before.get(part, 0.0) for part, value in rows.items())
            self._before[process] = moment, now if fell else before | now
            self.steps += 1
            self.falls += fell
            if (moment - at) * self.step_s > max(GAP_STEPS * self.step_s, GAP_S) or (fell and self._given):
                continue
            self._grow(moment, rows, {} if fell else before)
            total, was = now.get(SUM, math.nan), 0.0 if fell else before.get(SUM, math.nan)
            if any(value > (0.0 if fell else before.get(part, 0.0)) for part, value in rows.items()):
                self.amount += total - was

    def _grow(self, moment: int, rows: dict[Part, float], before: dict[Part, float]) -> None:
        import numpy as np

        self.there[moment] = True
        for part, value in rows.items():
            if part not in self.slots:
                self.slots[part] = np.zeros(self.moments)
            self.slots[part][moment] += value - before.get(part, 0.0)

    def table(self, parts: list[Part]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times and growth of the slots that something is known of, a column for each of `parts`."""
        import numpy as np

        kept = np.flatnonzero(self.there)
        at_s: NDArray[np.float64] = self.start_s + (kept.astype(np.float64) - 0.5) * self.step_s
        return at_s, np.stack([self.slots[part][kept] for part in parts], axis=1)

    @property
    def known(self) -> float:
        """Share of the time that something is known of."""
        return float(self.there.sum()) / max(self.moments - 1, 1)

    def check(self, name: str) -> None:
        """Whether these were counters at all.

        Raises:
            RangeFailure: they were not.
        """
        if not self.found:
            raise RangeFailure("empty", f"{name} is not there in that time")
        if not self.labelled:
            raise RangeFailure("empty", f"{name} has no label {self.label!r} in that time")
        if self._given and self.falls >= max(FALLS, FALLS_SHARE * self.steps):
            raise RangeFailure("empty", f"{name} falls {self.falls} times: counters as they stand are needed, no rate() or increase()")


def buckets_of(grown: Growth, name: str) -> PastBuckets:
    """Rows per bucket from cumulative counters.

    Raises:
        RangeFailure: there is no histogram in it.
    """
    import numpy as np

    grown.check(name)
    bounds = sorted({part for layout in grown.layouts for part in layout if not isinstance(part, str)})
    if len(bounds) < 2 or bounds[-1] != math.inf or not grown.there.any():
        raise RangeFailure("empty", f"{name} is no whole histogram in that time")
    if len(grown.layouts) > 1:
        raise RangeFailure("empty", f"{name} has other buckets at the end of that time than before")
    at_s, cumulative = grown.table(list(bounds))
    slots = np.clip(np.diff(cumulative, axis=1, prepend=0.0), 0.0, None)
    amount = grown.amount if math.isfinite(grown.amount) else None
    return PastBuckets(bounds[:-1], at_s, slots, amount, grown.known)


def categories_of(grown: Growth, name: str) -> PastCategories:
    """Rows per category; names that people see alike are one.

    Raises:
        RangeFailure: nothing was counted.
    """
    import numpy as np

    grown.check(name)
    if not grown.slots:
        raise RangeFailure("empty", f"{name} has one moment in that time, two are needed")
    parts = sorted(grown.slots, key=str)
    at_s, table = grown.table(parts)
    shown = [clean(str(part)) for part in parts]
    names = sorted(set(shown))
    slots = np.zeros((len(table), len(names)))
    for column, text in enumerate(shown):
        slots[:, names.index(text)] += table[:, column]
    return PastCategories(names, at_s, slots, grown.known)
