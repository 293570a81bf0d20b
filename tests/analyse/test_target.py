"""Pages in, the vocabulary's numbers out."""

from __future__ import annotations

import math
import random

import pytest

from tui_monitor.analyse.counters import rate as prometheus_rate
from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.mapping import Says, SignalSource, latest, mean, per, quantiles, rate, total
from tui_monitor.model import Layout, Page, SeriesKey

SAYS = Says(
    measures={
        "request.rate": rate(total("ok_total", "ok") + total("failed_total", optional=True)),
        "error.ratio": per(
            rate(total("failed_total", optional=True)), rate(total("ok_total", "ok") + total("failed_total", optional=True))
        ),
        "queue.length": latest("waiting"),
        "kv_cache.used": latest("cache", worst=True),
        "queue.time.mean": mean("wait_seconds"),
        **quantiles("latency", "latency_ms", unit=1e-3),
    },
    by=("model", "version"),
    cannot={"token.rate.generated": "serves no language model"},
    at_least={"error.ratio": "refused requests are not counted"},
    signals=(SignalSource("latency_ms", "latency"), SignalSource("ok_total", "output", "reason")),
    progress=total("ok_total", "ok"),
)


class Pages:
    """Makes pages from text like `requests_total{model="a"}`; the layout object stays while the series do."""

    def __init__(self) -> None:
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def page(self, values: dict[str, float], damaged: str = "") -> Page:
        names = tuple(values)
        if names not in self._layouts:
            self._layouts[names] = Layout(tuple(series(name) for name in names), {})
        return Page(self._layouts[names], list(values.values()), 100, damaged=damaged)


def series(text: str) -> SeriesKey:
    name, _, labels = text.rstrip("}").partition("{")
    pairs = (pair.split("=", 1) for pair in labels.split(",") if pair)
    return SeriesKey(name, tuple(sorted((label, value.strip('"')) for label, value in pairs)))


def numbers(*steps: tuple[float, dict[str, float]], interval_s: float = 2.0) -> TargetNumbers:
    result, pages = TargetNumbers(SAYS, interval_s), Pages()
    for at_s, values in steps:
        result.observe(at_s, pages.page(values))
    return result


def test_before_the_first_page_every_key_is_there_and_unknown() -> None:
    measured = TargetNumbers(SAYS, 2.0).measure(10.0)
    assert set(measured.metrics) == set(SAYS.measures) | set(SAYS.cannot)
    assert set(measured.metrics.values()) == {None}
    assert measured.absent["request.rate"] == "no page read yet"
    assert measured.absent["token.rate.generated"] == "serves no language model"


def test_one_page_gives_gauges_and_no_rates() -> None:
    measured = numbers((100.0, {"ok_total": 5, "waiting": 3})).measure(100.0)
    assert measured.metrics["queue.length"] == 3
    assert measured.metrics["request.rate"] is None
    assert measured.absent["request.rate"] == "no second sample yet"
    assert measured.absent["latency.p95"] == "not counted by this server"
    assert measured.absent["kv_cache.used"] == "not counted by this server"
    assert "queue.length" not in measured.absent


def test_two_pages_give_the_rate_over_the_time_that_is_known() -> None:
    measured = numbers((100.0, {"ok_total": 500}), (104.0, {"ok_total": 520})).measure(104.0)
    assert measured.metrics["request.rate"] == pytest.approx(5.0)
    assert measured.covered_s == pytest.approx(4.0)
    assert measured.series["request.rate"] == "ok_total"


def test_a_filled_window_agrees_with_prometheus_whatever_restarts() -> None:
    chance = random.Random(7)
    samples, value, at_s = [], 0.0, 1000.0
    for _ in range(100):
        at_s += chance.uniform(1.5, 2.5)
        value = 0.0 if chance.random() < 0.05 else value + chance.randrange(20)
        samples.append((at_s, value))
    target = numbers(*((at, {"ok_total": value}) for at, value in samples))
    for width_s in (15.0, 60.0, 120.0):
        now_s = at_s + 0.7
        expected = prometheus_rate(samples, now_s - width_s, now_s)
        assert target.measure(now_s, width_s).metrics["request.rate"] == pytest.approx(expected, rel=1e-12)


def test_replicas_are_summed_each_with_its_own_restarts() -> None:
    first = {'ok_total{engine="0"}': 100.0, 'ok_total{engine="1"}': 1000.0}
    second = {'ok_total{engine="0"}': 110.0, 'ok_total{engine="1"}': 1020.0}
    third = {'ok_total{engine="0"}': 4.0, 'ok_total{engine="1"}': 1040.0}
    measured = numbers((0.0, first), (2.0, second), (4.0, third)).measure(4.0)
    assert measured.metrics["request.rate"] == pytest.approx((10 + 4 + 40) / 4)


