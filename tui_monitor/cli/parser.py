"""The command line's grammar: one parser a verb, the global flags before or after the verb, one line per error."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import NoReturn, Protocol

from tui_monitor import __version__
from tui_monitor.cli import output
from tui_monitor.cli.exits import USAGE, Stop

_INSTANCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


class Verb(Protocol):
    """One module of this room."""

    NAME: str
    HELP: str  # its line in the list of verbs
    EXAMPLE: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's own arguments."""

    def run(self, call: argparse.Namespace) -> int:
        """Do it; return the exit code."""


class Parser(argparse.ArgumentParser):
    """Wrong usage is one line and 64; help is a result like any other."""

    def error(self, message: str) -> NoReturn:
        """Wrong usage."""
        unknown = re.match(r"argument VERB: invalid choice: '(.*?)' \(choose from (.*)\)", message, re.DOTALL)
        if unknown:
            near = difflib.get_close_matches(unknown[1], re.findall(r"[a-z][a-z-]*", unknown[2]), 1)
            message = f"there is no verb {unknown[1]!r}" + (f" (did you mean {near[0]}?)" if near else "")
        raise Stop(f"{message}; see `{self.prog} --help`", USAGE)

    def _print_message(self, message: str, file: object = None) -> None:
        output.write(message)


def instance_name(text: str) -> str:
    """A name that is safe as a file's."""
    if not _INSTANCE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no instance name (letters, digits, . _ -; at most 64)")
    return text


def duration_s(text: str) -> float:
    """Seconds from 90s, 5m, 1h30m or 7d."""
    from tui_monitor.vocabulary import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _global_flags() -> Parser:
    """Flags that may stand before or after the verb: absent ones leave no trace, so that one place does not undo the other."""
    flags = Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    group = flags.add_argument_group("everywhere")
    group.add_argument("--config", metavar="FILE", help="read this file instead of ~/.config/tui-monitor/config.toml")
    group.add_argument("--instance", metavar="NAME", type=instance_name, help="which engine (default: default; the demo's is demo)")
    group.add_argument("--theme", metavar="NAME", help="colours of the screen (default: [screen] theme)")
    group.add_argument("--read-only", action="store_true", help="look, but acknowledge and stop nothing")
    return flags


def make_parser(verbs: list[Verb], screen: Verb) -> Parser:
    """The whole grammar; `screen` is what happens without a verb."""
    flags = _global_flags()
    parser = Parser(
        prog="tui-monitor",
        description="Watch the model servers of this host: progress, speed, quality, drift, alerts.",
        epilog=screen.EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[flags],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tui-monitor {__version__}")
    screen.arguments(parser)
    parser.set_defaults(run=screen.run, verb=screen.NAME)
    places = parser.add_subparsers(metavar="VERB", parser_class=Parser, title="verbs (without one: the screen)")
    for verb in verbs:
        place = places.add_parser(
            verb.NAME,
            help=verb.HELP,
            description=verb.HELP[:1].upper() + verb.HELP[1:] + ".",
            epilog=verb.EXAMPLE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[flags],
            allow_abbrev=False,
        )
        verb.arguments(place)
        place.set_defaults(run=verb.run, verb=verb.NAME)
    return parser


def parse(parser: Parser, words: list[str]) -> argparse.Namespace:
    """What the user typed, with the global flags always there.

    Raises:
        Stop: wrong usage.
    """
    call = parser.parse_args(words)
    for name, default in (("config", None), ("instance", None), ("theme", None), ("read_only", False)):
        if not hasattr(call, name):
            setattr(call, name, default)
    return call
