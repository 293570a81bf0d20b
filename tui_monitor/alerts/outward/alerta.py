"""An Alerta 9 is told of our alerts and of what people do with them.

It keeps one alert for each environment, resource and event; `normal` closes it, a worse severity opens it again. Its `ack` is refused with 409
where somebody was first: the history of the alert says who. It has no name of the person behind an API key, so the name stands in the text.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tui_monitor.alerts.acts import ago
from tui_monitor.alerts.outward.item import Item
from tui_monitor.alerts.outward.labels import ID_LABEL, Origin, annotations_of, read_time, rfc3339
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.alerts.outward.web import Refused, Web
from tui_monitor.config import AlertaSettings
from tui_monitor.credentials import CredentialError, secret
from tui_monitor.model import Episode, clean

NAME = "alerta"
SEVERITIES = {"critical": "critical", "warning": "warning", "info": "informational"}
OVER = {
    "resolved": "normal",
    "lost": "unknown",
}  # closing what is lost would make it normal too; so it stays open until somebody knows, or it expires
_MARK = re.compile(r" ?\[tui-monitor [^\]]*\]")
_DONE = {"ack": "ack", "unack": "open", "shelve": "shelved", "unshelve": "open", "close": "closed"}  # act -> the status that it leads to
_UNDOES = {"unack": "ack", "unshelve": "shelve"}


class Entry(Struct, frozen=True, rename="camel", kw_only=True):
    """One line of an alert's history."""

    type: str = ""
    status: str | None = None
    text: str | None = None
    user: str | None = None
    update_time: str = ""


class Theirs(Struct, frozen=True, kw_only=True):
    """An alert as Alerta tells it."""

    id: str
    status: str = ""
    severity: str = ""
    history: list[Entry] = []
    attributes: dict[str, Any] = {}


class _Found(Struct, frozen=True):
    alerts: list[Theirs] = []


class _One(Struct, frozen=True):
    alert: Theirs


class Alerta:
    """Speaks its API."""

    name = NAME
    at_once = 4
    once = False

    def __init__(self, settings: AlertaSettings, origin: Origin, *, clock: Callable[[], float] = time.time) -> None:
        """Nothing is opened or read yet."""
        self.settings, self.origin, self._clock = settings, origin, clock
        self._web = Web(NAME, settings)
        self.deadline_s: float | None = 4 * self._web.timeout_s

    def wants(self, item: Item) -> bool:
        """All that happens to our alerts."""
        return self.settings.send and item.episode is not None

    async def deliver(self, item: Item) -> None:
        """Tell it; see `Outward`."""
        if item.episode is None:
            return
        if item.is_notice:
            await self._post(item, item.episode)
            if item.what == "ack-expired":  # by itself it ends there only where somebody calls its housekeeping
                await self._act(item, item.episode, "unack", "its acknowledgement ended")
        else:
            await self._act(item, item.episode, item.what, item.comment)

    def _resource(self, episode: Episode) -> str:
        return f"{self.origin.name}:{episode.target}"

    def _headers(self) -> dict[str, str]:
        try:
            key = secret("alerta.api_key", self.settings.api_key_file, self.settings.api_key_env)
        except CredentialError as error:
            raise NotSent(str(error)) from None
        self._web.hide(key)
        return {"X-API-Key": key} if key else {}

    async def _post(self, item: Item, episode: Episode) -> None:
        value = annotations_of(episode).get("value", "")
        alert = {
            "resource": self._resource(episode),
            "event": episode.rule,
            "environment": self.settings.environment,
            "severity": OVER.get(item.what) or SEVERITIES[episode.severity],
            "service": [episode.labels.get("model", episode.kind)],
            "group": episode.kind,
            "value": value,
            "text": item.text,
            "origin": f"tui-monitor/{self.origin.name}",
            "type": "tuiMonitorAlert",
            "createTime": rfc3339(item.at_s),
            "attributes": {ID_LABEL: episode.id} | ({"runbook": item.runbook} if item.runbook else {}),
        }
        # 202: it is told, and keeps it to itself, because of a blackout for one
        await self._web.ask("POST", "/alert", body=alert, headers=self._headers(), accept=(200, 201, 202))

    async def _act(self, item: Item, episode: Episode, act: str, comment: str) -> None:
        timeout_s = round((item.until_s or 0.0) - self._clock())
        if act in ("ack", "shelve") and timeout_s <= 0:
            return  # it ended before it could be told
        found = await self._find(episode)
        if found is None:
            if act in ("ack", "shelve"):
                raise NotSent("Alerta does not have this alert (yet)")
            return
        if act in _UNDOES and not await self._is_ours(found.id, _UNDOES[act], episode):
            return  # somebody else's, and it stays
        text = f"{item.who or 'tui-monitor'}: {comment or act} [tui-monitor {item.key}]"
        body: dict[str, Any] = {"action": act, "text": text}
        if act in ("ack", "shelve"):
            body["timeout"] = timeout_s
        try:
            await self._web.ask("PUT", f"/alert/{found.id}/action", body=body, headers=self._headers())
        except Refused as refused:
            if refused.status != 409:
                raise
            await self._conflict(item, act, found.id)

    async def _conflict(self, item: Item, act: str, identity: str) -> None:
        """It is in that state already: by this very act, whose answer was lost; or somebody was first, and is named."""
        alert = (await self._web.ask("GET", f"/alert/{identity}", headers=self._headers())).read(_One).alert
        if act not in ("ack", "shelve"):
            if alert.status == _DONE[act] or (act != "close" and alert.status != {"unack": "ack", "unshelve": "shelved"}[act]):
                return
            raise NotSent(f"Alerta refuses to {act} it, its status is {clean(alert.status, 40)}", again=False)
        if any(item.key in (entry.text or "") for entry in alert.history):
            return
        first = [
            entry for entry in alert.history if entry.type == act or (entry.status == _DONE[act] and entry.type in ("action", "status"))
        ]
        if not first:
            raise NotSent(f"Alerta refuses to {act} it, its status is {clean(alert.status, 40)}", again=False)
        entry = max(first, key=lambda entry: read_time(entry.update_time) or 0.0)
        at_s = read_time(entry.update_time)
        when = f" {ago(self._clock() - at_s)} ago" if at_s is not None else ""
        who, _, why = _MARK.sub("", entry.text or "").partition(": ")
        who = entry.user or (who if why else "") or "somebody"
        raise NotSent(f"{clean(who, 64)} was first in Alerta{when}" + (f": {clean(why, 80)}" if why else ""), again=False)

    async def _is_ours(self, identity: str, act: str, episode: Episode) -> bool:
        """Whether the newest acknowledgement (or shelf) is one that we made."""
        alert = (await self._web.ask("GET", f"/alert/{identity}", headers=self._headers())).read(_One).alert
        made = [entry for entry in alert.history if entry.type == act]
        newest = max(made, key=lambda entry: read_time(entry.update_time) or 0.0, default=None)
        return newest is not None and f"[tui-monitor {episode.id}.{act}." in (newest.text or "")

    async def _find(self, episode: Episode) -> Theirs | None:
        query = {"resource": self._resource(episode), "event": episode.rule, "environment": self.settings.environment}
        found = (await self._web.ask("GET", "/alerts", query=query, headers=self._headers())).read(_Found)
        return found.alerts[0] if found.alerts else None

    async def aclose(self) -> None:
        """Let connections go."""
        await self._web.aclose()
