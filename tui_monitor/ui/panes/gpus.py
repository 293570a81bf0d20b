"""The table of GPUs, of this host and of exporters; a GPU that is lost speaks in its row, an exporter that is silent speaks once."""

from __future__ import annotations

from tui_monitor.model import Alert, Frame, Gpu, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import order
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, cut, text_width
from tui_monitor.ui.widgets.table import Column, Placing, cell, heads, place


def rows(frame: Frame) -> list[Gpu]:
    """GPUs with a row of their own: not those of a silent exporter, for which its one line speaks."""
    silent = _silent(frame)
    return [gpu for gpu in order.gpus(frame) if gpu.source not in silent]


def lines(frame: Frame, view: View) -> int:
    """How many lines the table takes with nothing left out."""
    known, faults = rows(frame), order.exporters(frame, view, "gpu")
    return (len(known) + 1 if known else 0 if faults else 1) + len(faults)


def least(frame: Frame, view: View) -> int:
    """How many lines are needed to name what is broken."""
    known, faults = rows(frame), order.exporters(frame, view, "gpu")
    return (sum(gpu.state != "OK" for gpu in known) + 2 if known else 0 if faults else 1) + len(faults)


def _silent(frame: Frame) -> set[str]:
    """Exporters that have a fault and none of whose GPUs is known."""
    known = {gpu.source for gpu in frame.gpus if gpu.state != "UNKNOWN"}
    return {target.name for target in frame.targets if target.about == "gpu" and target.state != "OK" and target.name not in known}


def place_of(gpu: Gpu) -> str:
    """A GPU's number; with the exporter's name before it where it is not this host's: "0", "dcgm/0"."""
    return str(gpu.index) if gpu.source == "nvml" or gpu.simulated else f"{cut(gpu.source, 14)}/{gpu.index}"


def label(gpu: Gpu) -> str:
    """A GPU as a row names it: "0 H200", "dcgm/0 H200", "0 MIG 3 1g.12gb"."""
    return f"{place_of(gpu)} {gpu.slice or short_name(gpu)}"


def short_name(gpu: Gpu) -> str:
    """A GPU's name without its maker."""
    name = gpu.name
    for word in ("NVIDIA ", "Tesla ", "GeForce "):
        name = name.removeprefix(word)
    return name


def draw(canvas: Canvas, frame: Frame, view: View, *, focus: bool) -> int:
    """The table, or one quiet line that says why there is no GPU; returns how many lines it took."""
    known, faults = rows(frame), order.exporters(frame, view, "gpu")
    height = canvas.height - len(faults)
    if known:
        _table(canvas.part(0, 0, canvas.width, height), frame, known)
    elif not faults and (frame.gpu_why or not frame.discovering):
        canvas.run(0, 0, ("GPU   ", "dim"), (cut(frame.gpu_why or "none", canvas.width - 6), "dim"))
    for y, target in enumerate(faults, max(0, height)):
        if focus and target.name == view.target:
            canvas.band(y)
        _fault(canvas, y, frame, target)
    return canvas.height


def _fault(canvas: Canvas, y: int, frame: Frame, target: Target) -> None:
    """An exporter's own trouble, and which GPUs are unknown for it."""
    sign = signs.TARGET[target.state]
    dark = sum(gpu.source == target.name for gpu in frame.gpus) if target.name in _silent(frame) else 0
    which = f"its {dark} GPU{'s are' if dark > 1 else ' is'} not known: " if dark else ""
    x = canvas.run(0, y, (f"{sign.glyph} ", sign.role, "b"), (f"{cut(target.name, 24)}  ", "text"), (f"{target.state}  ", sign.role, "b"))
    canvas.put(x, y, cut(f"{which}{target.why}", canvas.width - x), sign.role)


