"""What collect brings and analyse takes: one answer of one source, or why there is none."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct

from tui_monitor.model.words import Metrics

FailureKind = Literal[
    "refused",  # nobody listens
    "timeout",  # accepted and silent, or too slow for the deadline
    "tls",
    "auth",  # 401, 403
    "redirect",  # not followed: credentials must not travel
    "bad_status",
    "too_large",  # over the limit of decoded bytes
    "not_metrics",  # a page, but HTML or another format
    "empty",  # 200 and nothing in it
    "damaged",  # cut, or its transfer broke
    "unreadable",  # a file or the kernel said no
    "unsupported",  # the driver or the library cannot
    "wedged",  # a call into a library never came back
]


class Failure(Struct, frozen=True):
    """Why a source has no answer, in one word for machines and one line for people."""

    kind: FailureKind
    message: str


class SeriesKey(NamedTuple):
    """One series of a metrics page, its name kept as exposed."""

    name: str
    labels: tuple[tuple[str, str], ...]  # sorted by name


class Layout(Struct, frozen=True, eq=False):
    """The series of a page in order. The object stays the same while the page's layout does, so rows can go by position."""

    series: tuple[SeriesKey, ...]
    types: dict[str, str]  # family -> counter | gauge | histogram | summary | untyped


class Page(Struct, frozen=True, eq=False):
    """One metrics page as read: `values[i]` belongs to `layout.series[i]`; NaN means that the server itself has no value."""

    layout: Layout
    values: list[float]
    size_bytes: int
    bad_lines: int = 0  # dropped and counted; the rest stands
    damaged: str = ""  # cut or broken: shown, never used for rates
    limited: str = ""  # a limit was hit: what was left out, in one sentence; what was read is whole and the same each time


class ModelAnswer(Struct, frozen=True):
    """One model as its server lists it."""

    name: str
    version: str = ""
    state: str = ""  # READY, LOADING, UNAVAILABLE ... in the server's own word
    why: str = ""
    numbers: dict[str, float] = {}  # gauges that its server tells in this list and not on its page, by the name they have there
    also: tuple[str, ...] = ()  # other names of this version on its page: the one of requests that asked for none


class ServerAnswer(Struct, frozen=True, eq=False):
    """All that one round of polite questions to a model server brought."""

    ready: bool | None = None  # None: this kind has no such question, or it was not answered
    ready_why: str = ""
    ready_took_s: float | None = None
    version: str = ""
    models: tuple[ModelAnswer, ...] | None = None  # None: not listed
    page: Page | None = None
    page_failure: Failure | None = None
    clients: int | None = None  # established connections to its port, from the kernel; None when not ours to see
    backlog: int | None = None  # connections that wait in the accept queues of its ports; None when not ours to see
    process_alive: bool | None = None  # None: process unknown


class Outside(Struct, frozen=True):
    """What this host sees of a server without asking it; None where it cannot see."""

    cpu: float | None = None  # cores that its processes use together
    gpu: float | None = None  # the highest utilisation of its GPUs, 0..1
    stopped: tuple[str, ...] = ()  # its processes that somebody has stopped (state T): "python (1234)"
    unanswered: int | None = None  # clients that asked its port some seconds ago (`collect.unanswered`) and have no answer


class LogRow(Struct, frozen=True):
    """One row of a prediction log. `label` is None until it is known; features are named columns as they came."""

    id: str
    at_s: float
    prediction: str | float | None
    score: float | None
    label: str | float | None
    features: dict[str, float | str | None] = {}
    scores: dict[str, float] = {}  # of a multiclass model: class -> probability
    base: str | float | None = None  # what another model said to the same row
    proxy: str | float | None = None  # a signal that comes earlier than the label and mostly agrees with it
    version: str = ""
    counters: dict[str, float] = {}  # what the business counts: clicks, revenue


class SampledLabel(Struct, frozen=True):
    """A label that somebody gave to a row drawn by `label-sample`."""

    id: str
    label: str | float
    weight: float  # 1 / the chance that the row had to be drawn
    annotator: str = ""


class LogRows(Struct, frozen=True, eq=False):
    """What a prediction log brought since the last look: new rows, and labels that came late (id -> label)."""

    rows: list[LogRow]
    labels: dict[str, str | float]
    left_out: dict[str, int]  # reason -> rows
    sampled: list[SampledLabel] = []
    kept: float = 1.0  # share of the rows that is kept while more come than the limit
    out_of_order: int = 0  # rows older than one before them
    problem: str = ""  # one line: a column that is not there, a file that cannot be read, while other rows do come


class Queried(Struct, frozen=True):
    """Answers of a Prometheus to its configured instant queries: name -> value, or None with a reason in `absent`."""

    values: Metrics
    absent: dict[str, str]
    engine: str = ""  # "prometheus 2.42.0", "victoriametrics ..."
    warning: str = ""  # a partial answer says so


Content = ServerAnswer | LogRows | Queried | Any


class Reading(Struct, frozen=True, eq=False):
    """One source's answer at one moment. Exactly one of `content` and `failure` is there."""

    source: str
    at_s: float  # wall clock at the start of the read
    took_s: float
    content: Content | None = None
    failure: Failure | None = None


class Found(Struct, frozen=True):
    """A model server that discovery recognised, or that the configuration names."""

    name: str
    kind: str
    url: str  # base URL
    urls: dict[str, str] = {}  # metrics, health, api: where they are not under `url`
    pid: int | None = None
    started_s: float | None = None  # when its process started, wall clock
    ports: tuple[int, ...] = ()
    how: str = ""  # one line: what it was recognised by
    configured: bool = False
    models: tuple[str, ...] = ()  # names known from its command line or the configuration, for servers that cannot list theirs
    container: str = ""  # the container its process is in, as people know it: "docker 3f2a9c01b2d4"
    orphan: bool = False  # whoever started its process is gone: nobody will start it again
