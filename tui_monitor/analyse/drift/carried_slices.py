"""Which slices of a log are looked at: the configured ones, frequent values of columns, a column's other values together, quarters of numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from tui_monitor.analyse.drift.carried_held import some
from tui_monitor.analyse.drift.carried_saved import Sort
from tui_monitor.analyse.performance.slicing.candidates import LEARN, Candidates
from tui_monitor.analyse.performance.slicing.slices import ExpressionError, Slice, Table, predicate
from tui_monitor.config import PredictionSettings
from tui_monitor.language.columns import spelled_column

MOST_SLICES = 64
MOST_PROPOSED = 400


class Sliced(NamedTuple):
    """A slice, and what it is made of."""

    slice: Slice
    sort: Sort


def slices_of(settings: PredictionSettings, columns: Mapping[str, NDArray[Any]], outputs: Collection[str] = ()) -> list[Sliced]:
    """The configured slices, then those that the columns make, the ones with most traffic.

    Args:
        settings: of the log.
        columns: of its first rows, without private ones.
        outputs: columns that the model tells.
    """
    found: list[Sliced] = []
    for name, expression in settings.slices.items():
        try:
            made = predicate(expression, name)
        except ValueError:  # told where quality is judged
            continue
        if not set(made.columns) & set(settings.private):
            found.append(Sliced(made, "configured"))
    if not settings.auto_slices:
        return found[:MOST_SLICES]
    values: list[Sliced] = []
    quarters: list[Sliced] = []
    for column, content in columns.items():
        looked = Candidates((), settings.private, most=MOST_PROPOSED)
        looked.add({column: content[some(content.size, LEARN)]})  # of the whole time, not of its beginning
        looked.settle()
        texts = [one for one in looked.slices if " == " in one.expression]
        sort: Sort = "output" if column in outputs else "text"
        values += [Sliced(predicate(one.expression, _plain(one.expression)), sort) for one in texts]
        if texts and (rest := _rest(column, texts)) is not None:
            values.append(Sliced(rest, sort))
        if sort == "text":
            quarters += [Sliced(one, "number") for one in looked.slices if " == " not in one.expression and " is " not in one.expression]
    table = Table(columns)
    values.sort(key=lambda one: -int(one.slice.fits(table).sum()))
    return [*found, *values, *quarters][:MOST_SLICES]


def _plain(expression: str) -> str:
    """`route = /v1/chat`, as people write it."""
    column, _, value = expression.partition(" == ")
    quoted = value[:1] in "\"'"
    return f"{column} = {value[1:-1] if quoted else value}"


def _rest(column: str, texts: Sequence[Slice]) -> Slice | None:
    """All other values of a column, new ones among them."""
    spelled = spelled_column(column)
    try:
        return predicate(f"not ({' or '.join(one.expression for one in texts)})", f"another {spelled}")
    except ExpressionError:  # too long a condition
        return None
