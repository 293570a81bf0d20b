"""The configuration as a verb needs it: read, its rules checked too, every fault as FILE:LINE[:COLUMN]: KEY: what is wrong."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from tui_monitor import config
from tui_monitor.cli.exits import CONFIGURATION, Stop
from tui_monitor.config import Settings


def read(call: argparse.Namespace) -> tuple[Settings, str]:
    """The settings of this call and the file they came from ("" without one).

    Raises:
        ConfigError: the file is wrong.
        Stop: its rules are.
    """
    return read_file(call.config)


def read_file(file: str | None) -> tuple[Settings, str]:
    """See `read`."""
    settings, name = config.load(Path(file).expanduser() if file else None)
    faults = faults_of(settings, name)
    if faults:
        raise Stop(faults[0], CONFIGURATION)
    return settings, name


def faults_of(settings: Settings, name: str) -> list[str]:
    """What only the rooms behind can tell; what the configuration leaves to its defaults needs no look."""
    found = map_faults(settings, name) if any(target.map for target in settings.targets) else []
    if any(log.slices or log.compare for log in settings.predictions):
        from tui_monitor.cli import slice_checks

        found += slice_checks.faults(settings, name)
    if settings.listener.listen:
        found += listener_faults(settings, name)
    return found + (rule_faults(settings, name) if settings.rules or settings.alerts.disable else [])


def map_faults(settings: Settings, name: str) -> list[str]:
    """One line for every `[targets.map]` that cannot be read."""
    from tui_monitor.collect.servers.exporter import measures_of

    text = text_of(name)
    said = []
    for index, target in enumerate(settings.targets):
        for key, expression in target.map.items():
            try:
                measures_of(key, expression)
            except ValueError as error:
                said.append(f"{name}:{_line_of_map(text, index, key)}: targets.{index + 1}.map.{key}: {error}")
    return said


def _line_of_map(text: str, index: int, key: str) -> int:
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(r"\s*\[\[\s*targets\s*\]\]", line)]
    first = starts[index] if index < len(starts) else 0
    last = starts[index + 1] if index + 1 < len(starts) else len(lines)
    quoted = re.compile(rf"""(^|[{{,])\s*["']{re.escape(key)}["']\s*=""")
    return next((number + 1 for number in range(first, last) if quoted.search(lines[number])), first + 1)


def text_of(name: str) -> str:
    """The configuration's text, to find lines in; nothing where it cannot be read any more."""
    try:
        return Path(name).read_text(encoding="utf-8") if name else ""
    except OSError:
        return ""


def themes_folder() -> Path:
    """Where the user's own themes are."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "tui-monitor" / "themes"


def listener_faults(settings: Settings, name: str) -> list[str]:
    """One line when `[listener]` would let in whoever likes."""
    from tui_monitor.collect.listener import fault

    said = fault(settings.listener)
    return [f"{name}:{config.line_of(config.lines_of(text_of(name)), ('listener', 'listen'))}: {said}"] if said else []


def rule_faults(settings: Settings, name: str) -> list[str]:
    """One line for everything that is wrong with the rules; `name` is the file they stand in."""
    from tui_monitor.alerts.rules import check_disabled, check_rules, names_of

    text = text_of(name)
    said = []
    for fault in check_rules(settings.rules, names_of(settings)):
        key = re.split(r"\W", fault.message, maxsplit=1)[0]
        line, column = place_in_rule(text, fault.rule, key)
        where = f"{name}:{line}" + (f":{column + fault.column}" if column and fault.column else f":{fault.column}" if fault.column else "")
        said.append(f"{where}: rules.{fault.rule + 1}.{fault.message}")
    disabled = re.search(r"^\s*disable\s*=", text, re.MULTILINE)
    line = text.count("\n", 0, disabled.end()) + 1 if disabled else 1
    said += [f"{name}:{line}: alerts.disable: {why}" for why in check_disabled(settings.alerts.disable, settings.rules)]
    return said


def place_in_rule(text: str, index: int, key: str) -> tuple[int, int]:
    """Line of a key of the rule number `index` (from 0), and the column before the first letter of its value; 0 where it cannot be told."""
    lines = text.splitlines()
    headers = [number for number, line in enumerate(lines, 1) if re.match(r"\s*\[\[\s*rules\s*\]\]", line)]
    if index >= len(headers):
        return 1, 0
    for number in range(headers[index], len(lines)):
        if lines[number].lstrip().startswith("["):
            break
        found = re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=\s*["']?""", lines[number])
        if found:
            return number + 1, len(found[0])
    return headers[index], 0
