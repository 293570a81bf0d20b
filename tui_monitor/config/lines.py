"""Where in a TOML file a key stands, so that a message can name its line."""

from __future__ import annotations

import re


def lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """Line of every table and key, by path; a small reader of TOML's shape, used for messages only."""
    lines: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        header = re.match(r"(\[\[?)\s*([^\]]+?)\s*\]", line)
        if header:
            named = _parts(header[2])
            path: tuple[str | int, ...] = ()
            for i, part in enumerate(named):
                path = (*path, part)
                last = i == len(named) - 1
                if header[1] == "[[" and last:
                    counts[path] = counts.get(path, -1) + 1
                if path in counts:
                    path = (*path, counts[path])
            table = path
            lines.setdefault(table, number)
            continue
        key = re.match(r"""((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""", line)
        if key:
            here: tuple[str | int, ...] = (*table, *_parts(key[1]))
            lines.setdefault(here, number)
            for inner in re.finditer(r"[{,]\s*([A-Za-z0-9_-]+)\s*=", line[key.end() :]):
                lines.setdefault((*here, inner[1]), number)
    return lines


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""", dotted)]


def line_of(lines: dict[tuple[str | int, ...], int], path: tuple[str | int, ...]) -> int:
    """The line of a key, or of the nearest table above it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
