"""Signals that a metrics page offers by itself, by the names of its families: sizes, times, scores, and how often which class was said.

Only what a name says clearly is taken: a signal that means nothing takes part of the budget of false alarms.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from tui_monitor.mapping import SignalSource
from tui_monitor.model import Layout

MOST = 12  # of one page
CLASS_LABELS = ("class", "label", "prediction", "category", "finish_reason", "finished_reason", "outcome")
FEWEST_CLASSES, MOST_CLASSES = 2, 30
_FOREIGN = re.compile(
    r"(python|process|go|promhttp|http|https|grpc|rest|uvicorn|fastapi|starlette|node|dcgm|jvm|nodejs|scrape|prometheus)[_:]"
)
_ROLES = (
    ("latency", re.compile(r"(seconds|duration|latency|_ms|_us|_milliseconds|_microseconds|time_to_first_token)s?$|latency|duration")),
    ("score", re.compile(r"score|probabilit|confidence|logit")),
    ("output", re.compile(r"generat|output|completion|response|answer|prediction")),
    ("input", re.compile(r"prompt|input|token|word|feature|request_(size|length|bytes)|context")),
)  # fmt: skip


def role_of(family: str) -> str:
    """What a histogram of this name is a distribution of; nothing where its name does not tell."""
    name = family.lower()
    return next((role for role, pattern in _ROLES if pattern.search(name)), "")


def found_signals(layout: Layout, known: Collection[str], prefixes: Collection[str] = ()) -> tuple[SignalSource, ...]:
    """Histograms and counters of classes that are worth watching.

    Args:
        layout: of the page.
        known: families that are taken, or left alone on purpose.
        prefixes: beginnings of names that belong to the server's own families: what is worth watching there is known.
    """
    histograms: dict[str, None] = {}
    labelled: dict[tuple[str, str], set[str]] = {}
    for key in layout.series:
        name = key.name
        if name.endswith("_bucket"):
            family = name[: -len("_bucket")]
            if layout.types.get(family) == "histogram":
                histograms[family] = None
            continue
        for label, value in key.labels:
            if label in CLASS_LABELS and (
                layout.types.get(name) == "counter" or layout.types.get(name.removesuffix("_total")) == "counter"
            ):
                values = labelled.setdefault((name, label), set())
                if len(values) <= MOST_CLASSES:
                    values.add(value)

    def free(family: str) -> bool:
        return family not in known and not _FOREIGN.match(family) and not family.startswith(tuple(prefixes))

    found = [SignalSource(family, role) for family in histograms if free(family) and (role := role_of(family))]
    found += [
        SignalSource(family, "output", label=label)
        for (family, label), values in labelled.items()
        if free(family) and FEWEST_CLASSES <= len(values) <= MOST_CLASSES
    ]
    return tuple(found[:MOST])
