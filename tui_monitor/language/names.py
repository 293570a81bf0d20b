"""The names that an expression looks up, taken apart: key, window, bound; and which keys have windows at all."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from msgspec import Struct

from tui_monitor.language.tokens import ExpressionError, nearest
from tui_monitor.vocabulary import VOCABULARY, WINDOWS

OVER = ".over"  # latency.over(500ms): the share of requests that took longer
TIMED = ("latency", "ttft", "itl")  # what has a histogram of times
_GAUGES = ("request.running", "queue.length", "kv_cache.used")  # of those families, what is a number of this moment
_OVER_WINDOWS = ("request.", "error.", "reject.", "queue.", "batch.", "latency.", "token.", "ttft.", "itl.", "prefix_cache.", "preemption.")
_JUDGED = (
    "accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "mae", "mse", "rmse", "bias", "calibration", "cost", "label", "n",
    "probe", "business",
)  # fmt: skip
_JUDGED_NOW = "30m"  # the window that is meant where none is written
_JUDGED_WINDOWS = (*WINDOWS, "deploy", "all", "latest")  # since the newest version, since the log began; the newest answers of a probe
BUSINESS = "business."  # clicks, revenue: what the user's own columns count
_NAME = re.compile(r"(?P<key>[^\[(]+?)(?:\.over\((?P<bound>[0-9.e+-]+)s\))?(?:\[(?P<window>[^\]]+)\])?")


class Asked(Struct, frozen=True):
    """What one name asks a subject for."""

    name: str  # as it is looked up
    key: str  # of the vocabulary, or of a query; that a subject has it says that it can answer
    window: str = ""  # empty: now, which for rates and quantiles is the last minute
    over: tuple[str, float] | None = None  # family and bound in seconds: the share of requests above it


@lru_cache(maxsize=4096)
def asked(name: str) -> Asked:
    """A name taken apart. `latency.over(0.5s)[5m]` asks of whatever has `latency.p50`, because the same buckets tell it."""
    found = _NAME.fullmatch(name)
    if found is None or (found["bound"] is None and found["key"] not in VOCABULARY and not found["key"].startswith(BUSINESS)):
        return Asked(name, name)
    key, bound, window = found["key"], found["bound"], found["window"] or ""
    return Asked(name, key, window) if bound is None else Asked(name, f"{key}.p50", window, (key, float(bound)))


def over_name(family: str, bound_s: float) -> str:
    """`latency.over(0.5s)`."""
    return f"{family}{OVER}({bound_s:.6g}s)"


def check_window(key: str, window: str, column: int, queries: Collection[str]) -> None:
    """Whether a key has this window.

    Raises:
        ExpressionError: at the window.
    """
    if key in queries and key not in VOCABULARY and not key.startswith(BUSINESS):
        if window not in WINDOWS:
            raise ExpressionError(column, _unknown_window(window, WINDOWS))
        raise ExpressionError(column, f"{key} is a query: its window stands in its PromQL")
    known = _JUDGED_WINDOWS if judged(key) else tuple(WINDOWS)
    if window not in known:
        raise ExpressionError(column, _unknown_window(window, known))
    if judged(key):
        return
    if not has_windows(key):
        raise ExpressionError(column, f"{key} is a number of this moment; it has no window")


def _unknown_window(window: str, known: Collection[str]) -> str:
    return f"unknown window {window!r}{nearest(window, known)}; known: {' '.join(known)}"


def judged(key: str) -> bool:
    """Whether a key is about the quality of a model: of a prediction log, one of its slices, or golden questions."""
    return key.partition(".")[0] in _JUDGED


def window_now(key: str) -> str:
    """The window that a key without one is about; empty where it is a number of this moment."""
    return _JUDGED_NOW if judged(key) else "1m" if has_windows(key) else ""


def has_windows(key: str) -> bool:
    """Whether a key is counted over a stretch of time, and can be asked for over longer ones."""
    return key.startswith(_OVER_WINDOWS) and key not in _GAUGES