def test_a_family_that_vanishes_is_unknown_and_never_negative() -> None:
    both = {'ok_total{model="a",version="1"}': 10.0, 'ok_total{model="b",version="1"}': 900.0, "waiting": 0.0}
    one = {'ok_total{model="a",version="1"}': 14.0, "waiting": 0.0}
    target = numbers((0.0, both), (2.0, both), (4.0, one), (6.0, one))
    measured = target.measure(6.0)
    assert measured.metrics["request.rate"] == pytest.approx(4 / 6)
    assert list(measured.models) == [("a", "1")]
    target.observe(8.0, Pages().page({"waiting": 0.0}))
    measured = target.measure(8.0)
    assert (measured.metrics["request.rate"], measured.absent["request.rate"]) == (None, "no longer on its page")
    assert measured.models == {}
    target.observe(10.0, Pages().page(both))  # loaded again
    target.observe(12.0, Pages().page(both))
    assert target.measure(12.0).metrics["request.rate"] >= 0  # type: ignore[operator]


def test_the_first_error_counts_though_its_series_was_not_there_before() -> None:
    quiet, broken = {"ok_total": 10.0}, {"ok_total": 13.0, "failed_total": 1.0}
    target = numbers((0.0, quiet), (2.0, quiet))
    assert target.measure(2.0).metrics["error.ratio"] is None
    assert target.measure(2.0).absent["error.ratio"] == "nothing observed in the window"
    target.observe(4.0, Pages().page(broken))
    measured = target.measure(4.0)
    assert measured.metrics["error.ratio"] == pytest.approx(1 / (3 + 1))
    assert measured.at_least == ["error.ratio"]


def test_no_errors_is_a_known_zero_when_their_family_comes_with_the_first() -> None:
    measured = numbers((0.0, {"ok_total": 10.0}), (2.0, {"ok_total": 20.0})).measure(2.0)
    assert measured.metrics["error.ratio"] == 0.0


def test_the_worst_cache_and_the_whole_queue() -> None:
    page = {'cache{engine="0"}': 0.2, 'cache{engine="1"}': 0.9, 'waiting{engine="0"}': 1.0, 'waiting{engine="1"}': 2.0}
    metrics = numbers((0.0, page)).measure(0.0).metrics
    assert (metrics["kv_cache.used"], metrics["queue.length"]) == (0.9, 3.0)


def test_a_gauge_that_is_not_a_number_is_unknown() -> None:
    measured = numbers((0.0, {"waiting": math.nan})).measure(0.0)
    assert (measured.metrics["queue.length"], measured.absent["queue.length"]) == (None, "its page has no number for it")


def latency(fast: float, slow: float, open_end: float, total_ms: float) -> dict[str, float]:
    return {
        'latency_ms_bucket{le="100"}': fast,
        'latency_ms_bucket{le="200"}': fast + slow,
        'latency_ms_bucket{le="+Inf"}': fast + slow + open_end,
        "latency_ms_sum": total_ms,
        "latency_ms_count": fast + slow + open_end,
    }


def test_quantiles_come_in_seconds_with_their_bucket() -> None:
    measured = numbers((0.0, latency(100, 0, 0, 5000)), (2.0, latency(150, 50, 0, 15000))).measure(2.0)
    assert measured.metrics["latency.p50"] == pytest.approx(0.1)
    assert measured.metrics["latency.p95"] == pytest.approx(0.19)
    assert measured.bounds["latency.p95"] == pytest.approx((0.1, 0.2))
    assert measured.metrics["latency.mean"] == pytest.approx(0.1)
    assert measured.series["latency.p95"] == "latency_ms"


def test_a_quantile_in_the_open_bucket_is_a_lower_bound() -> None:
    measured = numbers((0.0, latency(0, 0, 0, 0)), (2.0, latency(50, 0, 50, 15000))).measure(2.0)
    assert measured.metrics["latency.p99"] == pytest.approx(0.2)
    assert "latency.p99" in measured.at_least
    assert "latency.p99" not in measured.bounds


def test_nothing_observed_is_unknown_for_latencies_and_zero_for_rates() -> None:
    page = latency(50, 0, 0, 100) | {"ok_total": 3.0}
    measured = numbers((0.0, page), (2.0, page)).measure(2.0)
    assert measured.metrics["request.rate"] == 0.0
    for key in ("latency.p50", "latency.mean", "error.ratio"):
        assert (measured.metrics[key], measured.absent[key]) == (None, "nothing observed in the window")


def test_models_have_their_own_numbers() -> None:
    def page(a: float, b: float) -> dict[str, float]:
        return {'ok_total{model="a",version="1"}': a, 'ok_total{model="b",version="2"}': b, 'waiting{model="a",version="1"}': 7.0}

    models = numbers((0.0, page(0, 0)), (2.0, page(10, 30))).measure(2.0).models
    assert models["a", "1"]["request.rate"] == pytest.approx(5)
    assert models["b", "2"]["request.rate"] == pytest.approx(15)
    assert (models["a", "1"]["queue.length"], models["b", "2"]["queue.length"]) == (7.0, None)


