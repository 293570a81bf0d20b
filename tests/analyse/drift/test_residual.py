"""Errors given the inputs: cells, ranks that are uniform whatever the mix does, and the signal from rows to its sentence."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tui_monitor.analyse.drift import residual, residual_rows
from tui_monitor.analyse.drift.error_model import error_model
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.residual import BINS, CLASSES, NUMBERS, Cut, Labelled, Transform, cells_of, chance_of, transform
from tui_monitor.analyse.drift.residual_rows import Residuals
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings

START_S = 1_800_000_000.0
Mix = Callable[[Floats], Floats]


def numbers(chance: np.random.Generator, rows: int, mix: Mix = lambda x: x, *, larger: Mix = lambda x: 0 * x[:, 0]) -> Labelled:
    """A model of numbers that errs more, and with a bias, away from the middle of its first input."""
    x = mix(chance.normal(0, 1, (rows, 3)))
    errors = 0.3 * x[:, 0] ** 2 + (0.5 + 0.3 * np.abs(x[:, 0])) * chance.normal(size=rows) + larger(x)
    return Labelled(START_S + np.arange(rows) / 10, x.astype(np.float32), errors, chance.random(rows))


def classes(chance: np.random.Generator, rows: int, mix: Mix = lambda x: x, *, larger: Mix = lambda x: 0 * x[:, 0]) -> Labelled:
    """A classifier that is unsure near a plane, wrong there in half of all rows, and knows its score."""
    x = mix(chance.normal(0, 1, (rows, 3)))
    score = 1 / (1 + np.exp(-2 * x[:, 0] - x[:, 1]))
    truth = 1 / (1 + np.exp(-2 * x[:, 0] - x[:, 1] + 0.3 * x[:, 0] ** 2))
    wrong = ((score > 0.5) != (chance.random(rows) < truth)) | (chance.random(rows) < larger(x))
    x[:, 2] = score
    return Labelled(START_S + np.arange(rows) / 10, x.astype(np.float32), wrong.astype(np.float64), chance.random(rows))


WORLDS = {NUMBERS: numbers, CLASSES: classes}
COLUMNS = ["a", "b", "c"]


def shifted(x: Floats) -> Floats:
    return x + np.asarray([1.0, 0.0, 0.0])


def narrow(x: Floats) -> Floats:
    return 0.25 * x


def test_cells_are_cut_one_after_the_other_and_what_is_missing_is_below() -> None:
    inputs = np.asarray([[1, 5], [2, 5], [2, 9], [np.nan, 9], [3, np.nan]], dtype=np.float32)
    assert cells_of([Cut(0, 0, 1.5), Cut(1, 1, 5.0), Cut(0, 0, -np.inf)], inputs).tolist() == [3, 1, 2, 0, 1]
    assert cells_of([], inputs).tolist() == [0] * 5


def test_chance_is_uniform_and_of_the_id_alone() -> None:
    found = chance_of([str(i) for i in range(20_000)])
    assert stats.kstest(found, "uniform").pvalue > 1e-3
    assert chance_of(["7", "seven"]).tolist() == chance_of(["7", "seven"]).tolist()
    assert chance_of(["7"])[0] == found[7]


@settings(max_examples=50, deadline=None)
@given(kept=st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=40), error=st.integers(-4, 4).map(float), chance=st.floats(0, 1))
def test_rank_is_that_of_the_row_among_its_cell(kept: list[float], error: float, chance: float) -> None:
    model = error_model(np.zeros((1, 0), np.float32), np.zeros(1), sized=False)
    one = Transform("e", [], [], [], [], model, [], [sorted(kept)], [len(kept)], residual.Reference([]))
    found = one.ranks(np.zeros((1, 0), np.float32), np.asarray([error]), np.asarray([chance]))[0]
    below, same = sum(value < error for value in kept), sum(value == error for value in kept)
    assert found == pytest.approx((below + chance * (same + 1)) / (len(kept) + 1))


def test_the_model_finds_the_mean_and_the_size_of_errors_where_they_are() -> None:
    rows = numbers(np.random.default_rng(1), 20_000)
    model = error_model(rows.inputs, rows.errors, sized=True)
    at = np.asarray([[-2.0, 0, 0], [0, 0, 0], [1, 0, 0], [2, 0, 0]], dtype=np.float32)
    mean, size = model.expected(at)
    assert mean == pytest.approx([1.2, 0.0, 0.3, 1.2], abs=0.12)
    wanted = np.asarray([1.1, 0.5, 0.8, 1.1]) * np.sqrt(2 / np.pi)  # mean of |normal|
    assert size == pytest.approx(wanted, rel=0.2)


def test_a_model_of_columns_that_say_nothing_is_the_mean() -> None:
    inputs = np.column_stack([np.full(500, 3.0), np.full(500, np.nan)]).astype(np.float32)
    errors = np.arange(500.0)
    mean, _ = error_model(inputs, errors, sized=False).expected(inputs[:1])
    assert mean[0] == pytest.approx(errors.mean())


@pytest.mark.parametrize("name", [NUMBERS, CLASSES])
@pytest.mark.parametrize("mix", [None, shifted, narrow])
def test_ranks_stay_uniform_while_only_the_mix_moves(name: str, mix: Mix | None) -> None:
    chance = np.random.default_rng(3)
    made = transform(name, COLUMNS, WORLDS[name](chance, 20_000), "here")
    rows = WORLDS[name](chance, 20_000, mix or (lambda x: x))
    rows = rows.take(made.inside(rows.inputs))
    u = made.ranks(rows.inputs, rows.errors, rows.chance)
    assert stats.kstest(u, "uniform").statistic < 0.03
    changed = WORLDS[name](chance, 20_000, mix or (lambda x: x), larger=lambda x: 0.5 * (x[:, 0] > 0))
    changed = changed.take(made.inside(changed.inputs))
    assert stats.kstest(made.ranks(changed.inputs, changed.errors, changed.chance), "uniform").statistic > 0.08


def test_cells_are_cut_where_inputs_together_make_errors() -> None:
    """Errors in one corner: no sum over the inputs has such a step."""
    chance = np.random.default_rng(5)
    x = chance.normal(0, 1, (8000, 2)).astype(np.float32)
    errors = (chance.random(8000) < np.where((x[:, 0] > 0) & (x[:, 1] > 0), 0.4, 0.05)).astype(np.float64)
    rows = Labelled(START_S + np.arange(8000.0), x, errors, chance.random(8000))
    made = transform(CLASSES, ["a", "b"], rows, "here")
    assert len(made.cells) >= 3
    same = (x[:, 0] > 0) & (x[:, 1] > 0)
    assert stats.kstest(made.ranks(x[same], errors[same], rows.chance[same]), "uniform").statistic < 0.08
    plain = msgspec.structs.replace(made, cuts=[], cells=[np.sort(errors).tolist()])
    assert stats.kstest(plain.ranks(x[same], errors[same], rows.chance[same]), "uniform").statistic > 0.2
    assert made.reference.origin.startswith("here, ")


def test_rows_outside_of_what_was_seen_have_no_rank() -> None:
    chance = np.random.default_rng(6)
    made = transform(CLASSES, COLUMNS, classes(chance, 4000), "here")
    inputs = np.asarray([[0, 0, 0.5], [50, 0, 0.5], [0, np.nan, 0.5], [0, 0, np.nan]], dtype=np.float32)
    used = {cut.column for cut in made.cuts}
    assert made.inside(inputs).tolist() == [True, False, 1 not in used, 2 not in used]


def test_the_reference_is_uniform_and_worth_a_quarter_of_the_rows_that_fill_the_cells() -> None:
    made = transform(NUMBERS, COLUMNS, numbers(np.random.default_rng(7), 8000), "here").reference
    assert made.rows == pytest.approx(1000)
    assert made.counts[1:-1] == [100.0] * residual.STEPS
    assert (made.counts[0], made.counts[-1]) == (0, 0)
    assert len(BINS) == residual.STEPS + 2


def test_errors_that_resemble_their_neighbours_are_worth_less() -> None:
    chance = np.random.default_rng(8)
    rows = numbers(chance, 8000)
    noise = np.zeros(8000)
    for i in range(1, 8000):
        noise[i] = 0.9 * noise[i - 1] + chance.normal()
    made = transform(NUMBERS, COLUMNS, rows._replace(errors=noise), "here")
    assert 10 < made.reference.tau < 60  # (1 + .9) / (1 - .9) = 19


def test_a_transform_survives_being_written() -> None:
    made = transform(NUMBERS, COLUMNS, numbers(np.random.default_rng(9), 4000), "here", version="v1")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Transform) == made


def learner(name: str = NUMBERS, learn_s: float = 100.0) -> Residuals:
    found = Residuals(name, learn_s, first=["b"])
    found.serves("v1")
    return found


def feed(log: Residuals, rows: Labelled, now_s: float) -> Floats | None:
    columns = {
        name: ("input", rows.inputs[:, place].astype(np.float64), np.ones(len(rows.inputs), np.bool_)) for place, name in enumerate("abc")
    }
    inputs = log.inputs(columns, len(rows.inputs))
    told = log.take(now_s, log.unpacked([row.tobytes() for row in inputs]), rows.errors, [str(i) for i in range(len(rows.inputs))])
    return None if told is None else told[1]


def test_it_learns_first_and_ranks_then_and_another_version_learns_anew() -> None:
    chance, log = np.random.default_rng(10), learner()
    assert feed(log, numbers(chance, 3000), START_S) is None
    assert log.columns == ["b", "a", "c"]  # what matters more comes first
    assert log.made is None
    assert feed(log, numbers(chance, 100), START_S + 101) is None  # the last rows that are learned from
    assert log.made is not None
    assert log.made.version == "v1"
    assert log.news() == (False, log.made)
    u = feed(log, numbers(chance, 1000), START_S + 110)
    assert u is not None
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    log.serves("v1")
    assert log.news() == (False, None)
    log.serves("v2")
    assert log.news() == (True, None)
    assert feed(log, numbers(chance, 100), START_S + 120) is None


def test_what_was_learned_in_less_gives_way_to_a_whole_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residual_rows, "MOST_HELD", 2500)
    chance, log = np.random.default_rng(12), learner()
    feed(log, numbers(chance, 2400), START_S)
    feed(log, numbers(chance, 100), START_S + 101)
    first = log.news()[1]
    assert first is not None
    assert not first.day
    for hour in range(26):
        log.drifting = hour == 3  # what comes in a drift is not usual
        night = hour < 8 or hour >= 20
        rows = numbers(chance, 400)
        feed(log, rows._replace(errors=rows.errors + 2.0 * night + 1000.0 * log.drifting), START_S + 3600 * hour)
    made = log.news()[1]
    assert made is not None
    assert made.day
    assert made == log.made
    assert max(max(cell) for cell in made.cells) < 100
    assert made.reference.hours, "errors follow the hour of the day"
    assert sum(made.rows) <= 1250
    assert log._held == []
    feed(log, numbers(chance, 400), START_S + 3600 * 60)
    assert log.news() == (False, None)  # once


def test_a_log_of_few_rows_a_look_is_held_in_few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residual_rows, "MOST_PIECES", 8)
    chance, log = np.random.default_rng(13), learner()
    for look in range(300):
        feed(log, numbers(chance, 7), START_S + look)
        assert len(log._held) <= 8
    assert log.made is not None
    assert sum(log.made.rows) == 1001  # one half of the 286 looks that make 2,000 rows


def test_labels_that_come_in_bursts_are_learned_from_a_dozen_of_them() -> None:
    chance, log = np.random.default_rng(14), learner(learn_s=3600.0)
    bursts = 0
    while log.made is None and bursts < 20:
        for minute in range(3):
            feed(log, numbers(chance, 300), START_S + 1200 * bursts + 60 * minute)
        bursts += 1
    assert 12 <= bursts <= 15


def test_a_look_without_rows_is_no_other_version() -> None:
    log = learner()
    log.adopt(transform(NUMBERS, COLUMNS, numbers(np.random.default_rng(11), 4000), "learned", version="v1"))
    log.serves("")
    assert log.made is not None


def test_what_was_given_stays_with_another_version() -> None:
    log = learner()
    log.adopt(transform(NUMBERS, COLUMNS, numbers(np.random.default_rng(11), 4000), "file", given=True))
    log.serves("v2")
    assert log.made is not None


def test_columns_that_come_later_are_missing_in_what_was_kept_before() -> None:
    log = learner()
    every = np.ones(1, np.bool_)
    first = log.inputs({"a": ("input", np.asarray([1.0]), every)}, 1)
    log.inputs({"b": ("input", np.asarray([2.0]), every), "t": ("input", np.asarray(["x"], dtype=object), every)}, 1)
    kept = log.unpacked([first[0].tobytes(), b""])
    assert kept[0, 0] == 1
    assert np.isnan(kept[0, 1])
    assert np.isnan(kept[1]).all()


def told(name: str, mix: Mix, larger: Mix, seed: int = 0, checks: int = 200) -> tuple[str, str]:
    """State and sentence after hours of rows of another mix, or another truth, since the 50th check."""
    chance = np.random.default_rng(seed)
    made = transform(name, COLUMNS, WORLDS[name](chance, 12_000), "here")
    room = DriftRoom(DriftSettings(every="60s"))
    room.offer("log", name, BINS, made.reference)
    for check in range(checks):
        at_s = START_S + 60 * check
        rows = WORLDS[name](chance, 200, mix, larger=larger) if check >= 50 else WORLDS[name](chance, 200)
        there = made.inside(rows.inputs)
        rows = rows.take(there)
        room.rows("log", np.full(there.size, at_s), {name: ("performance", made.ranks(rows.inputs, rows.errors, rows.chance), there)})
        room.check(at_s + 60)
        (found,) = room.verdicts(at_s + 60)
        if found.state == "drift":
            assert found.cause == "concept"
            assert found.since is not None
            assert abs(found.since.timestamp() - START_S - 3000) <= 1200
            return found.state, found.sentence
    return found.state, found.sentence


def nothing(x: Floats) -> Floats:
    return 0 * x[:, 0]


@pytest.mark.parametrize("name", [NUMBERS, CLASSES])
@pytest.mark.parametrize("mix", [lambda x: x, shifted, narrow, lambda x: x + np.asarray([-1.0, 1.5, 0.0])])
def test_another_mix_of_inputs_is_no_concept_drift(name: str, mix: Mix) -> None:
    assert told(name, mix, nothing)[0] == "stable"


@pytest.mark.parametrize(
    ("name", "larger", "said"),
    [
        (NUMBERS, lambda x: 1.5 * (x[:, 0] > 0.8), "at the same inputs predictions are too high since "),
        (NUMBERS, lambda x: -1.5 * (x[:, 0] > 0.8), "at the same inputs predictions are too low since "),
        (NUMBERS, lambda x: np.where(np.arange(len(x)) % 2, 0.7, -0.7), "errors at the same inputs are larger since "),
        (CLASSES, lambda x: 0.5 * (x[:, 0] > 0.8), "at the same inputs answers are wrong more often since "),
    ],
)
@pytest.mark.parametrize("mix", [lambda x: x, shifted])
def test_another_truth_in_a_part_of_the_inputs_is_concept_drift(name: str, larger: Mix, said: str, mix: Mix) -> None:
    state, sentence = told(name, mix, larger)
    assert state == "drift"
    assert sentence.startswith(said)
    assert sentence.endswith(" of the reference.")
