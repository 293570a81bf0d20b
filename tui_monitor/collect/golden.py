"""The file of golden questions, JSONL: one request with its known answer a line.

`{"id": "q1", "request": ..., "label": ...}`; instead of `request` its parts may stand in the line itself (`instances`, `inputs`, `prompt`,
`messages`). A line that cannot be used is counted by its reason, and the rest is asked. The file may be changed at any time: a question
that is another one now has another `key`. Blocks on the disk: for threads only.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tui_monitor.model import GoldenQuestion, clean

MAX_QUESTIONS = 1000
MAX_BYTES = 16_000_000
LONGEST_LINE = 1_000_000
LONGEST_ID = 80
LONGEST_PATTERN = 500
_PARTS = ("instances", "inputs", "prompt", "messages")
_OURS = ("id", "label", "expected")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Questions(Struct, frozen=True):
    """A file as it was read."""

    questions: tuple[GoldenQuestion, ...] = ()
    left_out: dict[str, int] = {}  # reason -> lines
    why: str = ""  # why there is no question


class QuestionFile:
    """Reads the file again whenever it is another one."""

    def __init__(self, path: str, check: str) -> None:
        """Nothing is opened yet. `check` decides which labels can be used."""
        self._path, self._check = path, check
        self._seen: tuple[int, int, int] | None = None
        self._read = Questions(why="not read yet")

    def look(self) -> Questions:
        """The questions as they stand now; after a failure those that were read before stay. The same object while nothing changed."""
        try:
            path = Path(self._path).expanduser()
            stat = path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen:
                return self._read
            if not path.is_file():  # a pipe would be waited for
                raise OSError(0, "is no plain file")
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            why = clean(f"{self._path}: {getattr(error, 'strerror', None) or error}")
            if self._read.why != why:
                self._read = Questions(self._read.questions, self._read.left_out, why)
            self._seen = None
            return self._read
        self._seen, self._read = seen, read(data, self._check, Path(self._path).name)
        return self._read


def read(data: bytes, check: str, name: str = "") -> Questions:
    """The questions of a file's bytes.

    Args:
        data: of the file; what is beyond 16 MB is left out.
        check: exact, contains, regex or numeric.
        name: of the file, for messages.
    """
    left_out: Counter[str] = Counter()
    found: dict[str, GoldenQuestion] = {}
    if len(data) > MAX_BYTES:
        data = data[:MAX_BYTES].rpartition(b"\n")[0]
        left_out["too_long"] += 1  # at least one line: how many nobody has counted
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            left_out["too_long"] += 1
            continue
        question = _question(line, check)
        if isinstance(question, str):
            left_out[question] += 1
        elif question.id in found:
            left_out["duplicate"] += 1
        elif len(found) >= MAX_QUESTIONS:
            left_out["too_many"] += 1
        else:
            found[question.id] = question
    why = ""
    if not found:
        reasons = ", ".join(f"{reason} {lines}" for reason, lines in left_out.items())
        why = f"{clean(name)} has no usable question" + (f" ({reasons})" if reasons else "")
    return Questions(tuple(found.values()), dict(left_out), why)


def _question(line: bytes, check: str) -> GoldenQuestion | str:
    """The question of a line, or the reason why there is none."""
    try:
        told = _decode(line)
    except (msgspec.DecodeError, RecursionError):
        return "unreadable"
    request = told.get("request")
    if request is None and any(part in told for part in _PARTS):
        request = {key: value for key, value in told.items() if key not in _OURS and value is not None}
    if request is None or request in ("", [], {}):
        return "request_missing"
    label = told.get("label", told.get("expected"))
    if label is None or label == "":
        return "label_missing"
    if not _usable(label, check):
        return "label_unusable"
    key = hashlib.sha256(msgspec.json.encode([request, label, check], order="sorted")).hexdigest()[:16]
    named = told.get("id")
    identity = clean(named, LONGEST_ID) if isinstance(named, str | int | float) and not isinstance(named, bool) else ""
    return GoldenQuestion(identity or key[:8], request, label, key)


def _usable(label: Any, check: str) -> bool:
    if check == "regex":
        if not isinstance(label, str) or len(label) > LONGEST_PATTERN:
            return False
        try:
            re.compile(label)
        except (re.error, OverflowError, RecursionError):
            return False
        return True
    if check == "contains":
        return isinstance(label, str | int | float)
    if isinstance(label, list):
        return bool(label) and all(_is_number(one) for one in label)
    if check == "numeric":
        return _is_number(label) or (isinstance(label, str) and _number_in(label))
    return isinstance(label, str | bool) or _is_number(label)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number_in(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
