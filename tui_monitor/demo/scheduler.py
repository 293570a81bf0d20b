"""The heart of the token generator: a queue, slots, a block-wise key-value cache, and steps that each make one token a request.

It schedules as vLLM's V1 engine does: requests that already decode go first, what is left of the step's token budget reads prompts in
chunks, new requests come in by order of arrival while slots and cache blocks last, and when the cache is full the youngest running
request is preempted and starts over. Only the arithmetic of a real model is missing; its time is a linear cost of the work in a step.
Pure: time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from itertools import islice
from typing import Literal, NamedTuple, Protocol

Finish = Literal["stop", "length", "abort"]


class Limits(NamedTuple):
    """What the imagined accelerator can do."""

    slots: int = 32  # requests worked on together
    blocks: int = 1536  # of the key-value cache
    block_tokens: int = 16
    step_tokens: int = 2048  # tokens of one step, prompts and answers together
    queue: int = 512  # waiting requests before more are refused
    model_tokens: int = 4096  # prompt and answer of one request
    step_s: float = 0.014  # one step's fixed cost
    prompt_token_s: float = 14e-6  # of each prompt token that is read
    decode_s: float = 90e-6  # of each request that decodes


class Job:
    """One request on its way."""

    __slots__ = ("admitted_s", "arrived_s", "blocks", "computed", "first_s", "limit", "made", "preempted", "prompt", "reused", "wanted")

    def __init__(self, prompt: int, wanted: int, limit: int, arrived_s: float, reused: int = 0) -> None:
        """`wanted` is where the answer ends by itself, `limit` the caller's max_tokens, `reused` prompt tokens of a known prefix."""
        self.prompt, self.wanted, self.limit, self.arrived_s, self.reused = prompt, wanted, limit, arrived_s, reused
        self.admitted_s: float | None = None
        self.first_s: float | None = None
        self.made = 0  # tokens generated
        self.computed = 0  # tokens whose keys and values are in the cache
        self.blocks = 0
        self.preempted = 0

    @property
    def length(self) -> int:
        """Tokens that must be in the cache before the next one can be made."""
        return self.prompt + self.made


class Watcher(Protocol):
    """Who counts what happens."""

    def step(self, took_s: float, tokens: int, prompt_tokens: int, decoding: int) -> None:
        """A step ended: it read so many prompt tokens, and so many requests got their next token after an earlier one."""

    def first_token(self, job: Job, at_s: float) -> None:
        """A request has its first token."""

    def preempted(self, job: Job) -> None:
        """A request lost its place to the cache."""

    def finished(self, job: Job, at_s: float, why: Finish) -> None:
        """A request is done."""


class QueueFull(Exception):
    """Too many wait already."""


