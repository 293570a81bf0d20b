"""Errors given the inputs: what is left of a prediction's error when the mix of inputs is taken out, so that concept drift stands alone.

The error of a model moves when its truth moves (concept drift), and also when it is only asked other things than before (data drift), because
it errs more on some inputs than on others. Here every labelled row is compared with reference rows of its own sort of inputs: u is the rank of
its error among theirs, 0..1, ties broken by a uniform number that is a hash of the row's id. As long as P(error | inputs) stays what it was, u
is uniform whatever the mix of inputs does, and the ordinary judge of numbers over u sees concept drift only.

One signal of all inputs together, and not one for each column: an error that depends on one column moves `error | another column` as soon as
the mix of the first one moves, and that is data drift again. Bins of the prediction alone have the same fault wherever the model is wrong in a
way it does not know of. So first a smooth model of the error's mean and size over all numbers (`error_model`) is taken out, the prediction and
the score among them; then a small tree cuts the inputs into cells where what is left still differs. Where it does not there is one cell.

The error of a number is prediction - label, with its sign. That of a class is right or wrong; the score is not in it (1 - the score of the true
class is a function of the inputs, and moves inside a cell with the mix), but cells are cut by it, and by the error that is expected.

One half of the reference's rows, every second one, makes the model and the cells, the other half fills them: of rows that chose their cells u
would be uniform by construction. Then, given the reference, the share of new rows at or below the k-th of a cell's m errors is a Beta(k,
m + 1 - k) variable (Vovk 2012, conditional validity of inductive conformal predictors), which is what Clopper-Pearson's interval of m uniform
rows is made of. So what u is judged against is exactly uniform, and the one thing to say is how many rows it is worth: a quarter of the filling
half, because a new mix may keep to a part of the inputs, and there the model and the cells are known from that part's rows only.

Rows with a number outside of the reference's range are left out: what the model does there was never seen, so nobody can say that it changed,
and the input's own signal tells that they come. What it cannot see: inputs that are texts, or private, or beyond the first `MOST_COLUMNS`
numbers. Where errors depend on those, their mix moves u too.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.dependence import cautious, correlation_time, ranks
from tui_monitor.analyse.drift.error_model import ErrorModel, Singles, error_model
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.reference import Reference, of_rows

NUMBERS, CLASSES = "residual | inputs", "errors | inputs"
"""The signal's name where predictions are numbers, and where they are classes."""
MOST_COLUMNS = 16
MOST_HELD = 20_000  # labelled rows that a transform is made of, the newest
LEAST_ROWS = 2000  # of a transform: with fewer, a mix that keeps to a few sorts of inputs tells nothing certain
MOST_CELLS, LEAST_IN_CELL, PART_IN_CELL = 12, 100, 10  # a cell has at least a tenth of the rows that choose it
LEAST_GAIN = 8.0  # of a cut, in units of chance (chi-square): one too many costs certainty only, one too few cries wolf
LEAST_SHARE = 0.25  # of the reference's rows: mixes that keep to less of them are not reckoned with
RARE = 0.0025  # of a column's rows, at either end
MOST_KEPT = 512  # errors of a cell: beyond, evenly spaced ones stand for all
STEPS = 10
BINS = Bins("numeric", edges=[float(np.nextafter(0.0, -1.0)), *(step / STEPS for step in range(1, STEPS)), 1.0])
"""Of u, with the bins below and above its range that columns of numbers have."""
END_BINS = 3  # at either end: the lowest fifth, the highest fifth


class Cut(Struct, frozen=True):
    """A cell in two: rows of cell `of` with more than `at` become a new one, numbered in the order of the cuts."""

    of: int
    column: int
    at: float


