"""One table of keys: everything made of it agrees."""

from __future__ import annotations

import re

import pytest

from tui_monitor.ui.app import ACTIONS, MonitorApp
from tui_monitor.ui.bindings import GROUPS, PANES, TABLE, footer, markdown
from tui_monitor.ui.dialogs.help import WIDTH, lines


def test_no_key_does_two_things() -> None:
    names = [name for key in TABLE for name in key.keys.split(",")]
    assert len(names) == len(set(names))
    assert set(names) == set(ACTIONS)


@pytest.mark.parametrize("key", TABLE, ids=lambda key: key.keys)
def test_every_key_has_an_action_of_the_app_and_stands_everywhere(key) -> None:
    action = key.action.partition("(")[0]
    assert hasattr(MonitorApp, f"action_{action}")
    assert key.means.endswith(".")
    assert key.group in GROUPS
    assert f"| {key.means} |" in markdown()
    for pane in PANES:
        help_text = " ".join(" ".join(lines(pane)).split())
        assert " ".join(f"{key.shown} {key.means}".split()) in help_text


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize("width", [0, 5, 10, 20, 40, 80, 110, 160, 300])
def test_a_footer_fits_and_never_loses_the_way_out(pane: str, width: int) -> None:
    shown = footer(pane, width)
    assert sum(len(key) + len(label) + 3 for key, label in shown) <= max(width, 0)
    if width >= 10:
        assert shown[-1] == ("q", "quit")
    if width >= 300:
        assert {label for _, label in shown} >= {"pane", "acknowledge" if pane in {"health", "alerts"} else "detail", "help", "quit"}


def test_the_readme_list_is_a_table_with_code_for_keys() -> None:
    head, rule, *rows = markdown().splitlines()
    assert (head, rule) == ("| key | does |", "| --- | --- |")
    assert all(re.match(r"\| `.+` \| .+ \|$", row) for row in rows)
    assert "| `↓` `j` |" in markdown()
    assert "| `page down` |" in markdown()


def test_the_help_fits_its_dialog() -> None:
    assert max(map(len, lines("alerts"))) <= WIDTH
