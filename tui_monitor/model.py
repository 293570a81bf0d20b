"""The values that cross rooms, and the wire: frozen, plain, and the same in memory, on the socket, on disk and in JSON.

A number is a float, or None when nobody can say; the reason then stands beside it (`absent`). Times are aware datetimes in UTC;
names that end in `_s` are seconds, `_bytes` bytes; metrics are in the SI units of the vocabulary.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from msgspec import Struct, field

SCHEMA = 1  # of the Frame's JSON, of recordings and snapshots
PROTOCOL = 1  # of the socket between engine and screen

Metrics = dict[str, float | None]
Severity = Literal["critical", "warning", "info"]
TargetState = Literal["OK", "IDLE", "SLOW", "STALLED", "STARTING", "STALE", "DOWN", "UNKNOWN"]
GpuState = Literal["OK", "LOST", "HUNG", "UNKNOWN"]
SignalState = Literal["learning", "idle", "stable", "watch", "drift", "blind", "stale"]
SubjectKind = Literal["target", "model", "gpu", "host", "disk", "signal", "performance", "slice", "query"]
AlertState = Literal["pending", "firing", "resolved", "lost"]

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_^X].*?(?:\x07|\x1b\\|$)|[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]",
    re.DOTALL,
)


def clean(text: object, limit: int = 200) -> str:
    """A string from outside, fit for a terminal: no control characters, no escape sequences, one line, at most `limit` characters."""
    plain = " ".join(_CONTROL.sub(" ", str(text)).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def utc(seconds: float) -> datetime:
    """Seconds since 1970 as the aware datetime that frames carry."""
    return datetime.fromtimestamp(seconds, UTC)


# -- collect -> analyse -------------------------------------------------------------------------------------------------------------

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


class GoldenQuestion(Struct, frozen=True):
    """A request whose answer is known."""

    id: str
    request: Any  # a body as the protocol wants it, or one row of it
    label: Any  # text, number, or a list of numbers
    key: str = ""  # changes with request or label: answers to another question are not compared


class GoldenAnswer(Struct, frozen=True):
    """What came back for a golden question; with a `failure` nothing did, and nobody can say whether it is right."""

    question: str
    at_s: float
    took_s: float
    value: Any = None  # text, number, a list of numbers, or class -> number
    failure: Failure | None = None


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


# -- the Frame ----------------------------------------------------------------------------------------------------------------------


class Model(Struct, frozen=True):
    """One model of a target."""

    name: str
    version: str | None
    state: str
    metrics: Metrics = {}
    why: str = ""


class ServerProcess(Struct, frozen=True, kw_only=True):
    """The processes of a target on this host, as one."""

    pid: int  # of the eldest
    started: datetime | None = None
    processes: int = 1
    rss_bytes: int | None = None
    cpu: float | None = None  # cores
    gpu_memory_bytes: int | None = None  # of all its GPUs
    restarts: int = 0  # seen since watching began
    stopped: list[str] = []  # processes in state T: "python (1234)"
    orphan: bool = False
    container: str = ""


class Orphan(Struct, frozen=True, kw_only=True):
    """A process that a model server left behind and that still holds a port or a GPU's memory."""

    pid: int
    name: str
    kind: str  # of the server it belonged to
    ports: list[int] = []
    gpus: list[int] = []
    gpu_memory_bytes: int | None = None


class Target(Struct, frozen=True, kw_only=True):
    """A watched server now. A key of `metrics` that is None has its reason in `absent`."""

    name: str
    kind: str
    url: str
    state: TargetState
    why: str
    since: datetime  # of the state
    age_s: float | None  # of the newest numbers
    pid: int | None = None
    gpus: list[int] = []
    version: str | None = None
    metrics: Metrics = {}
    absent: dict[str, str] = {}
    bounds: dict[str, tuple[float, float]] = {}  # quantile key -> the bucket it fell into
    at_least: list[str] = []  # keys whose value is a lower bound
    misses: dict[str, str] = {}  # of those, what the value leaves out; without an entry it fell into the open top bucket
    series: dict[str, str] = {}  # key -> the exposed name that was used
    models: list[Model] = []
    how: str = ""
    about: Literal["server", "gpu", "host"] = "server"  # gpu, host: an exporter that tells of them, and no server of models
    limited: str = ""  # which limit its page hit, and what that left out
    bad_lines: int = 0  # of its newest page, dropped
    process: ServerProcess | None = None  # None: on another host, or not ours to see


