"""Settings: what the user may configure, with its default; read from TOML, environment and flags.

Durations and sizes are written as text ("2s", "512MB") and kept as such here; `seconds_of` and `bytes_of` read them. A wrong file raises
`ConfigError`, whose text is the one line that the user sees: FILE:LINE: KEY: what is wrong (did you mean X?).
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct, field

from tui_monitor.model import clean
from tui_monitor.vocabulary import quantity, seconds


class ConfigError(Exception):
    """A wrong configuration; `str(error)` is the line for the user."""


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


class DriftSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[drift]`."""

    false_alarm_every: str = "30d"
    smallest_shift: float = 0.01
    learn: str = "1h"
    every: str = "60s"


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


# -- reading it -----------------------------------------------------------------------------------------------------------------------

KINDS = (
    "auto", "vllm", "sglang", "tgi", "nim", "lmdeploy", "llama-server", "ollama", "triton", "torchserve", "tf-serving", "kserve", "mlserver",
    "ray-serve", "bentoml", "litserve", "dcgm-exporter", "node-exporter", "prometheus",
)  # fmt: skip
SHORTEST_INTERVAL_S = 0.2
PROBE_BOUNDS = {"per_minute": (1, 20), "tolerance": (0, 1e9), "explain_requests": (1, 5000)}  # a probe must not be a load
ENVIRONMENT = "TUI_MONITOR_"  # TUI_MONITOR_SCREEN__THEME=ansi-dark sets [screen] theme

_DURATIONS = {
    "interval", "timeout", "starting", "backfill", "horizon", "false_alarm_every", "learn", "every", "for", "keep_firing_for", "ack_for",
    "flap_window", "no_data_hold", "max_age", "linger", "resend",
}  # fmt: skip
_SIZES = {"max_size", "page", "max_body"}
_CHOICES: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "severity": ("critical", "warning", "info"),
    "task": ("binary", "multiclass", "regression"),
    "notifications": ("auto", "osc9", "osc777", "off"),
    "protocol": ("auto", "v1", "v2", "tf-serving", "torchserve", "openai-completions", "openai-chat"),
    "check": ("exact", "contains", "regex", "numeric"),
}


def bytes_of(text: str) -> float:
    """A size such as "512MB" or "2GiB" in bytes.

    Raises:
        ValueError: it is none.
    """
    value, unit = quantity(text)
    if unit != "B" or value < 0:
        raise ValueError(f"{text!r} is no size (write 512MB, 2GiB)")
    return value


def default_path() -> Path | None:
    """The configuration file that is read without being named, if there is one."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    for path in (Path(base) / "tui-monitor" / "config.toml", Path("/etc/tui-monitor/config.toml")):
        if path.exists():
            return path
    return None


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> tuple[Settings, str]:
    """The settings and the file they came from ("" when there is none).

    Args:
        path: the file named by the user; it must exist. None: the default file where there is one.
        environment: variables TUI_MONITOR_SECTION__KEY; os.environ when None.

    Raises:
        ConfigError: with the one line for the user.
    """
    named = path is not None
    path = path or default_path()
    text = ""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}:1: not UTF-8 text ({error.reason} at byte {error.start})") from None
        except OSError as error:
            if named or not isinstance(error, FileNotFoundError):
                raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return parse(text, str(path or ""), os.environ if environment is None else environment), str(path or "")


def parse(text: str, name: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from TOML text; `name` stands in front of errors.

    Raises:
        ConfigError: with the one line for the user.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        line = where[1] if where else str(text.count("\n") + 1)
        raise ConfigError(f"{name}:{line}: {clean(re.sub(r' *[(]at .*', '', str(error)))}") from None
    lines = lines_of(text)
    for variable, value in (environment or {}).items():
        if variable.startswith(ENVIRONMENT) and "__" in variable:
            _set_from(tree, variable, value)
    try:
        settings = msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(_say(name, lines, str(error))) from None
    _check(tree, (), name, lines)
    _check_names(settings, name, lines)
    return settings


def _set_from(tree: dict[str, Any], variable: str, value: str) -> None:
    """One environment variable; only plain values of plain tables can be set so."""
    *tables, key = variable[len(ENVIRONMENT) :].lower().split("__")
    at = tree
    for table in tables:
        at = at.setdefault(table, {})
        if not isinstance(at, dict):
            raise ConfigError(f"{variable}: [{table}] is no plain table; use the file")
    known: Any = value
    if value.lower() in ("true", "false"):
        known = value.lower() == "true"
    elif re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        known = float(value) if "." in value else int(value)
    at[key] = known


def lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """Line of every table and key, by path; a small reader of TOML's shape, used for messages only."""
    lines: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        header = re.match(r"(\[\[?)\s*([^\]]+?)\s*\]", line)
        if header:
            named = _parts(header[2])
            path: tuple[str | int, ...] = ()
            for i, part in enumerate(named):
                path = (*path, part)
                last = i == len(named) - 1
                if header[1] == "[[" and last:
                    counts[path] = counts.get(path, -1) + 1
                if path in counts:
                    path = (*path, counts[path])
            table = path
            lines.setdefault(table, number)
            continue
        key = re.match(r"""((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""", line)
        if key:
            here: tuple[str | int, ...] = (*table, *_parts(key[1]))
            lines.setdefault(here, number)
            for inner in re.finditer(r"[{,]\s*([A-Za-z0-9_-]+)\s*=", line[key.end() :]):
                lines.setdefault((*here, inner[1]), number)
    return lines


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""", dotted)]


def _say(name: str, lines: dict[tuple[str | int, ...], int], message: str) -> str:
    """Msgspec's complaint as our line: where, which key, what, and the nearest known one."""
    said, _, at = message.partition(" - at `$")
    path = _walk(at.rstrip("`"))
    unknown = re.search(r"unknown field `([^`]+)`", said)
    if unknown:
        known = _known_keys(path)
        near = difflib.get_close_matches(unknown[1], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else f" (known: {' '.join(known)})" if known else ""
        return f"{name}:{line_of(lines, (*path, unknown[1]))}: {_dotted((*path, unknown[1]))}: unknown key{hint}"
    missing = re.search(r"missing required field `([^`]+)`", said)
    if missing:
        return f"{name}:{line_of(lines, path)}: {_dotted((*path, missing[1]))}: is missing"
    wanted = (
        said.replace("Expected `", "must be ").replace("`, got `", ", not ").replace("`", "").replace("must be object", "must be a table")
    )
    return f"{name}:{line_of(lines, path)}: {_dotted(path)}: {wanted[:1].lower() + wanted[1:]}"


def _walk(at: str) -> tuple[str | int, ...]:
    return tuple(int(index) if index else key for index, key in re.findall(r"\[(\d+)\]|([A-Za-z0-9_-]+)", at))


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys of the table at a path."""
    at: Any = Settings
    for part in path:
        if isinstance(part, int):
            continue
        fields = {one.encode_name: one.type for one in msgspec.structs.fields(at)}
        if part not in fields:
            return []
        at = fields[part]
        at = (get_args(at) or (at,))[0] if get_origin(at) is list else at
        if not (isinstance(at, type) and issubclass(at, Struct)):
            return []
    return [one.encode_name for one in msgspec.structs.fields(at)]


def line_of(lines: dict[tuple[str | int, ...], int], path: tuple[str | int, ...]) -> int:
    """The line of a key, or of the nearest table above it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in path) or "file"


