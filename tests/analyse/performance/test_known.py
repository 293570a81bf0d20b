"""The bounded join by id: first rows, late labels, oldest rows forgotten, nothing kept that could be read as an id."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.known import Keyed, Known, firsts

COLUMNS = {"prediction": np.int16, "label": np.int16}


def columns(n: int, at_s: float = 0.0, prediction: int = 1) -> dict[str, np.ndarray]:
    return {"at_s": np.full(n, at_s), "prediction": np.full(n, prediction, np.int16), "label": np.full(n, -1, np.int16)}


def test_what_was_added_is_found_and_can_be_written() -> None:
    known, hashes = Known(COLUMNS, limit=1000, segment_rows=64), np.random.default_rng(1).integers(0, 2**64, 500, dtype=np.uint64)
    for start in range(0, 500, 37):
        part = hashes[start : start + 37]
        assert (known.find(part) == -1).all()
        known.add(part, columns(len(part)) | {"prediction": np.arange(start, start + len(part)).astype(np.int16)})
    places = known.find(hashes[::-1])
    assert known.get("prediction", places).tolist() == list(range(499, -1, -1))
    known.set("label", places[:3], np.array([7, 8, 9]))
    assert known.get("label", known.find(hashes[-4:])).tolist() == [-1, 9, 8, 7]
    assert known.find(np.array([5], np.uint64)).tolist() == [-1]


def test_hashes_that_begin_at_one_place_of_the_table_are_told_apart() -> None:
    known = Known(COLUMNS, limit=64, segment_rows=64)
    same_place = np.arange(40, dtype=np.uint64) * np.uint64(128)
    known.add(same_place, columns(40) | {"prediction": np.arange(40).astype(np.int16)})
    assert known.get("prediction", known.find(same_place)).tolist() == list(range(40))
    assert known.find(same_place + np.uint64(128 * 40)).tolist() == [-1] * 40


def test_the_newest_rows_stay_and_the_oldest_go_a_segment_at_a_time() -> None:
    known, hashes = Known(COLUMNS, limit=100, segment_rows=10), np.arange(1, 1001, dtype=np.uint64)
    forgotten = sum(known.add(hashes[start : start + 7], columns(len(hashes[start : start + 7]), start)) for start in range(0, 1000, 7))
    assert 100 <= len(known) <= 110
    assert forgotten == 1000 - len(known)
    found = known.find(hashes)
    assert (found[-100:] >= 0).all()
    assert (found[: 1000 - len(known)] == -1).all()


def test_rows_past_the_horizon_are_forgotten_when_their_whole_segment_is() -> None:
    known = Known(COLUMNS, limit=100, segment_rows=10)
    for step in range(3):
        known.add(np.arange(step * 10, step * 10 + 10, dtype=np.uint64), columns(10, at_s=100.0 * step))
    assert known.forget(50.0) == 10
    assert known.find(np.array([5, 15], np.uint64)).tolist() == [-1, 15]
    assert known.forget(50.0) == 0


def test_a_bit_is_taken_out_of_every_row() -> None:
    known = Known({"bits": np.uint64}, limit=100, segment_rows=10)
    known.add(np.arange(25, dtype=np.uint64), {"at_s": np.zeros(25), "bits": np.full(25, 0b1011, np.uint64)})
    known.clear_bits("bits", 0b10)
    assert set(known.get("bits", known.find(np.arange(25, dtype=np.uint64))).tolist()) == {0b1001}


def test_the_first_row_of_each_id_within_a_batch() -> None:
    first, of = firsts(np.array([9, 4, 9, 9, 4, 2], np.uint64))
    assert first.tolist() == [0, 1, 5]
    assert of.tolist() == [0, 1, 0, 0, 1, 5]


def test_ids_are_hashed_under_a_key() -> None:
    one, other = Keyed(b"k" * 16), Keyed(b"l" * 16)
    assert one.many(["a", "b", "a"]).tolist() == [one.one("a"), one.one("b"), one.one("a")]
    assert one.one("a") != other.one("a")
    assert one.one("\ud800") != one.one("")


def test_saved_rows_come_back_and_damage_is_told() -> None:
    known = Known(COLUMNS, limit=100, segment_rows=10)
    known.add(np.arange(35, dtype=np.uint64), columns(35, prediction=3))
    plain = known.plain(20)
    again = Known(COLUMNS, limit=100, segment_rows=10)
    again.restore(plain)
    assert len(again) == 20
    assert again.get("prediction", again.find(np.array([34], np.uint64))).tolist() == [3]
    with pytest.raises(ValueError, match="damaged"):
        Known(COLUMNS).restore(plain | {"hashes": plain["hashes"][:-8]})
    with pytest.raises(ValueError, match="damaged"):
        Known({"other": np.int16}).restore(plain)


def test_a_million_rows_cost_sixty_megabytes_and_no_pause() -> None:
    wide = {"prediction": np.int16, "label": np.int16, "score": np.float64, "base": np.int16, "proxy": np.int16}
    known = Known(wide | {"bits": np.uint64, "version": np.int16})
    chance, longest_s = np.random.default_rng(2), 0.0
    fixed = {name: np.zeros(1000, dtype) for name, dtype in known._columns.items()}
    for _ in range(300):
        hashes = chance.integers(0, 2**64, 1000, dtype=np.uint64)
        start_s = time.thread_time()
        known.find(hashes)
        known.add(hashes, fixed)
        longest_s = max(longest_s, time.thread_time() - start_s)
    held = sum(kept.nbytes for one in known._segments for kept in (one.hashes, one._table, *one.columns.values()))
    assert held / (len(known._segments) * known._segment_rows) * 1_072_320 < 60e6
    assert longest_s < 0.05  # 2 ms here; a whole sort of a million would take more
