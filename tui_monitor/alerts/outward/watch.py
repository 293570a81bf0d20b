"""Reads what fires in an Alertmanager, tells it again what fires here, and keeps the silences of acknowledgements in order.

An Alertmanager that was started anew is empty until everybody has told it again: what it does not know is then held, not over. One that does
not answer says nothing about its alerts: they are held, and after a while lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from tui_monitor.alerts.outward import silences
from tui_monitor.alerts.outward.alertmanager import Alertmanager, Known
from tui_monitor.alerts.outward.item import Item
from tui_monitor.alerts.outward.labels import ID_LABEL, is_ours, labels_of, read_time
from tui_monitor.alerts.outward.outward import NotSent
from tui_monitor.alerts.outward.silences import Theirs
from tui_monitor.model import Episode, Foreign, ForeignAlert, Severity, Silence, clean, utc

TOLD_AGAIN_S = 70.0  # how long a Prometheus takes to tell again (measured: 70 s with its usual settings)
LOST_S = 300.0  # how long silence is borne
MOST = 2000  # alerts of others
_WHERE = ("target", "instance", "pod", "service", "job", "host", "node")
_SEVERITIES: dict[str, Severity] = {"critical": "critical", "warning": "warning", "info": "info", "informational": "info", "none": "info"}


class Watch:
    """One Alertmanager, looked at every few seconds."""

    def __init__(
        self,
        alertmanager: Alertmanager,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        told_again_s: float = TOLD_AGAIN_S,
        lost_s: float = LOST_S,
    ) -> None:
        """`clock` is wall time, `steady` monotonic."""
        self._of, self._clock, self._steady = alertmanager, clock, steady
        self._hold_s, self._lost_s = 2 * alertmanager.interval_s + told_again_s, lost_s
        self._kept: dict[str, ForeignAlert] = {}  # by fingerprint
        self._uptime_s: float | None = None
        self._empty_until_s = float("-inf")  # steady: it may not know everything yet
        self._answered_s: float | None = None  # steady
        self._resent_s = float("-inf")  # steady
        self._orphans: set[str] = set()  # our silences over nothing, seen once
        self._silences: tuple[Theirs, ...] = ()
        self._hidden: dict[str, Silence] = {}
        self._raw: dict[str, tuple[Known, Theirs | None]] = {}  # what the alerts in `_kept` were made of

    async def run(self, firing: Callable[[], Sequence[Episode]], publish: Callable[[Foreign], object]) -> None:
        """Look for ever. `firing`: the episodes that people were told of and that still fire."""
        while True:
            publish(await self.look(firing()))
            await asyncio.sleep(self._of.interval_s)

    async def look(self, firing: Sequence[Episode]) -> Foreign:
        """What it says now. Never raises: what goes wrong stands in `why`."""
        try:
            started = read_time((await self._of.about()).uptime)
            again = self._notice_start(started)
            why = await self._resend(firing, again=again)
            known = await self._of.alerts()
            self._silences = tuple(await self._of.silences())
        except NotSent as error:
            return self._unanswered(str(error))
        self._answered_s = self._steady()
        found = self._read(known)
        try:
            await self._tidy(known, firing)
        except NotSent as error:
            why = why or str(error)
        return replace(found, why=found.why or why)

    def _notice_start(self, started_s: float | None) -> bool:
        """Whether it was started since the last look. Behind one address may stand several: only one that is younger than all known counts."""
        before, self._uptime_s = self._uptime_s, max(started_s or 0.0, self._uptime_s or 0.0)
        if started_s is None or (before is not None and started_s <= before):
            return False
        if before is not None:
            self._empty_until_s = self._steady() + self._hold_s
            return True
        self._empty_until_s = self._steady() + self._hold_s - max(0.0, self._clock() - started_s)  # it may be young at our first look
        return False

    async def _resend(self, firing: Sequence[Episode], *, again: bool) -> str:
        if not self._of.settings.send or (not again and self._steady() - self._resent_s < self._of.resend_s):
            return ""
        try:
            await self._of.tell_again(firing)
        except NotSent as error:
            return str(error)  # the next look tries again
        self._resent_s = self._steady()
        return ""

    # -- what fires there -----------------------------------------------------------------------------------------------------------

    def _read(self, known: Sequence[Known]) -> Foreign:
        now_s, young = self._clock(), self._steady() < self._empty_until_s
        ours = [one for one in known if is_ours(one.labels, self._of.origin)]
        theirs = [one for one in known if not is_ours(one.labels, self._of.origin)]
        before, self._kept = self._kept, {}
        raw, self._raw = self._raw, {}
        ended: list[ForeignAlert] = []
        for one in theirs[:MOST]:
            old, made_of = before.pop(one.fingerprint, None), (one, self._over(one))
            unchanged = old is not None and old.holding == "" and raw.get(one.fingerprint) == made_of
            alert = old if old is not None and unchanged else self._alert(*made_of, old)
            self._raw[one.fingerprint] = made_of
            if old is not None and old.id != alert.id:
                ended.append(replace(old, state="resolved", ended_at=alert.since, holding=""))
            self._kept[one.fingerprint] = alert
        for fingerprint, old in before.items():
            if young:
                self._kept[fingerprint] = replace(old, holding="the Alertmanager was started anew and has not been told again")
            else:
                ended.append(replace(old, state="resolved", ended_at=utc(now_s), holding=""))
        hidden = {
            one.labels[ID_LABEL]: silences.as_silence(over, self._of.name)
            for one in ours
            if (over := self._over(one)) is not None and not over.marked(self._of.origin)
        }
        why = f"only the first {MOST} of its {len(theirs)} alerts" if len(theirs) > MOST else ""
        if young and not why:
            why = "started anew: it may not know all alerts yet"
        return self._said(now_s, tuple(ended), hidden, why)

    def _alert(self, one: Known, over: Theirs | None, old: ForeignAlert | None) -> ForeignAlert:
        labels, notes = one.labels, one.annotations
        since_s = read_time(one.starts_at) or self._clock()
        same = old is not None and (old.holding != "" or since_s <= old.since.timestamp() + 1)
        identity = f"{self._of.name}\0{one.fingerprint}\0{since_s:.0f}"
        runbook = notes.get("runbook_url", notes.get("runbook", ""))
        return ForeignAlert(
            id=old.id if old is not None and same else "a" + hashlib.blake2s(identity.encode(), digest_size=4).hexdigest(),
            source=self._of.name,
            fingerprint=clean(one.fingerprint, 64),
            rule=clean(labels.get("alertname", "")) or "alert",
            target=clean(next((labels[name] for name in _WHERE if labels.get(name)), "")),
            severity=_SEVERITIES.get(labels.get("severity", "").lower(), "warning"),
            state="firing",
            since=old.since if old is not None and same else utc(since_s),
            summary=clean(notes.get("summary") or notes.get("message") or notes.get("description") or "", 500),
            runbook=clean(runbook, 500),
            labels={clean(name, 100): clean(value, 500) for name, value in sorted(labels.items())[:100]},
            acknowledged=silences.as_ack(over) if over is not None and over.is_ack and over.covers(labels) else None,
            silenced=silences.as_silence(over, self._of.name) if over is not None and not (over.is_ack and over.covers(labels)) else None,
            inhibited=bool(one.status.inhibited_by),
        )

    def _over(self, one: Known) -> Theirs | None:
        """The silence that counts: an acknowledgement before any other, then the one that lasts longest."""
        named = set(one.status.silenced_by)
        found = [silence for silence in self._silences if silence.id in named and silence.active]
        return max(found, key=lambda silence: (silence.is_ack and silence.covers(one.labels), silence.ends_s), default=None)

    def _unanswered(self, why: str) -> Foreign:
        """It says nothing: so nothing is over."""
        now_s = self._clock()
        silent_s = self._steady() - self._answered_s if self._answered_s is not None else 0.0
        if silent_s > self._lost_s:
            lost = tuple(replace(one, state="lost", ended_at=utc(now_s)) for one in self._kept.values())
            self._kept = {}
            return replace(self._said(now_s, lost, {}, why), silent_s=silent_s)
        holding = f"no answer for {silent_s:.0f} s"
        self._kept = {fingerprint: replace(one, holding=holding) for fingerprint, one in self._kept.items()}
        return replace(self._said(now_s, (), self._hidden, why), silent_s=silent_s)

    def _said(self, now_s: float, ended: tuple[ForeignAlert, ...], hidden: dict[str, Silence], why: str) -> Foreign:
        self._hidden = hidden
        order = {"critical": 0, "warning": 1, "info": 2}
        return Foreign(
            source=self._of.name,
            at_s=now_s,
            alerts=tuple(sorted(self._kept.values(), key=lambda one: (order[one.severity], -one.since.timestamp(), one.id))),
            ended=ended,
            silences=tuple(
                silences.as_silence(one, self._of.name)
                for one in self._silences
                if one.status.state in ("active", "pending") and not one.marked(self._of.origin)
            )[:MOST],
            hidden=hidden,
            why=why,
        )

    # -- silences of acknowledgements -----------------------------------------------------------------------------------------------

    async def _tidy(self, known: Sequence[Known], firing: Sequence[Episode]) -> None:
        """Delete ours over alerts that are gone or were given back while nobody was there to tell; make those again that are missing though somebody still has the alert."""
        if self._steady() < self._empty_until_s:
            return
        held = {one.id: one for one in firing}
        alive = set(held) | {alert.id for alert in self._kept.values()} | {one.labels.get(ID_LABEL, "") for one in known}
        labels = [one.labels for one in known]
        over_nothing = {
            one.id: mark
            for one in self._silences
            if one.active
            and (mark := one.marked(self._of.origin))
            and (held[mark].ack is None if mark in held else mark not in alive and not any(map(one.covers, labels)))
        }
        for identity, alert in over_nothing.items():
            if identity in self._orphans:
                await self._of.release(alert)
        self._orphans = set(over_nothing) - self._orphans
        if self._of.settings.send:
            for episode in firing:
                if episode.ack is not None and episode.ack.until.timestamp() > self._clock() and self._misses(episode):
                    await self._of.acknowledge(_item(episode))

    def _misses(self, episode: Episode) -> bool:
        """Whether its acknowledgement has no silence: the one that it leant on ran out, or they were lost. One that somebody ended is respected."""
        labels = labels_of(episode, self._of.origin)
        if episode.ack is None or silences.equal(self._silences, labels):
            return False
        begun_s = episode.ack.at.timestamp() - 5
        return not any(one.marked(self._of.origin) == episode.id and one.starts_s >= begun_s for one in self._silences)


def _item(episode: Episode) -> Item:
    """The acknowledgement that an episode has."""
    ack = episode.ack
    if ack is None:
        return Item(key="", what="ack", at_s=0.0, episode=episode)
    return Item(
        key=f"{episode.id}.again",
        what="ack",
        at_s=ack.at.timestamp(),
        episode=episode,
        who=ack.by,
        comment=ack.comment,
        until_s=ack.until.timestamp(),
    )
