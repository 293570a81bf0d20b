"""Slices of prediction logs as they stand in the configuration: what is no slice, and what stays empty."""

from __future__ import annotations

from collections.abc import Iterator

from tui_monitor.cli import settings
from tui_monitor.config import PredictionSettings, Settings, line_of, lines_of
from tui_monitor.language.columns import read_slice
from tui_monitor.language.tokens import ExpressionError, nearest

MOST = 64  # of one log


def faults(chosen: Settings, name: str) -> Iterator[str]:
    """One line for each slice that cannot be read, and for each pair of `compare` that names none; `name` is the file."""
    lines = lines_of(settings.text_of(name))
    for index, log in enumerate(chosen.predictions):
        for key, column, why in _of_log(log):
            line = line_of(lines, ("predictions", index, *key))
            where = ".".join(("predictions", str(index + 1), *key))
            yield f"{name}:{line}: {where}: " + (f"column {column}: " if column else "") + why


def _of_log(log: PredictionSettings) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Key at fault, column in its expression (0: the whole), sentence."""
    if len(log.slices) > MOST:
        yield ("slices",), 0, f"at most {MOST} slices; these are {len(log.slices)}"
    for name, expression in log.slices.items():
        if not name.strip() or len(name) > MOST or any(not char.isprintable() for char in name):
            yield ("slices",), 0, f"the name of a slice is 1 to {MOST} printable characters"
            continue
        try:
            read_slice(expression)
        except ExpressionError as error:
            yield ("slices", name), error.column, str(error)
    for pair in log.compare:
        if len(pair) != 2 or pair[0] == pair[1]:
            yield ("compare",), 0, 'pairs of two slices are compared: [["women", "men"]]'
            continue
        for one in pair:
            if one not in log.slices:
                yield ("compare",), 0, f"unknown slice {one!r}{nearest(one, log.slices)}"


def warnings(chosen: Settings, name: str) -> Iterator[str]:
    """Slices that ask for a column which is never read: they stay empty."""
    lines = lines_of(settings.text_of(name))
    for index, log in enumerate(chosen.predictions):
        for slice_, expression in log.slices.items():
            asked = read_slice(expression).names
            private = next((column for column in asked if column in log.private), None)
            if private is not None:
                line = line_of(lines, ("predictions", index, "slices", slice_))
                yield f"{name}:{line}: predictions.{index + 1}.slices.{slice_}: warning: stays empty: {private} is private"
