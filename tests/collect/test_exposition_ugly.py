"""Every hand-made nasty page: what a correct reader keeps of it, and what then becomes of the numbers."""

from __future__ import annotations

import asyncio
import gzip
import math
import socket
from pathlib import Path

import pytest
from loopback import reply, serving
from msgspec import Struct

from tui_monitor.analyse.histogram import monotone, quantile
from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.http import Answer, Client
from tui_monitor.mapping import Says, latest, rate, total
from tui_monitor.model import Failure, Page

UGLY = Path(__file__).parent.parent / "pages" / "ugly"


class Expected(Struct, frozen=True):
    """Samples in order of the page."""

    samples: list[str]
    bad_lines: int = 0
    damaged: str = ""


PAGES = {
    "bad-line-in-the-middle.prom": Expected(
        ["a 1.0", "b 2.0"],
        bad_lines=3,
    ),
    "bom.prom": Expected(
        ["m 1.0"],
    ),
    "counter-reset-1.prom": Expected(
        ["requests_total{model=a} 1000.0", "requests_total{model=b} 50.0"],
    ),
    "counter-reset-2.prom": Expected(
        ["requests_total{model=a} 12.0", "requests_total{model=c} 3.0"],
    ),
    "created-series.prom": Expected(
        [
            "reqs_total{model=a} 10.0",
            "reqs_created{model=a} 1795247223.4859972",
            "iteration_tokens_total_bucket{le=1.0} 1.0",
            "iteration_tokens_total_bucket{le=+Inf} 2.0",
            "iteration_tokens_total_count 2.0",
            "iteration_tokens_total_sum 9.0",
            "iteration_tokens_total_created 1795247223.4867406",
        ],
    ),
    "crlf.prom": Expected(
        ["up{a=b} 1.0", "requests_total 3.0"],
    ),
    "duplicate-series.prom": Expected(
        ["requests_total{model=a} 12.0", "queue{model=a, pod=x} 2.0", "requests_total{model=b} 5.0"],
        bad_lines=2,
    ),
    "empty-braces.prom": Expected(
        [":tensorflow:core:graph_runs 21558640.0"],
    ),
    "escaped-labels.prom": Expected(
        [
            'm{brace=a}b{c, comma=x,y="z", eq==, nl=one two, path=C:\\models\\a, q=say "hi"} 1.0',
            "m{path=tab here, uni=模型-é-🙂} 2.0",
            "m{ansi=red} 3.0",
            "m 4.0",
            "m{bad=unknown \\q escape} 5.0",
            "m{markup=[red]not markup[/red] [/]} 6.0",
        ],
    ),
    "histogram-broken.prom": Expected(
        [
            "h_bucket{le=0.5} 7.0",
            "h_bucket{le=0.1} 9.0",
            "h_bucket{le=1} 8.0",
            "h_sum 4.0",
            "h_count 12.0",
            "no_inf_bucket{le=0.1} 1.0",
            "no_inf_bucket{le=1} 3.0",
            "no_inf_sum 1.1",
            "no_inf_count 5.0",
            "dup_le_bucket{le=1} 2.0",
            "dup_le_bucket{le=1.0} 2.0",
            "dup_le_bucket{le=+Inf} 2.0",
            "dup_le_sum 1.0",
            "dup_le_count 2.0",
        ],
    ),
    "latin1.prom": Expected(
        ["m{name=caf�} 1.0", "m{name=ok} 2.0"],
    ),
    "missing-type.prom": Expected(
        [
            "requests_total{model=a} 10.0",
            "latency_seconds_bucket{le=0.1} 3.0",
            "latency_seconds_bucket{le=+Inf} 5.0",
            "latency_seconds_sum 1.5",
            "latency_seconds_count 5.0",
            "only_help 3.0",
        ],
    ),
    "nan-inf.prom": Expected(
        [
            "tokens_per_second{model=a} nan",
            "tokens_per_second{model=b} inf",
            "tokens_per_second{model=c} -inf",
            "tokens_per_second{model=d} 1e-09",
            "tokens_per_second{model=e} -0.0",
            "latency_seconds{quantile=0.5} nan",
            "latency_seconds{quantile=0.99} nan",
            "latency_seconds_sum 0.0",
            "latency_seconds_count 0.0",
            "requests_total nan",
        ],
    ),
    "no-trailing-newline.prom": Expected(
        ["up 1.0", "requests_total 42.0"],
    ),
    "nul-bytes.prom": Expected(
        ["m{name=a b} 1.0", "m{name=ok} 2.0"],
        bad_lines=1,
    ),
    "number-forms.prom": Expected(
        ["n{f=sci} 115891634176.0", "n{f=plus} 5.0", "n{f=big} 9.223372036854776e+18", "n{f=after} 8.0"],
        bad_lines=4,
    ),
    "openmetrics-after-eof.prom": Expected(
        ["a 1.0"],
    ),
    "openmetrics-exemplars.prom": Expected(
        [
            "request_seconds_bucket{le=0.1} 8.0",
            "request_seconds_bucket{le=1.0} 10.0",
            "request_seconds_bucket{le=+Inf} 11.0",
            "request_seconds_count 11.0",
            "request_seconds_sum 3.2",
            "request_seconds_created 1520872607.123",
            "requests_total{code=200} 17.0",
            "requests_created{code=200} 1520872607.123",
            "build_info{version=1.2} 1.0",
            "state{state=ready} 1.0",
            "state{state=loading} 0.0",
            "g{a=b} 1000.0",
        ],
    ),
    "otlp-native-histogram.prom": Expected(
        ["ok_after 1.0"],
        bad_lines=1,
    ),
    "sentinel-values.prom": Expected(
        ["DCGM_FI_DEV_MEMORY_TEMP{gpu=0} 9.223372036854776e+18", "DCGM_FI_DEV_POWER_USAGE{gpu=0} 140737488355328.0", "queue_depth -1.0"],
    ),
    "truncated-value.prom": Expected(
        ["requests_total{model=a} 1000.0", "requests_total{model=b} 12.0"],
    ),
    "truncated.prom": Expected(
        ["requests_total{model=a} 10.0", "requests_total{model=b} 20.0", "latency_seconds_bucket{le=0.1, model=a} 3.0"],
        bad_lines=1,
        damaged="cut inside its last line",
    ),
    "utf8-quoted-names.prom": Expected(
        ["my.dotted.metric{label.with.dot=v, 模型=a} 5.0", "my.dotted.metric 6.0", "plain{quoted.label=x} 7.0"],
    ),
    "whitespace.prom": Expected(
        ["up{a=b, c=d} 1.0", "queue 3.0", "last{x=y} 2.0"],
    ),
}
REFUSED = {
    "empty.prom": Failure("empty", "the page is empty"),
    "only-comments.prom": Failure("empty", "only comments on the page"),
    "html-200.html": Failure("not_metrics", "a web page, not a metrics page"),
    "gzip-body.prom.gz": Failure("not_metrics", "compressed, and not said to be"),
}


