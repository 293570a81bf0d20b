"""`drift`: did the columns of a file change against those of a reference; the numbers of the pane, for files."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from tui_monitor.cli import drift_learn, drift_pin, drift_replay, output
from tui_monitor.cli.exits import DONE, USAGE, Stop
from tui_monitor.cli.parser import Parser, Verb
from tui_monitor.cli.progress import Progress

if TYPE_CHECKING:
    from tui_monitor.cli.drift_judged import Judged

NAME = "drift"
HELP = "hold the columns of a file against those of a reference; or replay a log past the live judges"
EXAMPLE = """example:
  tui-monitor drift --reference train.parquet --current today.csv
  tui-monitor drift --reference train.csv --current today.csv --columns size,country --tests ks,psi,chi_square --json
  tui-monitor drift replay log.csv --reference kept.csv --budget 30d

Measures: ks kuiper anderson_darling cramer_von_mises mann_whitney welch_t wasserstein energy, on deciles or categories psi kl js hellinger,
of categories chi_square g fisher l_infinity cramers_v. A column drifts when its p-value, corrected for the number of columns, is under 0.01
and its effect (KS, or the largest difference of a share) is 0.05 or more; with less effect it is watched."""

ACTS: list[Verb] = [drift_replay, drift_pin, drift_learn]
MOST_COLUMNS = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("--reference", metavar="A", help="what is usual: CSV with a header, JSONL or Parquet, by ending")
    parser.add_argument("--current", metavar="B", help="what is asked about: a file of the same columns")
    parser.add_argument("--columns", metavar="a,b", help="only these columns (default: all)")
    parser.add_argument("--tests", metavar="ks,psi", help="only these measures (default: all that apply)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(act=None)
    acts = parser.add_subparsers(metavar="ACT", parser_class=Parser, title="other acts")
    for act in ACTS:
        place = acts.add_parser(
            act.NAME,
            help=act.HELP,
            description=act.HELP[:1].upper() + act.HELP[1:] + ".",
            epilog=act.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        act.arguments(place)
        place.set_defaults(act=act.run)


def run(call: argparse.Namespace) -> int:
    """Read both files, compare, print."""
    if call.act is not None:
        code: int = call.act(call)
        return code
    for flag, value in (("--reference", call.reference), ("--current", call.current)):
        if not value:
            raise Stop(f"{flag} FILE is missing; see `tui-monitor drift --help`", USAGE)
    columns = listed("--columns", call.columns)
    tests = _tests(call.tests)
    from tui_monitor.cli import drift_output

    judged = _judged(call.reference, call.current, columns, tests)
    for remark in judged.remarks:
        output.warn(remark)
    if call.json:
        output.write(drift_output.as_json(judged))
    else:
        output.write("\n".join(drift_output.as_text(judged)) + "\n")
    return DONE


def listed(flag: str, text: str | None) -> list[str]:
    """What stands between commas; empty where the flag was not given.

    Raises:
        Stop: it was given and names nothing.
    """
    if text is None:
        return []
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise Stop(f"{flag}: say which, as a,b", USAGE)
    return names


def _tests(text: str | None) -> list[str]:
    from tui_monitor.analyse.drift.columns import TESTS

    names = listed("--tests", text)
    for name in names:
        if name not in TESTS:
            near = difflib.get_close_matches(name, TESTS, 1)
            raise Stop(
                f"--tests: there is no {name!r}" + (f" (did you mean {near[0]}?)" if near else f"; there are {' '.join(TESTS)}"), USAGE
            )
    return names


def _judged(reference: str, current: str, columns: Sequence[str], tests: Sequence[str]) -> Judged:
    from tui_monitor.cli.drift_columns import gather
    from tui_monitor.cli.drift_judged import judge
    from tui_monitor.collect.table import TableError, open_table

    progress = Progress()
    tell = progress.tell if progress.wanted else None
    try:
        with closing(open_table(reference)) as before, closing(open_table(current)) as now:
            names = list(columns) or list(dict.fromkeys([*before.names, *now.names]))
            one, two = gather(reference, before, names[:MOST_COLUMNS], tell), gather(current, now, names[:MOST_COLUMNS], tell)
    except TableError as error:
        raise Stop(str(error)) from None
    finally:
        progress.gone()
    for side in (one, two):
        if not side.rows:
            raise Stop(f"{side.path}: has no rows")
    judged = judge(one, two, names[:MOST_COLUMNS], tests, meant=bool(columns))
    if len(names) > MOST_COLUMNS:
        judged.remarks.append(f"only the first {MOST_COLUMNS:,} of {len(names):,} columns; name others with --columns")
    return judged
