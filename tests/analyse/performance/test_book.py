"""Windows as sums of slots: whatever comes and goes, each is what a recount of the rows between its start and its end gives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.book import Book, Spot, end_of, spots
from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.counting.slots import freeze, from_plain

NOW = 1_800_000_000.0


def layout(task: str = "regression") -> Layout:
    return Layout(task, Classes(["0", "1"]) if task != "regression" else None)


def put(book: Book, at_s: np.ndarray, value: np.ndarray, now_s: float, deployed_s: float | None = None) -> None:
    """Regression rows with a label of 0, so that the sums are those of `value`."""
    book.advance(now_s)
    for spot, here in spots(at_s, now_s, deployed_s):
        counts = Counts(book.layout)
        batch = Batch(at_s[here], value[here], np.zeros(len(here)))
        counts.add_rows(batch)
        counts.add_labels(batch)
        book.add(spot, counts.packed())


def check(book: Book, at_s: np.ndarray, value: np.ndarray) -> None:
    for name, window in book.windows.items():
        inside = (at_s >= window.start_s) & (at_s < book.end_s)
        assert window.total.rows == inside.sum(), name
        assert window.total["errors"][1] == pytest.approx(np.abs(value[inside]).sum(), rel=1e-9, abs=1e-9), name


def test_every_window_is_a_recount_while_time_goes_on() -> None:
    chance, now_s = np.random.default_rng(3), NOW
    book = Book(layout(), now_s)
    times, values = np.empty(0), np.empty(0)
    for step in range(1500):
        now_s += float(chance.exponential(90.0 if step % 50 else 4000.0))
        at_s = now_s - chance.exponential(2000.0, 5) * (chance.random(5) < 0.5) + 40.0 * (chance.random(5) < 0.1)  # late, and in the future
        value = chance.normal(size=5) * 10.0 ** chance.integers(-3, 4)
        put(book, at_s, value, now_s)
        times, values = np.append(times, at_s), np.append(values, value)
        if step % 10 == 0:
            check(book, times, values)
    assert sum(len(ring) for ring in book._frozen) < 660


def test_windows_begin_and_end_with_a_slot() -> None:
    book = Book(layout(), NOW + 123.4)
    assert book.end_s == end_of(NOW + 123.4) == NOW + 130
    starts = {name: window.start_s - NOW for name, window in book.windows.items()}
    assert starts == {"1m": 60, "5m": -180, "30m": -1680, "3h": -10_680, "24h": -86_400, "all": -math.inf}


def test_a_row_of_the_future_counts_when_its_slot_has_come() -> None:
    book = Book(layout(), NOW)
    put(book, np.array([NOW + 45]), np.ones(1), NOW)
    assert [window.total.rows for window in book.windows.values()] == [0] * 6
    book.advance(NOW + 45)
    assert [window.total.rows for window in book.windows.values()] == [1] * 6
    book.advance(NOW + 4000)
    assert [window.total.rows for window in book.windows.values()] == [0, 0, 0, 1, 1, 1]


def test_time_that_goes_back_moves_nothing() -> None:
    book = Book(layout(), NOW)
    put(book, np.array([NOW]), np.ones(1), NOW)
    book.advance(NOW - 10_000)
    assert (book.end_s, book.windows["1m"].total.rows) == (NOW + 10, 1)


def test_an_absurd_error_leaves_nothing_behind() -> None:
    book = Book(layout(), NOW)
    put(book, np.array([NOW, NOW + 15]), np.array([1e40, 0.25]), NOW + 15)
    assert book.windows["1m"].total["errors"][1] == pytest.approx(1e40)
    book.advance(NOW + 70)
    assert book.windows["1m"].total["errors"].tolist() == pytest.approx([0.25, 0.25, 0.0625, 0.00390625], rel=1e-12)


def test_deploy_is_since_its_moment_whatever_was_counted_before() -> None:
    book = Book(layout(), NOW)
    at_s = NOW - np.array([90_000, 50_000, 5000, 500, 50.0])
    put(book, at_s, np.ones(5), NOW)
    for ago, rows in ((520.0, 2), (5000.0, 3), (60_000.0, 4)):
        start_s = book.deploy(NOW - ago)
        assert book.windows["deploy"].total.rows == rows
        check(book, at_s, np.ones(5))
        assert start_s <= NOW - ago
    assert list(book.windows) == ["1m", "5m", "30m", "3h", "24h", "deploy", "all"]
    put(book, np.array([NOW - 1, NOW - 80_000]), np.ones(2), NOW, start_s)
    assert book.windows["deploy"].total.rows == 5


def test_rows_older_than_all_slots_count_since_the_beginning_and_the_deploy() -> None:
    book = Book(layout(), NOW)
    deployed_s = book.deploy(NOW - 200_000)
    put(book, NOW - np.array([300_000.0, 150_000.0]), np.ones(2), NOW, deployed_s)
    assert {name: window.total.rows for name, window in book.windows.items() if window.total.rows} == {"deploy": 1, "all": 2}


def test_a_batch_is_told_apart_by_its_slots() -> None:
    found = {spot: here.tolist() for spot, here in spots(np.array([NOW - 3, NOW - 4000, NOW - 1, NOW - 40_000]), NOW)}
    assert found == {Spot(0, NOW - 10): [0, 2], Spot(1, NOW - 4020): [1], Spot(2, NOW - 40_200): [3]}


def test_slots_follow_a_layout_that_grows() -> None:
    classes = Classes()
    book = Book(Layout("multiclass", classes), NOW)

    def put_class(name: str, at_s: float) -> None:
        code = np.array([classes.code(name)], np.int32)
        counts = Counts(book.layout)
        counts.add_rows(Batch(np.array([at_s]), code, code))
        counts.add_labels(Batch(np.array([at_s]), code, code))
        book.add(Spot(0, math.floor(at_s / 10) * 10.0), counts.packed())

    for number in range(40):  # from 8 places to 64
        put_class(f"class{number}", NOW - 10 * number)
    book.advance(NOW + 30)
    assert np.diagonal(book.windows["5m"].total.confusion).tolist() == [1] * 28 + [0] * 12
    assert book.windows["all"].total.confusion.sum() == 40


@pytest.mark.parametrize("values", [[], [1], [300], [70_000], [0.5], [-2], [2.0**40], [1, 2, 3, 0.25, 250, 1e300]])
def test_a_slot_at_rest_loses_nothing(values: list[float]) -> None:
    for size in (30, 4000, 70_000):
        vector = np.zeros(size)
        vector[np.arange(len(values)) * 5] = values
        many = vector.copy()
        many[size // 2 :] += 7
        for one in (vector, many):
            assert (freeze(one).thawed() == one).all()
            assert (from_plain(freeze(one).plain()).thawed() == one).all()
    assert freeze(many).held_bytes < 60_000


def test_a_book_comes_back_as_it_was() -> None:
    chance = np.random.default_rng(4)
    book, at_s, value = Book(layout(), NOW), NOW - chance.exponential(9000.0, 400), chance.normal(size=400)
    put(book, at_s, value, NOW)
    book.deploy(NOW - 7000)
    again = Book.from_plain(book.plain(), book.layout)
    check(again, at_s, value)
    assert list(again.windows) == list(book.windows)
    again.advance(NOW + 3000)
    check(again, at_s, value)


@pytest.mark.parametrize(
    "break_", [("size", 5), ("slots", 3), ("slots", [[[1.0, [2, ["uint8", "no"], b"", b"", b"", b""]]]]), ("endless", {"all": [0.0, []]})]
)
def test_a_damaged_book_is_told(break_: tuple[str, object]) -> None:
    plain = Book(layout(), NOW).plain()
    with pytest.raises(ValueError, match=r"damaged|otherwise"):
        Book.from_plain(plain | {break_[0]: break_[1]}, layout())
