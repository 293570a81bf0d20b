"""Our alerts in the words of Prometheus' world: labels that name one episode, annotations that explain it, times."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from msgspec import Struct

from tui_monitor.model import Episode, utc

ID_LABEL = "tm_id"
NEVER = "0001-01-01T00:00:00Z"


class Origin(Struct, frozen=True):
    """Who speaks: this host and this instance of the monitor."""

    host: str
    instance: str = "default"
    version: str = ""

    @property
    def name(self) -> str:
        """`host`, or `host/instance` where it is not the usual one."""
        return self.host if self.instance == "default" else f"{self.host}/{self.instance}"


def labels_of(episode: Episode, origin: Origin) -> dict[str, str]:
    """What names one episode. It stays the same while it lasts, except for the severity.

    So an acknowledgement, which names all of it, does not cover what gets worse, and the next episode is never silent.
    """
    labels = {
        "alertname": episode.rule,
        "severity": episode.severity,
        "target": episode.target,
        "kind": episode.kind,
        "instance": origin.host,
        "tm_instance": origin.instance,
        ID_LABEL: episode.id,
    }
    return {name: value for name, value in labels.items() if value}


def is_ours(labels: dict[str, str], origin: Origin) -> bool:
    """Whether an alert elsewhere is one that we sent there."""
    return ID_LABEL in labels and labels.get("instance") == origin.host and labels.get("tm_instance") == origin.instance


def annotations_of(episode: Episode, text: str = "", runbook: str = "") -> dict[str, str]:
    """What explains it: `summary`, `value`, the subject's other labels, and the runbook as `runbook_url` or `runbook`."""
    said = {"summary": episode.summary, "description": text if text != episode.summary else ""}
    if episode.value is not None:
        said["value"] = f"{episode.value:g}{f' {episode.unit}' if episode.unit else ''}"
    said |= {name: value for name, value in episode.labels.items() if name not in ("target", "kind")}
    runbook = runbook or episode.runbook
    if runbook.startswith(("http://", "https://")):
        said["runbook_url"] = runbook
    elif runbook:
        said["runbook"] = runbook
    return {name: value for name, value in said.items() if value}


def generator_url(episode: Episode, origin: Origin) -> str:
    """A URL that names the episode; nothing answers there, but the field must hold one."""
    return f"http://{quote(origin.host)}/tui-monitor/{quote(origin.instance)}/{episode.id}"


def started(episode: Episode) -> str:
    """When it began to fire."""
    return rfc3339(episode.since_s if episode.fired_s is None else episode.fired_s)


def rfc3339(at_s: float) -> str:
    """A moment as other systems read it, in UTC with milliseconds."""
    return utc(at_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: object) -> float | None:
    """A moment as other systems write it, with any number of digits behind the second; None where it is none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