class Transform(Struct, frozen=True):
    """What turns a labelled row into u; and the reference that u is judged against."""

    name: str  # of the signal
    columns: list[str]
    low: list[float]
    high: list[float]  # the range of each column in the reference
    gaps: list[bool]  # whether the reference had rows without this column's value
    model: ErrorModel
    cuts: list[Cut]
    cells: list[list[float]]  # errors in rising order
    rows: list[int]  # of each cell
    reference: Reference
    version: str = ""  # of the model; empty: it is not told, or the reference was given
    given: bool = False
    day: bool = False  # it saw a whole day

    def inside(self, inputs: Singles) -> NDArray[np.bool_]:
        """Rows of which every number lies in the reference's range; one that is missing must be missing there too, where cells are cut by it."""
        missing = np.isnan(inputs)
        low, high = np.asarray(self.low, dtype=np.float32), np.asarray(self.high, dtype=np.float32)
        may_miss = np.asarray(self.gaps, dtype=np.bool_)
        may_miss[[place for place in range(len(self.columns)) if all(cut.column != place for cut in self.cuts)]] = True
        every: NDArray[np.bool_] = np.all(np.where(missing, may_miss, (inputs >= low) & (inputs <= high)), axis=1)
        return every

    def ranks(self, inputs: Singles, errors: Floats, chance: Floats) -> Floats:
        """Rank of every row: u.

        Args:
            inputs: one column each of `columns`, NaN where missing.
            errors: of the same rows.
            chance: 0..1, uniform and independent of everything else.
        """
        inputs, errors = self.like(inputs, errors)
        cell = cells_of(self.cuts, inputs)
        made = np.empty(errors.size)
        for place, kept in enumerate(self.cells):
            here = cell == place
            if not here.any():
                continue
            below = np.searchsorted(kept, errors[here], side="left")
            upto = np.searchsorted(kept, errors[here], side="right")
            made[here] = (below + chance[here] * (upto - below + 1)) / (len(kept) + 1)
        return made

    def like(self, inputs: Singles, errors: Floats) -> tuple[Singles, Floats]:
        """What cells are made of: the inputs with the error that is expected of them as one more, and the errors in units of those."""
        return _like(self.model, inputs, errors)


class Labelled(NamedTuple):
    """Labelled rows in the order in which their labels came."""

    at_s: Floats
    inputs: Singles
    errors: Floats
    chance: Floats

    def take(self, chosen: Any) -> Labelled:
        """Some of them."""
        return Labelled(self.at_s[chosen], self.inputs[chosen], self.errors[chosen], self.chance[chosen])


def _like(model: ErrorModel, inputs: Singles, errors: Floats) -> tuple[Singles, Floats]:
    mean, size = model.expected(inputs)
    wider = np.column_stack([inputs, mean]).astype(np.float32)
    return (wider, (errors - mean) / size) if model.size else (wider, errors)


def cells_of(cuts: Sequence[Cut], inputs: Singles) -> NDArray[np.int64]:
    """The cell of every row. A missing number is less than any other."""
    cell = np.zeros(len(inputs), np.int64)
    for place, cut in enumerate(cuts):
        cell[(cell == cut.of) & (inputs[:, cut.column] > cut.at)] = place + 1
    return cell


def chance_of(names: Sequence[str]) -> Floats:
    """A uniform number of each row that depends on its id only; salted, because rows may have been sampled by a hash of the same id."""
    return np.asarray([int.from_bytes(blake2b(name.encode(), digest_size=6, key=b"residual").digest()) / 2**48 for name in names])


def transform(
    name: str, columns: Sequence[str], rows: Labelled, origin: str, *, timed: bool = True, version: str = "", given: bool = False
) -> Transform:
    """Made of reference rows, at least some hundred.

    Args:
        name: of the signal.
        columns: names of the columns of `rows.inputs`.
        rows: at most `MOST_HELD` of them are used, the newest.
        origin: where they come from, for people.
        timed: whether their times are known.
        version: of the model.
        given: whether they are a reference that somebody gave.
    """
    rows = rows.take(slice(-MOST_HELD, None))
    choosing, filling = rows.take(slice(0, None, 2)), rows.take(slice(1, None, 2))
    model = error_model(choosing.inputs, choosing.errors, sized=name == NUMBERS)
    cuts = chosen_cuts(*_like(model, choosing.inputs, choosing.errors))
    inputs, errors = _like(model, filling.inputs, filling.errors)
    sides = _sides(cuts, inputs, errors)
    while cuts and min(side.size for side in sides) < LEAST_IN_CELL / 2:  # few of the other half fell there
        cuts = cuts[:-1]
        sides = _sides(cuts, inputs, errors)
    gaps = np.isnan(rows.inputs)
    low, high = _ranges(rows.inputs)
    made = Transform(
        name=name,
        columns=list(columns),
        low=low,
        high=high,
        gaps=np.any(gaps, axis=0).tolist(),
        model=model,
        cuts=cuts,
        cells=[_thinned(side).tolist() for side in sides],
        rows=[side.size for side in sides],
        reference=Reference([]),
        version=version,
        given=given,
    )
    said = origin + _by(made)
    u = made.ranks(rows.inputs, rows.errors, rows.chance)
    return structs.replace(made, reference=_uniform(of_rows(u, rows.at_s if timed else None, BINS, said), worth(made.rows)))


