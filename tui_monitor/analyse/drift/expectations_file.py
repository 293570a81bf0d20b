"""Expectations as a file that people read and change: one TOML table each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tui_monitor.analyse.drift.expectations import Expectation, Expectations, problem
from tui_monitor.model import clean

LARGEST = 4_000_000  # bytes


class ExpectationsError(Exception):
    """A file that cannot be used; the message is one line for people."""


def written(found: Sequence[Expectation], origin: str) -> str:
    """The file's text.

    Args:
        found: the expectations.
        origin: where they were learned, for its first line.
    """
    lines = [
        f'# What rows keep to, learned from {clean(origin, 200)}. Change what you know better; [[predictions]] expectations = "THIS FILE".',
        "# mostly: the share of rows that keep to it while all is well. not_null of_type between in_set unique",
    ]
    column = None
    for one in found:
        if one.column != column:
            lines.append("")
            column = one.column
        lines += ["[[expectations]]", f"column = {_text(one.column)}", f"expect = {_text(one.expect)}"]
        if one.type:
            lines.append(f"type = {_text(one.type)}")
        lines += [f"{key} = {float(bound)!r}" for key, bound in (("min", one.min), ("max", one.max)) if bound is not None]
        if one.values:
            lines.append(f"values = [{', '.join(_text(value) for value in one.values)}]")
        lines.append(f"mostly = {one.mostly:g}")
    return "\n".join(lines) + "\n"


def read(path: str) -> list[Expectation]:
    """The expectations of a file.

    Raises:
        ExpectationsError: it cannot be read, or says something that none of them can.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ExpectationsError(f"{path}: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise ExpectationsError(f"{path}: {len(data):,} bytes, at most {LARGEST:,}")
    try:
        found = msgspec.toml.decode(data, type=Expectations).expectations
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExpectationsError(f"{path}: {clean(error, 200)}") from None
    for number, one in enumerate(found, 1):
        if why := problem(one):
            raise ExpectationsError(f"{path}: expectation {number} ({clean(one.column, 40)} {one.expect}): {why}")
    return found


def _text(value: str) -> str:
    """A TOML string: JSON's are, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
