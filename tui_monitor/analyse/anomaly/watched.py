"""Which numbers are forecast without being asked for, and what is known of them beforehand."""

from __future__ import annotations

import math
from collections.abc import Collection

from tui_monitor.analyse.anomaly.outlook import Traits
from tui_monitor.model import Subject
from tui_monitor.vocabulary import VOCABULARY

FORECAST: dict[str, tuple[str, ...]] = {
    "host": ("cpu.util", "memory.used"),
    "disk": ("disk.used",),
    "gpu": ("gpu.memory.used", "gpu.temperature"),
    "target": (
        "request.rate", "latency.p95", "ttft.p95", "error.ratio", "token.rate.generated", "queue.length", "kv_cache.used", "cpu.util",
        "memory.used",
    ),
}  # fmt: skip
"""Kind of subject -> keys. Of a Prometheus every named number is."""

FILLS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "host": (("memory.used", "memory.total"),),
    "disk": (("disk.used", "disk.total"),),
    "target": (("kv_cache.used", None), ("memory.used", "memory.total"), ("disk.used.ratio", None)),
}
"""Kind of subject -> what fills up, and the number that is the whole of it; None: it is a share already."""

FULL = {
    "memory.used": "memory.full.in",
    "disk.used": "disk.full.in",
    "disk.used.ratio": "disk.full.in",
    "kv_cache.used": "kv_cache.full.in",
}
"""What fills up -> the key of when it is full; with `.high` the latest moment, with `.lasted` instead of `.in` for how long it has grown."""

_FLOORS: dict[str, float] = {
    "request.rate": 0.5, "latency.p95": 0.02, "ttft.p95": 0.02, "error.ratio": 0.02, "token.rate.generated": 10.0, "queue.length": 4.0,
    "kv_cache.used": 0.1, "cpu.util": 0.1, "memory.used": 2.0**28, "disk.used": 2.0**30, "gpu.memory.used": 2.0**28, "gpu.temperature": 5.0,
}  # fmt: skip


def traits(kind: str, key: str) -> Traits:
    """What is known of a number beforehand. A query may be anything, so only its own past says how wide its band is."""
    term = VOCABULARY.get(key)
    if kind == "query" or term is None:
        return Traits(signed=True)
    return Traits(term.bad, _FLOORS.get(key, 0.0), 1.0 if term.unit == "ratio" else math.inf)


def forecast_keys(subject: Subject) -> tuple[str, ...]:
    """The numbers of a subject that are forecast."""
    if subject.kind == "query":
        return tuple(subject.metrics)
    return tuple(key for key in FORECAST.get(subject.kind, ()) if key in subject.metrics)


def not_forecast(key: str, kind: str = "", queries: Collection[str] = ()) -> str:
    """Why nothing is expected of a key, with what is forecast instead; empty where it is forecast.

    Args:
        key: of the vocabulary, or the name of a query.
        kind: of the subjects that are meant; empty: any.
        queries: named queries, of which every one is forecast.
    """
    if (key in queries and kind in ("", "query")) or any(key in keys for of, keys in FORECAST.items() if kind in ("", of)):
        return ""
    near = kind or next((of for of, keys in FORECAST.items() for one in keys if one.partition(".")[0] == key.partition(".")[0]), "target")
    if near not in FORECAST:
        return f"{key} is not forecast, and nothing else of a {near}; of a target these are: {' '.join(FORECAST['target'])}"
    return f"{key} is not forecast; of a {near} these are: {' '.join(FORECAST[near])}"


def share_of(subject: Subject, key: str, whole: str | None) -> float | None:
    """How full it is, 0..1; None where nobody can say."""
    used = subject.metrics.get(key)
    if used is None or not math.isfinite(used):
        return None
    if whole is None:
        return used if 0 <= used <= 1 else None
    total = subject.metrics.get(whole)
    return used / total if total is not None and math.isfinite(total) and 0 <= used <= total and total > 0 else None
