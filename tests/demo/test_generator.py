"""The generator speaks like a vLLM server, and freezes while it says that it is well."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tui_monitor.demo.generator import Generator
from tui_monitor.demo.http_server import Asked, Said
from tui_monitor.demo.load import Load, read_load, write_load
from tui_monitor.demo.scheduler import Job, Limits
from tui_monitor.demo.vllm_page import FINISHES, one_two_five

FAMILIES = {  # as a real 0.32 exposes them
    "num_requests_running", "num_requests_waiting", "num_requests_waiting_by_reason", "engine_sleep_state", "kv_cache_usage_perc",
    "prefix_cache_queries", "prefix_cache_hits", "num_preemptions", "prompt_tokens", "generation_tokens", "request_success",
    "admission_rejections", "request_prompt_tokens", "request_generation_tokens", "iteration_tokens_total", "request_params_max_tokens",
    "time_to_first_token_seconds", "inter_token_latency_seconds", "request_time_per_output_token_seconds", "e2e_request_latency_seconds",
    "request_queue_time_seconds", "request_inference_time_seconds", "request_prefill_time_seconds", "request_decode_time_seconds",
    "cache_config_info",
}  # fmt: skip


LIMITS = Limits()


class Clock:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def ask(generator: Generator, method: str, path: str, body: object = None) -> Said:
    return asyncio.run(generator.answer(Asked(method, path, json.dumps(body).encode())))


def numbers(generator: Generator) -> dict[str, float]:
    """Sample name -> value, summed over its series; buckets left out."""
    page = ask(generator, "GET", "/metrics").body.decode()
    result: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if not sample.name.endswith("_bucket"):
                result[sample.name] = result.get(sample.name, 0.0) + sample.value
    return result


def new(limits: Limits = LIMITS) -> tuple[Generator, Clock]:
    clock = Clock()
    return Generator("m", limits, clock=clock), clock


async def served(generator: Generator, clock: Clock, prompts: list[str], until_s: float, **more: Any) -> list[Said]:
    """Send all at once, let time go to `until_s`, return the answers that came."""
    bodies = [json.dumps({"model": "m", "prompt": prompt, "max_tokens": 8, **more}).encode() for prompt in prompts]
    asked = [asyncio.ensure_future(generator.answer(Asked("POST", "/v1/completions", body))) for body in bodies]
    await asyncio.sleep(0)
    clock.now_s += until_s
    generator.scheduler.advance(clock.now_s)
    done, waiting = await asyncio.wait(asked, timeout=0)
    if not done:
        await asyncio.sleep(0)
        done, waiting = await asyncio.wait(asked, timeout=0)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return [one.result() for one in done]


def test_the_page_has_the_names_of_a_real_one_and_its_edges() -> None:
    generator, _ = new()
    families = {one.name: one for one in text_string_to_metric_families(ask(generator, "GET", "/metrics").body.decode())}
    assert {name.removeprefix("vllm:") for name in families if name.startswith("vllm:")} == FAMILIES
    edges = [sample.labels["le"] for sample in families["vllm:request_prompt_tokens"].samples if sample.name.endswith("_bucket")]
    assert edges == ["1.0", "2.0", "5.0", "10.0", "20.0", "50.0", "100.0", "200.0", "500.0", "1000.0", "2000.0", "+Inf"]
    assert {tuple(sample.labels) for sample in families["vllm:num_requests_running"].samples} == {("engine", "model_name")}
    assert {sample.labels["finished_reason"] for sample in families["vllm:request_success"].samples} == set(FINISHES)


def test_one_two_five() -> None:
    assert one_two_five(100) == (1, 2, 5, 10, 20, 50, 100)
    assert one_two_five(512)[-1] == 500


def test_an_answer_and_what_it_counts() -> None:
    generator, clock = new()
    (said,) = asyncio.run(served(generator, clock, ["one two three four"], 5.0))
    answer = json.loads(said.body)
    made = answer["usage"]["completion_tokens"]
    assert said.status == 200
    assert answer["usage"]["prompt_tokens"] == 4
    assert len(answer["choices"][0]["text"].split()) == made == 8
    assert answer["choices"][0]["finish_reason"] == "length"
    seen = numbers(generator)
    assert seen["vllm:generation_tokens_total"] == seen["vllm:request_generation_tokens_sum"] == made
    assert seen["vllm:prompt_tokens_total"] == seen["vllm:request_prompt_tokens_sum"] == 4
    assert seen["vllm:request_success_total"] == seen["vllm:e2e_request_latency_seconds_count"] == 1
    assert seen["vllm:inter_token_latency_seconds_count"] == made - 1
    parts = ("queue", "prefill", "decode")
    whole = sum(seen[f"vllm:request_{part}_time_seconds_sum"] for part in parts)
    assert abs(whole - seen["vllm:e2e_request_latency_seconds_sum"]) < 1e-9
    assert seen["http_requests_total"] == 1


def test_frozen_it_says_that_it_is_well_and_makes_nothing() -> None:
    generator, clock = new(Limits(slots=2))

    async def story() -> tuple[list[Said], dict[str, float], Said]:
        await generator.answer(Asked("POST", "/demo/control", b'{"freeze_s": 60}'))
        asked = [
            asyncio.ensure_future(generator.answer(Asked("POST", "/v1/completions", b'{"model": "m", "prompt": "a b", "max_tokens": 4}')))
            for _ in range(5)
        ]
        await asyncio.sleep(0)
        clock.now_s += 59.0
        generator.scheduler.advance(clock.now_s)
        page = (await generator.answer(Asked("GET", "/metrics", b""))).body.decode()
        frozen = {s.name: s.value for f in text_string_to_metric_families(page) for s in f.samples if not s.name.endswith("_bucket")}
        health = await generator.answer(Asked("GET", "/health", b""))
        clock.now_s += 20.0
        generator.scheduler.advance(clock.now_s)
        return await asyncio.gather(*asked), frozen, health

    answers, frozen, health = asyncio.run(story())
    assert (health.status, health.body) == (200, b"")
    assert frozen["vllm:generation_tokens_total"] == 0
    assert frozen["vllm:num_requests_running"] + frozen["vllm:num_requests_waiting"] == 5
    assert [one.status for one in answers] == [200] * 5


def test_whoever_hangs_up_counts_as_aborted() -> None:
    generator, clock = new()
    assert asyncio.run(served(generator, clock, ["a b c"], 0.001)) == []
    page = ask(generator, "GET", "/metrics").body.decode()
    assert 'vllm:request_success_total{engine="0",model_name="m",finished_reason="abort"} 1.0' in page
    assert not generator.scheduler.busy


def test_a_full_queue_answers_503_and_counts_it() -> None:
    generator, clock = new(Limits(slots=1, queue=2))
    answers = asyncio.run(served(generator, clock, ["a b"] * 4, 5.0))
    assert sorted(one.status for one in answers) == [200, 200, 503, 503]
    assert numbers(generator)["vllm:admission_rejections_total"] == 2


def test_the_shared_opening_is_found_in_the_prefix_cache() -> None:
    generator, clock = new()
    asyncio.run(served(generator, clock, [" ".join(f"w{i}" for i in range(64))] * 2, 5.0))
    seen = numbers(generator)
    assert (seen["vllm:prefix_cache_queries_total"], seen["vllm:prefix_cache_hits_total"]) == (128, 64)


def test_what_it_says_about_itself() -> None:
    generator, _ = new()
    assert json.loads(ask(generator, "GET", "/version").body) == {"version": "0.32.0"}
    model = json.loads(ask(generator, "GET", "/v1/models").body)["data"][0]
    assert (model["id"], model["owned_by"], model["max_model_len"]) == ("m", "vllm", 4096)


def test_wrong_questions() -> None:
    generator, _ = new()
    table = [
        ("no JSON object", "POST", "/v1/completions", [1], 400),
        ("no prompt", "POST", "/v1/completions", {"model": "m"}, 400),
        ("another model", "POST", "/v1/completions", {"model": "x", "prompt": "a"}, 404),
        ("too long", "POST", "/v1/completions", {"model": "m", "prompt": "a", "max_tokens": 5000}, 400),
        ("nothing to make", "POST", "/v1/completions", {"model": "m", "prompt": "a", "max_tokens": 0}, 400),
        ("streaming", "POST", "/v1/completions", {"model": "m", "prompt": "a", "stream": True}, 400),
        ("a path of another server", "GET", "/v2/health/ready", None, 404),
        ("reading where one must write", "GET", "/v1/completions", None, 405),
        ("a freeze for ever", "POST", "/demo/control", {"freeze_s": 1e9}, 400),
        ("a freeze without a number", "POST", "/demo/control", {}, 400),
    ]
    for why, method, path, body, status in table:
        assert ask(generator, method, path, body).status == status, why
    assert not generator.scheduler.busy


def test_the_load_that_the_gpus_feel() -> None:
    generator, clock = new()
    assert generator.load(1.0) == Load(1.0, 0.0, 0.0, frozen=False)

    for _ in range(8):
        generator.scheduler.submit(Job(400, 90, 90, clock.now_s))
    clock.now_s += 0.2
    generator.scheduler.advance(clock.now_s)
    reading = generator.load(2.0)
    clock.now_s += 0.2
    generator.scheduler.advance(clock.now_s)
    writing = generator.load(2.2)
    assert 0.25 < writing.busy < reading.busy <= 1.0  # prompts are the heavy part
    assert writing.cache == generator.scheduler.cache_used > 0.0


def test_the_load_goes_through_a_file(tmp_path: Path) -> None:
    load = Load(12.5, 0.5, 0.25, frozen=True)
    write_load(tmp_path / "load.json", load)
    assert read_load(tmp_path / "load.json") == load
    (tmp_path / "load.json").write_text("[1, 2")
    assert read_load(tmp_path / "load.json") is None
    assert read_load(tmp_path / "none.json") is None
