"""A token generator that answers like a vLLM server: run as `python -m tui_monitor.demo.generator`.

Queue, slots, cache and steps are real (see `scheduler`); only the model is small: a table of which word follows which. Its control,
`POST /demo/control {"freeze_s": 60}`, stops the steps while the web server goes on to answer: `/health` stays 200.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tui_monitor.demo import lifeline, texts
from tui_monitor.demo.http_server import TEXT, Asked, Said, listen
from tui_monitor.demo.load import Load, write_load
from tui_monitor.demo.scheduler import Finish, Job, Limits, PrefixCache, QueueFull, Scheduler
from tui_monitor.demo.vllm_page import Counts

VERSION = "0.32.0"
ANSWER_WORDS = 34  # median of an answer
TICK_S = 0.05  # how often time is told to the scheduler; its own clock is finer
LOAD_EVERY_S = 1.0


class Generator(Counts):
    """The server: requests in, words out. Times are those of `clock`, in monotonic seconds."""

    def __init__(self, model: str, limits: Limits, seed: int = 11, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(model, limits)
        self._clock = clock
        self._reading_s = 0.0  # of steps' time, spent on prompts
        self._reading = 0.0  # the same as a share of all time, smoothed
        self._load_s = clock()
        self._model, self._limits = model, limits
        self.scheduler = Scheduler(limits, self)
        self._prefixes = PrefixCache(limits.block_tokens)
        self._random = Random(seed)  # noqa: S311
        vocabulary = sorted(set(texts.prompt(self._random).split()))
        self._follows = {word: self._random.sample(vocabulary, 5) for word in vocabulary}
        self._vocabulary = vocabulary
        self._answers: dict[Job, asyncio.Future[Finish]] = {}
        self._numbers = 0
        self.work = asyncio.Event()

    # -- words ------------------------------------------------------------------------------------------------------------------------

    def _words(self, count: int) -> str:
        """A walk along the table."""
        word, made = self._random.choice(self._vocabulary), []
        for _ in range(count):
            word = self._random.choice(self._follows[word])
            made.append(word)
        return " ".join(made)

    def step(self, took_s: float, tokens: int, prompt_tokens: int, decoding: int) -> None:
        """Count it, and remember how much reading it was."""
        super().step(took_s, tokens, prompt_tokens, decoding)
        self._reading_s += prompt_tokens * self._limits.prompt_token_s

    def finished(self, job: Job, at_s: float, why: Finish) -> None:
        """Count it, and let its client have the answer."""
        super().finished(job, at_s, why)
        answer = self._answers.pop(job, None)
        if answer is not None and not answer.done():
            answer.set_result(why)

    async def complete(self, body: bytes) -> Said:
        """`/v1/completions`: waits for its turn, and for its tokens."""
        try:
            asked = json.loads(body)
            prompt, limit = asked["prompt"].split(), int(asked.get("max_tokens", 16))
            model = asked.get("model")
        except (ValueError, TypeError, KeyError, AttributeError):
            return _error(400, "BadRequestError", "a JSON object with `model` and `prompt` is needed")
        if model != self._model:
            return _error(404, "NotFoundError", f"The model `{str(model)[:80]}` does not exist. Valid aliases: {self._model}.")
        if asked.get("stream"):
            return _error(400, "BadRequestError", "this small server does not stream")
        if limit < 1 or not prompt or len(prompt) + limit > self._limits.model_tokens:
            why = f"prompt and max_tokens={limit} must be at least 1 and together at most max_model_len={self._limits.model_tokens}."
            return _error(400, "BadRequestError", why)
        reused, length = self._prefixes.reuse(prompt), len(prompt)
        del asked, prompt  # a hundred long prompts may wait: only their length is needed
        self.prefix_queries.add(length)
        self.prefix_hits.add(reused)
        wanted = max(1, round(ANSWER_WORDS * self._random.lognormvariate(0.0, 0.35)))
        job = Job(length, wanted, limit, self._clock(), reused)
        try:
            self.scheduler.submit(job)
        except QueueFull:
            self.rejections.add(1.0, "max_num_queued_reqs")
            return _error(503, "ServiceUnavailableError", "The waiting queue is full.")
        answer = self._answers[job] = asyncio.get_running_loop().create_future()
        self.work.set()
        try:
            why = await answer
        except asyncio.CancelledError:
            self._answers.pop(job, None)
            self.scheduler.abort(job, self._clock())
            raise
        self._numbers += 1
        usage = {"prompt_tokens": job.prompt, "completion_tokens": job.made, "total_tokens": job.prompt + job.made}
        choice = {"index": 0, "text": self._words(job.made), "logprobs": None, "finish_reason": why}
        said: dict[str, Any] = {
            "id": f"cmpl-{self._numbers:016x}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": self._model,
            "choices": [choice],
            "usage": usage,
        }
        return Said(200, json.dumps(said).encode())

    # -- HTTP -------------------------------------------------------------------------------------------------------------------------

    async def answer(self, asked: Asked) -> Said:
        """Every path of the server; `/health` and `/metrics` are not counted, as in the real one."""
        match (asked.method, asked.path):
            case ("GET" | "HEAD", "/metrics" | "/metrics/"):
                return Said(200, self.page(self.scheduler), TEXT)
            case ("GET" | "HEAD", "/health" | "/ping"):
                return Said(200)
            case ("POST", "/demo/control"):
                return self._control(asked.body)
            case ("GET" | "HEAD", "/version"):
                said = Said(200, json.dumps({"version": VERSION}).encode())
            case ("GET" | "HEAD", "/v1/models"):
                said = Said(200, json.dumps(self._models()).encode())
            case ("POST", "/v1/completions"):
                said = await self.complete(asked.body)
            case ("GET" | "HEAD", "/v1/completions"):
                said = Said(405, b'{"detail":"Method Not Allowed"}')
            case _:
                self.answered("none", asked.method, 404)
                return Said(404, b'{"detail":"Not Found"}')
        self.answered(asked.path, asked.method, said.status)
        return said

    def _models(self) -> dict[str, Any]:
        model = {"id": self._model, "object": "model", "created": int(time.time()), "owned_by": "vllm", "root": self._model, "parent": None}
        return {"object": "list", "data": [model | {"max_model_len": self._limits.model_tokens}]}

    def _control(self, body: bytes) -> Said:
        try:
            freeze_s = float(json.loads(body)["freeze_s"])
        except (ValueError, TypeError, KeyError):
            freeze_s = -1.0
        if not 0.0 <= freeze_s <= 3600.0:
            return _error(400, "BadRequestError", '{"freeze_s": 0 ... 3600} is what can be said here')
        self.scheduler.freeze(self._clock(), freeze_s)
        self.work.set()
        return Said(200, json.dumps({"freeze_s": freeze_s}).encode())

    def load(self, now_s: float) -> Load:
        """What an accelerator feels since the last call; `now_s` is the wall clock. Reading prompts is what heats it most."""
        passed_s, self._load_s = self._clock() - self._load_s, self._clock()
        share, self._reading_s = self._reading_s / passed_s if passed_s > 0 else 0.0, 0.0
        self._reading += 0.4 * (min(share, 1.0) - self._reading)
        running = len(self.scheduler.running) / self._limits.slots
        busy = min(1.0, 0.25 + 0.9 * self._reading + 0.5 * running) if running else 0.0
        return Load(now_s, busy, self.scheduler.cache_used, self.scheduler.frozen(self._clock()))

    async def drive(self, load: Path | None) -> None:
        """Tell the scheduler the time while there is work, and leave the load where the simulated GPUs read it."""
        written_s = 0.0
        while True:
            now_s = self._clock()
            self.scheduler.advance(now_s)
            if load is not None and now_s - written_s >= LOAD_EVERY_S:
                written_s = now_s
                with contextlib.suppress(OSError):  # a full disk stops the GPUs' story, not the server
                    write_load(load, self.load(time.time()))
            self.work.clear()
            if self.scheduler.frozen(now_s) or not self.scheduler.busy:
                with contextlib.suppress(TimeoutError):  # nothing moves before the next request, or the end of the freeze
                    async with asyncio.timeout(LOAD_EVERY_S / 2):
                        await self.work.wait()
            await asyncio.sleep(TICK_S)


def _error(status: int, kind: str, message: str) -> Said:
    return Said(status, json.dumps({"error": {"message": message, "type": kind, "param": None, "code": status}}).encode())


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until told to end."""
    generator = Generator(arguments.model, Limits())
    server, port = await listen(generator.answer, arguments.port)
    driving = asyncio.create_task(generator.drive(arguments.load))
    lifeline.announce(port)
    await lifeline.until_told()
    driving.cancel()
    server.close()


def main() -> None:
    """Start from the command line."""
    lifeline.follow_parent()
    parser = argparse.ArgumentParser(prog="tui_monitor.demo.generator", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", default="demo-7b")
    parser.add_argument("--load", type=Path, default=None, help="where the load is left for the simulated GPUs")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
