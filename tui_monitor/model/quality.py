"""How well models do: numbers with their interval and what they rest on."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tui_monitor.model.words import Metrics

Basis = Literal["labelled", "sampled", "estimated", "probe", "given"]
"""What a quality number rests on: true labels; a sample that people labelled; the scores; questions with known answers; somebody else's gauge."""


FEWEST_CHARTED = 20  # rows: a point that rests on fewer stretches the scale of a chart and says nothing


class Estimate(Struct, frozen=True):
    """A quality number with its 95 % interval and where it comes from."""

    value: float | None
    low: float | None = None
    high: float | None = None
    source: Basis = "labelled"
    n: int | None = None  # rows that it rests on
    reference: float | None = None  # the same number over the reference
    floor: float | None = None  # mean - 3 sd (+ 3 sd where high is bad) of the reference cut into windows of this length
    breach: bool | None = None  # worse than the floor


class ClassScore(Struct, frozen=True):
    """How well one class is told."""

    support: int  # rows whose label it is
    precision: float
    recall: float
    f1: float


class Calibration(Struct, frozen=True):
    """Ten equal steps of the score: rows, their mean score, and the share of them that was positive."""

    n: list[int]
    score: list[float | None]
    share: list[float | None]


class Performance(Struct, frozen=True, kw_only=True):
    """How well a model did over one window of its prediction log, from one source; `all` is since the log began, `deploy` since its newest version."""

    name: str
    window: str
    slice: str | None
    start: datetime | None = None  # start <= time < end
    end: datetime | None = None
    n: int
    labelled: int = 0
    coverage: float | None  # labelled / n
    source: Basis = "labelled"
    why: str = ""
    assumption: str = ""  # what an estimate takes for granted
    metrics: dict[str, Estimate]
    classes: dict[str, ClassScore] = {}
    confusion: list[list[int]] | None = None  # rows: labels, columns: predictions, both in the order of the log's classes
    calibration: Calibration | None = None


def charted(one: Performance) -> tuple[str, Metrics]:
    """Under which subject and keys the past of a log's numbers is kept: `quality:fraud`, `accuracy[30m]`, `accuracy[30m].low` ...

    A number that rests on few rows is a gap. Slices are subjects of their own (`quality:fraud/long`); numbers that are not from labels say so:
    `accuracy[30m] estimated`.
    """
    subject = f"quality:{one.name}" + (f"/{one.slice}" if one.slice is not None else "")
    numbers: Metrics = {}
    for key, known in one.metrics.items():
        estimate = known if known.n is None or known.n >= FEWEST_CHARTED else Estimate(None)
        name = f"{key}[{one.window}]" + ("" if one.source == "labelled" else f" {one.source}")
        numbers |= {name: estimate.value, f"{name}.low": estimate.low, f"{name}.high": estimate.high}
        if estimate.floor is not None and one.source == "labelled":
            numbers[f"{name} floor"] = estimate.floor
    return subject, numbers


class WorstSlice(Struct, frozen=True):
    """A slice that does worse than the rest of its log beyond chance."""

    slice: str
    window: str
    key: str
    value: Estimate
    rest: Estimate  # of all other rows
    gap: Estimate  # how much worse, positive
    p: float  # adjusted for the number of slices (Benjamini and Hochberg)


class Gap(Struct, frozen=True):
    """Two groups of a log held against each other."""

    first: str
    second: str
    window: str
    key: str
    difference: Estimate  # first - second
    ratio: Estimate


class Paired(Struct, frozen=True):
    """The model against another one on the same rows."""

    other: str  # "base model", or a version
    window: str
    key: str
    value: Estimate
    theirs: Estimate
    difference: Estimate  # value - theirs


class Quality(Struct, frozen=True, kw_only=True):
    """One prediction log as a whole: what is judged, how it stands, and what its numbers have to be read with."""

    name: str
    task: str
    key: str  # the number that speaks for it: accuracy, mae ...
    state: Literal["OK", "FALLING", "DECAYED", "UNKNOWN"] = "UNKNOWN"  # FALLING: short and long window breach; DECAYED: the long one only
    since: datetime | None = None
    sentence: str = ""
    classes: list[str] = []
    positive: str = ""
    slices: dict[str, str] = {}  # name -> expression
    slices_left_out: int = 0  # more than are kept
    worst: list[WorstSlice] = []
    gaps: list[Gap] = []
    pairs: list[Paired] = []
    cost: str = ""  # how the cost of a prediction has changed, and by which kind of error
    version: str = ""
    deploys: list[tuple[datetime, str]] = []  # when which version was first seen, oldest first
    label_age_s: float | None = None  # median time from prediction to label, of the newest labels
    label_age_p95_s: float | None = None
    sampled: float | None = None  # share of the rows that is kept while there are too many
    kappa: Estimate | None = None  # agreement of two people who labelled the same rows
    proxy_agreement: Estimate | None = None
    ess: float | None = None  # effective sample size of the reweighted reference
    left_out: dict[str, int] = {}  # reason -> rows
    private: list[str] = []
    reference: str = ""  # where the reference comes from
    problem: str = ""  # why nothing new comes in