class TargetWindow(Struct, frozen=True, kw_only=True):
    """A target's numbers over one sliding window."""

    target: str
    window: str  # 1m 5m 30m 3h 24h
    covered_s: float  # how much of the window is known
    metrics: Metrics
    at_least: list[str] = []


class GpuProcess(Struct, frozen=True):
    """A process that holds memory of a GPU."""

    pid: int
    name: str
    user: str | None = None
    used_bytes: int | None = None
    target: str | None = None


class Gpu(Struct, frozen=True, kw_only=True):
    """One GPU; LOST and HUNG ones have every metric None."""

    index: int
    uuid: str
    name: str
    state: GpuState
    why: str = ""
    source: str = "nvml"  # or the name of the exporter's target
    simulated: bool = False
    metrics: Metrics = {}
    throttle: list[str] = []
    processes: list[GpuProcess] = []
    age_s: float | None = None
    slice: str = ""  # of a MIG instance: its number and profile

    @property
    def subject(self) -> str:
        """Its name in rules, alerts and charts: gpu0 on this host, exporter/gpu0 elsewhere."""
        name = f"gpu{self.index}" + (f"/{self.slice.replace(' ', '-')}" if self.slice else "")
        return name if self.source == "nvml" or self.simulated else f"{self.source}/{name}"


class Disk(Struct, frozen=True):
    """A mounted file system; one that does not answer has a `why` and no numbers."""

    mount: str
    device: str
    used_bytes: int | None
    total_bytes: int | None
    why: str = ""


class Network(Struct, frozen=True):
    """An interface, bytes per second."""

    name: str
    rx: float | None
    tx: float | None


class Process(Struct, frozen=True):
    """A process of a served model."""

    pid: int
    name: str
    user: str | None
    target: str | None
    rss_bytes: int | None
    cpu: float | None  # cores
    started_s: float | None = None
    state: str = ""  # the kernel's letter: R S D T t Z
    parent: int | None = None


class System(Struct, frozen=True, kw_only=True):
    """The host now."""

    metrics: Metrics = {}
    absent: dict[str, str] = {}
    cores: int | None = None
    disks: list[Disk] = []
    networks: list[Network] = []
    processes: list[Process] = []
    age_s: float | None = None


Basis = Literal["labelled", "sampled", "estimated", "probe", "given"]
"""What a quality number rests on: true labels; a sample that people labelled; the scores; questions with known answers; somebody else's gauge."""


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

    Slices are subjects of their own (`quality:fraud/long`); numbers that are not from labels say so: `accuracy[30m] estimated`.
    """
    subject = f"quality:{one.name}" + (f"/{one.slice}" if one.slice is not None else "")
    numbers: Metrics = {}
    for key, estimate in one.metrics.items():
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


class ChangedAnswer(Struct, frozen=True):
    """A golden question that is answered otherwise than at the first run."""

    question: str  # its id
    first: str  # cleaned, at most 200 characters
    now: str
    label: str
    right: bool  # what is said now
    was_right: bool
    since: datetime  # when it was first answered so


class ColumnWeight(Struct, frozen=True):
    """How much one input column matters. Of importances `value` is the drop of accuracy; of one row's explanation the effect of one step."""

    column: str
    value: Estimate
    moved: float | None = None  # importances: share of the answers that were another one
    step: float | None = None  # explanation: how large one step is; None: another category


