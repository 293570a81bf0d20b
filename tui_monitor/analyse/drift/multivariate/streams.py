"""The extra amber charts of one log: detectors on the stream of its errors, half-space trees on its rows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from tui_monitor.analyse.drift.multivariate import charts
from tui_monitor.analyse.drift.multivariate.charts import Charts, HalfSpaces
from tui_monitor.analyse.drift.multivariate.methods import SIGNALS
from tui_monitor.analyse.drift.multivariate.numbers import table
from tui_monitor.analyse.drift.multivariate.whole import WholeRows
from tui_monitor.analyse.performance.counting.layout import canonical
from tui_monitor.model import LogRow, LogRows

MOST_WAITING = 20_000  # rows that wait for their label; who waits longer is left out of the charts


class Streams:
    """What `[drift] early` asks for. Not for several threads at once, but for `out` and `errors_out`."""

    def __init__(self, wanted: Sequence[str], task: str) -> None:
        """`task`: of the log; right and wrong is known of classes only, so a regression has ADWIN alone."""
        self.why_not: dict[str, str] = {}
        self._regression = task == "regression"
        of_errors = [name for name in wanted if name in charts.OF_ERRORS and not (self._regression and name in charts.OF_RIGHT_OR_WRONG)]
        if lacking := charts.why_not():
            self.why_not = {", ".join(charts.TITLES[name] for name in wanted): lacking}
            of_errors = []
        self._charts = Charts(of_errors) if of_errors else None
        self._wants_trees = "half_space_trees" in wanted and not lacking
        self._trees: HalfSpaces | None = None
        self._waiting: OrderedDict[str, tuple[float, str | float]] = OrderedDict()

    def add(self, rows: LogRows, whole: WholeRows) -> None:
        """New rows and labels."""
        if self._charts is not None:
            self._errors(rows, self._charts)
        if self._wants_trees and rows.rows:
            self._look_at(rows.rows, whole)

    def out(self, role: str, signal: str, now_s: float) -> list[str]:
        """The charts that are out beside a signal of this log."""
        found = self.errors_out(now_s) if role == "performance" else []
        return found + (self._trees.out() if self._trees is not None and signal == SIGNALS["pca"] else [])

    def errors_out(self, now_s: float) -> list[str]:
        """Those on its errors."""
        return self._charts.out(now_s) if self._charts is not None else []

    def _errors(self, rows: LogRows, detectors: Charts) -> None:
        known: list[tuple[float, float]] = []
        for row in rows.rows:
            if row.prediction is None:
                continue
            if row.label is None:
                self._waiting[row.id] = row.at_s, row.prediction
            else:
                known.append((row.at_s, self._error(row.prediction, row.label)))
        for name, label in rows.labels.items():
            if (waited := self._waiting.pop(name, None)) is not None:
                known.append((waited[0], self._error(waited[1], label)))
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        if known:
            known = sorted(known)[-charts.MOST_ROWS :]
            detectors.update(np.asarray([at_s for at_s, _ in known]), np.asarray([error for _, error in known]))

    def _error(self, prediction: str | float, label: str | float) -> float:
        if not self._regression:
            return float(canonical(prediction) != canonical(label))
        try:
            return abs(float(prediction) - float(label))
        except ValueError:
            return float("nan")

    def _look_at(self, rows: Sequence[LogRow], whole: WholeRows) -> None:
        if self._trees is None:
            if len(whole.reference) < HalfSpaces.LEARN or not whole.names:
                return
            try:
                self._trees = HalfSpaces(whole.names, table([row.features for row in whole.reference], whole.names))
            except ValueError as error:
                self._wants_trees = False
                self.why_not[charts.TITLES["half_space_trees"]] = str(error)
                return
        self._trees.update(table([row.features for row in rows], whole.names))
