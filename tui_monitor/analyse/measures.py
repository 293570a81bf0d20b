"""One measure's value over one window: sums of rates, ratios, gauges and quantiles, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tui_monitor.analyse.histogram import above, levelled, reached
from tui_monitor.analyse.series import BucketPick, Group, Plan
from tui_monitor.mapping import First, Latest, Measure, Quantile, Rate, Ratio, Share, Sum, Total

NOT_COUNTED = "not counted by this server"
VANISHED = "no longer on its page"
NO_PAGE = "no page read yet"
NO_SECOND_SAMPLE = "no second sample yet"
NOTHING_OBSERVED = "nothing observed in the window"
NO_VALUE = "its page has no number for it"
NOT_WHOLE = "its histogram has no bucket up to +Inf"
BELOW_ZERO = "its page has a number below zero for it"


def total_of(numbers: Iterable[float]) -> float:
    """Their exact sum; NaN where it is none: one is infinite, or they are more than a number can hold."""
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):
        return math.nan


def _takes_away(measure: Measure) -> bool:
    """Whether it is growth less other growth."""
    match measure:
        case Rate(of=of) | Ratio(over=Rate(of=of)):
            return any(term.factor < 0 for term in of.terms)
        case _:
            return False


class Value(Struct, frozen=True):
    """A number, or None with its reason; for quantiles also the bucket."""

    number: float | None
    why: str = ""
    bounds: tuple[float, float] | None = None
    at_least: bool = False


class Evaluation:
    """The measures of one target at one moment over one window."""

    def __init__(
        self,
        plan: Plan,
        rates: Sequence[float | None],
        page: Sequence[float] | None,
        *,
        seen: set[Total],
        silent: str,
        young: str = NO_SECOND_SAMPLE,
        blank: float = math.inf,
        last: Sequence[float] = (),
    ) -> None:
        """Prepare.

        Args:
            plan: of the newest layout.
            rates: growth per second of each column over the window.
            page: the newest page's values, None when the target is silent.
            seen: totals that were on an earlier page.
            silent: the reason that gauges get when there is no page.
            young: the reason of a rate that is not known yet.
            blank: gauges at or above it mean "not supported".
            last: the newest number of each column, NaN where it never had any.
        """
        self._plan = plan
        self._rates = rates
        self._page = page
        self._seen = seen
        self._silent = silent
        self._young = young
        self._blank = blank
        self._last = last
        self._levels: dict[tuple[int, Group | None], list[tuple[float, float]] | Value] = {}  # three quantiles of a family share them

    def value(self, measure: Measure, group: Group | None = None) -> Value:
        """One measure, of all series or of one model's. Nothing of the vocabulary is infinite, or below zero."""
        found = self._value(measure, group)
        if found.number is None or (math.isfinite(found.number) and found.number >= 0):
            return found
        if math.isfinite(found.number) and _takes_away(measure):
            return Value(0.0)  # what is taken away was counted a moment earlier
        return Value(None, BELOW_ZERO if found.number < 0 else NO_VALUE)

    def _value(self, measure: Measure, group: Group | None) -> Value:
        match measure:
            case Rate():
                return self._rate(measure, group)
            case Ratio():
                over, under = self._rate(measure.over, group), self._rate(measure.under, group)
                if over.number is None or under.number is None:
                    return Value(None, under.why or over.why)
                if under.number <= 0:
                    return Value(None, NOTHING_OBSERVED)
                return Value(over.number / under.number * measure.unit)
            case Latest():
                return self._latest(measure, group)
            case Share():
                return self._share(measure, group)
            case Quantile():
                return self._quantile(measure, group)
            case First(ways=ways):
                return self.value(self._way(ways, group), group)

    def _way(
        self, ways: tuple[Rate | Latest | Share | Ratio | Quantile, ...], group: Group | None
    ) -> Rate | Latest | Share | Ratio | Quantile:
        """The first way whose families the page has, for a model the first that has its series; the first of all when there is none."""
        there = [way for way in ways if self.series(way)]
        return next((way for way in there if group is None or self._tells(way, group)), there[0] if there else ways[0])

    def _tells(self, way: Rate | Latest | Share | Ratio | Quantile, group: Group) -> bool:
        match way:
            case Rate(of=of) | Ratio(over=Rate(of=of)):
                return any(self._plan.picks[term].of(group) for term in of.terms)
            case Latest(of=of) | Share(over=of):
                return any(self._plan.gauges[term].of(group) for term in of.terms)
            case Quantile(of=total):
                return bool(self._plan.buckets[total].of(group))

    def series(self, measure: Measure) -> str:
        """The exposed name that a measure was made from; empty when there is none."""
        match measure:
            case Rate(of=of):
                return self._names(of)
            case Ratio(over=over):
                return self._names(over.of)
            case Latest(of=of) | Share(over=of):
                return " + ".join(dict.fromkeys(name for term in of.terms if (name := self._plan.gauges[term].name)))
            case Quantile(of=of):
                return self._plan.buckets[of].name
            case First(ways=ways):
                return next((name for way in ways if (name := self.series(way))), "")

    def _names(self, of: Sum) -> str:
        return " + ".join(dict.fromkeys(name for term in of.terms if (name := self._plan.picks[term].name)))

    def _missing(self, total: Total) -> str:
        if total in self._plan.announced:
            return NOTHING_OBSERVED
        return VANISHED if total in self._seen else NOT_COUNTED

    def _rate(self, measure: Rate, group: Group | None) -> Value:
        result, known = 0.0, False
        for term in measure.of.terms:
            pick = self._plan.picks[term]
            columns = pick.of(group)
            if not columns:
                if pick.zero:
                    continue
                return Value(None, NO_VALUE if group is not None and pick.name else self._missing(term))
            grown = [rate for column in columns if (rate := self._rates[column]) is not None]
            if grown:
                known = True
                result += total_of(grown) * term.factor
            elif not pick.zero:
                return Value(None, self._not_known(columns))
        if not known and (self._rates or self._page is None) and not any(rate is not None for rate in self._rates):
            return Value(None, self._not_known(range(len(self._last))))
        return Value(result * measure.unit)

    def _not_known(self, columns: Iterable[int]) -> str:
        """Why there is no growth of columns that are there."""
        last = self._last
        return NO_VALUE if last and all(last[column] != last[column] for column in columns) else self._young

    def _latest(self, measure: Latest, group: Group | None) -> Value:
        if self._page is None:
            return Value(None, self._silent)
        numbers: list[float] = []
        for term in measure.of.terms:
            pick = self._plan.gauges[term]
            positions = pick.of(group)
            if not positions and not pick.zero:
                return Value(None, NO_VALUE if pick.name else self._missing(term))
            known = [position for position in positions if math.isfinite(number := self._page[position]) and number < self._blank]
            if positions and not known:
                return Value(None, NO_VALUE)
            found = self._apart(known, measure.copies) if measure.copies else [self._page[position] for position in known]
            numbers += [number * term.factor for number in found] or [0.0]
        one = min if measure.least else max if measure.worst else total_of
        return Value(one(numbers) * measure.unit)

    def _apart(self, positions: list[int], copies: tuple[str, ...]) -> list[float]:
        """The largest of the series that differ in the labels of `copies` only, for each such set."""
        page = self._page or ()
        largest: dict[tuple[tuple[str, str], ...], float] = {}
        for position in positions:
            rest = tuple(label for label in self._plan.layout.series[position].labels if label[0] not in copies)
            largest[rest] = max(largest.get(rest, -math.inf), page[position])
        return list(largest.values())

    def _share(self, measure: Share, group: Group | None) -> Value:
        """Of one group; for the whole target the worst of the groups that have it, where any has."""
        having = self._plan.gauges[measure.over.terms[0]].groups
        groups: Sequence[Group | None] = [group] if group is not None or not having else list(having)
        worst: float | None = None
        why = NO_VALUE
        for one in groups:
            over, under = self._latest(Latest(measure.over), one), self._latest(Latest(measure.under), one)
            if over.number is None or under.number is None:
                why = over.why or under.why
            elif under.number > 0:
                worst = max(over.number / under.number, -math.inf if worst is None else worst)
        return Value(None, why) if worst is None else Value(worst)

    def _quantile(self, measure: Quantile, group: Group | None) -> Value:
        pick = self._plan.buckets[measure.of]
        key = (id(pick), group)
        levels = self._levels.get(key)
        if levels is None:
            levels = self._levels[key] = self._grown_levels(measure.of, pick, group)
        if isinstance(levels, Value):
            return levels
        if levels[-1][0] != math.inf:
            return Value(None, NOT_WHOLE)
        fell = reached(measure.q, levels)
        if fell is None:
            return Value(None, NOTHING_OBSERVED)
        bounds = None if fell.at_least or math.isinf(fell.low) else (fell.low * measure.unit, fell.high * measure.unit)
        return Value(fell.value * measure.unit, "", bounds, fell.at_least)

    def above(self, measure: Measure | None, bound: float) -> float | None:
        """The share of what a quantile's histogram observed over a bound; None where nobody can say."""
        if isinstance(measure, First):
            measure = self._way(measure.ways, None)
        if not isinstance(measure, Quantile):
            return None
        levels = self._grown_levels(measure.of, self._plan.buckets[measure.of], None)
        return None if isinstance(levels, Value) else above(bound / measure.unit, levels)

    def _grown_levels(self, of: Total, pick: BucketPick, group: Group | None) -> list[tuple[float, float]] | Value:
        """What each bucket of a family grew by, or why nobody can say."""
        buckets = pick.of(group)
        if not buckets:
            return Value(None, NO_VALUE if pick.name else self._missing(of))
        rates, levels = self._rates, []
        for bound, columns in buckets.items():
            if len(columns) == 1:
                rate = rates[columns[0]]
                if rate is not None:
                    levels.append((bound, rate))
                continue
            grown = [rate for column in columns if (rate := rates[column]) is not None]
            if grown:
                levels.append((bound, total_of(grown)))
        return levelled(levels) if levels else Value(None, self._not_known(column for columns in buckets.values() for column in columns))
