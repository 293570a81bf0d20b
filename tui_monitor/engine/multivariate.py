"""Rows of prediction logs as a whole: fits and numbers beside the signals of single columns, what takes long in threads, and scorers.

What numpy does (`pca`, `mahalanobis`, `robust_z`) happens with the rows, in the thread that brings them. What scikit-learn does happens every
`multivariate_every` in a thread of its own; scorers run beside, each at its own pace. All numbers end in the room of drift signals.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from tui_monitor.alerts.outward.channels import secret_variables
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import DriftSettings, PredictionSettings, Settings
from tui_monitor.engine.scorers import Scored, Scorers
from tui_monitor.model import Drift, LogRows, Part, clean
from tui_monitor.vocabulary import seconds

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.multivariate.slow import Found, SlowJudges
    from tui_monitor.analyse.drift.multivariate.streams import Streams
    from tui_monitor.analyse.drift.multivariate.whole import WholeRows
    from tui_monitor.analyse.drift.room import DriftRoom

SLOW = ("classifier", "isolation_forest", "one_class_svm")
KEPT_ROWS = 10_000  # of a log, where somebody wants rows
SLOW_WITHIN_S = 120.0  # a look of the slow judges; what takes longer is given up
FIRST_LOOK_S = 60.0
SAVED_AS = 1
MOST_ACTS = 10_000  # that wait for the room: it takes them with every frame

Act = Callable[["DriftRoom"], object]
Column = tuple[str, Any, Any]  # role, values of the rows that have one, which rows those are


class Saved(Struct, frozen=True):
    """The room of signals and the fits behind some of them."""

    version: int
    room: bytes
    rows: dict[str, bytes]


class Multivariate:
    """All logs. `rows_came` is for the thread of the judges of quality, everything else for the loop."""

    def __init__(self, settings: Settings, note: Callable[..., None]) -> None:
        """Nothing is loaded before the first rows."""
        self._settings, self._note = settings, note
        self._drift = settings.drift
        self._predictions = {one.name: one for one in settings.predictions}
        self._logs: dict[str, WholeRows] = {}
        self._slow: dict[str, SlowJudges] = {}
        self._streams: dict[str, Streams] = {}
        self._saved: dict[str, bytes] = {}
        self._worker: Worker[list[Found]] = Worker("drift-rows")
        self._acts: deque[Act] = deque(maxlen=MOST_ACTS)  # from other threads, for the room
        self._failed: dict[str, str] = {}
        self._own = threading.Lock()  # of the judges of single logs: rows come in one thread, settings in another
        self._started = False
        self._looking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()  # what concerns the slow looks
        self._scorers = Scorers(settings, note, secret_variables(settings))

    # -- life -----------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the slow looks and the scorers, where any are configured."""
        self._started = True
        self._look_slowly_where_wanted()
        self._scorers.start()

    async def stop(self) -> None:
        """No more looks."""
        self._started = False
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._scorers.stop()

    async def reload(self, settings: Settings) -> None:
        """Other prediction logs, judges and scorers. What no change concerns goes on with what it learned."""
        before = self._drift
        await Worker[None]("drift-rows-reload").run(lambda: self._renew(settings), None)  # files are read; rows may be judged now
        if any(getattr(before, name) != getattr(self._drift, name) for name in ("multivariate", "multivariate_every", "classifier")):
            self._changed.set()
        self._look_slowly_where_wanted()
        if not self._scorers.same(settings):
            await self._scorers.stop()
            self._scorers = Scorers(settings, self._note, secret_variables(settings))
            self._scorers.start()

    def _renew(self, settings: Settings) -> None:
        with self._own:
            known = {one.name: one for one in settings.predictions}
            for log in [log for log in self._logs if known.get(log) != self._predictions.get(log)]:
                for kept in (self._logs, self._slow, self._streams, self._saved, self._failed):
                    kept.pop(log, None)
            before, drift = self._drift, settings.drift
            self._settings, self._predictions, self._drift = settings, known, drift
            for log, whole in self._logs.items():
                self._drop(log, set(before.multivariate) - set(drift.multivariate))
                fits = whole.fits
                whole.renew(drift.multivariate, seconds(drift.learn), keep=_kept_rows(drift))
                if whole.needs_file:
                    self._of_file(known[log], whole)
                anew = whole.fits is not fits  # the file is another one
                if anew or before.classifier != drift.classifier or set(_slow(before)) != set(_slow(drift)):
                    self._judge_slowly(log, None if anew else self._slow.get(log))
                if anew or before.early != drift.early:
                    self._chart(known[log])

    # -- rows -----------------------------------------------------------------------------------------------------------------------------

    def rows_came(self, log: str, rows: LogRows) -> dict[str, Column]:
        """New rows of a log; returns the columns that they get. What must be done to the room before waits for `hand_over`."""
        with self._own:
            settings = self._predictions.get(log)
            if settings is None:
                return {}
            self._scorers.rows_came(log, rows.rows)
            whole = self._logs.get(log) or self._begin(settings)
            learned = set(whole.fits)
            found: dict[str, Column] = {one.signal: ("input", one.values[one.told], one.told) for one in whole.add(rows.rows)}
            self._drop(log, whole.fits.keys() - learned)
            if log in self._streams:
                self._streams[log].add(rows, whole)
            return found

    def _drop(self, log: str, methods: Iterable[str]) -> None:
        """Another fit than that of before, or of an older engine, whose signals may have come back: they learn anew, or are no more."""
        signals = [_signal(method) for method in methods]
        if not signals:
            return

        def drop(room: DriftRoom) -> None:
            for signal in signals:
                room.drop(log, signal)

        self._acts.append(drop)

    def _begin(self, settings: PredictionSettings) -> WholeRows:
        from tui_monitor.analyse.drift.multivariate.methods import METHODS
        from tui_monitor.analyse.drift.multivariate.whole import SavedRows, WholeRows

        log, wanted = settings.name, self._drift.multivariate
        whole = WholeRows(log, wanted, seconds(self._drift.learn), keep=_kept_rows(self._drift))
        self._drop(log, {*METHODS, *SLOW} - set(wanted))  # an older engine may have been told otherwise
        if saved := self._saved.get(log):
            try:
                whole.load(msgspec.msgpack.decode(saved, type=SavedRows))
            except (msgspec.DecodeError, msgspec.ValidationError):
                self._note(f"{log}: how its rows go together is learned anew: what was saved cannot be read", "warning")
        if settings.reference:
            self._of_file(settings, whole)
        self._judge_slowly(log, None)
        self._chart(settings)
        self._logs[log] = whole  # from now on it is seen by the loop
        return whole

    def _of_file(self, settings: PredictionSettings, whole: WholeRows) -> None:
        """What the reference of a log teaches; what was learned of the same one before stays."""
        from tui_monitor.collect.reference import reference_rows

        rows, _ = reference_rows(settings)  # what is wrong with it is told by who else reads it
        if not rows:
            return
        log, fits, known = settings.name, whole.fits, set(whole.fits)
        given = whole.given(rows, f"{settings.reference}, {len(rows)} rows")
        anew = whole.fits is not fits
        self._drop(log, [name for name in self._drift.multivariate if name not in SLOW] if anew else whole.fits.keys() - known)
        for one in given:
            self._acts.append(lambda room, one=one: room.give(log, one.signal, "input", one.bins, one.reference))  # type: ignore[misc]

    def _judge_slowly(self, log: str, before: SlowJudges | None) -> None:
        from tui_monitor.analyse.drift.multivariate.slow import SlowJudges

        self._slow.pop(log, None)
        if slow := _slow(self._drift):
            model = self._drift.classifier
            self._slow[log] = before.renewed(slow, model) if before is not None else SlowJudges(log, slow, model)

    def _chart(self, settings: PredictionSettings) -> None:
        from tui_monitor.analyse.drift.multivariate.streams import Streams

        self._streams.pop(settings.name, None)
        if self._drift.early:
            self._streams[settings.name] = Streams(self._drift.early, settings.task)

    # -- slow looks -----------------------------------------------------------------------------------------------------------------------

    def _look_slowly_where_wanted(self) -> None:
        if self._started and _slow(self._drift) and self._predictions and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look_slowly())

    async def _look_slowly(self) -> None:
        """Until nobody wants it any more; after a change soon again."""
        wait_s = min(FIRST_LOOK_S, seconds(self._drift.multivariate_every))
        while _slow(self._drift):
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            every_s = seconds(self._drift.multivariate_every)
            if self._changed.is_set():
                self._changed.clear()
                wait_s = min(FIRST_LOOK_S, every_s)
                continue
            looked = False
            for log, judges in list(self._slow.items()):
                whole = self._logs.get(log)
                if whole is None or not judges.ready(whole):
                    continue
                looked = True
                await self._one_look(log, judges, whole)
            wait_s = every_s if looked else min(FIRST_LOOK_S, every_s)

    async def _one_look(self, log: str, judges: SlowJudges, whole: WholeRows) -> None:
        try:
            found = await self._worker.run(lambda: judges.look(whole), SLOW_WITHIN_S)
        except (Busy, TimeoutError):
            self._fail(log, f"not done within {SLOW_WITHIN_S:.0f} s")
        except Exception as error:  # noqa: BLE001 - scikit-learn's border: said once, tried again at the next look
            self._fail(log, clean(f"{type(error).__name__}: {error}", 160))
        else:
            self._failed.pop(log, None)
            now = self._slow.get(log)
            if now is None or now.fits is not judges.fits:  # they began anew meanwhile
                return
            for one in [one for one in found if one.signal in now.signals]:
                self._acts.append(lambda room, one=one: _take(room, one))  # type: ignore[misc]

    def _fail(self, log: str, why: str) -> None:
        if self._failed.get(log) != why:
            self._note(f"{log}: its rows as a whole were not judged: {why}", "warning")
        self._failed[log] = why

    # -- out ------------------------------------------------------------------------------------------------------------------------------

    def hand_over(self, room: DriftRoom) -> None:
        """What was found since, into the room."""
        while self._acts:
            self._acts.popleft()(room)
        while self._scorers.came:
            self._scored(room, self._scorers.came.popleft())

    @staticmethod
    def _scored(room: DriftRoom, scored: Scored) -> None:
        import numpy as np

        values = np.asarray(scored.values)
        told = np.isfinite(values)
        room.rows(scored.log, np.asarray(scored.at_s), {scored.name: ("quality", values[told], told)})

    def told(self, verdicts: list[Drift], now_s: float | None = None) -> list[Drift]:
        """The verdicts with what is known of whole rows: sentences, amber charts, and lines of those that cannot judge."""
        at_s = time.time() if now_s is None else now_s
        told = self._scorers.told([self._worded(one, at_s) for one in verdicts])
        there = {(one.source, one.signal) for one in told}
        return told + [one for one in self._lines(told, at_s) if (one.source, one.signal) not in there]

    def _worded(self, one: Drift, now_s: float) -> Drift:
        streams, whole = self._streams.get(one.source), self._logs.get(one.source)
        if streams is not None and (out := streams.out(one.role, one.signal, now_s)):
            one = msgspec.structs.replace(one, early=[*one.early, *out])
        if whole is None or one.state not in ("drift", "watch") or one.since is None:
            return one
        from tui_monitor.analyse.drift.multivariate import methods, slow
        from tui_monitor.analyse.drift.sentence import clock

        since = clock(one.since.timestamp(), now_s)
        for method, signal in methods.SIGNALS.items():
            if signal == one.signal and (found := whole.rise(method)) is not None:
                parts = [Part(clean(name, 60), was, now) for name, was, now in found.parts]
                return msgspec.structs.replace(one, sentence=clean(methods.said(method, since, found), 300), parts=parts)
        if (
            one.signal in slow.SHARES.values()
            and (share := next((part.now for part in one.parts if part.name == "unusual"), None)) is not None
        ):
            return msgspec.structs.replace(one, sentence=slow.said(since, share))
        return one

    def _lines(self, told: list[Drift], now_s: float) -> list[Drift]:
        found: list[Drift] = []
        for log, whole in list(self._logs.items()):
            if (progress := whole.progress) is not None:
                rows, needed = progress
                text = f"learning how columns go together: {rows} of {needed} rows."
                found += [
                    line(log, _signal(one), "learning", text, progress=min(1.0, rows / needed))
                    for one in self._drift.multivariate
                    if one not in SLOW and one not in whole.fits and one not in whole.why_not
                ]
            found += [line(log, _signal(method), "blind", why) for method, why in list(whole.why_not.items())]
            if (judges := self._slow.get(log)) is not None:
                found += [line(log, name, "blind", why) for name, why in judges.why_not(whole).items()]
                found += judges.told
            if (streams := self._streams.get(log)) is not None:
                found += [line(log, name, "blind", why) for name, why in streams.why_not.items()]
                performance = any(one.source == log and one.role == "performance" for one in told)
                if not performance and (out := streams.errors_out(now_s)):
                    found.append(
                        line(
                            log, "errors", "watch", f"early charts of its errors are out: {', '.join(out)}.", role="performance", early=out
                        )
                    )
        return found

    # -- over a restart -------------------------------------------------------------------------------------------------------------------

    def joined(self, room: bytes) -> bytes:
        """The room's state with that of the fits."""
        rows = {log: msgspec.msgpack.encode(saved) for log, whole in list(self._logs.items()) if (saved := whole.dump()) is not None}
        return msgspec.msgpack.encode(Saved(SAVED_AS, room, self._saved | rows))

    def parted(self, saved: bytes) -> bytes:
        """The room's part of what `joined` gave; the other is kept until its log comes."""
        try:
            both = msgspec.msgpack.decode(saved, type=Saved)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return saved  # an older engine saved the room alone
        if both.version != SAVED_AS:
            return both.room
        self._saved = both.rows
        return both.room


