"""Forecasts beside the tick: numbers in once a minute, bands for the charts, what is outside or fills up for the frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import tzinfo

from msgspec.structs import replace

from tui_monitor.alerts.rule import Rule, unit_of
from tui_monitor.alerts.rules import expected_of
from tui_monitor.alerts.summary import say_span
from tui_monitor.analyse.anomaly.room import Edges, ForecastRoom
from tui_monitor.analyse.anomaly.watched import not_forecast
from tui_monitor.engine.derived import Ask, derived
from tui_monitor.engine.history import Rings
from tui_monitor.language.names import BUSINESS, asked
from tui_monitor.language.truth import expected_name
from tui_monitor.model import Forecast, History, HistoryQuery, Subject, Usual, clean

SAVED_EVERY_S = 900.0
AHEAD = (" ahead", " ahead.low", " ahead.high", " ahead.steady")  # ends of keys that ask for times to come, as in `Coming`


class Forecasting:
    """The room of forecasts, and when it is kept."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        """`zone`: whose hours of the day; None: the host's own."""
        self._room = ForecastRoom(zone)
        self._expected: dict[tuple[str, str], dict[str, Usual]] = {}  # kind and name of a subject -> edges, as rules look them up
        self._saved_s: float | None = None
        self._bands_due = False
        self.forecasts: list[Forecast] = []
        self.note = ""

    def restore(self, saved: bytes | None) -> str:
        """What an earlier engine knew; returns why it is not known any more, or nothing."""
        try:
            if saved:
                self._room.load(saved)
        except ValueError as error:
            return clean(str(error))
        return ""

    def dump(self, now_s: float, *, ending: bool) -> bytes | None:
        """Everything, now and then; None when it is not time yet."""
        if self._saved_s is None:
            self._saved_s = now_s
        if not ending and 0 <= now_s - self._saved_s < SAVED_EVERY_S:
            return None
        self._saved_s = now_s
        return self._room.dump()

    def observe(self, now_s: float, subjects: Sequence[Subject]) -> list[Subject]:
        """Once a minute what the numbers are; at every tick the same subjects, with what rules may ask of their forecasts."""
        if self._room.observe(now_s, subjects):
            self.forecasts = self._room.forecasts()
            self.note = _note(*self._room.learning(), self._room.left_out)
            self._bands_due = True
            self._expected = {}
            for (kind, name, key), edges in self._room.edges().items():
                self._expected.setdefault((kind, name), {}).update(_said(key, edges))
        return [self._told(one) for one in subjects]

    def _told(self, subject: Subject) -> Subject:
        told, expected = self._room.told(subject), self._expected.get((subject.kind, subject.name))
        if not told and not expected:
            return subject
        return replace(subject, metrics=subject.metrics | told, usual=subject.usual | (expected or {}))

    def ahead(self, query: HistoryQuery, ask: Ask) -> History:
        """The answer to a query that may ask what is to come; everything else is what `ask` says.

        Args:
            query: its keys may end in one of `AHEAD`. A column stands for the moment of its end.
            ask: the series themselves.
        """
        wanted = derived(query, ask, AHEAD)
        if wanted is None:
            return ask(query)
        bases, points, step_s, values = wanted
        for base in bases:
            told = self._room.ahead(query.subject, base, [query.start_s + (place + 1) * step_s for place in range(points)])
            for place, end in enumerate(AHEAD):
                if base + end in query.keys:
                    values[base + end] = [None if one is None else one[place] for one in told]
        return History(query.subject, query.start_s, step_s, values)

    def keep_bands(self, now_s: float, rings: Rings) -> None:
        """What was expected goes where the charts' past is, once a minute."""
        if self._bands_due:
            self._bands_due = False
            for subject, metrics in self._room.bands():
                rings.put(now_s, subject, metrics)


def unforecast(rules: Sequence[Rule], queries: Collection[str] = ()) -> Iterator[tuple[Rule, str]]:
    """Rules that hold a number against a forecast that nobody makes, with a sentence that says what is forecast."""
    asked_for = [name for name in queries if not name.startswith(BUSINESS)]
    for rule in rules:
        for number in expected_of([rule]):
            kinds = rule.subjects or ("",)
            whys = [not_forecast(number if asked(number).over else asked(number).key, kind, asked_for) for kind in kinds]
            if all(whys):
                yield rule, whys[0]


def _said(key: str, edges: Edges) -> dict[str, Usual]:
    """Both edges with one sentence."""
    if edges.low is None or edges.high is None:
        said = f"no band of {key} yet, {edges.why}"
    else:
        said = f"expected {say_span(edges.low, edges.high, unit_of(key))}{edges.by}"
    return {expected_name(key, "low"): Usual(edges.low, said), expected_name(key, "high"): Usual(edges.high, said)}


def _note(ready: int, learning: int, first: str, left_out: int) -> str:
    parts = [f"{ready} numbers are forecast"] if ready else []
    parts += [f"{learning} more are learned" if ready else f"{learning} numbers are learned"] if learning else []
    said = ", ".join(parts) + (f" ({first.partition(': ')[2]})" if first else "")
    return said + (f"; {left_out} found no room" if left_out else "")
