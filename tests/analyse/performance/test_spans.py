"""Sums between borders: any window is their sum, whatever was asked for beside it, however the rows came."""

from __future__ import annotations

import numpy as np
import pytest

from tui_monitor.analyse.performance.counting import spans as module
from tui_monitor.analyse.performance.counting.counts import Batch, Counts
from tui_monitor.analyse.performance.counting.layout import Classes, Layout
from tui_monitor.analyse.performance.counting.spans import Borders, Spans, end_after, series

HOUR_S = 3600.0


def _batch(rows: int, seed: int = 1) -> Batch:
    chance = np.random.default_rng(seed)
    score = chance.random(rows)
    label = np.where(chance.random(rows) < 0.8, chance.random(rows) < score, -1).astype(np.int32)
    return Batch(np.sort(chance.random(rows)) * 50 * HOUR_S, (score > 0.5).astype(np.int32), label, score)


def _direct(layout: Layout, batch: Batch, start_s: float, end_s: float) -> Counts:
    counts = Counts(layout)
    rows = batch.take((batch.at_s >= start_s) & (batch.at_s < end_s))
    counts.add_rows(rows)
    counts.add_labels(rows)
    return counts


@pytest.mark.parametrize(
    ("at_s", "step_s", "end_s"), [(0.0, 60.0, 60.0), (59.9, 60.0, 60.0), (60.0, 60.0, 120.0), (7200.0, 3600.0, 10_800.0)]
)
def test_an_end_lies_after_its_row(at_s: float, step_s: float, end_s: float) -> None:
    assert end_after(at_s, step_s) == end_s


def test_a_span_ends_at_every_border_and_nowhere_else() -> None:
    borders = Borders([100.0, 250.0], [(60.0, 0.0), (60.0, -90.0)])
    moments = np.arange(0.0, 400.0, 0.5)
    spans = borders.spans(moments)
    rises = moments[1:][np.diff(spans) > 0].tolist()
    assert rises == sorted({100.0, 250.0} | {float(at) for at in range(30, 400, 30)})
    assert (np.diff(spans) >= 0).all()


@pytest.mark.parametrize("order", ["as they came", "backwards", "in no order"])
@pytest.mark.parametrize("open_spans", [2, 64])
@pytest.mark.parametrize("held", [50, 10_000])
def test_any_window_is_the_sum_of_its_rows(order: str, open_spans: int, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OPEN", open_spans)
    monkeypatch.setattr(module, "_HELD", held)
    batch = _batch(2000)
    layout = Layout("binary", Classes(["0", "1"]), scores=True, sampled=False)
    end_s = 50 * HOUR_S
    widths = (90.0, 5 * HOUR_S, 24 * HOUR_S)
    spans = Spans(layout, Borders([end_s, *(end_s - w for w in widths)], [(HOUR_S, 0.0), *((HOUR_S, -w) for w in widths)]), [None, "half"])
    places = {
        "as they came": np.arange(2000),
        "backwards": np.arange(2000)[::-1],
        "in no order": np.random.default_rng(3).permutation(2000),
    }
    half = np.arange(2000) % 2 == 0
    for part in np.array_split(places[order], 17):
        spans.add(batch.take(part), {"half": half[part]})
    spans.finish()
    assert spans.oldest_s == batch.at_s[0]
    assert spans.newest_s == batch.at_s[-1]
    ends = [hour * HOUR_S for hour in range(1, 51)]
    for name, rows in ((None, batch), ("half", batch.take(half))):
        for width_s in (*widths, None):
            for moment, counts in series(spans, name, width_s, ends):
                direct = _direct(layout, rows, -1.0 if width_s is None else moment.end_s - width_s, moment.end_s)
                assert counts.rows == direct.rows
                np.testing.assert_allclose(counts.vector, direct.vector, rtol=1e-12, atol=1e-12)


def test_nothing_is_left_of_a_large_error_that_has_left() -> None:
    layout = Layout("regression", sampled=False)
    spans = Spans(layout, Borders([], [(HOUR_S, 0.0)]))
    at_s = np.arange(0.0, 20 * HOUR_S, 600.0)
    said = np.sin(at_s)
    said[3] = 1e15
    spans.add(Batch(at_s, said, np.zeros(len(at_s))), {})
    spans.finish()
    windows = [
        (moment.end_s, counts["errors"].copy()) for moment, counts in series(spans, None, 2 * HOUR_S, [h * HOUR_S for h in range(1, 21)])
    ]
    assert windows[0][1][2] > 1e29
    for end_s, errors in windows[2:]:
        inside = said[(at_s >= end_s - 2 * HOUR_S) & (at_s < end_s)]
        assert errors[1] == pytest.approx(np.abs(inside).sum(), rel=1e-13)


def test_classes_that_come_late_find_their_places() -> None:
    classes = Classes()
    layout = Layout("multiclass", classes, sampled=False)
    spans = Spans(layout, Borders([], [(10.0, 0.0)]))
    for place in range(30):  # more than the layout has places for at first
        code = classes.code(f"c{place}")
        spans.add(Batch(np.array([place * 10.0]), np.array([code], np.int32), np.array([max(code - 1, 0)], np.int32)), {})
    spans.finish()
    ((_, counts),) = series(spans, None, None, [300.0])
    wanted = np.zeros((30, 30), dtype=int)
    for place in range(30):
        wanted[max(place - 1, 0), place] += 1
    assert (counts.confusion == wanted).all()
