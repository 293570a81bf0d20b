"""Health: does every server make progress, what do the GPUs and the host do; faults are loud, all else is quiet."""

from __future__ import annotations

from tui_monitor.model import Alert, Disk, Frame, Gpu, Metrics, Target
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.panes import order, past
from tui_monitor.ui.view import Histories, View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width
from tui_monitor.ui.widgets.table import Column, Placing, around, cell, heads, place

STALE_AGE_S = 10.0  # numbers older than this, or three intervals, are dimmed


def lines(frame: Frame, view: View) -> int:
    """How many lines the tables and the host take with nothing left out."""
    gpus = len(frame.gpus) + 1 if frame.gpus else 1
    return max(2, len(order.targets(frame, view)) + 1) + 1 + gpus + 1 + 3 + len(frame.queries)


def draw(canvas: Canvas, frame: Frame, view: View, histories: Histories, *, focus: bool = True) -> None:
    """The whole pane in its frame."""
    faults = sum(signs.TARGET[target.state].role in {"crit", "warn"} for target in frame.targets) + sum(
        gpu.state in {"LOST", "HUNG"} for gpu in frame.gpus
    )
    parts = [_many(len(frame.targets), "target")] + ([_many(len(frame.gpus), "GPU")] if frame.gpus else [])
    inside = canvas.box(key="1", title="Health", right=" · ".join([*parts, *([_many(faults, "fault")] if faults else [])]), focus=focus)
    shown = order.targets(frame, view)
    target_lines, gpu_lines = max(2, len(shown) + 1), len(frame.gpus) + 1 if frame.gpus else 1
    spare = inside.height - target_lines - gpu_lines - 1
    if spare < 0:  # GPUs give way first, down to what is needed to name the broken ones
        broken = sum(gpu.state != "OK" for gpu in frame.gpus)
        fewer = max(min(gpu_lines, broken + 2), gpu_lines + spare, inside.height // 3 if frame.gpus else 1)
        gpu_lines, spare = min(gpu_lines, fewer), spare + gpu_lines - min(gpu_lines, fewer)
    if spare < 0:
        target_lines = max(2, target_lines + spare)
    second, first_gap, second_gap = spare > 0, spare > 1, spare > 2
    y = _targets(inside.part(0, 0, inside.width, target_lines), frame, view, shown, focus=focus) + first_gap
    y += _gpus(inside.part(0, y, inside.width, gpu_lines), frame) + second_gap
    _host(inside.part(0, y, inside.width, inside.height - y), frame, second=second)
    past.draw(inside.part(0, lines(frame, view), inside.width, inside.height - lines(frame, view)), frame, view, histories)


def _many(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def old(frame: Frame, age_s: float | None) -> bool:
    """Numbers of this age are no news any more: they are dimmed."""
    return age_s is None or age_s > max(STALE_AGE_S, 3 * frame.engine.interval_s)


def why_of(target: Target, alert: Alert | None) -> tuple[str, str]:
    """What to say beside a target, and in which role: its own trouble first, then what fires on it."""
    sign = signs.TARGET[target.state]
    if sign.role in {"crit", "warn"} or alert is None:
        broken = next((model for model in target.models if model.state.upper() in {"UNAVAILABLE", "FAILED", "ERROR"}), None)
        if broken is not None and sign.role == "ok":
            return f"{broken.name} {broken.state} {broken.why}".rstrip(), "warn"
        return target.why, sign.role if sign.role in {"crit", "warn"} else "dim"
    word, alert_sign = signs.of_alert(alert)
    return f"{alert.rule}: {alert.summary or fmt.with_unit(alert.value, alert.unit)}" + (
        f" ({word})" if word == "ACKED" else ""
    ), alert_sign.role


def _columns(targets: list[Target], frame: Frame, *, reasons: bool) -> list[Column]:
    """When something is wrong, the reason gets its room before kind and rates do."""
    name = min(24, max(10, *(text_width(target.name) for target in targets), 0)) if targets else 10
    columns = [
        Column("name", "TARGET", name),
        Column("kind", "KIND", 6, keep=5),
        Column("state", "STATE", 8),
        Column("age", "AGE", 4, ">", keep=1),
        Column("rtt", "RTT", 6, ">", keep=9),
        Column("rate", "REQ/S", 5, ">", keep=7),
        Column("run", "RUN", 4, ">", keep=3),
        Column("wait", "WAIT", 4, ">", keep=2),
        Column("kv", "KV", 4, ">", keep=4),
        Column("why", "WHY", 26 if reasons else 10, grow=True),
    ]
    if not any("kv_cache.used" in target.metrics for target in frame.targets):
        columns = [column for column in columns if column.name != "kv"]
    return columns


def _targets(canvas: Canvas, frame: Frame, view: View, targets: list[Target], *, focus: bool) -> int:
    """The table of targets; returns how many lines it took."""
    if not frame.targets:
        text = (
            "looking around for model servers …"
            if frame.discovering
            else "no model server found on this host"
            if frame.discovery
            else "no target is configured, and discovery is off"
        )
        canvas.run(0, 0, ("– ", "dim"), (text, "text"))
        if not frame.discovering and canvas.height > 1:
            canvas.put(2, 1, "start one, or name it in the configuration: [[targets]] url = …", "dim")
            return 2
        return 1
    if not targets:
        canvas.run(
            0, 0, ("✔ ", "ok"), ("no target with a fault" if view.faults_only and not view.filter else "no target fits the filter", "dim")
        )
        return 1
    alerts = signs.worst_alerts(frame)
    columns = _columns(targets, frame, reasons=any(why_of(target, alerts.get(target.name))[0] for target in targets))
    placed = place(columns, canvas.width, left=2, gap=2 if canvas.width >= 80 else 1)
    heads(canvas, 0, columns, placed)
    chosen = next((i for i, target in enumerate(targets) if target.name == view.target), None)
    rows = canvas.height - 1
    more = len(targets) > rows
    window = around(len(targets), rows - more, chosen)
    for y, index in enumerate(window, 1):
        if focus and index == chosen:
            canvas.band(y)
        _target(canvas, y, placed, frame, targets[index], alerts.get(targets[index].name))
    if more:
        left_out = [target for i, target in enumerate(targets) if i not in window]
        words = sorted({target.state for target in left_out}, key=lambda state: (signs.TARGET[state].rank, state))
        said = ", ".join(f"{sum(target.state == word for target in left_out)} {word}" for word in words)
        canvas.put(2, canvas.height - 1, f"… {len(left_out)} more: {said}", "dim")
    return canvas.height if more else len(window) + 1


def _target(canvas: Canvas, y: int, placed: Placing, frame: Frame, target: Target, alert: Alert | None) -> None:
    sign = signs.TARGET[target.state]
    glyph, role = sign.glyph, sign.role
    if alert is not None and sign.role == "ok":
        glyph, role = signs.of_alert(alert)[1].glyph, signs.of_alert(alert)[1].role
    canvas.put(0, y, glyph, role, bold=role == "crit")
    bad = role == "crit"
    cell(canvas, y, placed, "name", target.name, "strong" if bad else "text", bold=bad)
    cell(canvas, y, placed, "kind", target.kind, "dim")
    cell(canvas, y, placed, "state", target.state, sign.role, bold=sign.role != "dim")
    stale = old(frame, target.age_s)
    cell(canvas, y, placed, "age", fmt.age(target.age_s), "warn" if stale and target.age_s is not None else "dim")
    number = "faint" if stale else "text"
    metrics = target.metrics
    cell(canvas, y, placed, "rtt", fmt.seconds(metrics.get("scrape.duration")), "faint" if stale else "dim")
    cell(canvas, y, placed, "rate", fmt.number(metrics.get("request.rate")), number)
    cell(canvas, y, placed, "run", fmt.count(metrics.get("request.running")), number)
    cell(canvas, y, placed, "wait", fmt.count(metrics.get("queue.length")), number)
    cell(canvas, y, placed, "kv", fmt.ratio(metrics.get("kv_cache.used")), number)
    why, why_role = why_of(target, alert)
    cell(canvas, y, placed, "why", why, why_role)


def short_name(gpu: Gpu) -> str:
    """A GPU's name without its maker."""
    name = gpu.name
    for word in ("NVIDIA ", "Tesla ", "GeForce "):
        name = name.removeprefix(word)
    return name


def _gpus(canvas: Canvas, frame: Frame) -> int:
    """The table of GPUs, or one quiet line that says why there is none; returns how many lines it took."""
    if not frame.gpus:
        if frame.gpu_why or not frame.discovering:
            canvas.run(0, 0, ("GPU   ", "dim"), (cut(frame.gpu_why or "none", canvas.width - 6), "dim"))
        return 1
    name = min(14, max(text_width(short_name(gpu)) for gpu in frame.gpus))
    bar = max(6, min(16, (canvas.width - name - 52) // 2))
    serves = max((text_width(_serves(gpu)) for gpu in frame.gpus), default=0)
    columns = [
        Column("name", "GPU", name + 3),
        Column("util", "UTIL", bar + 5),
        Column("memory", "MEMORY GiB", bar + 9),
        Column("temp", "TEMP", 4, ">", keep=2),
        Column("power", "POWER W", 7, ">", keep=3),
        Column("serves", "SERVES", max(6, min(16, serves)), grow=True, keep=1),
    ]
    placed = place(columns, canvas.width, left=2)
    heads(canvas, 0, columns, placed)
    simulated = [gpu for gpu in frame.gpus if gpu.simulated]
    if simulated:
        canvas.put(6, 0, "simulated", "ack", bold=True)
    bad = [gpu for gpu in frame.gpus if gpu.state != "OK"]
    gpus = frame.gpus
    rows = canvas.height - 1
    if len(gpus) > rows:
        gpus = [*bad, *(gpu for gpu in gpus if gpu.state == "OK")][: max(0, rows - 1)]
    alerts = signs.worst_alerts(frame)
    for y, gpu in enumerate(gpus, 1):
        _gpu(
            canvas,
            y,
            placed,
            bar,
            frame,
            gpu,
            alerts.get(gpu.subject) or alerts.get(gpu.uuid),
            mixed=0 < len(simulated) < len(frame.gpus),
        )
    if len(gpus) < len(frame.gpus):
        canvas.put(2, canvas.height - 1, f"… {len(frame.gpus) - len(gpus)} more GPUs", "dim")
    return canvas.height


def _serves(gpu: Gpu) -> str:
    names = sorted({process.target for process in gpu.processes if process.target})
    return ", ".join(names)


def _gpu(canvas: Canvas, y: int, placed: Placing, bar: int, frame: Frame, gpu: Gpu, alert: Alert | None, *, mixed: bool) -> None:
    sign = signs.GPU[gpu.state]
    role = signs.of_alert(alert)[1].role if alert and gpu.state == "OK" else sign.role
    canvas.put(0, y, signs.of_alert(alert)[1].glyph if alert and gpu.state == "OK" else sign.glyph, role, bold=role != "ok")
    cell(canvas, y, placed, "name", f"{gpu.index} {short_name(gpu)}")
    metrics = gpu.metrics
    if gpu.state != "OK":
        x = placed["util"].x
        end = placed["serves"].x - 2 if "serves" in placed and _serves(gpu) else canvas.width
        canvas.put(x, y, cut(f"{gpu.state}: {gpu.why}" if gpu.why else gpu.state, end - x), sign.role, bold=gpu.state == "LOST")
        cell(canvas, y, placed, "serves", _serves(gpu), "dim")
        return
    stale = gpu.age_s is not None and old(frame, gpu.age_s)
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


def _host(canvas: Canvas, frame: Frame, *, second: bool) -> None:
    """The host in one or two lines, the named numbers of a Prometheus, and the monitor itself."""
    system, metrics = frame.system, frame.system.metrics
    alerts = signs.worst_alerts(frame)
    host = alerts.get("host") or alerts.get(frame.host)
    stale = system.age_s is not None and old(frame, system.age_s)
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
    if host is not None:
        _, sign = signs.of_alert(host)
        canvas.run(x + 16, 0, (cut(f"{sign.glyph} {host.rule}", canvas.width - x - 16), sign.role, "b"))
    if second:
        _second(canvas, frame, alerts, number)
    y = 1 + second
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
            groups.append([(f"{mount} ", "dim"), (fmt.ratio(share) + (" ▲" if alert else ""), role)])
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
