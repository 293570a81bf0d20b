"""Themes: one TOML file each, which gives a colour to every semantic role and to nothing else.

```toml
[colours]
text = "#c9d1d9"      # or one of the terminal's own: red, bright_black ..., or "default"
[attributes]          # optional: role = "bold", "underline", "reverse" or several
crit = "bold"
```
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.style import Style

ROLES = (
    "background", "text", "dim", "faint", "strong", "key", "line", "ok", "warn", "crit", "ack", "info", "chart", "chart2", "band", "header",
)  # fmt: skip
_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_NAMED = {"default", *_ANSI, *(f"bright_{name}" for name in _ANSI)}
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_ATTRIBUTES = {"bold", "underline", "reverse"}
_HERE = Path(__file__).resolve()
SHIPPED = (_HERE.parents[1] / "themes", _HERE.parents[2] / "themes")  # in a wheel, in a clone


class ThemeError(Exception):
    """A theme that is not there or not right; `str(error)` is the line for the user."""


class Theme(Struct, frozen=True):
    """A look. `colours` has every role, or none at all: then only bold, underline and reverse are used."""

    name: str
    colours: dict[str, str]
    attributes: dict[str, tuple[str, ...]] = {}
    dark: bool = True

    @property
    def terminal_colours(self) -> bool:
        """It leaves the colours to the terminal's own 16, or uses none."""
        return not any(colour.startswith("#") for colour in self.colours.values())

    def style(self, role: str, bold: bool = False, back: str | None = None) -> Style:  # noqa: FBT001, FBT002
        """How a cell of this role is painted."""
        return _style(self.name, tuple(self.colours.items()), tuple(self.attributes.items()), role, bold, back)

    def without_colour(self) -> Theme:
        """The same, for NO_COLOR."""
        return self if not self.colours else load("mono")


@lru_cache(maxsize=1024)
def _style(
    _name: str,
    colours: tuple[tuple[str, str], ...],
    attributes: tuple[tuple[str, tuple[str, ...]], ...],
    role: str,
    bold: bool,  # noqa: FBT001
    back: str | None,
) -> Style:
    colour, marks = dict(colours), {mark for name, all_marks in attributes if name in {role, back} for mark in all_marks}
    return Style(
        color=colour.get("text" if back and colour.get(role) == colour.get(back) else role),  # 16 colours: nothing vanishes on a band
        bgcolor=colour.get(back or "background"),
        bold=(bold or "bold" in marks) or None,
        underline="underline" in marks or None,
        reverse="reverse" in marks or None,
    )


def names(user: Path | None = None) -> list[str]:
    """Every theme there is, the user's own included."""
    return sorted({path.stem for folder in (user, *SHIPPED) if folder and folder.is_dir() for path in folder.glob("*.toml")})


def load(name: str, user: Path | None = None) -> Theme:
    """The theme of that name, from the user's folder or from those that come with the program.

    Raises:
        ThemeError: unknown, unreadable or wrong.
    """
    if re.fullmatch(r"[A-Za-z0-9._-]+", name):
        for folder in (user, *SHIPPED):
            path = folder / f"{name}.toml" if folder else None
            if path is not None and path.is_file():
                return read(path)
    raise ThemeError(f"no theme {name!r} (there are: {', '.join(names(user))})")


def read(path: Path) -> Theme:
    """A theme from its file.

    Raises:
        ThemeError: with file, key and what is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ThemeError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ThemeError(f"{path}: {error}") from None
    unknown = set(content) - {"colours", "attributes", "dark"}
    if unknown:
        raise ThemeError(f"{path}: {min(unknown)}: unknown key (known: attributes, colours, dark)")
    colours, attributes = _section(path, content, "colours"), _section(path, content, "attributes")
    for role, colour in colours.items():
        if not isinstance(colour, str) or not (colour in _NAMED or _HEX.fullmatch(colour)):
            raise ThemeError(f"{path}: colours.{role}: no colour (write #rrggbb or one of {' '.join(sorted(_NAMED))})")
    missing = [role for role in ROLES if role not in colours]
    if colours and missing:
        raise ThemeError(f"{path}: colours.{missing[0]}: missing")
    marks: dict[str, tuple[str, ...]] = {}
    for role, text in attributes.items():
        words = text.split() if isinstance(text, str) else ["?"]
        if not set(words) <= _ATTRIBUTES:
            raise ThemeError(f"{path}: attributes.{role}: unknown attribute (known: {' '.join(sorted(_ATTRIBUTES))})")
        marks[role] = tuple(words)
    return Theme(path.stem, colours, marks, bool(content.get("dark", True)))


def _section(path: Path, content: dict[str, Any], name: str) -> dict[str, Any]:
    section = content.get(name, {})
    if not isinstance(section, dict):
        raise ThemeError(f"{path}: {name}: must be a table")
    for role in section:
        if role not in ROLES:
            raise ThemeError(f"{path}: {name}.{role}: unknown role (known: {' '.join(ROLES)})")
    return section