class ProbeExplained(Struct, frozen=True, kw_only=True):
    """Which inputs matter, asked of the live server. `row` None: of all golden questions (permutation importance), else of that one."""

    at: datetime
    row: str | None
    weights: list[ColumnWeight] = []  # heaviest first
    columns: int = 0  # of which the heaviest are told
    rows: int = 0  # golden rows that it rests on
    requests: int = 0  # that it cost
    failed: int = 0  # of them
    base: float | None = None  # accuracy of the rows as they are; or the answer to the row as it is
    fit: float | None = None  # explanation: R2 of the straight line, 1 is perfect
    why: str = ""  # why there is nothing, or less than was asked
    sentence: str = ""


class ProbeState(Struct, frozen=True, kw_only=True):
    """A set of golden questions and how its asking stands; its numbers are in `Frame.performance` with the source `probe`."""

    name: str
    target: str
    state: Literal["OK", "CHANGED", "FALLING", "UNKNOWN"] = "UNKNOWN"
    since: datetime | None = None
    sentence: str = ""
    protocol: str = ""  # as it is spoken, also where `auto` is configured
    model: str = ""
    questions: int = 0
    asked: int = 0  # since the first run, failures too
    failed: int = 0  # refused, timed out, 5xx, unreadable: never counted as wrong
    failures: dict[str, int] = {}  # kind -> times
    failing: str = ""  # why the newest question has no answer
    rounds: int = 0  # how often every question has been answered
    first: Estimate | None = None  # accuracy of the first whole run
    changed: list[ChangedAnswer] = []  # newest first
    changed_total: int = 0
    unsteady: list[str] = []  # questions whose answers go back and forth: they are no evidence
    left_out: dict[str, int] = {}  # reason -> lines of its file
    why: str = ""  # why nothing is asked
    asked_at: datetime | None = None
    next_at: datetime | None = None
    explains: str = ""  # why importances cannot be asked for; empty: they can
    explaining: tuple[int, int] | None = None  # requests done, of at most
    explained: ProbeExplained | None = None


class Shares(Struct, frozen=True):
    """A reference and the rows since the change over the same cuts: `len(reference) == len(edges) + 1`."""

    edges: list[float]
    reference: list[float]
    now: list[float]


class Measured(Struct, frozen=True):
    """One measure of drift. `p` is that of a single look, and None for a distance: looked at every minute it would alarm every day."""

    statistic: float | None
    p: float | None = None


class Part(Struct, frozen=True):
    """A bin, a category or a slice that a change is made of: its shares of the rows, reference and now."""

    name: str
    reference: float
    now: float


class Drift(Struct, frozen=True, kw_only=True):
    """The verdict on one signal."""

    signal: str
    source: str
    role: Literal["input", "output", "score", "performance", "latency", "quality"]
    state: SignalState
    since: datetime | None
    test: str  # KS, L-infinity
    effect: float | None
    bound: str  # "=" or ">=": buckets give a lower bound
    p: float | None  # None: the judge is sequential, it has no p
    n_reference: int
    n_now: int
    evidence: float | None  # log10 of how far beyond the false-alarm budget; negative: within it
    sentence: str
    progress: float | None = None  # 0..1 while learning
    quantiles: dict[str, tuple[float | None, float | None]] = {}  # p50, p95: reference, now
    shares: Shares | None = None
    type: Literal["numeric", "category", ""] = ""
    kind: Literal["sudden", "gradual", "recurring", ""] = ""  # of a change, as known by now
    cause: Literal["data", "target", "concept", "cost", "system", "quality", ""] = ""  # which sort of drift it is
    why: str = ""  # why it is idle or blind
    tests: dict[str, Measured] = {}  # every measure that applies
    bounds: dict[str, tuple[float, float | None]] = {}  # of measures over buckets: at least, at most
    missing_reference: float | None = None  # share of missing values
    missing_now: float | None = None
    mean: tuple[float | None, float | None] = (None, None)  # exact, where the source tells sums: reference, now
    parts: list[Part] = []  # what changed most, first
    windows: dict[str, float | None] = {}  # window -> effect over it
    interval: tuple[float | None, float | None] = (None, None)  # of the effect, 95 %
    tau: float | None = None  # rows that tell as much as one independent row
    origin: str = ""  # of the reference
    importance: float | None = None  # weight of the signal for the model, where a map was given
    early: list[str] = []  # amber charts that are out: "CUSUM", "EWMA"
    evidence_past: list[tuple[float, float]] = []  # (seconds since 1970, evidence), oldest first
    moved_together: list[str] = []  # signals that moved within the same hour, in order of onset


