"""Control charts against NIST's worked example and hand-made tables of the rules."""

from __future__ import annotations

import math

import pytest

from tui_monitor.analyse.anomaly.spc import MEANINGS, WESTERN_MEANINGS, Limits, limits_of, spc

NIST_FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]  # NIST/SEMATECH e-Handbook 6.3.2.2: ten batches
UNIT = Limits(0.0, 1.0)
A = -0.5  # a harmless point


def rules_at_the_end(z: list[float], *, western: bool = False) -> tuple[int, ...]:
    return spc(z, UNIT, western=western).points[-1].rules


def test_limits_are_those_of_the_handbook() -> None:
    limits = limits_of(NIST_FLOW)
    assert limits is not None
    assert limits.centre == pytest.approx(50.81)
    assert (limits.high, limits.low) == (pytest.approx(55.8041, abs=5e-4), pytest.approx(45.8159, abs=5e-4))
    assert all(1 not in point.rules for point in spc(NIST_FLOW).points)  # "the process appears to be in statistical control"


@pytest.mark.parametrize(
    ("rule", "completes", "lacks"),
    [
        (1, [A, 3.1], [A, 3.0]),
        (1, [A, -3.1], [A, -2.9]),
        (2, [A, *[0.4] * 9], [A, *[0.4] * 8]),
        (2, [0.5, *[-0.4] * 9], [0.5, *[-0.4] * 8, 0.1]),
        (3, [0.6, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.6, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (3, [0, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], [0.6, 0.5, 0.4, 0.4, 0.3, 0.2]),
        (4, [0.5, A] * 7, [*[0.5, A] * 6, 0.5]),
        (4, [A, 0.5] * 7, [0.5, A, *[0.5, A] * 5, A, A]),
        (5, [2.1, A, 2.1], [2.1, A, A, 2.1]),
        (5, [A, -2.1, -2.5], [2.1, A, -2.1]),
        (6, [1.1, 1.2, A, 1.3, 1.4], [1.1, A, A, 1.3, 1.4]),
        (6, [-1.1, -1.2, -1.3, A, -1.4], [1.1, -1.2, A, -1.3, -1.4]),
        (7, [2.0, *[0.3, -0.4, 0.9] * 5], [*[0.3, -0.4, 0.9] * 4, 1.1, 0.1, 0.2]),
        (8, [1.1, -1.2, 1.3, 1.4, -1.5, 1.6, -1.7, 1.8], [1.1, -1.2, 1.3, 0.9, -1.5, 1.6, -1.7, 1.8]),
        (8, [-1.1] * 7 + [1.1], [-1.1] * 8),
    ],
)
def test_nelsons_rules(rule: int, completes: list[float], lacks: list[float]) -> None:
    assert rule in rules_at_the_end(completes)
    assert rule not in rules_at_the_end(lacks)


@pytest.mark.parametrize(
    ("rule", "completes", "lacks"),
    [
        (1, [3.01], [2.99]),
        (2, [2.1, 0.1, 2.2], [2.1, 0.1, -2.2]),
        (3, [1.1, 1.1, 0.1, 1.1, 1.1], [1.1, 1.1, 0.1, 1.1, 0.9]),
        (4, [A, *[0.4] * 8], [A, *[0.4] * 7]),
    ],
)
def test_the_western_electric_rules(rule: int, completes: list[float], lacks: list[float]) -> None:
    assert rule in rules_at_the_end(completes, western=True)
    assert rule not in rules_at_the_end(lacks, western=True)


def test_a_rule_is_completed_by_the_newest_point_itself() -> None:
    assert [point.rules for point in spc([2.1, 2.2, A], UNIT).points] == [(), (5,), ()]


def test_every_rule_says_what_it_means_and_one_number_means_another_thing_in_the_other_set() -> None:
    assert (list(MEANINGS), list(WESTERN_MEANINGS)) == ([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4])
    two_of_three = [2.1, 0.1, 2.2]
    assert (rules_at_the_end(two_of_three), rules_at_the_end(two_of_three, western=True)) == ((5,), (2,))
    assert MEANINGS[5] == WESTERN_MEANINGS[2]


@pytest.mark.parametrize(
    ("why", "values"), [("none", []), ("one", [5.0]), ("only gaps", [None, math.nan, math.inf]), ("one and gaps", [None, 5.0])]
)
def test_too_few_values_have_no_limits(why: str, values: list[float | None]) -> None:
    chart = spc(values)
    assert chart.limits is None, why
    assert all(not point.rules for point in chart.points)


def test_a_gap_is_no_point_and_keeps_places() -> None:
    assert [point.index for point in spc([1.0, None, math.nan, 2.0, 1.5]).points] == [0, 3, 4]


def test_what_never_moves_is_in_control_until_it_does() -> None:
    assert all(not point.rules for point in spc([7.0] * 20).points)
    flat = Limits(7.0, 0.0)
    assert 1 in spc([7.0, 8.0], flat).points[1].rules
