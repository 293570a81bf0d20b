"""Slices of a log: `prompt_tokens > 2048 and lang == "de"`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Predicate = Callable[[Mapping[str, float | str | None]], bool]

_TERM = re.compile(r"""\s*([\w.\-]+)\s*(>=|<=|==|!=|>|<)\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))\s*""")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


def predicate(expression: str) -> Predicate:
    """Whether a row's features belong to the slice. A missing feature belongs to none.

    Raises:
        ValueError: the expression cannot be read; its text says where.
    """
    terms = [_term(part) for part in re.split(r"\s+and\s+", expression.strip())]
    return lambda features: all(term(features) for term in terms)


def _term(text: str) -> Predicate:
    match = _TERM.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is no comparison (write: column > 5, or column == "text")')
    column, compare = match[1], _COMPARE[match[2]]
    quoted = match[3] if match[3] is not None else match[4]
    wanted: float | str = quoted if quoted is not None else match[5]
    if quoted is None:
        try:
            wanted = float(match[5])
        except ValueError:
            wanted = match[5]

    def holds(features: Mapping[str, float | str | None]) -> bool:
        value = features.get(column)
        if value is None:
            return False
        if isinstance(wanted, str) or isinstance(value, str):
            return match[2] in ("==", "!=") and compare(str(value), str(wanted))
        return compare(value, wanted)

    return holds
