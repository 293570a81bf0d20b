"""What the screen sends its terminal for alerts that fire anew: the bell, and a desktop notification where the terminal can show one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from tui_monitor.alerts.outward.terminal import bell, osc9, osc777, through_tmux
from tui_monitor.config import ScreenSettings
from tui_monitor.model import Alert, Severity, clean

Kind = Literal["9", "777", ""]
_OSC9 = ("ghostty", "wezterm", "iterm", "kitty")
_OSC777 = ("foot", "rxvt-unicode", "urxvt")
_WORST: tuple[Severity, ...] = ("critical", "warning", "info")


def kind_of(settings: ScreenSettings, environ: Mapping[str, str]) -> Kind:
    """Which sequence the terminal understands, by its name; nothing where it does not say: an unknown terminal might print it."""
    match settings.notifications:
        case "osc9":
            return "9"
        case "osc777":
            return "777"
        case "off":
            return ""
    names = f"{environ.get('TERM', '')} {environ.get('TERM_PROGRAM', '')}".casefold()
    if "WT_SESSION" in environ or any(name in names for name in _OSC9):
        return "9"
    return "777" if "VTE_VERSION" in environ or any(name in names for name in _OSC777) else ""


def ring_for(settings: ScreenSettings, environ: Mapping[str, str]) -> Callable[[Sequence[Alert], str], bytes] | None:
    """Makes the bytes for new alerts, one ring for all of them; None when nothing is wanted."""
    kind, tmux = kind_of(settings, environ), "TMUX" in environ
    if not settings.bell and not kind:
        return None

    def ring(alerts: Sequence[Alert], host: str) -> bytes:
        worst = min(alerts, key=lambda alert: _WORST.index(alert.severity))
        more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
        rule, target, place = (
            clean(part, 60) for part in (worst.rule, worst.target, host)
        )  # each alone: half a sequence eats what follows
        title = f"{worst.severity.upper()} {rule} on {target} ({place}){more}"
        said = osc9(f"{title}: {worst.summary}") if kind == "9" else osc777(title, worst.summary) if kind == "777" else b""
        return (bell() if settings.bell else b"") + (through_tmux(said) if tmux and said else said)

    return ring
