"""The host, other hosts that exporters tell of, the named numbers of a Prometheus, and the monitor itself; one quiet line each."""

from __future__ import annotations

from collections.abc import Sequence

from tui_monitor.model import Alert, Disk, Frame, Metrics, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import expected, order
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, pad, text_width
from tui_monitor.ui.widgets.table import around


def draw(canvas: Canvas, frame: Frame, view: View, *, second: bool, exporters: int, focus: bool) -> None:
    """This host in one or two lines, `exporters` lines for other hosts, the named numbers of a Prometheus, and the monitor itself."""
    system, metrics = frame.system, frame.system.metrics
    alerts = signs.worst_alerts(frame)
    host = alerts.get("host") or alerts.get(frame.host)
    stale = system.age_s is not None and signs.old(frame, system.age_s)
    number = "faint" if stale else "text"
    bar = 12 if canvas.width >= 76 else 8 if canvas.width >= 64 else 4
    x = canvas.run(0, 0, ("HOST  ", "dim"), ("cpu ", "dim"))
    x = canvas.bar(x, 0, bar, metrics.get("cpu.util")) + 1
    x = canvas.run(
        x, 0, (f"{fmt.ratio(metrics.get('cpu.util')):>4}", number), ("  load ", "dim"), (fmt.number(metrics.get("load.1m")), number)
    )
    x = canvas.run(x, 0, (f"/{system.cores}" if system.cores else "", "dim"), ("  mem ", "dim"))
    used, total = metrics.get("memory.used"), metrics.get("memory.total")
    x = canvas.bar(x, 0, bar, used / total if used is not None and total else None, "chart2") + 1
    canvas.run(x, 0, (fmt.pair_of_sizes(used, total), number))
    if host is None and (filling := expected.full_in(frame, "host", "memory.used")):
        canvas.run(x + 16, 0, (cut(filling, canvas.width - x - 16), "warn"))
    if host is not None:
        _, sign = signs.of_alert(host)
        canvas.run(x + 16, 0, (cut(f"{sign.glyph} {host.rule}", canvas.width - x - 16), sign.role, "b"))
    if second:
        _second(canvas, frame, alerts, number)
    y = 1 + second
    _others(canvas.part(0, y, canvas.width, exporters), frame, view, focus=focus)
    y += exporters
    for name, queried in frame.queries.items():
        if y >= canvas.height - 1:
            break
        parts: list[Part] = [(f"{cut(name, 12)}  ", "dim")]
        for key, value in queried.values.items():
            parts += [(f"{key} ", "dim"), fmt.number(value), "   "]
        if queried.warning:
            parts.append((queried.warning, "warn"))
        canvas.run(0, y, *parts)
        y += 1
    _self(canvas, y, frame)


def _second(canvas: Canvas, frame: Frame, alerts: dict[str, Alert], number: str) -> None:
    """Pressure, network, swap, and the disks that matter most; what does not fit is left out whole."""
    system, metrics = frame.system, frame.system.metrics
    groups: list[list[Part]] = []
    pressure = [(name, metrics.get(f"pressure.{name}")) for name in ("cpu", "io", "memory")]
    for disk in _disks(system.disks, alerts)[:3]:
        alert = alerts.get(disk.mount)
        mount = disk.mount if text_width(disk.mount) <= 20 else "…" + disk.mount[-19:]
        if disk.why:
            groups.append([(f"{mount} ", "dim"), (cut(disk.why, 24), "warn")])
        elif disk.total_bytes:
            share = (disk.used_bytes or 0) / disk.total_bytes
            role = signs.of_alert(alert)[1].role if alert else number
            filling = expected.full_in(frame, disk.mount, "disk.used")
            groups.append(
                [(f"{mount} ", "dim"), (fmt.ratio(share) + (" ▲" if alert else ""), role), *([(f" {filling}", "warn")] if filling else [])]
            )
    first = groups[:1]
    rest = groups[1:]
    groups = []
    if any(value is not None for _, value in pressure):
        groups.append(
            [("psi", "dim"), *(part for name, value in pressure for part in ((f" {name[:3]} ", "dim"), (fmt.percent(value), number)))]
        )
    groups.append(
        [("net ", "dim"), ("▾", "dim"), (fmt.flow(metrics.get("net.rx")), number), (" ▴", "dim"), (fmt.flow(metrics.get("net.tx")), number)]
    )
    groups += first
    if metrics.get("swap.used"):
        groups.append([("swap ", "dim"), (fmt.size(metrics["swap.used"]), number)])
    x = 6
    for group in [*groups, *rest]:
        length = sum(text_width(part if isinstance(part, str) else part[0]) for part in group)
        if x + length <= canvas.width:
            x = canvas.run(x, 1, *group) + 3