def _sides(cuts: Sequence[Cut], inputs: Singles, errors: Floats) -> list[Floats]:
    cell = cells_of(cuts, inputs)
    return [np.sort(errors[cell == place]) for place in range(len(cuts) + 1)]


def _ranges(inputs: Singles) -> tuple[list[float], list[float]]:
    """Of each column, but for the outermost rows: where there are hardly any, nothing is known of errors."""
    low, high = [], []
    for place in range(inputs.shape[1]):
        values = inputs[:, place]
        values = np.sort(values[np.isfinite(values)])
        rare = int(RARE * values.size)
        low.append(float(values[rare]) if values.size else 0.0)
        high.append(float(values[values.size - 1 - rare]) if values.size else 0.0)
    return low, high


def worth(rows: Sequence[int]) -> int:
    """With so many rows the judge reckons, whatever part of the inputs they keep to."""
    return max(1, round(sum(rows) * LEAST_SHARE))


def _by(made: Transform) -> str:
    names = list(dict.fromkeys([*made.columns, "the error that is expected"][cut.column] for cut in made.cuts))
    if not names:
        return ""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f", {len(made.cells)} sorts of inputs by {', '.join(names[:4])}{more}"


def _thinned(errors: Floats) -> Floats:
    if errors.size <= MOST_KEPT:
        return errors
    kept: Floats = errors[((np.arange(MOST_KEPT) + 0.5) * errors.size / MOST_KEPT).astype(np.int64)]
    return kept


def _uniform(found: Reference, rows: int) -> Reference:
    """What u is judged against: uniform, of no more rows than `worth` says; an hour that differs as it was seen, at that size."""
    even = [0.0, *([rows / STEPS] * STEPS), 0.0]
    hours = [[count * min(1.0, rows / max(sum(hour), 1.0)) for count in hour] for hour in found.hours]
    return Reference(even, found.tau, hours, 0.5, 12**-0.5, found.origin)


# -- cells ---------------------------------------------------------------------------------------------------------------------------------


def chosen_cuts(inputs: Singles, errors: Floats) -> list[Cut]:
    """Greedy: the cut that tells most next, of the middle of the errors or of their size, until none tells more than chance would."""
    if errors.size < 2 * LEAST_IN_CELL:
        return []
    ranked = ranks(errors) / errors.size
    targets = np.stack([ranked, np.abs(ranked - 0.5)], axis=1)
    tau = cautious(correlation_time(errors), errors.size)
    least = max(LEAST_IN_CELL, errors.size // PART_IN_CELL)
    cell, cuts = np.zeros(errors.size, np.int64), list[Cut]()
    best = {0: _best_cut(0, np.flatnonzero(cell == 0), inputs, targets, least)}
    while len(best) < MOST_CELLS:
        of, (gain, cut) = max(best.items(), key=lambda one: one[1][0])
        if cut is None or gain < LEAST_GAIN * tau:
            break
        cuts.append(cut)
        cell[(cell == of) & (inputs[:, cut.column] > cut.at)] = len(cuts)
        for place in (of, len(cuts)):
            best[place] = _best_cut(place, np.flatnonzero(cell == place), inputs, targets, least)
    return cuts


def _best_cut(of: int, here: NDArray[np.int64], inputs: Singles, targets: Floats, least: int) -> tuple[float, Cut | None]:
    """The cut of a cell with the largest gain: variance between its two sides over the variance within, for either target."""
    best, found = 0.0, None
    size = here.size
    centred = targets[here] - targets[here].mean(axis=0)
    variance = (centred**2).mean(axis=0)
    telling = variance > 1e-12
    if size < 2 * least or not telling.any():
        return best, found
    centred = centred[:, telling] / np.sqrt(variance[telling])
    for column in range(inputs.shape[1]):
        values = inputs[here, column]
        values = np.where(np.isnan(values), -np.inf, values)
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        left = np.arange(1, size)
        allowed = (left >= least) & (left <= size - least) & (ordered[1:] > ordered[:-1])
        if not allowed.any():
            continue
        left = left[allowed]
        sums = np.cumsum(centred[order], axis=0)[:-1][allowed]
        gain = (sums**2).max(axis=1) * size / (left * (size - left))
        place = int(gain.argmax())
        if gain[place] > best:
            below = float(ordered[left[place] - 1])
            best, found = float(gain[place]), Cut(of, column, below)
    return best, found
