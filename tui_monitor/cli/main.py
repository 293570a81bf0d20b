"""The entry point: from the words that were typed to an exit code. Whatever a user can do wrong ends in one line, never in a traceback."""

from __future__ import annotations

import os
import sys

from tui_monitor.cli import (
    ack,
    alerts,
    check,
    completion,
    demo,
    doctor,
    drift,
    engine,
    history,
    init,
    label_sample,
    note,
    once,
    open_file,
    output,
    performance,
    rules,
    screen,
    silence,
    snapshot,
    unack,
)
from tui_monitor.cli.exits import CONFIGURATION, FAILED, UNREADABLE, Stop
from tui_monitor.cli.parser import Parser, Verb, make_parser, parse

VERBS: list[Verb] = [
    demo,
    once,
    init,
    check,
    rules,
    doctor,
    alerts,
    ack,
    unack,
    silence,
    note,
    history,
    snapshot,
    open_file,
    performance,
    drift,
    label_sample,
    engine,
    completion,
]

JUDGES = ("once", "alerts")  # exit like a Nagios plug-in


def grammar() -> Parser:
    """The parser of all verbs."""
    return make_parser(VERBS, screen)


def main(words: list[str] | None = None) -> int:
    """Do what was typed; returns the exit code."""
    call = None
    try:
        call = parse(grammar(), sys.argv[1:] if words is None else words)
        code: int = call.run(call)
    except Stop as stop:
        _tell(str(stop), stop.code)
        return stop.code
    except SystemExit as ended:  # argparse, after --help and --version
        return ended.code if isinstance(ended.code, int) else FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return FAILED
    except Exception as error:
        known = _known(error)
        if known == FAILED and call is not None and (call.verb in JUDGES or getattr(call, "plain", False)):
            known = UNREADABLE
        if known is None or os.environ.get("TUI_MONITOR_DEBUG"):
            raise
        _tell(_of_system(error) if isinstance(error, OSError) else str(error), known)
        return known
    return code


def _tell(line: str, code: int) -> None:
    if line:
        (output.point if code == CONFIGURATION else output.warn)(line)


def _known(error: Exception) -> int | None:
    """The exit code of an error whose text is meant for the user; None for a fault of the program.

    By name, because importing their rooms here would load them for `--help` too.
    """
    if isinstance(error, OSError):
        return FAILED
    names = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("tui_monitor.")}
    if "ConfigError" in names:
        return CONFIGURATION
    told = {"FeedError", "StoreError", "UnsafePlace", "AlreadyRuns", "ThemeError", "NoTerminal", "DemoFailed"}
    return FAILED if names & told else None


def _of_system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename is not None else ""
    return f"{where}{error.strerror or str(error) or type(error).__name__}"
