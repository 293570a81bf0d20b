"""How fast one server answers over sliding windows, one big chart, and a line for each prediction log."""

from __future__ import annotations

from tui_monitor.model import Frame, HistoryQuery, Metrics, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import control, expected, logs, order, quality_facts
from tui_monitor.ui.view import Histories, View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width
from tui_monitor.ui.widgets.chart import chart, spark
from tui_monitor.vocabulary import VOCABULARY, WINDOWS

NAMES = {
    "token.rate.generated": "gen tok/s",
    "request.rate": "requests/s",
    "latency.p95": "latency p95",
    "ttft.p95": "TTFT p95",
    "itl.p95": "ITL p95",
    "queue.length": "waiting",
    "request.running": "running",
    "error.ratio": "errors",
    "kv_cache.used": "KV cache",
    "latency.p50": "latency p50",
    "ttft.p50": "TTFT p50",
    "itl.p50": "ITL p50",
    "latency.mean": "latency mean",
    "queue.time.mean": "queue time",
    "reject.rate": "rejected/s",
    "token.rate.prompt": "prompt tok/s",
    "preemption.rate": "preempted/s",
    "latency.p99": "latency p99",
    "ttft.p99": "TTFT p99",
    "itl.p99": "ITL p99",
    "prefix_cache.hit_ratio": "prefix hits",
    "batch.size.mean": "batch size",
}
"""Key -> name of its row, what matters most first."""

_DRAWN = tuple(NAMES)
_ORDER = (
    "token.rate.generated", "token.rate.prompt", "request.rate", "error.ratio", "reject.rate", "ttft.p50", "ttft.p95", "ttft.p99", "itl.p50",
    "itl.p95", "itl.p99", "latency.mean", "latency.p50", "latency.p95", "latency.p99", "queue.time.mean", "request.running", "queue.length", "batch.size.mean",
    "kv_cache.used", "prefix_cache.hit_ratio", "preemption.rate",
)  # fmt: skip
_LATER = {"1m": "5m", "5m": "30m", "30m": "3h", "3h": "24h", "24h": "24h"}
_NEVER = ("not counted", "needs ", "has no ", "does not")


def rows_of(target: Target, most: int) -> list[str]:
    """The keys worth a row: what this target can say, what matters most when room is short, in a steady order."""
    able = [
        key
        for key in NAMES
        if key in target.metrics and not (target.metrics[key] is None and target.absent.get(key, "").startswith(_NEVER))
    ]
    if {"latency.p50", "latency.p95"} & set(able):
        able = [key for key in able if key != "latency.mean"]
    kept = set(able[: max(0, most)])
    return [key for key in _ORDER if key in kept]


def metrics_in_order(frame: Frame, view: View) -> list[str]:
    """The keys that can be put into the big chart, in the order of the rows."""
    target = order.chosen_target(frame, view)
    return rows_of(target, len(NAMES)) if target else []


def chart_key(target: Target, view: View) -> str:
    """The metric of the big chart: the chosen one, or the one that tells most about progress."""
    rows = rows_of(target, len(NAMES))
    if view.metric in rows and view.metric is not None:
        return view.metric
    return next((key for key in ("token.rate.generated", "request.rate", "latency.p95", *rows) if key in rows), "request.rate")


