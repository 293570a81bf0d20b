"""What each kind says of its captured pages: every name it reads is really there, and every key of its vocabulary is said or explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.servers import triton, vllm
from tui_monitor.collect.servers.exporter import exporter_kind, measures_of
from tui_monitor.collect.servers.kind import Kind, base_name, fits, flag, json_of
from tui_monitor.collect.servers.places import places
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import ConfigError, TargetSettings
from tui_monitor.mapping import Latest, Measure, Quantile, Rate, Ratio, Sum, Total
from tui_monitor.model import Found, ModelAnswer, Page
from tui_monitor.vocabulary import VOCABULARY

PAGES = Path(__file__).parent.parent / "pages"
GENERAL = {
    "request.rate",
    "error.rate",
    "error.ratio",
    "reject.rate",
    "request.running",
    "queue.length",
    "queue.time.mean",
    "batch.size.mean",
}
GENERAL |= {"latency.mean", "latency.p50", "latency.p95", "latency.p99"}
GENERATION = {f"{key}.{part}" for key in ("ttft", "itl") for part in ("mean", "p50", "p95", "p99")} | {
    "token.rate.generated",
    "token.rate.prompt",
}
GENERATION |= {"kv_cache.used", "prefix_cache.hit_ratio", "preemption.rate"}


def page(name: str) -> Page:
    read = PageReader().read((PAGES / name).read_bytes())
    assert isinstance(read, Page)
    return read


def totals(measure: Measure) -> Iterator[tuple[Total, str]]:
    """Everything a measure reads, with the end of its name."""
    match measure:
        case Rate(of=of) | Latest(of=of):
            yield from ((term, "") for term in of.terms)
        case Ratio(over=over, under=under):
            yield from ((term, "") for term in (*over.of.terms, *under.of.terms))
        case Quantile(of=of):
            yield of, "_bucket"


def series_of(total: Total, read: Page, end: str = "") -> dict[tuple[tuple[str, str], ...], float]:
    """The series that a total sums: of its first name that the page has."""
    import re

    for name in total.names:
        found = {key.labels: value for key, value in zip(read.layout.series, read.values, strict=True) if key.name == name + end}
        if found:
            return {
                labels: value
                for labels, value in found.items()
                if all(re.fullmatch(regex, dict(labels).get(label, "")) for label, regex in total.where)
                and not any(re.fullmatch(regex, dict(labels).get(label, "")) for label, regex in total.unless)
            }
    return {}


def value_of(of: Sum, read: Page) -> float:
    return sum(sum(series_of(term, read).values()) for term in of.terms)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_keys_are_of_the_vocabulary_and_each_is_said_or_explained_once(kind: Kind) -> None:
    says = kind.says
    assert set(says.measures) | set(says.cannot) <= set(VOCABULARY)
    assert not set(says.measures) & set(says.cannot)
    assert set(says.measures) >= set(says.at_least) | set(says.needs)
    assert set(says.waiting) <= set(says.measures)
    if says.about == "server":
        assert set(says.measures) | set(says.cannot) >= GENERAL
    assert KINDS[kind.name] is kind


def test_vllm_tells_everything_of_generation() -> None:
    assert set(vllm.VLLM.says.measures) >= GENERATION
    assert set(vllm.VLLM.says.cannot) == {"batch.size.mean"}


@pytest.mark.parametrize("name", ["vllm/metrics.idle.prom", "vllm/metrics.prom", "vllm/metrics.load2.prom"])
def test_every_name_that_vllm_is_asked_for_is_on_its_page(name: str) -> None:
    read = page(name)
    for key, measure in vllm.VLLM.says.measures.items():
        for total, end in totals(measure):
            assert total.optional or series_of(total, read, end), (key, total)
    for signal in vllm.VLLM.says.signals:
        if signal.family == "vllm:time_per_output_token_seconds":  # the old name
            continue
        found = series_of(Total((signal.family,)), read, "" if signal.label else "_bucket")
        assert found
        assert all(signal.label in dict(labels) for labels in found) or not signal.label


def test_what_vllm_says_of_a_page_under_load() -> None:
    read, measures = page("vllm/metrics.prom"), vllm.VLLM.says.measures

    def now(key: str) -> float:
        measure = measures[key]
        assert isinstance(measure, Latest | Rate)
        return value_of(measure.of, read)

    assert (now("request.running"), now("queue.length"), now("kv_cache.used")) == (3, 6, 0.0003662556464412159)
    assert (now("request.rate"), now("error.rate"), now("reject.rate")) == (83, 0, 0)  # of these counters it will be the growth
    assert (now("token.rate.generated"), now("token.rate.prompt"), now("preemption.rate")) == (1619, 2331, 0)
    assert vllm.VLLM.says.progress is not None
    assert value_of(vllm.VLLM.says.progress, read) == 83 + 1619 + 2331


def test_vllm_errors_are_its_own_and_5xx_of_the_api_and_not_what_clients_did_wrong() -> None:
    body = (
        b'vllm:request_success_total{finished_reason="stop",model_name="m"} 90\n'
        b'vllm:request_success_total{finished_reason="error",model_name="m"} 5\n'
        b'vllm:request_success_total{finished_reason="abort",model_name="m"} 1\n'
        b'http_requests_total{handler="/v1/completions",method="POST",status="5xx"} 3\n'
        b'http_requests_total{handler="/v1/completions",method="POST",status="503"} 1\n'
        b'http_requests_total{handler="/v1/completions",method="POST",status="4xx"} 700\n'
        b'http_requests_total{handler="none",method="GET",status="5xx"} 900\n'
    )
    read = PageReader().read(body)
    assert isinstance(read, Page)
    errors, ratio = vllm.VLLM.says.measures["error.rate"], vllm.VLLM.says.measures["error.ratio"]
    assert isinstance(errors, Rate)
    assert isinstance(ratio, Ratio)
    assert value_of(errors.of, read) == value_of(ratio.over.of, read) == 9
    assert value_of(ratio.under.of, read) == 100


def test_names_of_an_older_vllm_are_read_too() -> None:
    read = PageReader().read(b'vllm:gpu_cache_usage_perc{model_name="m"} 0.5\nvllm:time_per_output_token_seconds_bucket{le="+Inf"} 2\n')
    assert isinstance(read, Page)
    cache, gaps = vllm.VLLM.says.measures["kv_cache.used"], vllm.VLLM.says.measures["itl.p95"]
    assert isinstance(cache, Latest)
    assert cache.worst
    assert isinstance(gaps, Quantile)
    assert value_of(cache.of, read) == 0.5
    assert series_of(gaps.of, read, "_bucket")


@pytest.mark.parametrize("name", ["triton/metrics.prom", "triton/metrics.default-flags.prom", "triton/metrics.backend-failures.prom"])
def test_every_name_that_triton_is_asked_for_is_on_its_page(name: str) -> None:
    read, says = page(name), triton.TRITON.says
    for key, measure in says.measures.items():
        there = all(total.optional or series_of(total, read, end) for total, end in totals(measure))
        assert there or key in says.needs, key
    assert set(says.by) <= {label for labels in series_of(Total(("nv_inference_count",)), read) for label, _ in labels}


def test_triton_summaries_are_read_when_the_flag_is_set() -> None:
    says = triton.TRITON.says
    p95 = says.measures["latency.p95"]
    assert isinstance(p95, Latest)
    assert p95.worst
    assert p95.unit == 1e-6
    (value,) = series_of(p95.of.terms[0], page("triton/metrics.prom")).values()
    assert 0.001 < value * p95.unit < 0.1
    assert series_of(p95.of.terms[0], page("triton/metrics.default-flags.prom")) == {}
    assert "summary_latencies=true" in says.needs["latency.p95"]


def test_what_triton_says_of_its_pages() -> None:
    read, says = page("triton/metrics.prom"), triton.TRITON.says
    queue, requests, latency = says.measures["queue.length"], says.measures["request.rate"], says.measures["latency.mean"]
    assert isinstance(queue, Latest)
    assert isinstance(requests, Rate)
    assert isinstance(latency, Ratio)
    assert value_of(queue.of, read) == 7 + 4 + 4
    assert value_of(requests.of, read) == 3052 + 87 + 166
    mean_s = value_of(latency.over.of, read) / value_of(latency.under.of, read) * latency.unit
    assert mean_s == pytest.approx((19651503 + 30989488 + 29609039) / 3305 / 1e6)
    failures = says.measures["error.rate"]
    assert isinstance(failures, Rate)
    assert value_of(failures.of, page("triton/metrics.backend-failures.prom")) == 4324
    assert set(says.at_least) == {"error.rate", "error.ratio"}


def test_a_request_that_its_client_cancelled_is_no_error_of_triton() -> None:
    read = PageReader().read(
        b'nv_inference_request_failure{model="m",reason="CANCELED"} 7\nnv_inference_request_failure{model="m",reason="BACKEND"} 2\n'
    )
    assert isinstance(read, Page)
    failures = triton.TRITON.says.measures["error.rate"]
    assert isinstance(failures, Rate)
    assert value_of(failures.of, read) == 2


def test_models_and_versions_as_captured() -> None:
    assert vllm.read_models((PAGES / "vllm/models.json").read_bytes()) == (ModelAnswer("tiny-llama", state="READY"),)
    assert vllm.read_version((PAGES / "vllm/version.json").read_bytes()) == "0.32.0"
    assert triton.read_version((PAGES / "triton/server.json").read_bytes()) == "2.51.0"
    models = triton.read_models((PAGES / "triton/repository_index.json").read_bytes())
    assert [(one.name, one.version, one.state) for one in models] == [
        ("broken", "1", "UNAVAILABLE"),
        ("text_len", "1", "READY"),
        ("tiny_mlp", "1", "READY"),
        ("tiny_mlp", "2", "READY"),
    ]
    assert models[0].why.startswith("Internal: TritonModelException: weights file is missing At:")
    assert triton.read_models(b'[{"name": "never-loaded"}]') == (ModelAnswer("never-loaded"),)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]" * 9, b'{"data": 5}', b"5", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("read", [vllm.read_models, triton.read_models])
def test_a_list_of_models_that_is_none_is_one_error(read: object, body: bytes) -> None:
    with pytest.raises(ValueError):
        read(body)  # type: ignore[operator]


def test_names_in_somebody_elses_json_are_cleaned_and_bounded() -> None:
    body = b'{"data": [{"id": "\\u001b[31mred\\u0007"}, {"id": 5}, {"no": 1}, 7, {"id": {"x": 1}}, {"id": "' + b"a" * 9999 + b'"}]}'
    names = [one.name for one in vllm.read_models(body)]
    assert names[:2] == ["red", "5"]
    assert len(names) == 3
    assert len(names[2]) == 120


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("vllm serve meta-llama/Llama-3-8B --port 8000", "Llama-3-8B"),
        ("vllm serve --port=8000 /models/qwen/", "qwen"),
        ("vllm serve org/m --served-model-name chat", "chat"),
        ("python -m vllm.entrypoints.openai.api_server --model ./tiny-llama", "tiny-llama"),
        ("python -m vllm.entrypoints.openai.api_server --model=org/m --served-model-name=chat", "chat"),
        ("python -m vllm.entrypoints.openai.api_server", ""),
    ],
)
def test_the_name_of_a_vllm_is_its_models(command: str, name: str) -> None:
    assert vllm.read_name(tuple(command.split())) == name


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("/usr/bin/python3 /usr/local/bin/vllm serve m", "vllm"),
        ("vllm serve m", "vllm"),
        ("python -m vllm.entrypoints.openai.api_server --model m", "vllm"),
        ("python -m vllm.entrypoints.cli.main serve m", "vllm"),
        ("vllm bench serve --model m", ""),
        ("python -m vllm.entrypoints.cli.main bench", ""),
        ("tritonserver --model-repository=/m", "triton"),
        ("/opt/tritonserver/bin/tritonserver --model-repository=/m", "triton"),
        ("python client.py /opt/tritonserver/lib", ""),
        ("python train.py", ""),
    ],
)
def test_command_lines_that_tell_their_kind(command: str, kind: str) -> None:
    assert [one.name for one in KINDS.values() if fits(one.process, tuple(command.split()))] == ([kind] if kind else [])


def test_flags_of_a_command_line() -> None:
    words = ("serve", "--port", "8001", "--model=m", "--last")
    assert [flag(words, name) for name in ("--port", "--model", "--last", "--none")] == ["8001", "m", "", ""]
    assert base_name("meta-llama/Llama-3-8B/") == "Llama-3-8B"
    with pytest.raises(ValueError):
        json_of(b"{")


@pytest.mark.parametrize(
    ("kind", "url", "urls", "api", "metrics"),
    [
        ("vllm", "http://h:8000", {}, "http://h:8000", "http://h:8000/metrics"),
        ("vllm", "http://h:8000/", {}, "http://h:8000", "http://h:8000/metrics"),
        ("vllm", "http://h:8000/metrics", {}, "http://h:8000", "http://h:8000/metrics"),
        ("vllm", "https://h/llm", {}, "https://h/llm", "https://h/llm/metrics"),
        ("vllm", "http://h:8000", {"metrics": "http://h:9000/m"}, "http://h:8000", "http://h:9000/m"),
        ("triton", "http://h:8000", {}, "http://h:8000", "http://h:8002/metrics"),
        ("triton", "http://h", {}, "http://h", "http://h:8002/metrics"),
        ("triton", "http://[::1]:18000", {}, "http://[::1]:18000", "http://[::1]:18002/metrics"),
        ("triton", "http://bob:pw@h:8002/metrics", {}, "http://bob:pw@h:8000", "http://bob:pw@h:8002/metrics"),
        ("triton", "http://h:1", {"metrics": "http://h:2/metrics", "api": "http://h:3"}, "http://h:3", "http://h:2/metrics"),
        ("prometheus", "http://h:9100", {}, "http://h:9100", "http://h:9100/metrics"),
        ("prometheus", "http://h:9100/own/page?x=1", {}, "http://h:9100", "http://h:9100/own/page?x=1"),
    ],
)
def test_where_a_server_is_asked(kind: str, url: str, urls: dict[str, str], api: str, metrics: str) -> None:
    one = KINDS.get(kind) or exporter_kind(TargetSettings(name="t", url=url))
    assert places(Found("t", kind, url, urls=urls), one) == (api, metrics)


def mapped(**entries: str) -> Kind:
    return exporter_kind(
        TargetSettings(name="mine", url="http://h:1", kind="prometheus", map={k.replace("__", "."): v for k, v in entries.items()})
    )


def one_total(name: str, where: tuple[tuple[str, str], ...] = (), unless: tuple[tuple[str, str], ...] = ()) -> Sum:
    return Sum((Total((name,), where, unless),))


@pytest.mark.parametrize(
    ("expression", "measure"),
    [
        ("my_queue", Latest(one_total("my_queue"))),
        ("sum(my_queue)", Latest(one_total("my_queue"))),
        ("max( my_queue ) * 0.01", Latest(one_total("my_queue"), worst=True, unit=0.01)),
        ("rate(a_total)", Rate(one_total("a_total"))),
        ("rate(a + b)", Rate(Sum((Total(("a",)), Total(("b",)))))),
        ('rate(a{code="5.5", x!="y"})', Rate(one_total("a", (("code", "5\\.5"),), (("x", "y"),)))),
        ("rate(a{code=~'5..', x!~\"y|z\",})", Rate(one_total("a", (("code", "5.."),), (("x", "y|z"),)))),
        ("rate(a) / rate(b)", Ratio(Rate(one_total("a")), Rate(one_total("b")))),
        ("rate(:a:b_us) / rate(b) * 1e-6", Ratio(Rate(one_total(":a:b_us")), Rate(one_total("b")), 1e-6)),
        ("mean(w_seconds)", Ratio(Rate(one_total("w_seconds_sum")), Rate(one_total("w_seconds_count")))),
    ],
)
def test_an_expression_over_somebodys_page(expression: str, measure: Measure) -> None:
    assert measures_of("queue.length", expression) == {"queue.length": measure}


def test_a_histogram_means_what_its_key_says() -> None:
    assert set(measures_of("latency", "histogram(l_ms) * 0.001")) == {"latency.mean", "latency.p50", "latency.p95", "latency.p99"}
    assert measures_of("latency.p95", "histogram(l_ms) * 0.001") == {"latency.p95": Quantile(0.95, Total(("l_ms",)), 0.001)}
    assert measures_of("queue.time.mean", "histogram(w)") == measures_of("queue.time.mean", "mean(w)")


@pytest.mark.parametrize(
    ("key", "expression", "says"),
    [
        ("request.rat", "rate(a)", "not in the vocabulary (did you mean request.rate?)"),
        ("latency", "my_gauge", "needs histogram(...); for one number write latency.mean or latency.p95"),
        ("queue.length", "histogram(a)", "a histogram gives a mean or quantiles, not this key"),
        ("queue.length", "", "name expected at the end"),
        ("queue.length", "rat(a)", "unknown function rat (known: rate histogram mean max sum)"),
        ("queue.length", "rate(a", ") expected at the end"),
        ("queue.length", "rate(a))", "')' is not understood here"),
        ("queue.length", "a / b", "only a rate can be divided by a rate"),
        ("queue.length", "a{b}", "= or != or =~ or !~ expected where '}' stands"),
        ("queue.length", 'a{b=~"("}', "'(' is no regular expression: missing ), unterminated subpattern at position 0"),
        ("queue.length", "a % 2", "'% 2' is not understood"),
        ("latency", "histogram(a + b)", "histogram takes one family"),
    ],
)
def test_a_wrong_map_names_target_and_key(key: str, expression: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        exporter_kind(TargetSettings(name="mine", url="http://h:1", map={key: expression}))
    assert str(error.value) == f'targets "mine": map."{key}": {says}'


def test_a_mapped_page_makes_a_kind_with_progress_signals_and_ratio() -> None:
    kind = mapped(
        request__rate="rate(r_total)", error__rate='rate(r_total{code=~"5.."})', latency="histogram(l_seconds)", queue__length="q"
    )
    assert kind.says.progress == one_total("r_total")
    assert [(signal.family, signal.role) for signal in kind.says.signals] == [("l_seconds", "latency")]
    assert kind.says.measures["error.ratio"] == Ratio(Rate(one_total("r_total", (("code", "5.."),))), Rate(one_total("r_total")))
    assert mapped(queue__length="q").says.progress is None
    assert mapped(latency="histogram(l_seconds)").says.progress == one_total("l_seconds_count")
    assert mapped(latency="histogram(l{path='/x'})").says.signals == ()
