"""`drift replay`: what would the live judges have said over a past log."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, USAGE, Stop
from tui_monitor.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_monitor.analyse.drift.replayed import Replayed
    from tui_monitor.analyse.drift.saved import Closed
    from tui_monitor.cli.drift_series import TimedRows

NAME = "replay"
HELP = "say what the live judges would have said over a past log, so that a budget can be tried before it is trusted"
EXAMPLE = """example:
  tui-monitor drift replay log.csv --reference kept.csv
  tui-monitor drift replay log.jsonl --reference kept.parquet --columns size,country --every 60s --budget 30d --json

Both files need a column of times. Checks happen at multiples of --every since 1970; the budget is for all signals together.
With --json one line an episode of drift, then one with the number of checks and alarms."""

EVERY, BUDGET, SMALLEST_SHIFT = "60s", "30d", 0.01
MOST_COLUMNS = 256  # as many signals as a host may have


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the act's own arguments."""
    parser.add_argument("log", metavar="LOG", help="CSV with a header, JSONL or Parquet, by ending")
    parser.add_argument("--reference", metavar="R", help="what is usual: the same columns, and times")
    parser.add_argument("--columns", metavar="a,b", help="only these columns (default: all that both files have)")
    parser.add_argument("--time", metavar="T", help="column of the times (default: timestamp, else time)")
    parser.add_argument("--every", metavar="D", default=EVERY, help=f"between two checks (default: {EVERY})")
    parser.add_argument("--budget", metavar="D", default=BUDGET, help=f"one false alarm in this time is allowed (default: {BUDGET})")
    parser.add_argument(
        "--smallest-shift", metavar="X", default=str(SMALLEST_SHIFT), help=f"share that must have moved (default: {SMALLEST_SHIFT})"
    )
    parser.add_argument("--json", action="store_true", help="as JSON lines")


def run(call: argparse.Namespace) -> int:
    """Read both files, let the judges see the rows go by, print."""
    from tui_monitor.cli.drift import listed
    from tui_monitor.cli.moments import span_s

    if not call.reference:
        raise Stop("--reference FILE is missing; see `tui-monitor drift replay --help`", USAGE)
    every_s, budget_s, shift = span_s("--every", call.every), span_s("--budget", call.budget), _shift(call.smallest_shift)
    columns = listed("--columns", call.columns)
    log, reference, names = _read(call.log, call.reference, call.time, columns)
    from tui_monitor.analyse.drift.replayed import replay
    from tui_monitor.cli.drift_series import matched

    now, before, unfit = matched(log, reference, names, meant=bool(columns))
    replayed = replay(now, before, every_s=every_s, budget_s=budget_s, smallest_shift=shift)
    for side in (log, reference):
        for reason, rows in sorted(side.left_out.items()):
            output.warn(f"{side.path}: {rows:,} row{'s' if rows > 1 else ''} left out: {reason.replace('_', ' ')}")
    from tui_monitor.model import clean

    for name, why in (unfit | replayed.unfit).items():
        output.warn(f"{clean(name, 60)} is not judged: {why}")
    lines = _as_json(log, replayed, budget_s) if call.json else _as_text(log, replayed, call.budget)
    for line in lines:
        output.say(line)
    return DONE


def _shift(text: str) -> float:
    try:
        shift = float(text)
    except ValueError:
        shift = -1.0
    if not 0 <= shift < 0.5:
        raise Stop(f"--smallest-shift: {text[:40]} is no share from 0 to 0.5", USAGE)
    return shift


def _read(log: str, reference: str, time: str | None, columns: Sequence[str]) -> tuple[TimedRows, TimedRows, list[str]]:
    from tui_monitor.cli.drift_series import read, time_column
    from tui_monitor.collect.table import TableError, open_table

    progress = Progress()
    tell = progress.tell if progress.wanted else None
    try:
        with closing(open_table(log)) as now, closing(open_table(reference)) as before:
            times = time_column(log, now, time), time_column(reference, before, time)
            both = [name for name in now.names if name in before.names and name not in times]
            names = (list(columns) or both)[:MOST_COLUMNS]
            if len(columns or both) > MOST_COLUMNS:
                output.warn(f"only the first {MOST_COLUMNS} columns; name others with --columns")
            return read(log, now, times[0], names, tell), read(reference, before, times[1], names, tell), names
    except TableError as error:
        raise Stop(str(error)) from None
    finally:
        progress.gone()


def _log_s(log: TimedRows) -> float:
    """From the first row to the last."""
    return float(log.at_s.max() - log.at_s.min())


# -- as lines -------------------------------------------------------------------------------------------------------------------------------


def _as_json(log: TimedRows, replayed: Replayed, budget_s: float) -> Iterator[str]:
    import msgspec

    last = {
        "checks": replayed.checks,
        "alarms": len(replayed.episodes),
        "log_s": _log_s(log),
        "signals": replayed.signals,
        "budget_s": budget_s,
    }
    for line in (*(_element(one) for one in replayed.episodes), last):
        yield msgspec.json.encode(line, enc_hook=lambda value: value.item()).decode()  # numpy's numbers


def _element(one: Closed) -> dict[str, Any]:
    from tui_monitor.model import clean, utc

    return {
        "signal": clean(one.signal, 100),
        "since": utc(one.since_s),
        "start": utc(one.start_s),
        "end": None if one.end_s is None else utc(one.end_s),
        "kind": one.kind,
        "test": one.test,
        "effect": one.effect,
        "evidence": one.evidence,
        "sentence": one.sentence,
    }


def _as_text(log: TimedRows, replayed: Replayed, budget: str) -> Iterator[str]:
    """An episode in two lines, then what it all was."""
    from tui_monitor.model import clean, utc

    for one in replayed.episodes:
        end = "still on" if one.end_s is None else f"to {utc(one.end_s):%Y-%m-%d %H:%MZ}"
        effect = f"{'KS' if one.test == 'ks' else 'share'} {one.effect:.3f}"
        yield f"{utc(one.start_s):%Y-%m-%d %H:%MZ} {end}  {clean(one.signal, 40)}  {one.kind}  {effect}  evidence {one.evidence:.1f}"
        yield f"    {one.sentence}"
    alarms = len(replayed.episodes)
    span = _log_s(log)
    length = f"{span / 86_400:.1f} days" if span >= 2 * 86_400 else f"{span / 3600:.1f} hours"
    yield (
        f"{alarms} alarm{'' if alarms == 1 else 's'} in {replayed.checks:,} checks over {length}, {replayed.signals} signals; "
        f"allowed by chance: one in {budget}"
    )