def wanted(frame: Frame, view: View, width: int, height: int) -> list[HistoryQuery]:
    """The series that a pane of this size shows: one question for the sparks and the chart together."""
    target = order.chosen_target(frame, view)
    if target is None:
        return []
    most, _ = _split(frame, view, target, height - 2)
    keys = rows_of(target, most)
    key = chart_key(target, view)
    if key not in keys:
        keys.append(key)
    keys += expected.keys(key)
    span_s = WINDOWS.get(view.window, 300.0)
    points = max(30, min(240, (width - 12) * 2))
    step_s = max(span_s / points, frame.engine.interval_s)
    end_s = (frame.at.timestamp() // step_s + 1) * step_s
    queries = [HistoryQuery(target.name, keys, end_s - span_s, end_s, max(1, round(span_s / step_s)))]
    queries.append(expected.wanted_ahead(frame, target.name, key))
    return [*queries, control.wanted(frame, target.name, key, view.window, width - 2, view.control)] if view.control else queries


def _split(frame: Frame, view: View, target: Target, height: int) -> tuple[int, int]:
    """How many rows of numbers, and how many lines for the chart, fit into `height`."""
    quality = _quality_lines(frame, view)
    able = len(rows_of(target, len(NAMES)))
    if view.control:  # it is what is looked at: of the numbers stands what it leaves
        rows = min(able, max(1, height - 13 - quality))
        left = height - 2 - rows - quality
        return max(0, rows), left if left >= 5 else 0
    rows = min(able, max(3, height - 2 - quality - (9 if height >= 20 else 7))) if height >= 14 else min(able, height - 1 - min(quality, 2))
    left = height - 1 - rows - quality - 1
    return max(0, rows), left if left >= 4 else 0


def _quality_lines(frame: Frame, view: View) -> int:
    return min(4, len(logs.listed(frame, view)))


def draw(canvas: Canvas, frame: Frame, view: View, histories: Histories, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    target = order.chosen_target(frame, view)
    later = _LATER.get(view.window, "3h")
    if target is None:
        inside = canvas.box(key="2", title="Performance", right=view.window, focus=focus)
        inside.run(0, 0, ("– ", "dim"), ("no target yet: nothing to measure", "dim"))
        return
    many = (
        f" ({order.servers(frame, view).index(target) + 1}/{sum(one.about == 'server' for one in frame.targets)})"
        if len(frame.targets) > 1 and target in order.servers(frame, view)
        else ""
    )
    inside = canvas.box(key="2", title="Performance", right=f"{target.name}{many} · {view.window} · vs {later}", focus=focus)
    if target.about != "server":
        what = "host" if target.about == "host" else "GPUs"
        inside.run(0, 0, ("– ", "dim"), (cut(f"an exporter: the numbers of its {what} stand in Health", inside.width - 2), "dim"))
        return
    most, chart_lines = _split(frame, view, target, inside.height)
    y = _numbers(inside.part(0, 0, inside.width, most + 1), frame, view, target, histories, rows_of(target, most), focus=focus)
    _quality(inside.part(0, y, inside.width, min(_quality_lines(frame, view), inside.height - y)), frame, view)
    if chart_lines:
        _big(inside.part(0, inside.height - chart_lines, inside.width, chart_lines), frame, view, target, histories)


def _quality(canvas: Canvas, frame: Frame, view: View) -> None:
    """A line for each prediction log, the worst first."""
    shown = logs.listed(frame, view)
    rows = canvas.height - (len(shown) > canvas.height)
    name = min(24, max(11, canvas.width // 4), max([11, *(text_width(log.name) for log in shown)]))
    for y, log in enumerate(shown[: max(0, rows)]):
        canvas.run(0, y, *quality_facts.compact(frame, log, canvas.width, name))
    if len(shown) > canvas.height > 0:
        canvas.put(2, canvas.height - 1, f"… {len(shown) - rows} more logs: t chooses one", "dim")


def _window(frame: Frame, target: Target, window: str) -> Metrics:
    return next((w.metrics for w in frame.windows if w.target == target.name and w.window == window), {})


def _numbers(canvas: Canvas, frame: Frame, view: View, target: Target, histories: Histories, keys: list[str], *, focus: bool) -> int:
    """One row a metric: now, over the window, over a longer one, how that compares, and its shape."""
    later = _LATER.get(view.window, "3h")
    wide = canvas.width >= 54
    head = f"{'':<13}{'last 1m':>8}{view.window:>8}" + (f"{later:>8}{'vs ' + later:>8}" if wide else f"{'vs ' + later:>8}")
    edge = len(head) + 2
    canvas.put(0, 0, head, "dim")
    if canvas.width - edge >= 8:
        canvas.put(edge, 0, f"last {view.window}", "dim")
    own, long = _window(frame, target, view.window), _window(frame, target, later)
    stale = signs.old(frame, target.age_s)
    shown = chart_key(target, view)
    for y, key in enumerate(keys, 1):
        now = target.metrics.get(key)
        if focus and key == view.metric:
            canvas.band(y)
        change, bad = compare(key, now, long.get(key))
        role = "faint" if stale else "warn" if bad else "strong" if now is not None else "dim"
        if not stale and target.state == "STALLED" and now == 0 and key in {"token.rate.generated", "request.rate"}:
            role = "crit"
        more = "≥" if key in target.at_least and now is not None else ""
        canvas.put(0, y, cut(NAMES[key], 13), "text" if key != shown else "key")
        canvas.put(13, y, f"{more + fmt.bare(key, now):>8}", role, bold=role in {"crit", "strong", "warn"})
        canvas.put(21, y, f"{fmt.bare(key, own.get(key)):>8}")
        x = 29
        if wide:
            x = canvas.put(x, y, f"{fmt.bare(key, long.get(key)):>8}", "dim")
        canvas.put(x, y, f"{change:>8}", "warn" if bad else "dim")
        series = histories.get((target.name, key))
        if series is not None and canvas.width - edge >= 8:
            spark(
                canvas,
                edge,
                y,
                canvas.width - edge,
                series.values,
                "faint" if stale else "chart",
                1.0 if VOCABULARY[key].unit == "ratio" and key == "kv_cache.used" else None,
            )
    return len(keys) + 1


def compare(key: str, now: float | None, before: float | None) -> tuple[str, bool]:
    """How a value stands to one over a longer window, and whether that is worse by a factor of two or more (ratios: by ten points)."""
    if now is None or before is None:
        return "", False
    term = VOCABULARY[key]
    if term.unit == "ratio":
        points = (now - before) * 100
        worse = points >= 10 if term.bad == "high" else points <= -10 if term.bad == "low" else False
        return (f"{points:+.0f}" if abs(points) >= 0.5 else "="), worse
    if before == 0:
        return ("=" if now == 0 else "new"), False
    share = now / before
    worse = share >= 2 if term.bad == "high" else share <= 0.5 if term.bad == "low" else False
    if share >= 1.95:
        return f"×{fmt.digits(share) if share < 10 else fmt.number(round(share))}", worse
    percent = (share - 1) * 100
    return ("=" if abs(percent) < 1 else f"{percent:+.0f}%"), worse


def _big(canvas: Canvas, frame: Frame, view: View, target: Target, histories: Histories) -> None:
    """The chosen metric over the window, with a word where the target stands still."""
    key = chart_key(target, view)
    series = histories.get((target.name, key))
    now = target.metrics.get(key)
    parts: list[Part] = [(NAMES.get(key, key), "strong"), "  ", (fmt.metric(key, now), "text")]
    if now is None:
        parts += [("  " + cut(target.absent.get(key, "no value now"), canvas.width - 20), "dim")]
    strange = expected.outside(frame, target.name, [key])
    if strange:
        parts.append((cut(f"  {strange[0].why.removeprefix(key + ' is ')}", canvas.width - 24), "warn"))
    elif now is not None and (course := expected.course_word(histories, target.name, key)):
        parts.append((cut(f"  {course}", canvas.width - 24), "dim"))
    if view.control:
        control.draw(canvas, histories, target.name, key, parts[:3], view.control, utc=view.utc)
        return
    canvas.run(0, 0, *parts)
    below = canvas.part(0, 1, canvas.width, canvas.height - 1)
    ahead = expected.ahead(histories, target.name, key, view.window)
    left = chart(below, series, key, utc=view.utc, band=expected.band(histories, target.name, key), ahead=ahead)
    if target.state in {"STALLED", "DOWN", "STALE"} and series is not None and below.height >= 3:
        word = f" {target.state} {fmt.age((frame.at - target.since).total_seconds())} "
        coming = 0.0 if ahead is None else ahead.span_s / (ahead.span_s + max(1.0, series.step_s * len(series.values)))
        x = max(left, canvas.width - len(word) - round((canvas.width - left) * coming))  # it is so now, and no more is known of later
        below.put(x, max(0, below.height - 3), word, "crit" if target.state != "STALE" else "warn", bold=True)