def _check(at: Any, path: tuple[str | int, ...], name: str, lines: dict[tuple[str | int, ...], int]) -> None:
    """What types cannot say: durations, sizes, choices, control characters."""
    if isinstance(at, dict):
        for key, value in at.items():
            _check(value, (*path, key), name, lines)
    elif isinstance(at, list):
        for i, value in enumerate(at):
            _check(value, (*path, i), name, lines)
    elif isinstance(at, str):
        where = f"{name}:{line_of(lines, path)}: {_dotted(path)}: "
        if any((ord(letter) < 32 and letter not in "\n\t") or ord(letter) == 127 for letter in at):
            raise ConfigError(where + "holds control characters")
        key = path[-1] if path else ""
        in_free_table = any(
            part in ("map", "queries", "headers", "where", "slices", "urls", "columns", "labels", "sampled", "costs", "counters")
            for part in path[:-1]
        )
        if in_free_table or (key == "interval" and not at):
            return
        try:
            if key in _DURATIONS:
                value_s = seconds(at)
                if key == "interval" and value_s < SHORTEST_INTERVAL_S:
                    raise ConfigError(where + f"the shortest interval is {SHORTEST_INTERVAL_S * 1000:g}ms")
            elif key in _SIZES:
                bytes_of(at)
        except ValueError as error:
            raise ConfigError(where + str(error)) from None
        if key in _CHOICES and at not in _CHOICES[str(key)]:
            near = difflib.get_close_matches(at, _CHOICES[str(key)], 1)
            raise ConfigError(
                where + f"unknown {key} {at!r}" + (f" (did you mean {near[0]}?)" if near else f" (known: {' '.join(_CHOICES[str(key)])})")
            )


def _check_names(settings: Settings, name: str, lines: dict[tuple[str | int, ...], int]) -> None:
    """Names that must be told apart, URLs that must be URLs."""
    named = {
        "targets": [one.name for one in settings.targets],
        "prometheus": [one.name for one in settings.prometheus],
        "predictions": [one.name for one in settings.predictions],
        "probes": [one.name for one in settings.probes],
    }
    for section, names in named.items():
        for i, one in enumerate(names):
            if not one or one in names[:i]:
                wrong = f"{one!r} is there twice" if one else "is empty"
                raise ConfigError(f"{name}:{line_of(lines, (section, i, 'name'))}: {section}.{i + 1}.name: {wrong}")
    for i, probe in enumerate(settings.probes):
        for key, (least, most) in PROBE_BOUNDS.items():
            if not least <= getattr(probe, key) <= most:
                raise ConfigError(f"{name}:{line_of(lines, ('probes', i, key))}: probes.{i + 1}.{key}: must be {least:g} to {most:g}")
    outward = (("alertmanager", settings.alertmanager.url), ("alerta", settings.alerta.url), ("webhook", settings.webhook.url))
    for section, url in outward:
        if url and not re.match(r"https?://[^/\s]+", url):
            raise ConfigError(f"{name}:{line_of(lines, (section, 'url'))}: {section}.url: must begin with http:// or https:// and a host")
    for section, urls in (("targets", [one.url for one in settings.targets]), ("prometheus", [one.url for one in settings.prometheus])):
        for i, url in enumerate(urls):
            if not re.match(r"https?://[^/\s]+", url):
                raise ConfigError(
                    f"{name}:{line_of(lines, (section, i, 'url'))}: {section}.{i + 1}.url: must begin with http:// or https:// and a host"
                )
