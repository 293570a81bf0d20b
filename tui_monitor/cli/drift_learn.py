"""`drift learn`: what the rows of a file keep to, as a readable file of expectations."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, FAILED, Stop

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.expectations import Kept

NAME = "learn"
HELP = "learn what the rows of a file keep to (missing, type, range, categories, unique), as a file to read and to change"
EXAMPLE = """example:
  tui-monitor drift learn train.parquet -o fraud.toml
  tui-monitor drift learn today.csv --against fraud.toml

The file goes to [[predictions]] expectations. With --against FILE nothing is learned: the rows are held against that file, and the exit
status is 1 where they break it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the act's own arguments."""
    parser.add_argument("rows", metavar="REFERENCE", help="CSV with a header, JSONL or Parquet, by ending")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there (default: print it)")
    parser.add_argument("--force", action="store_true", help="also over a file that is there")
    parser.add_argument("--against", metavar="FILE", help="say how the rows do against these expectations")
    parser.add_argument("--json", action="store_true", help="with --against: as JSON")


def run(call: argparse.Namespace) -> int:
    """Read, learn, write; or read and compare."""
    from tui_monitor.analyse.drift import expectations, expectations_file
    from tui_monitor.collect.columns import MOST_ROWS, read_columns
    from tui_monitor.collect.table import TableError

    try:
        read = read_columns(call.rows)
    except TableError as error:
        raise Stop(str(error)) from None
    if not read.rows:
        raise Stop(f"{call.rows}: has no rows")
    if read.more:
        output.warn(f"only the first {MOST_ROWS:,} rows of {call.rows}")
    if call.against:
        try:
            found = expectations_file.read(call.against)
        except expectations_file.ExpectationsError as error:
            raise Stop(str(error)) from None
        return _told(expectations.validated(found, read.columns), as_json=call.json)
    text = expectations_file.written(expectations.learned(read.columns), f"{read.rows:,} rows of {Path(call.rows).name}")
    if not call.output:
        output.write(text)
        return DONE
    try:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if call.force else os.O_EXCL)
        with os.fdopen(os.open(call.output, flags, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Stop(f"{call.output}: is there already; --force writes over it") from None
    except OSError as error:
        raise Stop(f"{call.output}: {error.strerror or error}") from None
    output.say(f"{call.output}: {text.count('[[expectations]]')} expectations of {len(read.columns)} columns, from {read.rows:,} rows")
    return DONE


def _told(kept: list[Kept], *, as_json: bool) -> int:
    import msgspec

    from tui_monitor.analyse.drift.expectations import statistics
    from tui_monitor.model import clean

    counts = statistics(kept)
    if as_json:
        rows = [{**msgspec.to_builtins(one), "success": one.success} for one in kept]
        output.write(msgspec.json.encode({"schema": 1, "statistics": counts, "results": rows}).decode() + "\n")
    else:
        for one in kept:
            what = f"{clean(one.expectation.column, 40)} {one.expectation.expect}"
            share = f"{100 * one.broken / one.rows:.3g} %" if one.rows else "no rows"
            first = f", first in row {one.first}" if one.first else ""
            output.write(
                f"{'ok    ' if one.success else 'BROKEN'}  {what:<40}  {one.broken:,} of {one.rows:,} rows break it ({share}){first}\n"
            )
        percent = "none" if counts.success_percent is None else f"{counts.success_percent:.1f} %"
        output.write(f"{counts.evaluated_expectations} evaluated, {counts.successful_expectations} successful ({percent})\n")
    return DONE if counts.unsuccessful_expectations == 0 else FAILED
