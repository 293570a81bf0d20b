"""A map of importances from a file, as a library wrote it: JSON, one object of names with their weights, or CSV or TSV of names and weights.

`dict(zip(model.feature_names_in_, model.feature_importances_))` of scikit-learn and `get_score()` of XGBoost are such objects. Blocks on the disk:
for threads only.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path

from tui_monitor.model import clean

MOST_BYTES = 1 << 20
MOST_NAMES = 10_000
LONGEST_NAME = 1000

_JSON, _CSV, _TSV = (".json",), (".csv",), (".tsv",)
_AS_JSON, _AS_TABLE = 'write {"NAME": WEIGHT, ...}', "write two columns, NAME and WEIGHT"


class ImportancesError(Exception):
    """A file that cannot be used; the message is one line for people: which, where, what, and what would be right."""


def read(file: str) -> dict[str, float]:
    """Name -> weight, finite and 0 or more.

    Raises:
        ImportancesError: there is no such map in it.
    """
    path = Path(file).expanduser()
    try:
        found = _names(path, _text(path))
    except ValueError as error:
        raise ImportancesError(clean(f"{file}: {error}", 300)) from None
    if not found:
        raise ImportancesError(clean(f"{file}: names nothing; {_AS_JSON if path.suffix.lower() in _JSON else _AS_TABLE}", 300))
    return found


def _text(path: Path) -> str:
    if path.suffix.lower() not in (*_JSON, *_CSV, *_TSV):
        raise ValueError("the ending says neither JSON (.json) nor CSV (.csv .tsv)")
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError("is no plain file")
        with path.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MiB: no map of importances is so large")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 text (byte {error.start})") from None


def _names(path: Path, text: str) -> dict[str, float]:
    if path.suffix.lower() in _JSON:
        return _of_json(text)
    return _of_table(csv.reader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix.lower() in _TSV else ","))


def _of_json(text: str) -> dict[str, float]:
    try:
        tree = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: no JSON ({error.msg}); {_AS_JSON}") from None
    except (RecursionError, ValueError) as error:  # nested beyond reason; a number of thousands of digits
        raise ValueError(f"no JSON that can be read: {error}") from None
    if not isinstance(tree, list) or any(not isinstance(pair, tuple) for pair in tree) or text.lstrip()[:1] != "{":
        raise ValueError(f"holds no object; {_AS_JSON}")
    found: dict[str, float] = {}
    for name, value in tree:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{_shown(name)} has no number; {_AS_JSON}")  # noqa: TRY004 - a wrong file, not a wrong argument
        _put(found, name, value)
    return found


def _of_table(rows: Iterable[list[str]]) -> dict[str, float]:
    found: dict[str, float] = {}
    try:
        for number, row in enumerate(rows, 1):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != 2:
                raise ValueError(f"line {number} has {len(row)} column{'' if len(row) == 1 else 's'}; {_AS_TABLE}")
            name, weight = row[0].strip(), row[1].strip()
            try:
                value = float(weight)
            except ValueError:
                if not found and number == 1:
                    continue  # a header
                raise ValueError(f"line {number}: {_shown(name)} has no number but {_shown(weight)}; {_AS_TABLE}") from None
            _put(found, name, value, f"line {number}: ")
    except csv.Error as error:
        raise ValueError(f"no CSV: {error}") from None
    return found


def _put(found: dict[str, float], name: str, value: float, where: str = "") -> None:
    try:
        weight = float(value)
    except OverflowError:
        weight = math.inf
    if not 0 <= weight < math.inf:
        raise ValueError(f"{where}{_shown(name)} has {_shown(value)}; a weight is 0 or more, and finite")
    if not name or len(name) > LONGEST_NAME:
        raise ValueError(f"{where}a name of {len(name)} letters; of a signal it has 1 to {LONGEST_NAME:,}")
    if name in found:
        raise ValueError(f"{where}{_shown(name)} is there twice; which one is right?")
    if len(found) >= MOST_NAMES:
        raise ValueError(f"more than {MOST_NAMES:,} names")
    found[name] = weight


def _shown(value: object) -> str:
    return repr(clean(str(value)[:200], 40))
