"""Notices as JSON in version 4 of an Alertmanager's webhook, which every bridge to chat, mail and pagers reads."""

from __future__ import annotations

import hashlib
from typing import Any

from tui_monitor.alerts.outward.item import OVER, Item
from tui_monitor.alerts.outward.labels import NEVER, Origin, annotations_of, generator_url, labels_of, rfc3339, started
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.alerts.outward.web import Web
from tui_monitor.config import WebhookSettings
from tui_monitor.credentials import CredentialError, secret
from tui_monitor.model import Episode

NAME = "webhook"
_FINE = (200, 201, 202, 204)


class Webhook:
    """One URL that gets every notice."""

    name = NAME
    at_once = 4
    once = False

    def __init__(self, settings: WebhookSettings, origin: Origin) -> None:
        """Nothing is opened or read yet."""
        self.settings, self.origin = settings, origin
        self._web = Web(NAME, settings)
        self.deadline_s: float | None = 2 * self._web.timeout_s

    def wants(self, item: Item) -> bool:
        """Notices; it knows no acts."""
        return self.settings.send and item.is_notice and item.episode is not None

    async def deliver(self, item: Item) -> None:
        """Tell it; see `Outward`."""
        if item.episode is None:
            return
        if self.settings.url_file or self.settings.url_env:
            try:
                self._web.aim(secret("webhook.url", self.settings.url_file, self.settings.url_env), is_secret=True)
            except CredentialError as error:
                raise NotSent(str(error)) from None
        message = body(item, item.episode, self.origin)
        await self._web.ask("POST", body=message, headers={"Idempotency-Key": item.key}, accept=_FINE)

    async def aclose(self) -> None:
        """Let connections go."""
        await self._web.aclose()


def body(item: Item, episode: Episode, origin: Origin) -> dict[str, Any]:
    """The message of one notice."""
    over = item.what in OVER
    labels, notes = labels_of(episode, origin), annotations_of(episode, item.text, item.runbook)
    if item.what == "lost":
        notes["description"] = item.text
    status = "resolved" if over else "firing"
    alert = {
        "status": status,
        "labels": labels,
        "annotations": notes,
        "startsAt": started(episode),
        "endsAt": rfc3339(episode.ended_s or item.at_s) if over else NEVER,
        "generatorURL": generator_url(episode, origin),
        "fingerprint": hashlib.blake2s(
            "\0".join(f"{name}={value}" for name, value in sorted(labels.items())).encode(), digest_size=8
        ).hexdigest(),
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{_quoted(episode.rule)}", tm_id="{episode.id}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "tui-monitor",
        "groupLabels": {"alertname": episode.rule, "tm_id": episode.id},
        "commonLabels": labels,
        "commonAnnotations": notes,
        "externalURL": f"http://{origin.host}/",
        "alerts": [alert],
    }


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
