"""`label-sample`: the few rows of a log that people should label, so that little labelling says much."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, USAGE, Stop

if TYPE_CHECKING:
    from tui_monitor.analyse.performance.slicing.slices import Slice
    from tui_monitor.analyse.performance.unlabelled.sampling import Draw, Drawn, Stratum

NAME = "label-sample"
HELP = "draw the rows of a prediction log that people should label"
EXAMPLE = """example:
  tui-monitor label-sample 'logs/*.jsonl' --n 200 --score score -o to-label.jsonl
  tui-monitor label-sample log.csv --score p --slice 'lang == "de"' --private email -o to-label.jsonl

Fill in "label" (and "annotator"), and name the file as `sampled` of the log in the configuration.
Let two people label copies of it to learn how far they agree."""

MOST = 100_000
MOST_SLICES = 16
ADDED = ("id", "weight", "stratum", "label", "annotator")

Row = dict[str, Any]
Kept = tuple[str, bytes]  # a row's id, and what is to be written of it


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("log", metavar="LOG", help="file, pattern or folder: .jsonl .csv .tsv .parquet")
    parser.add_argument("--n", metavar="ROWS", type=_count, default=200, help="how many rows (default: 200)")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (default: stdout)")
    parser.add_argument("--force", action="store_true", help="write over an existing file")
    parser.add_argument("--task", choices=("binary", "multiclass", "regression"), default="binary", help="(default: binary)")
    parser.add_argument("--prediction", metavar="P", default="prediction", help="column (default: prediction)")
    parser.add_argument("--score", metavar="S", help="column of the probability; multiclass: columns S_CLASS")
    parser.add_argument("--label", metavar="L", default="label", help="column that is left out (default: label)")
    parser.add_argument("--id", metavar="I", default="id", help="column (default: id)")
    parser.add_argument("--time", metavar="T", help="column; rows whose time cannot be read are left out")
    parser.add_argument("--slice", metavar="EXPR", action="append", default=[], help='rows to draw from apart: lang == "de"; repeatable')
    parser.add_argument("--private", metavar="COL", action="append", default=[], help="column that is not written; repeatable")
    parser.add_argument("--seed", metavar="N", type=int, help="draw the same rows each time")


def run(call: argparse.Namespace) -> int:
    """Read the log once, draw, write."""
    from tui_monitor.analyse.performance.unlabelled.sampling import Draw

    path = Path(call.output).expanduser() if call.output else None
    if path is not None and os.path.lexists(path) and not call.force:
        raise Stop(f"{path} is there already; --force writes over it")
    slices = _slices(call)
    if call.id in call.private:
        raise Stop(f"--private {call.id}: labels are joined by this column; give the log an id that is not private", USAGE)
    draw: Draw[Kept] = Draw(call.n, call.seed)
    left_out = _read(call, slices, draw)
    if not draw.rows:
        why = ", ".join(f"{rows:,} {reason}" for reason, rows in left_out.items())
        raise Stop(f"{call.log}: no row can be drawn{f' ({why})' if why else ''}")
    drawn = _each_once(draw.drawn())
    text = b"".join(_line(slices, one) for one in drawn)
    told = _summary(call, drawn, draw.rows, left_out)
    if path is None:
        output.write(text.decode())
        for line in told:
            output.warn(line)
    else:
        _write(path, text, force=call.force)
        for line in [*told, f"wrote {path}"]:
            output.say(line)
    return DONE


def _count(text: str) -> int:
    try:
        n = int(text)
    except ValueError:
        n = 0
    if not 1 <= n <= MOST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number of rows from 1 to {MOST:,}")
    return n


def _slices(call: argparse.Namespace) -> list[Slice]:
    from tui_monitor.analyse.performance.slicing.slices import predicate

    if len(call.slice) > MOST_SLICES:
        raise Stop(f"{len(call.slice)} slices; at most {MOST_SLICES} make strata that a few rows can cover", USAGE)
    result = []
    for text in call.slice:
        try:
            one = predicate(text)
        except ValueError as error:
            raise Stop(f"--slice {text!r}: {error}", USAGE) from None
        hidden = [name for name in one.columns if name in call.private]
        if hidden:
            raise Stop(f"--slice: the column {hidden[0]} is private, and the slice of a row is written", USAGE)
        result.append(one)
    return result


def _read(call: argparse.Namespace, slices: list[Slice], draw: Draw[Kept]) -> Counter[str]:
    """Let every row go by; what was left out, by reason.

    Raises:
        Stop: nothing of the log can be read.
    """
    from tui_monitor.collect.whole import Whole

    log = Whole(call.log)
    left_out: Counter[str] = Counter()
    wanted = {"prediction": call.prediction, **({"id": call.id} if call.id else {}), **({"time": call.time} if call.time else {})}
    lacking: dict[str, str] = dict(wanted)
    for rows in log.rows():
        lacking = {what: column for what, column in lacking.items() if not any(column in row for row in rows)}
        usable = []
        for row in rows:
            reason = _unusable(call, row)
            if reason:
                left_out[reason] += 1
            else:
                usable.append(row)
        if usable:
            _let_by(call, slices, draw, usable)
    if log.unreadable:
        left_out["row_unreadable"] += log.unreadable
    if log.refused and not draw.rows:
        raise Stop(log.refused)
    if log.refused:
        output.warn(f"left out: {log.refused}")
    if not draw.rows and left_out and lacking:
        what, column = next(iter(lacking.items()))
        raise Stop(f"{call.log}: no column {column}; --{what} names it")
    return left_out


def _unusable(call: argparse.Namespace, row: Row) -> str:
    from tui_monitor.collect.cells import category, moment, number

    judged = number if call.task == "regression" else category
    if judged(row.get(call.prediction)) is None:
        return "prediction_missing"
    if category(row.get(call.id)) is None:
        return "id_missing"
    if call.time and moment(row.get(call.time)) is None:
        return "time_unreadable"
    return ""


def _let_by(call: argparse.Namespace, slices: list[Slice], draw: Draw[Kept], rows: list[Row]) -> None:
    import numpy as np

    from tui_monitor.analyse.performance.slicing.slices import Table

    scores = [_score(call, row) for row in rows]
    place = np.full(len(rows), -1)
    if slices:
        names = dict.fromkeys(name for one in slices for name in one.columns)
        table = Table({name: np.array([*(row.get(name) for row in rows), None], dtype=object)[:-1] for name in names})
        for at, one in reversed(list(enumerate(slices))):  # a row belongs to the first that fits
            place[one.fits(table)] = at
    draw.add([one[0] for one in scores], place.tolist(), np.array([one[1] for one in scores]), lambda at: _kept(call, rows[at]))


def _score(call: argparse.Namespace, row: Row) -> tuple[str, float]:
    """(the score bin, the chance that the prediction is right) of a row; nan without a usable score."""
    from tui_monitor.analyse.performance.unlabelled.sampling import BINS, bin_of
    from tui_monitor.collect.cells import category, number

    if call.task == "regression":
        return "", float("nan")
    said = category(row.get(call.prediction)) or ""
    if not call.score:
        return f"said {said}", float("nan")
    column = f"{call.score}_{said}" if call.task == "multiclass" else call.score
    score = number(row.get(column))
    place = -1 if score is None else bin_of(score)
    if score is None or place < 0:
        return "no score", float("nan")
    right = score if call.task == "multiclass" else max(score, 1 - score)
    return f"score {place / BINS:.1f}-{(place + 1) / BINS:.1f}", right


def _kept(call: argparse.Namespace, row: Row) -> Kept:
    import msgspec

    from tui_monitor.collect.cells import category

    hidden = frozenset(call.private)
    known = {
        name: _without(value, hidden) for name, value in row.items() if name not in hidden and name not in (call.label, call.id, *ADDED)
    }
    return category(row[call.id]) or "", msgspec.json.encode({"id": row[call.id], **known})


def _without(value: Any, hidden: Collection[str]) -> Any:
    """The value without the columns that are not to be written, however deep they stand."""
    if isinstance(value, dict):
        return {name: _without(inner, hidden) for name, inner in value.items() if name not in hidden}
    if isinstance(value, list):
        return [_without(inner, hidden) for inner in value]
    return value


def _each_once(drawn: list[Drawn[Kept]]) -> list[Drawn[Kept]]:
    """Of rows with one id the first."""
    return list({one.row[0]: one for one in reversed(drawn)}.values())


def _line(slices: list[Slice], one: Drawn[Kept]) -> bytes:
    import msgspec

    added = {"weight": one.stratum.weight, "stratum": _named(slices, one.stratum), "label": "", "annotator": ""}
    return one.row[1][:-1] + b"," + msgspec.json.encode(added)[1:] + b"\n"


def _named(slices: list[Slice], stratum: Stratum) -> str:
    bins = " or ".join(str(one) for one in stratum.bins if one)
    if not slices:
        return bins or "all"
    where = " or ".join(slices[at].name if at >= 0 else "elsewhere" for at in stratum.slices)
    return f"{bins}, {where}" if bins else where


def _summary(call: argparse.Namespace, drawn: list[Drawn[Kept]], rows: int, left_out: Counter[str]) -> list[str]:
    """What people get for their work, before they begin."""
    from tui_monitor.analyse.performance.unlabelled.sampling import half_width

    strata = list({id(one.stratum): one.stratum for one in drawn}.values())
    if call.task == "regression":
        promise = f"{len(drawn):,} rows -> how well the errors will be known depends on their size, which nobody knows yet"
    else:
        at_most = "" if call.score else " at most (without --score nobody knows which rows are uncertain)"
        promise = f"{len(drawn):,} rows -> accuracy known to +-{100 * half_width(strata):.1f} points{at_most}"
    lines = [promise, f"drawn from {rows:,} rows in {len(strata)} strata; a row counts for {_range(strata)}"]
    if left_out:
        lines.append("left out: " + ", ".join(f"{count:,} {reason}" for reason, count in left_out.most_common()))
    return lines


def _range(strata: list[Stratum]) -> str:
    few, many = (f"{pick(stratum.weight for stratum in strata):,.4g}" for pick in (min, max))
    return few if few == many else f"{few} to {many}"


def _write(path: Path, data: bytes, *, force: bool) -> None:
    """The whole file or nothing; readable by its owner only, because it holds rows of the log."""
    place = path.with_name(f".{path.name}.{os.getpid()}") if force else path
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
        if force:
            place.replace(path)
    except OSError:
        place.unlink(missing_ok=True)
        raise
