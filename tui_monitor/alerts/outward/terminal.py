"""What a terminal is sent for a notice: the bell, a desktop notification (OSC 9, OSC 777), the title. Pure: the screen writes the bytes.

Nothing of others can end a sequence early or begin another: control characters are gone before. tmux passes sequences on only in its own wrapping.
"""

from __future__ import annotations

from typing import Literal

from tui_monitor.model import Notice, clean

ESC, BEL, ST = b"\x1b", b"\x07", b"\x1b\\"
LONGEST = 200
Osc = Literal["9", "777", ""]
_BELLS = ("fired", "severity", "ack-expired", "reminder")
_OVER = ("resolved", "lost")


def bell() -> bytes:
    """Rings."""
    return BEL


def osc9(text: str) -> bytes:
    """A notification of iTerm2, WezTerm, Windows Terminal, Ghostty. A text that begins with a number would be another command (9;4 is a progress bar)."""
    said = clean(text, LONGEST)
    return ESC + b"]9;" + (f"! {said}" if said[:1].isdigit() else said).encode() + BEL


def osc777(title: str, body: str) -> bytes:
    """A notification of urxvt, foot, Ghostty, VTE. The semicolon parts title and body, so the title has none."""
    head = clean(title, 80).replace(";", ",")
    return ESC + b"]777;notify;" + head.encode() + b";" + clean(body, LONGEST).encode() + BEL


def window_title(text: str) -> bytes:
    """The title of the window or tab."""
    return ESC + b"]2;" + clean(text, 80).encode() + BEL


def through_tmux(sequence: bytes) -> bytes:
    """The same for the terminal around a tmux with `allow-passthrough`."""
    return ESC + b"Ptmux;" + sequence.replace(ESC, ESC + ESC) + ST


def count_title(firing: int, worst: str, host: str) -> str:
    """What the title says: `3 firing, critical - host`, or the host alone."""
    return f"{firing} firing, {worst} - {host}" if firing else host


def for_notice(notice: Notice, host: str, *, ring: bool = True, osc: Osc = "", tmux: bool = False) -> bytes:
    """What a notice sends: the bell for what wants somebody, and the notification for everything."""
    episode = notice.episode
    word = notice.what if notice.what in _OVER else episode.severity
    rule, target, place = (
        clean(episode.rule, 60),
        clean(episode.target, 60),
        clean(host, 60),
    )  # each alone: half a sequence must not eat the next
    title = f"{word.upper()} {rule} on {target} ({place})"
    said = osc9(f"{title}: {notice.text}") if osc == "9" else osc777(title, notice.text) if osc == "777" else b""
    if said and tmux:
        said = through_tmux(said)
    return (bell() if ring and notice.what in _BELLS else b"") + said
