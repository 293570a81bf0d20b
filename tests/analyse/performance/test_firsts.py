"""The first row of an id counts, in any number of batches, as a dictionary would tell."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting.firsts import Firsts


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [3, 500, 2**63])
def test_as_a_dictionary_would_tell(seed: int, spread: int) -> None:
    chance = np.random.default_rng(seed)
    firsts, seen = Firsts(16), dict[int, int]()
    for _ in range(40):
        ids = chance.integers(0, spread, chance.integers(0, 200), dtype=np.uint64)
        marks = chance.integers(0, 3, len(ids)).astype(np.uint32)
        told = firsts.tell(ids, marks)
        for place, (identity, mark) in enumerate(zip(ids.tolist(), marks.tolist(), strict=True)):
            first = seen.setdefault(identity or 1, mark) if (identity or 1) not in seen else None
            assert told.duplicate[place] == (first is None and seen[identity or 1] == mark)
            assert told.contradicting[place] == (first is None and seen[identity or 1] != mark)
    assert firsts.count == len(seen)


def test_ids_that_want_the_same_place_all_find_one() -> None:
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    ids = np.array(
        [(inverse * place) % 2**64 for place in range(1, 400)], dtype=np.uint64
    )  # multiplied they are 1, 2, 3: all at the first place
    firsts = Firsts(1024)
    assert not firsts.tell(ids, np.zeros(399, dtype=np.uint32)).duplicate.any()
    assert firsts.tell(ids, np.zeros(399, dtype=np.uint32)).duplicate.all()


def test_no_rows() -> None:
    told = Firsts().tell(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint32))
    assert len(told.duplicate) == len(told.contradicting) == 0
