"""Prediction logs as the screen looks at them: which one, which number of it, over which window, on what it rests, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tui_monitor.model import Basis, Estimate, Frame, Performance, Quality
from tui_monitor.ui import signs
from tui_monitor.ui.panes import order, written
from tui_monitor.ui.view import View
from tui_monitor.vocabulary import VOCABULARY, seconds

SOURCES: tuple[Basis, ...] = ("labelled", "sampled", "estimated", "probe", "given")
RESTS_ON: dict[Basis, str] = {
    "labelled": "true labels",
    "sampled": "a sample that people labelled, each row weighted by one over its chance to be drawn",
    "estimated": "the scores alone: no label is looked at",
    "probe": "questions with known answers that the monitor asks itself",
    "given": "somebody else's number, shown as it comes",
}
NOT_LABELS: dict[Basis, str] = {
    "sampled": "sampled: from the rows that people labelled, weighted",
    "estimated": "estimated from the scores alone: no label is looked at",
    "probe": "from golden questions that the monitor asks, not from users' rows",
    "given": "given: somebody else's number, shown as it comes",
}
Level = Literal["well", "worse", "breach", "young", "no value", "no reference"]
GLYPHS: dict[Level, tuple[str, str]] = {
    "breach": ("✖", "crit"),
    "worse": ("◐", "warn"),
    "well": ("✔", "ok"),
    "no reference": ("·", "dim"),
    "young": ("…", "faint"),
    "no value": ("–", "faint"),
}
"""How a number stands -> glyph and role: it must be seen without colour too."""

Place = tuple[str, Basis, str, str | None]


class Index(NamedTuple):
    """The numbers of a frame by where they belong."""

    places: dict[Place, Performance]  # (log, source, window, slice); of several estimates the first that says something
    every: dict[Place, list[Performance]]  # all of them, each with an assumption of its own
    windows: dict[str, list[str]]  # of a log, the shortest first
    sources: dict[tuple[str, str | None], list[Basis]]  # of a log's slice
    slices: dict[str, list[str]]
    keys: dict[str, list[str]]


_newest: dict[str, tuple[list[Performance], Index]] = {}  # a frame is asked a hundred times while it is drawn


def index(frame: Frame) -> Index:
    """The newest answer is kept."""
    if (known := _newest.get("last")) is not None and known[0] is frame.performance:
        return known[1]
    every: dict[Place, list[Performance]] = {}
    seen: dict[str, tuple[dict[str, None], dict[str, None], dict[str, None]]] = {}
    based: dict[tuple[str, str | None], set[Basis]] = {}
    for one in frame.performance:
        every.setdefault((one.name, one.source, one.window, one.slice), []).append(one)
        windows, slices, keys = seen.setdefault(one.name, ({}, {}, {}))
        based.setdefault((one.name, one.slice), set()).add(one.source)
        if one.slice is not None:
            slices[one.slice] = None
        else:
            windows[one.window] = None
            keys |= dict.fromkeys(one.metrics)
    made = Index(
        {place: next((one for one in ones if _says(one)), ones[0]) for place, ones in every.items()},
        every,
        {name: sorted(own, key=length_s) for name, (own, _, _) in seen.items()},
        {where: [source for source in SOURCES if source in own] for where, own in based.items()},
        {name: list(own) for name, (_, own, _) in seen.items()},
        {
            name: [*(key for key in VOCABULARY if key in own), *(key for key in own if key not in VOCABULARY)]
            for name, (_, _, own) in seen.items()
        },
    )
    _newest["last"] = frame.performance, made
    return made


_LONGEST = {"latest": 0.1, "deploy": 1e12, "all": 1e13}  # windows without a length stand last


def length_s(window: str) -> float:
    """How long a window is; one that is no duration stands behind all that are."""
    try:
        return _LONGEST.get(window) or seconds(window)
    except ValueError:
        return 1e11


def windows_of_all(frame: Frame) -> list[str]:
    """The windows that any log has, the shortest first."""
    return sorted({window for own in index(frame).windows.values() for window in own}, key=length_s)


def _says(one: Performance) -> bool:
    return any(estimate.value is not None for estimate in one.metrics.values())


def every(frame: Frame) -> list[Quality]:
    """All logs; golden questions, and whatever else only numbers are known of, are like one."""
    known = {log.name for log in frame.quality}
    bare: dict[str, Quality] = {}
    for probe in frame.probes:
        if probe.name not in known:
            state = "DECAYED" if probe.state == "CHANGED" else probe.state
            bare[probe.name] = Quality(
                name=probe.name,
                task="golden questions",
                key="accuracy",
                state=state,
                since=probe.since,
                sentence=probe.why or probe.sentence,
            )
    for one in frame.performance:
        if one.name not in known and one.metrics and one.slice is None:
            bare.setdefault(one.name, Quality(name=one.name, task="", key=next(iter(one.metrics))))
    return [*frame.quality, *bare.values()] if bare else list(frame.quality)


def standing(frame: Frame, log: Quality) -> tuple[str, signs.Sign]:
    """The word and the sign of how it stands; golden questions have a word of their own for answers that changed."""
    changed = log.state == "DECAYED" and any(probe.name == log.name and probe.state == "CHANGED" for probe in frame.probes)
    return ("CHANGED" if changed else log.state), signs.QUALITY[log.state]


def listed(frame: Frame, view: View) -> list[Quality]:
    """The logs that the filter lets pass, the worst first, else as they are configured."""
    kept = [
        log
        for log in every(frame)
        if order.passes(view, log.name, log.task, standing(frame, log)[0], log.key)
        and not (view.faults_only and signs.QUALITY[log.state].rank > 1)
    ]
    return sorted(kept, key=lambda log: signs.QUALITY[log.state].rank)


def chosen(frame: Frame, view: View) -> Quality | None:
    """The log that Performance shows: the one the user chose; without any choice a bad one while the servers are well; None: a server's speed."""
    logs = listed(frame, view)
    if view.log is not None and (named := next((log for log in every(frame) if log.name == view.log), None)) is not None:
        return named
    if not logs or view.target is not None:
        return None
    target = order.chosen_target(frame, view)
    if target is None or target.about != "server":
        return logs[0]
    bad = signs.QUALITY[logs[0].state].rank < 2
    return logs[0] if bad and signs.TARGET[target.state].role in {"ok", "info", "dim"} else None


