"""The people who use the two servers, and the story they tell: run as `python -m tui_monitor.demo.traffic`.

Requests come at random times around a steady rate (a Poisson process). At most so many wait for the generator at once: who would come
on top goes away, as people do. The truth about each classified text is written to a labels file some seconds after its prediction.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import heapq
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from tui_monitor.demo import lifeline, texts
from tui_monitor.demo.http_client import Caller, Unanswered
from tui_monitor.demo.rows_file import RowsFile
from tui_monitor.demo.scenario import STORIES, moment

PROMPTS_PER_S = 24.0
TEXTS_PER_S = 20.0
WAITING_AT_ONCE = 96
MAX_TOKENS = 96
LABEL_AFTER_S = (25.0, 35.0)
LABELS_AT_ONCE = 2000
TIMEOUT_S = 120.0
TICK_S = 0.05


class Arrivals:
    """How many came since the last question: a Poisson process of that rate. Pure."""

    def __init__(self, per_s: float, random: Random, now_s: float) -> None:
        self._per_s, self._random = per_s, random
        self._next_s = now_s + random.expovariate(per_s)

    def until(self, now_s: float, most: int = 20) -> int:
        """At most `most`: after a pause they do not all come at once."""
        count = 0
        while self._next_s <= now_s:
            count += 1
            self._next_s += self._random.expovariate(self._per_s)
            if count == most:
                self._next_s = max(self._next_s, now_s)
        return min(count, most)


class LateLabels:
    """Truths that wait for their time. Pure but for the file."""

    def __init__(self, file: RowsFile, random: Random) -> None:
        self._file, self._random = file, random
        self._due: list[tuple[float, str, str]] = []

    def expect(self, name: str, truth: str, now_s: float) -> None:
        """This prediction's truth will be known in a while."""
        if len(self._due) < LABELS_AT_ONCE:
            heapq.heappush(self._due, (now_s + self._random.uniform(*LABEL_AFTER_S), name, truth))

    def write(self, now_s: float) -> None:
        """Write what is known by now.

        Raises:
            OSError: it cannot be written.
        """
        while self._due and self._due[0][0] <= now_s:
            _, name, truth = heapq.heappop(self._due)
            self._file.append({"id": name, "label": truth})


class Traffic:
    """Both crowds and the hand that stops the generator."""

    def __init__(self, generator: Caller, classifier: Caller, labels: LateLabels, model: str, random: Random) -> None:
        self._generator, self._classifier, self._labels, self._model, self._random = generator, classifier, labels, model, random
        self._waiting: set[asyncio.Task[None]] = set()

    async def _prompt(self, factor: float) -> None:
        body = {"model": self._model, "prompt": texts.prompt(self._random, factor), "max_tokens": MAX_TOKENS}
        with contextlib.suppress(Unanswered):
            await self._generator.post("/v1/completions", body, TIMEOUT_S)

    async def _text(self, factor: float) -> None:
        text, truth = texts.message(self._random, factor)
        with contextlib.suppress(Unanswered, KeyError):
            _, said = await self._classifier.post("/predict", {"text": text}, 5.0)
            self._labels.expect(said["id"], truth, time.monotonic())

    def _send(self, request: Any) -> None:
        task = asyncio.get_running_loop().create_task(request)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def run(self, story: str, speed: float) -> None:
        """Tell the story, for ever."""
        began_s = time.monotonic()
        prompts, messages = (Arrivals(rate, self._random, began_s) for rate in (PROMPTS_PER_S, TEXTS_PER_S))
        frozen = False
        while True:
            now_s = time.monotonic()
            now = moment(story, now_s - began_s, speed)
            if (now.frozen_for_s > 0) != frozen:
                try:
                    await self._generator.post("/demo/control", {"freeze_s": round(now.frozen_for_s, 3)}, 2.0)
                    frozen = not frozen
                except Unanswered:
                    pass  # asked again at the next tick
            for _ in range(prompts.until(now_s)):
                if len(self._waiting) < WAITING_AT_ONCE:
                    self._send(self._prompt(now.length))
            for _ in range(messages.until(now_s)):
                if len(self._waiting) < WAITING_AT_ONCE + 20:
                    self._send(self._text(now.length))
            with contextlib.suppress(OSError):  # a full disk: these labels never come
                self._labels.write(now_s)
            await asyncio.sleep(TICK_S)


async def serve(arguments: argparse.Namespace, ports: dict[str, int]) -> None:
    """Send until told to end."""
    random = Random(arguments.seed)  # noqa: S311
    labels = LateLabels(RowsFile(arguments.labels), random)
    traffic = Traffic(Caller(ports["generator"]), Caller(ports["classifier"]), labels, arguments.model, random)
    sending = asyncio.create_task(traffic.run(arguments.scenario, arguments.speed))
    told = asyncio.create_task(lifeline.until_told())
    await asyncio.wait((sending, told), return_when=asyncio.FIRST_COMPLETED)
    if sending.done():
        sending.result()  # it never ends by itself: say why
    sending.cancel()


def main() -> None:
    """Start from the command line; the first line of stdin is `{"generator": PORT, "classifier": PORT}`."""
    lifeline.follow_parent()
    parser = argparse.ArgumentParser(prog="tui_monitor.demo.traffic", description=__doc__)
    parser.add_argument("--scenario", choices=STORIES, default="incident")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--model", default="demo-7b")
    parser.add_argument("--labels", type=Path, required=True, help="where the truth is written, late")
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    line = lifeline.first_line()
    if not line:
        sys.exit(0)  # the parent is gone already
    asyncio.run(serve(arguments, json.loads(line)))


if __name__ == "__main__":
    main()
