"""An Alertmanager is told of our alerts, and of who has one: it knows no acknowledgement, so that is a silence with all labels of the alert.

Severity is a label too: what gets worse is not silenced, and calls people again. The silence is found or made once, prolonged, and deleted when
the alert is over or is given back; one that somebody else made is leant on, and never changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from tui_monitor.alerts.outward import silences
from tui_monitor.alerts.outward.item import OVER, Item
from tui_monitor.alerts.outward.labels import ID_LABEL, Origin, annotations_of, generator_url, labels_of, rfc3339, started
from tui_monitor.alerts.outward.silences import Theirs
from tui_monitor.alerts.outward.web import Refused, Web
from tui_monitor.config import AlertmanagerSettings
from tui_monitor.model import Episode
from tui_monitor.vocabulary import seconds

NAME = "alertmanager"
KEPT_TIMES = 4  # an alert that is not told again for so many times `resend` is over for it; Prometheus does the same
AT_ONCE = 500  # alerts in one request


class AlertStatus(Struct, frozen=True, rename="camel"):
    """Of an alert."""

    state: str = ""  # active suppressed unprocessed
    silenced_by: list[str] = []
    inhibited_by: list[str] = []


class Known(Struct, frozen=True, rename="camel", kw_only=True):
    """An alert as the Alertmanager tells it."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: str = ""
    status: AlertStatus = AlertStatus()


class About(Struct, frozen=True):
    """Its state; `uptime` is when it was started."""

    uptime: str


