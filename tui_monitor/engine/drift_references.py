"""References that are configured: read from files and asked of Prometheus, and offered to the judges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_monitor.collect.columns import read_columns
from tui_monitor.collect.promql import instances
from tui_monitor.collect.reference import reference_rows
from tui_monitor.collect.table import TableError
from tui_monitor.config import PredictionSettings, ReferenceSettings, Settings
from tui_monitor.engine.drift_past import ASK_AGAIN_S, PastQuestions, Question, said_past
from tui_monitor.model import clean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tui_monitor.analyse.drift.given import Made
    from tui_monitor.analyse.drift.room import DriftRoom
    from tui_monitor.analyse.drift.saved import Intake
    from tui_monitor.engine.drift_logs import DriftLogs

MOST_TRIES = 12
WHOLE = 0.9  # of a past time: where less is known, that is told


class References:
    """Everything that is to be judged against something given. Used in the judges' thread."""

    def __init__(self, settings: Settings, host: str, note: Callable[..., None]) -> None:
        self._settings, self._host, self._note = settings, host, note
        self._asked: dict[tuple[str, str], tuple[float, int]] = {}  # (target, signal) -> when the last answer came, and how many
        self._pending: dict[tuple[str, str], Question] = {}  # of these the answer is to come
        self._done: set[tuple[str, str]] = set()
        self.questions = PastQuestions()

    def renewed(self, settings: Settings) -> None:
        """Other references."""
        self._settings = settings
        self._asked.clear()
        self._pending.clear()
        self._done.clear()
        self.questions.renew()

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
        sliced = logged.with_errors(rows, log)
        room.carry(log, lambda carried: carried.given(f"file {name}", sliced, len(rows)))
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
        sliced: dict[str, tuple[NDArray[Any], NDArray[np.bool_]]] = {}
        for column, values in read.columns.items():
            if column in (log.columns.id, log.columns.label):
                continue
            if column == log.columns.prediction and log.task != "regression" and values.dtype != object:
                values = np.asarray([None if value != value else f"{value:.12g}" for value in values], dtype=object)  # noqa: PLR0124, PLW2901
            there = there_of(values)
            sliced[column] = values[there], there
            if column in wanted and column != log.columns.version:
                self._offer(room, log.name, column, of_values(values[there], read.at_s[there] if read.at_s is not None else None, name))
        room.carry(log, lambda carried: carried.given(name, sliced, read.rows))
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

    def ask_past(self, target: str, url: str, signal: str, now_s: float) -> None:
        """Have it asked what a past time counted, at most every some minutes; what comes is for `take_past`.

        Args:
            target: the server's name.
            url: of its page, by which the Prometheus knows it.
            signal: a histogram's family, or `family{label}` of a class counter.
            now_s: the time.
        """
        key, one = (target, signal), self.wanted(target, signal)
        asked_s, tries = self._asked.get(key, (-ASK_AGAIN_S, 0))
        if one is None or key in self._pending or now_s - asked_s < ASK_AGAIN_S or tries >= MOST_TRIES:
            return
        server = next((server for server in self._settings.prometheus if server.name == one.prometheus), None)
        if server is None:
            return
        question = Question(target, signal, instances(url, self._host), one, server, now_s, tries)
        if self.questions.put(question):
            self._pending[key] = question

    def take_past(self, room: DriftRoom, now_s: float) -> None:
        """Offer what came to the judges. What was asked before a reload, or of a target that is forgotten, is left out."""
        for question, made, said, known in self.questions.took():
            key = (question.target, question.signal)
            if self._pending.get(key) is not question:
                continue
            del self._pending[key]
            self._asked[key] = now_s, question.tries + 1
            if made is not None and made.bins is not None and made.reference is not None:
                self._done.add(key)
                intake: Intake = "categories" if made.bins.kind == "category" else "histogram"
                if not (why := room.offer(*key, made.bins, made.reference, intake)):
                    rows = f"{made.reference.rows:,.0f} rows" + (f" of the {known:.0%} of that time that it knows" if known < WHOLE else "")
                    self._note(f"{question.target}: {question.signal} is judged against {said_past(question.one)}: {rows}")
                    continue
            else:
                why = made.why if made is not None else said
            room.not_given(*key, clean(why, 120))
            if question.tries == 0:
                past = f"the past of {question.signal} from {question.one.prometheus}"
                self._note(f"{question.target}: {past}: {clean(why, 160)}; it is learned", "warning")

    def forget(self, target: str) -> None:
        """A target that is gone for long: when it comes back, it is asked for anew."""
        for kept in (self._asked, self._pending):
            for key in [key for key in kept if key[0] == target]:
                del kept[key]
        self._done = {key for key in self._done if key[0] != target}
