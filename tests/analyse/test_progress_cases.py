"""Cases from the field, one a row: what a server and its host showed, and what that means.

A story is a list of stretches; in each, one look every two seconds sees the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tui_monitor.analyse.progress import Progress, ProgressVerdict
from tui_monitor.analyse.target import Measured
from tui_monitor.model import Failure, Found, Layout, Outside, Page, Reading, ServerAnswer

PAGE = Page(Layout((), {}), [], 10)
OLD = Found("llm", "vllm", "http://127.0.0.1:8000", pid=7, started_s=-9000.0)
YOUNG = Found("llm", "vllm", "http://127.0.0.1:8000", pid=7, started_s=-2.0)
REMOTE = Found("llm", "vllm", "http://gpu7:8000", configured=True)
REFUSED = Failure("refused", "connection refused")
SILENT = Failure("timeout", "no answer within 2 s")
NO_PAGE = Failure("unsupported", "needs --metrics")

Stretch = dict[str, Any]


def s(length_s: float, **seen: Any) -> Stretch:
    """A stretch.

    Args:
        length_s: how long.
        seen: `work` (running and waiting), `moves` (work gets done), `cpu` `gpu` `stopped` `unanswered` (from the host), `clients`
            `backlog`, `failure`, `ready`, `why` (of not ready), `page`, `took_s`, `tells` (progress), `kind` of numbers: "tokens"
            (running, and tokens), "answers" (running, whole answers), "counts" (whole answers only), `latency_s`, `step_s`, `about`, `found`.
    """
    return {"length_s": length_s, **seen}


def told(stories: tuple[Stretch, ...], found: Found = OLD, **options: float) -> list[tuple[float, ProgressVerdict]]:
    """Every verdict of a story with its time."""
    progress, result, at_s, moved_s, first_s = Progress(**options), [], 0.0, None, None
    measured: Measured | None = None
    for stretch in stories:
        end_s = at_s + stretch["length_s"]
        while at_s < end_s:
            failure = stretch.get("failure")
            page = stretch.get("page", PAGE)
            if failure is None and page is not None:
                first_s = at_s if first_s is None else first_s
                if stretch.get("moves") and at_s % (stretch.get("step_s") or 2.0) < 2.0:
                    moved_s = at_s
                measured = numbers(at_s, first_s, moved_s, stretch)
            if failure is not None:
                reading = Reading("llm", at_s, 2.0, failure=failure)
            else:
                answer = ServerAnswer(
                    ready=stretch.get("ready", True), ready_why=stretch.get("why", ""), page=page, page_failure=stretch.get("page_failure"),
                    clients=stretch.get("clients"), backlog=stretch.get("backlog"), process_alive=stretch.get("alive"),
                )  # fmt: skip
                reading = Reading("llm", at_s, stretch.get("took_s", 0.01), answer)
            outside = Outside(stretch.get("cpu"), stretch.get("gpu"), stretch.get("stopped", ()), stretch.get("unanswered"))
            verdict = progress.judge(at_s + 0.2, reading, measured, stretch.get("found", found), outside)
            result.append((at_s, verdict))
            at_s += 2.0
    return result


def numbers(at_s: float, first_s: float, moved_s: float | None, stretch: Stretch) -> Measured:
    kind, work = stretch.get("kind", "tokens"), stretch.get("work", 0.0)
    metrics: dict[str, float | None] = {"latency.mean": stretch.get("latency_s")}
    if kind in ("tokens", "answers"):
        metrics["request.running"] = work
    if kind == "tokens":
        metrics["token.rate.generated"] = 0.0
    return Measured(
        metrics=metrics, at_s=at_s, since_s=first_s, pages=int((at_s - first_s) / 2) + 1, work=None if kind in ("counts", "nothing") else work,
        progress_at_s=moved_s, tells_progress=kind != "nothing", step_s=stretch.get("step_s", 0.0), about=stretch.get("about", "server"),
    )  # fmt: skip


class Case(NamedTuple):
    why: str
    story: tuple[Stretch, ...]
    state: str
    said: str = ""
    found: Found = OLD


BUSY = s(40, work=3.0, moves=True, clients=4, cpu=1.1, unanswered=0)
QUIET = s(40, clients=0, cpu=0.02, unanswered=0)
T = ("VLLM::EngineCore (1234)",)

FROZEN = [
    Case("llama-server in a deadlock: nothing answers, clients wait, no CPU", (QUIET, BUSY, s(14, failure=SILENT, cpu=0.0, unanswered=3)),
         "STALLED", "3 clients wait for an answer, no answer within 2 s, its processes use no CPU"),
    Case("the same for minutes", (QUIET, BUSY, s(200, failure=SILENT, cpu=0.0, unanswered=3)), "STALLED", "3 clients wait for an answer"),
    Case("nothing answers while it works hard: too slow, not frozen", (QUIET, BUSY, s(14, failure=SILENT, cpu=2.0, unanswered=3)), "STALE", "no answer within 2 s"),
    Case("nothing answers and nobody asks", (QUIET, BUSY, s(40, failure=SILENT, cpu=0.0, unanswered=0)), "DOWN", "nothing heard for"),
    Case(
        "vLLM, engine frozen: running 0, waiting 0, health 200, clients hang",
        (QUIET, BUSY, s(16, clients=4, cpu=0.02, unanswered=4)),
        "STALLED", "4 clients wait for an answer, nothing finished for 16 s, its processes use no CPU",
    ),
    Case(
        "the same where the kernel tells connections only",
        (s(40, clients=0, cpu=0.02), s(40, work=3.0, moves=True, clients=4, cpu=1.1), s(16, clients=4, cpu=0.02)),
        "STALLED", "4 clients connected, nothing finished for 16 s, its processes use no CPU",
    ),
    Case("the same with GPUs that rest", (QUIET, BUSY, s(16, clients=4, cpu=0.02, gpu=0.0, unanswered=4)), "STALLED", "use no CPU and no GPU"),
    Case("the same on another host: nothing is seen of it", (s(40, work=3.0, moves=True), s(30)), "IDLE", "no work for", REMOTE),
    Case("a frozen engine whose watch began under load", (BUSY, s(16, clients=4, cpu=0.02, unanswered=4)), "STALLED", "4 clients wait"),
    Case("a frozen engine that is not 10 s frozen yet", (QUIET, BUSY, s(8, clients=4, cpu=0.02, unanswered=4)), "OK"),
    Case("streams that broke off in a frozen engine look like a pool, which is said",
         (QUIET, BUSY, s(40, clients=4, cpu=0.02, unanswered=0)), "IDLE", "no work for 40 s; 4 clients connected"),
    Case("they are seen with the next client that asks",
         (QUIET, BUSY, s(40, clients=4, cpu=0.02, unanswered=0), s(14, clients=5, cpu=0.02, unanswered=1)), "STALLED", "1 client waits for an answer"),
    Case("a frozen engine with work on its last page", (QUIET, BUSY, s(20, work=4.0, clients=4, cpu=0.0)),
         "STALLED", "nothing finished for 20 s, 4 running or waiting, its processes use no CPU"),
    Case("a thawed engine", (QUIET, BUSY, s(30, clients=4, cpu=0.02, unanswered=4), s(4, work=3.0, moves=True, clients=4, cpu=1.0)), "OK", "finished work"),
    Case("nobody accepts: the accept queue of a server that tells its progress",
         (QUIET, BUSY, s(16, clients=9, backlog=5, cpu=0.0, unanswered=0)), "STALLED", "5 connections wait to be accepted"),
    Case("an accept queue that is empty now and then", (QUIET, BUSY, *(s(2, backlog=n, cpu=0.0) for n in (3, 3, 0, 3, 3, 0, 3, 3, 0))), "IDLE"),
    Case("whole answers only: more clients than ever while it worked, and they stay",
         (s(60, kind="counts", moves=True, clients=3, cpu=1.0), s(20, kind="counts", clients=7, cpu=0.01)),
         "STALLED", "7 clients connected, nothing finished for 20 s"),
]  # fmt: skip

STOPPED = [
    Case("a child is stopped while there is work", (BUSY, s(4, work=3.0, cpu=0.0, stopped=T)), "STALLED", "process VLLM::EngineCore (1234) is stopped, 3 running"),
    Case("at once, not after 10 s", (QUIET, BUSY, s(2, clients=4, cpu=0.0, stopped=T)), "STALLED", "is stopped, 4 clients connected"),
    Case("the whole server is stopped and answers nothing", (BUSY, s(4, failure=SILENT, stopped=("llama-server (9)",))),
         "STALLED", "process llama-server (9) is stopped: no answer within 2 s"),
    Case("it stays stalled however long it is stopped", (BUSY, s(90, failure=SILENT, stopped=("llama-server (9)",))), "STALLED", "is stopped"),
    Case("stopped and nobody there", (QUIET, s(20, clients=0, cpu=0.0, stopped=T)), "SLOW", "is stopped; nobody waits for it yet"),
    Case("one worker of several is stopped, the others go on", (BUSY, s(20, work=3.0, moves=True, clients=4, cpu=1.0, stopped=("worker (12)",))),
         "SLOW", "process worker (12) is stopped; the others finished work"),
    Case("several", (BUSY, s(4, work=1.0, stopped=tuple(f"w ({i})" for i in range(5)))), "STALLED", "processes w (0), w (1), w (2) and 2 more are stopped"),
    Case("continued", (BUSY, s(20, work=3.0, cpu=0.0, stopped=T), s(4, work=3.0, moves=True, cpu=1.0)), "OK", "finished work"),
    Case("stopped, and its port is closed", (BUSY, s(4, failure=REFUSED, stopped=T)), "DOWN", "connection refused"),
]  # fmt: skip

NO_WOLF = [
    Case("a pool of idle connections after traffic", (QUIET, BUSY, s(700, clients=4, cpu=0.02, unanswered=0)), "IDLE", "4 clients connected"),
    Case("a pool that its server keeps for ever: no running requests are told", (s(60, kind="counts", moves=True, clients=8, cpu=1.0),
         s(600, kind="counts", clients=8, cpu=0.01, unanswered=0)), "IDLE", "8 clients connected"),
    Case("a pool that closes after 90 s", (QUIET, BUSY, s(90, clients=4, cpu=0.02, unanswered=0), s(30, clients=0, cpu=0.02, unanswered=0)), "IDLE"),
    Case("another monitor is always connected", (s(300, clients=1, cpu=0.02, unanswered=0),), "IDLE", "no work since watching began; 1 client connected"),
    Case("clients come and go", (QUIET, BUSY, *(s(2, clients=n, cpu=0.02) for n in (3, 0) * 20)), "IDLE"),
    Case("a long request: clients wait, and its processes are busy", (s(60, kind="counts", moves=True, clients=3, cpu=1.0),
         s(60, kind="counts", clients=3, cpu=1.9, unanswered=2)), "OK", "its processes use 1.9 cores: a long request, it seems"),
    Case("the same for longer than any", (s(60, kind="counts", moves=True, clients=3, cpu=1.0), s(130, kind="counts", clients=3, cpu=1.9, unanswered=2)),
         "STALLED", "2 clients wait for an answer, nothing finished for 130 s, its processes use 1.9 cores"),
    Case("a long request on a GPU while the processor rests", (s(60, kind="answers", moves=True, work=1.0, clients=3, cpu=0.5, gpu=0.9),
         s(60, kind="answers", work=1.0, clients=3, cpu=0.05, gpu=0.97)), "OK", "its GPUs are at 97%"),
    Case("a long prompt: no token for 20 s, the GPU is busy", (QUIET, BUSY, s(20, work=1.0, clients=1, cpu=1.0, gpu=1.0)), "SLOW", "a long request"),
    Case("no token for 40 s is a stall, however busy it looks", (QUIET, BUSY, s(40, work=1.0, clients=1, cpu=1.0, gpu=1.0)), "STALLED"),
    Case("a server that spins while it is idle", (s(200, clients=0, cpu=1.0), s(20, work=2.0, moves=True, clients=2, cpu=1.0, gpu=0.8), s(60, clients=0, cpu=1.0)), "IDLE"),
    Case("a server that spins, frozen in a spin: clients wait", (s(200, clients=0, cpu=1.0, unanswered=0), s(20, work=2.0, moves=True, clients=2, cpu=1.0),
         s(20, clients=2, cpu=1.0, unanswered=2)), "STALLED", "no more CPU than when idle (1 cores)"),
]  # fmt: skip

UNTOLD = [
    Case("LitServe: no page, health 200", (s(60, page=None, cpu=0.0, backlog=0),), "UNKNOWN", "answers, but does not tell whether it makes progress"),
    Case("LitServe: its accept queue is full", (s(20, page=None, cpu=0.0, backlog=0), s(14, page=None, cpu=0.0, backlog=3)),
         "STALLED", "3 connections wait to be accepted, for 12 s, its processes use no CPU"),
    Case("the same where its processes cannot be seen", (s(20, page=None, backlog=0), s(14, page=None, backlog=1)), "STALLED", "1 connection waits to be accepted"),
    Case("the same, and it works hard: overloaded", (s(20, page=None, cpu=1.0, backlog=0), s(30, page=None, cpu=1.9, backlog=3)),
         "SLOW", "3 connections wait to be accepted, for 28 s, its processes use 1.9 cores"),
    Case("an accept queue for a moment", (s(20, page=None, backlog=0), s(6, page=None, backlog=3)), "UNKNOWN"),
    Case("Ollama: a client waits for a long answer", (s(20, page=None, unanswered=0, cpu=0.0), s(60, page=None, unanswered=1, cpu=3.0)), "UNKNOWN", "does not tell"),
    Case("Ollama: a client has waited for minutes and nothing works", (s(20, page=None, unanswered=0, cpu=0.0), s(130, page=None, unanswered=1, cpu=0.0)),
         "STALLED", "1 client waits for an answer"),
    Case("KServe without a request so far", (s(40, kind="nothing", cpu=0.0, backlog=0),), "UNKNOWN", "does not tell whether it makes progress"),
    Case("KServe, frozen before its first request", (s(20, kind="nothing", cpu=0.0, backlog=0), s(20, kind="nothing", cpu=0.0, backlog=2)), "STALLED", "2 connections wait"),
    Case("llama-server without --metrics", (s(20, page=None, page_failure=NO_PAGE),), "UNKNOWN", "has no numbers: needs --metrics"),
]  # fmt: skip

STARTING = [
    Case("vLLM loads: refused for minutes", (s(42, failure=REFUSED),), "STARTING", "starting for 42 s: nobody listens yet; may take 5 min", YOUNG),
    Case("llama-server loads: 503", (s(12, ready=False, why="answers 503: Loading model", page=None),),
         "STARTING", "starting for 12 s: answers, not ready yet: answers 503: Loading model; may take 5 min", YOUNG),
    Case("BentoML loads: accepts and is silent", (s(20, failure=SILENT),), "STARTING", "starting for 20 s: accepts connections and is silent", YOUNG),
    Case("MLServer loads: live, not ready, and its page has numbers", (s(10, ready=False),), "STARTING", "not ready yet", YOUNG),
    Case("longer than it may take", (s(310, failure=REFUSED),), "DOWN", "connection refused", YOUNG),
    Case("an old process that was never up", (s(10, failure=REFUSED),), "DOWN"),
    Case("a remote one whose start nobody saw", (s(100, failure=REFUSED),), "STARTING", "starting for 98 s", REMOTE),
    Case("accepts and is silent after having been up", (QUIET, s(12, failure=SILENT)), "STALE", "no answer within 2 s", YOUNG),
    Case("not ready after having been up", (QUIET, s(12, ready=False, why="loading")), "DOWN", "not ready: loading", YOUNG),
    Case("refused after having been up", (QUIET, s(4, failure=REFUSED)), "DOWN", "connection refused", YOUNG),
    Case("a new process in its place", (QUIET, s(6, failure=REFUSED), s(20, failure=REFUSED, found=Found("llm", "vllm", "u", pid=8, started_s=46.0))),
         "STARTING", "starting for 18 s: nobody listens yet"),
    Case("a new process whose start nobody knows", (QUIET, s(6, failure=REFUSED), s(20, failure=REFUSED, found=Found("llm", "vllm", "u", pid=8))),
         "STARTING", "starting for 18 s"),
    Case("a remote one was down and loads again", (QUIET, s(30, failure=REFUSED), s(20, ready=False, why="loading")), "STARTING", "starting for 18 s", REMOTE),
    Case("a remote one was down, accepts again and is silent", (QUIET, s(30, failure=REFUSED), s(20, failure=SILENT)), "STARTING", "accepts connections and is silent", REMOTE),
    Case("the same for longer than it may take", (QUIET, s(30, failure=REFUSED), s(310, failure=SILENT)), "DOWN", "no answer", REMOTE),
    Case("it is up again", (QUIET, s(30, failure=REFUSED), s(20, ready=False), s(4)), "IDLE", "", REMOTE),
]  # fmt: skip

OTHERS = [
    Case("an exporter of GPUs", (s(10, kind="nothing", about="gpu", ready=None),), "OK", "answers with fresh numbers"),
    Case("an exporter of a host that is slow", (s(10, kind="nothing", about="host", ready=None, took_s=1.4),), "SLOW", "takes 1.4 s"),
    Case("an exporter that was not read for a while", (s(10, kind="nothing", about="host", ready=None), s(12, failure=SILENT)), "STALE", "numbers are"),
    Case("an exporter that is gone", (s(10, kind="nothing", about="gpu", ready=None), s(2, failure=REFUSED)), "DOWN", "connection refused"),
    Case("Ray: progress shows every 10 s only", (s(95, kind="counts", moves=True, step_s=10.0, clients=2),), "OK", "finished work"),
    Case("Ray: between two steps nothing has stalled", (s(80, kind="answers", work=2.0, moves=True, step_s=10.0), s(10, kind="answers", work=2.0, step_s=10.0)), "OK"),
    Case("Ray: two steps without progress", (s(80, kind="answers", work=2.0, moves=True, step_s=10.0), s(30, kind="answers", work=2.0, step_s=10.0)), "STALLED"),
    Case("its process has ended", (QUIET, s(2, alive=False)), "DOWN", "its process has ended"),
]  # fmt: skip


@pytest.mark.parametrize("case", [*FROZEN, *STOPPED, *NO_WOLF, *UNTOLD, *STARTING, *OTHERS], ids=lambda case: case.why)
def test_a_case_from_the_field(case: Case) -> None:
    verdict = told(case.story, case.found)[-1][1]
    assert verdict.state == case.state, verdict.why
    assert case.said in verdict.why


def test_there_are_enough_cases_and_no_two_have_one_name() -> None:
    names = [case.why for case in (*FROZEN, *STOPPED, *NO_WOLF, *UNTOLD, *STARTING, *OTHERS)]
    assert len(names) == len(set(names)) >= 30


@pytest.mark.parametrize(
    "story",
    [
        (QUIET, BUSY) * 5,
        (s(600, clients=2, cpu=0.03, unanswered=0),),
        (s(60, kind="counts", moves=True, clients=8, cpu=1.0, unanswered=0), s(300, kind="counts", clients=8, cpu=0.01, unanswered=0)) * 3,
        (QUIET, BUSY, s(80, clients=4, cpu=0.02, unanswered=0), QUIET) * 3,
        (s(100, kind="answers", work=1.0, moves=True, step_s=10.0, clients=1), s(100, kind="answers", step_s=10.0, clients=0)) * 3,
        (s(300, page=None, backlog=0, unanswered=0, clients=3, cpu=0.5),),
    ],
    ids=["load comes and goes", "other monitors", "a pool for ever", "a pool for a while", "steps", "tells nothing"],
)
def test_healthy_days_never_stall(story: tuple[Stretch, ...]) -> None:
    assert {verdict.state for _, verdict in told(story)} <= {"OK", "IDLE", "UNKNOWN"}


def test_a_stall_is_seen_soon_and_counts_from_the_last_finished_work() -> None:
    verdicts = told((QUIET, BUSY, s(40, clients=4, cpu=0.02, unanswered=4)))
    stalled = [(at_s, verdict) for at_s, verdict in verdicts if verdict.state == "STALLED"]
    assert stalled[0][0] <= 78 + 12
    assert stalled[-1][1].since_s == 78.0
