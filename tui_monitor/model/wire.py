"""What engine and screen say to each other over the socket."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tui_monitor.model.alerts import Alert, AlertPast
from tui_monitor.model.frame import Frame


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


class MarkReference(Struct, frozen=True, tag=True):
    """What a drift signal shows now becomes its reference: the user says that this is normal.

    With a probe as source and an empty signal, the newest golden answers become those of the first run. `back`: the reference before this one
    holds again.
    """

    source: str
    signal: str
    back: bool = False


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
    keys: list[str]  # of the vocabulary; with " centre" and such behind it (`engine.spc`) its control chart
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
