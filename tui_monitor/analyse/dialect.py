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
