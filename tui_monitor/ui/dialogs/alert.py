"""Everything about one alert: the story, its number over time with the threshold, what else changed, the journal. It follows the alert."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from rich.text import Text

from tui_monitor.engine.feed import FeedError
from tui_monitor.model import (
    Alert,
    AlertPast,
    Frame,
    History,
    HistoryOfAlert,
    HistoryQuery,
    Outcome,
    PreviewSilence,
    SilencePreview,
    limit_key,
)
from tui_monitor.ui import format as fmt
from tui_monitor.ui import others
from tui_monitor.ui.dialogs import history
from tui_monitor.ui.dialogs.text import TextDialog
from tui_monitor.ui.panes.story import Line, detail
from tui_monitor.ui.theme import Theme
from tui_monitor.ui.view import Series, series_of
from tui_monitor.ui.widgets.canvas import Canvas
from tui_monitor.ui.widgets.chart import chart

Ask = Callable[[PreviewSilence | HistoryOfAlert], Awaitable[SilencePreview | AlertPast | Outcome]]
Past = Callable[[HistoryQuery], Awaitable[History]]
CHART_HIGH = 8  # lines with its clock
SHORTEST_S, LONGEST_S = 900.0, 86400.0  # of the chart
CHARTED = {"target", "gpu", "host", "query"}  # kinds of subjects whose numbers the engine keeps under the alert's own target


def key_of(alert: Alert) -> str:
    """The number behind the alert's: `error.ratio[30m]` is `error.ratio` over a window."""
    return alert.key.partition("[")[0]


def past_of(alert: Alert) -> tuple[str, str] | None:
    """Under which subject and key the past of its number is kept; None: nothing keeps that number."""
    key = key_of(alert)
    if not key or not key.replace(".", "").replace("_", "").isalnum():
        return None
    if alert.kind in CHARTED:
        return alert.charted_as, key
    if alert.kind not in {"performance", "slice"}:
        return None
    window = alert.key.partition("[")[2].rstrip("]") or alert.labels.get("window") or "30m"
    basis, slice_ = alert.labels.get("basis", "labelled"), alert.labels.get("slice")
    subject = f"quality:{alert.labels.get('source', alert.target)}" + (f"/{slice_}" if slice_ else "")
    return subject, f"{key}[{window}]" + ("" if basis == "labelled" else f" {basis}")


def wanted(frame: Frame, alert: Alert, width: int) -> HistoryQuery | None:
    """The past of its number: from well before it began to now, or to a while after its end. None: nothing keeps that number."""
    kept = past_of(alert)
    if kept is None:
        return None
    end_s = frame.at.timestamp()
    if alert.ended_at is not None:
        end_s = min(end_s, alert.ended_at.timestamp() + SHORTEST_S / 3)
    span_s = min(LONGEST_S, max(SHORTEST_S, (end_s - alert.since.timestamp()) * 1.5))
    points = max(20, min(240, (width - 8) * 2, round(span_s / frame.engine.interval_s)))
    return HistoryQuery(kept[0], [kept[1], limit_key(alert.key, alert.rule)], end_s - span_s, end_s, points)


def drawn(
    alert: Alert,
    series: Series,
    width: int,
    *,
    utc: bool,
    ascii: bool,  # noqa: A002
    limit: Series | None = None,
) -> Canvas:
    """The chart with the threshold as a line, which moves where it is what is usual at each hour."""
    canvas = Canvas(width, CHART_HIGH, ascii=ascii)
    chart(canvas, series, key_of(alert), utc=utc, line=alert.threshold, moving=limit.values if limit else ())
    return canvas


class AlertDetail(TextDialog):
    """`enter` on an alert."""

    wide = True

    def __init__(
        self,
        alert: Alert,
        latest: Callable[[], Frame | None],
        ask: Ask,
        past: Past,
        look: Theme,
        *,
        width: int,
        utc: bool,
        ascii: bool = False,  # noqa: A002
    ) -> None:
        """`latest` is the frame that the board shows; `look` gives the colours."""
        super().__init__(f"{alert.severity} alert", [], ascii=ascii)
        self._alert, self._latest, self._ask, self._past, self._look = alert, latest, ask, past, look
        self._width, self._utc = width, utc
        self._series: Series | None = None
        self._limit: Series | None = None
        self._no_chart = "asking for its past …" if alert.key else ""
        self._journal: list[str] = []

    def on_mount(self) -> None:
        """Say what the frame knows at once, ask for the rest, and follow."""
        self._again()
        self.run_worker(self._fill(), group="detail")
        self.set_interval(1.0, self._again)

    async def _fill(self) -> None:
        frame = self._latest()
        query = wanted(frame, self._alert, self._width) if frame is not None else None
        if query is not None:
            try:
                told = series_of(await self._past(query))
                found = told.get((query.subject, query.keys[0]))
                self._limit = told.get((query.subject, limit_key(self._alert.key, self._alert.rule)))
            except FeedError as error:
                self._no_chart = f"no chart: {error}"
            else:
                known = found is not None and any(value is not None for value in found.values)
                self._series = found if known else None
                self._no_chart = "" if known else f"no chart: nothing is kept of {key_of(self._alert)} of {self._alert.target}"
        else:
            self._no_chart = ""
        self._again()
        answer = await self._ask(HistoryOfAlert(self._alert.id, 1))
        if frame is not None and isinstance(answer, AlertPast):
            self._journal = history.journal(answer.journal, frame.at, self._width, utc=self._utc)
        self._again()

    def _again(self) -> None:
        frame = self._latest()
        if frame is None:
            return
        self._alert = next((alert for alert in others.every(frame) if alert.id == self._alert.id), self._alert)
        lines: list[str | Text] = [self._painted(line) for line in detail(frame, self._alert, self._width, utc=self._utc, whole=True)]
        if self._series is not None:
            canvas = drawn(self._alert, self._series, self._width, utc=self._utc, ascii=self._ascii, limit=self._limit)
            lines += ["", self._painted(((f"{key_of(self._alert)}  ", "strong"), *self._held_against()))]
            lines += [
                Text.assemble(*((run.text, self._look.style(run.role, run.bold, run.back)) for run in row), no_wrap=True)
                for row in canvas.rows()
            ]
        elif self._no_chart:
            lines += ["", self._no_chart]
        if self._journal:
            lines += ["", "journal", *self._journal]
        self.show(lines)

    def _held_against(self) -> Line:
        if self._alert.threshold is None:
            return ()
        window = self._alert.key.partition("[")[2].rstrip("]")
        over = f" of {window}" if window else ""
        return (("threshold", "dim"), f" {fmt.with_unit(self._alert.threshold, self._alert.unit)}", (over, "dim"))

    def _painted(self, line: Line) -> Text:
        parts = [(part, "text") if isinstance(part, str) else part for part in line]
        return Text.assemble(*((self._fit(part[0]), self._look.style(part[1], len(part) == 3, None)) for part in parts), no_wrap=True)