def _others(canvas: Canvas, frame: Frame, view: View, *, focus: bool) -> None:
    """Hosts that an exporter tells of, one a line, the worst first; numbers stand under each other."""
    targets = order.exporters(frame, view, "host")
    if not targets or not canvas.height:
        return
    more = len(targets) > canvas.height
    chosen = next((i for i, target in enumerate(targets) if target.name == view.target), None)
    window = around(len(targets), canvas.height - more, chosen)
    alerts = signs.worst_alerts(frame)
    name = min(20, max(10, *(text_width(target.name) for target in targets)))
    for y, index in enumerate(window):
        if focus and index == chosen:
            canvas.band(y)
        _other(canvas, y, frame, targets[index], alerts.get(targets[index].name), name)
    if more:
        left_out = [target for i, target in enumerate(targets) if i not in window]
        words = sorted({target.state for target in left_out}, key=lambda state: (signs.TARGET[state].rank, state))
        said = ", ".join(f"{sum(target.state == word for target in left_out)} {word}" for word in words)
        count = f"… {len(left_out)} more hosts" if window else f"{len(left_out)} other hosts"
        canvas.put(2, canvas.height - 1, cut(f"{count}: {said}{_highest(left_out)}", canvas.width - 2), "dim")


def _highest(targets: Sequence[Target]) -> str:
    """The highest numbers of hosts that have no line."""
    said = []
    for key, name in (("cpu.util", "cpu"), ("memory.used.ratio", "mem"), ("disk.used.ratio", "disk")):
        known = [value for target in targets if (value := target.metrics.get(key)) is not None]
        if known:
            said.append(f"{name} {fmt.percent(max(known))}")
    return f"; highest {' '.join(said)}" if said else ""


def _other(canvas: Canvas, y: int, frame: Frame, target: Target, alert: Alert | None, name: int) -> None:
    """One host: its numbers, or the trouble with its exporter."""
    sign = signs.TARGET[target.state]
    glyph, role = (
        (signs.of_alert(alert)[1].glyph, signs.of_alert(alert)[1].role) if alert and target.state == "OK" else (sign.glyph, sign.role)
    )
    if role != "ok":
        canvas.put(0, y, glyph, role, bold=role == "crit")
    canvas.put(2, y, pad(target.name, name), "text")
    x = name + 4
    if target.state != "OK":
        x = canvas.run(x, y, (f"{target.state}  ", sign.role, "b"))
        canvas.put(x, y, cut(target.why, canvas.width - x), sign.role)
        return
    metrics = target.metrics
    number = "faint" if signs.old(frame, target.age_s) else "text"
    used, total = metrics.get("memory.used"), metrics.get("memory.total")
    groups: list[tuple[str, str]] = [
        ("cpu ", f"{fmt.ratio(metrics.get('cpu.util')):>4}"),
        ("load ", f"{fmt.number(metrics.get('load.1m')):<4}"),
        ("mem ", f"{fmt.pair_of_sizes(used, total):<12}"),
        ("fullest disk ", f"{fmt.percent(metrics.get('disk.used.ratio')):>4}"),
    ]
    if alert is not None:
        groups.insert(0, ("", f"{alert.rule} "))
    for label, text in groups:
        if x + len(label) + text_width(text.rstrip()) <= canvas.width:
            x = canvas.run(x, y, (label, "dim"), (text, number if label else role)) + 2


def _disks(disks: list[Disk], alerts: dict[str, Alert]) -> list[Disk]:
    """Disks, those with trouble first, then the fullest."""

    def fullness(disk: Disk) -> float:
        return 2.0 if disk.why or disk.mount in alerts else (disk.used_bytes or 0) / (disk.total_bytes or 1)

    return sorted(disks, key=fullness, reverse=True)


def _self(canvas: Canvas, y: int, frame: Frame) -> None:
    engine = frame.engine
    late = f"{engine.late_ticks} late tick{'' if engine.late_ticks == 1 else 's'}"
    text = f"SELF  cpu {fmt.ratio(engine.cpu_ratio)}  {fmt.size(engine.rss_bytes)}  {late}  every {engine.interval_s:g}s"
    canvas.put(0, y, text, "faint")


def numbers_line(metrics: Metrics, cores: int | None) -> list[Part]:
    """The host in one short line, for the smallest layouts and for the first paint."""
    used, total = metrics.get("memory.used"), metrics.get("memory.total")
    share = used / total if used is not None and total else None
    return [
        ("cpu ", "dim"), fmt.ratio(metrics.get("cpu.util")), (" mem ", "dim"), fmt.ratio(share),
        (" load ", "dim"), fmt.number(metrics.get("load.1m")), (f"/{cores}" if cores else "", "dim"),
    ]  # fmt: skip
