"""Counters, gauges and histograms of a server of ours, and the text page that shows them (Prometheus' text format 0.0.4).

Written out instead of taken from a client library: the demo's servers must start in a blink and stay small. The start of every line is
made once; a scrape only puts the numbers behind it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate


def labelled(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """`name{a="b"}` with the values escaped as the format wants it."""
    inside = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels)
    return f"{name}{{{inside}}}" if inside else name


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _head(name: str, kind: str, meaning: str) -> str:
    return f"# HELP {name} {meaning}\n# TYPE {name} {kind}"


class Values:
    """A counter or gauge family: one number for each combination of its labels' values."""

    def __init__(self, name: str, kind: str, meaning: str, constant: Sequence[tuple[str, str]] = (), labels: Sequence[str] = ()) -> None:
        self._name, self._constant, self._labels = name, tuple(constant), tuple(labels)
        self._head = _head(name, kind, meaning)
        self._values: dict[tuple[str, ...], float] = {}
        self._starts: dict[tuple[str, ...], str] = {}
        if not labels:
            self.set(0.0)

    def set(self, value: float, *labels: str) -> None:
        """Let the series of these label values have this number."""
        if labels not in self._starts:
            self._starts[labels] = labelled(self._name, (*self._constant, *zip(self._labels, labels, strict=True)))
        self._values[labels] = value

    def add(self, value: float = 1.0, *labels: str) -> None:
        """Let it grow."""
        self.set(self._values.get(labels, 0.0) + value, *labels)

    def value(self, *labels: str) -> float:
        """The number now; 0 where nothing was counted yet."""
        return self._values.get(labels, 0.0)

    def lines(self) -> Iterable[str]:
        """The family's part of the page."""
        yield self._head
        for labels, value in self._values.items():
            yield f"{self._starts[labels]} {value!r}"


class Histogram:
    """A histogram family with one series."""

    def __init__(self, name: str, meaning: str, edges: Sequence[float], constant: Sequence[tuple[str, str]] = ()) -> None:
        """`edges` are the upper bounds without the last, open one."""
        self._edges = tuple(float(edge) for edge in edges)
        self._counts = [0] * (len(self._edges) + 1)
        self.total = 0.0
        self._head = _head(name, "histogram", meaning)
        bounds = [*(repr(edge) for edge in self._edges), "+Inf"]
        self._starts = [labelled(f"{name}_bucket", (*constant, ("le", bound))) for bound in bounds]
        self._ends = labelled(f"{name}_count", constant), labelled(f"{name}_sum", constant)

    @property
    def count(self) -> int:
        """Observations so far."""
        return sum(self._counts)

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value; a value on an edge belongs to the bucket below it (`le`)."""
        self._counts[bisect_left(self._edges, value)] += times
        self.total += value * times

    def lines(self) -> Iterable[str]:
        """The family's part of the page."""
        yield self._head
        count = 0
        for start, count in zip(self._starts, accumulate(self._counts), strict=True):
            yield f"{start} {count}.0"
        yield f"{self._ends[0]} {count}.0"
        yield f"{self._ends[1]} {self.total!r}"


def page(families: Iterable[Values | Histogram]) -> bytes:
    """The whole page."""
    return ("\n".join(line for family in families for line in family.lines()) + "\n").encode()
