"""What outward systems are told of alerts: rows of the outbox, the dispatcher that takes them there, and what an Alertmanager says itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from tui_monitor import __version__
from tui_monitor.alerts.acts import Proposal
from tui_monitor.alerts.episodes import alert_id
from tui_monitor.alerts.outward.channels import channels
from tui_monitor.alerts.outward.dispatcher import Dispatcher
from tui_monitor.alerts.outward.item import Item, of_act, of_notice, rows
from tui_monitor.alerts.outward.labels import Origin
from tui_monitor.config import Settings
from tui_monitor.engine.keeper import Keeper
from tui_monitor.model import (
    Acknowledge,
    Act,
    Episode,
    Foreign,
    ForeignAlert,
    JournalEntry,
    Notice,
    Outcome,
    Outgoing,
    OutwardState,
    Shelve,
    Unacknowledge,
)

FETCHED_S = 5.0


class Telling:
    """All outward systems of the configuration. Where there is none, nothing is imported, opened or written."""

    def __init__(self, settings: Settings, host: str, instance: str, keeper: Keeper, note: Callable[[str], object]) -> None:
        self._keeper = keeper
        self._found = channels(settings, Origin(host, instance, __version__), say=note, keep=self._ran)
        self._dispatcher = Dispatcher(self._found.tellers, self._keeper.settle, fetch=self._fetch) if self._found.tellers else None
        self._watching: asyncio.Task[None] | None = None
        self.foreign: Foreign | None = None

    def _ran(self, episode: str, hook: str, text: str) -> None:
        self._keeper.write_line(JournalEntry(time.time(), episode, "hook", hook, text))

    async def _fetch(self, sink: str, limit: int) -> Sequence[Outgoing]:
        return await self._keeper.due(sink, limit, FETCHED_S)

    # -- life ---------------------------------------------------------------------------------------------------------------------------

    def start(self, firing: Callable[[], Sequence[Episode]], hidden: Callable[[Foreign], object]) -> None:
        """Begin to tell.

        Args:
            firing: the episodes that people were told of and that still fire.
            hidden: takes what an Alertmanager says.
        """
        if self._dispatcher is not None:
            self._dispatcher.start()
        if self._found.watch is not None:

            def publish(found: Foreign) -> None:
                self.foreign = found
                hidden(found)

            self._watching = asyncio.create_task(self._found.watch.run(firing, publish))

    async def stop(self) -> None:
        """End; what waits stays in the outbox."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._dispatcher is not None:
            await self._dispatcher.aclose()

    def states(self) -> list[OutwardState]:
        """Each system: what waits and why."""
        return self._dispatcher.states() if self._dispatcher is not None else []

    # -- what to tell -------------------------------------------------------------------------------------------------------------------

    def of_notices(self, notices: Sequence[Notice]) -> list[Outgoing]:
        """The rows of what happened, to be written with it."""
        return self._rows([of_notice(notice, notice.episode.runbook) for notice in notices])

    def of_acts(self, act: Act, proposals: Sequence[Proposal], who: str, now_s: float) -> list[Outgoing]:
        """The rows of what somebody does with alerts, to be written with it."""
        items: list[Item] = []
        for episode in (one.change.episode for one in proposals if one.change is not None):
            match act:
                case Acknowledge(comment=comment) if episode.ack is not None:
                    until_s = episode.ack.until.timestamp()
                    items.append(of_act("ack", episode, who=who, at_s=now_s, comment=comment, until_s=until_s))
                case Unacknowledge():
                    items.append(of_act("unack", episode, who=who, at_s=now_s))
                case Shelve(for_s=for_s, comment=comment):
                    if for_s > 0:
                        items.append(of_act("shelve", episode, who=who, at_s=now_s, comment=comment, until_s=now_s + for_s))
                    else:
                        items.append(of_act("unshelve", episode, who=who, at_s=now_s, comment=comment))
                case _:
                    pass
        return self._rows(items)

    def _rows(self, items: Sequence[Item]) -> list[Outgoing]:
        if self._dispatcher is None or not items:
            return []
        by_id = {item.about: item.episode for item in items}
        return [
            replace(row, alert=alert_id(episode.rule, episode.kind, episode.target)) if (episode := by_id.get(row.episode)) else row
            for row in rows(items, self._found.tellers)
        ]

    def written(self, outgoing: Sequence[Outgoing], *, durable: bool) -> None:
        """Rows are in the outbox; or could not be put there: then they are told from memory, for somebody must be."""
        if self._dispatcher is None or not outgoing:
            return
        if durable:
            self._dispatcher.wake()
        else:
            self._dispatcher.put(outgoing)

    # -- alerts of others ---------------------------------------------------------------------------------------------------------------

    def foreign_alert(self, identity: str) -> ForeignAlert | None:
        """An Alertmanager's alert by its id here."""
        return next((one for one in self.foreign.alerts if one.id == identity), None) if self.foreign else None

    async def act_on_foreign(self, act: Act, alert: ForeignAlert, who: str, now_s: float, ack_for_s: float) -> Outcome:
        """Acknowledge an Alertmanager's alert, or give it back: a silence there. The answer comes when it is surely going to be asked for."""
        match act:
            case Acknowledge(comment=comment, for_s=for_s):
                until_s = now_s + (ack_for_s if for_s is None else for_s)
                item = of_act("ack", alert, who=who, at_s=now_s, comment=comment, until_s=until_s)
                said = f"acked {alert.rule} on {alert.target}: {alert.source} is asked for a silence"
            case Unacknowledge():
                item = of_act("unack", alert, who=who, at_s=now_s)
                said = f"unacked {alert.rule} on {alert.target}: {alert.source} is asked to end its silence"
            case _:
                return Outcome(ok=False, message=f"{alert.rule} on {alert.target} is {alert.source}'s: it can be acked and unacked here")
        outgoing = self._rows([item])
        why = await self._keeper.act([], outgoing)
        if why:
            return Outcome(ok=False, message=f"not kept, so not done: {why}")
        self.written(outgoing, durable=True)
        return Outcome(ok=True, message=said)
