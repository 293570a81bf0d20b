"""Episodes, items and systems for the tests of outward."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from loopback import reply
from msgspec.structs import replace

from tui_monitor.alerts.outward.item import Item, of_act, of_notice
from tui_monitor.alerts.outward.labels import Origin
from tui_monitor.model import Ack, Episode, Notice, Outgoing, utc

NOW_S = 1_800_000_000.0
ORIGIN = Origin("box1", version="1.2")


def episode(identity: str = "aaaa0001", rule: str = "slow", **changes: Any) -> Episode:
    base = Episode(
        id=identity,
        rule=rule,
        kind="target",
        target="ranker",
        severity="warning",
        state="firing",
        since_s=NOW_S - 60,
        fired_s=NOW_S,
        for_s=30.0,
        last_true_s=NOW_S,
        value=0.75,
        unit="s",
        summary='p95 is 750 ms, "a bit" slow',
        labels={"model": "m", "kind": "vllm"},
    )
    return replace(base, **changes)


def acked(one: Episode, by: str, at_s: float, until_s: float, why: str = "looking") -> Episode:
    return replace(one, ack=Ack(by, utc(at_s), why, utc(until_s)))


def notice(what: Any = "fired", number: int = 1, text: str = "", **changes: Any) -> Notice:
    one = episode(**changes)
    return Notice(f"{one.id}.{number}", one.fired_s or NOW_S, what, text or one.summary, one)


def item(what: Any = "fired", number: int = 1, **changes: Any) -> Item:
    return of_notice(notice(what, number, **changes), "http://wiki/slow")


def act(what: Any, alert: Any, who: str = "alice", at_s: float = NOW_S, **more: Any) -> Item:
    return of_act(what, alert, who=who, at_s=at_s, **more)


class Settled:
    """Remembers what became of rows."""

    def __init__(self) -> None:
        self.rows: list[Outgoing] = []

    def __call__(self, row: Outgoing) -> None:
        self.rows.append(row)

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(row.key, row.state) for row in self.rows]


class Fake:
    """A system that does what a test says: each delivery takes the next of `answers`, an exception or an awaitable to wait for."""

    def __init__(self, name: str = "fake", answers: list[Any] | None = None, *, at_once: int = 4, deadline_s: float | None = 5.0) -> None:
        self.name, self.at_once, self.deadline_s, self.once = name, at_once, deadline_s, False
        self.answers = answers or []
        self.got: list[Item] = []
        self.under_way = self.most = 0

    def wants(self, item: Item) -> bool:
        return True

    async def deliver(self, item: Item) -> None:
        self.got.append(item)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            answer = self.answers.pop(0) if self.answers else None
            if isinstance(answer, BaseException):
                raise answer
            if isinstance(answer, Awaitable):
                await answer
        finally:
            self.under_way -= 1

    async def aclose(self) -> None:
        pass


async def until(true: Callable[[], object], within_s: float = 10.0) -> None:
    """Waits for something that other tasks bring about."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.005)


def answering(*answers: bytes) -> Callable[[socket.socket, bytes], None]:
    """Gives one answer after the other, the last one for ever; b"" is silence."""
    left = list(answers)

    def answer(connection: socket.socket, request: bytes) -> None:
        now = left.pop(0) if len(left) > 1 else left[0]
        if now:
            connection.sendall(now)

    return answer


def json_reply(value: Any, status: str = "200 OK") -> bytes:
    return reply(json.dumps(value).encode(), status, headers="Content-Type: application/json\r\n")


def json_of(request: bytes) -> Any:
    return json.loads(request.partition(b"\r\n\r\n")[2])