def windows(frame: Frame, name: str) -> list[str]:
    """The windows of a log that there are, the shortest first; `deploy` only where a version was told."""
    return index(frame).windows.get(name, [])


def window(frame: Frame, log: Quality, view: View) -> str:
    """The window that is looked at: the chosen one, or the shortest that can say something."""
    there = windows(frame, log.name)
    if view.quality_window in there:
        return view.quality_window
    return next((one for one in there if any_source(frame, log, one, key(frame, log, view)) is not None), there[0] if there else "30m")


def any_source(frame: Frame, log: Quality, window: str, key: str) -> Performance | None:
    """The first source that has a value."""
    found = (told(frame, log, source, window) for source in sources(frame, log))
    return next((one for one in found if one is not None and value_of(one, key) is not None), None)


def keys(frame: Frame, log: Quality) -> list[str]:
    """The numbers that a log has in any window from any source; the one that speaks for it first."""
    found = index(frame).keys.get(log.name, [])
    return [log.key, *(key for key in found if key != log.key)] if log.key in found or not found else found


def key(frame: Frame, log: Quality, view: View) -> str:
    """The number that is looked at: the chosen one, or the one that speaks for the log."""
    return view.quality_key if view.quality_key and view.quality_key in keys(frame, log) else log.key


def slices(frame: Frame, log: Quality) -> list[str]:
    """Names of a log's slices: the worst first, then as they are told."""
    there = index(frame).slices.get(log.name, [])
    return list(dict.fromkeys([*(one.slice for one in log.worst if one.slice in there), *there]))


def slice_of(frame: Frame, log: Quality, view: View) -> str | None:
    """The slice that is looked at; None: all rows."""
    return view.slice if view.slice is not None and view.slice in slices(frame, log) else None


