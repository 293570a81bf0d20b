"""What of the slices of a log survives a restart: how they were made, and counts of references over them, never rows."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Sort = Literal["configured", "text", "number", "output"]
"""Configured, a value of a column, a quarter of a column of numbers, or what the model said."""


class SavedSlice(Struct, frozen=True):
    """A slice as it was made."""

    name: str
    expression: str
    sort: Sort


class SavedJoint(Struct, frozen=True):
    """Rows per bin that two slices share, of the reference of one signal."""

    signal: str
    reference: str  # which one
    bins: int
    counts: bytes  # uint16, zlib
    known: list[bool]  # slices of which the reference tells


class SavedCarried(Struct, frozen=True):
    """The slices of one log, and what its references are made of: counts only."""

    configured: dict[str, str]
    slices: list[SavedSlice]
    joints: list[SavedJoint]
