"""Alerts: episodes as they are kept, shown and told; acknowledgements, silences, and what other systems say."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tui_monitor.model.words import AlertState, Metrics, Severity, SubjectKind


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
