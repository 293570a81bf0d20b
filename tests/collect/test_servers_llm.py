"""Servers of language models: what each says of two pages ten seconds apart, how it lists its models, and how it is recognised."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Loopback, reply, routes, serving

from tui_monitor.analyse.series import totals
from tui_monitor.analyse.target import Measured, TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.fingerprint import fingerprint, plain_client
from tui_monitor.collect.servers import llama_server, lmdeploy, nim, ollama, openai, sglang, tgi, vllm
from tui_monitor.collect.servers.kind import Kind, fits
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.servers.source import ServerSource
from tui_monitor.mapping import Total
from tui_monitor.model import Found, ModelAnswer, Page, Reading, ServerAnswer

PAGES = Path(__file__).parent.parent / "pages"
LLM = ("vllm", "sglang", "tgi", "nim", "lmdeploy", "llama-server", "ollama")
GENERAL = {"request.rate", "error.rate", "error.ratio", "reject.rate", "request.running", "queue.length", "queue.time.mean"}
GENERAL |= {"batch.size.mean", "latency.mean", "latency.p50", "latency.p95", "latency.p99"}
GENERATION = {f"{key}.{part}" for key in ("ttft", "itl") for part in ("mean", "p50", "p95", "p99")}
GENERATION |= {"token.rate.generated", "token.rate.prompt", "kv_cache.used", "prefix_cache.hit_ratio", "preemption.rate"}
NOT_COUNTED = "not counted by this server"
FIRST_REQUEST = "counted from its first request on"


def body(name: str) -> bytes:
    return (PAGES / name).read_bytes()


def page_of(text: bytes) -> Page:
    read = PageReader().read(text)
    assert isinstance(read, Page)
    assert not read.damaged
    return read


def between(kind: Kind, before: bytes, after: bytes, apart_s: float = 10.0) -> Measured:
    numbers = TargetNumbers(kind.says, apart_s)
    numbers.observe(1000.0, page_of(before))
    numbers.observe(1000.0 + apart_s, page_of(after))
    return numbers.measure(1000.0 + apart_s)


def later(kind: str, page: str) -> Measured:
    """Between the captured page `page.prom` and the one ten seconds later."""
    return between(KINDS[kind], body(f"{kind}/{page}.prom"), body(f"{kind}/{page}.later.prom"))


def said(measured: Measured) -> dict[str, float]:
    return {key: number for key, number in measured.metrics.items() if number is not None}


def signals(kind: Kind, text: bytes) -> set[str]:
    numbers = TargetNumbers(kind.says, 2.0)
    numbers.observe(1000.0, page_of(text))
    return set(numbers.histograms())


# -- every key, every name --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LLM)
def test_every_key_of_generation_is_said_or_explained(kind: str) -> None:
    says = KINDS[kind].says
    assert set(says.measures) | set(says.cannot) >= GENERAL | GENERATION
    assert all(reason and len(reason) < 100 for reason in (*says.cannot.values(), *says.needs.values(), KINDS[kind].page_flag or "-"))


NAMES_ON_PAGES = {
    "sglang": ("metrics", "metrics.old"),
    "tgi": ("metrics", "metrics.old"),
    "nim": ("metrics", "metrics.2"),
    "lmdeploy": ("metrics", "metrics.old"),
    "llama-server": ("metrics", "metrics.old"),
    "vllm": ("metrics", "metrics.old"),
}
SELDOM = {  # names of versions that no page here is of
    "sglang:avg_request_queue_latency",
    "sglang:num_retracted_requests_total",
    "sglang:num_prefill_prealloc_queue_reqs",
    "vllm:gpu_prefix_cache_hits_total",
    "vllm:gpu_prefix_cache_queries_total",
    "vllm:gpu_cache_usage_perc",
    "vllm:time_per_output_token_seconds",
}


def asked_for(kind: Kind) -> Iterator[tuple[Total, str]]:
    counters, gauges, histograms = totals(kind.says.measures.values())
    for group, end in ((counters, ""), (gauges, ""), (histograms, "_bucket")):
        for total in group:
            yield from ((total, name + end) for name in total.names)
    yield from ((term, name) for term in (kind.says.progress.terms if kind.says.progress else ()) for name in term.names)


@pytest.mark.parametrize("kind", NAMES_ON_PAGES)
def test_every_name_that_is_asked_for_is_on_a_page_of_some_version(kind: str) -> None:
    there = {key.name for page in NAMES_ON_PAGES[kind] for key in page_of(body(f"{kind}/{page}.prom")).layout.series}
    families = {name.removesuffix("_bucket") for name in there}
    for total, name in asked_for(KINDS[kind]):
        seldom = {end for known in SELDOM for end in (known, f"{known}_bucket", f"{known}_sum", f"{known}_count")}
        under_ray = name.startswith("ray_vllm")
        never_alone = kind == "nim" and name.startswith(("request_", "inter_token")) and name not in there  # pairs of old and new names
        assert name in there or name in seldom or under_ray or never_alone or total.optional, name
    for signal in KINDS[kind].says.signals:
        assert signal.family in families or kind == "nim", signal.family


@pytest.mark.parametrize("kind", NAMES_ON_PAGES)
def test_labels_that_are_chosen_by_are_on_the_page(kind: str) -> None:
    labels = {label for key in page_of(body(f"{kind}/metrics.prom")).layout.series for label, _ in key.labels}
    counters, gauges, histograms = totals(KINDS[kind].says.measures.values())
    chosen = {label for total in counters | gauges | histograms for label, _ in (*total.where, *total.unless)}
    assert chosen - {"quantile"} <= labels  # summaries of an older TGI
    assert set(KINDS[kind].says.by) <= labels


# -- SGLang -----------------------------------------------------------------------------------------------------------------------------


def test_sglang() -> None:
    measured = later("sglang", "metrics")
    assert said(measured) == pytest.approx(
        {
            "request.rate": 4.3,  # 40 finished, and 500 and 504 of the API
            "error.rate": 0.3,
            "error.ratio": 3 / 43,
            "reject.rate": 0.6,  # 503 and 429 of the API; not those of /health
            "request.running": 10,  # ranks 0 and 1 tell the same six, 2 and 3 the same four; priorities are in the total
            "queue.length": 9,  # 7 and 1, and one that waits for its grammar
            "queue.time.mean": 1.0,
            "latency.mean": 2.0,
            "latency.p50": 2.0,
            "latency.p95": 3.8,
            "latency.p99": 3.96,
            "token.rate.generated": 200,
            "token.rate.prompt": 400,
            "ttft.mean": 0.15,
            "ttft.p50": 0.15,
            "ttft.p95": 0.36,
            "ttft.p99": 0.392,
            "itl.mean": 0.013,
            "itl.p50": 0.01,
            "itl.p95": 0.02,
            "itl.p99": 0.084,
            "kv_cache.used": 0.625,  # the worst rank
            "prefix_cache.hit_ratio": 0.25,
            "preemption.rate": 0.5,
        }
    )
    assert set(measured.absent) == {"batch.size.mean"}
    assert measured.at_least == ["error.rate", "error.ratio"]
    assert measured.bounds["latency.p95"] == (2, 4)
    assert list(measured.models) == [("qwen/tiny-chat", "")]
    assert measured.models["qwen/tiny-chat", ""]["token.rate.generated"] == pytest.approx(200)
    assert measured.tells_progress
    assert measured.progress_at_s == 1010.0


def test_sglang_of_0_4() -> None:
    measured = later("sglang", "metrics.old")
    assert said(measured) == pytest.approx(
        {
            "request.rate": 2.0,
            "request.running": 162,
            "queue.length": 2826,
            "latency.mean": 30,
            "latency.p50": 10,
            "latency.p95": 91,
            "latency.p99": 98.2,
            "token.rate.generated": 100,
            "token.rate.prompt": 200,
            "ttft.mean": 200,
            "ttft.p50": 30,  # 19 of 20 lie beyond the last bucket
            "ttft.p95": 30,
            "ttft.p99": 30,
            "itl.mean": 0.05,
            "itl.p50": 0.055,
            "itl.p95": 0.0955,
            "itl.p99": 0.0991,
            "kv_cache.used": 0.28,
            "prefix_cache.hit_ratio": 0.125,
        }
    )
    assert {"ttft.p50", "ttft.p95", "ttft.p99"} <= set(measured.at_least)
    assert measured.absent["error.rate"] == measured.absent["reject.rate"] == "counted by newer versions"
    assert measured.series["itl.p95"] == "sglang:time_per_output_token_seconds"
    assert measured.series["request.rate"] == "sglang:e2e_request_latency_seconds_count"


def test_sglang_before_its_first_request_is_idle_and_not_unable() -> None:
    gauge = b'sglang:num_running_reqs{model_name="m"} 0\n'
    measured = between(sglang.SGLANG, gauge, gauge)
    assert measured.metrics["request.running"] == 0
    assert measured.metrics["request.rate"] == 0
    assert measured.absent["error.rate"] == "counted by newer versions"
    assert measured.absent["latency.p95"] == FIRST_REQUEST
    first = gauge + b'sglang:num_requests_total{model_name="m"} 1\nsglang:generation_tokens_total{model_name="m"} 50\n'
    assert between(sglang.SGLANG, gauge, first).metrics["token.rate.generated"] == pytest.approx(5.0)


def test_sglang_makes_progress_while_one_long_answer_streams() -> None:
    def page(tokens: int) -> bytes:
        counts = "".join(
            f'sglang:{name}{{model_name="m"}} {value}\n' for name, value in (("num_running_reqs", 1), ("num_requests_total", 7))
        )
        return (counts + f'sglang:inter_token_latency_seconds_count{{model_name="m"}} {tokens}\n').encode()

    assert between(sglang.SGLANG, page(100), page(101)).progress_at_s == 1010.0
    assert between(sglang.SGLANG, page(100), page(100)).progress_at_s is None


# -- TGI --------------------------------------------------------------------------------------------------------------------------------


def test_tgi() -> None:
    measured = later("tgi", "metrics")
    assert said(measured) == pytest.approx(
        {
            "request.rate": 4.2,  # 40 that succeeded, 2 that failed in it
            "error.rate": 0.2,  # not: bad input, a full queue, clients that hung up
            "error.ratio": 2 / 42,
            "reject.rate": 0.5,
            "request.running": 12,
            "queue.length": 4,
            "queue.time.mean": 0.25,
            "latency.mean": 2.0,
            "latency.p50": 1.0,
            "latency.p95": 3.6,
            "latency.p99": 3.92,
            "token.rate.generated": 400,
            "token.rate.prompt": 900,
            "itl.mean": 0.02,
            "itl.p50": 0.01 + 0.01 * 20 / 36,
            "itl.p95": 0.035,
            "itl.p99": 0.047,
        }
    )
    assert measured.at_least == ["itl.p95", "itl.p99"]
    assert measured.absent["ttft.p95"] == "does not tell when the first token came"
    assert measured.absent["kv_cache.used"] == NOT_COUNTED
    assert measured.models == {}  # no series names the model
    assert measured.progress_at_s == 1010.0
    assert signals(tgi.TGI, body("tgi/metrics.prom")) == {signal.family for signal in tgi.TGI.says.signals}


def test_tgi_with_summaries() -> None:
    measured = later("tgi", "metrics.old")
    wanted = {"latency.mean": 2.0, "latency.p50": 1.5, "latency.p95": 3.25, "latency.p99": 3.75, "itl.mean": 0.02, "itl.p95": 0.025}
    wanted |= {"request.rate": 4.0, "error.rate": 0, "error.ratio": 0, "reject.rate": 0, "token.rate.generated": 400}
    assert {key: measured.metrics[key] for key in wanted} == pytest.approx(wanted)


def test_tgi_before_its_first_request_says_from_when_on_it_counts() -> None:
    fresh = body("tgi/metrics.fresh.prom")
    measured = between(tgi.TGI, fresh, fresh)
    assert said(measured) == {}
    assert measured.absent["request.rate"] == measured.absent["error.rate"] == measured.absent["queue.length"] == FIRST_REQUEST
    assert not measured.tells_progress


# -- NIM --------------------------------------------------------------------------------------------------------------------------------

OF_NIM = {
    "request.rate": 1.0,
    "request.running": 3,
    "queue.length": 2,
    "latency.mean": 1.0,
    "latency.p50": 1.0,
    "latency.p95": 2.35,
    "latency.p99": 2.47,
    "token.rate.generated": 80,
    "token.rate.prompt": 50,
    "ttft.mean": 0.2,
    "ttft.p50": 0.19375,
    "ttft.p95": 0.4375,
    "ttft.p99": 0.4875,
    "itl.mean": 0.01,
    "itl.p50": 0.0175,
    "itl.p95": 0.02425,
    "itl.p99": 0.02485,
    "kv_cache.used": 0.375,
}


def test_nim_1() -> None:
    measured = later("nim", "metrics")
    assert said(measured) == pytest.approx(OF_NIM | {"error.rate": 0.2, "error.ratio": 0.2})
    assert measured.series["request.rate"] == "request_success_total + request_failure_total"
    assert measured.absent["reject.rate"] == measured.absent["preemption.rate"] == "counted from NIM 2.0 on"
    assert measured.progress_at_s == 1010.0
    assert "request_finish_total{finished_reason}" in signals(nim.NIM, body("nim/metrics.prom"))


def test_nim_2_has_the_names_of_vllm_and_is_read_alike_by_both() -> None:
    measured = later("nim", "metrics.2")
    more = {"error.rate": 0.1, "error.ratio": 0.1, "reject.rate": 0.3, "queue.time.mean": 0.1, "prefix_cache.hit_ratio": 0.25}
    assert said(measured) == pytest.approx(OF_NIM | more | {"preemption.rate": 0.1})
    as_vllm = between(vllm.VLLM, body("nim/metrics.2.prom"), body("nim/metrics.2.later.prom"))
    assert said(as_vllm) == pytest.approx(said(measured))


# -- LMDeploy ---------------------------------------------------------------------------------------------------------------------------


def test_lmdeploy() -> None:
    measured = later("lmdeploy", "metrics")
    assert said(measured) == pytest.approx(
        {
            "request.rate": 1.7,
            "error.rate": 0.1,  # an engine error; not the cancelled ones
            "error.ratio": 1 / 17,
            "reject.rate": 0,
            "request.running": 11,
            "queue.length": 7,  # in both engines, and before them
            "queue.time.mean": 0.1,
            "latency.mean": 0.8,
            "latency.p50": 0.75,
            "latency.p95": 0.975,
            "latency.p99": 0.995,
            "token.rate.generated": 150,
            "token.rate.prompt": 160,
            "ttft.mean": 0.2,
            "ttft.p50": 0.175,
            "ttft.p95": 0.2425,
            "ttft.p99": 0.2485,
            "itl.mean": 0.02,
            "itl.p50": 0.0175,
            "itl.p95": 0.02425,
            "itl.p99": 0.02485,
            "kv_cache.used": 0.625,  # the worst engine
            "prefix_cache.hit_ratio": 0.25,
        }
    )
    assert set(measured.absent) == {"batch.size.mean", "preemption.rate"}
    assert list(measured.models) == [("acme/tiny-chat-7b", "")]


def test_lmdeploy_of_0_9_counts_its_tokens_twice_and_is_read_once() -> None:
    measured = later("lmdeploy", "metrics.old")
    wanted = {"request.rate": 1.2, "token.rate.generated": 100, "token.rate.prompt": 100, "queue.length": 2, "latency.mean": 0.8}
    assert {key: measured.metrics[key] for key in wanted} == pytest.approx(wanted)
    assert measured.absent["error.rate"] == measured.absent["prefix_cache.hit_ratio"] == "counted by newer versions"


# -- llama-server -----------------------------------------------------------------------------------------------------------------------


def test_llama_server() -> None:
    measured = between(llama_server.LLAMA_SERVER, body("llama-server/metrics.prom"), body("llama-server/metrics.load2.prom"), 4.0)
    assert said(measured) == pytest.approx(
        {
            "request.running": 2,
            "queue.length": 4,
            "token.rate.generated": 18792 / 4,
            "token.rate.prompt": (408 + 2495) / 4,
            "itl.mean": 7.7227 / 18792,
            "prefix_cache.hit_ratio": 2495 / 2903,
        }
    )
    assert measured.absent["error.rate"] == measured.absent["request.rate"] == NOT_COUNTED
    assert measured.absent["itl.p95"] == "only the mean is told"
    assert measured.absent["kv_cache.used"] == "told by versions before mid-2025 only"
    assert measured.progress_at_s == 1004.0


def test_llama_server_of_2024() -> None:
    measured = later("llama-server", "metrics.old")
    wanted = {"request.running": 2, "queue.length": 1, "token.rate.generated": 20, "token.rate.prompt": 30, "itl.mean": 0.025}
    assert said(measured) == pytest.approx(wanted | {"kv_cache.used": 0.75})
    assert measured.absent["prefix_cache.hit_ratio"] == "counted by newer versions"


def test_a_decode_step_of_a_llama_server_is_progress_before_the_answer_ends() -> None:
    before = body("llama-server/metrics.prom")
    step = before.replace(b"n_decode_total 7597", b"n_decode_total 7598")
    assert step != before
    assert between(llama_server.LLAMA_SERVER, before, step).progress_at_s == 1010.0


# -- vLLM -------------------------------------------------------------------------------------------------------------------------------

OF_OLD_VLLM = {
    "request.rate": 2.0,
    "error.rate": 0,
    "error.ratio": 0,
    "request.running": 3,
    "queue.length": 2,
    "queue.time.mean": 0.1,
    "latency.mean": 0.4,
    "latency.p50": 0.4,
    "latency.p95": 0.49,
    "latency.p99": 0.498,
    "token.rate.generated": 30,
    "token.rate.prompt": 40,
    "ttft.mean": 0.05,
    "ttft.p50": 0.05,
    "ttft.p95": 0.095,
    "ttft.p99": 0.099,
    "itl.mean": 0.02,
    "itl.p50": 0.0175,
    "itl.p95": 0.02425,
    "itl.p99": 0.02485,
    "kv_cache.used": 0.5,
    "preemption.rate": 0.1,
}


@pytest.mark.parametrize("prefix", [b"vllm:", b"ray_vllm:", b"ray_vllm_"])
def test_vllm_of_0_6_and_under_ray(prefix: bytes) -> None:
    before, after = (body(f"vllm/metrics.old{end}.prom").replace(b"vllm:", prefix) for end in ("", ".later"))
    measured = between(vllm.VLLM, before, after)
    assert said(measured) == pytest.approx(OF_OLD_VLLM)
    assert measured.absent["reject.rate"] == measured.absent["prefix_cache.hit_ratio"] == "counted by newer versions"
    assert measured.series["kv_cache.used"] == prefix.decode() + "gpu_cache_usage_perc"


def test_vllm_of_0_32_counts_what_it_refuses() -> None:
    before = body("vllm/metrics.prom")
    key = b'vllm:admission_rejections_total{model_name="tiny-llama",reason="max_num_queued_reqs"} '
    assert key + b"0.0" in before
    assert between(vllm.VLLM, before, before.replace(key + b"0.0", key + b"20.0")).metrics["reject.rate"] == pytest.approx(2.0)


def test_vllm_without_its_statistics_names_the_flag() -> None:
    page = b'http_requests_total{handler="/v1/completions",method="POST",status="2xx"} 5\nprocess_cpu_seconds_total 3\n'
    measured = between(vllm.VLLM, page, page)
    assert said(measured) == {}
    assert measured.absent["request.rate"] == measured.absent["ttft.p95"] == "needs a start without --disable-log-stats"
    assert measured.absent["reject.rate"] == "counted by newer versions"
    assert not measured.tells_progress


# -- models and versions ----------------------------------------------------------------------------------------------------------------


def test_models_of_openai_lists_are_ready_and_adapters_name_their_base() -> None:
    assert openai.read_models(body("sglang/models.json")) == (
        ModelAnswer("qwen/tiny-chat", state="READY"),
        ModelAnswer("polite", state="READY", why="adapter of qwen/tiny-chat"),
    )
    assert lmdeploy.LMDEPLOY.read_models(body("lmdeploy/models.json")) == (ModelAnswer("acme/tiny-chat-7b", state="READY"),)
    assert nim.NIM.read_models(body("nim/models.json")) == (ModelAnswer("acme/tiny-instruct", state="READY"),)
    assert vllm.VLLM.read_models(body("vllm/models.json")) == (ModelAnswer("tiny-llama", state="READY"),)


def test_models_of_tgi_and_llama_server() -> None:
    assert tgi.read_models(body("tgi/info.json")) == (ModelAnswer("acme/tiny-gen", "0f1e2d3c", "READY"),)
    assert llama_server.read_models(body("llama-server/models.json")) == (ModelAnswer("tiny-random", state="READY"),)
    assert llama_server.read_models(body("llama-server/models.router.json")) == (
        ModelAnswer("plum-7b", state="READY"),
        ModelAnswer("fig-70b", state="FAILED", why="its process ended with code 1"),
        ModelAnswer("pear-1b", state="LOADING"),
        ModelAnswer("nut-1b", state="UNLOADED"),
        ModelAnswer("oak-3b", state="SLEEPING"),
    )


@pytest.mark.parametrize(
    ("kind", "answer", "version"),
    [
        ("sglang", "sglang/server_info.json", "0.5.10.post1"),
        ("tgi", "tgi/info.json", "3.3.4"),
        ("nim", "nim/version.json", "1.8.4"),
        ("llama-server", "llama-server/props.json", "b1-0c1e570"),
        ("ollama", "ollama/version.json", "0.17.2"),
        ("vllm", "vllm/version.json", "0.32.0"),
    ],
)
def test_versions(kind: str, answer: str, version: str) -> None:
    assert KINDS[kind].read_version(body(answer)) == version


@pytest.mark.parametrize("text", [b"", b"<html>", b'{"data": 5}', b'{"models": null}', b"5", b"[" * 100_000])
@pytest.mark.parametrize("kind", LLM)
def test_a_list_of_models_that_is_none_is_one_error(kind: str, text: bytes) -> None:
    with pytest.raises(ValueError):
        KINDS[kind].read_models(text)


# -- asked for real ---------------------------------------------------------------------------------------------------------------------

JSON = "Content-Type: application/json\r\n"
LLAMA = "Server: llama.cpp\r\nContent-Type: application/json; charset=utf-8\r\n"
ASKED = {
    "sglang": {
        "GET /v1/models": reply(body("sglang/models.json"), headers=JSON),
        "GET /get_server_info": reply(body("sglang/server_info.json"), headers=JSON),
        "GET /metrics": reply(body("sglang/metrics.prom")),
    },
    "tgi": {
        "GET /": reply(),
        "GET /health": reply(),
        "GET /info": reply(body("tgi/info.json"), headers=JSON),
        "GET /v1/models": reply(
            b'{"object":"list","data":[{"id":"acme/tiny-gen","object":"model","created":0,"owned_by":"acme/tiny-gen"}]}'
        ),
        "GET /metrics": reply(body("tgi/metrics.prom")),
    },
    "nim": {
        "GET /v1/health/ready": reply(body("nim/ready.json"), headers=JSON),
        "GET /v1/models": reply(body("nim/models.json"), headers=JSON),
        "GET /v1/version": reply(body("nim/version.json"), headers=JSON),
        "GET /v1/metrics": reply(body("nim/metrics.prom")),
    },
    "lmdeploy": {
        "GET /health": reply(),
        "GET /v1/models": reply(body("lmdeploy/models.json"), headers=JSON),
        "GET /metrics": reply(body("lmdeploy/metrics.prom")),
    },
    "llama-server": {
        "GET /health": reply(b'{"status":"ok"}', headers=LLAMA),
        "GET /v1/models": reply(body("llama-server/models.json"), headers=LLAMA),
        "GET /props": reply(body("llama-server/props.json"), headers=LLAMA),
        "GET /metrics": reply(body("llama-server/metrics.prom"), headers="Server: llama.cpp\r\n"),
    },
    "ollama": {
        "GET /": reply(b"Ollama is running"),
        "GET /api/version": reply(body("ollama/version.json"), headers=JSON),
        "GET /api/tags": reply(body("ollama/tags.json"), headers=JSON),
        "GET /api/ps": reply(body("ollama/ps.json"), headers=JSON),
    },
}


def rounds(server: Loopback, kind: str, count: int = 1, **found: object) -> list[Reading]:
    async def go() -> list[Reading]:
        source = ServerSource(Found("mine", kind, server.url, **found), KINDS[kind], None, 2.0, 30.0)  # type: ignore[arg-type]
        readings = [await source.read(1000.0 + number) for number in range(count)]
        await source.close()
        return readings

    return asyncio.run(go())


def answer_of(reading: Reading) -> ServerAnswer:
    assert isinstance(reading.content, ServerAnswer), reading.failure
    return reading.content


def asked(server: Loopback) -> list[str]:
    return [request.split(b" HTTP", maxsplit=1)[0].decode() for request in server.requests]


@pytest.mark.parametrize("kind", ASKED)
def test_a_server_that_answers_is_ready_with_its_version_models_and_page(kind: str) -> None:
    with serving(routes(ASKED[kind])) as server:
        answer = answer_of(rounds(server, kind)[0])
        questions = asked(server)
    assert answer.ready is True
    assert bool(answer.version) == (kind != "lmdeploy")  # which has no route that tells it
    assert answer.models
    assert (answer.page is not None) == (kind != "ollama")
    assert answer.page_failure is None
    assert all(question.startswith("GET ") for question in questions)
    assert not any("generat" in question or "completion" in question for question in questions)


def test_ollama_tells_what_is_loaded_and_is_asked_once_for_all_models() -> None:
    with serving(routes(ASKED["ollama"])) as server:
        answer = answer_of(rounds(server, "ollama")[0])
        questions = asked(server)
    assert answer.models == (
        ModelAnswer("plum:7b", "1a2b3c4d5e6f", "READY", "loaded, uses 4.8 GiB of GPU memory, until 14:38"),
        ModelAnswer("fig:70b", "2b3c4d5e6f70", "READY", "loaded, uses 20.0 GiB of GPU memory (50% of it), until it is told to go"),
        ModelAnswer("pear:latest", "3c4d5e6f7081", "UNLOADED", "on disk, loaded with its next request"),
        ModelAnswer("nut:1b", "4d5e6f708192", "READY", "loaded, uses 0.9 GiB of memory, none of it on a GPU"),
        ModelAnswer("oak:480b-cloud", "5e6f708192a3", "READY", "runs at https://cloud.invalid:443"),
    )
    assert questions.count("GET /api/ps") == 1
    assert set(ollama.OLLAMA.says.cannot.values()) == {"Ollama has no metrics page"}
    assert ollama.OLLAMA.says.measures == {}


def test_ollama_whose_loaded_models_are_not_told_has_them_as_listed() -> None:
    pages = {key: value for key, value in ASKED["ollama"].items() if key != "GET /api/ps"}
    for answer_to_ps in (reply(b"?", "404 Not Found"), reply(b"<html>"), reply(b'{"models": [{"name": 5}, 7]}')):
        with serving(routes(pages | {"GET /api/ps": answer_to_ps})) as server:
            models = answer_of(rounds(server, "ollama")[0]).models
        assert models is not None
        assert [model.state for model in models] == ["UNLOADED"] * 4 + ["READY"]


@pytest.mark.parametrize(
    ("kind", "page", "flag"),
    [
        ("llama-server", reply(body("llama-server/metrics.501.json"), "501 Not Implemented", headers=LLAMA), "needs --metrics"),
        ("sglang", reply(b'{"detail":"Not Found"}', "404 Not Found", headers=JSON), "needs --enable-metrics"),
        ("lmdeploy", reply(b'{"detail":"Not Found"}', "404 Not Found", headers=JSON), "needs a start without --disable-metrics"),
    ],
)
def test_a_page_that_is_switched_off_names_its_flag(kind: str, page: bytes, flag: str) -> None:
    with serving(routes(ASKED[kind] | {"GET /metrics": page})) as server:
        answer = answer_of(rounds(server, kind)[0])
    assert (answer.ready, answer.page) == (True, None)
    assert answer.page_failure is not None
    assert answer.page_failure.kind == "unsupported"
    assert answer.page_failure.message.startswith(flag)


def test_a_llama_server_that_loads_is_not_ready_and_says_so() -> None:
    loading = reply(body("llama-server/health.loading.json"), "503 Service Unavailable", headers=LLAMA)
    paths = ("/health", "/metrics", "/v1/models", "/props")
    with serving(routes({f"GET {path}": loading for path in paths})) as server:
        answer = answer_of(rounds(server, "llama-server")[0])
    assert answer.ready is False
    assert "Loading model" in answer.ready_why
    assert (answer.models, answer.page) == (None, None)


def test_a_tgi_whose_shards_are_gone_is_not_ready_and_keeps_its_page() -> None:
    sick = reply(body("tgi/health.unhealthy.json"), "503 Service Unavailable", headers=JSON)
    with serving(routes(ASKED["tgi"] | {"GET /health": sick})) as server:
        answer = answer_of(rounds(server, "tgi")[0])
    assert answer.ready is False
    assert "unhealthy" in answer.ready_why
    assert answer.page is not None


def test_the_page_of_an_older_nim_is_at_the_usual_place() -> None:
    pages = ASKED["nim"] | {"GET /metrics": ASKED["nim"]["GET /v1/metrics"]}
    del pages["GET /v1/metrics"]
    with serving(routes(pages)) as server:
        first, second = (answer_of(reading) for reading in rounds(server, "nim", 2))
        questions = asked(server)
    assert first.page is not None
    assert second.page is not None
    assert questions.count("GET /v1/metrics") == 1


# -- recognised -------------------------------------------------------------------------------------------------------------------------


def recognised(pages: dict[str, bytes]) -> tuple[str, list[str]]:
    async def go(url: str) -> str:
        client = plain_client(url, 30.0)
        try:
            seen = await fingerprint(client)
        finally:
            await client.aclose()
        return seen.kind.name if seen.kind else ""

    with serving(routes(pages)) as server:
        return asyncio.run(go(server.url)), asked(server)


@pytest.mark.parametrize("kind", ASKED)
def test_a_port_that_answers_like_it_is_recognised_by_gets(kind: str) -> None:
    name, questions = recognised(ASKED[kind])
    assert name == kind
    assert all(question.startswith("GET /") for question in questions)


ERROR_401 = reply(body("llama-server/metrics.disabled.json"), "401 Unauthorized", headers=LLAMA)
ERROR_503 = reply(body("llama-server/health.loading.json"), "503 Service Unavailable", headers=LLAMA)


@pytest.mark.parametrize(
    ("pages", "kind"),
    [
        ({"GET /v1/models": ERROR_401, "GET /metrics": ERROR_401}, "llama-server"),  # wants a key
        ({"GET /v1/models": ERROR_503}, "llama-server"),  # loads
        ({"GET /v1/models": reply(body("llama-server/models.json"), headers=JSON)}, "llama-server"),  # behind a proxy
        ({"GET /metrics": reply(body("llama-server/metrics.idle.prom"))}, "llama-server"),
        ({"GET /metrics": reply(body("sglang/metrics.old.prom"))}, "sglang"),
        ({"GET /metrics": reply(body("tgi/metrics.fresh.prom"))}, "tgi"),
        ({"GET /info": reply(body("tgi/info.json"), headers=JSON)}, "tgi"),
        ({"GET /metrics": reply(body("lmdeploy/metrics.old.prom"))}, "lmdeploy"),
        ({"GET /v1/metrics": reply(body("nim/metrics.2.prom"))}, "vllm"),  # and its page is read there
        ({"GET /metrics": reply(body("vllm/metrics.old.prom"))}, "vllm"),
        ({"GET /v1/models": reply(b'{"object":"list","data":[{"id":"x:1b","object":"model","owned_by":"library"}]}')}, "ollama"),
        ({"GET /v1/models": reply(b'{"object":"list","data":[{"id":"x","object":"model","owned_by":"somebody"}]}')}, ""),
        ({"GET /": reply(b"<p>Ollama is running out of time</p>")}, ""),
    ],
)
def test_what_single_answers_give_away(pages: dict[str, bytes], kind: str) -> None:
    assert recognised(pages)[0] == kind


@pytest.mark.parametrize(
    ("command", "kind", "name"),
    [
        ("python3 -m sglang.launch_server --model-path qwen/tiny-chat --port 30000 --enable-metrics", "sglang", "tiny-chat"),
        ("/opt/venv/bin/python -m sglang.launch_server --model-path=/models/m/ --served-model-name chat", "sglang", "chat"),
        ("uv run python -m sglang.launch_server --model qwen/m", "sglang", "m"),
        ("/opt/venv/bin/python /opt/venv/bin/sglang serve --model-path qwen/m", "sglang", "m"),
        ("python -m sglang_router.launch_router --worker-urls http://h:1", "", ""),
        ("python -m sglang.bench_serving --model m", "", ""),
        ("sglang::scheduler_TP0", "", ""),
        ("text-generation-launcher --model-id acme/tiny-gen --port 8080", "tgi", "tiny-gen"),
        ("/usr/local/bin/text-generation-router --tokenizer-name acme/tiny-gen --port 3000", "tgi", "tiny-gen"),
        ("/opt/conda/bin/python3.11 /opt/conda/bin/text-generation-server serve acme/tiny-gen --uds-path /tmp/x", "", ""),
        ("python3 -m vllm_nvext.entrypoints.openai.api_server --max-model-len 16000", "nim", ""),
        ("/opt/nim/llm/.venv/bin/python3 -m nim_llm_sdk.entrypoints.launch --port 1977", "nim", ""),
        ("/opt/nim/llm/.venv/bin/python3 -m nim_llm_sdk.logging.pack_all_logs_into_json", "", ""),
        ("python3 /usr/local/bin/nim-serve --tensor-parallel-size 2", "nim", ""),
        ("/usr/bin/python /usr/local/bin/lmdeploy serve api_server acme/tiny-chat-7b --server-port 23333", "lmdeploy", "tiny-chat-7b"),
        ("lmdeploy serve api_server --tp 1 /models/m --model-name chat", "lmdeploy", "chat"),
        ("python -m lmdeploy.serve.openai.api_server m", "lmdeploy", ""),
        ("python -m lmdeploy serve api_server m", "lmdeploy", "m"),
        ("lmdeploy serve proxy --server-port 8000", "", ""),
        ("lmdeploy chat m", "", ""),
        ("llama-server -m tiny.gguf --port 18210 --metrics", "llama-server", "tiny"),
        ("/app/llama-server --host 0.0.0.0 -hf acme/plum-7b-GGUF --alias plum", "llama-server", "plum"),
        ("/home/bob/llama.cpp/build/bin/llama-server --models-dir /models", "llama-server", ""),
        ("/usr/lib/ollama/llama-server --model /root/.ollama/models/blobs/sha256-00 --port 41297 --host 127.0.0.1", "", ""),
        ("vi /app/llama-server.log", "", ""),
        ("ollama serve", "ollama", ""),
        ("/usr/local/bin/ollama serve", "ollama", ""),
        ("/usr/local/bin/ollama runner --ollama-engine --model /root/.ollama/models/blobs/sha256-00 --port 41297", "", ""),
        ("ollama run plum:7b", "", ""),
        ("/usr/bin/python3 /usr/local/bin/vllm serve org/m", "vllm", "m"),
        ("uv run vllm serve org/m --port 8001", "vllm", "m"),
    ],
)
def test_command_lines(command: str, kind: str, name: str) -> None:
    words = tuple(command.split())
    kinds = [one for one in KINDS.values() if fits(one.process, words) and not fits(one.workers, words)]
    assert [one.name for one in kinds] == ([kind] if kind else [])
    assert [one.read_name(words) for one in kinds] == ([name] if kind else [])


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("sglang::scheduler_DP0_TP1", "sglang"),
        ("sglang::detokenizer", "sglang"),
        ("VLLM::EngineCore", "vllm"),
        ("VLLM::Worker_TP1", "nim"),
        ("/opt/conda/bin/python3.11 /opt/conda/bin/text-generation-server serve m --uds-path /tmp/x", "tgi"),
        ("/usr/local/bin/ollama runner --model /x --port 41297", "ollama"),
        ("/usr/lib/ollama/llama-server --model /x --port 41297", "ollama"),
        ("/opt/venv/bin/python -c from multiprocessing.spawn import spawn_main", "lmdeploy"),
    ],
)
def test_workers_whose_ports_are_left_alone(command: str, kind: str) -> None:
    assert fits(KINDS[kind].workers, tuple(command.split()))
