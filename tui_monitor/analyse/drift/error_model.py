"""What error is expected of an input: its mean, and its size, as smooth sums over the inputs.

Cells of inputs alone are too coarse where an error grows along an input: a mix that moves inside of the outermost cell would look as if the
truth had moved. So the smooth part goes first: mean and mean size of the error are fitted by least squares (with a slight ridge) on a line, a
parabola and hinges at quantiles of every number, summed over the numbers. What is left are interactions, which cells find, and chance.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tui_monitor.analyse.drift.judge import Floats

Singles = NDArray[np.float32]

MOST_KNOTS = 7
ROWS_A_TERM = 20
RIDGE = 1.0  # rows' worth, of standardised terms
OUTLIERS = 0.01  # on either side: errors beyond are taken as if they were there, few must not bend the fit
LEAST_SIZE = 0.2  # of the mean size: a fit must not claim that somewhere there are no errors


class ErrorModel(Struct, frozen=True):
    """Terms of a column are the line, then the parabola, then the hinges, as many as its rows allow; last of all whether it is missing."""

    centre: list[float]
    spread: list[float]
    low: list[float]
    high: list[float]
    knots: list[list[float]]  # of each column, standardised
    curved: bool
    term_mean: list[float]
    term_spread: list[float]
    mean: list[float]  # a constant, then one coefficient a term
    size: list[float]  # the same; empty: all errors are taken for equally large

    def expected(self, inputs: Singles) -> tuple[Floats, Floats]:
        """Mean and mean size of the error of every row."""
        terms = self._terms(inputs)
        mean = self.mean[0] + terms @ np.asarray(self.mean[1:])
        if not self.size:
            return mean, np.ones(len(inputs))
        size = self.size[0] + terms @ np.asarray(self.size[1:])
        return mean, np.maximum(size, LEAST_SIZE * self.size[0])

    def _terms(self, inputs: Singles) -> Floats:
        made = _terms(inputs, self.centre, self.spread, self.low, self.high, self.knots, curved=self.curved)
        terms: Floats = (made - np.asarray(self.term_mean)) / np.asarray(self.term_spread)
        return terms


def _terms(
    inputs: Singles,
    centre: list[float],
    spread: list[float],
    low: list[float],
    high: list[float],
    knots: list[list[float]],
    *,
    curved: bool,
) -> Floats:
    made: list[Floats] = []
    for place in range(inputs.shape[1]):
        values = inputs[:, place].astype(np.float64)
        missing = np.isnan(values)
        line = np.where(missing, 0.0, (np.clip(values, low[place], high[place]) - centre[place]) / spread[place])
        made += [line, *([line**2] if curved else []), *(np.maximum(line - knot, 0.0) for knot in knots[place]), missing.astype(np.float64)]
    return np.stack(made, axis=1) if made else np.zeros((len(inputs), 0))


def error_model(inputs: Singles, errors: Floats, *, sized: bool) -> ErrorModel:
    """Fit.

    Args:
        inputs: one column a number, NaN where missing.
        errors: of the same rows.
        sized: whether the size of the errors is of interest: not of right and wrong.
    """
    rows, columns = inputs.shape
    terms_each = rows / ROWS_A_TERM / max(columns, 1)
    curved, hinges = terms_each >= 2, int(min(MOST_KNOTS, max(0.0, terms_each - 2)))
    centre, spread, low, high, knots = [], [], [], [], []
    for place in range(columns):
        values = inputs[:, place].astype(np.float64)
        values = values[np.isfinite(values)]
        values = values if values.size else np.zeros(1)
        centre.append(float(values.mean()))
        spread.append(float(values.std()) or 1.0)
        low.append(float(values.min()))
        high.append(float(values.max()))
        at = np.quantile(values, (np.arange(hinges) + 1) / (hinges + 1))
        inner = np.unique(at[(at > low[-1]) & (at < high[-1])])
        knots.append(((inner - centre[-1]) / spread[-1]).tolist())
    made = _terms(inputs, centre, spread, low, high, knots, curved=curved)
    term_mean, term_spread = made.mean(axis=0), made.std(axis=0)
    term_spread[term_spread < 1e-9] = np.inf  # a term that is constant tells nothing
    terms = (made - term_mean) / term_spread
    inside = np.clip(errors, *np.quantile(errors, (OUTLIERS, 1 - OUTLIERS))) if sized else errors
    mean = _fitted(terms, inside)
    size = _fitted(terms, np.abs(inside - mean[0] - terms @ mean[1:])) if sized else np.zeros(0)
    if size.size and not size[0] > 0:
        size = np.zeros(0)
    return ErrorModel(
        centre, spread, low, high, knots, curved, term_mean.tolist(), np.where(np.isinf(term_spread), 1e300, term_spread).tolist(),
        mean.tolist(), size.tolist(),
    )  # fmt: skip


def _fitted(terms: Floats, values: Floats) -> Floats:
    middle = float(values.mean())
    found = np.linalg.solve(terms.T @ terms + RIDGE * np.eye(terms.shape[1]), terms.T @ (values - middle)) if terms.size else np.zeros(0)
    return np.concatenate([[middle], found])
