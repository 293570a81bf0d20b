"""What takes too long to do with every look at a log: a classifier of now against the reference, and shares of unusual rows. Needs `[ml]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate import classifier, methods, outliers
from tui_monitor.analyse.drift.multivariate.numbers import MOST_COLUMNS, Scale, table
from tui_monitor.analyse.drift.multivariate.outliers import SHARES, Method, Outliers, said
from tui_monitor.analyse.drift.multivariate.whole import Kept, WholeRows, columns
from tui_monitor.analyse.drift.reference import Reference, of_rows
from tui_monitor.model import Drift, Part, clean

TOLD_APART = "told apart"  # the classifier's line
REFERENCE_ROWS, NOW_ROWS = 2_000, 1_000  # that the classifier sees
LEAST_ROWS = 1_000
TELLING = 0.55  # the AUC that its 99 % lower bound must pass to be worth a look
_Z95, _Z99 = 1.96, 2.576

__all__ = ["SHARES", "TOLD_APART", "Found", "SlowJudges", "said"]


class Found(NamedTuple):
    """Rows that were told usual or unusual, as a signal of categories."""

    log: str
    signal: str
    at_s: Floats
    words: NDArray[Any]
    given: tuple[Bins, Reference] | None = None  # its reference, with the first of them
    anew: bool = False  # another fit than before: what was learned of it holds no longer


class SlowJudges:
    """Those of one log. `look` is for a thread of its own, one at a time."""

    def __init__(self, log: str, wanted: Sequence[str], model: str) -> None:
        """`model`: that of the classifier."""
        self._log, self._wanted = log, list(wanted)
        self._model = cast("classifier.Model", model)
        self.fits: dict[str, Outliers] = {}
        self._wrong: dict[str, str] = {}
        self.told: list[Drift] = []  # the classifier's line

    def renewed(self, wanted: Sequence[str], model: str) -> SlowJudges:
        """Those of other settings. What stays goes on with its fit; a look that is under way does not know of them."""
        made = SlowJudges(self._log, wanted, model)
        made.fits = self.fits
        for name in set(self.fits) - set(wanted):
            del self.fits[name]
        made._wrong = {signal: why for signal, why in self._wrong.items() if signal in made.signals}
        if model == self._model:
            made.told = self.told if "classifier" in wanted else []
        else:
            made._wrong.pop(TOLD_APART, None)
        return made

    @property
    def signals(self) -> list[str]:
        """What they are called where people read it."""
        return [SHARES.get(name, TOLD_APART) for name in self._wanted]

    def why_not(self, whole: WholeRows) -> dict[str, str]:
        """Signal -> why it is not judged."""
        names = self.signals
        if lacking := classifier.why_not():
            return dict.fromkeys(names, lacking)
        if whole.settled and whole.reference and len(whole.reference) < LEAST_ROWS:
            return dict.fromkeys(names, f"{len(whole.reference)} rows in the reference, {LEAST_ROWS} are needed")
        return self._wrong

    def ready(self, whole: WholeRows) -> bool:
        """Whether there is something to look at."""
        return bool(whole.fresh) and len(whole.reference) >= LEAST_ROWS and not classifier.why_not()

    def look(self, whole: WholeRows) -> list[Found]:
        """Look at the rows that came since the last time."""
        rows: list[Kept] = []
        while whole.fresh:
            rows.append(whole.fresh.popleft())
        found = []
        for name in self._wanted:
            if name in SHARES:
                found += self._share(cast("Method", name), whole, rows)
            else:
                self.told = self._tell_apart(whole)
        return found

    def _share(self, name: Method, whole: WholeRows, rows: Sequence[Kept]) -> list[Found]:
        known, given, anew = self.fits.get(name), None, False
        if known is None:
            values = table([row.features for row in whole.reference], whole.names)
            learned = methods.halves(len(values))
            try:
                known = self.fits[name] = Outliers(name, whole.names, values[learned], values[~learned])
            except ValueError as error:
                self._wrong[SHARES[name]] = str(error)
                return []
            self._wrong.pop(SHARES[name], None)
            anew = True
            if whole.origin:
                at_s = np.asarray([row.at_s for row in whole.reference])[~learned]
                timed = at_s if np.unique(at_s).size > 1 else None
                given = outliers.BINS, of_rows(known.words(values[~learned]), timed, outliers.BINS, whole.origin)
        values = table([row.features for row in rows], whole.names)
        return [Found(self._log, SHARES[name], np.asarray([row.at_s for row in rows]), known.words(values), given, anew)]

    def _tell_apart(self, whole: WholeRows) -> list[Drift]:
        newest = list(whole.newest)
        reference, now = _evenly(whole.reference, REFERENCE_ROWS), _evenly(newest, NOW_ROWS)
        names = list(dict.fromkeys(name for row in reference for name in row.features))[:MOST_COLUMNS]
        growing = Scale.of(whole.names, table([row.features for row in whole.reference], whole.names)).left_out if whole.names else {}
        names = [name for name in names if not growing.get(name, "").startswith("only ever grows")]
        told = classifier.tell_apart(columns(reference, names), columns(now, names), self._model)
        if told.auc is None or told.low is None or told.high is None:
            self._wrong[TOLD_APART] = told.why
            return []
        self._wrong.pop(TOLD_APART, None)
        telling = told.auc - (told.auc - told.low) * _Z99 / _Z95 > TELLING
        by = ", ".join(clean(name, 40) for name, _ in told.top[:3])
        text = f"a classifier tells rows of now from the reference: AUC {told.auc:.2f} [{told.low:.2f}, {told.high:.2f}]" + (
            f", by {by}." if telling else "."
        )
        if not telling:
            text = f"a classifier cannot tell rows of now from the reference: AUC {told.auc:.2f} [{told.low:.2f}, {told.high:.2f}]."
        return [
            Drift(
                signal=TOLD_APART, source=self._log, role="input", state="watch" if telling else "stable", since=None, test="auc", effect=told.auc, bound="=",
                p=None, n_reference=len(reference), n_now=len(now), evidence=None, sentence=text, interval=(told.low, told.high), cause="data",
                parts=[Part(clean(name, 60), 0.0, part) for name, part in told.top] if telling else [],
            )
        ]  # fmt: skip


def _evenly(rows: Sequence[Kept], most: int) -> list[Kept]:
    """At most so many, spread over all."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i * len(rows) // most] for i in range(most)]