def sources(frame: Frame, log: Quality, slice_: str | None = None) -> list[Basis]:
    """What numbers of a log rest on: each stands by itself."""
    return index(frame).sources.get((log.name, slice_), [])


def source(frame: Frame, log: Quality, key: str, slice_: str | None = None) -> Basis:
    """The one that is shown first: labels where there are any, else the next that can say something."""
    there = sources(frame, log, slice_)
    for one in there:
        if any(value_of(told(frame, log, one, window, slice_), key) is not None for window in windows(frame, log.name)):
            return one
    return there[0] if there else "labelled"


def value_of(performance: Performance | None, key: str) -> Estimate | None:
    """The number with its interval, or None where there is no value."""
    estimate = performance.metrics.get(key) if performance is not None else None
    return estimate if estimate is not None and estimate.value is not None else None


def told(frame: Frame, log: Quality, source: Basis, window: str, slice_: str | None = None) -> Performance | None:
    """The numbers of one place."""
    return index(frame).places.get((log.name, source, window, slice_))


def all_told(frame: Frame, log: Quality, source: Basis, window: str, slice_: str | None = None) -> list[Performance]:
    """All numbers of one place: there are several ways to estimate."""
    return index(frame).every.get((log.name, source, window, slice_), [])


def base(frame: Frame, log: Quality, source: Basis, window: str, key: str, slice_: str | None = None) -> tuple[float, str] | None:
    """What a number is held against, and what that is: its value over the reference, else over all rows."""
    estimate = value_of(told(frame, log, source, window, slice_), key)
    if estimate is not None and estimate.reference is not None:
        return estimate.reference, "reference"
    whole = value_of(told(frame, log, source, "all", slice_), key) if window != "all" else None
    return (whole.value, "all rows") if whole is not None and whole.value is not None else None


def level(estimate: Estimate | None, key: str, against: float | None) -> Level:
    """How a number stands: below its floor; worse than what it is held against; or not.

    Worse is a whole interval on the bad side, and where a floor is known also a third of the way to it: the floor stands three standard
    deviations off, so that is one, and with very many rows a tenth of a point would else be beyond chance too.
    """
    if estimate is None or estimate.value is None:
        return "no value"
    if estimate.breach:
        return "breach"
    if against is None:
        return "well" if estimate.breach is False else "no reference"
    bad = written.bad_side(key)
    low, high = estimate.low, estimate.high
    worse = (bad == "low" and high is not None and high < against) or (bad == "high" and low is not None and low > against)
    if worse and estimate.floor is not None and estimate.reference is not None:
        worse = abs(estimate.value - against) >= abs(estimate.reference - estimate.floor) / 3
    return "worse" if worse else "well"


def levels(frame: Frame, log: Quality, source: Basis, key: str, slice_: str | None = None) -> list[tuple[str, Level]]:
    """Window -> how it stands, the shortest first: a fast fall is bad on the left, a slow decay on the right.

    A window that is longer than the log says nothing of its own: without a mark of its own a young log would look like a slow decay.
    """
    out: list[tuple[str, Level]] = []
    for window in windows(frame, log.name):
        against = base(frame, log, source, window, key, slice_)
        estimate = value_of(told(frame, log, source, window, slice_), key)
        found = level(estimate, key, against[0] if against else None)
        out.append((window, "young" if found not in {"no value", "breach"} and is_young(frame, log, source, window, slice_) else found))
    return out


def is_young(frame: Frame, log: Quality, source: Basis, window: str, slice_: str | None = None) -> bool:
    """All rows that there are were in a shorter window already."""
    whole = told(frame, log, source, "all", slice_)
    own = [one for one in windows(frame, log.name) if length_s(one) < _LONGEST["deploy"]]
    if whole is None or not whole.n or window not in own[1:]:
        return False
    shorter = told(frame, log, source, own[own.index(window) - 1], slice_)
    return shorter is not None and shorter.n == whole.n


def step(names: Sequence[str], now: str | None, by: int) -> str | None:
    """The neighbour of `now` in a ring of names."""
    if not names:
        return None
    return names[(names.index(now) + by) % len(names)] if now in names else names[0 if by > 0 else -1]
