"""The buckets of a histogram over a time that was, from a Prometheus: raw counters at moments, never `increase`, which invents parts of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from tui_monitor.collect.prometheus import RangeFailure, RangeSource
from tui_monitor.config import PrometheusSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORTEST_STEP_S = 15.0
MOST_SLOTS = 1440


class PastBuckets(NamedTuple):
    """Rows that came between two moments, per bucket."""

    edges: list[float]  # finite upper bounds, rising
    at_s: NDArray[np.float64]  # of each slot
    slots: NDArray[np.float64]  # one row a slot, one column a bucket and one for what is over all edges


def past_buckets(settings: PrometheusSettings, family: str, instance: str, start_s: float, end_s: float) -> PastBuckets:
    """Ask. Blocks: for threads only; loads pandas.

    Args:
        settings: whom.
        family: of the histogram, without `_bucket`.
        instance: a regular expression for the label `instance`.
        start_s: from when.
        end_s: until when.

    Raises:
        RangeFailure: no answer, or nothing in it.
        CredentialError: a file of the settings cannot be read.
    """
    quoted = instance.replace("\\", "\\\\").replace('"', '\\"')
    step_s = max(SHORTEST_STEP_S, (end_s - start_s) / MOST_SLOTS)
    frame = RangeSource(settings).frame(f'{family}_bucket{{instance=~"{quoted}"}}', start_s, end_s, step_s)
    return buckets_of(frame, family)


def buckets_of(frame: Any, family: str) -> PastBuckets:
    """Counts per slot from cumulative counters per series; one that falls began anew.

    Raises:
        RangeFailure: there is no histogram in it.
    """
    import numpy as np

    if "le" not in frame.columns or not len(frame):
        raise RangeFailure("empty", f"{family}_bucket is not there in that time")
    labels = [name for name in frame.columns if name not in ("value", "timestamp")]
    bounds = sorted({bound for le in frame["le"].unique() if (bound := _bound(str(le))) is not None})
    moments = np.unique(frame.index.values.astype("datetime64[ns]").astype(np.int64) / 1e9)
    if len(bounds) < 2 or bounds[-1] != math.inf or len(moments) < 2:
        raise RangeFailure("empty", f"{family}_bucket is no whole histogram in that time")
    grown = np.zeros((len(moments), len(bounds)))
    for key, unsorted in frame.groupby(labels, dropna=False):
        named = dict(zip(labels, key if isinstance(key, tuple) else (key,), strict=True))
        bound = _bound(str(named["le"]))
        if bound is None:
            continue
        series = unsorted.sort_index()
        at_s = series.index.values.astype("datetime64[ns]").astype(np.int64) / 1e9
        values = series["value"].to_numpy(dtype=np.float64)
        step = np.diff(values)
        step = np.where(step < 0, values[1:], step)  # its server began anew
        np.add.at(grown, (np.searchsorted(moments, at_s[1:]), bounds.index(bound)), np.nan_to_num(step))
    slots = np.clip(np.diff(grown[1:], axis=1, prepend=0.0), 0.0, None)
    return PastBuckets([bound for bound in bounds if bound != math.inf], moments[1:], slots)


def _bound(le: str) -> float | None:
    try:
        bound = float(le)
    except ValueError:
        return None
    return bound if bound == bound else None  # noqa: PLR0124 - NaN is no bound
