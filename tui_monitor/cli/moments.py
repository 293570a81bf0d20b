"""Moments as people type them: 2026-05-01T14:22, 14:22, 14:22:30, -10m before the end of a recording."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from tui_monitor.cli.exits import USAGE, Stop
from tui_monitor.vocabulary import seconds


def span_s(flag: str, text: str) -> float:
    """A length of time that a flag was given: whole seconds, at least one.

    Raises:
        Stop: it is none.
    """
    try:
        found_s = seconds(text)
    except ValueError as error:
        raise Stop(f"{flag}: {error}", USAGE) from None
    if not 1 <= found_s < 1e10 or found_s != round(found_s):
        raise Stop(f"{flag}: {text} is no number of whole seconds", USAGE)
    return found_s


def moment_s(text: str, first_s: float, last_s: float, zone: tzinfo | None) -> float:
    """Seconds since 1970 of a moment inside a recording.

    Args:
        text: ISO 8601; a clock time, then its newest occurrence before the recording's end is meant; or a duration before the end.
        first_s: when the recording begins.
        last_s: when it ends.
        zone: of times that do not say theirs; None is the local one.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    text = text.strip()
    if text.startswith("-"):
        at_s = last_s - seconds(text[1:])
    elif re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", text):
        at_s = _clock_s(text, last_s, zone)
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text[:60]!r} is no time (write 2026-05-01T14:22, 14:22:30, or -10m before the end)") from None
        at_s = (at if at.tzinfo else at.replace(tzinfo=zone) if zone else at.astimezone()).timestamp()
    if not first_s - 1 <= at_s <= last_s + 1:
        raise ValueError(f"{text[:60]!r} lies outside the file, which holds {_said(first_s, zone)} to {_said(last_s, zone)}")
    return at_s


def coming_s(text: str, now_s: float) -> float:
    """Seconds since 1970 of a moment to come: ISO 8601, in the local zone where it names none, or a clock time, then its next occurrence.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    text = text.strip()
    clock = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", text)
    try:
        if clock is None:
            at_s = datetime.fromisoformat(text).astimezone().timestamp()
        else:
            there = datetime.fromtimestamp(now_s).replace(  # noqa: DTZ006 - local, without its offset: that may be another by then
                hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), microsecond=0
            )
            at_s = there.astimezone().timestamp()
            if at_s <= now_s:
                at_s = (there + timedelta(days=1)).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:60]!r} is no time (write 18:00 or 2026-05-01T18:00)") from None
    if at_s <= now_s:
        raise ValueError(f"{text[:60]!r} is over")
    return at_s


def _clock_s(text: str, last_s: float, zone: tzinfo | None) -> float:
    parts = [int(part) for part in text.split(":")]
    end = datetime.fromtimestamp(last_s, UTC).astimezone(zone)
    try:
        at = end.replace(hour=parts[0], minute=parts[1], second=parts[2] if len(parts) > 2 else 0, microsecond=0)
    except ValueError:
        raise ValueError(f"{text!r} is no time of day") from None
    return (at if at <= end + timedelta(seconds=1) else at - timedelta(days=1)).timestamp()


def _said(at_s: float, zone: tzinfo | None) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"
