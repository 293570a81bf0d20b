"""`rules test`: when would the rules have fired over a recording, or over a table of values."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, Stop

if TYPE_CHECKING:
    from tui_monitor.alerts.rule import Rule
    from tui_monitor.cli.rule_trial import Trial

NAME = "rules"
HELP = "try the rules on a recording, or on a table of values"
EXAMPLE = """example:
  tui-monitor rules test incident.sqlite                    when would my rules have fired, and when would they have ended
  tui-monitor rules test values.csv --rules ./config.toml   columns: time, target, and numbers by name: latency.p95, error.ratio[30m]

A table holds one moment a row: `time` (ISO 8601 in UTC, or seconds since 1970), one column for each number (SI units, or with one: 512ms, 3%; empty is
unknown), and where needed target, state, kind, subject, model. One JSON object a line does too. The built-in rules are tried as well.
Exit: 0 however many fired, 1 the file cannot be used, 78 the rules cannot."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("act", metavar="test", choices=["test"], help="what to do with the rules")
    parser.add_argument("file", metavar="FILE", help="a recording or snapshot, or a table (CSV, or one JSON object a line)")
    parser.add_argument("--rules", metavar="CONFIG", help="the configuration whose rules are meant (default: the one that would be read)")
    parser.add_argument("--local", action="store_true", help="times, and hours of the day, of this host instead of UTC")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(call: argparse.Namespace) -> int:
    """Print what would have happened."""
    from tui_monitor.alerts.rules import names_of, rules_of
    from tui_monitor.cli import settings
    from tui_monitor.cli.rule_table import Table
    from tui_monitor.cli.rule_trial import Trial, moments_of
    from tui_monitor.store.replay import Replay

    chosen, _ = settings.read_file(call.rules or call.config)
    path = Path(call.file)
    zone = None if call.local else UTC
    trial = Trial(chosen, rules_of(chosen), zone)
    if _is_recording(path):
        replay = Replay(path)
        try:
            trial.over(moments_of(replay))
        finally:
            replay.close()
    else:
        trial.over(Table(path, names_of(chosen)).moments())
    if call.json:
        import msgspec

        output.write(msgspec.json.format(msgspec.json.encode(trial.told()), indent=2).decode() + "\n")
    else:
        output.write("".join(f"{line}\n" for line in lines_of(trial, path.name, zone)))
    for rule in trial.never_asked():
        output.warn(f"{_named(rule)} was never asked: nothing in {path.name} has {' and '.join(rule.keys) or 'such a state'}")
    for rule, names in trial.never_heard():
        output.warn(f"{_named(rule)} asks for {' and '.join(names)}, which {path.name} never has")
    for rule, why in trial.never_known():
        output.warn(f"{_named(rule)} was never known to be true or not: {why}")
    return DONE


def _is_recording(path: Path) -> bool:
    """By its first bytes.

    Raises:
        Stop: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError as error:
        raise Stop(f"{path}: cannot be read: {error.strerror}") from None


def _named(rule: Rule) -> str:
    return f"rule {rule.name} ({rule.severity})"


def lines_of(trial: Trial, file: str, zone: tzinfo | None) -> Iterator[str]:
    """What happened, one line each, and a last line that sums it up."""
    widths = [max((len(cells[place]) for _, cells in trial.happened), default=0) for place in range(4)]
    for at_s, cells in trial.happened:
        shown = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
        yield f"{said(at_s, zone)}  {shown}  {cells[4]}".rstrip()
    if trial.first_s is None or trial.last_s is None:
        return
    fired = sum(1 for _, cells in trial.happened if cells[0] == "FIRING")
    times = f"{said(trial.first_s, zone)} to {said(trial.last_s, zone)}"
    yield f"{file}: {trial.looks} looks, {times}; fired {fired} time{'' if fired == 1 else 's'}, {trial.still} at the end"


def said(at_s: float, zone: tzinfo | None) -> str:
    """A moment: UTC with its Z, or the local one with its offset."""
    at = datetime.fromtimestamp(at_s, zone or UTC) if zone else datetime.fromtimestamp(at_s, UTC).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}" + ("Z" if zone else f"{at:%z}")
