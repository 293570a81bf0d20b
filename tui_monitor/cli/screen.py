"""No verb: the screen, on the running engine of the instance or on one that is started for it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from tui_monitor.cli.instance import instance_of

if TYPE_CHECKING:
    from tui_monitor.config import Settings
    from tui_monitor.engine.feed import Feed
    from tui_monitor.ui.prepaint import Painted

NAME = ""
HELP = "watch this host"
EXAMPLE = """examples:
  tui-monitor                          watch this host
  tui-monitor demo                     see what it looks like
  tui-monitor once --json              one picture for a script
  tui-monitor --theme ansi-dark        the terminal's own 16 colours"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the screen's own flags."""
    look(parser)
    parser.add_argument("--plain", action="store_true", help="no screen: one picture in plain text, as `once` prints it")
    parser.set_defaults(wait=5.0, json=False)


def look(parser: argparse.ArgumentParser) -> None:
    """Flags of every verb that opens the screen."""
    parser.add_argument("--ascii", action="store_true", help="only ASCII characters")
    parser.add_argument("--utc", action="store_true", help="times in UTC")


def run(call: argparse.Namespace) -> int:
    """Watch this host."""
    if call.plain:
        from tui_monitor.cli import once

        return once.run(call)

    return watch(call, instance_of(call))


def watch(call: argparse.Namespace, instance: str, *extra: str) -> int:
    """Open the screen on an engine; `extra` goes to the command that starts one.

    The host's first numbers are painted before anything heavy is imported.
    """
    from tui_monitor.ui.prepaint import prepaint

    with prepaint() as painted:
        from tui_monitor.cli import places, settings
        from tui_monitor.cli.read_only import ReadOnly
        from tui_monitor.engine import paths
        from tui_monitor.engine.feed import EngineFeed

        chosen, _ = settings.read(call)
        socket = places.socket_of(instance, chosen.engine.socket_group)
        paths.make_runtime_dir(chosen.engine.socket_group, looking=bool(chosen.engine.read_only_group))
        check_theme(call.theme or chosen.screen.theme)
        command = places.engine_command(instance, call.config, *extra)
        feed: Feed = EngineFeed(socket, command, paths.log_path(instance))
        return show(call, ReadOnly(feed) if call.read_only else feed, chosen, painted, instance)


def check_theme(name: str) -> None:
    """A theme that is not there is said before an engine is started for a screen that never comes.

    Raises:
        ThemeError: it is not there, or wrong.
    """
    from tui_monitor.config import ScreenSettings

    if name != ScreenSettings().theme:
        from tui_monitor.cli.settings import themes_folder
        from tui_monitor.ui import theme

        theme.load(name, themes_folder())


def show(call: argparse.Namespace, feed: Feed, chosen: Settings, painted: Painted, instance: str) -> int:
    """Hand the terminal over to the screen."""
    from tui_monitor.cli.ringing import ring_for
    from tui_monitor.cli.settings import themes_folder
    from tui_monitor.engine import paths
    from tui_monitor.ui.run import run_screen

    return run_screen(
        feed,
        theme=call.theme or chosen.screen.theme,
        ascii=call.ascii or chosen.screen.ascii,
        utc=call.utc or chosen.screen.utc,
        painted=painted,
        themes=themes_folder(),
        log=paths.state_dir(instance) / "screen.log",
        ring=ring_for(chosen.screen, os.environ),
    )
