"""References that are configured: read from files and asked of Prometheus, in threads, and offered to the judges."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui_monitor.collect.columns import read_columns
from tui_monitor.collect.credentials import CredentialError
from tui_monitor.collect.promql import instances
from tui_monitor.collect.reference import reference_rows
from tui_monitor.collect.table import TableError
from tui_monitor.config import PredictionSettings, PrometheusSettings, ReferenceSettings, Settings, past_of
from tui_monitor.model import clean

if TYPE_CHECKING:
    from tui_monitor.analyse.drift.given import Made
    from tui_monitor.analyse.drift.room import DriftRoom
    from tui_monitor.analyse.drift.saved import Intake
    from tui_monitor.engine.drift_logs import DriftLogs

ASK_AGAIN_S = 300.0
MOST_TRIES = 12
WHOLE = 0.9  # of a past time: where less is known, that is told
OF_THE_QUESTION = ("empty", "too_large", "bad_status")  # failures that other questions to the same server need not have


class References:
    """Everything that is to be judged against something given. Used in the judges' thread."""

    def __init__(self, settings: Settings, host: str, note: Callable[..., None]) -> None:
        self._settings, self._host, self._note = settings, host, note
        self._asked: dict[tuple[str, str], tuple[float, int]] = {}  # (target, signal) -> when it was asked last, and how often
        self._silent: dict[
            str, tuple[float, str]
        ] = {}  # Prometheus -> when it did not answer, and why: it is not asked for the others then
        self._done: set[tuple[str, str]] = set()

    def renewed(self, settings: Settings) -> None:
        """Other references."""
        self._settings = settings
        self._asked.clear()
        self._silent.clear()
        self._done.clear()

    # -- files ------------------------------------------------------------------------------------------------------------------------------

    def offer_files(self, room: DriftRoom, logs: DriftLogs) -> None:
        """References and expectations of every log. What cannot be read is told, and learned instead."""
        for log in self._settings.predictions:
            given = [one for one in self._settings.drift.references if one.source == log.name and one.file]
            if log.expectations:
                self._expectations(log, logs)
            if log.reference and not any(not one.signal for one in given):
                self._of_log(room, logs, log)
            elif not log.expectations and not given and (known := room.expectations.get(log.name)):
                logs.expect(log.name, known)
            for one in given:
                self._of_file(room, logs, log, one)
        named = {log.name for log in self._settings.predictions}
        for one in self._settings.drift.references:
            if one.file and one.source not in named:
                self._note(f"drift: the reference {one.file} is of {one.source!r}, which is no [[predictions]]", "warning")

    def _expectations(self, log: PredictionSettings, logs: DriftLogs) -> None:
        from tui_monitor.analyse.drift.expectations_file import ExpectationsError, read

        try:
            logs.expect(log.name, [one for one in read(log.expectations) if one.column not in log.private])
        except ExpectationsError as error:
            self._note(f"{log.name}: its expectations: {clean(error, 200)}", "warning")

    def _of_log(self, room: DriftRoom, logs: DriftLogs, log: PredictionSettings) -> None:
        """The labelled reference of a log: its columns, and how often it is wrong where all is well."""
        import numpy as np

        from tui_monitor.analyse.drift import expectations, logged
        from tui_monitor.analyse.drift.given import of_values

        rows, why = reference_rows(log)
        if not rows:
            if why:
                self._note(f"{log.name}: nothing to judge drift against: {clean(why)}; it is learned", "warning")
            return
        name = Path(log.reference).name
        at_s = np.asarray([row.at_s for row in rows])
        for column, (_, values, there) in logged.columns_of(rows, log).items():
            self._offer(room, log.name, column, of_values(values, at_s[there], f"file {name}"))
        labelled = [row for row in rows if row.label is not None and row.prediction is not None]
        pairs = [(row.prediction, row.label) for row in labelled if row.prediction is not None and row.label is not None]
        times = np.asarray([row.at_s for row in labelled])
        for column, (_, values, there) in logged.errors_of(pairs, log).items():
            self._offer(room, log.name, column, of_values(values, times if there.size == times.size else None, f"file {name}"))
        logs.labelled(log.name, rows, f"file {name}")
        room.reference_file(log.name, f"file {name}")
        if not log.expectations:
            columns = logged.plain_columns(rows, log)
            logs.expect(log.name, expectations.learned(columns), columns)

    def _of_file(self, room: DriftRoom, logs: DriftLogs, log: PredictionSettings, one: ReferenceSettings) -> None:
        """Any file with some of the columns, such as that of the training."""
        import numpy as np

        from tui_monitor.analyse.drift import expectations
        from tui_monitor.analyse.drift.given import of_values
        from tui_monitor.analyse.drift.logged import there_of

        name = f"file {Path(one.file).name}"
        try:
            read = read_columns(one.file, log.private, log.columns.time)
        except (TableError, OSError, ValueError) as error:
            self._note(f"{log.name}: its reference: {clean(error, 200)}; it is learned", "warning")
            return
        if read.more:
            self._note(f"{log.name}: only the first {read.rows:,} rows of {name} are its reference")
        wanted = [column for column in read.columns if column == one.signal or not one.signal]
        if not wanted:
            have = ", ".join(list(read.columns)[:8]) or "none"
            self._note(f"{log.name}: {name} has no column {one.signal!r} (it has {clean(have, 120)}); it is learned", "warning")
            return
        for column in wanted:
            if column in (log.columns.id, log.columns.label, log.columns.version):
                continue
            values = read.columns[column]
            if column == log.columns.prediction and log.task != "regression" and values.dtype != object:
                values = np.asarray([None if value != value else f"{value:.12g}" for value in values], dtype=object)  # noqa: PLR0124
            there = there_of(values)
            at_s = read.at_s[there] if read.at_s is not None else None
            self._offer(room, log.name, column, of_values(values[there], at_s, name))
        if not one.signal:
            room.reference_file(log.name, name)
            if not log.expectations:
                logs.expect(log.name, expectations.learned(read.columns), read.columns)

    def _offer(self, room: DriftRoom, source: str, signal: str, made: Made) -> None:
        if made.bins is None or made.reference is None:
            room.not_given(source, signal, made.why)
        elif why := room.offer(source, signal, made.bins, made.reference, timed=made.timed):
            self._note(f"{source}: {clean(why)}", "warning")

    # -- Prometheus -------------------------------------------------------------------------------------------------------------------------

    def wanted(self, target: str, signal: str) -> ReferenceSettings | None:
        """The past that a signal of a server is to be judged against, while that has not been asked for with success.

        A class counter is called `family{label}`; its family alone names it too. What names a signal comes before what is for all.
        """
        if (target, signal) in self._done:
            return None
        mine = [one for one in self._settings.drift.references if one.prometheus and one.source == target]
        names = (signal, signal.partition("{")[0], "")
        return next((one for name in names for one in mine if one.signal == name), None)

    def ask_past(self, room: DriftRoom, target: str, url: str, signal: str, now_s: float) -> None:
        """Ask for what a past time counted, at most every some minutes. Blocks.

        Args:
            room: that takes it.
            target: the server's name.
            url: of its page, by which the Prometheus knows it.
            signal: a histogram's family, or `family{label}` of a class counter.
            now_s: the time.
        """
        one = self.wanted(target, signal)
        asked_s, tries = self._asked.get((target, signal), (-ASK_AGAIN_S, 0))
        if one is None or now_s - asked_s < ASK_AGAIN_S or tries >= MOST_TRIES:
            return
        server = next((server for server in self._settings.prometheus if server.name == one.prometheus), None)
        if server is None:
            return
        self._asked[target, signal] = now_s, tries + 1
        silent_s, said = self._silent.get(server.name, (-ASK_AGAIN_S, ""))
        if now_s - silent_s >= ASK_AGAIN_S:
            made, said, known = self._past(server, one, instances(url, self._host), signal, now_s)
            if made is not None and made.bins is not None and made.reference is not None:
                self._done.add((target, signal))
                intake: Intake = "categories" if made.bins.kind == "category" else "histogram"
                if not (said := room.offer(target, signal, made.bins, made.reference, intake)):
                    rows = f"{made.reference.rows:,.0f} rows" + (f" of the {known:.0%} of that time that it knows" if known < WHOLE else "")
                    self._note(f"{target}: {signal} is judged against {_said_past(one)}: {rows}")
                    return
            elif made is not None:
                said = made.why
        room.not_given(target, signal, clean(said, 120))
        if tries == 0:
            self._note(f"{target}: the past of {signal} from {one.prometheus}: {clean(said, 160)}; it is learned", "warning")

    def _past(
        self, server: PrometheusSettings, one: ReferenceSettings, instance: str, signal: str, now_s: float
    ) -> tuple[Made | None, str, float]:
        """A reference of the past or why there is none, and the share of that time that is known."""
        from tui_monitor.analyse.drift.given import of_buckets, of_categories
        from tui_monitor.collect.past_counts import past_buckets, past_categories
        from tui_monitor.collect.prometheus import RangeFailure

        start_s, end_s = past_of(one.past)
        if now_s < end_s:
            return None, "that time is not over", 0.0
        family, _, label = signal.removesuffix("}").partition("{")
        try:
            if label:
                said = past_categories(server, family, label, instance, start_s, end_s, one.query)
                return of_categories(said.names, said.at_s, said.slots, _said_past(one)), "", said.known
            past = past_buckets(server, family, instance, start_s, end_s, one.query)
            return of_buckets(past.edges, past.at_s, past.slots, _said_past(one), past.amount), "", past.known
        except RangeFailure as error:
            if error.failure.kind not in OF_THE_QUESTION:
                self._silent[server.name] = now_s, error.failure.message
            return None, error.failure.message, 0.0
        except CredentialError as error:
            return None, str(error), 0.0
        except Exception as error:  # noqa: BLE001 - the border of a source: what a foreign library raises on a foreign answer
            return None, type(error).__name__, 0.0


def _said_past(one: ReferenceSettings) -> str:
    start_s, end_s = past_of(one.past)
    begins, ends = (time.strftime("%d %b %H:%M", time.gmtime(moment)) for moment in (start_s, end_s))
    return f"{begins} to {ends} UTC from {one.prometheus}"