class Alertmanager:
    """Speaks version 2 of the API."""

    name = NAME
    at_once = 4
    once = False

    def __init__(
        self,
        settings: AlertmanagerSettings,
        origin: Origin,
        *,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        """`say` gets what people should see among the events."""
        self.settings, self.origin = settings, origin
        self.resend_s, self.interval_s = seconds(settings.resend), seconds(settings.interval)
        self._web = Web(NAME, settings)
        self.deadline_s: float | None = 4 * self._web.timeout_s
        self._clock, self._say = clock, say
        self._silencing = asyncio.Lock()  # looking for a silence and making one is one step

    def wants(self, item: Item) -> bool:
        """Ours where it is told of them, and acts on its own."""
        if item.foreign is not None:
            return item.foreign.source == self.name and item.what in ("ack", "unack")
        return self.settings.send and (item.is_notice or item.what in ("ack", "unack"))

    async def deliver(self, item: Item) -> None:
        """Tell it; see `Outward`."""
        if item.what == "ack":
            await self.acknowledge(item)
        elif item.what == "unack":
            await self.release(item.about, of=await self._labels(item))
        elif item.episode is not None:
            await self._tell(item.episode, item)

    # -- our alerts -----------------------------------------------------------------------------------------------------------------

    async def _tell(self, episode: Episode, item: Item) -> None:
        over = item.what in OVER
        now = labels_of(episode, self.origin)
        posts = [self._post(episode, over_s=self._clock() if over else None, text=item.text, runbook=item.runbook)]
        if over or item.what == "severity":
            before = [one for one in await self.alerts(f'{ID_LABEL}="{episode.id}"') if one.labels != now]  # with another severity
            posts += [{"labels": one.labels, "startsAt": one.starts_at, "endsAt": rfc3339(self._clock())} for one in before]
        await self._web.ask("POST", "/api/v2/alerts", body=posts)
        if over or item.what == "severity":
            await self.release(episode.id, keep=now if not over else None)

    def _post(self, episode: Episode, *, over_s: float | None = None, text: str = "", runbook: str = "") -> dict[str, Any]:
        return {
            "labels": labels_of(episode, self.origin),
            "annotations": annotations_of(episode, text, runbook),
            "startsAt": started(episode),
            "endsAt": rfc3339(self._clock() + KEPT_TIMES * self.resend_s if over_s is None else over_s),
            "generatorURL": generator_url(episode, self.origin),
        }

    async def tell_again(self, firing: Sequence[Episode]) -> None:
        """Say once more what fires, all of it: it forgets what it is not told.

        Raises:
            NotSent: it was not told.
        """
        for first in range(0, len(firing), AT_ONCE):
            await self._web.ask("POST", "/api/v2/alerts", body=[self._post(one) for one in firing[first : first + AT_ONCE]])

    # -- acknowledgements -----------------------------------------------------------------------------------------------------------

    async def acknowledge(self, item: Item) -> None:
        """Find or make the silence of an acknowledgement.

        Raises:
            NotSent: there is none now.
        """
        until_s = item.until_s or 0.0
        if until_s <= self._clock():
            return
        labels = await self._labels(item)
        comment = silences.comment_of(item.comment, item.about, self.origin)
        async with self._silencing:
            there = await self.silences(labels)
            own = [one for one in there if one.active and self._is_own(one, item.about, labels)]
            for one in own:
                if not one.covers(labels):  # of the severity that it had before
                    await self._delete(one.id)
            mine = next((one for one in own if one.covers(labels)), None)
            equal = silences.equal(there, labels)
            if mine is not None:
                if abs(mine.ends_s - until_s) > 1 or mine.comment != comment or mine.created_by != item.who:
                    await self._make(silences.body(labels, item.who, comment, self._clock(), until_s, mine))
            elif equal:
                self._leans(item, equal[0])
            else:
                await self._make(silences.body(labels, item.who, comment, self._clock(), until_s))
                await self._give_way(item, labels)

    async def _give_way(self, item: Item, labels: dict[str, str]) -> None:
        """Two may have made one at the same moment: the first stays. Both see the same order, because the times are the Alertmanager's."""
        equal = silences.equal(await self.silences(labels), labels)
        if equal and not equal[0].marked(self.origin):
            for one in equal[1:]:
                if self._is_own(one, item.about, labels):
                    await self._delete(one.id)
                    self._leans(item, equal[0])

    def _leans(self, item: Item, on: Theirs) -> None:
        rule = item.episode.rule if item.episode is not None else item.foreign.rule if item.foreign is not None else ""
        self._say(f"acknowledgement of {rule} leans on a silence of {silences.as_silence(on, self.name).by} in the Alertmanager")

    async def _labels(self, item: Item) -> dict[str, str]:
        if item.episode is not None:
            return labels_of(item.episode, self.origin)
        if item.foreign is None:
            return {}
        for known in await self.alerts(_filter(item.foreign.labels)):
            if known.fingerprint == item.foreign.fingerprint:
                return {name: value for name, value in known.labels.items() if value}  # exactly as they are there
        return {name: value for name, value in item.foreign.labels.items() if value}

    def _is_own(self, one: Theirs, alert: str, labels: dict[str, str] | None) -> bool:
        """Whether we made it for that alert. The id of an alert of others may change while its labels stay."""
        mark = one.marked(self.origin)
        return mark == alert or bool(mark and labels and one.covers(labels))

    async def release(self, alert: str, *, of: dict[str, str] | None = None, keep: dict[str, str] | None = None) -> None:
        """Delete our silences over an alert with the labels `of`, except one that is about the labels `keep`; those of others stay.

        Raises:
            NotSent: one may still be there.
        """
        async with self._silencing:
            for one in await self.silences():
                if one.status.state != "expired" and self._is_own(one, alert, of) and not (keep and one.covers(keep)):
                    await self._delete(one.id)

    async def _make(self, body: dict[str, Any]) -> None:
        await self._web.ask("POST", "/api/v2/silences", body=body)

    async def _delete(self, identity: str) -> None:
        try:
            await self._web.ask("DELETE", f"/api/v2/silence/{identity}", accept=(200, 404))
        except Refused as refused:
            if refused.status != 500 or b"not found" not in refused.body:  # older ones say it so
                raise

    # -- reading --------------------------------------------------------------------------------------------------------------------

    async def silences(self, labels: dict[str, str] | None = None) -> list[Theirs]:
        """All silences, those that ended lately too; with `labels` at least those that are about an alert with these."""
        query = {"filter": _filter(labels)} if labels and _filter(labels) else {}
        return (await self._web.ask("GET", "/api/v2/silences", query=query)).read(list[Theirs])

    async def alerts(self, matcher: str = "") -> list[Known]:
        """What fires there, silenced and inhibited ones too."""
        query = {"filter": matcher} if matcher else {}
        return (await self._web.ask("GET", "/api/v2/alerts", query=query)).read(list[Known])

    async def about(self) -> About:
        """When it was started."""
        return (await self._web.ask("GET", "/api/v2/status")).read(About)

    async def aclose(self) -> None:
        """Let connections go."""
        await self._web.aclose()


def _filter(labels: dict[str, str]) -> str:
    """A condition that leaves few; nothing, where the name of the alert would have to be quoted in a way that not all versions read."""
    name = labels.get("alertname", "")
    plain = name and name.isascii() and name.isprintable() and '"' not in name and "\\" not in name
    return f'alertname="{name}"' if plain else ""
