"""What a verdict says, in fixed templates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

DAY_S = 86_400.0


def clock(at_s: float, now_s: float) -> str:
    """A time as people on this host read it; with its day when that is not today."""
    at = datetime.fromtimestamp(at_s, UTC).astimezone()
    return at.strftime("%H:%M") if now_s - at_s < DAY_S / 2 else at.strftime("%d %b %H:%M")


def percent(share: float) -> str:
    """A share in per cent, with more digits near none and near all, which are said of exactly none and all only (sums of shares are rounded)."""
    value, left = 100 * share, 100 * (1 - share)
    if min(value, left) < 1e-9:
        return "0 %" if value < left else "100 %"
    if min(value, left) < 0.01:
        return "<0.01 %" if value < left else ">99.99 %"
    if value < 1:
        return f"{value:.1g} %"
    return f"{value:.{0 if left >= 0.5 else -math.floor(math.log10(left))}f} %"


def number(value: float, signal: str) -> str:
    """An edge, with its unit where the signal's name tells it."""
    text = f"{value:g}"
    return f"{text} s" if signal.endswith("_seconds") else text


def moved(signal: str, since: str, edges: Sequence[float], cut: int, reference_below: float, now_below: float) -> str:
    """An ordered signal that moved: the shares on the telling side of the cut where the two differ most."""
    edge = number(edges[cut], signal)
    if now_below <= reference_below:
        return f"{signal} moved up since {since}: {percent(1 - now_below)} above {edge}, {percent(1 - reference_below)} in the reference."
    return f"{signal} moved down since {since}: {percent(now_below)} at or below {edge}, {percent(reference_below)} in the reference."


def changed(signal: str, since: str, category: str, reference: float, now: float) -> str:
    """A signal of categories that changed: the category that changed most."""
    return f"{signal} changed since {since}: {percent(now)} {category}, {percent(reference)} in the reference."


def wrong_more(since: str, reference_below: float, now_below: float) -> str:
    """Right and wrong at the same inputs, at the cut among the reference's answers, from the best to the worst, where they differ most."""
    worst, was = percent(1 - now_below), percent(1 - reference_below)
    if now_below <= reference_below:
        return f"at the same inputs answers are wrong more often since {since}: {worst} are among the worst {was} of the reference."
    best = percent(now_below)
    return f"at the same inputs answers are wrong less often since {since}: {best} are among the best {percent(reference_below)} of the reference."


def errors_moved(since: str, low: tuple[float, float], high: tuple[float, float], spread: float) -> str:
    """Errors of numbers (prediction - label) at the same inputs.

    Args:
        since: when they began to.
        low: share of the reference, and of now, that lies among its lowest errors.
        high: among its highest ones.
        spread: how far beyond chance a share must differ, to be told.
    """
    below, above = low[1] - low[0], high[1] - high[0]
    outside, was = percent(low[1] + high[1]), percent(low[0] + high[0])
    if below > spread and above > spread:
        return f"errors at the same inputs are larger since {since}: {outside} are as far out as {was} of the reference."
    if below < -spread and above < -spread:
        return f"errors at the same inputs are smaller since {since}: {outside} are as far out as {was} of the reference."
    if above - below > 0:
        return f"at the same inputs predictions are too high since {since}: {percent(high[1])} of the errors are as high as the highest {percent(high[0])} of the reference."
    return f"at the same inputs predictions are too low since {since}: {percent(low[1])} of the errors are as low as the lowest {percent(low[0])} of the reference."


def strange(signal: str, since: str, names: str, share: float) -> str:
    """Categories that the reference never had."""
    return f"{signal} has new values since {since}: {names}, {percent(share)} of the rows; none in the reference."


def vanished(signal: str, since: str, category: str, reference: float) -> str:
    """A category that comes no more."""
    return f"{signal} has no more {category} since {since}; {percent(reference)} in the reference."


def learning(rows: float, least: float, passed_s: float, learn_s: float) -> str:
    """While the reference is learned."""
    if rows >= least and passed_s >= learn_s:
        return f"learning what is normal: {rows:.0f} rows so far, at most a day."
    wanted = f" of {least:.0f}" if rows < least else ""
    return f"learning what is normal: {rows:.0f}{wanted} rows, {min(passed_s, learn_s):.0f} of {learn_s:.0f} s."


def waiting(rows: float, least: float) -> str:
    """Reference there, too few rows since."""
    return f"{rows:.0f} of {least:.0f} rows since the reference was learned."


def quiet(since: str) -> str:
    """No rows."""
    return f"no rows since {since}."


def silent(since: str) -> str:
    """The source does not answer."""
    return f"its source is silent since {since}."


def blind(bucket: str) -> str:
    """All rows in one bucket."""
    return f"nearly all rows fall into one bucket ({bucket}): a move inside it cannot be seen."


def same(test: str, bound: str, effect: float, rows: float, reference: float) -> str:
    """Nothing moved."""
    return (
        f"as in the reference: {test} {'≥ ' if bound == '>=' else ''}{effect:.2f} over {rows:.0f} rows, {reference:.0f} in the reference."
    )
