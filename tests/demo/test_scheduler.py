"""What the token generator's queue, slots and cache do, with a clock that the test moves."""

from __future__ import annotations

import pytest

from tui_monitor.demo.scheduler import Finish, Job, Limits, PrefixCache, QueueFull, Scheduler

LIMITS = Limits(slots=2, blocks=16, block_tokens=4, step_tokens=32, queue=3, model_tokens=64, step_s=0.1, prompt_token_s=0.0, decode_s=0.0)


class Notes:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.ends: list[tuple[Job, float, Finish]] = []
        self.firsts: dict[Job, float] = {}
        self.steps: list[tuple[float, int, int, int]] = []
        self.put_aside = 0

    def step(self, took_s: float, tokens: int, prompt_tokens: int, decoding: int) -> None:
        self.steps.append((took_s, tokens, prompt_tokens, decoding))

    def first_token(self, job: Job, at_s: float) -> None:
        self.firsts[job] = at_s

    def preempted(self, job: Job) -> None:
        self.put_aside += 1

    def finished(self, job: Job, at_s: float, why: Finish) -> None:
        self.ends.append((job, at_s, why))


def scheduler(limits: Limits = LIMITS) -> tuple[Scheduler, Notes]:
    notes = Notes()
    return Scheduler(limits, notes), notes


def test_one_request_takes_one_step_for_its_prompt_and_one_for_each_further_token() -> None:
    server, notes = scheduler()
    job = Job(prompt=8, wanted=3, limit=10, arrived_s=5.0)
    server.submit(job)
    server.advance(5.05)
    assert (len(server.running), len(server.waiting), server.used_blocks) == (1, 0, 2)
    server.advance(9.0)
    assert notes.firsts[job] == pytest.approx(5.1)
    assert [(end, why) for _, end, why in notes.ends] == [(pytest.approx(5.3), "stop")]
    assert [step[1:] for step in notes.steps] == [(8, 8, 0), (1, 0, 1), (1, 0, 1)]
    assert (server.busy, server.used_blocks) == (False, 0)


def test_how_far_time_jumps_changes_nothing() -> None:
    def ends(moments: list[float]) -> list[float]:
        server, notes = scheduler()
        for _ in range(2):
            server.submit(Job(6, 4, 10, 1.0))
        for at_s in moments:
            server.advance(at_s)
        return [end for _, end, _ in notes.ends]

    at_once, in_steps = ends([3.0]), ends([1 + i * 0.03 for i in range(67)])
    assert at_once == in_steps == pytest.approx([1.4, 1.4])


@pytest.mark.parametrize(("limit", "why"), [(2, "length"), (5, "stop")])
def test_why_an_answer_ends(limit: int, why: str) -> None:
    server, notes = scheduler()
    server.submit(Job(4, 3, limit, 0.0))
    server.advance(10.0)
    assert notes.ends[0][2] == why
    assert notes.ends[0][0].made == min(3, limit)


def test_slots_are_limited_and_the_queue_is_in_order() -> None:
    server, notes = scheduler()
    jobs = [Job(4, 2, 10, i / 100) for i in range(4)]
    for job in jobs[:3]:
        server.submit(job)
    server.advance(0.05)
    assert (len(server.running), len(server.waiting)) == (1, 2)  # those that came after the first step had begun
    server.submit(jobs[3])
    server.advance(0.15)
    assert server.running == jobs[:2]
    assert list(server.waiting) == jobs[2:]
    server.advance(20.0)
    assert [job for job, _, _ in notes.ends] == jobs


def test_a_full_queue_refuses() -> None:
    server, _ = scheduler()
    for _ in range(3):
        server.submit(Job(4, 2, 10, 0.0))
    with pytest.raises(QueueFull):
        server.submit(Job(4, 2, 10, 0.0))


