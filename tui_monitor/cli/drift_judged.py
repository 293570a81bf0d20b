"""Two files held against each other, column by column and as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from tui_monitor.analyse.drift import columns as single
from tui_monitor.analyse.drift.multivariate import classifier
from tui_monitor.cli.drift_columns import FileColumns
from tui_monitor.model import Drift, clean

JUDGED = ("drift", "watch", "stable")


class Judged(Struct, frozen=True):
    """The answer."""

    reference: FileColumns
    current: FileColumns
    drift: list[Drift]
    told: classifier.Told  # what a classifier makes of whole rows
    remarks: list[str]  # for people

    @property
    def columns(self) -> int:
        """Columns of which something can be said."""
        return sum(one.state in JUDGED for one in self.drift)

    @property
    def drifted(self) -> int:
        """Those that drifted."""
        return sum(one.state == "drift" for one in self.drift)


def judge(reference: FileColumns, current: FileColumns, names: Sequence[str], tests: Sequence[str], *, meant: bool) -> Judged:
    """Every column, and all together.

    Args:
        reference: what is usual.
        current: what is asked about.
        names: the columns, in the order of the answer.
        tests: the measures that are wanted; empty: all.
        meant: the columns were asked for by name.
    """
    source = clean(Path(current.path).stem, 80)
    compared = [
        single.compare(clean(name, 100), source, reference.columns.get(name), current.columns.get(name), tests, meant=meant)
        for name in names
    ]
    drift = single.judged(compared)
    fit = [name for name, one in zip(names, drift, strict=True) if one.state in JUDGED]
    rows, rows_now = ({name: side.sample[name] for name in fit} for side in (reference, current))
    told = classifier.tell_apart(rows, rows_now)
    return Judged(reference, current, drift, told, _remarks(reference, current))


def _remarks(*sides: FileColumns) -> list[str]:
    said = []
    for side in sides:
        for rows, what in ((side.unreadable, "could not be read"), (side.duplicate, "have an id that an earlier row has")):
            if rows:
                said.append(f"{side.path}: {rows:,} row{'s' if rows > 1 else ''} left out: {what}")
    return said