def read(name: str, reader: PageReader | None = None) -> Page:
    page = (reader or PageReader()).read((UGLY / name).read_bytes())
    assert isinstance(page, Page), page
    return page


def samples(page: Page) -> list[str]:
    return [
        f"{key.name}{{{', '.join(f'{label}={value}' for label, value in key.labels)}}} {number!r}"
        if key.labels
        else f"{key.name} {number!r}"
        for key, number in zip(page.layout.series, page.values, strict=True)
    ]


def test_no_page_is_forgotten() -> None:
    assert {path.name for path in UGLY.iterdir()} == {*PAGES, *REFUSED, "huge-line.prom"}


@pytest.mark.parametrize("name", PAGES)
def test_the_good_part_is_kept_the_bad_part_counted(name: str) -> None:
    reader, expected = PageReader(), PAGES[name]
    for _ in range(2):
        page = read(name, reader)
        assert samples(page) == expected.samples
        assert (page.bad_lines, page.damaged, page.limited) == (expected.bad_lines, expected.damaged, "")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_page_says_why(name: str) -> None:
    assert PageReader().read((UGLY / name).read_bytes()) == REFUSED[name]


def test_a_huge_line_is_read_and_a_huge_help_does_not_matter() -> None:
    page = read("huge-line.prom")
    assert [(key.name, len(key.labels)) for key in page.layout.series] == [("big_info", 400), ("after_big", 0)]
    assert (page.values, page.bad_lines, page.limited) == ([1.0, 7.0], 0, "")


def test_a_huge_line_over_the_limit_is_left_out_and_said() -> None:
    page = PageReader(max_labels=399).read((UGLY / "huge-line.prom").read_bytes())
    assert isinstance(page, Page)
    assert samples(page) == ["after_big 7.0"]
    assert page.limited == "lines left out: 1, with more than 399 labels ([limits] labels), or more than 8,192 characters in one"
    assert page.damaged == ""


