"""Settings from a TOML file, the environment and flags."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tui_monitor.config.checks import ConfigError, check, check_names, said
from tui_monitor.config.lines import lines_of
from tui_monitor.config.settings import Settings
from tui_monitor.model import clean

ENVIRONMENT = "TUI_MONITOR_"  # TUI_MONITOR_SCREEN__THEME=ansi-dark sets [screen] theme


def default_path() -> Path | None:
    """The configuration file that is read without being named, if there is one."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    for path in (Path(base) / "tui-monitor" / "config.toml", Path("/etc/tui-monitor/config.toml")):
        if path.exists():
            return path
    return None


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> tuple[Settings, str]:
    """The settings and the file they came from ("" when there is none).

    Args:
        path: the file named by the user; it must exist. None: the default file where there is one.
        environment: variables TUI_MONITOR_SECTION__KEY; os.environ when None.

    Raises:
        ConfigError: with the one line for the user.
    """
    named = path is not None
    path = path or default_path()
    text = ""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}:1: not UTF-8 text ({error.reason} at byte {error.start})") from None
        except OSError as error:
            if named or not isinstance(error, FileNotFoundError):
                raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return parse(text, str(path or ""), os.environ if environment is None else environment), str(path or "")


def parse(text: str, name: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from TOML text; `name` stands in front of errors.

    Raises:
        ConfigError: with the one line for the user.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        line = where[1] if where else str(text.count("\n") + 1)
        raise ConfigError(f"{name}:{line}: {clean(re.sub(r' *[(]at .*', '', str(error)))}") from None
    lines = lines_of(text)
    for variable, value in (environment or {}).items():
        if variable.startswith(ENVIRONMENT) and "__" in variable:
            _set_from(tree, variable, value)
    try:
        settings = msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(said(name, lines, str(error))) from None
    check(tree, (), name, lines)
    check_names(settings, name, lines)
    return settings


def _set_from(tree: dict[str, Any], variable: str, value: str) -> None:
    """One environment variable; only plain values of plain tables can be set so."""
    *tables, key = variable[len(ENVIRONMENT) :].lower().split("__")
    at = tree
    for table in tables:
        at = at.setdefault(table, {})
        if not isinstance(at, dict):
            raise ConfigError(f"{variable}: [{table}] is no plain table; use the file")
    known: Any = value
    if value.lower() in ("true", "false"):
        known = value.lower() == "true"
    elif re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        known = float(value) if "." in value else int(value)
    at[key] = known