class Ack(Struct, frozen=True):
    """Who has an alert, since when, and until when."""

    by: str
    at: datetime
    comment: str
    until: datetime


class Silence(Struct, frozen=True):
    """Who hides alerts, which, why, and until when."""

    by: str
    at: datetime
    until: datetime
    comment: str
    id: str = ""
    match: str = ""  # as it was written: `rule=stalled target=~chat.*`
    source: str = "own"  # or the name of the Alertmanager that has it
    expired_at: datetime | None = None  # ended by somebody before its time
    expired_by: str = ""


class Shelf(Struct, frozen=True):
    """Who put an alert out of sight for a while, and until when it stays there."""

    by: str
    at: datetime
    comment: str
    until: datetime


class Alert(Struct, frozen=True, kw_only=True):
    """One episode of one rule on one target, as it stands. Condition and acknowledgement are two things."""

    id: str
    rule: str
    severity: Severity
    state: AlertState
    since: datetime  # condition first true
    fired_at: datetime | None = None
    ended_at: datetime | None = None
    value: float | None
    unit: str = ""
    target: str
    kind: str = ""  # of the subject: target gpu host disk signal performance query
    summary: str
    for_s: float = 0.0
    holding: str = ""  # "no data since 14:21:56", "not true since 14:21:56, kept for 5 min": still firing, shown hollow
    acknowledged: Ack | None = None
    silenced: Silence | None = None
    shelved: Shelf | None = None  # out of sight until then; it still counts in the header
    flapping: bool = False  # comes and goes: four changes in ten minutes
    flaps: int = 0  # how often this episode came back
    labels: dict[str, str] = {}  # of its subject: model, signal, gpu ...
    key: str = ""  # of the number that `value` is, as the rule asks for it: error.ratio[30m]
    threshold: float | None = None  # what it is held against
    runbook: str = ""

    @property
    def charted_as(self) -> str:
        """Under which name the engine keeps the past of its subject's numbers."""
        return "host" if self.kind == "host" else self.target


class Event(Struct, frozen=True):
    """One line of what happened."""

    at: datetime
    text: str
    severity: Severity | Literal[""] = ""


class EngineInfo(Struct, frozen=True, kw_only=True):
    """The monitor watching itself."""

    pid: int
    instance: str
    started_at: datetime
    interval_s: float
    late_ticks: int = 0
    cpu_ratio: float | None = None  # of one core
    rss_bytes: int | None = None
    recording: str = "off"  # recording | paused: REASON | off
    recorded_bytes: int | None = None
    screens: int = 0
    people: list[str] = []
    demo: bool = False
    config: str = ""


class Frame(Struct, frozen=True, kw_only=True):
    """Everything the screen can show now: numbered, immutable, complete."""

    schema: int = SCHEMA
    seq: int = 0
    at: datetime
    host: str
    version: str
    engine: EngineInfo
    system: System = field(default_factory=System)
    gpus: list[Gpu] = []
    gpu_why: str | None = None  # why there is none
    targets: list[Target] = []
    orphans: list[Orphan] = []
    windows: list[TargetWindow] = []
    performance: list[Performance] = []
    quality: list[Quality] = []
    probes: list[ProbeState] = []
    drift: list[Drift] = []
    alerts: list[Alert] = []
    foreign: Foreign | None = None  # what an Alertmanager says
    outward: list[OutwardState] = []  # systems that are told of alerts, and whether that gets there
    silences: list[Silence] = []  # in force, those that end soonest first; then those that ended in the last day
    events: list[Event] = []  # newest first
    queries: dict[str, Queried] = {}  # Prometheus' name -> its named numbers
    strip: str = ""  # the last 60 minutes, oldest first: 0 fine, 1 warning, 2 critical, '?' nobody watched
    discovering: bool = False  # the first look around is not over
    discovery: bool = True  # whether servers are looked for at all


