"""Rows of a log to the slices that carry its drift: through the log's signals and the room, as the engine does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tui_monitor.analyse.drift.carried_held import MOST_ROWS, Held, Piece, full
from tui_monitor.analyse.drift.carried_rows import Carried
from tui_monitor.analyse.drift.carried_slices import MOST_SLICES, slices_of
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.analyse.performance.slicing.slices import Table
from tui_monitor.config import Columns, DriftSettings, PredictionSettings, Settings
from tui_monitor.engine.drift_logs import DriftLogs
from tui_monitor.engine.drift_references import References
from tui_monitor.model import Carries, Drift, LogRow, LogRows

START_S = 1_800_000_000.0
ROUTES = ("/v1/chat", "/v1/embed", "/v1/rank", "/v1/sum")
MIX = (0.3, 0.3, 0.2, 0.2)
LOG = PredictionSettings(name="llm", columns=Columns(score="score", version="version"))
DRIFT = DriftSettings(learn="120s", every="10s")


class Life:
    """A log of ten rows a second, its judges and a clock of its own."""

    def __init__(self, log: PredictionSettings = LOG, saved: bytes = b"", seed: int = 1) -> None:
        self.log, self.said = log, list[str]()
        self.settings = Settings(predictions=[log], drift=DRIFT)
        self.room = DriftRoom(DRIFT)
        if saved:
            assert self.room.load(saved)
        self.logs = DriftLogs(self.settings, lambda text, _severity="": self.said.append(text))
        References(self.settings, "here", lambda text, _severity="": self.said.append(text)).offer_files(self.room, self.logs)
        self.now_s, self.rows = START_S, 0
        self.chance = np.random.default_rng(seed)
        self.owed: list[tuple[float, str, str]] = []  # labels: when, of which row

    def run(
        self,
        seconds: float,
        means: tuple[float, ...] = (50.0,) * 4,
        mix: tuple[float, ...] = MIX,
        wrong: Callable[[str, dict[str, Any]], float] = lambda _route, _features: 0.1,
        late_s: float | None = None,
        version: str = "1",
        behind_s: float = 0.0,
        canary: float | None = None,
        **more: Any,
    ) -> dict[str, Drift]:
        for _ in range(round(seconds / 10)):
            made = []
            for i in range(100):
                self.rows += 1
                place = int(self.chance.choice(4, p=mix))
                features: dict[str, Any] = {"words": float(self.chance.normal(means[place], 15)), "route": ROUTES[place]}
                features |= {"plan": "free" if self.chance.random() < 0.6 else "paid", "age": float(self.chance.normal(0, 1))} | more
                if canary is not None:
                    version, features["words"] = "12"[i % 2], features["words"] + canary * (i % 2)
                prediction = str(int(self.chance.random() < 0.4))
                label = prediction if self.chance.random() >= wrong(ROUTES[place], features) else str(1 - int(prediction))
                if late_s is not None:
                    self.owed.append((self.now_s + late_s, str(self.rows), label))
                known = label if late_s is None else None
                made.append(
                    LogRow(str(self.rows), self.now_s + i / 10, prediction, float(self.chance.random()), known, features, version=version)
                )
            self.now_s += 10
            labels = {name: label for at_s, name, label in self.owed if at_s <= self.now_s}
            self.owed = [one for one in self.owed if one[0] > self.now_s]
            self.logs.came("llm", LogRows(made, labels, {}), self.now_s + behind_s)
            self.logs.feed(self.room, self.now_s + behind_s)
            self.room.check(self.now_s + behind_s)
        return {one.signal: one for one in self.room.verdicts(self.now_s)}


def names(found: list[Carries]) -> list[str]:
    return [one.name for one in found]


def test_one_route_whose_prompts_grow_is_named() -> None:
    life = Life()
    assert life.run(300)["words"].slices == []
    words = life.run(120, means=(50, 90, 50, 50))["words"]
    assert words.state == "drift"
    (one,) = words.slices
    assert one.name == "route = /v1/embed"
    assert one.carries == pytest.approx(1.0, abs=0.15)
    assert one.interval[0] <= one.carries <= one.interval[1]
    assert one.rows == pytest.approx((0.3, 0.3), abs=0.06)
    assert one.inside[1] is not None
    assert one.inside[1] > 0.7
    assert life.said == []


def test_all_routes_alike_name_nothing() -> None:
    life = Life(seed=2)
    life.run(300)
    words = life.run(120, means=(75,) * 4)["words"]
    assert words.state == "drift"
    assert words.slices == []


def test_more_traffic_of_a_route_with_long_prompts_is_named_with_rows_as_before() -> None:
    life, means = Life(seed=3), (50.0, 50.0, 50.0, 120.0)
    life.run(300, means, (0.4, 0.3, 0.2, 0.1))
    verdicts = life.run(120, means, (0.25, 0.2, 0.15, 0.4))
    (one,) = verdicts["words"].slices
    assert one.name == "route = /v1/sum"
    assert one.carries > 0.85
    assert one.rows == pytest.approx((0.1, 0.4), abs=0.05)
    assert one.inside[0] == pytest.approx(one.inside[1], abs=0.05)
    assert verdicts["route"].state == "drift"
    assert not any("route" in name for name in names(verdicts["route"].slices))  # its own column tells nothing


def test_a_value_that_was_never_there_is_another_one() -> None:
    life = Life(seed=4)
    life.run(300)
    (one,) = life.run(40, means=(50, 50, 50, 50))["words"].slices or [None]  # type: ignore[list-item]
    assert one is None
    for _ in range(8):
        life.run(10)
        life.run(10, means=(110,) * 4, route="/v2/agents")
    (one,) = life.run(10, means=(110,) * 4, route="/v2/agents")["words"].slices
    assert one.name == "another route"
    assert one.rows[0] == 0


def test_configured_slices_are_named_as_they_are_called_and_private_columns_never() -> None:
    log = msgspec.structs.replace(LOG, slices={"paying and asking": 'plan == "paid" and route == "/v1/chat"'}, private=["plan"])
    life = Life(log, seed=5)
    life.run(300)
    words = life.run(150, means=(90, 50, 50, 50))["words"]
    assert names(words.slices) == ["route = /v1/chat"]
    shown = Life(msgspec.structs.replace(LOG, slices={"chat": 'route == "/v1/chat"'}, auto_slices=False), seed=5)
    shown.run(300)
    assert names(shown.run(150, means=(90, 50, 50, 50))["words"].slices) == ["chat"]


@pytest.mark.parametrize("late_s", [None, 60.0])
def test_errors_of_one_route_are_named_also_where_labels_come_late(late_s: float | None) -> None:
    life = Life(seed=6)
    life.run(420, late_s=late_s)
    errors = life.run(240, wrong=lambda route, _: 0.7 if route == "/v1/rank" else 0.1, late_s=late_s)["errors"]
    assert errors.state == "drift"
    assert names(errors.slices) == ["route = /v1/rank"]
    assert errors.slices[0].carries == pytest.approx(1.0, abs=0.25)


def test_errors_of_rows_with_large_numbers_are_named_by_the_number() -> None:
    life = Life(seed=7)
    life.run(420)
    errors = life.run(240, wrong=lambda _, features: 0.8 if features["age"] > 0.7 else 0.1)["errors"]
    assert errors.slices[0].name.startswith("age > 0.6") or errors.slices[0].name.startswith("age > 0.7")
    assert errors.slices[0].carries > 0.8


def test_counts_survive_a_restart_and_rows_are_not_written() -> None:
    life = Life(seed=8)
    life.run(300, secret="a very private sentence")
    saved = life.room.dump()
    assert b"/v1/chat" in saved  # a slice
    again = Life(saved=saved, seed=9)
    again.now_s = life.now_s
    words = again.run(120, means=(50, 90, 50, 50))["words"]
    assert words.state == "drift"
    assert names(words.slices) == ["route = /v1/embed"]
    kept = msgspec.msgpack.decode(saved)["carried"]["llm"]
    assert sum(len(one["counts"]) for one in kept["joints"]) < 100_000
    changed = Life(msgspec.structs.replace(LOG, slices={"x": "words > 3"}), saved=saved, seed=9)
    changed.now_s = life.now_s
    changed.run(10)
    assert changed.room.carry(changed.log, lambda carried: carried.slices) is None  # other slices: these are made anew


def test_without_the_rows_of_the_reference_nothing_is_told() -> None:
    life = Life(seed=10)
    life.run(300)
    saved = msgspec.msgpack.decode(life.room.dump())
    saved["carried"]["llm"]["joints"] = []
    again = Life(saved=msgspec.msgpack.encode(saved), seed=11)
    again.now_s = life.now_s
    words = again.run(120, means=(50, 90, 50, 50))["words"]
    assert words.state == "drift"
    assert words.slices == []
    calm = Life(saved=msgspec.msgpack.encode(saved), seed=12)
    calm.now_s = life.now_s
    calm.run(200)  # these rows look like the reference
    assert names(calm.run(120, means=(50, 90, 50, 50))["words"].slices) == ["route = /v1/embed"]


def test_what_is_pinned_is_compared_with_what_was_pinned() -> None:
    life = Life(seed=13)
    life.run(300)
    life.run(600, means=(50, 90, 50, 50))
    assert life.room.pin("llm", "words") == ""
    assert life.run(100, means=(50, 90, 50, 50))["words"].slices == []
    words = life.run(150, means=(90, 90, 50, 50))["words"]
    assert words.state == "drift"
    assert names(words.slices) == ["route = /v1/chat"]


def test_a_reference_that_no_rows_look_like_has_no_slices() -> None:
    life = Life(seed=18)
    life.run(300)
    signal = life.room._signals["llm", "words"]
    assert signal.reference is not None
    signal.learned(Reference([1.0, *([10.0] * 4), *([190.0] * (len(signal.reference.counts) - 6)), 1.0], origin="elsewhere"))
    words = life.run(120, means=(50, 90, 50, 50))["words"]
    assert words.state == "drift"
    assert words.slices == []


def test_a_file_is_the_reference_also_of_its_slices(tmp_path: Path) -> None:
    chance, path = np.random.default_rng(14), tmp_path / "train.csv"
    lines = ["time,id,prediction,label,score,words,route"]
    for i in range(4000):
        place, prediction = int(chance.choice(4, p=MIX)), int(chance.random() < 0.4)
        wrong = chance.random() < 0.1
        lines.append(
            f"{START_S - 4000 + i},{i},{prediction},{prediction ^ wrong},{chance.random():.3f},{chance.normal(50, 15):.3f},{ROUTES[place]}"
        )
    path.write_text("\n".join(lines))
    life = Life(msgspec.structs.replace(LOG, reference=str(path)), seed=15)
    told = life.run(200, means=(50, 90, 50, 50), wrong=lambda route, _: 0.6 if route == "/v1/chat" else 0.1)
    assert told["words"].origin.startswith("file train.csv")
    assert names(told["words"].slices) == ["route = /v1/embed"]  # and not `plan`, of which the file knows nothing
    assert names(told["errors"].slices) == ["route = /v1/chat"]
    assert life.said == []


def test_another_version_has_slices_of_its_own_rows() -> None:
    life, longer = Life(seed=19), (50.0, 90.0, 50.0, 50.0)
    life.run(300)
    words = life.run(300, longer, version="2")["words"]
    assert words.state != "drift"  # it learned what is usual of that version
    assert words.slices == []
    words = life.run(150, (50, 90, 90, 50), version="2")["words"]
    assert words.state == "drift"
    assert names(words.slices) == ["route = /v1/rank"]


def test_of_two_versions_the_one_that_differs_is_named() -> None:
    life = Life(msgspec.structs.replace(LOG, private=["route"]), seed=20)
    signals = life.logs._logs["llm"]
    signals._versions = lambda _rows: None  # type: ignore[method-assign]  # both serve all the time: no deploy
    life.run(300, canary=0)
    words = life.run(150, canary=40)["words"]
    assert words.state == "drift"
    assert names(words.slices) == ["version = 2"]


def test_a_log_that_is_read_from_its_past_tells_the_same() -> None:
    life = Life(seed=21)
    life.run(300, behind_s=50_000)
    life.run(150, (50, 90, 50, 50), behind_s=50_000)
    assert names(life.room.verdicts(life.now_s)[0].slices) == ["route = /v1/embed"]


def test_a_column_that_is_gone_carries_nothing() -> None:
    life = Life(seed=16)
    life.run(300)
    words = life.run(120, means=(90,) * 4, route=None)["words"]
    assert words.state == "drift"
    assert words.slices == []


def test_what_raises_ends_only_that_slices_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(seed=17)
    life.run(300)

    def broken(*_: object) -> list[Carries]:
        raise ZeroDivisionError("no rows")

    monkeypatch.setattr(Carried, "carriers", broken)
    words = life.run(120, means=(50, 90, 50, 50))["words"]
    assert words.state == "drift"
    assert words.slices == []
    assert life.room.notes() == ["drift: which slices of llm carry a change is not told any more: ZeroDivisionError: no rows"]


# -- rows that are held, slices that are made ------------------------------------------------------------------------------------------------


def piece(first: int, rows: int, texts: bool = False) -> Piece:
    numbers = np.arange(first, first + rows)
    there = numbers % 3 > 0
    values: Any = numbers[there].astype(float)
    return Piece(numbers.astype(float), numbers, np.zeros(rows, np.uint64), {"x": (values.astype(object) if texts else values, there)})


@pytest.mark.parametrize("newest", [True, False])
def test_rows_that_are_held_are_bounded_and_stay_what_they_were(newest: bool) -> None:
    held, first = Held(newest=newest), 0
    for place in range(300):
        size = (1, 90, 400)[place % 3]
        held.add(piece(first, size, texts=place == 200))
        first += size
        assert held.size <= 1.5 * MOST_ROWS
    whole = held.together()
    assert MOST_ROWS / 2 <= whole.numbers.size <= MOST_ROWS
    assert (whole.at_s == whole.numbers).all()
    values, there = whole.columns["x"]
    assert (whole.numbers[there] == values).all()
    assert (there == (whole.numbers % 3 > 0)).all()
    steps = np.diff(whole.numbers)
    assert (steps == 1).all() if newest else (steps > 0).all()
    if newest:
        assert whole.numbers[-1] == first - 1
    else:  # of all of them, and of every second as many as of the others
        assert np.histogram(whole.numbers, 4, (0, first))[0] == pytest.approx([whole.numbers.size / 4] * 4, rel=0.1)
        assert [np.mean(whole.numbers % k == 0) for k in (2, 4, 8)] == pytest.approx([1 / 2, 1 / 4, 1 / 8], abs=0.02)


def test_of_columns_that_take_turns_every_value_is_a_slice() -> None:
    made = slices_of(LOG, {"server": np.asarray(["a", "b"] * 2000, dtype=object)})
    assert [one.slice.name for one in made] == ["server = a", "server = b", "another server"]


def test_one_look_at_a_long_log_is_bounded_too() -> None:
    for held in (Held(newest=True), Held(newest=False)):
        held.add(piece(0, 40_000))
        assert held.size <= MOST_ROWS


def test_the_values_of_a_column_and_its_others_split_all_rows_that_have_one() -> None:
    chance = np.random.default_rng(1)
    route = np.asarray(ROUTES, dtype=object)[chance.integers(0, 4, 2000)]
    made = slices_of(LOG, {"route": route, "words": chance.normal(0, 1, 2000), "id": np.arange(2000.0)})
    texts = [one.slice for one in made if one.sort == "text"]
    assert [one.name for one in texts][-1] == "another route"
    assert {one.name for one in texts} == {*(f"route = {name}" for name in ROUTES), "another route"}
    later = np.asarray([*ROUTES, "/v9", None], dtype=object)
    fits = np.stack([one.fits(Table({"route": later})) for one in texts])
    assert fits.sum(axis=0).tolist() == [1, 1, 1, 1, 1, 0]
    assert [one.slice.columns for one in made if one.sort == "number"] == [("words",)] * 4


def test_there_are_at_most_so_many_slices_the_configured_ones_first() -> None:
    chance = np.random.default_rng(1)
    columns = {f"c{i}": np.asarray([f"v{j}" for j in chance.integers(0, 9, 1500)], dtype=object) for i in range(20)}
    made = slices_of(msgspec.structs.replace(LOG, slices={"mine": "c1 == v1", "bad": "c1 >", "rare": "c2 == nothing"}), columns)
    assert len(made) == MOST_SLICES
    assert [one.slice.name for one in made][:2] == ["mine", "rare"]


def test_a_column_with_its_missing_values() -> None:
    assert full(np.asarray([1.0]), np.asarray([False, True])).tolist()[1] == 1.0
    assert full(np.asarray(["a"], dtype=object), np.asarray([False, True])).tolist() == [None, "a"]
