"""Concept drift apart from data drift, from the rows of a log to the verdict: labels that come late, restarts, versions, a given reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.drift.residual import CLASSES, NUMBERS
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import Columns, DriftSettings, PredictionSettings, Settings
from tui_monitor.engine.drift_logs import DriftLogs
from tui_monitor.engine.drift_references import References
from tui_monitor.model import Drift, LogRow, LogRows

START_S = 1_800_000_000.0
ROWS = 200  # a look
LEARN = 15  # looks until errors are known: 150 s, and 3000 rows
DRIFT = DriftSettings(learn="140s", every="10s")
Truth = Callable[[float, float], float]


class Life:
    """A log whose model is asked for x, z: numbers with an error that grows with x, or classes with a score."""

    def __init__(self, task: str = "regression", saved: bytes | None = None, drift: DriftSettings = DRIFT, **settings: Any) -> None:
        one = PredictionSettings(name="log", task=task, columns=Columns(score="score", version="version"), **settings)
        self.task, self.said = task, list[str]()
        self.room = DriftRoom(drift)
        assert saved is None or self.room.load(saved)
        self.logs = DriftLogs(Settings(predictions=[one], drift=drift), lambda text, _severity="": self.said.append(text))
        self.settings = one
        self.now_s, self.rows = START_S, 0
        self.chance = np.random.default_rng(1)
        self.late: dict[str, str | float] = {}

    def given(self) -> None:
        """The reference that is configured, as the engine gives it."""
        References(Settings(predictions=[self.settings], drift=DRIFT), "here", lambda *_: None).offer_files(self.room, self.logs)

    def row(self, x: float, z: float, truth: Truth, version: str) -> LogRow:
        self.rows += 1
        features: dict[str, float | str | None] = {"x": x, "z": z}
        name, at_s = str(self.rows), self.now_s + 10 * (self.rows % ROWS) / ROWS
        if self.task == "regression":
            label = truth(x, 2 * x + z + 0.3 * x * x + (0.5 + 0.3 * abs(x)) * float(self.chance.normal()))
            return LogRow(name, at_s, 2 * x + z, None, label, features, version=version)
        score = 1 / (1 + np.exp(-2 * x - z))
        chance = truth(x, float(1 / (1 + np.exp(-2 * x - z + 0.3 * x * x))))
        label_of = "1" if self.chance.random() < chance else "0"
        return LogRow(name, at_s, "1" if score > 0.5 else "0", float(score), label_of, features, version=version)

    def run(
        self, looks: int, mean: float = 0.0, spread: float = 1.0, truth: Truth = lambda _, y: y, version: str = "", *, late: bool = False
    ) -> dict[str, Drift]:
        for _ in range(looks):
            x, z = self.chance.normal(mean, spread, ROWS), self.chance.normal(0, 1, ROWS)
            made = [self.row(float(x[i]), float(z[i]), truth, version) for i in range(ROWS)]
            labels, self.late = self.late, {}
            if late:
                self.late = {row.id: row.label for row in made if row.label is not None}
                made = [LogRow(row.id, row.at_s, row.prediction, row.score, None, row.features, version=row.version) for row in made]
            self.now_s += 10
            self.logs.came("log", LogRows(made, labels, {}), self.now_s)
            self.logs.feed(self.room, self.now_s)
            self.room.check(self.now_s)
        return {one.signal: one for one in self.room.verdicts(self.now_s)}


TASKS = {"regression": NUMBERS, "binary": CLASSES}
OTHER_TRUTH: dict[str, Truth] = {"regression": lambda x, y: y - 1.5 if x > 0.8 else y, "binary": lambda _, p: 1 - p}
MIX = {"regression": {"mean": 1.5, "spread": 0.5}, "binary": {"mean": 0.0, "spread": 0.25}}
"""Where the model errs more than elsewhere."""


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_a_mix_that_moves_is_data_drift_and_a_truth_that_moves_is_concept_drift(task: str, late: bool) -> None:
    name, raw = TASKS[task], "error" if task == "regression" else "errors"
    life = Life(task)
    verdicts = life.run(LEARN + 40, late=late)
    assert verdicts[name].state == "stable"
    assert (verdicts[name].role, verdicts[name].cause) == ("performance", "concept")
    verdicts = life.run(60, **MIX[task], late=late)
    assert verdicts["x"].state == "drift"
    assert verdicts[raw].state in ("drift", "watch")  # it cannot tell the one from the other
    assert verdicts[name].state == "stable"
    verdicts = life.run(100, **MIX[task], truth=OTHER_TRUTH[task], late=late)
    assert verdicts[name].state == "drift"
    assert verdicts[name].sentence.startswith("at the same inputs ")
    assert life.said == []


def test_an_unchanged_log_raises_nothing_for_long() -> None:
    for task, name in TASKS.items():
        life = Life(task, drift=DriftSettings(learn="140s", every="10s", false_alarm_every="1h"))  # a budget of 360 checks for all
        life.run(LEARN + 300)
        raised = [one.signal for one in life.room.episodes()]
        assert name not in raised
        assert life.room.has("log", name)


def test_before_a_day_was_seen_what_moves_slowly_may_be_the_hour() -> None:
    life = Life()
    life.run(LEARN + 60)
    for step in range(300):
        verdicts = life.run(1, truth=lambda _, y, by=step / 150: y - by)  # type: ignore[misc]
        assert verdicts[NUMBERS].state != "drift"
    assert verdicts[NUMBERS].state == "watch"
    assert "It may be the hour of the day" in verdicts[NUMBERS].sentence


def test_a_restart_goes_on_with_what_was_learned() -> None:
    life = Life()
    before = life.run(LEARN + 60, truth=lambda x, y: y)[NUMBERS]
    again = Life(saved=life.room.dump())
    again.now_s, again.rows, again.chance = life.now_s, life.rows, np.random.default_rng(2)
    again.logs.feed(again.room, again.now_s)  # as the engine does before rows come
    verdicts = again.run(1)
    assert verdicts[NUMBERS].origin == before.origin
    assert verdicts[NUMBERS].n_now >= before.n_now - ROWS
    assert again.run(100, truth=OTHER_TRUTH["regression"])[NUMBERS].state == "drift"
    kept = again.room.residuals["log"]
    assert kept == life.room.residuals["log"]


def test_an_earlier_engines_ranks_are_never_judged_by_those_of_another_transform() -> None:
    life = Life()
    life.run(LEARN + 60)
    saved = DriftRoom(DRIFT)
    assert saved.load(life.room.dump())
    saved.residuals.clear()  # as an earlier version wrote it
    again = Life(saved=saved.dump())
    again.now_s, again.chance = life.now_s, np.random.default_rng(7)
    verdicts = again.run(LEARN + 1)
    assert verdicts[NUMBERS].n_now <= ROWS * 2  # it begins with its own transform
    assert again.room.residuals["log"] != life.room.residuals["log"]


def test_another_version_learns_anew_and_judges_by_its_own_errors() -> None:
    life = Life()
    life.run(LEARN + 60, version="v1")
    other: Truth = lambda _, y: y - 3.0  # noqa: E731 - the next version is far off from the start
    verdicts = life.run(2, truth=other, version="v2")
    assert NUMBERS not in verdicts
    verdicts = life.run(LEARN + 60, truth=other, version="v2")
    assert verdicts[NUMBERS].state == "stable"
    assert life.room.residuals["log"].version == "v2"


def test_labels_of_predictions_of_the_version_before_say_nothing_of_this_one() -> None:
    life = Life()
    life.run(LEARN + 60, version="v1")
    life.run(1, version="v1", late=True)
    life.run(1, version="v2")  # the labels of the look before come here
    residuals = life.logs._logs["log"].residuals
    assert sum(one.errors.size for one in residuals._held) == ROWS


def test_private_columns_are_not_looked_at() -> None:
    life = Life(private=["x"])
    life.run(LEARN + 1)
    assert life.room.residuals["log"].columns == ["z", "prediction"]


def test_columns_that_matter_come_first() -> None:
    drift = DriftSettings(learn="140s", every="10s", importance={"x": 0.1, "log/z": 0.9, "other/x": 5.0})
    life = Life(drift=drift)
    life.run(LEARN + 1)
    assert life.room.residuals["log"].columns == ["z", "x", "prediction"]


def test_columns_that_the_file_of_importances_names_come_first_too() -> None:
    drift = DriftSettings(learn="140s", every="10s", importance={"x": 0.5})
    of = Settings(predictions=[PredictionSettings(name="log", task="regression")], drift=drift)
    logs = DriftLogs(of, lambda *_: None, {"log/z": 0.6, "x": 0.9, "y": 0.4, "other/y": 2.0})
    assert [name for name in logs._first("log") if name in "xyz"] == ["z", "x", "y"]
    assert [name for name in logs._first("other") if name in "xyz"] == ["y", "x"]
    logs.settings_changed(of, {"log/x": 0.1, "y": 0.55})
    assert [name for name in logs._first("log") if name in "xyz"] == ["y", "x"]


def test_a_log_that_is_kept_at_a_reload_learns_by_the_new_settings() -> None:
    life = Life(drift=DriftSettings(learn="100h", every="10s"))
    life.run(LEARN, version="v1")
    kept = life.logs._logs["log"]
    assert NUMBERS not in life.run(1, version="v1")
    assert kept.expected == []
    life.logs.settings_changed(Settings(predictions=[life.settings], drift=DRIFT), {"z": 1.0})
    assert life.logs._logs["log"] is kept
    assert NUMBERS in life.run(2, version="v1")
    assert life.room.residuals["log"].reference.origin.startswith("learned from "), "of what it held before too"
    assert kept.expected != []
    life.run(LEARN + 2, version="v2")
    assert life.room.residuals["log"].columns == ["z", "x", "prediction"], "the next one is made by the new map"


def test_a_given_reference_judges_from_the_first_label(tmp_path: Path) -> None:
    path = tmp_path / "kept.csv"
    source = Life()
    lines = ["timestamp,id,x,z,prediction,label"]
    for i in range(4000):
        x, z = source.chance.normal(0, 1, 2)
        row = source.row(float(x), float(z), lambda _, y: y, "")
        lines.append(f"{START_S - 9000 + i},{i},{x},{z},{row.prediction},{row.label}")
    path.write_text("\n".join(lines) + "\n")
    life = Life(reference=str(path))
    life.given()
    verdicts = life.run(40)
    assert verdicts[NUMBERS].state == "stable"
    assert verdicts[NUMBERS].origin.startswith("file kept.csv")
    again = Life(saved=life.room.dump(), reference=str(path))
    again.now_s = life.now_s
    again.given()
    assert again.run(1)[NUMBERS].n_now > ROWS  # the same file: its evidence stands
    assert again.run(100, truth=OTHER_TRUTH["regression"])[NUMBERS].state == "drift"


def test_too_few_labelled_reference_rows_are_learned() -> None:
    life = Life()
    rows = [life.row(0.0, 0.0, lambda _, y: y, "") for _ in range(500)]
    life.logs.labelled("log", rows, "file kept.csv")
    life.run(LEARN + 1)
    assert life.room.residuals["log"].reference.origin.startswith("learned from ")


def test_a_log_without_labels_has_no_such_signal() -> None:
    life = Life()
    for _ in range(LEARN + 5):
        life.run(1, late=True)
        life.late = {}
    assert not life.room.has("log", NUMBERS)
