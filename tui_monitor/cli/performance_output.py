"""A judged log as JSON for scripts, and as a table for people."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from tui_monitor.model import SCHEMA, Estimate, Performance

if TYPE_CHECKING:
    from tui_monitor.cli.performance_judged import Judged, Plan

SHOWN = {
    "binary": ("accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "calibration.error"),
    "multiclass": ("accuracy", "f1.macro", "f1.weighted", "precision.macro", "recall.macro", "log_loss"),
    "regression": ("mae", "mse", "rmse", "bias"),
}
SPEAKS = {"binary": "accuracy", "multiclass": "accuracy", "regression": "mae"}  # for a slice in one line
_WORST_CLASSES = 3
_NEWEST = 24  # moments of a series that are shown
_GAP = "  "

By = dict[tuple[str, str | None, str], Performance]


# -- JSON -----------------------------------------------------------------------------------------------------------------------------------


def as_json(task: str, judged: Judged) -> Iterator[str]:
    """The object, in parts."""
    rows = judged.rows
    head = {
        "schema": SCHEMA,
        "task": task,
        "classes": judged.classes,
        "positive": judged.positive,
        "rows": {
            "read": rows.read,
            "used": rows.used,
            "labelled": rows.labelled,
            "out_of_order": rows.out_of_order,
            "labels_unmatched": rows.labels_unmatched,
            "left_out": dict(sorted(rows.left_out.items())),
            "score_left_out": dict(sorted(rows.score_left_out.items())),
        },
        "performance": [element(one, judged.classes) for one in judged.performance],
    }
    yield _encoded(head)[:-1] + ',"series":['
    encoded = (_encoded(element(one, judged.classes, confusion=False)) for one in judged.series)
    yield from _separated(encoded)
    yield "]}\n"


def _encoded(plain: object) -> str:
    return msgspec.json.encode(plain, enc_hook=lambda value: value.item()).decode()  # numpy's numbers


def element(one: Performance, classes: list[str], *, confusion: bool = True) -> dict[str, Any]:
    """One window as it leaves."""
    plain: dict[str, Any] = {
        "name": one.name,
        "window": one.window,
        "slice": one.slice,
        "start": one.start,
        "end": one.end,
        "n": one.n,
        "labelled": one.labelled,
        "coverage": one.coverage,
        "source": one.source,
        "why": one.why,
        "assumption": one.assumption,
        "metrics": {key: _estimate(value) for key, value in one.metrics.items()},
        "classes": _classes(one, classes),
    }
    if confusion:
        plain["confusion"] = one.confusion
    return plain


def _estimate(one: Estimate) -> dict[str, Any]:
    return {
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "n": one.n,
        "reference": one.reference,
        "floor": one.floor,
        "breach": one.breach,
    }


def _classes(one: Performance, classes: list[str]) -> dict[str, Any]:
    """Every class of the log; one that does not occur in the window cannot be judged there."""
    if one.source != "labelled":
        return {}
    why = one.why or "neither label nor prediction of a labelled row in the window"
    absent = {"support": 0, "precision": None, "recall": None, "f1": None, "why": why}
    return {name: msgspec.structs.asdict(one.classes[name]) if name in one.classes else absent for name in classes}


def _separated(encoded: Iterable[str], each: int = 200) -> Iterator[str]:
    """Joined by commas, some at a time."""
    begun, held = False, []
    for text in encoded:
        held.append(text)
        if len(held) == each:
            yield ("," if begun else "") + ",".join(held)
            begun, held = True, []
    if held:
        yield ("," if begun else "") + ",".join(held)


# -- for people -----------------------------------------------------------------------------------------------------------------------------


def as_text(path: str, plan: Plan, judged: Judged, width: int | None = None) -> Iterator[str]:
    """A table of windows x numbers, then slices, worst classes, what estimates rest on."""
    width = width or max(shutil.get_terminal_size((100, 24)).columns, 40)
    yield from _rows(path, judged, width)
    by: By = {(one.window, one.slice, one.source): one for one in judged.performance}
    windows = list(dict.fromkeys(one.window for one in judged.performance))
    for source in ("labelled", "estimated"):
        whole = [by[window, None, source] for window in windows if (window, None, source) in by]
        if not whole:
            continue
        yield ""
        yield from _table(source, whole, SHOWN[plan.asked.task], width)
        yield from _slices(source, plan, by, windows, width)
    yield from _worst(by, windows, width)
    yield from _series(plan, judged)


def _rows(path: str, judged: Judged, width: int) -> Iterator[str]:
    from tui_monitor.model import clean

    rows = judged.rows
    words = [f"{rows.used:,} of {rows.read:,} rows used", f"{rows.labelled:,} with a label"]
    words += [f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(rows.left_out.items())]
    words += [f"{count:,} scores {reason.replace('_', ' ')}" for reason, count in sorted(rows.score_left_out.items())]
    words += [f"{rows.out_of_order:,} out of order"] if rows.out_of_order else []
    words += [f"{rows.labels_unmatched:,} labels of no row"] if rows.labels_unmatched else []
    yield from _wrapped(f"{clean(path, min(60, width - 2))}: ", words, width)
    if judged.classes:
        names = [clean(name, 20) for name in judged.classes[:12]] + (["..."] if len(judged.classes) > 12 else [])
        positive = f"; positive: {clean(judged.positive, 20)}" if judged.positive is not None else ""
        yield from _wrapped("classes: ", names, width, after=positive)


def _wrapped(begin: str, words: list[str], width: int, after: str = "") -> Iterator[str]:
    line = begin
    for place, word in enumerate(words):
        text = word + (", " if place < len(words) - 1 else after)
        if len(line) + len(text.rstrip()) > width and line.strip():
            yield line.rstrip()
            line = "  "
        line += text
    yield line.rstrip()


def _table(title: str, whole: list[Performance], keys: tuple[str, ...], width: int) -> Iterator[str]:
    """Windows side by side; where the terminal is too narrow for their intervals without those, and then one below the other."""
    keys = tuple(key for key in keys if any(key in one.metrics for one in whole))
    for full in (True, False):
        lines = list(_grid(title, whole, keys, full=full))
        if max(map(len, lines)) <= width:
            yield from lines
            break
    else:
        half = max(len(whole) // 2, 1)
        for part in (whole[:half], whole[half:]) if len(whole) > 1 else ():
            yield from _table(title, part, keys, width)
        if len(whole) == 1:
            yield from (line[:width] for line in _grid(title, whole, keys, full=False))
        return
    for one in whole:
        if one.why:
            yield from _wrapped(f"  {one.window}: ", one.why.split(", "), width)
    if any(number.breach for one in whole for number in one.metrics.values()):
        yield from _folded("! worse than the floor: 3 standard deviations from the mean of the reference's windows of this length", width)
    for said in dict.fromkeys(one.assumption for one in whole if one.assumption):
        yield from _folded(said, width)


def _grid(title: str, whole: list[Performance], keys: tuple[str, ...], *, full: bool) -> Iterator[str]:
    head = [title, *(one.window for one in whole)]
    body = [["rows", *(f"{one.n:,}" for one in whole)]]
    if title == "labelled":
        body.append(["with a label", *(_share(one.coverage) for one in whole)])
    held = any(one.metrics[key].floor is not None for one in whole for key in keys if key in one.metrics)
    for key in keys:
        body.append([key, *(_cell(one.metrics.get(key), full=full) for one in whole)])
        if held:
            body.append(["", *(_beside(one.metrics.get(key)) for one in whole)])
        elif any(one.metrics[key].reference is not None for one in whole if key in one.metrics):
            body[-1][0] += f" (ref {_number(next(one.metrics[key].reference for one in whole if key in one.metrics))})"
    sizes = [max(len(line[place]) for line in [head, *body]) for place in range(len(head))]
    for line in [head, *body]:
        yield _GAP.join([line[0].ljust(sizes[0]), *(text.rjust(size) for text, size in zip(line[1:], sizes[1:], strict=True))]).rstrip()


def _cell(one: Estimate | None, *, full: bool) -> str:
    if one is None or one.value is None:
        return "–"
    text = _number(one.value)
    if full and one.low is not None and one.high is not None:
        text += f" [{_number(one.low)} {_number(one.high)}]"
    return text + (" !" if one.breach else "")


def _beside(one: Estimate | None) -> str:
    if one is None or one.reference is None:
        return ""
    return f"ref {_number(one.reference)}" + ("" if one.floor is None else f" floor {_number(one.floor)}")


def _slices(source: str, plan: Plan, by: By, windows: list[str], width: int) -> Iterator[str]:
    from tui_monitor.model import clean

    if not plan.asked.slices:
        return
    key = SPEAKS[plan.asked.task]
    for full in (True, False):
        head = [f"{key} of slices", *windows]
        body = []
        for name in plan.asked.slices:
            ones = [by[window, name, source] for window in windows]
            body.append([clean(name, max(width // 3, 12)), *(_cell(one.metrics.get(key), full=full) + f" n {one.n:,}" for one in ones)])
        sizes = [max(len(line[place]) for line in [head, *body]) for place in range(len(head))]
        if sum(sizes) + len(_GAP) * (len(sizes) - 1) <= width or not full:
            break
    yield ""
    for line in [head, *body]:
        yield _GAP.join([line[0].ljust(sizes[0]), *(text.rjust(size) for text, size in zip(line[1:], sizes[1:], strict=True))])[
            :width
        ].rstrip()


def _worst(by: By, windows: list[str], width: int) -> Iterator[str]:
    """The classes that are told worst, in the shortest window that has labels."""
    from tui_monitor.model import clean

    one = next((by[window, None, "labelled"] for window in windows if len(by[window, None, "labelled"].classes) > 1), None)
    if one is None:
        return
    ranked = sorted(one.classes.items(), key=lambda item: item[1].f1)[:_WORST_CLASSES]
    words = [
        f"{clean(name, 30)} f1 {_number(score.f1)} (precision {_number(score.precision)}; recall {_number(score.recall)}; {score.support:,} rows)"
        for name, score in ranked
    ]
    yield ""
    yield from _wrapped(f"worst classes in {one.window}: ", words, width)


def _series(plan: Plan, judged: Judged) -> Iterator[str]:
    if plan.every_s is None:
        return
    key = SPEAKS[plan.asked.task]
    windows = [*plan.windows, "all"]
    yield ""
    yield _GAP.join([f"{key} at".ljust(16), *(window.rjust(8) for window in windows)])
    line: dict[str, str] = {}
    newest: deque[str] = deque(maxlen=_NEWEST)
    moments = 0
    for one in judged.series:
        if one.source != "labelled" or one.slice is not None or one.end is None:
            continue
        line[one.window] = _number(one.metrics[key].value)
        if one.window == "all":
            moments += 1
            newest.append(_GAP.join([f"{one.end:%Y-%m-%d %H:%M}", *(line[window].rjust(8) for window in windows)]))
    if moments > len(newest):
        yield f"... {moments - len(newest):,} moments before; --json has them all"
    yield from newest


def _number(value: float | None) -> str:
    """Three digits behind the point of shares, four significant ones of what is larger."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _folded(text: str, width: int) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="  ")
