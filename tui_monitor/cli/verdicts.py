"""What `check` finds beyond the shape of a file: names that nobody has, rules that can never fire."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tui_monitor import config
from tui_monitor.cli import settings
from tui_monitor.config import Settings, line_of, lines_of


def errors(chosen: Settings, name: str) -> Iterator[str]:
    """What is wrong, one line each; `name` is the file."""
    yield from _theme(chosen, name)
    yield from _unknown_targets(chosen, name)


def counted(chosen: Settings) -> str:
    """What the file configures, in brackets."""
    counts = (
        ("target", len(chosen.targets)), ("Prometheus", len(chosen.prometheus)), ("prediction log", len(chosen.predictions)),
        ("rule", len(chosen.rules)),
    )  # fmt: skip
    said = [f"{count} {word}{'' if count == 1 or word == 'Prometheus' else 's'}" for word, count in counts if count]
    return f" ({', '.join(said)})" if said else ""


def _theme(chosen: Settings, name: str) -> Iterator[str]:
    if chosen.screen.theme == config.ScreenSettings().theme:
        return
    from tui_monitor.ui import theme

    try:
        theme.load(chosen.screen.theme, settings.themes_folder())
    except theme.ThemeError as error:
        yield f"{name}:{_line(name, 'theme')}: screen.theme: {error}"


def _line(name: str, word: str) -> int:
    lines = settings.text_of(name).splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.split("=")[0].strip() == word), 1)


def _unknown_targets(chosen: Settings, name: str) -> Iterator[str]:
    """Rules and probes that name a target which nobody configured. Where nobody configured any, discovery gives the names."""
    known = [*(one.name for one in chosen.targets), *(one.name for one in chosen.predictions), *(one.name for one in chosen.prometheus)]
    text = settings.text_of(name)
    if chosen.targets or not chosen.discovery.enabled:
        for index, rule in enumerate(chosen.rules):
            target = rule.where.get("target")
            if target is not None and target not in known and not target.lstrip().startswith(("!", "=")):
                line, _ = settings.place_in_rule(text, index, "where")
                yield f"{name}:{line}: rules.{index + 1}.where.target: unknown target {target!r}{_near(target, known)}"
    names = [one.name for one in chosen.targets]
    for index, probe in enumerate(chosen.probes):
        if names and probe.target not in names:
            yield f"{name}:{_line(name, 'target')}: probes.{index + 1}.target: unknown target {probe.target!r}{_near(probe.target, names)}"


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f" (did you mean {near[0]}?)" if near else f" (known: {' '.join(known)})" if known else ""


def without_effect(chosen: Settings) -> Iterator[str]:
    """Keys that are set and read by nothing yet; a setting that silently does nothing would be a lie."""
    for i, prometheus in enumerate(chosen.prometheus, 1):
        if prometheus.fleet:
            yield f"prometheus.{i}.fleet"
    set_keys = {
        "alerts.rules_files": chosen.alerts.rules_files,
        "exporter.listen": chosen.exporter.listen,
    }
    yield from (key for key, value in set_keys.items() if value)


def _importances(chosen: Settings, name: str) -> Iterator[str]:
    """A map that cannot be used: everything else goes on without it."""
    from tui_monitor.collect.importances import ImportancesError, read

    try:
        read(chosen.drift.importance_file)
    except ImportancesError as error:
        line = line_of(lines_of(settings.text_of(name)), ("drift", "importance_file"))
        yield f"{name}:{line}: drift.importance_file: warning: {error}"


def warnings(chosen: Settings, name: str) -> Iterator[str]:
    """Settings that do nothing in this version, and rules that ask for a number which nothing here can have."""
    lines = lines_of(settings.text_of(name))
    for key in without_effect(chosen):
        path = tuple(int(part) - 1 if part.isdigit() else part for part in key.split("."))
        yield f"{name}:{line_of(lines, path)}: {key}: warning: has no effect in this version"
    if chosen.drift.importance_file:
        yield from _importances(chosen, name)
    if any(log.slices for log in chosen.predictions):
        from tui_monitor.cli import slice_checks

        yield from slice_checks.warnings(chosen, name)
    if not chosen.rules:
        return
    from tui_monitor.cli import rule_checks

    yield from rule_checks.warnings(chosen, name)