def _table(canvas: Canvas, frame: Frame, known: list[Gpu]) -> None:
    name = min(28, max(text_width(label(gpu)) for gpu in known))
    bar = max(6, min(16, (canvas.width - name - 50) // 2))
    serves = max((text_width(_serves(gpu)) for gpu in known), default=0)
    columns = [
        Column("name", "GPU", name + 1),
        Column("util", "UTIL", bar + 5),
        Column("memory", "MEMORY GiB", bar + 9),
        Column("temp", "TEMP", 4, ">", keep=2),
        Column("power", "POWER W", 7, ">", keep=3),
        Column("serves", "SERVES", max(6, min(16, serves)), grow=True, keep=1),
    ]
    placed = place(columns, canvas.width, left=2)
    heads(canvas, 0, columns, placed)
    simulated = [gpu for gpu in known if gpu.simulated]
    if simulated:
        canvas.put(6, 0, "simulated", "ack", bold=True)
    rows_left = canvas.height - 1
    shown = known
    if len(known) > rows_left:
        broken = [gpu for gpu in known if gpu.state != "OK"]
        shown = [*broken, *(gpu for gpu in known if gpu.state == "OK")][: max(0, rows_left - 1)]
    alerts = signs.worst_alerts(frame)
    mixed = 0 < len(simulated) < len(known)
    for y, gpu in enumerate(shown, 1):
        _row(canvas, y, placed, bar, frame, gpu, alerts.get(gpu.subject) or alerts.get(gpu.uuid), mixed=mixed)
    if len(shown) < len(known):
        canvas.put(2, canvas.height - 1, f"… {len(known) - len(shown)} more GPUs", "dim")


def _serves(gpu: Gpu) -> str:
    names = sorted({process.target for process in gpu.processes if process.target})
    return ", ".join(names)


def _row(canvas: Canvas, y: int, placed: Placing, bar: int, frame: Frame, gpu: Gpu, alert: Alert | None, *, mixed: bool) -> None:
    sign = signs.GPU[gpu.state]
    role = signs.of_alert(alert)[1].role if alert and gpu.state == "OK" else sign.role
    canvas.put(0, y, signs.of_alert(alert)[1].glyph if alert and gpu.state == "OK" else sign.glyph, role, bold=role != "ok")
    cell(canvas, y, placed, "name", label(gpu))
    metrics = gpu.metrics
    if gpu.state != "OK":
        x = placed["util"].x
        end = placed["serves"].x - 2 if "serves" in placed and _serves(gpu) else canvas.width
        canvas.put(x, y, cut(f"{gpu.state}: {gpu.why}" if gpu.why else gpu.state, end - x), sign.role, bold=gpu.state == "LOST")
        cell(canvas, y, placed, "serves", _serves(gpu), "dim")
        return
    stale = gpu.age_s is not None and signs.old(frame, gpu.age_s)
    number = "faint" if stale else "text"
    used, total = metrics.get("gpu.memory.used"), metrics.get("gpu.memory.total")
    if (spot := placed.get("util")) is not None:
        canvas.bar(spot.x, y, bar, metrics.get("gpu.util"), "faint" if stale else "chart")
        canvas.put(spot.x + bar + 1, y, f"{fmt.ratio(metrics.get('gpu.util')):>4}", number)
    if (spot := placed.get("memory")) is not None:
        canvas.bar(spot.x, y, bar, used / total if used is not None and total else None, "faint" if stale else "chart2")
        canvas.put(spot.x + bar + 1, y, f"{fmt.gib(used)}/{fmt.gib(total)}".rjust(8), number)
    throttled = bool(metrics.get("gpu.throttled"))
    temperature = metrics.get("gpu.temperature")
    cell(canvas, y, placed, "temp", fmt.NONE if temperature is None else f"{temperature:.0f}°", "warn" if throttled else number)
    power, limit = metrics.get("gpu.power"), metrics.get("gpu.power.limit")
    cell(canvas, y, placed, "power", f"{_watts(power)}/{_watts(limit)}" if limit is not None else _watts(power), number)
    notes = []
    if metrics.get("gpu.ecc.uncorrected"):
        notes.append(f"ECC {fmt.count(metrics['gpu.ecc.uncorrected'])}")
    if throttled:
        notes.append(f"throttled {' '.join(gpu.throttle)}".rstrip())
    if mixed and gpu.simulated:
        notes.append("simulated")
    cell(canvas, y, placed, "serves", " ".join([*notes, _serves(gpu)]).strip(), "warn" if notes else number)


def _watts(value: float | None) -> str:
    return fmt.NONE if value is None else f"{value:.0f}"
