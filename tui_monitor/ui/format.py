"""Numbers, sizes, durations and clock times as the screen writes them: three significant digits, the same width while they move.

None is written as a dash: nobody can say. Zero is written as 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from tui_monitor.vocabulary import VOCABULARY

NONE = "–"
_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SI_BYTES = tuple((unit, f"{letter}B") for unit, letter in _SI)
_IEC = ((2.0**50, "PiB"), (2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def digits(value: float) -> str:
    """Three significant digits, never an exponent below a thousand: 0.00123 0.212 4.10 18.2 1840."""
    size = abs(value)
    if size >= 99.95 or value == 0:
        return f"{value:.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    if size >= 0.9995:
        return f"{value:.2f}"
    if size >= 0.001:
        return f"{value:.3f}"
    return f"{value:.0e}".replace("e-0", "e-")


def number(value: float | None) -> str:
    """A plain number: up to 9999 written out, then 12.3k, 4.56M."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) < 9999.5:
        return digits(value)
    for size, letter in _SI:
        if abs(value) >= size * 0.9995:
            return f"{digits(value / size)}{letter}" if abs(value) < 1e15 else f"{value:.0e}"
    return digits(value)


def count(value: float | None) -> str:
    """How many: whole numbers below ten thousand, then 12.3k."""
    if value is None or math.isnan(value) or math.isinf(value):
        return NONE
    return f"{value:.0f}" if abs(value) < 999.5 or (abs(value) < 9999.5 and value == round(value)) else number(value)


def letter_count(value: float) -> str:
    """How many, in at most four characters, for narrow columns: 412 1.2k 91k 3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            return f"{short(value / size)}{letter}"
    return f"{value:.0f}"


def ratio(value: float | None) -> str:
    """A share as per cent: 97%, 0.4%; small ones keep a digit so that they do not read as none."""
    if value is None or math.isnan(value) or math.isinf(value):
        return NONE
    percent = value * 100
    if percent == 0 or abs(percent) >= 9.95:
        return f"{percent:.0f}%"
    return f"{percent:.1f}%" if abs(percent) >= 0.05 else "<0.1%"


def percent(value: float | None) -> str:
    """A share as whole per cent, for places where less than one does not matter."""
    return NONE if value is None or math.isnan(value) or math.isinf(value) else f"{value * 100:.0f}%"


def short(value: float) -> str:
    """Two significant digits, all of those before the point: 1.2 38 402."""
    return f"{value:.0f}" if abs(value) >= 9.95 or value == 0 else f"{value:.1f}"


def size(value: float | None) -> str:
    """Bytes in powers of 1024."""
    return _scaled(value, _IEC, "")


def cores(value: float | None) -> str:
    """Cores in use in at most four characters; hardly any is not none: 0 <0.1 3.2 64."""
    if value is None or math.isnan(value):
        return NONE
    return "<0.1" if 0 < value < 0.05 else short(value)


def letter_size(value: float | None) -> str:
    """Bytes in powers of 1024 in at most four characters, for narrow columns: 512K 96M 1.4G 262G."""
    if value is None or math.isnan(value):
        return NONE
    unit, name = next(((unit, name) for unit, name in _IEC if abs(value) >= unit * 999.5 / 1024), (1.0, "B"))
    return f"{short(value / unit)}{name[0]}"


def gib(value: float | None) -> str:
    """Bytes as a bare number of GiB, for columns that say the unit in their head."""
    return NONE if value is None else short(value / 2**30)


def pair_of_sizes(used: float | None, total: float | None) -> str:
    """Two sizes in the unit of the larger one: 402/1008 GiB."""
    if total is None or used is None:
        return f"{size(used)}/{size(total)}" if total is not None else size(used)
    for unit, name in _IEC:
        if total >= unit:
            return f"{short(used / unit)}/{short(total / unit)} {name}"
    return f"{used:.0f}/{total:.0f} B"


def flow(value: float | None) -> str:
    """Bytes per second in powers of 1000, as networks count."""
    return _scaled(value, _SI_BYTES, "/s")


def _scaled(value: float | None, units: Sequence[tuple[float, str]], per: str) -> str:
    if value is None or math.isnan(value):
        return NONE
    unit, name = next(((unit, name) for unit, name in units if abs(value) >= unit * 0.9995), (1.0, "B"))
    return f"{value:.0f} B{per}" if unit == 1.0 else f"{short(value / unit)} {name}{per}"


def seconds(value: float | None) -> str:
    """A measured time: 9ms 340ms 1.90s 2m10."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0s"
    if value < 0.001:
        return f"{value * 1e6:.0f}µs"
    if value < 0.9995:
        return f"{value * 1e3:.0f}ms" if value >= 0.01 else f"{value * 1e3:.1f}ms"
    return f"{digits(value)}s" if value < 99.5 else age(value)


def age(value: float | None) -> str:
    """How long ago or for how long, at most five characters: 1s 38s 12m 2h04 3d07."""
    if value is None or math.isnan(value) or math.isinf(value):
        return NONE
    whole = max(0, int(value))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m" if whole >= 600 or whole % 60 == 0 else f"{whole // 60}m{whole % 60:02d}"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}"
    days = whole // 86400
    return f"{days}d{whole % 86400 // 3600:02d}" if days < 100 else f"{days}d"


def metric(key: str, value: float | None) -> str:
    """A number of the vocabulary in its unit."""
    term = VOCABULARY.get(key)
    return with_unit(value, term.unit if term else "")


def with_unit(value: float | None, unit: str) -> str:
    """A number in a unit of the vocabulary, fit to stand alone."""
    if value is None:
        return NONE
    match unit:
        case "s":
            return seconds(value)
        case "ratio":
            return ratio(value)
        case "B":
            return size(value)
        case "B/s":
            return flow(value)
        case "°C":
            return f"{value:.0f}°C"
        case "W":
            return f"{value:.0f} W"
        case "Hz":
            return f"{value / 1e6:.0f} MHz"
        case "/s":
            return f"{number(value)}/s"
        case "cores":
            return f"{digits(value)} cores"
        case _:
            return count(value) if math.isfinite(value) and value == round(value) else number(value)


def bare(key: str, value: float | None) -> str:
    """A number of the vocabulary for a column whose head or row name says the unit."""
    text = metric(key, value)
    return text.removesuffix("/s") if key in VOCABULARY and VOCABULARY[key].unit == "/s" else text


def local(at: datetime, *, utc: bool) -> datetime:
    """The same moment in the user's zone, or UTC."""
    return at.astimezone(UTC) if utc else at.astimezone()


def clock(at: datetime, *, utc: bool, zone: bool = False) -> str:
    """HH:MM:SS, with the zone's abbreviation when asked."""
    there = local(at, utc=utc)
    return f"{there:%H:%M:%S} {there.tzname() or ''}".rstrip() if zone else f"{there:%H:%M:%S}"


def moment(at: datetime, now: datetime, *, utc: bool) -> str:
    """A clock time; with its day when that is not today."""
    there, today = local(at, utc=utc), local(now, utc=utc)
    return f"{there:%H:%M:%S}" if there.date() == today.date() else f"{there:%d %b %H:%M}"
