"""Prediction logs as signals: rows become columns in the thread that judges quality, and wait there for the judges of drift."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.expectations import Expectation
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.logged import Came, Column, LogSignals, name_of, transform_of
from tui_monitor.analyse.drift.residual import BINS
from tui_monitor.config import PredictionSettings, Settings
from tui_monitor.model import LogRow, LogRows, clean
from tui_monitor.vocabulary import seconds

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.carried_rows import Carried
    from tui_monitor.analyse.drift.room import DriftRoom

MOST_WAITING = 512  # looks at logs that wait for the judges; beyond, the oldest are left out and told
BEHIND_S = 120.0  # rows this much older than now are of the past: they are judged at their own times
MOST_SLOTS = 240  # of the past, in one look


class DriftLogs:
    """All `[[predictions]]`. `came` is called in one thread, `feed` in another."""

    def __init__(self, settings: Settings, note: Callable[..., None], importances: Mapping[str, float] | None = None) -> None:
        """`importances`: those of `importance_file`."""
        self._note = note
        self._every_s, self._learn_s = seconds(settings.drift.every), seconds(settings.drift.learn)
        self._own = threading.Lock()
        self._came: deque[tuple[str, Came]] = deque()
        self._lost = 0
        self._importances = settings.drift.importance, importances or {}
        self._logs = {one.name: self._begun(one) for one in settings.predictions}
        self._new = set(self._logs)  # logs for which nothing was taken up yet that an earlier engine learned
        self._fresh: dict[str, list[Expectation]] = {}
        self._last: dict[str, tuple[float, float]] = {}  # log that is behind -> (when its last rows came, their newest time)

    def settings_changed(self, settings: Settings, importances: Mapping[str, float] | None = None) -> None:
        """Logs that are new or have other settings begin anew; the others go on, and what they are still to learn they learn by the new ones."""
        with self._own:
            self._every_s, self._learn_s = seconds(settings.drift.every), seconds(settings.drift.learn)
            self._importances = settings.drift.importance, importances or {}
            before = self._logs
            self._logs = {
                one.name: known if (known := self._logs.get(one.name)) is not None and known.settings == one else self._begun(one)
                for one in settings.predictions
            }
            for name, known in self._logs.items():
                known.renew(self._learn_s, self._first(name))
            self._new |= {name for name, known in self._logs.items() if before.get(name) is not known}

    def _begun(self, one: PredictionSettings) -> LogSignals:
        return LogSignals(one, self._learn_s, first=self._first(one.name))

    def _first(self, log: str) -> list[str]:
        """Columns that matter for the model, the most important first. What the configuration says comes before its file, as in the budget."""
        own, weights = f"{log}/", dict[str, float]()
        for known in reversed(self._importances):
            weights |= {name: weight for name, weight in known.items() if not name.startswith(own)}
            weights |= {name.removeprefix(own): weight for name, weight in known.items() if name.startswith(own)}
        return sorted(weights, key=lambda name: -weights[name])

    @property
    def names(self) -> set[str]:
        """Of the logs that there are."""
        return set(self._logs)

    def expect(self, log: str, found: Sequence[Expectation], columns: dict[str, Any] | None = None) -> None:
        """Expectations that are given, or were learned from a reference (then with its columns)."""
        with self._own:
            known = self._logs.get(log)
            if known is not None:
                known.expect(found, columns)

    def labelled(self, log: str, rows: Sequence[LogRow], origin: str) -> None:
        """Reference rows that tell which errors are usual of which inputs; too few of them tell nothing, then that is learned."""
        with self._own:
            known = self._logs.get(log)
            made = transform_of(rows, known.settings, origin, self._first(log)) if known is not None else None
            if known is not None and made is not None:
                known.residuals.adopt(made)

    def came(self, log: str, rows: LogRows, now_s: float, also: dict[str, Column] | None = None) -> None:
        """New rows, with more columns of them that were made elsewhere. What takes time happens here, in the caller's thread."""
        with self._own:
            known = self._logs.get(log)
            if known is None or not (rows.rows or rows.labels):
                return
            came = known.take(rows, now_s)
            if also and came.at_s.size == len(rows.rows):
                came = came._replace(columns=came.columns | also)
            if known.learned_anew:
                known.learned_anew = False
                self._fresh[log] = known.expected
            self._came.append((log, came))
            if len(self._came) > MOST_WAITING:
                self._came.popleft()
                self._lost += 1
        for line in came.notes:
            self._note(clean(line), "warning")

    def feed(self, room: DriftRoom, now_s: float) -> None:
        """Everything that waits, to the judges."""
        with self._own:
            self._take_up(room)
            waiting, lost, self._lost = list(self._came), self._lost, 0
            self._came.clear()
            fresh, self._fresh = self._fresh, {}
        room.expectations |= fresh
        if lost:
            self._note(f"drift: {lost} looks at prediction logs were left out: the judges are too slow", "warning")
        for log, came in waiting:
            self._feed(room, log, came, now_s)
        with self._own:
            for log, known in self._logs.items():
                known.residuals.drifting = room.drifts(log, known.residuals.name)
        for log, (at_s, newest_s) in list(self._last.items()):
            if now_s - at_s > BEHIND_S / 4 and not any(log == name for name, _ in waiting):  # its end: nothing more is to come
                room.catch_up(log, newest_s + self._every_s)
                room.caught_up(log)
                del self._last[log]

    def _take_up(self, room: DriftRoom) -> None:
        """What an earlier engine learned of the errors of a log; what was given is given again, and comes before it."""
        for log in self._new & set(self._logs):
            known, saved = self._logs[log], room.residuals.get(log)
            if saved is None or known.residuals.made is not None:
                continue
            if not saved.given and saved.name == name_of(known.settings) and not set(saved.columns) & set(known.settings.private):
                known.residuals.adopt(saved)
        self._new.clear()

    def _errors_of_inputs(self, room: DriftRoom, log: str, came: Came) -> None:
        """A transform that is not the one before has a signal that is not the one before."""
        made = came.transform
        if came.ended or (made is not None and made != room.residuals.get(log)):
            room.drop(log, came.residual)
            room.residuals.pop(log, None)
        if made is not None:
            room.residuals[log] = made
            room.offer(log, made.name, BINS, made.reference, brief=not made.given and not made.day)

    def _feed(self, room: DriftRoom, log: str, came: Came, now_s: float) -> None:
        if came.before is not None:
            every = np.arange(came.at_s.size)
            self._rows(room, log, came, every < came.before, now_s)
            if learned := room.deployed(log, came.version, float(came.at_s[min(came.before, came.at_s.size - 1)]), logs=True):
                self._note(f"{log}: version {clean(came.version, 40)} serves: {learned} signals learn anew what is usual")
            self._rows(room, log, came, every >= came.before, now_s)
        else:
            self._rows(room, log, came, np.ones(came.at_s.size, np.bool_), now_s)
        self._errors_of_inputs(room, log, came)
        if came.late:
            room.rows(log, came.late_at_s, came.late)
            self._sort(room, log, lambda carried: carried.labelled(came.late_at_s, came.late, came.late_numbers))
        for one in came.counted:
            at_s = float(came.at_s.max()) if came.at_s.size else now_s
            if one.counts[0] or room.has(log, one.signal):
                room.counted(log, at_s, one.signal, "quality", one.labels, one.counts, one.usual)

    def _rows(self, room: DriftRoom, log: str, came: Came, chosen: np.ndarray[Any, np.dtype[np.bool_]], now_s: float) -> None:
        """Rows of now wait for the next check; those of the past are checked as if time passed."""
        if not chosen.any():
            return
        at_s, numbers = came.at_s[chosen], came.numbers[chosen]
        columns = came.columns if came.versions is None else {self._version_of(log): came.versions} | came.columns
        columns = columns if chosen.all() else _only(columns, chosen)
        newest_s = float(at_s.max())
        if newest_s >= now_s - BEHIND_S:
            room.caught_up(log)
            self._last.pop(log, None)
            self._take(room, log, at_s, columns, numbers)
            return
        self._last[log] = (now_s, newest_s)
        slot = np.floor(at_s / self._every_s).astype(np.int64)
        first, last = int(slot.min()), int(slot.max())
        if last - first >= MOST_SLOTS:  # coarser: a past of months in one look
            slot = first + (slot - first) * MOST_SLOTS // (last - first + 1) * ((last - first + 1) // MOST_SLOTS)
        for one in np.unique(slot):
            part = slot == one
            room.catch_up(log, float(one) * self._every_s)  # what waits is of before
            self._take(room, log, at_s[part], columns if part.all() else _only(columns, part), numbers[part])

    def _take(self, room: DriftRoom, log: str, at_s: Floats, columns: dict[str, Column], numbers: NDArray[np.int64]) -> None:
        """Rows for the judges, and for the slices: those know the version of each too."""
        room.rows(log, at_s, {name: one for name, one in columns.items() if one[0] != "version"})
        self._sort(room, log, lambda carried: carried.rows(at_s, columns, numbers))

    def _sort(self, room: DriftRoom, log: str, work: Callable[[Carried], None]) -> None:
        known = self._logs.get(log)
        if known is not None:
            room.carry(known.settings, work)

    def _version_of(self, log: str) -> str:
        known = self._logs.get(log)
        return known.settings.columns.version if known is not None else "version"


def _only(columns: dict[str, Column], chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Column]:
    return {name: (role, values[chosen[there]], there[chosen]) for name, (role, values, there) in columns.items()}
