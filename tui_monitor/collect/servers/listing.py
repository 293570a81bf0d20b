"""Which models a server has, in which version and state: asked seldom, and never waited for by the numbers.

Some servers list everything at once, some list names only and tell the rest one by one, some cannot list at all and answer for names that
are known from elsewhere. Some need ten seconds for their first answer: the question goes on behind the rounds that read the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui_monitor.model import Failure, ModelAnswer

if TYPE_CHECKING:
    from tui_monitor.collect.http import Answer, Client
    from tui_monitor.collect.servers.kind import Ask, Kind

VERSION_EVERY_S = 300.0
EACH_AT_ONCE = 8
HTTP_BUSY = 429
MAX_EACH = 64  # questions for single models


class Listing:
    """Version and models of one server as they were last told."""

    def __init__(self, kind: Kind, client: Callable[[str, float], Client | None]) -> None:
        """Nothing is asked yet.

        Args:
            kind: what to ask.
            client: gives the client of one of the kind's places for questions of a certain length (0: the target's timeout).
        """
        self._kind, self._client = kind, client
        self.version = ""
        self.models: tuple[ModelAnswer, ...] | None = None
        self.failure: Failure | None = None  # why the models are not known
        self._version_at_s: float | None = None
        self._models_at_s: float | None = None
        self._unchanged = 0  # times that the list was the same: a quiet server is asked less often
        self._running: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """Whoever answers next may be another."""
        self._version_at_s = self._models_at_s = None
        self.models, self._unchanged = None, 0

    async def ask(self, now_s: float, named: Sequence[str], wait_s: float) -> None:
        """Ask what is due, and wait for it a while; what takes longer is there next time."""
        if self._running is not None and self._running.done():
            self._running = None
        if self._running is None:
            if not self.due(now_s, named):
                return
            self._running = asyncio.create_task(self._ask(now_s, named))
        await asyncio.wait([self._running], timeout=wait_s)

    def due(self, now_s: float, named: Sequence[str]) -> bool:
        """Whether anything is to be asked."""
        return self._version_is_due(now_s) or self._models_are_due(now_s, named)

    def _version_is_due(self, now_s: float) -> bool:
        return self._kind.version is not None and not _fresh(self._version_at_s, now_s, VERSION_EVERY_S)

    def _models_are_due(self, now_s: float, named: Sequence[str]) -> bool:
        kind = self._kind
        every_s = kind.models_every_s * (3 if self._unchanged >= 3 else 1)
        return (kind.models is not None or bool(kind.each and named)) and not _fresh(self._models_at_s, now_s, every_s)

    async def stop(self) -> None:
        """End what still runs."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def _ask(self, now_s: float, named: Sequence[str]) -> None:
        await asyncio.gather(self._ask_version(now_s), self._ask_models(now_s, named))

    async def _ask_version(self, now_s: float) -> None:
        question = self._kind.version
        if question is None or not self._version_is_due(now_s):
            return
        answer, client = await self._get(question)
        if answer is not None and client is not None and answer.failure is None:
            self._version_at_s = now_s
            try:
                self.version = client.said(self._kind.read_version(answer.body), 40)
            except ValueError:
                self.version = ""

    async def _ask_models(self, now_s: float, named: Sequence[str]) -> None:
        kind = self._kind
        if not self._models_are_due(now_s, named):
            return
        listed: tuple[ModelAnswer, ...] | None = tuple(ModelAnswer(name) for name in named)
        if kind.models is not None:
            answer, _ = await self._get(kind.models)
            self.failure = answer.failure if answer is not None else None
            try:
                listed = kind.read_models(answer.body) if answer is not None and answer.failure is None else None
            except ValueError as error:
                listed, self.failure = None, Failure("unsupported", f"its list of models is not understood: {error}")
            if listed is None and answer is not None and answer.status == HTTP_BUSY:
                listed = self.models  # it has not lost them: BentoML refuses this question too while it is full
        if listed and kind.each is not None:
            listed = await self._ask_each(kind.each, listed)
        if listed is not None and kind.models is not None:
            there = {model.name for model in listed}
            listed += tuple(
                ModelAnswer(name, state="MISSING", why="configured, and not listed by its server") for name in named if name not in there
            )
        self._unchanged = self._unchanged + 1 if listed == self.models and listed is not None else 0
        self.models, self._models_at_s = listed, now_s

    async def _ask_each(self, each: Callable[[ModelAnswer], Ask], listed: tuple[ModelAnswer, ...]) -> tuple[ModelAnswer, ...]:
        """A further question for each model; models whose question is the same share its answer."""
        gate = asyncio.Semaphore(EACH_AT_ONCE)

        async def ask(question: Ask) -> Answer | None:
            async with gate:
                return (await self._get(question))[0]

        questions = list(dict.fromkeys(each(model) for model in listed))[:MAX_EACH]
        answers = dict(zip(questions, await asyncio.gather(*(ask(question) for question in questions)), strict=True))
        return tuple(one for model in listed for one in self._told(model, answers.get(each(model))))

    def _told(self, model: ModelAnswer, answer: Answer | None) -> tuple[ModelAnswer, ...]:
        """What an answer says of one model; the model as it was listed when it says nothing."""
        if answer is None or answer.status is None or (answer.failure is not None and answer.status not in (400, 404, 500, 503)):
            return (model,)
        try:
            return self._kind.read_each(model, answer.status, answer.body)
        except ValueError:
            return (model,)

    async def _get(self, question: Ask) -> tuple[Answer | None, Client | None]:
        client = self._client(question.place, question.timeout_s)
        if client is None:
            return None, None
        answer = await client.get(question.path, method=question.method, body=question.body, accept=question.accept)
        return answer, client


def _fresh(at_s: float | None, now_s: float, for_s: float) -> bool:
    return at_s is not None and now_s - at_s < for_s
