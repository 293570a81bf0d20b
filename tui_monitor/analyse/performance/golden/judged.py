"""Whether a model's answer to a golden question is right.

`exact`: the same class or text (blanks around it aside; 1, 1.0 and "1" are the same class). Of a list of probabilities, or an object of
class -> probability, the class is the highest one (the first of equals). A list as label is compared number by number.
`contains`: the label stands in the text, case as written. `regex`: it is found in the first 4,000 characters.
`numeric`: |answer - label| <= tolerance * max(1, |answer|, |label|): absolute below 1, relative above (`math.isclose` with both set to the
tolerance). Of a text that is no number the last number in it counts.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from tui_monitor.model import clean

LONGEST_SEARCHED = 4000
MOST_NUMBERS = 64  # of a list that is kept; of longer ones a digest tells whether they changed
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9,]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


class Heard(Struct, frozen=True):
    """An answer as it is kept: enough to show it, and to tell another one from it."""

    shown: str  # cleaned, at most 200 characters
    digest: str  # of the whole of it
    numbers: tuple[float, ...] | None = None  # where it is compared with a tolerance


class Judged(Struct, frozen=True):
    """An answer and whether it is right."""

    heard: Heard
    right: bool


def judged(value: Any, label: Any, check: str, tolerance: float) -> Judged:
    """Holds an answer against its label.

    Args:
        value: text, number, list of numbers, or class -> number.
        label: of the question.
        check: exact, contains, regex or numeric.
        tolerance: of `numeric`, and of lists.
    """
    if isinstance(label, list):
        numbers = _numbers(value)
        right = numbers is not None and near(numbers, [float(one) for one in label], tolerance)
        return Judged(_heard(_shown(value), numbers), right)
    if check == "numeric":
        number = _number(value)
        wanted = _number(label)
        right = number is not None and wanted is not None and near((number,), (wanted,), tolerance)
        return Judged(_heard(_shown(value), None if number is None else (number,)), right)
    text = class_of(value)
    if check == "contains":
        right = canonical(label) in text
    elif check == "regex":
        right = re.search(str(label), text[:LONGEST_SEARCHED]) is not None
    else:
        right = text == canonical(label)
    return Judged(_heard(text, None), right)


def same(one: Heard, other: Heard, tolerance: float) -> bool:
    """Whether two answers are one; numbers within the tolerance are."""
    if one.numbers is not None and other.numbers is not None:
        return near(one.numbers, other.numbers, tolerance)
    return one.digest == other.digest


def near(one: Sequence[float], other: Sequence[float], tolerance: float) -> bool:
    """Number by number within a tolerance that is absolute below 1 and relative above."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) for a, b in pairs)


def class_of(value: Any) -> str:
    """The class that an answer means, as text."""
    if isinstance(value, list) and value:
        return str(max(range(len(value)), key=value.__getitem__))
    if isinstance(value, dict) and value:
        return canonical(max(value, key=value.__getitem__))
    return canonical(value)


def canonical(value: Any) -> str:
    """A class as text: a whole number without its .0, true and false in small letters, no blanks around it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    text = str(value).strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def response(value: Any, like: Any = None) -> float | None:
    """The number that an answer is followed by: itself, or the probability of the class that `like` means. None where it has none."""
    number = _plain(value)
    if number is not None:
        return number
    like = value if like is None else like
    if isinstance(value, list) and isinstance(like, list) and len(value) == len(like) and value:
        return float(value[int(class_of(like))])
    if isinstance(value, dict) and isinstance(like, dict) and value:
        return value.get(max(like, key=like.__getitem__))
    return None


def _plain(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return _plain(value)
    try:
        number = float(value.replace(",", ""))
    except ValueError:
        found = _NUMBER.findall(value[-LONGEST_SEARCHED:])
        number = float(found[-1].replace(",", "")) if found else math.nan
    return number if math.isfinite(number) else None


def _numbers(value: Any) -> tuple[float, ...] | None:
    if isinstance(value, list):
        return tuple(float(one) for one in value)
    number = _plain(value)
    return None if number is None else (number,)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "[" + ", ".join(f"{one:.6g}" for one in value[:20]) + (", …]" if len(value) > 20 else "]")
    return canonical(value)


def _heard(text: str, numbers: tuple[float, ...] | None) -> Heard:
    whole = text if numbers is None else repr(numbers)
    digest = hashlib.sha256(whole.encode(errors="replace")).hexdigest()[:16]
    return Heard(clean(text), digest, numbers if numbers is not None and len(numbers) <= MOST_NUMBERS else None)
