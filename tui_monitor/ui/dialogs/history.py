"""The past of an alert: how often it fired, when last, for how long, who had it; and the journal of this time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime

from tui_monitor.model import Alert, AlertPast, HistoryOfAlert, JournalEntry, Outcome, PreviewSilence, SilencePreview, clean
from tui_monitor.model import utc as utc_time
from tui_monitor.ui import format as fmt
from tui_monitor.ui.dialogs.text import TextDialog
from tui_monitor.ui.widgets.canvas import cut, pad, wrap

Ask = Callable[[PreviewSilence | HistoryOfAlert], Awaitable[SilencePreview | AlertPast | Outcome]]
LIMIT = 50  # earlier firings that are listed


def lines(past: AlertPast, now: datetime, width: int, *, utc: bool) -> list[str]:
    """An alert's past in lines of at most `width` cells."""
    said = [cut(f"{past.rule} on {past.target}", width), *wrap(summary(past, now, utc=utc), width, 3)]
    people = Counter(who for episode in past.episodes for who in episode.who)
    if people:
        said += wrap("taken by " + ", ".join(f"{who} {times}×" for who, times in people.most_common(6)), width, 2)
    if past.episodes:
        said += ["", cut("FIRED         LASTED  SEVERITY  STATE     WHO", width)]
    for episode in past.episodes:
        lasted = "still" if episode.lasted_s is None else fmt.age(episode.lasted_s)
        flaps = f"  came back {episode.flaps}×" if episode.flaps else ""
        row = f"{pad(fmt.moment(episode.fired_at, now, utc=utc), 12)}  {pad(lasted, 6)}  {pad(episode.severity, 8)}  {pad(episode.state, 8)}  "
        said.append(cut(f"{row}{', '.join(episode.who) or fmt.NONE}{flaps}", width))
    if past.times > len(past.episodes):
        said.append(f"and {past.times - len(past.episodes)} earlier")
    if past.journal:
        said += ["", "this time", *journal(past.journal, now, width, utc=utc)]
    return said


def summary(past: AlertPast, now: datetime, *, utc: bool) -> str:
    """How often, since when, and how long it usually lasts; for an alert without a past a sentence too."""
    if past.times <= 1 and len(past.episodes) <= 1:
        return "the first time, as far as anything is kept" if past.times else "it has never fired, as far as anything is kept"
    since = f" since {fmt.moment(past.since, now, utc=utc)}" if past.since is not None else ""
    last = f", last {fmt.moment(past.episodes[0].fired_at, now, utc=utc)}" if past.episodes else ""
    median = f"; half of them were over within {fmt.age(past.median_s)}" if past.median_s is not None else ""
    return f"fired {past.times} times{since}{last}{median}"


def journal(entries: list[JournalEntry], now: datetime, width: int, *, utc: bool) -> list[str]:
    """What happened to it, oldest first."""
    return [
        cut(
            f"{fmt.moment(utc_time(entry.at_s), now, utc=utc)}  {entry.what}"
            + (f" by {entry.who}" if entry.who else "")
            + (f": {clean(entry.text, 500)}" if entry.text else ""),
            width,
        )
        for entry in entries
    ]


class HistoryDialog(TextDialog):
    """`h`: opens at once; the answer comes when it comes."""

    wide = True

    def __init__(
        self,
        alert: Alert,
        ask: Ask,
        now: Callable[[], datetime],
        *,
        known: str,
        width: int,
        utc: bool,
        ascii: bool = False,  # noqa: A002
    ) -> None:
        """`known` is what the frame itself tells of the past: shown where nobody can be asked."""
        super().__init__("History", [f"{alert.rule} on {alert.target}", "asking …"], ascii=ascii)
        self._alert, self._ask, self._now, self._known, self._width, self._utc = alert, ask, now, known, width, utc

    def on_mount(self) -> None:
        """Ask."""
        self.run_worker(self._fill(), group="history")

    async def _fill(self) -> None:
        answer = await self._ask(HistoryOfAlert(self._alert.id, LIMIT))
        if isinstance(answer, AlertPast):
            self.show(lines(answer, self._now(), self._width, utc=self._utc))
        else:
            why = answer.message if isinstance(answer, Outcome) else "no answer"
            known = wrap(self._known or "nothing of its past is in this picture", self._width, 3)
            self.show([f"{self._alert.rule} on {self._alert.target}", *known, *wrap(f"more is not known: {why}", self._width, 3)])