# -- alerts <-> store ---------------------------------------------------------------------------------------------------------------


class Usual(Struct, frozen=True):
    """What a number usually is at this hour; None where that is not known yet."""

    value: float | None
    why: str  # "usual at 14 h: up to 412 ms (99 % of 3 days)", or why it is not known


class Subject(Struct, frozen=True):
    """Something a rule can be true of, with the numbers it may ask for."""

    kind: SubjectKind
    name: str
    metrics: Metrics
    state: str = ""
    labels: dict[str, str] = {}  # kind (of server), model, source ...
    silent: str = ""  # why there is no data at all now: such a subject's alerts hold, then end as lost
    why: str = ""
    windows: dict[str, Metrics] = {}  # window -> key -> number over it; only windows that were watched for long enough
    usual: dict[str, Usual] = {}  # "usual(latency.p95, 99%)" -> what it usually is at this hour


class Told(Struct, frozen=True):
    """What the outside world was last told of an episode: kept with it, so that nobody is told twice, over restarts too."""

    number: int  # of the newest notice
    at_s: float
    open: bool  # told as firing, and not yet as over
    severity: Severity
    flapping: bool = False
    owed: str = ""  # an ack-expired that nobody was told of because a silence hid it


class Episode(Struct, frozen=True, kw_only=True):
    """One firing of one rule on one subject, as it is kept on disk. Every change makes a new value."""

    id: str
    rule: str
    kind: str
    target: str
    severity: Severity
    state: AlertState
    since_s: float
    for_s: float
    last_true_s: float
    fired_s: float | None = None
    ended_s: float | None = None
    value: float | None = None
    unit: str = ""
    summary: str = ""
    holding: str = ""
    holding_since_s: float | None = None
    false_since_s: float | None = None  # not true any more, and firing on because of keep_firing_for
    flaps: int = 0
    ack: Ack | None = None
    shelf: Shelf | None = None
    labels: dict[str, str] = {}
    key: str = ""
    threshold: float | None = None
    runbook: str = ""
    moves_s: tuple[float, ...] = ()  # when it fired and ended in the last ten minutes
    flapping_since_s: float | None = None
    told: Told | None = None


class JournalEntry(Struct, frozen=True):
    """One line of the append-only journal: what happened to which episode, and who did it."""

    at_s: float
    episode: str
    what: str  # pending firing resolved lost severity flapping steady acked unacked ack-expired ack-dropped taken-over shelved
    #            unshelved silenced silence-expired note engine; for a silence `episode` is its id
    who: str = ""
    text: str = ""


class Notice(Struct, frozen=True):
    """Something that people who do not look at the screen must be told, exactly once."""

    id: str  # the episode's, and a number: a notice that comes again has the same
    at_s: float
    what: Literal["fired", "severity", "flapping", "ack-expired", "reminder", "resolved", "lost"]
    text: str
    episode: Episode  # as it was then


class Outgoing(Struct, frozen=True):
    """A notice, or an act, on its way to one outward system; kept on disk until it is there."""

    sink: str  # the system's name: webhook, alertmanager, hook:retrain ...
    key: str  # one a sink: the same key is never put twice
    what: str
    episode: str
    at_s: float
    body: bytes  # what the sink needs to send it
    alert: str = ""  # over all its episodes: rows of one alert to one system go out in their order
    number: int = 0  # given by the store
    state: Literal["waiting", "sent", "given up"] = "waiting"
    attempts: int = 0
    next_s: float = 0.0  # not before
    error: str = ""  # of the newest attempt


