"""The numbers of one target: pages in, the vocabulary's metrics over any window out."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Collection
from operator import lt
from typing import NamedTuple

from msgspec import Struct, structs

from tui_monitor.analyse.clock import shifted
from tui_monitor.analyse.found_signals import found_signals
from tui_monitor.analyse.measures import NO_PAGE, NO_SECOND_SAMPLE, NOT_COUNTED, Evaluation, total_of
from tui_monitor.analyse.series import BUCKET, Plan, Wanted, totals
from tui_monitor.analyse.steps import Steps
from tui_monitor.analyse.windows import MIXED, NAN, Past, Row, Window, widened
from tui_monitor.mapping import First, Measure, Rate, Says, Total
from tui_monitor.model import Layout, Metrics, Page, SeriesKey, clean

MAX_COLUMNS = 4_000  # series with a past, of one target; what does not fit is counted in `left_out`
MAX_MODELS = 64
MAX_CATEGORIES = 256
_BEGINS = re.compile(r":?[a-zA-Z0-9]+[_:]")


class Measured(Struct, frozen=True, kw_only=True):
    """A target's numbers at one moment over one window."""

    metrics: Metrics  # every key of the mapping; a None has its reason in `absent`
    absent: dict[str, str] = {}
    bounds: dict[str, tuple[float, float]] = {}  # quantile key -> the bucket it fell into
    at_least: list[str] = []  # keys whose value is a lower bound
    misses: dict[str, str] = {}  # of those: what the value leaves out, where it is not just in the open top bucket
    series: dict[str, str] = {}  # key -> the exposed name that was used
    models: dict[tuple[str, str], Metrics] = {}  # (model, version) -> the same keys, of its series only
    covered_s: float = 0.0  # how much of the window is known
    window_s: float = 60.0
    at_s: float | None = None  # time of the newest page
    since_s: float | None = None  # time of the first page
    pages: int = 0
    work: float | None = None  # requests running and waiting now; None: not told
    progress_at_s: float | None = None  # when a counter of finished work last grew; None: not since watching began
    tells_progress: bool = False  # such counters are on the page
    about: str = "server"  # gpu, host: an exporter, which makes no progress of its own
    step_s: float = 0.0  # its page changes only this often; 0: at every look
    restarts: int = 0  # how often its counters began again since watching began
    restarted_at_s: float | None = None  # time of the first page after the last of these
    over: dict[tuple[str, float], float | None] = {}  # (family, bound in seconds) that was asked for -> share of requests above it
    left_out: int = 0  # series over the bound, not counted
    models_left_out: int = 0  # likewise
    known: bool = True  # something that this kind of server tells is on its page


class SignalCounts(NamedTuple):
    """A distribution since watching began, in the order of `DriftRoom.observe`'s arguments."""

    role: str
    edges: list[float]  # finite upper bounds; empty for categories
    cumulative: list[float]  # histogram: rows at or below each edge, then all rows; categories: rows of each. Never falls
    categories: list[str] | None = None
    amount: float | None = None  # the sum of all values, where the page tells it


