"""Which series of a page make which number: a mapping's names and labels, resolved once for each layout of the page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

from tui_monitor.mapping import First, Latest, Measure, Quantile, Rate, Ratio, Says, Share, Total
from tui_monitor.model import Layout, SeriesKey, clean

Group = tuple[str, ...]  # values of the labels that name model and version
BUCKET, COUNT, SUM = "_bucket", "_count", "_sum"


class Pick:
    """The series that one `Total` means, as positions: of columns for counters, on the page for gauges."""

    __slots__ = ("all", "groups", "name", "zero")

    def __init__(self, name: str, found: Iterable[tuple[int, Group | None]], *, zero: bool) -> None:
        self.name = name  # as exposed; empty when none of the names is on the page
        self.zero = zero  # no series fits, and that is a known nothing
        positions: list[int] = []
        self.groups: dict[Group, list[int]] = {}
        for position, group in found:
            positions.append(position)
            if group is not None:
                self.groups.setdefault(group, []).append(position)
        self.all = positions

    def of(self, group: Group | None) -> list[int]:
        """The positions of one model, or all."""
        return self.all if group is None else self.groups.get(group, [])


class BucketPick:
    """The buckets of one histogram family: columns for each upper bound, in order."""

    __slots__ = ("bounds", "groups", "name")

    def __init__(self, name: str, found: Iterable[tuple[float, int, Group | None]]) -> None:
        self.name = name
        everything: dict[float, list[int]] = {}
        self.groups: dict[Group, dict[float, list[int]]] = {}
        for bound, column, group in found:
            everything.setdefault(bound, []).append(column)
            if group is not None:
                self.groups.setdefault(group, {}).setdefault(bound, []).append(column)
        self.bounds = dict(sorted(everything.items()))
        self.groups = {group: dict(sorted(bounds.items())) for group, bounds in self.groups.items()}

    def of(self, group: Group | None) -> dict[float, list[int]]:
        """Upper bound -> columns."""
        return self.bounds if group is None else self.groups.get(group, {})


class Plan:
    """Everything that is looked up once for one layout."""

    __slots__ = ("announced", "buckets", "columns", "gauges", "groups", "known", "layout", "number", "partial", "picks", "row")

    def __init__(self, number: int, layout: Layout) -> None:
        self.number = number
        self.layout = layout
        self.columns = 0  # how many the rows of this plan have
        self.row: Callable[[list[float]], Iterable[float]] = tuple
        self.partial = False  # some columns are not on this page; `row` wants a NaN behind the page's values
        self.picks: dict[Total, Pick] = {}
        self.gauges: dict[Total, Pick] = {}
        self.buckets: dict[Total, BucketPick] = {}
        self.groups: list[Group] = []
        self.announced: set[Total] = set()  # their family has a TYPE line and no sample: nothing of it has happened yet
        self.known = False  # something that this kind of server counts is on the page

    def is_of_one_model(self, measure: Measure) -> bool:
        """Whether there is one model only, and all that a measure is made from is that model's."""
        if len(self.groups) != 1:
            return False
        counters, gauges, histograms = totals([measure])
        picks = [*(self.picks[total] for total in counters), *(self.gauges[total] for total in gauges)]
        group = self.groups[0]
        return all(len(pick.groups.get(group, ())) == len(pick.all) for pick in picks) and all(
            self.buckets[total].groups.get(group, {}) == self.buckets[total].bounds for total in histograms
        )


def totals(measures: Iterable[Measure]) -> tuple[set[Total], set[Total], set[Total]]:
    """The totals that measures need as counters, as gauges and as histograms."""
    counters: set[Total] = set()
    gauges: set[Total] = set()
    histograms: set[Total] = set()
    for measure in measures:
        match measure:
            case Rate(of=of):
                counters.update(of.terms)
            case Ratio(over=over, under=under):
                counters.update(over.of.terms, under.of.terms)
            case Latest(of=of):
                gauges.update(of.terms)
            case Share(over=share_over, under=share_under):
                gauges.update(share_over.terms, share_under.terms)
            case Quantile(of=of):
                histograms.add(of)
            case First(ways=ways):
                for found, more in zip((counters, gauges, histograms), totals(ways), strict=True):
                    found.update(more)
    return counters, gauges, histograms


