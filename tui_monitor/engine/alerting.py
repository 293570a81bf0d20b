"""The engine's alerts: rules asked every tick, acts carried out, everything durable before it is shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from tui_monitor.alerts.acts import Change, Proposal, together
from tui_monitor.alerts.lifecycle import AlertBook
from tui_monitor.alerts.rule import Rule
from tui_monitor.alerts.rules import asked_by, names_of, rules_of, usual_of
from tui_monitor.alerts.usual import UsualKeeper
from tui_monitor.config import Settings
from tui_monitor.engine.clock import steady
from tui_monitor.engine.forecasting import unforecast
from tui_monitor.engine.keeper import Keeper
from tui_monitor.engine.telling import Telling
from tui_monitor.model import (
    Acknowledge,
    Act,
    Alert,
    AlertPast,
    Episode,
    Event,
    Foreign,
    JournalEntry,
    Outcome,
    Silence,
    SilencePreview,
    Subject,
    Unacknowledge,
    clean,
    utc,
)
from tui_monitor.vocabulary import seconds

USUAL_SAVED_EVERY_S = 600.0
WAITS_S = 120.0  # after which a rule whose past or forecast is still unknown says so
MOST_WAITING = 10  # rules that say it
_TOLD = ("firing", "resolved", "lost", "acked", "unacked", "taken-over", "ack-expired", "ack-dropped", "shelved", "flapping")


class Alerting:
    """All that the engine knows of alerts."""

    def __init__(
        self, settings: Settings, keeper: Keeper, telling: Telling, tick_s: float, tell: Callable[[Event], None], now_s: float
    ) -> None:
        """What an earlier engine kept goes on.

        Args:
            settings: rules and how alerts live.
            keeper: of what is durable.
            telling: the outward systems.
            tick_s: between two looks.
            tell: takes one line for the events.
            now_s: wall time.
        """
        self._keeper, self._telling, self._tell_event = keeper, telling, tell
        self._acting = asyncio.Lock()
        alerts = settings.alerts
        rules = rules_of(settings)
        self._book = AlertBook(
            rules,
            flap_window_s=seconds(alerts.flap_window),
            no_data_hold_s=seconds(alerts.no_data_hold),
            ack_for_s=seconds(alerts.ack_for),
            interval_s=tick_s,
            episodes=keeper.episodes(now_s),
            silences=keeper.silences(now_s),
        )
        self._usual = UsualKeeper({})
        self._usual_saved_s = now_s
        self._ack_for_s = seconds(alerts.ack_for)
        self.asks_windows = self.asks_models = self.asks_slices = False
        self.asks_over: list[tuple[str, float]] = []  # family and bound: shares of requests above it
        self._use(rules, names_of(settings), now_s)

    def _use(self, rules: Sequence[Rule], queries: Sequence[str], now_s: float) -> None:
        """What these rules must be told beyond the numbers of now; what nobody can tell them is said once."""
        nobody = list(unforecast(rules, queries))
        for rule, why in nobody:
            self._tell_event(Event(utc(now_s), clean(f"rule {rule.name} ({rule.severity}): {why}"), "warning"))
        self._waiting = [rule for rule in rules if (rule.when.usual or rule.when.expected) and all(rule is not one for one, _ in nobody)]
        self._waiting_from_s = now_s
        self._usual.set_wanted(usual_of(rules))
        asked = asked_by(rules)
        self.asks_windows = any(one.window for one in asked)
        self.asks_over = list(dict.fromkeys(one.over for one in asked if one.over is not None))
        self.asks_models = any("model" in rule.subjects for rule in rules)
        self.asks_slices = any("slice" in rule.subjects for rule in rules)

    def reload(self, settings: Settings) -> None:
        """Other rules from now on."""
        rules = rules_of(settings)
        self._book.set_rules(rules)
        self._use(rules, names_of(settings), time.time())

    def restore_usual(self, kept: bytes | None) -> str:
        """What was usual; returns why it is not known any more, or nothing."""
        try:
            if kept:
                self._usual.load(kept)
        except ValueError as error:
            return str(error)
        return ""

    def save(self, now_s: float, *, ending: bool) -> None:
        """Keep what is usual, now and then."""
        if ending or now_s - self._usual_saved_s >= USUAL_SAVED_EVERY_S:
            self._usual_saved_s = now_s
            self._keeper.save("usual", self._usual.dump())

    # -- a tick -------------------------------------------------------------------------------------------------------------------------

    async def evaluate(self, asked: list[Subject], now_s: float) -> None:
        """Rules; every change is on disk before it is shown, or the header says that it is not."""
        self._usual.take(asked, now_s)
        asked = self._usual.fill(asked, now_s)
        if self._waiting and now_s - self._waiting_from_s >= WAITS_S:
            self._tell_waiting(asked, now_s)
        async with self._acting:
            others = self._keeper.outside()
            if others is not None:
                self._book.adopt(others.episodes, others.silences)
            changes = self._book.evaluate(asked, now_s, steady())
            if changes:
                outgoing = self._telling.of_notices([notice for change in changes for notice in change.notices])
                why = await self._keeper.happened(changes, outgoing)
                self._telling.written(outgoing, durable=not why)
        for change in changes:
            self._tell(change)

    def _tell_waiting(self, asked: Sequence[Subject], now_s: float) -> None:
        """Once: which rules can be judged of nothing yet, and why. What is unknown never fires, and nobody should take that for calm."""
        told: dict[str, str] = {}
        for rule in self._waiting:
            whys = [rule.unknown(one) for one in asked if rule.concerns(one)]
            if whys and all(whys):
                told[rule.name] = whys[0]
        for name, why in list(told.items())[:MOST_WAITING]:
            self._tell_event(Event(utc(now_s), clean(f"rule {name} waits: {why}"), ""))
        self._waiting = []

    def firing(self) -> list[Episode]:
        """What people were told of and that still fires."""
        return [one for one in self._book.episodes() if one.state == "firing" and one.told is not None and one.told.open]

    def hidden(self, found: Foreign) -> None:
        """What an Alertmanager hides."""
        self._book.set_foreign_silences(found.source or "alertmanager", found.hidden)

    def alerts(self, now_s: float) -> list[Alert]:
        """The list as people read it."""
        return self._book.alerts(now_s)

    def silences(self, now_s: float) -> list[Silence]:
        """All of them, those in force first."""
        return self._book.silences.listed(now_s)

    # -- acts ---------------------------------------------------------------------------------------------------------------------------

    async def act(self, act: Act, who: str) -> Outcome:
        """Carry it out; the answer comes after it is durable."""
        now_s = time.time()
        if isinstance(act, Acknowledge | Unacknowledge) and (foreign := self._telling.foreign_alert(act.alert)) is not None:
            return await self._telling.act_on_foreign(act, foreign, who, now_s, self._ack_for_s)
        async with self._acting:
            proposals = self._book.propose(act, who, now_s)
            writing = [one for one in proposals if one.writes]
            outgoing = self._telling.of_acts(act, writing, who, now_s)
            why = await self._keeper.act(writing, outgoing) if writing else ""
            for one in writing:
                if why:
                    self._book.withdraw(one)
                else:
                    self._book.apply(one)
        if not why:
            self._telling.written(outgoing, durable=True)
            for one in writing:
                self._tell_act(one, who)
        kept = Outcome(ok=False, message=f"not kept, so not done: {why}")
        return together([kept if why and one.writes else one.outcome for one in proposals])

    def preview(self, match: str) -> SilencePreview:
        """What a silence would hide."""
        return self._book.preview(match, time.time())

    async def past(self, alert: str) -> AlertPast | Outcome:
        """The past of an alert."""
        return await self._keeper.past(alert) or Outcome(ok=False, message=f"nothing is kept of alert {clean(alert, 40)}")

    # -- events -------------------------------------------------------------------------------------------------------------------------

    def _tell_act(self, proposal: Proposal, who: str) -> None:
        if proposal.change is not None:
            self._tell(proposal.change)
        for entry in proposal.entries:
            self._tell_event(Event(utc(entry.at_s), clean(f"{entry.what} by {entry.who or who}: {entry.text}"), ""))

    def _tell(self, change: Change) -> None:
        for entry in change.entries:
            if entry.what in _TOLD:
                self._tell_event(_event(change, entry))


def _event(change: Change, entry: JournalEntry) -> Event:
    by = f" by {entry.who}" if entry.who else ""
    severity = change.episode.severity if entry.what == "firing" else ""
    return Event(utc(entry.at_s), clean(f"{change.episode.rule} on {change.episode.target}: {entry.what}{by}"), severity)
