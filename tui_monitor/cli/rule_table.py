"""A table of values, CSV or JSON lines, as subjects at moments: what `rules test` reads besides recordings.

Columns: `time` (ISO 8601, or seconds since 1970), then one for each number by its name in the rules' language (`latency.p95`, `error.ratio[30m]`,
`latency.over(0.5s)[5m]`, a query's name). Values are in SI units, or carry one (512ms, 3%); an empty one is unknown. `target`, `subject`
(its kind), `kind` (of server), `state`, `why`, `silent` and labels may stand beside. Rows of one time are one moment.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tui_monitor.alerts.matching import LABELS, SUBJECTS
from tui_monitor.alerts.rule import unit_of
from tui_monitor.cli.exits import Stop
from tui_monitor.language.expression import ExpressionError, read_expression
from tui_monitor.language.names import BUSINESS, asked, judged
from tui_monitor.language.tokens import nearest
from tui_monitor.model import Metrics, Subject, clean
from tui_monitor.vocabulary import VOCABULARY, quantity

MOST_ROWS = 5_000_000
MOST_COLUMNS = 500
_ABOUT = ("time", "target", "subject", "kind", "state", "why", "silent", *LABELS)

Moment = tuple[float, list[Subject]]


class Table:
    """An open table; reading it twice gives the same."""

    def __init__(self, path: Path, queries: Collection[str]) -> None:
        """Read the file.

        Raises:
            OSError: it cannot be read.
            Stop: it is no text.
        """
        self._path, self._queries = path, set(queries)
        try:
            self._text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise Stop(f"{path}: neither a recording nor a table (no UTF-8 at byte {error.start})") from None
        self._names: dict[str, str] = {}  # column -> name as it is looked up

    def moments(self) -> Iterator[Moment]:
        """Every moment with its subjects, in order.

        Raises:
            Stop: FILE:LINE: what is wrong.
        """
        at_s, subjects = -math.inf, list[Subject]()
        for line, row in self._rows():
            time_s = self._time(row.get("time"), line)
            if time_s < at_s:
                raise self._wrong(line, "time goes back; sort the table by time")
            if time_s > at_s and subjects:
                yield at_s, subjects
                subjects = []
            at_s = time_s
            subjects.append(self._subject(row, line))
        if not subjects:
            raise Stop(f"{self._path}: holds no row")
        yield at_s, subjects

    def _wrong(self, line: int, why: str) -> Stop:
        return Stop(f"{self._path}:{line}: {why}")

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        first = self._text.lstrip()[:1]
        rows = self._objects() if first == "{" else self._records()
        for count, (line, row) in enumerate(rows):
            if count >= MOST_ROWS or len(row) > MOST_COLUMNS:
                raise self._wrong(line, f"more than {MOST_ROWS} rows or {MOST_COLUMNS} columns")
            yield line, row

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for line, text in enumerate(self._text.splitlines(), 1):
            if text.strip():
                try:
                    row = json.loads(text)
                except ValueError:
                    row = None
                if not isinstance(row, dict):
                    raise self._wrong(line, "no JSON object")
                yield line, row

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        delimiter = "\t" if "\t" in self._text.partition("\n")[0] else ","
        reader = csv.DictReader(io.StringIO(self._text), delimiter=delimiter, skipinitialspace=True)
        if "time" not in (reader.fieldnames or ()):
            raise self._wrong(1, "a column `time` is missing; the first line names the columns")
        try:
            for row in reader:
                if None in row:
                    raise self._wrong(reader.line_num, "more values than columns")
                yield reader.line_num, row
        except csv.Error as error:
            raise self._wrong(reader.line_num, str(error)) from None

    def _time(self, value: object, line: int) -> float:
        try:
            seconds = float(str(value))
        except ValueError:
            try:
                at = datetime.fromisoformat(str(value).strip())
            except ValueError:
                raise self._wrong(line, f"{clean(value, 40)!r} is no time (ISO 8601, or seconds since 1970)") from None
            seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        if not 0 <= seconds < 4e9:
            raise self._wrong(line, f"{clean(value, 40)!r} is no time (ISO 8601, or seconds since 1970)")
        return seconds

    def _subject(self, row: dict[str, Any], line: int) -> Subject:
        about = {key: clean(row[key]) for key in _ABOUT if row.get(key) not in (None, "")}
        kind = about.get("subject", self._kind(row))
        known_kind = next((known for known in SUBJECTS if known == kind), None)
        if known_kind is None:
            raise self._wrong(line, f"subject: unknown {kind!r}{nearest(kind, SUBJECTS)}; known: {' '.join(SUBJECTS)}")
        known: dict[str, Metrics] = {}
        for column, value in row.items():
            if column not in _ABOUT:
                one = asked(self._name(column, line))
                before = one.name.removesuffix(f"[{one.window}]")
                number = self._number(column, value, one.name, line)
                known.setdefault(one.window, {})[before] = number
                if one.key not in known.setdefault("", {}):
                    known[""][one.key] = None  # it can answer, even where only a window was told
        labels = {key: value for key, value in about.items() if key in (*LABELS, "kind")}
        return Subject(
            kind=known_kind,
            name=about.get("target", "table"),
            metrics=known.pop("", {}),
            state=about.get("state", "OK"),
            labels=labels,
            silent=about.get("silent", ""),
            why=about.get("why", ""),
            windows=known,
        )

    def _kind(self, row: dict[str, Any]) -> str:
        """Where a row does not say it: what has such numbers."""
        told = [column for column in row if column not in _ABOUT]
        if any(column in self._queries and not column.startswith(BUSINESS) for column in told):
            return "query"
        return "performance" if told and all(judged(column.partition("[")[0]) for column in told) else "target"

    def _name(self, column: str, line: int) -> str:
        """A column's name in the rules' own spelling."""
        if column not in self._names:
            units = {**dict.fromkeys(self._queries), **{key: term.unit for key, term in VOCABULARY.items()}}
            quoted = f'"{column}"' if column in self._queries else column
            try:
                (self._names[column],) = read_expression(f"{quoted} is known", units, None, self._queries).names
            except (ExpressionError, ValueError):
                raise self._wrong(
                    line, f"unknown column {clean(column, 60)!r}{nearest(column, (*_ABOUT, *VOCABULARY, *self._queries))}"
                ) from None
        return self._names[column]

    def _number(self, column: str, value: object, name: str, line: int) -> float | None:
        if value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan", "null", "none")):
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value) if math.isfinite(value) else None
        try:
            number, unit = quantity(str(value))
        except ValueError as error:
            raise self._wrong(line, f"{column}: {clean(error)}") from None
        if unit and unit != unit_of(name) and name not in self._queries:
            raise self._wrong(line, f"{column}: {clean(value, 40)} does not fit; it is in {unit_of(name) or 'no unit'}")
        return number if math.isfinite(number) else None
