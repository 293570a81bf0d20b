"""The table of model servers: does each make progress, on what hardware, and what is the matter; under it what dead servers left behind."""

from __future__ import annotations

from collections.abc import Sequence

from tui_monitor.model import Alert, Frame, Orphan, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import order
from tui_monitor.ui.panes.why import sign_of, why_of
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width
from tui_monitor.ui.widgets.table import Column, Placing, around, cell, heads, place

MOST_ORPHANS = 2  # lines
_LESS = 7  # columns that matter this little give way to the reason
_REASON = 31  # cells


def lines(frame: Frame, view: View) -> int:
    """How many lines the table takes with nothing left out."""
    return max(2, len(order.servers(frame, view)) + 1) + orphan_lines(frame, view)


def orphan_lines(frame: Frame, view: View) -> int:
    """How many lines the orphans take."""
    return min(MOST_ORPHANS, len(order.orphans(frame, view)))


def draw(canvas: Canvas, frame: Frame, view: View, *, focus: bool) -> int:
    """Servers, then orphans; returns how many lines they took."""
    left_behind = order.orphans(frame, view)
    below = min(MOST_ORPHANS, len(left_behind), max(1, canvas.height // 4))
    y = _servers(canvas.part(0, 0, canvas.width, canvas.height - below), frame, view, focus=focus)
    for number in range(below):
        last = number == below - 1
        _orphans(canvas, y + number, left_behind[number:] if last else left_behind[number : number + 1])
    return y + below


def _nothing(canvas: Canvas, frame: Frame) -> int:
    """Why the table is empty; returns how many lines that took."""
    exporters = any(target.about != "server" for target in frame.targets)
    if frame.discovering:
        canvas.run(0, 0, ("– ", "dim"), ("looking around for model servers …", "text"))
        return 1
    text = "no model server found on this host" if frame.discovery else "no target is configured, and discovery is off"
    canvas.run(0, 0, ("– ", "dim"), ("exporters only: no model server is watched" if exporters else text, "text"))
    if canvas.height > 1:
        canvas.put(2, 1, "start one, or name it in the configuration: [[targets]] url = …", "dim")
    return min(2, canvas.height)


def _servers(canvas: Canvas, frame: Frame, view: View, *, focus: bool) -> int:
    if not any(target.about == "server" for target in frame.targets):
        return _nothing(canvas, frame)
    targets = order.servers(frame, view)
    if not targets:
        said = "no target with a fault" if view.faults_only and not view.filter else "no target fits the filter"
        canvas.run(0, 0, ("✔ ", "ok"), (said, "dim"))
        return 1
    alerts = signs.worst_alerts(frame)
    placed = _place(canvas, targets, reasons=any(why_of(target, alerts.get(target.name), frame.at)[0] for target in targets))
    chosen = next((i for i, target in enumerate(targets) if target.name == view.target), None)
    rows = canvas.height - 1
    more = len(targets) > rows
    window = around(len(targets), rows - more, chosen)
    for y, index in enumerate(window, 1):
        if focus and index == chosen:
            canvas.band(y)
        _row(canvas, y, placed, frame, targets[index], alerts.get(targets[index].name))
    if not more:
        return len(window) + 1
    left_out = [target for i, target in enumerate(targets) if i not in window]
    words = sorted({target.state for target in left_out}, key=lambda state: (signs.TARGET[state].rank, state))
    said = ", ".join(f"{sum(target.state == word for target in left_out)} {word}" for word in words)
    canvas.put(2, canvas.height - 1, f"… {len(left_out)} more: {said}", "dim")
    return canvas.height


def _place(canvas: Canvas, targets: Sequence[Target], *, reasons: bool) -> Placing:
    """Draws the heads. Where something is wrong the reason gets its room before hardware, kind and rates do; they leave in that order."""
    name = min(24, max(10, *(text_width(target.name) for target in targets)))
    kind = min(13, max(6, *(text_width(target.kind) for target in targets)))
    hardware = max(text_width(_gpu_numbers(target.gpus)) for target in targets)
    columns = [
        Column("name", "TARGET", name),
        Column("kind", "KIND", kind, keep=6),
        Column("state", "STATE", 8),
        Column("age", "AGE", 4, ">", keep=1),
        Column("rtt", "RTT", 6, ">", keep=10),
        Column("rate", "REQ/S", 5, ">", keep=7),
        Column("run", "RUN", 4, ">", keep=3),
        Column("wait", "WAIT", 4, ">", keep=2),
        Column("kv", "KV", 4, ">", keep=4),
        Column("cpu", "CPU", 4, ">", keep=9),
        Column("memory", "MEM", 4, ">", keep=8),
        Column("gpus", "GPU", hardware + 5, ">", keep=5),
        Column("why", "WHY", 26 if reasons else 10, grow=True),
    ]
    unused = {
        name
        for name, used in (
            ("kv", any("kv_cache.used" in target.metrics for target in targets)),
            ("cpu", any(target.process and target.process.cpu is not None for target in targets)),
            ("memory", any(target.process and target.process.rss_bytes is not None for target in targets)),
            ("gpus", any(_gpus(target) != fmt.NONE for target in targets)),
        )
        if not used
    }
    columns = [column for column in columns if column.name not in unused]
    kept = _fitting(columns, canvas.width - 2, 2)
    gap = 2 if len(kept) == len(columns) else 1
    columns = _fitting(columns, canvas.width - 2, gap)
    placed = place(columns, canvas.width, left=2, gap=gap)
    heads(canvas, 0, columns, placed)
    return placed


def _fitting(columns: list[Column], width: int, gap: int) -> list[Column]:
    """The columns that fit, what matters most first; those that matter least may not take the reason's room."""
    kept = [column for column in columns if column.keep == 0]
    for column in sorted((column for column in columns if column.keep), key=lambda column: column.keep):
        taken = sum(one.width + gap for one in kept) + column.width
        if taken + (_REASON - kept[-1].width if column.keep >= _LESS and kept[-1].width < _REASON else 0) <= width:
            kept.insert(0, column)
    return [column for column in columns if column in kept]


def _row(canvas: Canvas, y: int, placed: Placing, frame: Frame, target: Target, alert: Alert | None) -> None:
    sign = signs.TARGET[target.state]
    why, why_role = why_of(target, alert, frame.at)
    glyph, role, _ = sign_of(target, alert, frame.at)
    canvas.put(0, y, glyph, role, bold=role == "crit")
    bad = role == "crit"
    cell(canvas, y, placed, "name", target.name, "strong" if bad else "text", bold=bad)
    cell(canvas, y, placed, "kind", target.kind, "dim")
    cell(canvas, y, placed, "state", target.state, sign.role, bold=sign.role != "dim")
    stale = signs.old(frame, target.age_s)
    cell(canvas, y, placed, "age", fmt.age(target.age_s), "warn" if stale and target.age_s is not None else "dim")
    number = "faint" if stale else "text"
    metrics, process = target.metrics, target.process
    cell(canvas, y, placed, "rtt", fmt.seconds(metrics.get("scrape.duration")), "faint" if stale else "dim")
    cell(canvas, y, placed, "rate", fmt.number(metrics.get("request.rate")), number)
    cell(canvas, y, placed, "run", fmt.count(metrics.get("request.running")), number)
    cell(canvas, y, placed, "wait", fmt.count(metrics.get("queue.length")), number)
    cell(canvas, y, placed, "kv", fmt.ratio(metrics.get("kv_cache.used")), number)
    # What the kernel says of its processes is fresh also while the server is silent.
    cell(canvas, y, placed, "cpu", fmt.cores(process.cpu if process else None))
    cell(canvas, y, placed, "memory", fmt.NONE if process is None else fmt.letter_size(process.rss_bytes))
    cell(canvas, y, placed, "gpus", _gpus(target))
    cell(canvas, y, placed, "why", why, why_role)


def _gpu_numbers(gpus: Sequence[int]) -> str:
    """Indices with runs drawn together: 0-3,6."""
    runs: list[list[int]] = []
    for index in sorted(set(gpus)):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}{',' if last == first + 1 else '-'}{last}" for first, last in runs)


def _gpus(target: Target) -> str:
    """Its GPUs, and the memory that its processes have on them."""
    used = target.process.gpu_memory_bytes if target.process else None
    return f"{_gpu_numbers(target.gpus)} {fmt.letter_size(used) if used is not None else ''}".strip() or fmt.NONE


def holds(orphans: Sequence[Orphan]) -> str:
    """What orphans hold: port 8000, GPU 0 12 GiB."""
    ports = sorted({port for orphan in orphans for port in orphan.ports})
    gpus = _gpu_numbers([gpu for orphan in orphans for gpu in orphan.gpus])
    memory = sum(orphan.gpu_memory_bytes or 0 for orphan in orphans)
    said = []
    if ports:
        said.append(f"port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports[:4]))}{' …' if len(ports) > 4 else ''}")
    if gpus or memory:
        said.append(f"GPU {gpus} {fmt.size(memory) if memory else ''}".replace("  ", " ").strip())
    return ", ".join(said) or "nothing that is known"


def _orphans(canvas: Canvas, y: int, orphans: Sequence[Orphan]) -> None:
    """One orphan, or how many are not shown alone; what it holds is said before whose it was."""
    first = orphans[0]
    kinds = ", ".join(sorted({orphan.kind for orphan in orphans if orphan.kind}))
    if len(orphans) == 1:
        who: list[Part] = [("orphan ", "warn", "b"), (f"{cut(first.name, 24)} ({first.pid})", "text")]
    else:
        who = [(f"{len(orphans)} orphans", "warn", "b")]
    x = canvas.run(0, y, ("▲ ", "warn"), *who, (f" hold{'s' if len(orphans) == 1 else ''} ", "dim"), (holds(orphans), "warn"))
    if kinds:
        canvas.put(x, y, cut(f", left behind by {kinds}", canvas.width - x), "dim")
