"""The metrics page of the token generator: vLLM 0.32's names, labels and bucket edges, fed by what the scheduler does.

Edges are those of vllm/v1/metrics/loggers.py; the token edges follow its 1-2-5 series up to the model's length. Left out are the
`_created` gauges (half of the real page) and the families of hardware that is not here.
"""

from __future__ import annotations

from collections.abc import Iterator

from tui_monitor.demo.families import Histogram, Values, page
from tui_monitor.demo.scheduler import Finish, Job, Limits, Scheduler

REQUEST_S = (0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680)
FIRST_TOKEN_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
)  # fmt: skip
BETWEEN_TOKENS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
STEP_TOKENS = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
FINISHES: tuple[str, ...] = ("stop", "length", "abort", "error", "repetition")


def one_two_five(most: int) -> tuple[int, ...]:
    """1, 2, 5, 10, 20 ... up to `most`."""

    def series() -> Iterator[int]:
        power = 1
        while True:
            yield from (power, 2 * power, 5 * power)
            power *= 10

    edges: list[int] = []
    for edge in series():
        if edge > most:
            break
        edges.append(edge)
    return tuple(edges)


class Counts:
    """All that the page counts. It is the scheduler's watcher."""

    def __init__(self, model: str, limits: Limits) -> None:
        self._limits = limits
        labels = (("engine", "0"), ("model_name", model))
        tokens = one_two_five(limits.model_tokens)

        def value(name: str, kind: str, meaning: str, label: str = "", values: tuple[str, ...] = ()) -> Values:
            family = Values(f"vllm:{name}", kind, meaning, labels, (label,) if label else ())
            for one in values:
                family.set(0.0, one)
            return family

        def histogram(name: str, meaning: str, edges: tuple[float, ...]) -> Histogram:
            return Histogram(f"vllm:{name}", meaning, edges, labels)

        self._running = value("num_requests_running", "gauge", "Number of requests in model execution batches.")
        self._waiting = value("num_requests_waiting", "gauge", "Number of requests waiting to be processed.")
        self._by_reason = value(
            "num_requests_waiting_by_reason", "gauge", "Number of waiting requests by reason.", "reason", ("capacity", "deferred")
        )
        self._sleep = value(
            "engine_sleep_state", "gauge", "Engine sleep state.", "sleep_state", ("awake", "weights_offloaded", "discard_all")
        )
        self._sleep.set(1.0, "awake")
        self._cache = value("kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.")
        self.prefix_queries = value("prefix_cache_queries_total", "counter", "Prefix cache queries, in terms of number of queried tokens.")
        self.prefix_hits = value("prefix_cache_hits_total", "counter", "Prefix cache hits, in terms of number of cached tokens.")
        self._preemptions = value("num_preemptions_total", "counter", "Cumulative number of preemption from the engine.")
        self._prompt_tokens = value("prompt_tokens_total", "counter", "Number of prefill tokens processed.")
        self._generation_tokens = value("generation_tokens_total", "counter", "Number of generation tokens processed.")
        self._success = value("request_success_total", "counter", "Count of successfully processed requests.", "finished_reason", FINISHES)
        self.rejections = Values(
            "vllm:admission_rejections_total",
            "counter",
            "Number of admission attempts rejected by a queue limit, by reason.",
            (("model_name", model),),
            ("reason",),
        )
        for reason in ("max_num_queued_reqs", "max_num_queued_tokens"):
            self.rejections.set(0.0, reason)
        self._request_prompt = histogram("request_prompt_tokens", "Number of prefill tokens processed.", tokens)
        self._request_generation = histogram("request_generation_tokens", "Number of generation tokens processed.", tokens)
        self._iteration = histogram("iteration_tokens_total", "Histogram of number of tokens per engine_step.", STEP_TOKENS)
        self._max_tokens = histogram("request_params_max_tokens", "Histogram of the max_tokens request parameter.", tokens)
        self._first_token = histogram("time_to_first_token_seconds", "Histogram of time to first token in seconds.", FIRST_TOKEN_S)
        self._between = histogram("inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", BETWEEN_TOKENS_S)
        self._per_token = histogram(
            "request_time_per_output_token_seconds", "Histogram of time_per_output_token_seconds per request.", BETWEEN_TOKENS_S
        )
        self._whole = histogram("e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", REQUEST_S)
        self._queued = histogram("request_queue_time_seconds", "Histogram of time spent in WAITING phase for request.", REQUEST_S)
        self._inference = histogram("request_inference_time_seconds", "Histogram of time spent in RUNNING phase for request.", REQUEST_S)
        self._prefill = histogram("request_prefill_time_seconds", "Histogram of time spent in PREFILL phase for request.", REQUEST_S)
        self._decode = histogram("request_decode_time_seconds", "Histogram of time spent in DECODE phase for request.", REQUEST_S)
        self._cache_config = Values(
            "vllm:cache_config_info",
            "gauge",
            "Information of the LLMEngine CacheConfig",
            (
                ("block_size", str(limits.block_tokens)),
                ("cache_dtype", "auto"),
                ("enable_prefix_caching", "True"),
                ("engine", "0"),
                ("num_gpu_blocks", str(limits.blocks)),
            ),
        )
        self._cache_config.set(1.0)
        self._http = Values(
            "http_requests_total",
            "counter",
            "Total number of requests by method, status and handler.",
            labels=("handler", "method", "status"),
        )

    def answered(self, handler: str, method: str, status: int) -> None:
        """An HTTP request was answered; the page, like the real one, knows its status by its class."""
        self._http.add(1.0, handler, method, f"{status // 100}xx")

    # -- what the scheduler tells -----------------------------------------------------------------------------------------------------

    def step(self, took_s: float, tokens: int, prompt_tokens: int, decoding: int) -> None:
        """See `scheduler.Watcher`."""
        self._iteration.observe(tokens)
        self._prompt_tokens.add(prompt_tokens)
        if decoding:
            self._generation_tokens.add(decoding)
            self._between.observe(took_s, decoding)

    def first_token(self, job: Job, at_s: float) -> None:
        """See `scheduler.Watcher`."""
        self._generation_tokens.add(1.0)
        self._first_token.observe(at_s - job.arrived_s)

    def preempted(self, job: Job) -> None:
        """See `scheduler.Watcher`."""
        self._preemptions.add(1.0)

    def finished(self, job: Job, at_s: float, why: Finish) -> None:
        """See `scheduler.Watcher`. Times and lengths are those of whole answers only."""
        self._success.add(1.0, why)
        if why == "abort" or job.admitted_s is None or job.first_s is None:
            return
        self._request_prompt.observe(job.prompt)
        self._request_generation.observe(job.made)
        self._max_tokens.observe(job.limit)
        self._whole.observe(at_s - job.arrived_s)
        self._queued.observe(job.admitted_s - job.arrived_s)
        self._inference.observe(at_s - job.admitted_s)
        self._prefill.observe(job.first_s - job.admitted_s)
        self._decode.observe(at_s - job.first_s)
        if job.made > 1:
            self._per_token.observe((at_s - job.first_s) / (job.made - 1))

    def page(self, scheduler: Scheduler) -> bytes:
        """The metrics page now."""
        waiting = float(len(scheduler.waiting))
        self._running.set(float(len(scheduler.running)))
        self._waiting.set(waiting)
        self._by_reason.set(waiting, "capacity")
        self._cache.set(scheduler.cache_used)
        return page(one for one in vars(self).values() if isinstance(one, Values | Histogram))