def test_a_long_prompt_is_read_in_pieces_and_decoding_goes_on() -> None:
    server, notes = scheduler(LIMITS._replace(step_tokens=8, blocks=32))
    first, long = Job(4, 20, 20, 0.0), Job(30, 2, 10, 0.15)
    server.submit(first)
    server.advance(0.15)
    server.submit(long)
    server.advance(1.0)
    made_meanwhile = [step[1:] for step in notes.steps if step[2] and step[3]]
    assert made_meanwhile == [(8, 7, 1), (8, 7, 1), (8, 7, 1), (8, 7, 1), (3, 2, 1)]


def test_when_the_cache_is_full_the_youngest_starts_over() -> None:
    server, notes = scheduler(LIMITS._replace(blocks=6))
    old, young = Job(8, 12, 20, 0.0), Job(8, 12, 20, 0.0)
    server.submit(old)
    server.submit(young)
    server.advance(30.0)
    assert notes.put_aside > 0
    assert old.preempted == 0
    assert [(job, why) for job, _, why in notes.ends] == [(old, "stop"), (young, "stop")]
    assert young.made == 12
    assert server.used_blocks == 0


def test_the_cache_is_never_overbooked() -> None:
    limits = Limits(slots=8, blocks=20, block_tokens=4, step_tokens=16, queue=99, model_tokens=64)
    server, notes = scheduler(limits)
    for i in range(40):
        server.submit(Job(3 + i % 17, 1 + i % 13, 20, i / 50))
    seen = []
    for tick in range(400):
        server.advance(tick / 50)
        assert server.used_blocks == sum(job.blocks for job in server.running)
        seen.append(server.used_blocks)
    assert max(seen) <= limits.blocks
    assert len(notes.ends) == 40


def test_frozen_means_that_nothing_moves_and_requests_are_still_taken() -> None:
    server, notes = scheduler()
    server.submit(Job(4, 5, 10, 0.0))
    server.advance(0.25)
    steps = len(notes.steps)
    server.freeze(0.25, 60.0)
    server.submit(Job(4, 5, 10, 1.0))
    server.advance(60.0)
    assert (len(notes.steps), len(server.running), len(server.waiting)) == (steps, 1, 1)
    assert server.frozen(60.0)
    server.advance(61.0)
    assert not server.frozen(61.0)
    assert [end for _, end, _ in notes.ends] == pytest.approx([60.45, 60.75])
    assert max(took_s for took_s, *_ in notes.steps) == pytest.approx(60.05)  # the step under way hung


def test_a_freeze_that_finds_no_work_holds_what_comes_later() -> None:
    server, notes = scheduler()
    server.freeze(0.0, 10.0)
    server.submit(Job(4, 1, 10, 2.0))
    server.advance(20.0)
    assert [end for _, end, _ in notes.ends] == pytest.approx([10.1])


def test_whoever_hangs_up_is_forgotten_wherever_it_is() -> None:
    server, notes = scheduler()
    jobs = [Job(4, 5, 10, 0.0) for _ in range(3)]
    for job in jobs:
        server.submit(job)
    server.advance(0.15)
    server.abort(jobs[0], 0.2)  # running
    server.abort(jobs[2], 0.2)  # waiting
    server.advance(10.0)
    server.abort(jobs[1], 10.0)  # done already
    assert [(job, why) for job, _, why in notes.ends] == [(jobs[0], "abort"), (jobs[2], "abort"), (jobs[1], "stop")]
    assert server.used_blocks == 0


def test_prefixes_are_found_block_by_block() -> None:
    cache = PrefixCache(block_tokens=2, blocks=4)
    assert cache.reuse(tuple("abcde")) == 0
    assert cache.reuse(tuple("abcdxy")) == 4
    assert cache.reuse(tuple("xycd")) == 0  # the same block after another beginning is another block
    assert cache.reuse(tuple("qrstuvw")) == 0
    assert cache.reuse(tuple("ab")) == 0  # forgotten: only four blocks are kept