class ForeignAlert(Struct, frozen=True, kw_only=True):
    """An alert of another system, shown beside ours. Its condition is theirs; an acknowledgement of it is a silence there."""

    id: str  # stays the same while it fires
    source: str  # the system that has it
    fingerprint: str  # its name there
    rule: str
    target: str
    severity: Severity
    state: Literal["firing", "resolved", "lost"]
    since: datetime
    ended_at: datetime | None = None
    summary: str = ""
    runbook: str = ""
    holding: str = ""  # why nobody can say at this moment whether it still fires
    labels: dict[str, str] = {}  # all of them: a silence must name each
    acknowledged: Ack | None = None
    silenced: Silence | None = None
    inhibited: bool = False


class Foreign(Struct, frozen=True, kw_only=True):
    """What another system says now."""

    source: str
    at_s: float
    alerts: tuple[ForeignAlert, ...] = ()  # that fire, worst first
    ended: tuple[ForeignAlert, ...] = ()  # since the last look
    silences: tuple[Silence, ...] = ()  # of others, in force or still to come
    hidden: dict[str, Silence] = {}  # our alerts that it was sent, and a silence of somebody else over them
    why: str = ""  # why this is not the newest or not everything
    silent_s: float | None = None  # how long it had not answered then; None: it answers


class OutwardState(Struct, frozen=True, kw_only=True):
    """One outward system: whether what it must be told gets there."""

    name: str
    waiting: int = 0  # rows that are not there yet
    error: str = ""  # why not
    since_s: float | None = None  # of the first failure after the last success
    sent_s: float | None = None  # the newest success
    sent: int = 0
    given_up: int = 0


# -- the wire -----------------------------------------------------------------------------------------------------------------------


class Hello(Struct, frozen=True, tag=True):
    """The first message of a client."""

    protocol: int
    version: str
    role: Literal["screen", "command"]


class Welcome(Struct, frozen=True, tag=True):
    """The engine's answer to a Hello; `you` is the login name the kernel tells."""

    protocol: int
    version: str
    instance: str
    pid: int
    you: str
    read_only: str = ""  # why you may only look


class Refused(Struct, frozen=True, tag=True):
    """The engine will not talk; one line says why and what to do."""

    why: str


class FrameMessage(Struct, frozen=True, tag=True):
    """The newest frame; a slow reader misses some, never the newest."""

    frame: Frame


class Acknowledge(Struct, frozen=True, tag=True):
    """Take an alert. With `take_over` also one that somebody else holds."""

    alert: str
    comment: str = ""
    for_s: float | None = None  # None: the configured default
    take_over: bool = False
    more: tuple[str, ...] = ()  # other alerts at the same time


class Unacknowledge(Struct, frozen=True, tag=True):
    """Give an alert back."""

    alert: str
    more: tuple[str, ...] = ()


class Shelve(Struct, frozen=True, tag=True):
    """Put an alert out of sight for a while; `for_s` 0 brings it back."""

    alert: str
    for_s: float
    comment: str = ""


class AddNote(Struct, frozen=True, tag=True):
    """Write a line into an alert's journal."""

    alert: str
    text: str


class AddSilence(Struct, frozen=True, tag=True):
    """Hide what matches, for `for_s` seconds or until `until_s`. Both a reason and an end are required."""

    match: str
    comment: str
    for_s: float | None = None
    until_s: float | None = None


class ExpireSilence(Struct, frozen=True, tag=True):
    """End a silence before its time."""

    silence: str


class PreviewSilence(Struct, frozen=True, tag=True):
    """What a silence would hide."""

    match: str


class SilencePreview(Struct, frozen=True, tag=True):
    """What a silence hides now, and what it would have hidden in the last 24 h. With an `error` (column: its place, from 1) nothing is known."""

    match: str
    now: list[Alert] = []
    last24h: list[Alert] = []
    error: str = ""
    column: int = 0


class HistoryOfAlert(Struct, frozen=True, tag=True):
    """Ask for the past of an alert: of its rule on its target."""

    alert: str
    limit: int = 20


