"""Prometheus' arithmetic changed three times; a dialect says which side of each change a number is on.

Read in the server's source at its tags, from 2.42 to 3.14:

    since 2.49  steps between buckets that are float noise are levelled before a quantile is taken (promql/quantile.go)
    since 2.51  a counter's zero point limits the growth before its first sample after the half-gap rule, not before it
    since 3.0   a range begins after its left end: (t - w, t] instead of [t - w, t]

All else is the same in all of them. Not followed: a server's feature flags (start timestamps, anchored and smoothed ranges).
"""

from __future__ import annotations

from msgspec import Struct


class Dialect(Struct, frozen=True):
    """How one generation of servers counts."""

    closed: bool  # a sample at the window's very start is in it
    zero_first: bool  # the zero point is applied before the half-gap rule, so that a near one is lost
    levels_noise: bool


V2 = Dialect(closed=True, zero_first=True, levels_noise=False)  # up to 2.48
V2_49 = Dialect(closed=True, zero_first=True, levels_noise=True)  # 2.49 and 2.50
V2_51 = Dialect(closed=True, zero_first=False, levels_noise=True)  # 2.51 to 2.55
V3 = Dialect(closed=False, zero_first=False, levels_noise=True)  # 3.0 and later: what this program speaks


def dialect_of(version: str) -> Dialect:
    """The dialect of a server by the version that it tells, such as "2.42.0"; of an unreadable one, the newest."""
    parts = version.strip().removeprefix("v").split(".")
    try:
        release = int(parts[0]), int(parts[1]) if len(parts) > 1 else 0
    except ValueError:
        return V3
    since = (((3, 0), V3), ((2, 51), V2_51), ((2, 49), V2_49))
    return next((spoken for first, spoken in since if release >= first), V2)
