"""What a log is held against: values over the whole reference, floors from its windows of one length."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.counts import Batch
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.live.reference import Reference, held_against
from tui_monitor.model import Estimate

NOW = 1_800_000_000.0
HOUR_S = 3600.0


def rows(hours: int, shares: list[float], per_hour: int = 100) -> Batch:
    """Binary rows; in hour k a share of them is right."""
    at_s = NOW + np.arange(hours * per_hour) * HOUR_S / per_hour
    right = np.concatenate([np.arange(per_hour) < round(share * per_hour) for share in shares])
    label = (np.arange(len(at_s)) % 2).astype(np.int32)
    return Batch(at_s, np.where(right, label, 1 - label).astype(np.int32), label)


def reference(batch: Batch, **more: object) -> Reference:
    return Reference(batch, Layout("binary", Classes(["0", "1"])), "last week", **more)  # type: ignore[arg-type]


def test_floor_is_the_mean_less_three_deviations_of_windows_of_that_length() -> None:
    shares = [0.90, 0.92, 0.94, 0.96]
    batch = rows(4, shares)
    found = reference(batch)
    assert found.values["accuracy"] == pytest.approx(0.93)
    assert found.floors(HOUR_S)["accuracy"] == pytest.approx(np.mean(shares) - 3 * np.std(shares))
    told = found.of(HOUR_S, {"accuracy": Estimate(0.85, 0.8, 0.9)})["accuracy"]
    assert (told.reference, told.floor, told.breach) == (pytest.approx(0.93), pytest.approx(0.93 - 3 * np.std(shares)), True)
    assert found.of(HOUR_S, {"accuracy": Estimate(None)})["accuracy"].breach is None


def test_the_order_of_its_rows_does_not_matter() -> None:
    batch = rows(4, [0.90, 0.92, 0.94, 0.96])
    shuffled = batch.take(np.random.default_rng(1).permutation(400))
    assert reference(shuffled).floors(HOUR_S) == pytest.approx(reference(batch).floors(HOUR_S))


@pytest.mark.parametrize("width_s", [2 * HOUR_S, 24 * HOUR_S])
def test_fewer_than_three_windows_are_no_floor(width_s: float) -> None:
    found = reference(rows(4, [0.90, 0.92, 0.94, 0.96]))
    assert found.floors(width_s) == {}
    told = found.of(width_s, {"accuracy": Estimate(0.5)})["accuracy"]
    assert (told.reference, told.floor, told.breach) == (pytest.approx(0.93), None, None)
    assert found.of(None, {"accuracy": Estimate(0.5)})["accuracy"].floor is None  # since the log began


def test_rows_without_a_label_say_nothing() -> None:
    batch = rows(4, [0.90, 0.92, 0.94, 0.96])
    label = batch.label.copy()
    label[::2] = -1
    assert reference(batch._replace(label=label)).rows == 200
    empty = reference(batch._replace(label=np.full(400, -1, np.int32)))
    assert (empty.rows, empty.values, empty.floors(HOUR_S)) == (0, {}, {})


def test_where_high_is_bad_the_floor_lies_above_and_bias_has_none() -> None:
    chance = np.random.default_rng(2)
    at_s = NOW + np.arange(4000) * 36.0
    batch = Batch(at_s, chance.normal(size=4000), np.zeros(4000))
    found = Reference(batch, Layout("regression"), "r")
    floors = found.floors(HOUR_S)
    assert set(floors) == {"mae", "mse", "rmse"}
    assert floors["mae"] > found.values["mae"]
    assert found.of(HOUR_S, {"mae": Estimate(floors["mae"] * 1.01), "bias": Estimate(9.0)})["mae"].breach is True
    told = found.of(HOUR_S, {"bias": Estimate(9.0)})["bias"]
    assert (told.reference, told.floor, told.breach) == (found.values["bias"], None, None)


def test_the_newest_parts_are_looked_at_when_they_are_many() -> None:
    batch = rows(10, [0.5] * 6 + [0.9, 0.92, 0.94, 0.96])
    assert reference(batch, most_parts=4).floors(HOUR_S)["accuracy"] == pytest.approx(0.93 - 3 * np.std([0.9, 0.92, 0.94, 0.96]))
    assert reference(batch, most_parts=None).floors(HOUR_S)["accuracy"] < 0.4


def test_it_calibrates_where_scores_are_there() -> None:
    chance = np.random.default_rng(3)
    score = chance.random(2000)
    label = (chance.random(2000) < score**2).astype(np.int32)
    batch = Batch(NOW + np.arange(2000.0), (score > 0.5).astype(np.int32), label, score=score)
    layout = Layout("binary", Classes(["0", "1"]), scores=True, calibrated=True)
    found = Reference(batch, layout, "r")
    expected = found.expected(batch)
    assert expected is not None
    assert np.abs(expected - score**2).mean() < 0.05
    few = Reference(batch.take(slice(0, 50)), layout, "r")
    assert few.expected(batch) is None
    assert few.why_uncalibrated == "the reference has 50 labelled rows with a score; calibration needs 100"


def test_a_number_beside_nothing_stays_as_it_is() -> None:
    one = Estimate(0.9, 0.8, 1.0)
    assert held_against(one, "accuracy", None, None) is one
    assert held_against(one, "mae", None, 0.8).breach is True
    assert held_against(one, "accuracy", None, 0.8).breach is False
