"""Rows on their way: each system by itself, every failure a reason, nothing twice over a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from outward_samples import NOW_S, Fake, Settled, episode, item, notice, until

from tui_monitor.alerts.outward.dispatcher import Dispatcher
from tui_monitor.alerts.outward.item import Item, of_notice, read, rows
from tui_monitor.alerts.outward.outward import NotSent, Outward
from tui_monitor.model import Outgoing
from tui_monitor.store.database import Database


def put(fake: Outward, *items: Item) -> list[Outgoing]:
    return rows(items, [fake])


async def ended(dispatcher: Dispatcher, waiting: int = 0) -> None:
    await until(lambda: all(state.waiting == waiting for state in dispatcher.states()))
    await dispatcher.aclose()


def test_a_row_holds_all_that_is_told() -> None:
    one = item(text="it is slow\x1b[31m")
    (row,) = put(Fake(), one)
    assert (row.sink, row.key, row.episode, row.state) == ("fake", "aaaa0001.1", "aaaa0001", "waiting")
    assert read(row) == one


def test_what_arrives_is_sent_and_what_fails_is_tried_again() -> None:
    async def run() -> None:
        fake, settled = Fake(answers=[NotSent("nobody listens"), None]), Settled()
        dispatcher = Dispatcher([fake], settled, first_s=0.01)
        dispatcher.start()
        dispatcher.put(put(fake, item()))
        await ended(dispatcher)
        assert [(row.state, row.attempts, row.error) for row in settled.rows] == [("waiting", 1, "nobody listens"), ("sent", 2, "")]

    asyncio.run(run())


def test_a_slow_system_holds_up_no_other_and_is_given_up_at_its_deadline() -> None:
    async def run() -> None:
        slow, quick, settled = Fake("slow", [asyncio.sleep(60)], deadline_s=0.05), Fake("quick"), Settled()
        dispatcher = Dispatcher([slow, quick], settled, first_s=30)
        dispatcher.start()
        dispatcher.put([*put(slow, item()), *put(quick, item())])
        await until(lambda: len(settled.rows) == 2)
        assert settled.rows[0].sink == "quick"
        assert settled.rows[1].error == "not done within 0.05 s"
        assert dispatcher.why_not("aaaa0001") == {"slow": "not sent (not done within 0.05 s)"}
        await dispatcher.aclose()

    asyncio.run(run())


def test_an_unknown_error_is_recorded_without_its_words() -> None:
    async def run() -> None:
        fake, settled = Fake(answers=[RuntimeError("token=hunter2")]), Settled()
        dispatcher = Dispatcher([fake], settled, first_s=30)
        dispatcher.start()
        dispatcher.put(put(fake, item()))
        await until(lambda: settled.rows)
        assert settled.rows[0].error == "failed unexpectedly (RuntimeError)"
        await dispatcher.aclose()

    asyncio.run(run())


def test_one_episode_keeps_its_order_and_the_bound_is_kept() -> None:
    async def run() -> None:
        fake, settled = Fake(answers=[asyncio.sleep(0.01) for _ in range(40)], at_once=3), Settled()
        dispatcher = Dispatcher([fake], settled)
        dispatcher.start()
        names = [f"bbbb{number:04}" for number in range(10)]
        dispatcher.put(put(fake, *(item(number=number, identity=name) for number in range(1, 5) for name in names)))
        await ended(dispatcher)
        assert fake.most == 3
        for name in names:
            assert [one.key for one in fake.got if one.about == name] == [f"{name}.{number}" for number in range(1, 5)]

    asyncio.run(run())


def test_damaged_rows_and_rows_of_strangers_harm_nobody() -> None:
    async def run() -> None:
        fake, settled = Fake(), Settled()
        dispatcher = Dispatcher([fake], settled)
        dispatcher.start()
        good = put(fake, item())
        dispatcher.put([Outgoing("fake", "k", "fired", "e", NOW_S, b"\xff"), Outgoing("gone", "k", "fired", "e", NOW_S, b"{}"), *good])
        await ended(dispatcher)
        assert settled.states == [("k", "given up"), ("aaaa0001.1", "sent")]

    asyncio.run(run())


def test_a_store_that_fails_stops_nothing() -> None:
    async def run() -> None:
        def settle(row: Outgoing) -> None:
            raise OSError("disk full")

        async def fetch(sink: str, limit: int) -> Sequence[Outgoing]:
            raise OSError("disk full")

        fake = Fake()
        dispatcher = Dispatcher([fake], settle, fetch=fetch)
        dispatcher.start()
        dispatcher.put(put(fake, item()))
        await ended(dispatcher)
        assert len(fake.got) == 1
        assert dispatcher.errors >= 2

    asyncio.run(run())


# -- with the store -----------------------------------------------------------------------------------------------------------------


class Engine:
    """As much of an engine as is needed: its database, and a dispatcher that reads its outbox."""

    def __init__(self, path: Path, channel: Outward, *, later_s: float = 0.0, first_s: float = 0.01) -> None:
        self._later_s = later_s
        self.database = Database(path)
        self.dispatcher = Dispatcher(
            [channel], self.database.settle, fetch=self._fetch, clock=self._now_s, first_s=first_s, fetched_every_s=0.05
        )
        self.dispatcher.start()

    def _now_s(self) -> float:
        return NOW_S + self._later_s

    async def _fetch(self, sink: str, limit: int) -> Sequence[Outgoing]:
        return await asyncio.to_thread(self.database.due, self._now_s(), limit, sink)

    def tell(self, channel: Outward, *items: Item) -> None:
        self.database.commit(outbox=put(channel, *items)).result()
        self.dispatcher.wake()

    async def end(self, grace_s: float = 2.0) -> None:
        await self.dispatcher.aclose(grace_s)
        self.database.close()


def test_what_was_not_sent_is_sent_after_a_restart_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "episodes.db"
        first = Fake(answers=[None, NotSent("refused"), *(NotSent("refused") for _ in range(100))])
        engine = Engine(path, first, first_s=30)
        engine.tell(
            first, *(item(number=number, identity=f"cccc{number:04}") for number in range(1, 6)), item("resolved", 9, identity="cccc0002")
        )
        await until(lambda: any(state.error for state in engine.dispatcher.states()))
        await engine.end()
        arrived = [first.got[0].key]
        second = Fake()
        engine = Engine(path, second, later_s=3600)
        await until(lambda: engine.database.waiting() == {})
        await engine.end()
        third = Fake()
        engine = Engine(path, third, later_s=7200)
        engine.tell(third, item(number=1, identity="dddd0001"))
        await until(lambda: third.got and engine.database.waiting() == {})
        await engine.end()
        keys = arrived + [one.key for one in second.got]
        assert sorted(keys) == ["cccc0001.1", "cccc0002.2", "cccc0002.9", "cccc0003.3", "cccc0004.4", "cccc0005.5"]
        assert keys.index("cccc0002.2") < keys.index("cccc0002.9")
        assert [one.key for one in third.got] == ["dddd0001.1"]

    asyncio.run(run())


def test_what_is_under_way_at_the_end_is_finished_and_written_down(tmp_path: Path) -> None:
    async def run() -> None:
        release = asyncio.Event()
        fake = Fake(answers=[release.wait()])
        engine = Engine(tmp_path / "episodes.db", fake)
        engine.tell(fake, item())
        await until(lambda: fake.under_way)
        asyncio.get_running_loop().call_later(0.05, release.set)
        await engine.end()
        assert Database(tmp_path / "episodes.db").waiting() == {}

    asyncio.run(run())


def test_an_attempt_that_may_have_happened_is_not_repeated_where_it_must_not_be(tmp_path: Path) -> None:
    async def run() -> None:
        path, hook = tmp_path / "episodes.db", Fake("hook:train", [asyncio.sleep(60)], deadline_s=None)
        hook.once = True
        engine = Engine(path, hook)
        engine.tell(hook, item())
        await until(lambda: hook.under_way)
        await engine.end(grace_s=0)
        again = Fake("hook:train")
        again.once = True
        engine = Engine(path, again)
        await until(lambda: engine.database.waiting() == {})
        await engine.end()
        assert again.got == []
        (row,) = Database(path).outgoing("aaaa0001")
        assert (row.state, row.error) == ("given up", "was begun; nobody knows whether it ended: not repeated")

    asyncio.run(run())


def test_a_notice_that_was_put_directly_is_not_sent_again_from_the_outbox(tmp_path: Path) -> None:
    """While the disk is full rows are sent from memory; they reach the outbox later."""

    async def run() -> None:
        fake = Fake()
        engine = Engine(tmp_path / "episodes.db", fake)
        engine.dispatcher.put(put(fake, item()))
        await until(lambda: engine.dispatcher.states()[0].sent == 1)
        engine.tell(fake, item())
        await until(lambda: engine.database.waiting() == {})
        await engine.end()
        assert len(fake.got) == 1

    asyncio.run(run())


def test_rows_are_for_those_who_want_them() -> None:
    class Picky(Fake):
        def wants(self, item: Item) -> bool:
            return item.what == "fired"

    assert [row.sink for row in rows([of_notice(notice("resolved"))], [Picky("a"), Fake("b")])] == ["b"]
    assert episode().id == rows([item()], [Picky("a")])[0].episode