def limit_key(key: str, rule: str) -> str:
    """Under which name a chart finds what a rule held the number against, moment by moment: a threshold may move."""
    return f"{key.partition('[')[0]} limit of {rule}"


class PastEpisode(Struct, frozen=True):
    """One earlier firing: when, for how long, and who had it."""

    id: str
    severity: Severity
    state: AlertState
    fired_at: datetime
    lasted_s: float | None  # None: it still fires
    flaps: int = 0
    who: list[str] = []


class AlertPast(Struct, frozen=True, tag=True):
    """The past of an alert: how often, when last, how long, who; and what happened to the episode that was asked for."""

    rule: str
    target: str
    times: int  # how often it fired, as far as it is kept
    since: datetime | None  # the oldest one that is kept
    median_s: float | None  # how long it lasts, of those that ended
    episodes: list[PastEpisode] = []  # newest first
    journal: list[JournalEntry] = []  # of the episode, oldest first


class MarkReference(Struct, frozen=True, tag=True):
    """What a drift signal shows now becomes its reference: the user says that this is normal.

    With a probe as source and an empty signal, the newest golden answers become those of the first run.
    """

    source: str
    signal: str


class ExplainProbe(Struct, frozen=True, tag=True):
    """Ask the live server which inputs matter: over all golden rows, or for one. The frame tells the progress and the result.

    It costs requests, at most as many as the probe's settings allow.
    """

    probe: str
    row: str | None = None  # id of a golden question
    stop: bool = False  # end one that is under way


class TakeSnapshot(Struct, frozen=True, tag=True):
    """Write one file with everything since `since_s` seconds ago."""

    path: str
    since_s: float | None = None
    force: bool = False


class Goodbye(Struct, frozen=True, tag=True):
    """The screen leaves on purpose; an engine that it started ends with the last such screen."""


class StopEngine(Struct, frozen=True, tag=True):
    """End the engine, everything saved."""


class Reload(Struct, frozen=True, tag=True):
    """Read configuration and rules again; where they are wrong the old ones stay, and the outcome says what is wrong."""


class GetFrame(Struct, frozen=True, tag=True):
    """Ask for one frame: the newest, or the one that was newest at `at_s`."""

    at_s: float | None = None
    settled: bool = False  # wait until every source has answered twice
    wait_s: float = 5.0


class HistoryQuery(Struct, frozen=True, tag=True):
    """Series for a chart, already at its width."""

    subject: str  # a target's name, "host", "gpu0", or a Prometheus' name
    keys: list[str]
    start_s: float
    end_s: float
    points: int


class History(Struct, frozen=True, tag=True):
    """`values[key][i]` covers `start_s + i * step_s` up to the next; None is a gap."""

    subject: str
    start_s: float
    step_s: float
    values: dict[str, list[float | None]]


class Outcome(Struct, frozen=True, tag=True):
    """What became of a command: one line for the user. It is said after the effect is durable."""

    ok: bool
    message: str
    each: list[Outcome] = []  # of several at once, in their order


Act = Acknowledge | Unacknowledge | Shelve | AddNote | AddSilence | ExpireSilence
Command = Act | MarkReference | ExplainProbe | TakeSnapshot | Goodbye | StopEngine | Reload


Question = GetFrame | HistoryQuery | PreviewSilence | HistoryOfAlert


class Request(Struct, frozen=True, tag=True):
    """A question with a number."""

    number: int
    ask: (
        Acknowledge
        | Unacknowledge
        | Shelve
        | AddNote
        | AddSilence
        | ExpireSilence
        | MarkReference
        | ExplainProbe
        | TakeSnapshot
        | Goodbye
        | StopEngine
        | Reload
        | GetFrame
        | HistoryQuery
        | PreviewSilence
        | HistoryOfAlert
    )


Answer = Outcome | FrameMessage | History | SilencePreview | AlertPast


class Reply(Struct, frozen=True, tag=True):
    """The answer to the question of that number."""

    number: int
    answer: Answer


ToEngine = Hello | Request
ToScreen = Welcome | Refused | FrameMessage | Reply
