"""Slices that are proposed: what groups rows and what tells them apart, at most 64, the ones with traffic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tui_monitor.analyse.performance.slicing.candidates import LEARN, MOST, Candidates
from tui_monitor.analyse.performance.slicing.slices import predicate

ROWS = 1200


def column(values: list[Any]) -> NDArray[Any]:
    return np.array([*values, None], dtype=object)[:-1]


def chosen(random: np.random.Generator, values: list[Any], shares: list[float], rows: int = ROWS) -> NDArray[Any]:
    return column([values[place] for place in random.choice(len(values), rows, p=shares)])


def proposed(values: NDArray[Any], name: str = "x") -> list[str]:
    candidates = Candidates()
    candidates.add({name: values})
    return [one.name for one in candidates.slices]


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(8)


def test_categories_with_most_traffic_first(random: np.random.Generator) -> None:
    values = chosen(random, ["de", "fr", "en", "it", None], [0.5, 0.3, 0.1, 0.002, 0.098])
    assert proposed(values, "lang") == ['lang == "de"', 'lang == "fr"', 'lang == "en"', "lang is unknown"]


def test_categories_are_one_whatever_their_case_and_called_as_they_mostly_are(random: np.random.Generator) -> None:
    texts = proposed(chosen(random, ["New York", "NEW YORK", "Rome"], [0.5, 0.2, 0.3]))
    assert texts == ['x == "New York"', 'x == "Rome"']


def test_numbers_are_cut_into_quarters_with_edges_that_can_be_read(random: np.random.Generator) -> None:
    words = random.integers(0, 100, ROWS).astype(float)
    texts = proposed(words, "words")
    assert len(texts) == 4
    table = {"words": words}
    masks = [predicate(text).fits(table) for text in texts]
    assert np.array_equal(np.sum(masks, axis=0), np.ones(ROWS))  # every row is in one
    assert all(0.2 < mask.mean() < 0.3 for mask in masks)
    edges = {word for text in texts for word in text.split() if word[0].isdigit()}
    assert all(len(edge) <= 2 for edge in edges)
    long_ = proposed(random.lognormal(6, 1, ROWS), "prompt-tokens")
    assert all(text.startswith("`prompt-tokens` ") for text in long_)
    assert all(len(word) <= 4 for text in long_ for word in text.split() if word[0].isdigit())


def test_few_numbers_are_categories(random: np.random.Generator) -> None:
    assert sorted(proposed(random.integers(0, 2, ROWS).astype(float), "flag")) == ["flag == 0", "flag == 1"]
    stars = column([str(star) for star in random.integers(1, 6, ROWS)])
    assert sorted(proposed(stars, "stars")) == [f"stars == {star}" for star in range(1, 6)]


def test_a_column_that_is_mostly_one_number_gives_what_can_be_told_apart(random: np.random.Generator) -> None:
    texts = proposed(np.where(random.random(ROWS) < 0.6, 0.0, random.random(ROWS) + 0.5))
    assert texts[0] == "x <= 0"
    assert len(texts) in (2, 3)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("uuid", column([f"u-{n}" for n in range(ROWS)])),
        ("text", column([f"words and more words {n % 700}" for n in range(ROWS)])),
        ("essay", column(["word " * 100 if n % 2 else "other " * 100 for n in range(ROWS)])),
        ("row", np.arange(ROWS, dtype=float)),
        ("seen_at", 1.7e9 + np.cumsum(np.full(ROWS, 0.3))),
        ("user_id", np.random.default_rng(1).integers(0, 10**9, ROWS).astype(float)),
        ("userId", np.random.default_rng(1).integers(0, 10**9, ROWS).astype(float)),
        ("same", column(["x"] * ROWS)),
        ("zero", np.zeros(ROWS)),
        ("empty", column([None] * ROWS)),
        ("nan", np.full(ROWS, np.nan)),
        ("odd`name", column(["a", "b"] * (ROWS // 2))),
        ("controls", column(["a\x1b[31m", "b\nc"] * (ROWS // 2))),
        ("objects", column([[n % 2] for n in range(ROWS)])),
        ("nearly", column(["y"] * 40 + ["x"] * (ROWS - 40))),  # 97 % is the log itself
    ],
)
def test_what_tells_rows_apart_or_nothing_at_all_makes_no_slices(name: str, values: NDArray[Any]) -> None:
    assert proposed(values, name) == (['nearly == "y"'] if name == "nearly" else [])


def test_columns_kept_apart_are_never_sliced() -> None:
    candidates = Candidates(apart=["sex", "id"])
    candidates.add({"sex": column(["f", "m"] * ROWS), "id": column(["a", "b"] * ROWS), "lang": column(["de", "fr"] * ROWS)})
    assert [one.columns for one in candidates.slices] == [("lang",), ("lang",)]
    assert "sex" not in repr(vars(candidates)["_counts"])


def test_nothing_is_proposed_before_there_are_enough_rows_and_nothing_at_all_when_it_is_off() -> None:
    candidates = Candidates()
    batch = {"lang": column(["de", "fr"] * 200)}
    assert [candidates.add(batch) for _ in range(3)] == [False, False, True]
    assert candidates._first is None  # the first rows are not kept
    early = Candidates()
    early.add(batch)
    assert early.slices == []
    assert early.settle()
    assert len(early.slices) == 2
    off = Candidates([predicate("words > 3", "long")], automatic=False)
    assert not any(off.add(batch) for _ in range(20))
    assert not off.settle()
    assert [one.name for one in off.slices] == ["long"]


def test_at_most_64_by_traffic_and_the_configured_ones_stay() -> None:
    configured = [predicate(f"words > {n}", f"own{n}") for n in range(10)]
    candidates = Candidates(configured)
    random = np.random.default_rng(3)
    batch = {f"c{n}": random.integers(0, 5, ROWS).astype(float) for n in range(20)} | {"words": random.integers(0, 5, ROWS).astype(float)}
    candidates.add(batch)
    assert len(candidates.slices) == MOST
    assert candidates.slices[:10] == configured
    assert candidates.left_out == 21 * 5 - 54
    shares = [float(one.fits(batch).mean()) for one in candidates.slices[10:]]
    assert min(shares) >= 0.19


def test_an_expression_that_is_configured_is_not_proposed_again() -> None:
    candidates = Candidates([predicate('lang == "de"', "german")])
    candidates.add({"lang": column(["de", "fr"] * ROWS)})
    assert [one.name for one in candidates.slices] == ["german", 'lang == "fr"']


def test_a_new_category_becomes_a_slice_when_it_is_frequent() -> None:
    candidates = Candidates()
    candidates.add({"lang": column(["de", "fr"] * ROWS)})
    assert not candidates.add({"lang": column(["de", "fr"] * 490 + ["ja"] * 20)})
    assert candidates.add({"lang": column(["de", "fr"] * 450 + ["ja"] * 100)})
    assert candidates.slices[-1].name == 'lang == "ja"'
    assert not candidates.add({"lang": column(["de", "fr"] * 450 + ["ja"] * 100)})


def test_where_no_place_is_free_the_one_with_least_traffic_gives_way() -> None:
    candidates = Candidates([predicate("words > 3", "long")], most=3)
    candidates.add({"lang": column(["de"] * 500 + ["fr"] * 300 + ["it"] * 200)})
    assert [one.name for one in candidates.slices] == ["long", 'lang == "de"', 'lang == "fr"']
    assert candidates.left_out == 1
    assert not candidates.add({"lang": column(["de"] * 700 + ["fr"] * 170 + ["ja"] * 200)})
    assert candidates.left_out == 2
    assert candidates.add({"lang": column(["de"] * 700 + ["fr"] * 20 + ["ja"] * 300)})
    assert [one.name for one in candidates.slices] == ["long", 'lang == "de"', 'lang == "ja"']
    assert candidates.left_out == 2


def test_memory_is_bounded() -> None:
    candidates = Candidates()
    batch = {f"c{n}": column([f"{n}-{row % 7}" for row in range(LEARN)]) for n in range(300)}
    candidates.add(batch)
    assert len(candidates.slices) == MOST
    for step in range(3):
        candidates.add({"c0": column([f"new{step}-{row}" for row in range(LEARN)])})
    assert sum(len(counter) for counter in candidates._counts.values()) == 0
    assert len(candidates._counts) <= 200
    assert len(candidates._waiting) <= 2000
