"""Flapping: an alert that comes and goes is told of once, and then not until it has made up its mind."""

from __future__ import annotations

WINDOW_S = 600.0  # how far back changes count, and how long it must be quiet
CHANGES = 4  # firing or over, in the window


def moved(moves_s: tuple[float, ...], now_s: float) -> tuple[float, ...]:
    """The moments of change that still count, with one more."""
    return (*(move_s for move_s in moves_s if now_s - move_s < WINDOW_S), now_s)


def flaps(moves_s: tuple[float, ...], now_s: float) -> bool:
    """Whether there were so many changes lately that each by itself says nothing."""
    return sum(now_s - move_s < WINDOW_S for move_s in moves_s) >= CHANGES


def quiet(moves_s: tuple[float, ...], now_s: float) -> bool:
    """Whether nothing has changed for long enough to believe it."""
    return not moves_s or now_s - moves_s[-1] >= WINDOW_S
