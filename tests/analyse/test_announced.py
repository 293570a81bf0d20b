"""A family with a TYPE line and no sample: nothing of it has happened yet, which is a known zero and not "not counted"."""

from __future__ import annotations

from tui_monitor.analyse.target import Measured, TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.mapping import Says, first, latest, mean, quantiles, rate, total

SAYS = Says(
    measures={
        "request.rate": rate(total("done_total")),
        "error.rate": first(rate(total("http_total", where={"code": "5.."})), rate(total("failed_total"))),
        "latency.mean": first(mean("http_seconds"), mean("took_seconds")),
        **{key: how for key, how in quantiles("ttft", "first_seconds").items() if key != "ttft.mean"},
        "queue.length": latest("waiting"),
    },
    by=("model",),
    progress=total("done_total"),
)
TYPES = b"up 1\n# TYPE done_total counter\n# TYPE first_seconds histogram\n# TYPE waiting gauge\n"


def measured(*pages: bytes, now_s: float | None = None) -> Measured:
    reader, numbers = PageReader(), TargetNumbers(SAYS, 2.0)
    for number, page in enumerate(pages):
        numbers.observe(1000.0 + 2 * number, reader.read(page))
    at_s = 998.0 + 2 * len(pages)
    if now_s is not None:
        numbers.gone(at_s + 2)
    return numbers.measure(at_s if now_s is None else now_s)


def test_a_counter_that_is_announced_stands_at_zero() -> None:
    told = measured(TYPES, TYPES)
    assert told.metrics["request.rate"] == 0.0
    assert told.absent["ttft.p95"] == "nothing observed in the window"
    assert told.tells_progress
    assert told.progress_at_s is None


def test_one_that_is_not_announced_is_not_counted() -> None:
    told = measured(b"other 1\n", b"other 1\n")
    assert told.metrics["request.rate"] is None
    assert told.absent["request.rate"] == "not counted by this server"
    assert not told.tells_progress


def test_a_gauge_without_a_sample_is_no_zero() -> None:
    assert measured(TYPES, TYPES).metrics["queue.length"] is None


def test_its_first_event_counts() -> None:
    assert measured(TYPES, TYPES + b'done_total{model="a"} 3\n').metrics["request.rate"] == 1.5
    assert measured(TYPES + b'done_total{model="a"} 3\n').metrics["request.rate"] is None  # when watching begins nobody knows since when


def test_a_silent_server_has_no_zero() -> None:
    assert measured(TYPES, TYPES, now_s=1060.0).metrics["request.rate"] is None


def test_a_family_whose_series_are_gone_is_not_announced_anew() -> None:
    told = measured(TYPES + b'done_total{model="a"} 3\n', TYPES + b'done_total{model="a"} 5\n', TYPES)
    assert told.absent["request.rate"] == "no longer on its page"


def test_a_model_takes_the_first_way_that_has_its_series() -> None:
    def page(ok: int, broken: int, failed: int) -> bytes:
        return (
            f'http_total{{code="200"}} {ok}\nhttp_total{{code="500"}} {broken}\nfailed_total{{model="a"}} {failed}\n'
            f'http_seconds_sum {ok}\nhttp_seconds_count {ok}\ntook_seconds_sum{{model="a"}} {ok / 2}\ntook_seconds_count{{model="a"}} {ok}\n'
        ).encode()

    told = measured(page(10, 1, 2), page(20, 3, 8))
    assert (told.metrics["error.rate"], told.metrics["latency.mean"]) == (1.0, 1.0)
    assert (told.models["a", ""]["error.rate"], told.models["a", ""]["latency.mean"]) == (3.0, 0.5)
