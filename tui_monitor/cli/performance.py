"""`performance`: how well a model did by its prediction log, window by window; the numbers of the pane, for files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, USAGE, Stop
from tui_monitor.cli.progress import Progress

if TYPE_CHECKING:
    from tui_monitor.analyse.performance.slicing.slices import Slice
    from tui_monitor.cli.performance_judged import Plan

NAME = "performance"
HELP = "judge a model by a file of its predictions: accuracy and more in windows, slices and classes, with or without labels"
EXAMPLE = """example:
  tui-monitor performance churn.csv --task binary --prediction prediction --label label --score score
  tui-monitor performance log.jsonl --labels late.csv --task multiclass --prediction tag --label tag_true --windows 24h,7d --every 1h --json
  tui-monitor performance new.csv --reference kept.csv --task binary --prediction p --label y --score s --slice 'country == "de"'"""

WINDOWS = "24h,7d"
MOST_WINDOWS = 16
MOST_SLICES = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("log", metavar="LOG", help="CSV with a header, JSONL or Parquet, by ending")
    parser.add_argument("--labels", metavar="F", help="a file of labels, joined by id; they count where the row has none")
    parser.add_argument(
        "--reference", metavar="R", help="a labelled log: what to hold the numbers against, and to estimate them without labels"
    )
    parser.add_argument("--task", required=True, choices=("binary", "multiclass", "regression"))
    parser.add_argument("--prediction", metavar="P", required=True, help="column of the predictions")
    parser.add_argument("--label", metavar="L", required=True, help="column of the labels")
    parser.add_argument(
        "--score", metavar="S", help="column of the positive class's probability; with several classes the columns S_<class>"
    )
    parser.add_argument("--positive", metavar="C", help="the positive class (default: 1 or true)")
    parser.add_argument("--classes", metavar="A,B", help="the classes; rows with another one are left out (default: all that are seen)")
    parser.add_argument("--id", metavar="I", help="column of the ids (default: id where there is one)")
    parser.add_argument("--time", metavar="T", help="column of the times (default: timestamp, else time)")
    parser.add_argument("--windows", metavar="D,D", default=WINDOWS, help=f"windows that end with the log (default: {WINDOWS})")
    parser.add_argument("--every", metavar="D", help="also every window at each multiple of D, from the oldest row to the newest")
    parser.add_argument(
        "--slice",
        metavar="EXPR",
        action="append",
        default=[],
        help="also the rows for which this holds, such as 'size > 10'; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(call: argparse.Namespace) -> int:
    """Read, judge and print."""
    plan = _plan(call)
    from tui_monitor.cli import performance_output
    from tui_monitor.cli.performance_judged import TooMany, judge
    from tui_monitor.collect.table import TableError

    progress = Progress()
    try:
        judged = judge(call.log, plan, call.labels, call.reference, progress.tell if progress.wanted else None)
    except TooMany as error:
        raise Stop(str(error), USAGE) from None
    except TableError as error:
        raise Stop(str(error)) from None
    finally:
        progress.gone()
    if not judged.rows.read:
        raise Stop(f"{call.log}: has no rows")
    for remark in judged.remarks:
        output.warn(remark)
    if call.json:
        for part in performance_output.as_json(call.task, judged):
            output.write(part)
    else:
        output.write("\n".join(performance_output.as_text(call.log, plan, judged)) + "\n")
    return DONE


def _plan(call: argparse.Namespace) -> Plan:
    """What was typed, understood.

    Raises:
        Stop: wrong usage.
    """
    from tui_monitor.cli.moments import span_s
    from tui_monitor.cli.performance_judged import Plan
    from tui_monitor.cli.performance_rows import Asked

    windows = {text: span_s("--windows", text) for text in (part.strip() for part in call.windows.split(",")) if text not in ("", "all")}
    if len(windows) > MOST_WINDOWS:
        raise Stop(f"--windows: at most {MOST_WINDOWS}", USAGE)
    slices = {text: _slice(text) for text in call.slice}
    if len(slices) > MOST_SLICES:
        raise Stop(f"--slice: at most {MOST_SLICES}", USAGE)
    classes = [] if call.classes is None else [name.strip() for name in call.classes.split(",") if name.strip()]
    if call.classes is not None and not classes:
        raise Stop("--classes: say which, as A,B", USAGE)
    score, positive = call.score, call.positive
    if call.task == "regression":
        _tell_unused(("--classes", call.classes), ("--score", score), ("--positive", positive))
        score, positive, classes = None, None, []
    elif call.task == "multiclass":
        _tell_unused(("--positive", positive))
        positive = None
    asked = Asked(call.task, call.prediction, call.label, score, call.id, call.time, slices)
    plan = Plan(asked, windows, None if call.every is None else span_s("--every", call.every), positive, classes)
    _check_classes(plan)
    return plan


def _tell_unused(*flags: tuple[str, str | None]) -> None:
    for flag, value in flags:
        if value is not None:
            output.warn(f"{flag} says nothing in this task")


def _check_classes(plan: Plan) -> None:
    from tui_monitor.analyse.performance.counting.layout import MAX_CLASSES, canonical

    if len(plan.classes) > MAX_CLASSES:
        raise Stop(f"--classes: at most {MAX_CLASSES}", USAGE)
    if plan.classes and plan.positive is not None and canonical(plan.positive) not in map(canonical, plan.classes):
        raise Stop(f"--positive {plan.positive} is none of --classes {','.join(plan.classes)}", USAGE)


def _slice(text: str) -> Slice:
    from tui_monitor.analyse.performance.slicing.slices import ExpressionError, predicate

    try:
        return predicate(text)
    except ExpressionError as error:
        raise Stop(f"--slice {text}: column {error.column}: {error}", USAGE) from None