class TargetNumbers:
    """Keeps the past of one target's counters and answers for any window up to 24 hours.

    Rates are Prometheus' (see `counters`). Where watching began inside the window they are taken over the time that is known instead,
    so that two looks are enough for a number and it does not creep up during the first minute.
    """

    def __init__(self, says: Says, interval_s: float) -> None:
        self._says = says
        self._interval_s = interval_s
        self._wanted = Wanted(says)
        self._own = _families(says)  # what is worth watching of these is known
        self._past = Past(interval_s)
        self._columns: dict[SeriesKey, int] = {}
        self._plan: Plan | None = None
        self._plans = 0
        self._names: dict[str, str] = {}  # key -> the exposed name that it is made from
        self._of_one_model: set[str] = set()  # keys whose series all belong to the only model: its number is the target's
        self._page: Page | None = None
        self._last: array[float] = array("d")  # the newest number of each column, also of vanished ones
        self._added: array[float] = array("d")  # what resets took from each column so far
        self._progress: list[int] = []
        self._seen: set[Total] = set()
        self._gone_s: float | None = None
        self._pages = 0
        self._steps = Steps(says.step_s)
        self.left_out = 0
        self.asked_over: Collection[tuple[str, float]] = ()  # families and bounds whose share above it is wanted
        self._incomplete: set[str] = set()  # families of which series were left out
        self.at_s: float | None = None
        self.progress_at_s: float | None = None
        self.restarts = 0  # how often most counters fell on one page: the server began again
        self.restarted_at_s: float | None = None

    def observe(self, at_s: float, page: Page) -> None:
        """Take a page that was read at `at_s`. A damaged one is a silence: half a page looks like a restart."""
        if page.damaged:
            self.gone(at_s)
            return
        if self.at_s is not None and at_s <= self.at_s:
            if self.at_s - at_s < 5 * self._interval_s:
                return  # two answers of one moment: the first stands
            self._past.clear()  # the clock was set back
            self._steps.clear()
            self.at_s = self.progress_at_s = None
        if self._plan is None or page.layout is not self._plan.layout:
            self._replan(at_s, page)
        plan = self._plan
        if plan is None:  # cannot be: _replan made one
            return
        row = array("d", plan.row([*page.values, NAN] if plan.partial else page.values))
        last = self._last
        if any(map(lt, row, last)):
            self._fall(at_s, row)
        if any(row[column] > last[column] or 0 < row[column] < last[column] for column in self._progress):
            self.progress_at_s = at_s
        missing = any(map(math.isnan, row))
        self._last = array("d", (now if now == now else before for now, before in zip(row, last, strict=True))) if missing else row  # noqa: PLR0124
        self._steps.observe(self.at_s, at_s, last, self._last)
        self._past.add(Row(at_s, row, self._added, plan.number))
        self._page = page
        self._pages += 1
        self._gone_s = None
        self.at_s = at_s

    def _fall(self, at_s: float, row: array[float]) -> None:
        """Counters fell: what stood there is kept. Most of them on one page: the server began again, not just one of its models."""
        self._added = array("d", self._added)
        fell = stood = 0
        for column, (now, before) in enumerate(zip(row, self._last, strict=True)):
            stood += before > 0 and now == now  # noqa: PLR0124 -- on this page
            if now < before:
                self._added[column] += before
                fell += 1
        if 2 * fell > stood:
            self.restarts += 1
            self.restarted_at_s = at_s

    def gone(self, at_s: float) -> None:
        """The target did not answer at `at_s`, or with a broken page: gauges are unknown from now on, rates end at the last page."""
        if self._gone_s is None:
            self._gone_s = at_s

    def stepped(self, step_s: float, now_s: float) -> None:
        """The wall clock was set: nobody knows how long the pages around it were apart, so rates begin anew; see `clock.shifted`."""
        self._past.clear()
        self._steps.clear()
        self.at_s = shifted(self.at_s, step_s, now_s)
        self._gone_s = shifted(self._gone_s, step_s, now_s)
        self.progress_at_s = shifted(self.progress_at_s, step_s, now_s)
        self.restarted_at_s = shifted(self.restarted_at_s, step_s, now_s)

    @property
    def work(self) -> float | None:
        """Requests running and waiting on the newest page; None when silent or not told."""
        plan, page = self._plan, self._page
        if plan is None or page is None or self._gone_s is not None:
            return None
        evaluation = Evaluation(plan, (), page.values, seen=self._seen, silent="", blank=self._says.blank)
        waiting = [self._says.measures[key] for key in self._says.waiting if key in self._says.measures]
        known = [number for measure in waiting if (number := evaluation.value(measure).number) is not None]
        work = total_of(known) if known else math.nan
        return None if math.isnan(work) else work

    def measure(self, now_s: float, window_s: float = 60.0, *, with_models: bool = True) -> Measured:
        """All metrics over the `window_s` seconds before `now_s`.

        While the target is silent, windows end at its last page; after a sixth of the window (at least three intervals) without a page
        there is no number any more.
        """
        says, plan, page = self._says, self._plan, self._page
        at_s = self.at_s
        if plan is None or page is None or at_s is None:
            keys = (*says.measures, *says.cannot)
            return Measured(metrics=dict.fromkeys(keys), absent=dict.fromkeys(says.measures, NO_PAGE) | says.cannot, window_s=window_s)
        silence_s = max(0.0, now_s - at_s)
        silent = f"target silent for {silence_s:.0f} s" if self._gone_s is not None or silence_s > max(3 * self._interval_s, 10.0) else ""
        window = self._past.window(at_s if silent else max(now_s, at_s), window_s)
        lost = bool(silent) and silence_s > max(3 * self._interval_s, window_s / 6)
        rates, young = self._rates(window, plan.columns, window_s, lost=lost)
        evaluation = Evaluation(
            plan, rates, None if silent else page.values, seen=self._seen, silent=silent, young=young, blank=says.blank, last=self._last
        )

        metrics: Metrics = {}
        absent: dict[str, str] = {}
        bounds: dict[str, tuple[float, float]] = {}
        at_least: list[str] = []
        misses: dict[str, str] = {}
        for key, measure in says.measures.items():
            value = evaluation.value(measure)
            metrics[key] = value.number
            if value.number is None:
                why = says.needs.get(key, value.why) if value.why == NOT_COUNTED else value.why
                absent[key] = silent if lost and value.why == young else why
            if value.bounds is not None:
                bounds[key] = value.bounds
            if value.at_least or (key in says.at_least and value.number is not None):
                at_least.append(key)
                misses |= {key: says.at_least[key]} if key in says.at_least else {}
            elif value.number is not None and self._incomplete and self._is_incomplete(measure):
                at_least.append(key)
                misses[key] = f"{self.left_out:,} series over the most that are followed"
        metrics |= dict.fromkeys(says.cannot)
        absent |= says.cannot
        models: dict[tuple[str, str], Metrics] = {}
        for group in plan.groups[:MAX_MODELS] if with_models else ():
            models[group[0], group[1] if len(group) > 1 else ""] = {
                key: metrics[key] if key in self._of_one_model else evaluation.value(measure, group).number
                for key, measure in says.measures.items()
            }
        return Measured(
            metrics=metrics,
            absent=absent,
            bounds=bounds,
            at_least=at_least,
            misses=misses,
            series=self._names,
            models=models,
            over={one: evaluation.above(says.measures.get(f"{one[0]}.p50"), one[1]) for one in self.asked_over},
            covered_s=min(window.covered_s, window_s),
            window_s=window_s,
            at_s=at_s,
            since_s=self._past.first_s,
            pages=self._pages,
            work=self.work,
            progress_at_s=self.progress_at_s,
            tells_progress=says.progress is not None
            and any(term in plan.announced or any(map(self._counts, plan.picks[term].all)) for term in says.progress.terms),
            left_out=self.left_out,
            models_left_out=max(0, len(plan.groups) - MAX_MODELS),
            known=plan.known,
            about=says.about,
            step_s=self._steps.step_s,
            restarts=self.restarts,
            restarted_at_s=self.restarted_at_s,
        )

    def _is_incomplete(self, measure: Measure) -> bool:
        """Whether it adds growth of a family of which series were left out."""
        ways = measure.ways if isinstance(measure, First) else (measure,)
        plan = self._plan
        return plan is not None and any(
            plan.picks[term].name in self._incomplete for way in ways if isinstance(way, Rate) for term in way.of.terms
        )

    def _counts(self, column: int) -> bool:
        """Whether a counter ever had a number."""
        return not math.isnan(self._last[column])

    def _rates(self, window: Window, columns: int, window_s: float, *, lost: bool) -> tuple[list[float | None], str]:
        """Growth per second of each column, and the reason where it is not known."""
        if lost:
            return [None] * columns, NO_SECOND_SAMPLE
        stepwise = self._steps.rates(self._past.looks, columns, window_s)
        if stepwise is None:
            return window.rates(columns), NO_SECOND_SAMPLE
        return stepwise, f"its page changes every {self._steps.step_s:.3g} s: not known before three such steps"

    def histograms(self) -> dict[str, SignalCounts]:
        """The signals of this kind of server, restarts mended and replicas summed: only ever growing counts since watching began."""
        plan = self._plan
        if plan is None:
            return {}
        result: dict[str, SignalCounts] = {}
        for signal in self._wanted.says.signals:
            total = Total((signal.family,))
            if signal.label:
                key = f"{signal.family}{{{signal.label}}}"
                counts = self._categories(plan.picks[total].all, signal.label)
                if counts and all(map(math.isfinite, counts.values())):
                    result[key] = SignalCounts(signal.role, [], list(counts.values()), list(counts))
                continue
            buckets = plan.buckets[total].bounds
            if len(buckets) > 1 and math.inf in buckets:
                edges = [bound for bound in buckets if bound != math.inf]
                grown = [self._grown(columns) for columns in buckets.values()]
                if all(map(math.isfinite, grown)):
                    result[signal.family] = SignalCounts(signal.role, edges, grown, None, self._amount(signal.family))
        return result

    def _amount(self, family: str) -> float | None:
        pick = self._plan.picks.get(self._wanted.sums[family]) if self._plan else None
        return self._grown(pick.all) if pick is not None and pick.all else None

    def _find_signals(self, layout: Layout) -> None:
        """More signals than its kind names: what the page offers by itself."""
        if self._says.about != "server":
            return
        families, prefixes = self._own
        signals = self._says.signals + found_signals(layout, families, prefixes)
        if signals != self._wanted.says.signals:
            self._wanted = Wanted(structs.replace(self._says, signals=signals))

    def _grown(self, columns: list[int]) -> float:
        return total_of(self._last[column] + self._added[column] for column in columns if not math.isnan(self._last[column]))

    def _categories(self, columns: list[int], label: str) -> dict[str, float]:
        keys = list(self._columns)
        groups: dict[str, list[int]] = {}
        for column in columns:
            groups.setdefault(clean(dict(keys[column].labels).get(label, "")), []).append(column)
        return {name: self._grown(groups[name]) for name in sorted(groups)[:MAX_CATEGORIES]}

    def _replan(self, at_s: float, page: Page) -> None:
        """The page's layout changed: give new counters a column and resolve the mapping anew."""
        self._find_signals(page.layout)
        wanted = self._wanted
        counters = [key for key in page.layout.series if key.name in wanted.names]
        fresh = [key for key in counters if key not in self._columns]
        if len(self._columns) + len(fresh) > min(MAX_COLUMNS, max(200, 3 * len(counters))):
            self._forget(set(counters))
        before = set(self._columns)
        self.left_out = 0
        self._incomplete = set()
        for key in counters:
            if key in self._columns:
                continue
            if len(self._columns) < MAX_COLUMNS:
                self._columns[key] = len(self._columns)
            else:
                self.left_out += 1
                self._incomplete.add(key.name)
        self._plans += 1
        plan = wanted.plan(self._plans, page.layout, self._columns)
        self._last = widened(self._last, plan.columns, NAN)
        self._added = widened(self._added, plan.columns, 0.0)
        self._begin_at_zero(at_s, plan, [key for key in self._columns if key not in before])
        self._progress = [column for term in (self._says.progress.terms if self._says.progress else ()) for column in plan.picks[term].all]
        self._seen.update(total for total, pick in (plan.picks | plan.gauges).items() if pick.name)
        self._seen.update(total for total, pick in plan.buckets.items() if pick.name)
        self._plan = plan
        names = Evaluation(plan, (), None, seen=self._seen, silent="")
        self._names = {key: clean(name) for key, measure in self._says.measures.items() if (name := names.series(measure))}
        self._of_one_model = {key for key, measure in self._says.measures.items() if plan.is_of_one_model(measure)}

    def _begin_at_zero(self, at_s: float, plan: Plan, fresh: list[SeriesKey]) -> None:
        """A series of a family that appears with its first event was 0 on the page before: its first event counts.

        Prometheus loses that event; for an error counter it may be the only one there is.
        """
        newest = self._past.newest
        if newest is None or self._gone_s is not None or not 0 < at_s - newest.at_s <= 3 * self._interval_s:
            return
        before = self._plan.announced if self._plan else ()
        born = {column for total, pick in plan.picks.items() if pick.zero or total in before for column in pick.all}
        columns = [column for key in fresh if (column := self._columns[key]) in born and not key.name.endswith(BUCKET)]
        if columns:
            newest.values = widened(newest.values, plan.columns, NAN)
            newest.plan = MIXED
            for column in columns:
                newest.values[column] = self._last[column] = 0.0

    def _forget(self, present: set[SeriesKey]) -> None:
        """Drop the columns of series that are no longer on the page."""
        kept = [(key, column) for key, column in self._columns.items() if key in present]
        if len(kept) == len(self._columns):
            return
        self._columns = {key: place for place, (key, _) in enumerate(kept)}
        columns = [column for _, column in kept]
        self._past.keep(columns)
        self._steps.keep(columns)
        self._last = array("d", (self._last[column] for column in columns))
        self._added = array("d", (self._added[column] for column in columns))


def _families(says: Says) -> tuple[frozenset[str], tuple[str, ...]]:
    """Families that a kind's mapping speaks of, and how the names of its own families begin; a page without a mapping has none of its own."""
    counters, gauges, histograms = totals(says.measures.values())
    known = {name for total in (*counters, *gauges, *histograms) for name in total.names} | {signal.family for signal in says.signals}
    plain = {name.removesuffix("_count").removesuffix("_sum") for name in known}
    begins = Counter(match[0] for name in known if (match := _BEGINS.match(name)))
    own = () if says.own_map else tuple(begin for begin, count in begins.items() if count > 1)
    return frozenset(known | plain), own
