"""The first rows: who, live or not, how bad and how much of it, and the last hour, one character a minute."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from tui_monitor.model import Frame
from tui_monitor.ui import format as fmt
from tui_monitor.ui import others, signs
from tui_monitor.ui.panes import logs
from tui_monitor.ui.view import PANES, View
from tui_monitor.ui.widgets.canvas import Canvas, Part, cut, text_width

HOST_FIRST = 100  # from this width the host stands in the first line, below that beside the tabs
_SHORT = {"health": "Health", "performance": "Perf", "drift": "Drift", "alerts": "Alerts"}
_STRIP = {"0": ("▁", ".", "ok"), "1": ("▃", "!", "warn"), "2": ("▆", "X", "crit"), "?": (" ", "?", "faint")}


class Piece(Struct, frozen=True):
    """Something the first line wants to say, in several lengths; the least important gets shorter first."""

    matters: int  # 0 is never left out
    forms: tuple[tuple[Part, ...], ...]


def width_of(parts: tuple[Part, ...]) -> int:
    """Cells that parts take."""
    return sum(text_width(part if isinstance(part, str) else part[0]) for part in parts)


def fit(pieces: list[Piece], width: int, gap: int = 2) -> list[tuple[Part, ...]]:
    """The forms that fit into `width` cells together, in their order."""
    level = [0] * len(pieces)

    def length() -> int:
        widths = [width_of(piece.forms[level[i]]) for i, piece in enumerate(pieces) if level[i] < len(piece.forms)]
        return sum(widths) + gap * max(0, len([w for w in widths if w]) - 1)

    while length() > width:
        able = [i for i, piece in enumerate(pieces) if level[i] < len(piece.forms) - (piece.matters == 0)]
        if not able:
            break
        level[max(able, key=lambda i: (pieces[i].matters, i))] += 1
    return [piece.forms[level[i]] for i, piece in enumerate(pieces) if level[i] < len(piece.forms)]


def source_piece(view: View) -> Piece:
    """LIVE, or what it is instead."""
    if view.replay:
        return Piece(0, ((("◂▸ REPLAY", "ack", "b"),), (("REPLAY", "ack", "b"),)))
    if view.paused:
        return Piece(0, ((("‖ PAUSED " + fmt.age(view.behind_s), "warn", "b"),), (("PAUSED", "warn", "b"),)))
    if view.note and view.behind_s > 5:
        return Piece(0, ((("✖ LOST " + fmt.age(view.behind_s), "crit", "b"),), (("LOST", "crit", "b"),)))
    return Piece(0, ((("● LIVE", "ok", "b"),), (("LIVE", "ok", "b"),)))


def state_pieces(frame: Frame) -> list[Piece]:
    """How many targets are in each state, worst first; GPUs that are not well speak too."""
    counts = Counter(target.state for target in frame.targets)
    pieces: list[Piece] = []
    for index, state in enumerate(sorted(counts, key=lambda state: (signs.TARGET[state].rank, state != "OK"))):
        sign = signs.TARGET[state]
        loud = sign.role in {"crit", "warn"}
        bold = ("b",) if sign.role == "crit" else ()
        text = f"{sign.glyph} {counts[state]} {state}"
        short = f"{sign.glyph}{counts[state]} {state}" if index == 0 else f"{sign.glyph} {counts[state]}"
        pieces.append(Piece(0 if index == 0 else 2 if loud else 6, (((text, sign.role, *bold),), ((short, sign.role, *bold),))))
    lost = Counter(gpu.state for gpu in frame.gpus if gpu.state in {"LOST", "HUNG"})
    for gpu_state, number in lost.items():
        sign = signs.GPU[gpu_state]
        pieces.append(
            Piece(2, (((f"{sign.glyph} {number} GPU {gpu_state}", sign.role, "b"),), ((f"{sign.glyph} {number} GPU", sign.role, "b"),)))
        )
    if not pieces:
        text = "looking for servers" if frame.discovering else "no model server here"
        pieces.append(Piece(1, (((text, "dim"),), (("0 servers", "dim"),))))
    return pieces


def alert_pieces(frame: Frame) -> list[Piece]:
    """FIRING and ACKED, literally; and how much is hidden, so that nobody forgets it."""
    firing = [alert for alert in frame.alerts if signs.fires(alert)]
    words = Counter(signs.of_alert(alert)[0] for alert in frame.alerts)
    acked = words["ACKED"]
    hidden = [
        Piece(8, (((f"{glyph} {words[word]} {word}", "dim"),), ((f"{glyph} {words[word]}", "dim"),)))
        for word, glyph in (("silenced", "⊘"), ("shelved", "⊖"))
        if words[word]
    ]
    if firing:
        sign = min((signs.SEVERITY[alert.severity] for alert in firing), key=lambda sign: sign.rank)
        glyph = "▲" if sign.role == "crit" else sign.glyph
        first = Piece(0, (((f"{glyph} {len(firing)} FIRING", sign.role, "b"),), ((f"{glyph}{len(firing)} FIRING", sign.role, "b"),)))
    else:
        first = Piece(1, ((("0 firing", "dim"),),))
    there = others.untaken(frame, "critical")
    source = frame.foreign.source if frame.foreign is not None else ""
    theirs = [Piece(3, (((f"+{there} in {cut(source, 16)}", "crit", "b"),), ((f"+{there} there", "crit", "b"),)))] if there else []
    return [first, *theirs, *([Piece(1, (((f"◆ {acked} ACKED", "ack"),), ((f"◆{acked} ACKED", "ack"),)))] if acked else []), *hidden]


def draw(canvas: Canvas, frame: Frame, view: View) -> None:
    """The first line of every layout of 60 columns and more."""
    if view.replay:
        canvas.band(0, "header")
    time = fmt.clock(frame.at, utc=view.utc)
    zone = fmt.clock(frame.at, utc=view.utc, zone=True)
    host = Piece(4, tuple(((cut(frame.host, room), "strong", "b"),) for room in (40, 14, 8)))
    pieces = [*([host] if canvas.width >= HOST_FIRST else []), source_piece(view), *state_pieces(frame), *alert_pieces(frame)]
    drifting = sum(signal.state == "drift" for signal in frame.drift)
    if frame.drift:
        tone: Part = (str(drifting), "crit" if drifting else "text", "b") if drifting else "0"
        pieces.append(Piece(9, ((("drift ", "dim"), tone, (f" of {len(frame.drift)}", "dim")),)))
    if frame.engine.recording == "recording":
        pieces.append(Piece(10, ((("rec ", "dim"), fmt.size(frame.engine.recorded_bytes)),)))
    elif frame.engine.recording != "off":
        pieces.append(Piece(5, (((f"rec {cut(frame.engine.recording, 40)}", "warn"),), (("rec paused", "warn"),))))
    if len(frame.engine.people) > 1:
        pieces.append(Piece(11, (((f"{len(frame.engine.people)} here: {cut(', '.join(frame.engine.people), 30)}", "dim"),),)))
    if frame.engine.demo:
        pieces.append(Piece(7, ((("demo", "info"),),)))
    pieces.append(Piece(0, (((zone, "strong"),), ((time, "strong"),))))
    forms = fit(pieces, canvas.width - 2)
    x = 1
    for form in forms[:-1]:
        x = canvas.run(x, 0, *form) + 2
    last = width_of(forms[-1])
    canvas.run(max(x, canvas.width - 1 - last), 0, *forms[-1])


def tabs(canvas: Canvas, frame: Frame, view: View) -> None:
    """The four panes as one line; those not shown say how many faults wait there."""
    marks: dict[str, tuple[int, str]] = {
        "health": (sum(signs.TARGET[target.state].role in {"crit", "warn"} for target in frame.targets), "crit"),
        "performance": (sum(signs.QUALITY[log.state].rank < 2 for log in logs.every(frame)), "crit"),
        "drift": (sum(signal.state == "drift" for signal in frame.drift), "warn"),
        "alerts": (sum(signs.fires(alert) for alert in frame.alerts), "crit"),
    }
    x = 1
    for number, pane in enumerate(PANES, 1):
        many, role = marks.get(pane, (0, ""))
        if pane == view.focus:
            x = canvas.run(x, 0, (f"[{number} {_SHORT[pane]}]", "key", "b")) + 1
        else:
            x = canvas.run(x, 0, (f" {number} {_SHORT[pane]} ", "dim"), *marks_of(many, role))
    if view.filter:
        x = canvas.run(x + 1, 0, ("/", "key", "b"), (cut(view.filter, 20), "text"))
    room = canvas.width - x - 3
    if canvas.width < HOST_FIRST and room >= 6:
        host = cut(frame.host, room)
        canvas.put(canvas.width - 1 - text_width(host), 0, host, "strong", bold=True)


def marks_of(many: int, role: str) -> list[Part]:
    """The number behind a tab; nothing when there is nothing to say."""
    return [(str(many), role, "b"), " "] if many else []


def strip(canvas: Canvas, frame: Frame, view: View) -> None:
    """The last hour, the worst of each minute; or the trouble with the source, which is more urgent."""
    if view.note:
        canvas.run(1, 0, ("▲ ", "crit", "b"), (cut(view.note, canvas.width - 4), "crit"))
        return
    minutes = frame.strip[-60:].rjust(60, "?")
    left = canvas.run(1, 0, ("60 min ", "dim"))
    width = canvas.width - left - 5
    if width < 20:
        return
    for x in range(width):
        block, letter, role = _STRIP.get(minutes[x * 60 // width], _STRIP["?"])
        canvas.put(left + x, 0, letter if canvas.ascii else block, role)
    canvas.put(left + width, 0, "▏", "dim")
    canvas.put(left + width + 1, 0, "now", "strong")
