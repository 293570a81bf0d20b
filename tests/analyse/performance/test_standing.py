"""A state that is looked at every minute for a month: silent while nothing changes, and told within the hour when it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from tui_monitor.analyse.performance.live.reference import held_against
from tui_monitor.analyse.performance.live.standing import PART_S, Learning, Line, Standing, State, line_of, sentence
from tui_monitor.analyse.performance.numbers.intervals import mean, share
from tui_monitor.model import Estimate, Performance
from tui_monitor.vocabulary import WINDOWS

NOW = 1_800_000_000.0
DAY_S = 86_400


def window(name: str, one: Estimate, n: int, labelled: int, key: str = "accuracy") -> Performance:
    return Performance(
        name="m", window=name, slice=None, n=n, labelled=labelled, coverage=labelled / n if n else None, metrics={key: one}, why=""
    )


def replay(x: NDArray[np.float64], key: str = "accuracy", every_s: int = 60) -> Iterator[tuple[int, State]]:
    """One labelled row a second (right or not, or the size of an error), looked at every minute, as a log without a reference does."""
    at_s = np.arange(len(x), dtype=np.float64)
    sums, squares = np.append(0.0, np.cumsum(x)), np.append(0.0, np.cumsum(x * x))
    learning, standing, line = Learning(), Standing(key), None
    bad = 1 if key == "mae" else -1
    for now_s in range(every_s, len(x) + 1, every_s):
        here = slice(now_s - every_s, now_s)
        learning.add_rows(at_s[here])
        learning.add_labelled(at_s[here], x[here])
        if not learning.done and now_s % PART_S == 0 and standing.state in ("OK", "UNKNOWN"):
            line = learning.line(now_s)
        windows = {}
        for name, width_s in WINDOWS.items():
            first = max(0, now_s - int(width_s))
            n, total, square = now_s - first, float(sums[now_s] - sums[first]), float(squares[now_s] - squares[first])
            one = mean(total, square, n, floor=0.0) if key == "mae" else share(total, n)
            if line is not None:
                one = held_against(one, key, line.mean, line.floor(n, bad))
            windows[name] = window(name, one, n, n, key)
        yield now_s, standing.judge(windows, line, float(now_s))


def autocorrelated(chance: np.random.Generator, n: int, steps: int) -> NDArray[np.float64]:
    """A normal AR(1) series of variance 1 that forgets within so many steps."""
    from scipy.signal import lfilter

    keep = float(np.exp(-1 / steps))
    noise = chance.normal(size=n) * np.sqrt(1 - keep * keep)
    return np.asarray(lfilter([1.0], [1.0, -keep], noise))


def test_thirty_calm_days_are_thirty_days_of_silence() -> None:
    x = (np.random.default_rng(1).random(30 * DAY_S) < 0.93).astype(np.float64)
    states = Counter(state for _, state in replay(x))
    assert states == {"UNKNOWN": 49, "OK": 43_200 - 49}  # until ten parts of five minutes are learned


@pytest.mark.parametrize(("seed", "forgets_s"), [(2, 60), (3, 600), (4, 3600), (11, 14_400)])
def test_errors_that_come_together_are_no_news_either(seed: int, forgets_s: int) -> None:
    chance = np.random.default_rng(seed)
    right = 0.93 + 0.03 * autocorrelated(chance, 20 * DAY_S, forgets_s)
    x = (chance.random(20 * DAY_S) < right).astype(np.float64)
    assert set(Counter(state for _, state in replay(x))) == {"UNKNOWN", "OK"}


def test_a_day_and_a_night_that_differ_are_no_news() -> None:
    chance = np.random.default_rng(5)
    right = 0.93 + 0.02 * np.sin(2 * np.pi * np.arange(10 * DAY_S) / DAY_S)
    x = (chance.random(10 * DAY_S) < right).astype(np.float64)
    assert set(Counter(state for _, state in replay(x))) == {"UNKNOWN", "OK"}


def first(x: NDArray[np.float64], changed_s: int, key: str = "accuracy") -> tuple[float, State]:
    """Minutes from the change to the first state that tells of it, and that state."""
    for now_s, state in replay(x, key):
        if state in ("FALLING", "DECAYED"):
            return (now_s - changed_s) / 60, state
    raise AssertionError("never told")


def test_a_fall_is_told_within_half_an_hour() -> None:
    right = np.where(np.arange(4 * DAY_S) < 3 * DAY_S, 0.93, 0.80)
    minutes = [first((np.random.default_rng(seed).random(len(right)) < right).astype(np.float64), 3 * DAY_S) for seed in range(5)]
    assert {state for _, state in minutes} == {"FALLING"}
    assert all(10 <= delay <= 30 for delay, _ in minutes), minutes


def test_a_fall_on_the_first_day_does_not_become_usual() -> None:
    right = np.where(np.arange(DAY_S) < 4 * 3600, 0.93, 0.80)
    delay, state = first((np.random.default_rng(9).random(DAY_S) < right).astype(np.float64), 4 * 3600)
    assert state == "FALLING"
    assert delay <= 45


def test_a_larger_error_is_told_too() -> None:
    chance = np.random.default_rng(6)
    x = np.abs(chance.normal(size=2 * DAY_S)) * np.where(np.arange(2 * DAY_S) < 1.5 * DAY_S, 1.0, 1.5)
    delay, state = first(x, int(1.5 * DAY_S), "mae")
    assert state == "FALLING"
    assert 0 < delay <= 30


def test_a_slow_decay_is_seen_by_the_long_window_alone() -> None:
    chance = np.random.default_rng(7)
    right = 0.93 - 0.01 * np.clip((np.arange(12 * DAY_S) / DAY_S - 2) / 8, 0, 1)
    delay, state = first((chance.random(len(right)) < right).astype(np.float64), 2 * DAY_S)
    assert state == "DECAYED"
    assert delay < 10 * 1440


def test_it_is_over_when_the_windows_are_well_again() -> None:
    chance = np.random.default_rng(8)
    second = np.arange(5 * DAY_S)
    right = np.where((second > 2 * DAY_S) & (second < 2 * DAY_S + 7200), 0.80, 0.93)
    changes: list[State] = []
    for _, state in replay((chance.random(len(right)) < right).astype(np.float64)):
        if not changes or changes[-1] != state:
            changes.append(state)
    assert changes == ["UNKNOWN", "OK", "FALLING", "DECAYED", "OK"]


LINE = Line(0.93, 0.0651, 86_400, 288)


@pytest.mark.parametrize(
    ("short", "medium", "long", "longest", "expected"),
    [
        (0.93, 0.93, 0.93, 0.93, "OK"),
        (0.80, 0.93, 0.93, 0.93, "OK"),
        (0.93, 0.93, 0.80, 0.93, "OK"),
        (0.80, 0.93, 0.80, 0.93, "FALLING"),
        (0.93, 0.80, 0.80, 0.80, "FALLING"),
        (0.93, 0.93, 0.80, 0.80, "DECAYED"),
        (0.93, 0.93, 0.93, 0.80, "DECAYED"),
        (None, None, 0.80, 0.93, "FALLING"),
        (0.80, 0.80, None, None, "UNKNOWN"),
        (None, None, None, None, "UNKNOWN"),
    ],
)
def test_states(short: float | None, medium: float | None, long: float | None, longest: float | None, expected: str) -> None:
    windows = {}
    for (name, width_s), value in zip(list(WINDOWS.items())[1:], (short, medium, long, longest), strict=True):
        n = int(width_s)
        windows[name] = window(name, share(round((value or 0.93) * n), n), n, n if value is not None else n // 2)
    assert Standing("accuracy").judge(windows, LINE, NOW) == expected
    assert Standing("accuracy").judge(windows, None, NOW) == "UNKNOWN"


def test_a_handful_of_labels_is_no_verdict() -> None:
    windows = {name: window(name, share(0, 20), 20, 20) for name in WINDOWS}
    assert Standing("accuracy").judge(windows, LINE, NOW) == "UNKNOWN"


def test_the_floor_has_the_last_word() -> None:
    one = share(8800, 10_000)
    for floor, expected in ((0.90, "FALLING"), (0.88, "UNKNOWN")):
        told = held_against(one, "accuracy", 0.93, floor)
        windows = {name: window(name, told, 10_000, 10_000) for name in ("30m", "3h")}
        assert Standing("accuracy").judge(windows, LINE, NOW) == ("OK" if expected == "UNKNOWN" else expected)


def test_since_is_when_it_changed() -> None:
    standing = Standing("accuracy")
    well, ill = ({name: window(name, share(hits, 10_000), 10_000, 10_000) for name in WINDOWS} for hits in (9300, 8000))
    for now_s, windows in ((10.0, well), (20.0, well), (30.0, ill), (40.0, ill)):
        standing.judge(windows, LINE, now_s)
    assert (standing.state, standing.since_s) == ("FALLING", 30.0)


def test_nothing_is_learned_from_too_little_or_from_parts_without_labels() -> None:
    ones = np.ones(9)
    assert line_of(100 * ones, 93 * ones, 93 * ones) is None
    assert line_of(np.full(20, 10.0), np.full(20, 9.0), np.full(20, 9.0)) is None
    learning = Learning()
    at_s = np.arange(0, 6000, 2.0)
    learning.add_rows(at_s)
    learning.add_labelled(at_s[::2], np.ones(1500))  # half of the labels
    assert learning.line(6000.0) is None
    learning.add_labelled(at_s[1::2], np.ones(1500))
    line = learning.line(6000.0)
    assert line is not None
    assert (line.mean, line.rows, line.parts) == (1.0, 1500, 10)  # the newest hour is held back
    assert line.variance > 0
    again = Learning.from_plain(learning.plain())
    assert again.line(6000.0) == line
    with pytest.raises(ValueError, match="damaged"):
        Learning.from_plain([False, [[1, 2.0]]])


def test_sentence() -> None:
    at = datetime.fromtimestamp(NOW, UTC)
    day = Performance(
        name="m", window="24h", slice=None, start=at, end=at, n=1000, labelled=620, coverage=0.62,
        metrics={"f1": Estimate(0.886, 0.871, 0.900)},
    )  # fmt: skip
    since = Performance(name="m", window="deploy", slice=None, n=9000, coverage=0.9, metrics={"f1": Estimate(0.937)})
    assert (
        sentence("f1", day, since, Estimate(0.891))
        == "F1 0.886 [0.871, 0.900] over 24 h, 0.937 since deploy; 62 % of labels in; est. without labels 0.891."
    )
    fallen = Performance(name="m", window="5m", slice=None, n=100, coverage=1.0, metrics={"accuracy": Estimate(0.79, reference=0.853)})
    young = Performance(name="m", window="all", slice=None, n=100, coverage=1.0, metrics={"accuracy": Estimate(0.79)})
    assert (
        sentence("accuracy", fallen, young, None)
        == "Accuracy 0.790 over 5 min, 0.853 in the reference, 0.790 since the log began; 100 % of labels in."
    )
    nothing = Performance(name="m", window="24h", slice=None, n=0, coverage=None, metrics={}, why="no predictions in the window")
    assert sentence("accuracy", nothing, None, None) == "Accuracy unknown over 24 h: no predictions in the window."
