"""Settings: what the user may configure, with its default; read from TOML, environment and flags.

Durations and sizes are written as text ("2s", "512MB") and kept as such here; `seconds_of` and `bytes_of` read them. A wrong file raises
`ConfigError`, whose text is the one line that the user sees: FILE:LINE: KEY: what is wrong (did you mean X?).
"""

from __future__ import annotations

from msgspec import Struct, field


class ConfigError(Exception):
    """A wrong configuration; `str(error)` is the line for the user."""


class Discovery(Struct, frozen=True, forbid_unknown_fields=True):
    """`[discovery]`."""

    enabled: bool = True
    extra_ports: list[int] = []


class BasicAuth(Struct, frozen=True, forbid_unknown_fields=True):
    """`basic_auth` of a target."""

    username: str = ""
    password_file: str = ""


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
    score: str = ""
    label: str = "label"


class Labels(Struct, frozen=True, forbid_unknown_fields=True):
    """`labels` of a prediction log: a file whose labels come later."""

    path: str = ""
    id: str = "id"
    label: str = "label"


class PredictionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[predictions]]`."""

    name: str
    path: str
    task: str = "binary"
    columns: Columns = field(default_factory=Columns)
    labels: Labels = field(default_factory=Labels)
    positive: str = "1"
    features: list[str] = []
    private: list[str] = []
    horizon: str = "24h"
    reference: str = ""
    slices: dict[str, str] = {}


class ProbeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[probes]]`."""

    name: str
    target: str
    file: str
    per_minute: float = 6


class DriftSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[drift]`."""

    false_alarm_every: str = "30d"
    smallest_shift: float = 0.01
    learn: str = "1h"
    every: str = "60s"


class RuleSettings(Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """`[[rules]]`."""

    name: str
    when: str
    clear: str = ""
    for_: str = "0s"
    severity: str = "warning"
    where: dict[str, str] = {}
    summary: str = ""


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
    """`[alertmanager]`, `[alerta]`, `[webhook]`: where alerts go."""

    url: str = ""
    send: bool = False
    api_key_file: str = ""


class NotifySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[notify]`."""

    urls_file: str = ""


class RecordingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[recording]`."""

    enabled: bool = True
    max_size: str = "512MB"
    max_age: str = "7d"


class EngineSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[engine]`."""

    linger: str = "15m"
    group: str = ""


class ExporterSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[exporter]`."""

    listen: str = ""


class ScreenSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[screen]`."""

    theme: str = "default-dark"
    ascii: bool = False
    utc: bool = False


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration; every key is optional."""

    interval: str = "2s"
    discovery: Discovery = field(default_factory=Discovery)
    targets: list[TargetSettings] = []
    prometheus: list[PrometheusSettings] = []
    predictions: list[PredictionSettings] = []
    probes: list[ProbeSettings] = []
    drift: DriftSettings = field(default_factory=DriftSettings)
    rules: list[RuleSettings] = []
    alerts: AlertSettings = field(default_factory=AlertSettings)
    alertmanager: OutwardUrl = field(default_factory=OutwardUrl)
    alerta: OutwardUrl = field(default_factory=OutwardUrl)
    webhook: OutwardUrl = field(default_factory=OutwardUrl)
    notify: NotifySettings = field(default_factory=NotifySettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    exporter: ExporterSettings = field(default_factory=ExporterSettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