def test_a_compressed_body_is_the_page_that_it_holds() -> None:
    body = gzip.decompress((UGLY / "gzip-body.prom.gz").read_bytes())  # as the transport does, said or not: test_http.py
    page = PageReader().read(body)
    assert isinstance(page, Page)
    assert samples(page) == ["up 1.0", "requests_total 42.0"]


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("bad-line-in-the-middle.prom", {"a": "gauge"}),
        ("duplicate-series.prom", {"requests_total": "counter", "queue": "gauge"}),
        (
            "created-series.prom",
            {
                "reqs_total": "counter",
                "reqs_created": "gauge",
                "iteration_tokens_total": "histogram",
                "iteration_tokens_total_created": "gauge",
            },
        ),
        ("missing-type.prom", {"requests_total": "counter", "latency_seconds": "histogram", "only_type": "gauge"}),
        ("utf8-quoted-names.prom", {"my.dotted.metric": "gauge"}),
    ],
)
def test_types_as_declared_else_as_the_names_tell(name: str, types: dict[str, str]) -> None:
    assert read(name).layout.types == types


# -- what becomes of the numbers ----------------------------------------------------------------------------------------------------


def measured(says: Says, *names: str) -> tuple[dict[str, float | None], dict[str, str]]:
    reader, numbers = PageReader(), TargetNumbers(says, 2.0)
    for step, name in enumerate(names):
        numbers.observe(100.0 + 2.0 * step, read(name, reader))
    result = numbers.measure(100.0 + 2.0 * (len(names) - 1))
    return result.metrics, result.absent


@pytest.mark.parametrize(("model", "value"), [("a", None), ("b", None), ("c", None), ("d", 1e-9), ("e", 0.0)])
def test_a_gauge_that_is_no_number_is_unknown(model: str, value: float | None) -> None:
    says = Says(measures={"token.rate.generated": latest("tokens_per_second", where={"model": model})})
    metrics, absent = measured(says, "nan-inf.prom")
    assert metrics["token.rate.generated"] == value
    assert ("token.rate.generated" in absent) == (value is None)


def test_the_sum_of_gauges_leaves_out_what_is_no_number() -> None:
    metrics, _ = measured(Says(measures={"token.rate.generated": latest("tokens_per_second")}), "nan-inf.prom")
    assert metrics["token.rate.generated"] == 1e-9


def test_a_counter_that_is_no_number_gives_no_rate() -> None:
    metrics, absent = measured(Says(measures={"request.rate": rate(total("requests_total"))}), "nan-inf.prom", "nan-inf.prom")
    assert metrics["request.rate"] is None
    assert absent["request.rate"]


def test_a_restart_and_a_series_that_went_are_never_negative() -> None:
    metrics, _ = measured(Says(measures={"request.rate": rate(total("requests_total"))}), "counter-reset-1.prom", "counter-reset-2.prom")
    assert metrics["request.rate"] is not None
    assert metrics["request.rate"] >= 0
    assert metrics["request.rate"] <= (12 + 3) / 2.0


def test_a_cut_page_is_not_used() -> None:
    says = Says(measures={"request.rate": rate(total("requests_total")), "queue.length": latest("requests_total")})
    metrics, _ = measured(says, "truncated.prom")
    assert metrics["queue.length"] is None


def test_blank_values_of_an_exporter_are_not_measured() -> None:
    says = Says(
        measures={
            "queue.length": latest("DCGM_FI_DEV_MEMORY_TEMP"),
            "queue.time.mean": latest("DCGM_FI_DEV_POWER_USAGE"),
            "kv_cache.used": latest("queue_depth"),
        },
        blank=2147483632.0,
    )
    metrics, absent = measured(says, "sentinel-values.prom")
    assert metrics == {"queue.length": None, "queue.time.mean": None, "kv_cache.used": None}
    assert set(absent) == set(metrics)  # -1 is "unknown", too


def buckets(name: str) -> list[tuple[float, float]]:
    page = read("histogram-broken.prom")
    return [
        (float(dict(key.labels)["le"]), value)
        for key, value in zip(page.layout.series, page.values, strict=True)
        if key.name == f"{name}_bucket"
    ]


def test_buckets_out_of_order_and_falling_are_levelled_and_bounds_are_numbers() -> None:
    assert monotone(buckets("h")) == [(0.1, 9.0), (0.5, 9.0), (1.0, 9.0)]
    assert monotone(buckets("dup_le")) == [(1.0, 4.0), (math.inf, 4.0)]


def test_buckets_without_the_open_one_tell_no_quantile() -> None:
    assert quantile(0.5, buckets("no_inf")) is None  # as Prometheus


def test_a_page_cut_inside_a_number_is_known_by_its_transport() -> None:
    body = (UGLY / "truncated-value.prom").read_bytes()

    def cut(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(reply(body, length=len(body) + len(b"00\n")))
        connection.close()

    async def ask(url: str) -> Answer:
        client = Client(url, 5.0)
        try:
            return await client.get("/metrics")
        finally:
            await client.aclose()

    with serving(cut) as server:
        answer = asyncio.run(ask(server.url))
    assert answer.failure == Failure("damaged", f"the answer broke off after {len(body)} bytes")
