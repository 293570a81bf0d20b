"""What the user may configure, with its default: one struct a table, durations and sizes as they are written ("2s", "512MB")."""

from __future__ import annotations

from msgspec import Struct, field


class Discovery(Struct, frozen=True, forbid_unknown_fields=True):
    """`[discovery]`."""

    enabled: bool = True
    extra_ports: list[int] = []
    starting: str = "5m"  # how long a server that was found may refuse before it is down
    file_sd: list[str] = []  # Prometheus' target files, JSON or YAML; patterns are allowed


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[limits]` of every metrics page. Hitting one is shown, and the rest of the page is read."""

    page: str = "10MB"  # decoded
    samples: int = 200_000
    labels: int = 400  # of one sample


class BasicAuth(Struct, frozen=True, forbid_unknown_fields=True):
    """`basic_auth` of a target."""

    username: str = ""
    password_file: str = ""
    password_env: str = ""  # the environment variable that holds it, instead


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """`tls` of a target."""

    ca: str = ""
    cert: str = ""
    key: str = ""


class TargetSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[targets]]`."""

    name: str
    url: str
    kind: str = "auto"
    urls: dict[str, str] = {}
    interval: str = ""  # empty: the tick, at least 2s
    timeout: str = "2s"
    starting: str = "5m"
    bearer_token_file: str = ""
    bearer_token_env: str = ""
    basic_auth: BasicAuth = field(default_factory=BasicAuth)
    headers: dict[str, str] = {}
    tls: Tls = field(default_factory=Tls)
    follow_redirects: bool = False
    models: list[str] = []
    map: dict[str, str] = {}


class PrometheusSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[prometheus]]`."""

    name: str
    url: str
    fleet: bool = False
    interval: str = "10s"
    timeout: str = "5s"
    bearer_token_file: str = ""
    bearer_token_env: str = ""
    basic_auth: BasicAuth = field(default_factory=BasicAuth)
    headers: dict[str, str] = {}
    tls: Tls = field(default_factory=Tls)
    backfill: str = "1h"
    queries: dict[str, str] = {}


class Columns(Struct, frozen=True, forbid_unknown_fields=True):
    """`columns` of a prediction log."""

    id: str = "id"
    time: str = "timestamp"
    prediction: str = "prediction"
    score: str = ""  # multiclass: the columns SCORE_CLASS
    label: str = "label"
    base: str = ""  # what a base model said to the same row
    proxy: str = ""  # an early signal that mostly agrees with the label
    version: str = ""  # of the model


class Labels(Struct, frozen=True, forbid_unknown_fields=True):
    """`labels` of a prediction log: a file whose labels come later."""

    path: str = ""
    id: str = "id"
    label: str = "label"


class Sampled(Struct, frozen=True, forbid_unknown_fields=True):
    """`sampled` of a prediction log: files of `label-sample` that people have filled in."""

    path: str = ""


class PredictionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[predictions]]`."""

    name: str
    path: str = ""  # empty: rows are posted to the listener
    task: str = "binary"
    classes: list[str] = []  # empty: every value that is seen
    columns: Columns = field(default_factory=Columns)
    labels: Labels = field(default_factory=Labels)
    sampled: Sampled = field(default_factory=Sampled)
    positive: str = "1"
    features: list[str] = []
    private: list[str] = []
    horizon: str = "24h"
    reference: str = ""
    expectations: str = ""  # a file of `drift learn`
    slices: dict[str, str] = {}
    auto_slices: bool = True
    compare: list[list[str]] = []  # pairs of slices, for fairness: [["women", "men"]]
    costs: dict[str, dict[str, float]] = {}  # label -> prediction -> cost; what is not there costs nothing
    counters: dict[str, str] = {}  # name -> column: {clicks = "clicked", revenue = "eur"}
    rows_per_second: float = 1000.0  # above it rows are sampled, by a hash of their id


class ListenerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[listener]`."""

    listen: str = ""
    bearer_token_file: str = ""
    bearer_token_env: str = ""
    max_body: str = "2MB"


class ProbeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[probes]]`."""

    name: str
    target: str
    file: str
    per_minute: float = 6
    protocol: str = "auto"
    model: str = ""  # empty: the only one of the target
    check: str = "exact"
    tolerance: float = 1e-6  # of check = "numeric"
    timeout: str = "30s"
    explain: bool = False  # whether a key press may ask for importances: that costs requests
    explain_requests: int = 200  # at most, for one of them


class ScorerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[drift.scorers]`, one a name: a program or function of the user's that gives every row a number."""

    command: list[str] = []
    entry_point: str = ""  # instead: a name of the group tui_monitor.scorers, or "module:function"
    log: str = ""  # empty: the only one
    timeout: str = "10s"
    every: str = "60s"


class ReferenceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[drift.references]]`: one of `file` and `prometheus`."""

    source: str
    signal: str = ""  # empty: all of the source
    file: str = ""
    prometheus: str = ""
    past: str = ""  # FROM/TO
    query: str = ""  # PromQL instead of the signal's own counters


class DriftSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[drift]`."""

    false_alarm_every: str = "30d"
    smallest_shift: float = 0.01
    learn: str = "1h"
    every: str = "60s"
    multivariate: list[str] = field(default_factory=lambda: ["pca"])  # judges of whole rows, for logs with at least three numeric columns
    multivariate_every: str = "30m"  # of those that take long
    classifier: str = "logistic"
    early: list[str] = []  # more amber charts, never judges
    importance: dict[str, float] = {}  # signal, or source/signal -> its weight for the model
    importance_file: str = ""  # the same, as a library wrote it; `importance` comes before it
    references: list[ReferenceSettings] = []
    scorers: dict[str, ScorerSettings] = {}


class RuleSettings(Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """`[[rules]]`."""

    name: str
    when: str = ""
    clear: str = ""
    for_: str = "0s"
    severity: str = "warning"
    where: dict[str, str] = {}
    summary: str = ""
    keep_firing_for: str = "0s"
    runbook: str = ""
    slo: str = ""


class HookSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[alerts.hooks]]`."""

    command: list[str]
    on: list[str] = []
    dry_run: bool = True
    every: str = "10m"
    timeout: str = "30s"


class AlertSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[alerts]`."""

    rules_files: list[str] = []
    disable: list[str] = []
    ack_for: str = "1h"
    flap_window: str = "5m"
    no_data_hold: str = "5m"
    hooks: list[HookSettings] = []


class OutwardUrl(Struct, frozen=True, forbid_unknown_fields=True):
    """What `[alertmanager]`, `[alerta]` and `[webhook]` have in common: where alerts go, and what is asked for at the door."""

    url: str = ""
    send: bool = True
    timeout: str = "5s"
    bearer_token_file: str = ""
    bearer_token_env: str = ""
    basic_auth: BasicAuth = field(default_factory=BasicAuth)
    headers: dict[str, str] = {}
    tls: Tls = field(default_factory=Tls)


class AlertmanagerSettings(OutwardUrl, frozen=True, forbid_unknown_fields=True):
    """`[alertmanager]`."""

    send: bool = False  # its own alerts are read, and can be acknowledged, without that
    interval: str = "10s"  # how often its alerts are read
    resend: str = "1m"  # how often it is told again what fires


class AlertaSettings(OutwardUrl, frozen=True, forbid_unknown_fields=True):
    """`[alerta]`."""

    environment: str = "Production"
    api_key_file: str = ""
    api_key_env: str = ""


class WebhookSettings(OutwardUrl, frozen=True, forbid_unknown_fields=True):
    """`[webhook]`."""

    url_file: str = ""  # instead of `url`, where the URL itself is a secret
    url_env: str = ""


class NotifySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[notify]`."""

    urls_file: str = ""
    timeout: str = "30s"


class RecordingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[recording]`."""

    enabled: bool = True
    max_size: str = "512MB"
    max_age: str = "7d"


class EngineSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[engine]`."""

    linger: str = "15m"
    group: str = ""
    read_only_group: str = ""

    @property
    def socket_group(self) -> str:
        """The group that the socket belongs to: it can be one only, so it is that of those who look when there are two."""
        return self.read_only_group or self.group


class ExporterSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[exporter]`."""

    listen: str = ""


class ScreenSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[screen]`."""

    theme: str = "default-dark"
    ascii: bool = False
    utc: bool = False
    bell: bool = True
    notifications: str = "auto"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration; every key is optional."""

    interval: str = "2s"
    discovery: Discovery = field(default_factory=Discovery)
    limits: LimitSettings = field(default_factory=LimitSettings)
    targets: list[TargetSettings] = []
    prometheus: list[PrometheusSettings] = []
    predictions: list[PredictionSettings] = []
    listener: ListenerSettings = field(default_factory=ListenerSettings)
    probes: list[ProbeSettings] = []
    drift: DriftSettings = field(default_factory=DriftSettings)
    rules: list[RuleSettings] = []
    alerts: AlertSettings = field(default_factory=AlertSettings)
    alertmanager: AlertmanagerSettings = field(default_factory=AlertmanagerSettings)
    alerta: AlertaSettings = field(default_factory=AlertaSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    exporter: ExporterSettings = field(default_factory=ExporterSettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
