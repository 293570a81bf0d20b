"""Themes: every role has a look, no colour means none, and a wrong file says in one line what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_monitor.ui import theme

NAMES = theme.names()


def test_these_come_with_the_program() -> None:
    assert {"default-dark", "default-light", "ansi-dark", "ansi-light", "mono"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_role_has_a_look(name: str) -> None:
    look = theme.load(name)
    for role in theme.ROLES:
        style = look.style(role, bold=True)
        assert style.bold
        assert (style.color is None) == (not look.colours)


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
def test_sixteen_colours_stay_within_the_terminals_own(name: str) -> None:
    look = theme.load(name)
    assert look.terminal_colours
    styles = [look.style(role, back=back) for role in theme.ROLES for back in (None, "band", "header")]
    assert all(color is None or color.number is None or color.number < 16 for style in styles for color in (style.color, style.bgcolor))
    assert all(style.color != style.bgcolor for style in styles if style.bgcolor and not style.bgcolor.is_default), (
        "nothing is invisible on its band"
    )


def test_mono_has_bold_underline_and_reverse_only() -> None:
    look = theme.load("default-dark").without_colour()
    assert look.name == "mono"
    assert look.style("crit").underline
    assert look.style("text", back="band").reverse
    assert look.style("ok").color is None
    assert look.style("ok").bgcolor is None


@pytest.mark.parametrize(
    ("why", "text", "says"),
    [
        ("an unknown role", '[colours]\nsparkle = "red"', "colours.sparkle: unknown role"),
        ("no colour", '[colours]\ntext = "reddish"', "colours.text: no colour"),
        ("a role left out", '[colours]\ntext = "red"', "colours.background: missing"),
        ("an unknown key", 'font = "serif"', "font: unknown key"),
        ("an unknown attribute", '[attributes]\ncrit = "blink"', "attributes.crit: unknown attribute"),
        ("no TOML", "colours =", "own.toml: "),
        ("no table", 'colours = "red"', "colours: must be a table"),
    ],
)
def test_a_wrong_theme_says_what_is_wrong(tmp_path: Path, why: str, text: str, says: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(theme.ThemeError) as caught:
        theme.load("own", tmp_path)
    assert says in str(caught.value), why
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "../default-dark", "", "/etc/passwd"])
def test_an_unknown_name_lists_what_there_is(name: str) -> None:
    with pytest.raises(theme.ThemeError, match="default-dark"):
        theme.load(name)


def test_the_users_own_theme_goes_first(tmp_path: Path) -> None:
    (tmp_path / "mono.toml").write_text('[attributes]\nok = "reverse"')
    assert theme.load("mono", tmp_path).style("ok").reverse
    assert not theme.load("mono").style("ok").reverse
