"""The sentence of an alert: its placeholders, and numbers as people read them."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Collection, Mapping

from tui_monitor.language.tokens import ExpressionError, nearest

PLACEHOLDERS = (
    "value", "threshold", "window", "target", "rule", "why", "state", "severity", "usual", "expected", "burn", "model", "slice", "kind",
)  # fmt: skip
LONGEST = 500

_NUMBER = re.compile(r"-?[0-9.]+(e[+-]?[0-9]+)?")

Known = Callable[[str], bool]  # whether a text is the name of a number


def check_summary(summary: str, known: Known, keys: Collection[str]) -> tuple[str, ...]:
    """The names of numbers that a summary shows. Refuse placeholders that nobody fills.

    Raises:
        ExpressionError: with the column of the placeholder.
    """
    if any(not char.isprintable() for char in summary):
        raise ExpressionError(0, "summary: holds a control character")
    if len(summary) > LONGEST:
        raise ExpressionError(LONGEST + 1, f"summary: longer than {LONGEST} characters")
    try:
        parts = list(string.Formatter().parse(summary))
    except ValueError as error:
        raise ExpressionError(0, f"summary: {error}; write {{{{ for a brace") from None
    names = []
    for _, name, form, conversion in parts:
        if name is None or (name in PLACEHOLDERS and not form and not conversion):
            continue
        if form or conversion or not known(name):
            column = summary.find("{" + name) + 1
            raise ExpressionError(
                column,
                f"summary: unknown placeholder {{{name}}}{nearest(name, (*PLACEHOLDERS, *keys))}; known: {' '.join(PLACEHOLDERS)} and every key",
            )
        names.append(name)
    return tuple(names)


def filled(summary: str, values: Mapping[str, str]) -> str:
    """The summary with its placeholders filled, which `check_summary` has seen; nothing in a value is ever read as a placeholder."""
    return "".join(before + ("" if name is None else values.get(name, "–")) for before, name, _, _ in string.Formatter().parse(summary))


def say_value(value: float | None, unit: str) -> str:
    """A number for a sentence, three significant digits with its unit."""
    if value is None:
        return "–"
    if unit == "ratio":
        return f"{100 * value:.3g} %"
    if unit == "s":
        for factor, name in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
            if abs(value) >= 2 * factor:
                return f"{value / factor:.3g} {name}"
        return f"{value:.3g} s" if abs(value) >= 1 or value == 0 else f"{1000 * value:.3g} ms"
    if unit in ("B", "B/s"):
        tail = unit[1:]
        for power, name in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
            if abs(value) >= 1024.0**power:
                return f"{value / 1024.0**power:.3g} {name}{tail}"
        return f"{value:.0f} B{tail}"
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip() if unit != "/s" else f"{digits}/s"


def say_span(low: float, high: float, unit: str) -> str:
    """Two numbers for a sentence, "120 to 180/s": the unit once where both have the same."""
    first, last = say_value(low, unit), say_value(high, unit)
    if first == last:
        return last
    tail = _NUMBER.sub("", first, count=1)
    same = low == 0 or tail == _NUMBER.sub("", last, count=1)
    return f"{first.removesuffix(tail) if same else first} to {last}"
