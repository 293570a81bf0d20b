"""Whole rows in the engine: from the rows of a log to a verdict with its sentence, over a restart, and scorers beside it."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tui_monitor.analyse.drift.multivariate import classifier, slow
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings, PredictionSettings, ScorerSettings, Settings
from tui_monitor.engine.multivariate import Multivariate
from tui_monitor.engine.scorers import Scorers
from tui_monitor.model import Drift, LogRow, LogRows

START_S = 1_800_000_000.0


def rows(count: int, minute: float, seed: int, *, broken: bool = False) -> list[LogRow]:
    chance = np.random.default_rng(seed)
    size = chance.normal(size=count)
    made = np.column_stack([size, 2 * size + 0.3 * chance.normal(size=count), chance.normal(size=count)])
    if broken:
        made[:, 1] = chance.permutation(made[:, 1])
    names = ("size", "prompt_tokens", "other")
    return [
        LogRow(f"{seed}-{i}", START_S + 60 * (minute + i / count), "1", 0.5, "1", dict(zip(names, one, strict=True)))
        for i, one in enumerate(made.tolist())
    ]


class Log:
    """A log as it comes, minute by minute, with the judges behind it."""

    def __init__(self, settings: Settings, saved: bytes | None = None) -> None:
        self.notes: list[str] = []
        self.whole = Multivariate(settings, lambda text, _severity="": self.notes.append(text))
        self.room = DriftRoom(settings.drift)
        if saved:
            self.room.load(self.whole.parted(saved))

    def run(self, first: int, last: int, *, broken: bool = False) -> dict[str, Drift]:
        for minute in range(first, last):
            came = rows(20, minute, minute, broken=broken)
            columns = self.whole.rows_came("fraud", LogRows(came, {}, {}))
            self.now_s = START_S + 60 * (minute + 1)
            self.whole.hand_over(self.room)
            self.room.rows("fraud", np.asarray([row.at_s for row in came]), columns)
            self.room.check(self.now_s)
        return self.told()

    def told(self) -> dict[str, Drift]:
        return {one.signal: one for one in self.whole.told(self.room.verdicts(self.now_s), self.now_s)}


def settings(tmp_path: Path | None = None, **drift: object) -> Settings:
    reference = ""
    if tmp_path is not None:
        lines = [
            {"timestamp": row.at_s - 1e5, "prediction": "1", **row.features}
            for minute in range(100)
            for row in rows(20, minute, 5000 + minute)
        ]
        (tmp_path / "reference.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
        reference = str(tmp_path / "reference.jsonl")
    return Settings(predictions=[PredictionSettings(name="fraud", reference=reference)], drift=DriftSettings(**drift))  # type: ignore[arg-type]


def test_a_log_learns_by_itself_how_its_columns_go_together_and_tells_the_worst_when_they_do_not() -> None:
    log = Log(settings(learn="30m"))
    first = log.run(0, 5)["row error"]
    assert (first.state, first.sentence) == ("learning", "learning how columns go together: 100 of 500 rows.")
    assert log.run(5, 60)["row error"].state in ("learning", "idle")
    assert log.run(60, 150)["row error"].state == "stable"
    said = log.run(150, 200, broken=True)["row error"]
    assert said.state == "drift"
    assert said.role == "input"
    assert said.sentence.startswith("row error up ")
    assert said.sentence.endswith(", worst column: prompt_tokens.")
    assert said.parts[0].name == "prompt_tokens"


def test_a_reference_file_is_judged_by_at_once_and_its_evidence_outlives_a_restart(tmp_path: Path) -> None:
    of = settings(tmp_path)
    log = Log(of)
    assert log.run(0, 30)["row error"].state == "stable"
    assert log.run(30, 70, broken=True)["row error"].state == "drift"
    saved = log.whole.joined(log.room.dump())
    again = Log(of, saved)
    told = again.run(70, 72, broken=True)["row error"]
    assert told.state == "drift"
    assert told.since == log.told()["row error"].since
    assert "worst column: prompt_tokens" in told.sentence
    assert again.whole.parted(b"\x81\xa6schema\x02") == b"\x81\xa6schema\x02"  # the room alone, as an older engine saved it


def test_another_file_is_another_fit_and_what_was_learned_with_the_old_one_goes(tmp_path: Path) -> None:
    log = Log(settings(learn="30m"))
    log.run(0, 150)
    again = Log(settings(tmp_path), log.whole.joined(log.room.dump()))
    told = again.run(150, 180)["row error"]
    assert told.state == "stable"
    assert told.origin.endswith("reference.jsonl, 2000 rows")


def test_what_needs_an_extra_says_so_only_when_it_was_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(classifier, "find_spec", lambda _: None)
    asked = Log(settings(tmp_path, multivariate=["pca", "isolation_forest"])).run(0, 1)
    assert asked["unusual rows"].state == "blind"
    assert asked["unusual rows"].why == "needs the extra [ml]: pip install 'tui-monitor[ml]'"
    assert set(Log(settings(tmp_path)).run(0, 1)) == {"row error"}
    assert Log(settings(tmp_path, multivariate=[])).run(0, 1) == {}


def test_slow_judges_look_in_a_thread_and_their_share_is_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: the extra [ml]")
    monkeypatch.setattr("tui_monitor.engine.multivariate.FIRST_LOOK_S", 0.01)
    log = Log(settings(tmp_path, multivariate=["isolation_forest", "classifier"]))
    log.run(0, 60)

    async def look() -> None:
        log.whole.start()
        async with asyncio.timeout(60):
            while "unusual rows" not in log.told():
                log.whole.hand_over(log.room)
                await asyncio.sleep(0.02)
            while "told apart" not in log.told():
                await asyncio.sleep(0.02)
        await log.whole.stop()

    asyncio.run(look())
    log.room.check(log.now_s + 60)
    told = log.told()
    assert (told["unusual rows"].type, told["unusual rows"].n_reference) == ("category", 1000)
    assert told["told apart"].state == "stable"
    assert log.notes == []


def test_a_log_whose_settings_change_begins_anew_and_others_go_on(tmp_path: Path) -> None:
    log = Log(settings(learn="30m"))
    assert log.run(0, 60)["row error"].state in ("learning", "idle")
    asyncio.run(log.whole.reload(settings(learn="30m")))
    assert "how columns go together" not in log.run(60, 61)["row error"].sentence
    asyncio.run(log.whole.reload(settings(tmp_path)))
    assert log.run(61, 80)["row error"].origin.endswith("reference.jsonl, 2000 rows")
    asyncio.run(log.whole.reload(Settings()))
    log.whole.rows_came("fraud", LogRows(rows(20, 90, 90), {}, {}))  # a log that is configured no more
    assert log.whole._logs == {}


def changed(**drift: object) -> Settings:
    return settings(learn="30m", **drift)


def test_another_judge_learns_and_those_that_stay_lose_nothing() -> None:
    log = Log(changed())
    log.run(0, 150)
    before = log.room._signals["fraud", "row error"]
    asyncio.run(log.whole.reload(changed(multivariate=["pca", "mahalanobis"])))
    first = log.run(150, 155)
    assert first["row distance"].sentence == "learning how columns go together: 100 of 500 rows."
    assert first["row error"].state == "stable"
    both = log.run(155, 280)
    assert (both["row error"].state, both["row distance"].state) == ("stable", "stable")
    assert log.room._signals["fraud", "row error"] is before
    told = log.run(280, 310, broken=True)
    assert (told["row error"].state, told["row distance"].state) == ("drift", "drift")
    asyncio.run(log.whole.reload(changed(multivariate=["mahalanobis"])))
    assert set(log.run(310, 311, broken=True)) == {"row distance"}
    asyncio.run(log.whole.reload(changed(multivariate=["pca", "mahalanobis"])))
    again = log.run(311, 312)
    assert again["row error"].state == "learning", "what it knew is gone with it"
    assert again["row distance"].state == "drift"


def test_of_a_file_another_judge_knows_at_once(tmp_path: Path) -> None:
    log = Log(settings(tmp_path))
    log.run(0, 30)
    before = log.room._signals["fraud", "row error"]
    asyncio.run(log.whole.reload(settings(tmp_path, multivariate=["robust_z", "pca"])))
    told = log.run(30, 60)
    assert told["row robust z"].state == "stable"
    assert told["row robust z"].origin.endswith("reference.jsonl, 2000 rows")
    assert log.room._signals["fraud", "row error"] is before


def test_a_reload_that_concerns_no_whole_rows_changes_nothing_of_them(tmp_path: Path) -> None:
    log = Log(settings(tmp_path, early=["adwin"]))
    log.run(0, 30)
    whole, streams, signals = log.whole._logs["fraud"], log.whole._streams["fraud"], dict(log.room._signals)
    asyncio.run(log.whole.reload(settings(tmp_path, early=["adwin"], smallest_shift=0.02, learn="2h")))
    log.run(30, 31)
    assert (log.whole._logs["fraud"], log.whole._streams["fraud"]) == (whole, streams)
    assert log.room._signals == signals
    asyncio.run(log.whole.reload(settings(tmp_path, early=["adwin", "ddm"])))
    assert log.whole._streams["fraud"] is not streams
    asyncio.run(log.whole.reload(settings(tmp_path)))
    assert log.whole._streams == {}
    assert log.whole._logs["fraud"] is whole


def test_a_shorter_time_to_learn_holds_for_what_is_collected_already() -> None:
    log = Log(settings(learn="9h"))
    assert log.run(0, 60)["row error"].state == "learning"
    asyncio.run(log.whole.reload(changed()))
    log.run(60, 62)
    assert log.whole._logs["fraud"].settled


def test_slow_judges_change_at_a_reload_and_those_that_stay_keep_their_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: the extra [ml]")
    monkeypatch.setattr("tui_monitor.engine.multivariate.FIRST_LOOK_S", 0.01)
    log = Log(settings(tmp_path, multivariate=["pca"], multivariate_every="9h"))
    log.run(0, 60)

    async def until(signal: str, minute: int, *, auc: bool = False) -> None:
        log.run(minute, minute + 40)
        async with asyncio.timeout(30):
            while signal not in log.told() or (auc and log.told()[signal].effect is None):
                log.whole.hand_over(log.room)
                await asyncio.sleep(0.02)

    async def story() -> None:
        log.whole.start()
        assert log.whole._looking is None, "nobody wants slow looks"
        await log.whole.reload(settings(tmp_path, multivariate=["pca", "isolation_forest"], multivariate_every="9h"))
        assert log.whole._logs["fraud"].reference, "the rows of the file are read for it"
        await until("unusual rows", 60)
        forest, fits = log.room._signals["fraud", "unusual rows"], log.whole._slow["fraud"].fits
        kept = fits["isolation_forest"]
        both = settings(tmp_path, multivariate=["pca", "isolation_forest", "classifier"], multivariate_every="9h")
        await log.whole.reload(both)  # looks soon again, whatever nine hours say
        await until("told apart", 100, auc=True)
        assert log.room._signals["fraud", "unusual rows"] is forest
        assert log.whole._slow["fraud"].fits["isolation_forest"] is kept
        tree = settings(tmp_path, multivariate=["pca", "isolation_forest", "classifier"], multivariate_every="9h", classifier="tree")
        await log.whole.reload(tree)
        assert "told apart" not in log.told(), "the line of the other classifier"
        await until("told apart", 140, auc=True)
        assert log.whole._slow["fraud"].fits["isolation_forest"] is kept
        looking = log.whole._looking
        await log.whole.reload(settings(tmp_path, multivariate=["pca"]))
        log.run(180, 181)
        assert set(log.told()) == {"row error"}
        assert looking is not None
        await asyncio.wait_for(looking, 20)
        await log.whole.reload(both)
        assert log.whole._looking is not looking
        await log.whole.stop()
        assert log.whole._looking is not None
        assert log.whole._looking.done()

    asyncio.run(story())
    assert log.notes == []


def test_a_look_that_ends_after_its_judge_was_taken_away_says_nothing(tmp_path: Path) -> None:
    of = settings(tmp_path, multivariate=["isolation_forest", "one_class_svm"])
    log = Log(of)
    log.run(0, 60)

    def found(signal: str) -> slow.Found:
        return slow.Found("fraud", signal, np.asarray([log.now_s]), np.asarray(["usual"], dtype=object))

    async def look(reloaded: Settings) -> None:
        judges, whole = log.whole._slow["fraud"], log.whole._logs["fraud"]
        begun, go_on = threading.Event(), threading.Event()

        def slowly(_: object) -> list[slow.Found]:
            begun.set()
            assert go_on.wait(20)
            return [found("unusual rows"), found("unusual rows (SVM)")]

        judges.look = slowly  # type: ignore[method-assign]
        under_way = asyncio.create_task(log.whole._one_look("fraud", judges, whole))
        assert await asyncio.to_thread(begun.wait, 20)
        await log.whole.reload(reloaded)
        go_on.set()
        await under_way
        log.whole.hand_over(log.room)

    asyncio.run(look(settings(tmp_path, multivariate=["isolation_forest"])))
    assert {name for _, name in log.room._signals} == {"unusual rows"}
    log.room.drop("fraud", "unusual rows")
    asyncio.run(look(settings(tmp_path, multivariate=["pca"])))
    assert ("fraud", "unusual rows") not in log.room._signals


# -- scorers ------------------------------------------------------------------------------------------------------------------------


def scored(code: str, looks: int = 1) -> tuple[Scorers, list[str]]:
    notes: list[str] = []
    of = ScorerSettings(command=[sys.executable, "-c", code], log="fraud")
    both = Settings(predictions=[PredictionSettings(name="fraud"), PredictionSettings(name="b")], drift=DriftSettings(scorers={"ae": of}))
    scorers = Scorers(both, lambda text, _severity="": notes.append(text))

    async def look() -> None:
        for minute in range(looks):
            scorers.rows_came("fraud", rows(20, minute, minute))
            scorers.rows_came("b", rows(20, minute, minute))
            await scorers.look("ae")

    asyncio.run(look())
    return scorers, notes


def test_the_numbers_of_a_scorer_are_a_signal_of_its_log() -> None:
    scorers, notes = scored("import sys\nfor line in sys.stdin: print(len(line))")
    (came,) = scorers.came
    assert (came.name, came.log, len(came.values)) == ("ae", "fraud", 20)
    assert notes == []
    log = Log(settings())
    log.whole._scorers = scorers
    log.now_s = START_S + 60
    log.whole.hand_over(log.room)
    told = log.told()["ae"]
    assert (told.source, told.role, told.state, told.n_reference) == ("fraud", "quality", "learning", 20)


def test_a_scorer_that_fails_is_said_once_and_has_a_line_of_its_own() -> None:
    scorers, notes = scored("print(1)", looks=2)
    assert notes == ["scorer ae: 1 numbers for 20 rows"]
    assert not scorers.came
    (line,) = scorers.told([])
    assert (line.signal, line.source, line.state, line.why) == ("ae", "fraud", "blind", "scorer ae: 1 numbers for 20 rows")


def test_a_look_has_the_newest_thousand_rows_at_most() -> None:
    scorers, _ = scored("", looks=0)
    scorers.rows_came("fraud", rows(3000, 0, 1))
    assert [row.id for row in scorers._waiting["ae"]][:1] == ["1-2000"]
    assert len(scorers._waiting["ae"]) == 1000
