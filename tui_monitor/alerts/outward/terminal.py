"""What a terminal is sent for an alert: the bell, a desktop notification (OSC 9, OSC 777). Pure: the screen writes the bytes.

Nothing of others can end a sequence early or begin another: control characters are gone before. tmux passes sequences on only in its own wrapping.
"""

from __future__ import annotations

from tui_monitor.model import clean

ESC, BEL, ST = b"\x1b", b"\x07", b"\x1b\\"
LONGEST = 200


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


def through_tmux(sequence: bytes) -> bytes:
    """The same for the terminal around a tmux with `allow-passthrough`."""
    return ESC + b"Ptmux;" + sequence.replace(ESC, ESC + ESC) + ST