def _slow(drift: DriftSettings) -> list[str]:
    return [name for name in drift.multivariate if name in SLOW]


def _kept_rows(drift: DriftSettings) -> int:
    return KEPT_ROWS if _slow(drift) or "half_space_trees" in drift.early else 0


def _take(room: DriftRoom, found: Found) -> None:
    import numpy as np

    if found.given is not None:
        room.give(found.log, found.signal, "input", *found.given)
    elif found.anew:
        room.drop(found.log, found.signal)
    if found.at_s.size:
        room.rows(found.log, found.at_s, {found.signal: ("input", found.words, np.ones(found.at_s.size, np.bool_))})


def line(log: str, signal: str, state: Any, text: str, **more: Any) -> Drift:
    """A line of the Drift pane that no judge stands behind."""
    return Drift(
        **{
            "signal": signal, "source": log, "role": "input", "state": state, "since": None, "test": "", "effect": None, "bound": "=", "p": None,
            "n_reference": 0, "n_now": 0, "evidence": None, "sentence": clean(text, 300), "why": clean(text, 300) if state == "blind" else "",
        } | more
    )  # fmt: skip


def _signal(method: str) -> str:
    from tui_monitor.analyse.drift.multivariate import methods, slow

    return methods.SIGNALS.get(method) or slow.SHARES.get(method, method)