class Scheduler:
    """Moves requests forward as time is told to it."""

    def __init__(self, limits: Limits, watcher: Watcher) -> None:
        self.limits, self._watcher = limits, watcher
        self.waiting: deque[Job] = deque()
        self.running: list[Job] = []
        self.used_blocks = 0
        self._frozen_until_s = 0.0
        self._plan: list[tuple[Job, int]] = []  # of the step under way: tokens to compute for each
        self._began_s = 0.0
        self._ends_s: float | None = None

    @property
    def cache_used(self) -> float:
        """Share of the key-value cache in use."""
        return self.used_blocks / self.limits.blocks

    @property
    def busy(self) -> bool:
        """Whether there is work."""
        return bool(self.running or self.waiting)

    def frozen(self, now_s: float) -> bool:
        """Whether steps stand still."""
        return now_s < self._frozen_until_s

    def freeze(self, now_s: float, for_s: float) -> None:
        """Stop stepping, as a hung kernel would; 0 ends it. Requests are still taken in, and wait."""
        self._frozen_until_s = now_s + for_s

    def submit(self, job: Job) -> None:
        """Queue a request.

        Raises:
            QueueFull: and the request is not taken.
        """
        if len(self.waiting) >= self.limits.queue:
            raise QueueFull
        self.waiting.append(job)

    def abort(self, job: Job, now_s: float) -> None:
        """Its client has gone."""
        if job in self.running:
            self.running.remove(job)
            self._plan = [part for part in self._plan if part[0] is not job]
            self._release(job)
        elif job in self.waiting:
            self.waiting.remove(job)
        else:
            return
        self._watcher.finished(job, now_s, "abort")

    def advance(self, now_s: float) -> None:
        """Do every step that ends until now. Time spent frozen is lost: the step under way ends that much later."""
        if self.frozen(now_s):
            return
        if self._ends_s is not None and self._began_s < self._frozen_until_s:
            self._ends_s = max(self._ends_s, self._frozen_until_s)
        if self._ends_s is None:
            start_s = min((job.arrived_s for job in self.waiting), default=now_s)
            self._begin(max(start_s, self._frozen_until_s, self._began_s))
        while self._ends_s is not None and self._ends_s <= now_s:
            ended_s = self._ends_s
            self._end(ended_s)
            self._begin(ended_s)

    # -- one step -------------------------------------------------------------------------------------------------------------------

    def _begin(self, now_s: float) -> None:
        """Choose the work of the next step; without any, the clock of steps stops."""
        self._plan, budget = [], self.limits.step_tokens
        for job in sorted(self.running, key=lambda one: one.computed + 1 < one.length):  # decoding ones first
            if job in self.running:  # not put aside by an earlier one
                budget -= self._take(job, budget)
        while self.waiting and len(self.running) < self.limits.slots and budget > 0:
            job = self.waiting[0]
            if self._blocks_of(job.length + 1) > self.limits.blocks - self.used_blocks or job.arrived_s > now_s:
                break
            self.waiting.popleft()
            self.running.append(job)
            if job.admitted_s is None:
                job.admitted_s = now_s
            job.computed = min(job.reused, job.length - 1)
            budget -= self._take(job, budget)
        if not self._plan:
            self._ends_s = None
            self._began_s = now_s
            return
        prompt_tokens = sum(tokens for _, tokens in self._plan if tokens > 1)
        decoding = sum(1 for _, tokens in self._plan if tokens == 1)
        limits = self.limits
        self._began_s = now_s
        self._ends_s = now_s + limits.step_s + prompt_tokens * limits.prompt_token_s + decoding * limits.decode_s

    def _take(self, job: Job, budget: int) -> int:
        """Plan what a request gets of this step, with the cache it needs; returns its tokens."""
        tokens = min(job.length - job.computed, budget)
        if tokens <= 0:
            return 0
        while (more := self._blocks_of(job.computed + tokens) - job.blocks) > self.limits.blocks - self.used_blocks:
            last = self.running[-1]
            self._preempt(last)
            if last is job:
                return 0
        if more > 0:
            job.blocks += more
            self.used_blocks += more
        self._plan.append((job, tokens))
        return tokens

    def _preempt(self, job: Job) -> None:
        self.running.remove(job)
        self._plan = [part for part in self._plan if part[0] is not job]
        self._release(job)
        job.computed = 0
        job.preempted += 1
        self.waiting.appendleft(job)
        self._watcher.preempted(job)

    def _end(self, now_s: float) -> None:
        tokens = decoding = read = 0
        for job, computed in self._plan:
            tokens += computed
            read += computed if job.made == 0 else 0
            job.computed += computed
            if job.computed < job.length:
                continue  # its prompt goes on in the next step
            job.made += 1
            if job.made == 1:
                job.first_s = now_s
                self._watcher.first_token(job, now_s)
            else:
                decoding += 1
            if job.made >= min(job.wanted, job.limit) or job.length >= self.limits.model_tokens:
                self.running.remove(job)
                self._release(job)
                self._watcher.finished(job, now_s, "stop" if job.made >= job.wanted else "length")
        self._watcher.step(now_s - self._began_s, tokens, read, decoding)

    def _release(self, job: Job) -> None:
        self.used_blocks -= job.blocks
        job.blocks = 0

    def _blocks_of(self, tokens: int) -> int:
        return -(-tokens // self.limits.block_tokens)


class PrefixCache:
    """Which beginnings of prompts were read before: whole blocks, known by the hash of all words up to their end; oldest forgotten."""

    def __init__(self, block_tokens: int = 16, blocks: int = 512, depth: int = 8) -> None:
        """At most `depth` blocks of a prompt are looked at."""
        self._block_tokens, self._blocks, self._depth = block_tokens, blocks, depth
        self._known: OrderedDict[int, None] = OrderedDict()

    def reuse(self, words: Sequence[str]) -> int:
        """How many tokens at the start were read before; from now on all of these blocks are known."""
        hits, seen, chain = 0, True, 0
        for block in range(min(self._depth, len(words) // self._block_tokens)):
            chain = hash((chain, *islice(words, block * self._block_tokens, (block + 1) * self._block_tokens)))
            seen = seen and chain in self._known
            hits += self._block_tokens if seen else 0
            self._known[chain] = None
            self._known.move_to_end(chain)
        while len(self._known) > self._blocks:
            self._known.popitem(last=False)
        return hits