class Wanted:
    """What a kind of server's mapping asks for, independent of any page."""

    def __init__(self, says: Says) -> None:
        self.says = says
        self.counters, self.gauges, self.histograms = totals(says.measures.values())
        if says.progress is not None:
            self.counters.update(says.progress.terms)
        self.signal_histograms = tuple(Total((signal.family,)) for signal in says.signals if not signal.label)
        self.signal_counters = tuple(Total((signal.family,)) for signal in says.signals if signal.label)
        self.sums = {signal.family: Total((signal.family + SUM,), optional=True) for signal in says.signals if not signal.label}
        self.counters.update(self.sums.values())
        self.histograms.update(self.signal_histograms)
        self.counters.update(self.signal_counters)
        self.names = {name for total in self.counters for name in total.names}
        self.names.update(name + end for total in self.histograms for name in total.names for end in (BUCKET, COUNT))
        self._asked = self.names | {name for total in self.gauges for name in total.names}
        self._fits = {total: _fits(total) for total in (*self.counters, *self.gauges, *self.histograms)}

    def plan(self, number: int, layout: Layout, columns: dict[SeriesKey, int]) -> Plan:
        """Resolve everything for one layout. `columns` has a place for each counter that is or was on the page."""
        plan = Plan(number, layout)
        on_page: dict[str, list[tuple[int, SeriesKey]]] = {}
        asked = self._asked
        for position, key in enumerate(layout.series):
            if key.name in asked:
                on_page.setdefault(key.name, []).append((position, key))
        by_name: dict[str, list[tuple[int, SeriesKey]]] = {}
        for key, column in columns.items():
            by_name.setdefault(key.name, []).append((column, key))
        positions = {key: position for name in self.names for position, key in on_page.get(name, ())}
        nothing = len(layout.series)
        order = [positions.get(key, nothing) for key in columns]
        plan.columns = len(order)
        plan.partial = nothing in order
        plan.row = _getter(order)
        required = [total for total in (*self.counters, *self.gauges) if not total.optional]
        plan.announced = {total for total in (*self.counters, *self.histograms) if _announced(total, layout, by_name)}
        plan.known = any(total in plan.announced or any(name in on_page for name in total.names) for total in required)
        for total in self.counters:
            zero = bool(total.where or total.unless)
            plan.picks[total] = self._pick(total, on_page, by_name, zero=zero, known=plan.known)
            plan.picks[total].zero |= total in plan.announced
        for total in self.gauges:
            plan.gauges[total] = self._pick(total, on_page, on_page, zero=False, known=plan.known)
        for total in self.histograms:
            plan.buckets[total] = self._bucket_pick(total, on_page, by_name)
        found = {self.group(key): None for series in on_page.values() for _, key in series}
        plan.groups = sorted(group for group in found if group is not None)
        return plan

    def fits(self, total: Total, key: SeriesKey) -> bool:
        """Whether a series of one of the total's names has the labels it asks for."""
        return self._fits[total](dict(key.labels))

    def group(self, key: SeriesKey) -> Group | None:
        """The model (and version) that a series speaks of, or None."""
        labels = dict(key.labels)
        by = self.says.by
        return tuple(clean(labels.get(name, "")) for name in by) if by and labels.get(by[0]) else None

    def _pick(
        self, total: Total, on_page: Mapping[str, object], series: Mapping[str, list[tuple[int, SeriesKey]]], *, zero: bool, known: bool
    ) -> Pick:
        name = next((name for name in total.names if name in on_page), "")
        found = ((position, self.group(key)) for position, key in series.get(name, ()) if self.fits(total, key))
        return Pick(name, found, zero=(total.optional and known) or (zero and bool(name)))

    def _bucket_pick(self, total: Total, on_page: Mapping[str, object], by_name: Mapping[str, list[tuple[int, SeriesKey]]]) -> BucketPick:
        name = next((name for name in total.names if name + BUCKET in on_page), "")
        found: list[tuple[float, int, Group | None]] = []
        tops: dict[tuple[tuple[str, str], ...], bool] = {}  # histogram -> whether it has the bucket that holds everything
        for column, key in by_name.get(name + BUCKET, ()) if name else ():
            bound = _bound(dict(key.labels).get("le", ""))
            if bound is not None and self.fits(total, key):
                found.append((bound, column, self.group(key)))
                rest = tuple(label for label in key.labels if label[0] != "le")
                tops[rest] = tops.get(rest, False) or bound == math.inf
        if not all(tops.values()):  # some writers leave it out: the count of observations is the same number
            found += [(math.inf, column, self.group(key)) for column, key in by_name.get(name + COUNT, ()) if tops.get(key.labels) is False]
        return BucketPick(name, found)


def _announced(total: Total, layout: Layout, known: Mapping[str, object]) -> bool:
    """Whether a family is told of and never had a sample; clients write its TYPE from the start and a series with its first event."""
    for name in total.names:
        if name in known or name + BUCKET in known:
            return False
        family, part = name.rpartition("_")[::2]
        if layout.types.get(name) in ("counter", "histogram", "summary") or (
            part in ("sum", "count") and layout.types.get(family) in ("histogram", "summary")
        ):
            return True
    return False


def _bound(le: str) -> float | None:
    try:
        bound = float(le)
    except ValueError:
        return None
    return bound if bound == bound else None  # noqa: PLR0124 -- NaN is no bound


def _fits(total: Total) -> Callable[[dict[str, str]], bool]:
    where = [(label, re.compile(pattern).fullmatch) for label, pattern in total.where]
    unless = [(label, re.compile(pattern).fullmatch) for label, pattern in total.unless]
    if not where and not unless:
        return lambda _: True

    def fits(labels: dict[str, str]) -> bool:
        return all(match(labels.get(label, "")) for label, match in where) and not any(
            match(labels.get(label, "")) for label, match in unless
        )

    return fits


def _getter(order: list[int]) -> Callable[[list[float]], Iterable[float]]:
    if len(order) > 1:
        return itemgetter(*order)
    return (lambda values: (values[order[0]],)) if order else (lambda _: ())
