"""`init`: what discovery found, as a configuration with comments."""

from __future__ import annotations

import argparse
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from tui_monitor.cli import output
from tui_monitor.cli.exits import DONE, Stop

if TYPE_CHECKING:
    from tui_monitor.model import Found

NAME = "init"
HELP = "write what discovery found as a configuration with comments"
EXAMPLE = """example:
  tui-monitor init                                            look at it
  tui-monitor init -o ~/.config/tui-monitor/config.toml"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there (default: stdout); its directory is made")
    parser.add_argument("--force", action="store_true", help="write over an existing file")


def run(call: argparse.Namespace) -> int:
    """Look around once, and write."""
    import asyncio

    from tui_monitor.collect.discover import discover

    path = Path(call.output).expanduser() if call.output else None
    if path is not None and os.path.lexists(path) and not call.force:
        raise Stop(f"{path} is there already; --force writes over it")
    seen = asyncio.run(discover([], []))
    for line in seen.unseen:
        output.warn(f"not seen: {line}")
    text = written(seen.found, socket.gethostname())
    if path is None:
        output.write(text)
        return DONE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    servers = f"{len(seen.found)} server{'' if len(seen.found) == 1 else 's'}"
    output.say(f"wrote {path} with {servers}; `tui-monitor check {path}` checks it after you changed it")
    return DONE


def written(found: list[Found], host: str) -> str:
    """The file's text; what is commented out is the default or an example."""
    parts = [
        f"# tui-monitor on {_one_line(host)}. Every key is optional; config.example.toml has all of them with their defaults.",
        "# A configured server keeps its name and is watched even while it is down; others are still discovered.",
        "",
        '#interval = "2s"      # the tick: how often everything is looked at',
        "",
    ]
    if not found:
        parts += ["# No model server was found. This is how one is named:", "#[[targets]]", '#name = "ranker"', '#kind = "auto"']
        parts += ['#url = "http://127.0.0.1:8000"', ""]
    for one in found:
        parts += [*_target(one), ""]
    return "\n".join([*parts, *_EXAMPLES]) + "\n"


def _target(one: Found) -> list[str]:
    """One server; what is commented out is where it is by default."""
    from tui_monitor.collect.servers.places import place, places
    from tui_monitor.collect.servers.registry import KINDS

    kind = KINDS[one.kind]
    how = _one_line(one.how) or "found by discovery"
    how += f", process {one.pid} at that time" if one.pid and f"({one.pid})" not in how else ""
    lines = [f"# {how}{f', in {_one_line(one.container)}' if one.container else ''}", "[[targets]]"]
    lines += [f"name = {_toml(one.name)}", f"kind = {_toml(one.kind)}", f"url = {_toml(one.url)}"]
    lines.append(f'#interval = "{max(2.0, kind.every_s):g}s"      # how often it is asked')
    lines += ['#timeout = "2s"       # for a whole answer', '#starting = "5m"      # how long refusing is "starting"']
    if one.models:
        lines.append(f"models = [{', '.join(map(_toml, one.models))}]")
    elif kind.models is None and kind.each is not None:
        lines.append('#models = ["NAME"]    # this kind cannot list its models: name them to see their state')
    derived = {name: url for name in kind.places if (url := place(one, kind, name))}
    page = places(one, kind)[1]
    elsewhere = page and not page.startswith(f"{one.url.rstrip('/')}/") and page != one.url
    pages = derived | ({"metrics": page} if elsewhere else {}) | one.urls
    if pages:
        lines.append("[targets.urls]" if one.urls else "#[targets.urls]")
        lines += [f"{'' if name in one.urls else '#'}{_toml_key(name)} = {_toml(url)}" for name, url in sorted(pages.items())]
    return lines


_EXAMPLES = (
    "# A Prometheus that knows more: named numbers for rules and charts.",
    "#[[prometheus]]",
    '#name = "central"',
    '#url = "http://127.0.0.1:9090"',
    "#[prometheus.queries]",
    '#"checkout.conversion" = "avg(conversion_ratio)"',
    "",
    "# A rule of your own; the built-in ones stay. `tui-monitor check` checks it.",
    "#[[rules]]",
    '#name = "slow"',
    '#when = "latency.p95 > 500ms and request.rate > 1/s"',
    '#clear = "latency.p95 < 400ms"',
    '#for = "1m"',
    '#severity = "warning"',
)


def _toml(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=True)


def _toml_key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else _toml(name)


def _one_line(text: str) -> str:
    return " ".join("".join(letter for letter in text if letter.isprintable()).split())
