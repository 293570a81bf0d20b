"""What a cell of a prediction log may be: a moment, a number, a class, a feature. Everything comes from outside; None is what cannot be read."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal

from tui_monitor.model import clean

LATEST_S = 32_503_680_000.0  # the year 3000: what is later is in milliseconds, and no time we can read
LONGEST_CATEGORY = 100
_MISSING = frozenset(("", "nan", "NaN", "null"))
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_BEGINS_NUMBER = frozenset("0123456789+-.")


def moment(value: object) -> float | None:
    """Seconds since 1970 of an ISO 8601 text (without a zone: UTC) or a number of seconds; None when it is neither."""
    seconds: float | None = None
    if isinstance(value, str):
        try:
            if value[4:5] == "-":
                at = datetime.fromisoformat(value.strip())
                seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
            else:
                seconds = float(value)
        except (ValueError, OverflowError):
            seconds = _odd_moment(value)
    elif isinstance(value, datetime):
        seconds = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            seconds = float(value)
        except OverflowError:
            return None
    return seconds if seconds is not None and 0 <= seconds < LATEST_S else None


def _odd_moment(text: str) -> float | None:
    """20260101T000000Z, and texts with blanks around."""
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def number(value: object) -> float | None:
    """A finite number, also when it was written as text; None for all else."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None  # type: ignore[arg-type,return-value]
    if kind is bool or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        known = float(value)
    except (ValueError, OverflowError):
        return None
    return known if math.isfinite(known) else None


def category(value: object) -> str | None:
    """A class as text; a whole number without its `.0`, a truth value as `true` or `false`."""
    kind = type(value)
    if kind is str:
        text: str = value  # type: ignore[assignment]
        if len(text) > LONGEST_CATEGORY or not text.isascii() or not text.isprintable() or " " in text:
            text = clean(text, LONGEST_CATEGORY)
        if text in _MISSING:
            return None
        if text[-1] == "0" and (whole := _WHOLE.fullmatch(text)):
            return whole[1]
        return text
    if kind is int:
        return str(value) if abs(value) < 10**LONGEST_CATEGORY else None  # type: ignore[arg-type]
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        return None if math.isnan(value) else _WHOLE.sub(r"\1", str(value))
    if isinstance(value, date):
        return value.isoformat()
    return None


def feature(value: object) -> float | str | None:
    """A number where it is one, else a category."""
    kind = type(value)
    if kind is int:
        return number(value)
    if kind is str:
        if value and value[0] not in _BEGINS_NUMBER:  # type: ignore[index]
            known = number(value) if value[0] in "nNiI " else None  # type: ignore[index]
            return known if known is not None else category(value)
        known = number(value)
        return known if known is not None else category(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    known = number(value)
    return known if known is not None else category(value)
