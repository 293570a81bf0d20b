"""The keys that act on alerts: each becomes a command, or a dialog that answers with one; what was done can be undone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from textual.app import App
from textual.screen import Screen

from tui_monitor.engine.feed import Feed
from tui_monitor.model import (
    Acknowledge,
    AddNote,
    AddSilence,
    Alert,
    Command,
    ExpireSilence,
    Frame,
    Outcome,
    Shelve,
    Silence,
    Unacknowledge,
)
from tui_monitor.model import utc as utc_time
from tui_monitor.ui import format as fmt
from tui_monitor.ui import others, signs
from tui_monitor.ui.dialogs.ack import AckDialog
from tui_monitor.ui.dialogs.detail import WIDTH
from tui_monitor.ui.dialogs.history import HistoryDialog
from tui_monitor.ui.dialogs.note import NoteDialog
from tui_monitor.ui.dialogs.question import Question
from tui_monitor.ui.dialogs.shelve import ShelveDialog
from tui_monitor.ui.dialogs.silence import SilenceDialog, match_of
from tui_monitor.ui.dialogs.silences import SilencesDialog, in_force
from tui_monitor.ui.panes import order
from tui_monitor.ui.panes.drift_words import short_name
from tui_monitor.ui.panes.story import name_of, past, place_of
from tui_monitor.ui.view import View

GROUPS = ("", "rule", "target")
MOST_NAMED = 8  # alerts of a question; the others are counted
_SILENCE = re.compile(r"(s[0-9a-f]{8}) hides ")  # how the engine names a new silence in its answer


class Undo(NamedTuple):
    """What takes an act back, and the line that says so."""

    command: Command
    said: str


class AlertKeys(App[None], inherit_bindings=False):
    """The part of the screen program that acts on alerts."""

    feed: Feed
    view: View
    _ascii: bool
    _clock: Callable[[], float]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._undo: list[Undo] = []  # newest last

    def frame(self) -> Frame | None:
        """What is shown."""
        raise NotImplementedError

    def shown_view(self) -> View:
        """The user's choices with what the source says about itself."""
        raise NotImplementedError

    def choose(self, **choices: Any) -> None:
        """Change the view."""
        raise NotImplementedError

    def toast(self, text: str) -> None:
        """One line about the last key."""
        raise NotImplementedError

    async def _open(self, dialog: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        raise NotImplementedError

    # -- what is meant ----------------------------------------------------------------------------------------------------------------

    def _alert_meant(self, *, firing: bool = True) -> Alert | None:
        """The selected alert in its pane, which stays selected: the next key means the same one.

        Of a drift signal its own, or that of the signal that it follows; elsewhere the worst that fires and nobody has.
        """
        frame = self.frame()
        if frame is None:
            return None
        if self.view.focus == "alerts":
            chosen = order.chosen_alert(frame, self.shown_view())
            if chosen is not None and chosen.id != self.view.alert:
                self.choose(alert=chosen.id)
            return chosen
        shown = order.alerts(frame, View())
        if self.view.focus == "drift" and (signal := order.chosen_signal(frame, self.shown_view())) is not None:
            for name in filter(None, (order.signal_name(signal), signal.follows)):
                own = [alert for alert in shown if alert.kind == "signal" and alert.target == name and not signs.ended(alert)]
                if own:
                    return own[0]
        return next((alert for alert in shown if signs.fires(alert)), None) if firing else next(iter(shown), None)

    def _why_that(self, alerts: Sequence[Alert]) -> str:
        """What to say where a key on a drift signal means the alert of the one that it follows."""
        frame = self.frame()
        signal = order.chosen_signal(frame, self.shown_view()) if frame is not None and self.view.focus == "drift" else None
        if signal is None or not signal.follows or len(alerts) != 1 or alerts[0].target != signal.follows:
            return ""
        return f", which {short_name(signal)} follows"

    def _marked(self) -> list[Alert]:
        """The marked alerts that are not over, as the list has them; none when another pane has the focus."""
        frame = self.frame()
        if frame is None or self.view.focus != "alerts":
            return []
        return [alert for alert in order.alerts(frame, View()) if alert.id in self.view.marked and not signs.ended(alert)]

    def _meant(self) -> list[Alert]:
        alert = self._alert_meant()
        return self._marked() or ([alert] if alert is not None else [])

    def _one(self) -> Alert | None:
        """The alert that is meant, for acts that need one; says so when there is none, or when nothing can be done from here."""
        if self._refused():
            return None
        alert = self._alert_meant()
        if alert is None:
            self.toast("no alert is selected" if self.view.focus == "alerts" else "nothing fires")
        elif isinstance(alert, others.TheirAlert):
            self.toast(_not_ours(alert))
            return None
        return alert

    def _refused(self) -> bool:
        """Say that nothing can be done from here, when that is so."""
        why = self.feed.status().read_only
        if why:
            self.toast(f"read-only: {why}")
        return bool(why)

    def _now(self) -> datetime:
        return utc_time(self._clock())

    def _held_by_other(self, alert: Alert) -> bool:
        you = self.feed.status().you
        return alert.acknowledged is not None and bool(you) and alert.acknowledged.by != you

    # -- taking and giving back -------------------------------------------------------------------------------------------------------

    async def action_ack(self) -> None:
        """`a`."""
        if self._refused():
            return
        alerts = self._meant()
        if not alerts:
            self.toast("nothing fires")
        elif signs.ended(alerts[0]):
            self.toast(f"{said(alerts[0])} is over")
        elif len(alerts) == 1 and self._held_by_other(alerts[0]):
            held = alerts[0].acknowledged
            age = fmt.age((self._now() - held.at).total_seconds()) if held is not None else ""
            await self._ask_take_over(alerts[0], f"acked {age} ago by {held.by if held is not None else ''}")
        else:
            self._take(alerts, Acknowledge(alerts[0].id, more=tuple(alert.id for alert in alerts[1:])))

    async def action_ack_dialog(self) -> None:
        """`A`."""
        if self._refused():
            return
        alerts = [alert for alert in self._meant() if not signs.ended(alert)]
        if not alerts:
            self.toast("nothing fires")
            return
        dialog = AckDialog(alerts[0], self.feed.status().you, more=alerts[1:], ascii=self._ascii)
        await self._open(dialog, lambda command: self._take(alerts, command) if command else None)

    async def action_ack_all(self) -> None:
        """`*`."""
        frame = self.frame()
        if self._refused() or frame is None:
            return
        shown = order.alerts(frame, self.shown_view() if self.view.focus == "alerts" else View())
        alerts = self._marked() or [alert for alert in shown if signs.fires(alert)]
        if not alerts:
            self.toast("nothing fires here that nobody has")
            return
        lines = [f"{alert.severity:<8} {said(alert)}" for alert in alerts[:MOST_NAMED]]
        if len(alerts) > MOST_NAMED:
            lines.append(f"and {len(alerts) - MOST_NAMED} more")
        command = Acknowledge(alerts[0].id, more=tuple(alert.id for alert in alerts[1:]))
        title = f"ack {len(alerts)} alert{'' if len(alerts) == 1 else 's'}?"
        await self._open(Question(title, lines, "acknowledge", ascii=self._ascii), lambda yes: self._take(alerts, command) if yes else None)

    async def _ask_take_over(self, alert: Alert, held: str) -> None:
        comment = alert.acknowledged.comment if alert.acknowledged is not None else ""
        lines = [f"{alert.severity} {said(alert)}", *([alert.summary] if alert.summary else []), *([f"note: {comment}"] if comment else [])]
        await self._open(
            Question(f"{held}: take over?", lines, "take over", ascii=self._ascii),
            lambda yes: self._take([alert], Acknowledge(alert.id, take_over=True)) if yes else None,
        )

    def _take(self, alerts: Sequence[Alert], command: Acknowledge) -> None:
        what = said(alerts[0]) + self._why_that(alerts) if len(alerts) == 1 else f"{len(alerts)} alerts"

        async def act() -> None:
            outcome = await self.feed.send(command)
            done = [alert for alert, one in zip(alerts, outcome.each, strict=False) if one.ok] if outcome.each else [*alerts] * outcome.ok
            if done:
                taken = said(done[0]) if len(done) == 1 else f"{len(done)} alerts"
                self._undo.append(Undo(Unacknowledge(done[0].id, tuple(alert.id for alert in done[1:])), f"gave back {taken}"))
                self.choose(marked=frozenset())
            if outcome.ok and isinstance(alerts[0], others.TheirAlert):
                self.toast(f"acknowledged {what}: {alerts[0].source} is asked for a silence; u undoes")
            elif outcome.ok:
                self.toast(f"{'took over' if command.take_over else 'acknowledged'} {what}; u undoes")
            elif len(alerts) == 1 and "take-over" in outcome.message and not command.take_over:
                await self._ask_take_over(alerts[0], outcome.message.partition(";")[0])
            else:
                self.toast(in_keys(outcome.message))

        self.run_worker(act(), group="acts")

    def action_unack(self) -> None:
        """`U`."""
        if self._refused():
            return
        alerts = [alert for alert in self._meant() if alert.acknowledged is not None and not signs.ended(alert)]
        if not alerts:
            self.toast("nobody has it")
            return
        command = Unacknowledge(alerts[0].id, tuple(alert.id for alert in alerts[1:]))
        back = None
        if len(alerts) == 1 and alerts[0].acknowledged is not None and not self._held_by_other(alerts[0]):
            held = alerts[0].acknowledged
            left_s = (held.until - self._now()).total_seconds()
            back = Undo(Acknowledge(alerts[0].id, held.comment, max(1.0, left_s)), f"acknowledged {said(alerts[0])} again")
        what = said(alerts[0]) if len(alerts) == 1 else f"{len(alerts)} alerts"
        self._do(command, f"gave back {what}", back)

    def action_undo(self) -> None:
        """`u`: the newest act of this screen that can still be undone; without one the selected alert is given back."""
        if self._refused():
            return
        frame = self.frame()
        open_ids = {alert.id for alert in others.every(frame) if not signs.ended(alert)} if frame else set()
        while self._undo:
            undo = self._undo.pop()
            if not isinstance(undo.command, Unacknowledge | Acknowledge | Shelve) or undo.command.alert in open_ids:
                self._do(undo.command, undo.said)
                return
        selected = self._alert_meant(firing=False) if self.view.focus == "alerts" else None
        if selected is None or selected.acknowledged is None or signs.ended(selected):
            self.toast("nothing to undo")
        else:
            self._do(Unacknowledge(selected.id), f"gave back {said(selected)}")

    # -- silences, shelves, notes -----------------------------------------------------------------------------------------------------

    async def action_silence(self) -> None:
        """`s`."""
        if self._refused():
            return
        alert = self._alert_meant()
        if isinstance(alert, others.TheirAlert):
            self.toast(_not_ours(alert))
            return
        dialog = SilenceDialog(match_of(alert) if alert else "", self.feed.ask, self._now, utc=self.view.utc, ascii=self._ascii)
        await self._open(dialog, lambda command: self._silence(command) if command else None)

    def _silence(self, command: AddSilence) -> None:
        async def act() -> None:
            outcome = await self.feed.send(command)
            made = _SILENCE.match(outcome.message) if outcome.ok else None
            if made is not None:
                self._undo.append(Undo(ExpireSilence(made[1]), f"ended silence {made[1]}"))
            self.toast(outcome.message + ("; u undoes" if made is not None else ""))

        self.run_worker(act(), group="acts")

    async def action_silences(self) -> None:
        """`S`."""
        frame = self.frame()
        if frame is None or not in_force(frame):
            self.toast("nothing is silenced")
            return
        await self._open(SilencesDialog(frame, ascii=self._ascii), lambda silence: self._end(silence) if silence else None)

    async def action_expire(self) -> None:
        """`x`: bring the selected alert back, whatever hides it."""
        alert = self._one()
        if alert is None:
            return
        silence = alert.silenced
        if silence is not None and self.feed.status().you not in {"", silence.by}:
            lines = [silence.match, f"{silence.by}: {silence.comment}"]
            question = Question(f"end the silence of {silence.by}?", lines, "end it", ascii=self._ascii)
            await self._open(question, lambda yes: self._end(silence) if yes else None)
        elif silence is not None:
            self._end(silence)
        elif alert.shelved is not None:
            self._do(Shelve(alert.id, 0.0), f"{said(alert)} is back")
        else:
            self.toast(f"nothing hides {said(alert)}")

    def _end(self, silence: Silence) -> None:
        if self._refused():
            return
        if silence.source != "own":
            self.toast(f"it can be ended where it was made: in {silence.source}")
            return
        again = AddSilence(silence.match, silence.comment, until_s=silence.until.timestamp())
        self._do(ExpireSilence(silence.id), f"ended the silence of {silence.match}", Undo(again, f"silenced {silence.match} again"))

    async def action_shelve(self) -> None:
        """`l`."""
        alert = self._one()
        if alert is None:
            return
        if signs.ended(alert):
            self.toast(f"{said(alert)} is over")
            return
        back = Undo(Shelve(alert.id, 0.0), f"{said(alert)} is back")
        await self._open(
            ShelveDialog(alert, ascii=self._ascii), lambda command: self._do(command, f"shelved {said(alert)}", back) if command else None
        )

    async def action_note(self) -> None:
        """`n`."""
        alert = self._one()
        if alert is not None:
            await self._open(NoteDialog(alert, ascii=self._ascii), lambda command: self._note(alert, command) if command else None)

    def _note(self, alert: Alert, command: AddNote) -> None:
        self._do(command, f"noted on {said(alert)}; h shows the journal")

    async def action_history(self) -> None:
        """`h`."""
        frame, alert = self.frame(), self._alert_meant(firing=False)
        if frame is None or alert is None:
            self.toast("no alert is selected")
            return
        if isinstance(alert, others.TheirAlert):
            self.toast(f"the past of {said(alert)} is in {alert.source}")
            return
        width = max(20, min(WIDTH, self.size.width - 7))
        known = past(frame, alert, utc=self.view.utc)
        dialog = HistoryDialog(alert, self.feed.ask, lambda: frame.at, known=known, width=width, utc=self.view.utc, ascii=self._ascii)
        await self._open(dialog)

    # -- the list ---------------------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """`m`, and on to the next line."""
        frame = self.frame()
        alert = self._alert_meant(firing=False)
        if frame is None or alert is None or self.view.focus != "alerts":
            self.toast("4 first: alerts are marked in their list" if self.view.focus != "alerts" else "no alert is selected")
            return
        if isinstance(alert, others.TheirAlert):
            self.toast(_not_ours(alert))
            return
        shown = [one.id for one in order.listed_alerts(frame, self.shown_view())]
        after = shown[min(shown.index(alert.id) + 1, len(shown) - 1)]
        self.choose(marked=(self.view.marked ^ {alert.id}) & {one.id for one in frame.alerts}, alert=after)

    def action_group(self) -> None:
        """`G`."""
        group = GROUPS[(GROUPS.index(self.view.group) + 1) % len(GROUPS)]
        self.choose(group=group, focus="alerts")
        self.toast(f"alerts grouped by {group}" if group else "alerts not grouped")

    # -- sending ----------------------------------------------------------------------------------------------------------------------

    def _do(self, command: Command, done: str, back: Undo | None = None) -> None:
        """Carry out an act and say what became of it; `back` undoes it."""

        async def act() -> None:
            outcome: Outcome = await self.feed.send(command)
            if outcome.ok and back is not None:
                self._undo.append(back)
            self.toast((done + ("; u undoes" if back is not None else "")) if outcome.ok else in_keys(outcome.message))

        self.run_worker(act(), group="acts")


def said(alert: Alert) -> str:
    """An alert by its place and name."""
    return f"{place_of(alert)} {name_of(alert)}"


def _not_ours(alert: others.TheirAlert) -> str:
    return f"{said(alert)} is {alert.source}'s: a acknowledges it there, U gives it back"


def in_keys(message: str) -> str:
    """A line that names a flag of the command line, for people who press keys."""
    return message.replace("--take-over to take it", "A takes it over")
