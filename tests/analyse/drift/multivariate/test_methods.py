"""Rows as a whole: what single columns cannot show, absurd and missing values, and no alarm where nothing changed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.multivariate import methods
from tui_monitor.analyse.drift.multivariate.numbers import Scale, numeric, table
from tui_monitor.analyse.drift.multivariate.row_distance import RobustZ, RowDistance
from tui_monitor.analyse.drift.multivariate.row_error import RowError
from tui_monitor.analyse.drift.reference import of_rows
from tui_monitor.analyse.drift.replayed import Replayed, Series, replay
from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings

Floats = NDArray[np.float64]
START_S = 1_800_000_000.0


def related(rows: int, seed: int, columns: int = 10, rho: float = 0.0) -> Floats:
    """Columns that go together: each is a mix of the same few causes; `rho` is what a row keeps of the one before."""
    causes = np.random.default_rng(99).normal(size=(columns, columns)) @ np.diag(np.linspace(1.5, 0.15, columns))
    noise = np.random.default_rng(seed).normal(size=(rows + 200, columns))
    if rho:
        for i in range(1, len(noise)):
            noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
    mixed: Floats = noise[200:] @ causes
    return mixed


def names(columns: int = 10) -> list[str]:
    return [f"c{i}" for i in range(columns)]


# -- the numbers --------------------------------------------------------------------------------------------------------------------


def test_columns_of_numbers_are_found_and_words_are_none() -> None:
    rows = [{"a": 1.0, "b": "x", "c": None, "d": float(i)} for i in range(9)] + [{"a": None, "b": 2.0, "c": 1.0, "e": 1.0}]
    assert numeric(rows) == ["a", "d"]
    made = table([{"a": 1.0, "d": float("inf")}, {"a": "words"}, {}, {"a": None}], ["a", "d"])
    assert made[0, 0] == 1.0
    assert np.isnan(made).sum() == 7


def test_columns_that_tell_nothing_are_left_out_with_the_reason() -> None:
    chance = np.random.default_rng(1)
    rows = np.column_stack([chance.normal(size=600), np.full(600, 7.0), np.arange(600.0), np.full(600, np.nan), chance.normal(size=600)])
    scale = Scale.of(["x", "same", "row_number", "empty", "y"], rows)
    assert scale.used == ["x", "y"]
    assert scale.left_out == {
        "same": "constant in the reference",
        "row_number": "only ever grows: a counter or a time",
        "empty": "mostly missing in the reference",
    }


def test_a_column_that_mostly_has_one_value_still_has_a_width() -> None:
    rows = np.zeros((1000, 1))
    rows[::10, 0] = 5.0
    scale = Scale.of(["flag"], rows)
    assert scale.used == ["flag"]
    assert scale.spread[0] == pytest.approx(1.5)


@pytest.mark.parametrize("method", list(methods.METHODS))
def test_too_few_rows_and_too_few_columns_are_said_and_never_fitted(method: str) -> None:
    with pytest.raises(ValueError, match="300 rows in the reference, 500 are needed for 10 columns"):
        methods.fit(method, names(), related(300, 1))
    with pytest.raises(ValueError, match="30 rows in the reference, 1000 are needed for 50 columns"):  # fewer rows than columns
        methods.fit(method, names(50), related(30, 1, 50))
    with pytest.raises(ValueError, match="var"):
        methods.fit(method, names(3), np.ones((600, 3)))


def test_the_error_is_what_the_directions_of_the_variance_leave_over() -> None:
    rows = related(2000, 1)
    fitted = RowError.fit(names(), rows)
    z = fitted.scale.tamed(rows)
    z -= z.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(z.T))  # another way to the same directions
    explained = np.cumsum(values[::-1]) / values.sum()
    kept = int(np.argmax(explained >= 0.95)) + 1
    assert len(fitted.components) == kept
    left = z @ vectors[:, : 10 - kept]
    assert fitted.of(rows) == pytest.approx((left**2).sum(axis=1), rel=1e-6)
    assert fitted.parts(rows).sum(axis=1) == pytest.approx(fitted.of(rows))


def test_mahalanobis_is_the_textbook_distance() -> None:
    rows = related(2000, 2, 4) / 10 + 5
    fitted = RowDistance.fit(names(4), rows)
    z = fitted.scale.tamed(rows)
    z -= z.mean(axis=0)
    inverse = np.linalg.inv(np.cov(z.T))
    assert fitted.of(rows) == pytest.approx(np.sqrt(np.einsum("ij,jk,ik->i", z, inverse, z)), rel=1e-6)
    assert fitted.parts(rows).sum(axis=1) == pytest.approx(fitted.of(rows) ** 2, rel=1e-6)


def test_a_column_that_is_the_sum_of_others_breaks_nothing() -> None:
    two = related(1500, 3, 2)
    rows = np.column_stack([two, two.sum(axis=1)])
    assert (RowError.fit(names(3), rows).of(rows) == 0).mean() > 0.5  # exact relations leave no rounding behind
    assert np.isfinite(RowDistance.fit(names(3), rows).of(rows)).all()


def test_robust_z_is_that_of_the_worst_column_and_outliers_do_not_hide_themselves() -> None:
    rows = related(1000, 4, 3)
    rows[:100, 1] = 1e9  # a tenth of the reference is absurd
    fitted = RobustZ.fit(names(3), rows)
    usual = rows[500:501].copy()
    usual[0, 1] = np.median(rows[:, 1]) + 1.4826 * np.median(np.abs(rows[:, 1] - np.median(rows[:, 1]))) * 40
    assert fitted.of(usual)[0] == pytest.approx(40)


def test_missing_and_absurd_values_give_numbers_or_none_never_an_error() -> None:
    rows = related(1000, 5)
    holes = rows.copy()
    holes[np.random.default_rng(1).random(holes.shape) < 0.1] = np.nan
    for method in methods.METHODS:
        fitted = methods.fit(method, names(), holes)
        got = fitted.of(holes)
        assert np.isnan(got).sum() == (np.isnan(holes).mean(axis=1) > 0.5).sum()
        mostly_empty = np.full((1, 10), np.nan)
        mostly_empty[0, 0] = 1.0
        assert np.isnan(fitted.of(mostly_empty)).all()
        far = fitted.of(np.full((1, 10), 1e300))
        assert np.isfinite(far).all()
        assert far[0] > np.nanmax(got)
        assert methods.rise(fitted, methods.Usual([0.0] * 10, 0.0), mostly_empty) is None


# -- what it finds ------------------------------------------------------------------------------------------------------------------


def test_a_broken_relation_is_told_with_its_column_though_no_column_changed_by_itself() -> None:
    rows = related(4000, 6)
    fitted = methods.fit("pca", names(), rows[:2000])
    was = methods.usual(fitted, rows[2000:3000])
    assert was is not None
    broken = rows[3000:].copy()
    broken[:, 4] = np.random.default_rng(1).permutation(broken[:, 4])  # the very same values, in other rows
    found = methods.rise(fitted, was, broken)
    assert found is not None
    assert found.times > 2
    assert found.worst == "c4"
    assert found.parts[0][2] > found.parts[0][1]
    assert methods.said("pca", "14:02", found) == f"row error up {found.times:.1f}x since 14:02, worst column: c4."
    same = methods.rise(fitted, was, rows[3000:])
    assert same is not None
    assert same.times == pytest.approx(1, abs=0.1)


def test_one_absurd_row_is_no_rise() -> None:
    rows = related(3000, 7)
    fitted = methods.fit("pca", names(), rows[:2000])
    was = methods.usual(fitted, rows[2000:])
    absurd = rows[2000:2500].copy()
    absurd[3] = [1e12] * 5 + [-1e12] * 5
    assert was is not None
    found = methods.rise(fitted, was, absurd)
    assert found is not None
    assert found.times == pytest.approx(1, abs=0.15)


# -- the budget ---------------------------------------------------------------------------------------------------------------------


def judged(method: str, reference: Floats, live: Floats, a_minute: int = 10) -> tuple[DriftRoom, float]:
    """The room after it was told all rows minute by minute; and the last minute."""
    learned = methods.halves(len(reference))
    fitted = methods.fit(method, names(reference.shape[1]), reference[learned])
    own, at_s = fitted.of(reference[~learned]), START_S + np.flatnonzero(~learned) * 60.0 / a_minute
    room, bins = DriftRoom(DriftSettings()), Bins.of_numbers(own)
    signal = methods.SIGNALS[method]
    room.give("fraud", signal, "input", bins, of_rows(own, at_s, bins, "first rows"))
    got = fitted.of(live)
    now_s, there = START_S + len(reference) * 60.0 / a_minute, np.ones(a_minute, np.bool_)
    for minute in range(len(live) // a_minute):
        now_s += 60.0
        values = got[minute * a_minute : (minute + 1) * a_minute]
        room.rows("fraud", np.full(a_minute, now_s), {signal: ("input", values, there)})
        room.check(now_s)
    return room, now_s


def month(method: str, rows: Floats, a_minute: int = 10) -> Replayed:
    """What the judges of the engine would have said over all rows but the first 2,000, at full speed."""
    reference, live = rows[:2000], rows[2000:]
    learned = methods.halves(len(reference))
    fitted = methods.fit(method, names(rows.shape[1]), reference[learned])
    at_s = START_S + np.arange(len(rows)) * 60.0 / a_minute
    own = Series(at_s[:2000][~learned], fitted.of(reference[~learned]))
    signal = methods.SIGNALS[method]
    return replay({signal: Series(at_s[2000:], fitted.of(live))}, {signal: own}, every_s=60, budget_s=30 * 86_400.0, smallest_shift=0.01)


@pytest.mark.parametrize(
    ("method", "rho", "days", "seed"), [("pca", 0.0, 30, 11), ("pca", 0.9, 30, 12), ("mahalanobis", 0.0, 8, 13), ("robust_z", 0.7, 8, 14)]
)
def test_a_month_of_related_columns_without_a_change_raises_no_alarm(method: str, rho: float, days: int, seed: int) -> None:
    said = month(method, related(2000 + days * 14_400, seed, rho=rho))
    assert said.checks >= days * 1440
    assert said.episodes == []


def test_heavy_tails_raise_none_either() -> None:
    assert month("pca", np.exp(related(2000 + 5 * 14_400, 15))).episodes == []  # lognormal, sigma of about 3


def test_a_broken_relation_is_an_alarm_within_minutes() -> None:
    rows = related(2000 + 4800, 16)
    broken = rows[2000:]
    broken[2400:, 4] = np.random.default_rng(1).permutation(broken[2400:, 4])
    room, _ = judged("pca", rows[:2000], broken)
    (found,) = room.episodes()
    changed_s = START_S + 200 * 60 + 240 * 60
    assert abs(found.since_s - changed_s) < 15 * 60
    assert 0 < found.start_s - changed_s < 40 * 60
