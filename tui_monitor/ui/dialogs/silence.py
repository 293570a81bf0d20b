"""Silence: what, why and until when; and before it is done, what it hides now and would have hidden in the last day."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Button, Input, Label, Static

from tui_monitor.model import AddSilence, Alert, AlertPast, HistoryOfAlert, Outcome, PreviewSilence, SilencePreview, clean
from tui_monitor.ui import format as fmt
from tui_monitor.ui.dialogs.ends import HINT, EndError, end_of
from tui_monitor.ui.panes.story import name_of, place_of
from tui_monitor.ui.widgets.canvas import in_ascii

PAUSE_S = 0.25  # after the last letter, before the preview is asked for
MOST_NAMED = 3  # alerts of a preview; the others are counted
Ask = Callable[[PreviewSilence | HistoryOfAlert], Awaitable[SilencePreview | AlertPast | Outcome]]


def match_of(alert: Alert) -> str:
    """A match for exactly this alert; severity stands in it, so that a worse one is heard."""
    return " ".join(
        f"{key}={_quoted(value)}" for key, value in (("rule", alert.rule), ("target", alert.target), ("severity", alert.severity))
    )


def _quoted(value: str) -> str:
    return value if value and not re.search(r'[\s"]', value) else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def hides(preview: SilencePreview) -> list[str]:
    """What it hides, in lines."""
    lines: list[str] = []
    for when, alerts in (("now", preview.now), ("in the last 24 h", preview.last24h)):
        many = f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'}" if alerts else "nothing"
        critical = sum(alert.severity == "critical" for alert in alerts)
        lines.append(f"{'hides' if when == 'now' else 'would have hidden'} {when}: {many}" + (f", {critical} critical" if critical else ""))
        named = Counter(f"{alert.severity} {place_of(alert)} {name_of(alert)}" for alert in alerts)
        lines += [f"  {name}" + (f", {times} times" if times > 1 else "") for name, times in list(named.items())[:MOST_NAMED]]
        if len(named) > MOST_NAMED:
            lines.append(f"  and {len(named) - MOST_NAMED} more")
    return lines


class SilenceDialog(ModalScreen[AddSilence | None]):
    """`s`: answers the command, None when it was cancelled. It answers only when reason and end are there and the match can be read."""

    AUTO_FOCUS = "#why"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "cancel"), ("ctrl+s", "take", "silence")]

    def __init__(self, match: str, ask: Ask, now: Callable[[], datetime], *, utc: bool = False, ascii: bool = False) -> None:  # noqa: A002
        """`ask` previews a match; `now` is the clock that ends are counted from."""
        super().__init__()
        self._match, self._ask, self._now, self._utc, self._ascii = match, ask, now, utc, ascii
        self._previewed: str | None = None
        self._wrong = ""  # what is wrong with the match, as far as it is known
        self._waiting: Timer | None = None

    def compose(self) -> ComposeResult:
        """Three lines to fill in, what is wrong with them, and the preview."""
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            box.border_title, box.border_subtitle = "Silence", "enter silences, tab moves, esc cancels"
            with Horizontal(classes="field"):
                yield Label("match ")
                yield Input(
                    self._match, placeholder="rule=stalled target=~chat.*", id="match", compact=True, max_length=1000, select_on_focus=False
                )
            yield Static("", id="wrong")
            with Horizontal(classes="field"):
                yield Label("why   ")
                yield Input(placeholder="reason, for the colleagues", id="why", compact=True, max_length=200)
            with Horizontal(classes="field"):
                yield Label("until ")
                yield Input(placeholder=HINT, id="until", compact=True, max_length=20)
            yield Static("", id="missing")
            yield Static("", id="preview", classes="quiet")
            with Horizontal():
                yield Button("silence", id="take", compact=True)
                yield Button("cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """The first preview is there before anything is typed."""
        self._look()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another letter: the preview follows when the fingers rest."""
        if event.input.id == "match":
            if self._waiting is not None:
                self._waiting.stop()
            self._waiting = self.set_timer(PAUSE_S, self._look)
        elif event.input.id == "until":
            self._say_end(event.value)

    def _look(self) -> None:
        match = self.query_one("#match", Input).value.strip()
        if match != self._previewed:
            self._previewed = match
            self.run_worker(self._preview(match), group="preview", exclusive=True)

    async def _preview(self, match: str) -> None:
        answer = await self._ask(PreviewSilence(match))
        if match != self.query_one("#match", Input).value.strip():
            return  # it is about something that stands there no more
        if isinstance(answer, SilencePreview):
            self._wrong = f"column {answer.column}: {clean(answer.error)}" if answer.error else ""
            lines = [] if answer.error else hides(answer)
        else:
            self._wrong, lines = "", [f"no preview: {answer.message}" if isinstance(answer, Outcome) else "no preview"]
        caret = (
            f"      {' ' * (answer.column - 1)}^\n" if self._wrong and isinstance(answer, SilencePreview) and answer.column <= 60 else ""
        )
        self._put("#wrong", f"{caret}{self._wrong}")
        self._put("#preview", "\n".join(lines))

    def _say_end(self, text: str) -> None:
        try:
            end = end_of(text, self._now(), utc=self._utc)
        except EndError as error:
            self._put("#missing", str(error) if text.strip() else "")
        else:
            self._put("#missing", f"ends {fmt.moment(end, self._now(), utc=self._utc)}")

    def _put(self, where: str, text: str) -> None:
        self.query_one(where, Static).update(Text(in_ascii_lines(text) if self._ascii else text))

    def on_input_submitted(self) -> None:
        """Enter in any of the three."""
        self.action_take()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        if event.button.id == "take":
            self.action_take()
        else:
            self.action_cancel()

    def action_take(self) -> None:
        """Answer the command, or go to what is missing and say what it is."""
        match, why, until = (self.query_one(name, Input) for name in ("#match", "#why", "#until"))
        if not match.value.strip() or self._wrong:
            self._put("#missing", "" if self._wrong else "say what: key=value, key!=value or key=~regex")
            match.focus()
            return
        if not why.value.strip():
            self._put("#missing", "say why: a reason is required")
            why.focus()
            return
        try:
            end = end_of(until.value, self._now(), utc=self._utc)
        except EndError as error:
            self._put("#missing", str(error))
            until.focus()
            return
        self.dismiss(AddSilence(match.value.strip(), why.value.strip(), until_s=end.timestamp()))

    def action_cancel(self) -> None:
        """Nothing happens."""
        self.dismiss(None)


def in_ascii_lines(text: str) -> str:
    """Several lines with nothing but ASCII."""
    return "\n".join(in_ascii(line) for line in text.split("\n"))
