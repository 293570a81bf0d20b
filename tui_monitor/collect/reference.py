"""The file of rows that are as they should be, which a prediction log names as its reference: read once, as a whole."""

from __future__ import annotations

from msgspec import structs

from tui_monitor.collect.lines import Reader
from tui_monitor.collect.predictions import Files
from tui_monitor.collect.rows import RowMaker
from tui_monitor.config import Labels, PredictionSettings
from tui_monitor.model import LogRow, clean

MOST_ROWS = 200_000


def reference_rows(settings: PredictionSettings) -> tuple[list[LogRow], str]:
    """(its rows, what is wrong with it or nothing). Blocks on the disk: for threads only.

    Args:
        settings: of the log; its columns are the reference's too.
    """
    files, reader, maker = Files(settings.reference), Reader(), RowMaker(structs.replace(settings, labels=Labels()))
    rows: list[LogRow] = []
    try:
        while True:
            rows += [row for raw in files.rows(reader) if (row := maker.row(raw)) is not None]
            if not files.behind or len(rows) > MOST_ROWS:
                break
        if not files.found:
            return [], clean(files.refused or f"no file fits {settings.reference}")
        for followed, lines in files.tail.finish():
            rows += [row for raw in reader.rows(followed, lines) if (row := maker.row(raw)) is not None]
    except (OSError, ValueError) as error:
        return [], clean(f"{settings.reference}: {error}")
    if not rows:
        why = maker.counted()[2]
        return [], clean(f"{settings.reference}: none of its rows can be read" + (f": {why}" if why else ""))
    return rows[:MOST_ROWS], f"only its first {MOST_ROWS} rows are used" if len(rows) > MOST_ROWS else ""