def test_a_damaged_page_is_never_used() -> None:
    target, pages = numbers((0.0, {"ok_total": 100.0, "waiting": 1.0}), (2.0, {"ok_total": 110.0, "waiting": 1.0})), Pages()
    target.observe(4.0, pages.page({"ok_total": 5.0, "waiting": 9.0}, damaged="cut"))
    measured = target.measure(4.0)
    assert measured.metrics["request.rate"] == pytest.approx(5.0)
    assert (measured.metrics["queue.length"], measured.absent["queue.length"]) == (None, "target silent for 2 s")


def test_silence_ends_gauges_at_once_and_rates_after_a_while() -> None:
    target = numbers((0.0, {"ok_total": 0.0, "waiting": 1.0}), (2.0, {"ok_total": 10.0, "waiting": 1.0}))
    target.gone(4.0)
    soon, later = target.measure(6.0), target.measure(19.0)
    assert (soon.metrics["request.rate"], soon.metrics["queue.length"]) == (pytest.approx(5.0), None)
    assert (later.metrics["request.rate"], later.absent["request.rate"]) == (None, "target silent for 17 s")
    assert later.absent["latency.p95"] == "not counted by this server"
    assert target.work is None
    target.observe(20.0, Pages().page({"ok_total": 12.0, "waiting": 4.0}))
    assert (target.measure(20.0).metrics["queue.length"], target.work) == (4.0, 4.0)


def test_progress_is_the_time_of_the_last_growth() -> None:
    target = numbers((0.0, {"ok_total": 5.0}), (2.0, {"ok_total": 5.0}))
    assert target.progress_at_s is None
    pages = Pages()
    for at_s, value in ((4.0, 6.0), (6.0, 6.0), (8.0, 6.0)):
        target.observe(at_s, pages.page({"ok_total": value}))
    assert target.progress_at_s == 4.0
    assert target.measure(8.0).tells_progress


def test_long_windows_are_exact_though_rows_are_thinned() -> None:
    pages, target = Pages(), TargetNumbers(SAYS, 5.0)
    value, grown = 0.0, 0.0
    for step in range(3 * 720):  # three hours, a restart every half hour
        value = 0.0 if step % 360 == 0 else value + 5
        grown += 0 if step % 360 == 0 else 5
        target.observe(step * 5.0, pages.page({"ok_total": value}))
    measured = target.measure(step * 5.0, 86_400.0)
    assert measured.metrics["request.rate"] == pytest.approx(grown / (step * 5.0))
    assert measured.covered_s == pytest.approx(step * 5.0)
    assert sum(len(tier.rows) for tier in target._past._tiers) < 900


def test_layout_changes_every_page_and_memory_stays_bounded() -> None:
    pages, target = Pages(), TargetNumbers(SAYS, 2.0)
    for step in range(600):
        labels = {f'ok_total{{model="m{step + i}"}}': float(step) for i in range(5)}
        target.observe(step * 2.0, pages.page(labels | {"ok_total": 2.0 * step}))
    assert len(target._columns) <= 210
    assert target.measure(step * 2.0).metrics["request.rate"] is not None


def test_too_many_series_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.analyse.target.MAX_COLUMNS", 50)
    measured = numbers((0.0, {f'ok_total{{model="m{i}"}}': 1.0 for i in range(60)})).measure(0.0)
    assert measured.left_out == 10
    assert len(measured.models) <= 64


def test_signals_only_ever_grow_through_restarts_and_replicas() -> None:
    def page(low: float, all_rows: float, stop: float) -> dict[str, float]:
        return {
            'latency_ms_bucket{engine="0",le="100"}': low,
            'latency_ms_bucket{engine="1",le="100"}': 10.0,
            'latency_ms_bucket{engine="0",le="+Inf"}': all_rows,
            'latency_ms_bucket{engine="1",le="+Inf"}': 10.0,
            'ok_total{reason="length"}': 1.0,
            'ok_total{reason="stop"}': stop,
        }

    target = numbers((0.0, page(5, 8, 2)), (2.0, page(6, 10, 4)), (4.0, page(1, 1, 0)))
    role, edges, cumulative, categories, _ = target.histograms()["latency_ms"]
    assert (role, edges, cumulative, categories) == ("latency", [100.0], [17.0, 21.0], None)
    assert target.histograms()["ok_total{reason}"] == ("output", [], [1.0, 4.0], ["length", "stop"], None)


def test_a_clock_set_back_begins_anew() -> None:
    target = numbers((1000.0, {"ok_total": 5.0}), (1002.0, {"ok_total": 6.0}), (500.0, {"ok_total": 7.0}), (502.0, {"ok_total": 9.0}))
    assert target.measure(502.0).metrics["request.rate"] == pytest.approx(1.0)


def test_what_only_a_flag_puts_on_the_page_names_the_flag() -> None:
    says = Says(
        measures={"latency.p95": latest("summary", where={"quantile": "0.95"})}, needs={"latency.p95": "needs --metrics-config x=true"}
    )
    numbers = TargetNumbers(says, 1.0)
    numbers.observe(1.0, Page(Layout((SeriesKey("other", ()),), {}), [1.0], 10))
    assert numbers.measure(1.0).absent["latency.p95"] == "needs --metrics-config x=true"
