"""The eight states, as a table of truths: what was seen, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from tui_monitor.analyse.progress import Progress, ProgressVerdict
from tui_monitor.analyse.target import Measured
from tui_monitor.model import Failure, Found, Layout, Page, Reading, ServerAnswer

PAGE = Page(Layout((), {}), [], 10)
OLD = Found("llm", "vllm", "http://127.0.0.1:8000", pid=7, started_s=-9000.0)
REFUSED = Failure("refused", "connection refused")
TIMEOUT = Failure("timeout", "no answer within 2 s")


def answer(at_s: float, took_s: float = 0.01, **more: Any) -> Reading:
    return Reading("llm", at_s, took_s, ServerAnswer(**({"ready": True, "page": PAGE} | more)))


def failure(at_s: float, why: Failure) -> Reading:
    return Reading("llm", at_s, 0.01, failure=why)


def seen(
    at_s: float,
    *,
    work: float | None = 0.0,
    moved_s: float | None = None,
    tells: bool = True,
    metrics: dict[str, float | None] | None = None,
) -> Measured:
    running = {} if work is None else {"request.running": work, "token.rate.generated": 0.0}
    return Measured(
        metrics=running | (metrics or {}), at_s=at_s, since_s=0.0, pages=5, work=work, progress_at_s=moved_s, tells_progress=tells
    )


def last(steps: list[tuple[Reading | None, Measured | None]], found: Found = OLD, **options: float) -> ProgressVerdict:
    progress, verdict = Progress(**options), None
    for at_s, (reading, measured) in zip(range(0, 2 * len(steps), 2), steps, strict=True):
        verdict = progress.judge(float(at_s), reading, measured, found)
    assert verdict is not None
    return verdict


def steady(count: int, work: float | None, moved_s: float | None, **more: Any) -> list[tuple[Reading | None, Measured | None]]:
    """`count` good answers two seconds apart."""
    clients = more.pop("clients", None)
    return [
        (answer(2.0 * i, clients=clients[i] if clients else None), seen(2.0 * i, work=work, moved_s=moved_s, **more)) for i in range(count)
    ]


@pytest.mark.parametrize(
    ("why", "steps", "state", "said"),
    [
        ("nothing asked yet", [(None, None)], "UNKNOWN", "no answer yet"),
        ("work gets done", steady(3, 2.0, 3.0), "OK", "finished work"),
        ("no work", steady(30, 0.0, 4.0), "IDLE", "no work for 54 s"),
        ("no work ever", steady(30, 0.0, None), "IDLE", "no work since watching began"),
        ("ready, running, and nothing finished", steady(10, 3.0, 2.0), "STALLED", "nothing finished for 16 s, 3 running or waiting"),
        ("work is there since watching began and none gets done", steady(10, 3.0, None), "STALLED", "nothing finished for 18 s"),
        (
            "work began a moment ago after a quiet hour",
            [*steady(20, 0.0, 1.0), (answer(40.0), seen(40.0, work=1.0, moved_s=1.0))],
            "OK",
            "begun",
        ),
        ("tells nothing", [(answer(0.0), seen(0.0, work=None, tells=False))], "UNKNOWN", "does not tell whether it makes progress"),
        ("tells of no waiting work, and is quiet", steady(30, None, 1.0), "IDLE", "does not tell what waits"),
        ("health 200 and no page at all", [(answer(0.0, page=None), None)], "UNKNOWN", "does not tell whether it makes progress"),
        ("slow twice", [(answer(0.0, took_s=1.5), seen(0.0)), (answer(2.0, took_s=1.5), seen(2.0))], "SLOW", "takes 1.5 s"),
        ("slow once is nothing", [(answer(0.0, took_s=1.5), seen(0.0)), (answer(2.0), seen(2.0, moved_s=2.0))], "OK", ""),
        ("refused after it was up", [*steady(3, 0.0, 2.0), (failure(6.0, REFUSED), seen(4.0))], "DOWN", "connection refused"),
        ("its process has ended", [(answer(0.0, process_alive=False), seen(0.0))], "DOWN", "process has ended"),
        ("one timeout", [*steady(3, 0.0, 2.0), (failure(6.0, TIMEOUT), seen(4.0))], "SLOW", "no answer within 2 s"),
        (
            "timeouts for a few intervals",
            [*steady(3, 0.0, 2.0), *[(failure(2.0 * i, TIMEOUT), seen(4.0)) for i in range(3, 7)]],
            "STALE",
            "numbers are 8 s old",
        ),
        (
            "timeouts for long",
            [*steady(3, 0.0, 2.0), *[(failure(2.0 * i, TIMEOUT), seen(4.0)) for i in range(3, 20)]],
            "DOWN",
            "nothing heard for 34 s",
        ),
        (
            "ready, but its page fails for long",
            [*steady(3, 0.0, 2.0), *[(answer(2.0 * i, page=None, page_failure=TIMEOUT), seen(4.0)) for i in range(3, 30)]],
            "STALE",
            "numbers are 54 s old",
        ),
        ("an old server says it is not ready", [(answer(0.0, ready=False, ready_why="loading"), seen(0.0))], "DOWN", "not ready: loading"),
        (
            "not ready, yet it finishes work",
            [(answer(0.0, ready=False, ready_why="a model is unavailable"), seen(0.0, moved_s=0.0))],
            "OK",
            "though it says it is not ready",
        ),
        ("the scraper itself stopped", [*steady(3, 0.0, 2.0), *[(answer(4.0), seen(4.0))] * 6], "STALE", "numbers are 12 s old"),
    ],
)
def test_states(why: str, steps: list[tuple[Reading | None, Measured | None]], state: str, said: str) -> None:
    verdict = last(steps)
    assert verdict.state == state, why
    assert said in verdict.why, why


@pytest.mark.parametrize("why", [REFUSED, TIMEOUT])
def test_a_young_process_that_was_never_up_is_starting_until_its_time_is_over(why: Failure) -> None:
    young = Found("llm", "vllm", "http://127.0.0.1:8000", pid=7, started_s=-10.0)
    progress = Progress(starting_s=60.0)
    assert progress.judge(0.0, failure(0.0, why), None, young).state == "STARTING"
    assert progress.judge(49.0, failure(48.0, why), None, young).state == "STARTING"
    assert progress.judge(52.0, failure(52.0, why), None, young).state == "DOWN"


def test_a_configured_server_without_a_known_process_has_the_same_time() -> None:
    configured = Found("llm", "vllm", "http://127.0.0.1:8000", configured=True)
    progress = Progress(starting_s=60.0)
    assert progress.judge(0.0, failure(0.0, REFUSED), None, configured).state == "STARTING"
    assert progress.judge(61.0, failure(60.0, REFUSED), None, configured).state == "DOWN"


def test_refusing_after_having_been_up_is_down_until_a_new_process_begins() -> None:
    progress = Progress(starting_s=60.0)
    young = Found("llm", "vllm", "http://127.0.0.1:8000", pid=7, started_s=0.0)
    progress.judge(5.0, answer(5.0), seen(5.0), young)
    assert progress.judge(7.0, failure(7.0, REFUSED), seen(5.0), young).state == "DOWN"
    again = Found("llm", "vllm", "http://127.0.0.1:8000", pid=8, started_s=8.0)
    assert progress.judge(9.0, failure(9.0, REFUSED), seen(5.0), again).state == "STARTING"
    assert progress.judge(11.0, answer(11.0, ready=False), seen(5.0), again).state == "STARTING"
    assert progress.judge(13.0, answer(13.0), seen(13.0), again).state == "IDLE"


def test_stalled_counts_from_the_last_finished_work() -> None:
    verdict = last(steady(12, 3.0, 4.0))
    assert (verdict.state, verdict.since_s) == ("STALLED", 4.0)


def test_stalled_ends_with_the_next_growth() -> None:
    steps = [*steady(12, 3.0, 4.0), (answer(24.0), seen(24.0, work=3.0, moved_s=24.0))]
    assert last(steps).state == "OK"


def test_one_late_answer_ends_no_stall() -> None:
    steps = [*steady(12, 3.0, 4.0), (failure(24.0, TIMEOUT), seen(22.0, moved_s=4.0)), (answer(26.0), seen(26.0, work=3.0, moved_s=4.0))]
    assert (last(steps[:-1]).state, last(steps).state, last(steps).since_s) == ("STALLED", "STALLED", 4.0)


def test_long_answers_are_not_a_stall_where_only_whole_answers_count() -> None:
    def batch(count: int) -> list[tuple[Reading | None, Measured | None]]:
        metrics: dict[str, float | None] = {"latency.mean": 20.0, "token.rate.generated": None}
        return [(answer(2.0 * i), seen(2.0 * i, work=1.0, moved_s=0.0, metrics=metrics)) for i in range(count)]

    assert last(batch(15)).state != "STALLED"  # 28 s
    assert last(batch(22)).state == "STALLED"  # 42 s


@pytest.mark.parametrize(
    ("why", "clients", "state"),
    [
        ("a frozen engine: clients came and stay while nothing moves", [0, 3, 3, 3, 3, 3, 3, 3, 3, 3], "STALLED"),
        ("another monitor is always connected", [1] * 10, "IDLE"),
        ("clients come and go", [0, 3, 0, 3, 0, 3, 0, 3, 0, 3], "IDLE"),
        ("nobody is connected", [0] * 10, "IDLE"),
    ],
)
def test_clients_that_wait_while_nothing_moves(why: str, clients: list[int], state: str) -> None:
    verdict = last(steady(10, 0.0, 2.0, clients=clients))
    assert verdict.state == state, why


def test_the_state_keeps_its_beginning() -> None:
    assert last(steady(30, 0.0, None)).since_s == 0.0
