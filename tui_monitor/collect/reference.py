"""The file of rows that are as they should be, which a prediction log names as its reference: read once, as a whole."""

from __future__ import annotations

from msgspec import structs

from tui_monitor.collect.rows import RowMaker
from tui_monitor.collect.whole import Whole
from tui_monitor.config import Labels, PredictionSettings
from tui_monitor.model import LogRow, clean

MOST_ROWS = 200_000


def reference_rows(settings: PredictionSettings) -> tuple[list[LogRow], str]:
    """(its rows, what is wrong with it or nothing). Blocks on the disk: for threads only.

    Args:
        settings: of the log; its columns are the reference's too.
    """
    whole, maker = Whole(settings.reference), RowMaker(structs.replace(settings, labels=Labels()))
    rows: list[LogRow] = []
    for found in whole.rows():
        rows += [row for raw in found if (row := maker.row(raw)) is not None]
        if len(rows) > MOST_ROWS:
            break
    if not rows and (whole.refused or not whole.files):
        return [], clean(whole.refused or f"no file fits {settings.reference}")
    if not rows:
        why = maker.counted()[2]
        return [], clean(f"{settings.reference}: none of its rows can be read" + (f": {why}" if why else ""))
    return rows[:MOST_ROWS], f"only its first {MOST_ROWS} rows are used" if len(rows) > MOST_ROWS else ""
