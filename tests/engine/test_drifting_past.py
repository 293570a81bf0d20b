"""References of the past in the engine: which signals get one, what is asked, and what is told when there is none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.analyse.target import SignalCounts
from tui_monitor.collect.past_counts import PastBuckets, PastCategories
from tui_monitor.collect.prometheus import RangeFailure
from tui_monitor.config import DriftSettings, PrometheusSettings, ReferenceSettings, Settings
from tui_monitor.engine.drift_past import ASK_AGAIN_S, Answer, PastQuestions, Question
from tui_monitor.engine.drift_references import MOST_TRIES, References
from tui_monitor.engine.drifting import Drifting
from tui_monitor.model import Drift, Reading

NOW_S = 1_800_000_000.0
DAY = "2026-11-01/2026-11-02"
COUNTER = "ended_total{why}"
Asked = tuple[str, ...]


class Past:
    """What a Prometheus remembers, and what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: RangeFailure | None = None, known: float = 1.0) -> None:
        self.asked: list[Asked] = []
        self.fails, self.known = fails, known
        self.hangs: set[str] = set()  # signals' families that are not answered before `release`, or before nobody wants to know
        self.release, self.hanging = threading.Event(), threading.Semaphore(0)
        self.at_once = self.most_at_once = 0
        self._own = threading.Lock()
        monkeypatch.setattr("tui_monitor.collect.past_counts.past_buckets", self.buckets)
        monkeypatch.setattr("tui_monitor.collect.past_counts.past_categories", self.categories)

    def buckets(
        self, server: PrometheusSettings, family: str, instance: str, start_s: float, end_s: float, query: str, *, over: Callable[[], bool]
    ) -> PastBuckets:
        self._ask(family, over, server.name, family, query)
        return PastBuckets([1.0, 2.0], self._times(), np.tile([80.0, 15.0, 5.0], (50, 1)), 5000.0, self.known)

    def categories(
        self,
        server: PrometheusSettings,
        family: str,
        label: str,
        instance: str,
        start_s: float,
        end_s: float,
        query: str,
        *,
        over: Callable[[], bool],
    ) -> PastCategories:
        self._ask(family, over, server.name, family, label, query)
        return PastCategories(["length", "stop"], self._times(), np.tile([20.0, 80.0], (50, 1)), self.known)

    def _ask(self, family: str, over: Callable[[], bool], *what: str) -> None:
        with self._own:
            self.asked.append(what)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if family in self.hangs:
                self.hanging.release()
                while not self.release.wait(0.01) and not over():
                    pass
            if self.fails:
                raise self.fails
        finally:
            with self._own:
                self.at_once -= 1

    @staticmethod
    def _times() -> Any:
        return NOW_S - 9e6 + 60 * np.arange(50.0)


class Life:
    """A server with a histogram and a class counter, whose drift is judged against the past."""

    def __init__(self, *references: ReferenceSettings) -> None:
        drift = DriftSettings(learn="60s", every="10s", references=list(references))
        self.said: list[str] = []
        self.room = DriftRoom(drift)
        servers = [PrometheusSettings(name, "http://127.0.0.1:9") for name in ("central", "second")]
        self.references = References(Settings(prometheus=servers, drift=drift), "h", lambda text, _severity="": self.said.append(text))
        self.now_s, self.rows = NOW_S, 0

    def run(self, seconds: float) -> dict[str, Drift]:
        for _ in range(round(seconds / 10)):
            self.now_s += 10
            self.rows += 50
            n = float(self.rows)
            self.room.observe(self.now_s, "srv", "h", "input", [1.0, 2.0], [0.8 * n, 0.95 * n, n], None, n)
            self.room.observe(self.now_s, "srv", COUNTER, "output", [], [0.2 * n, 0.8 * n], ["length", "stop"])
            for signal in ("h", COUNTER):
                if self.references.wanted("srv", signal):
                    self.references.ask_past("srv", "http://127.0.0.1:1", signal, self.now_s)
            if self.references.questions.waits:
                asyncio.run(self.references.questions.answer_all())
            self.references.take_past(self.room, self.now_s)
            self.room.check(self.now_s)
        return {one.signal: one for one in self.room.verdicts(self.now_s)}


def test_every_signal_of_a_server_gets_its_past(monkeypatch: pytest.MonkeyPatch) -> None:
    past, life = Past(monkeypatch), Life(ReferenceSettings("srv", prometheus="central", past=DAY))
    verdicts = life.run(300)
    assert past.asked == [("central", "h", ""), ("central", "ended_total", "why", "")]
    for signal in ("h", COUNTER):
        assert verdicts[signal].origin == "01 Nov 00:00 to 02 Nov 00:00 UTC from central"
        assert verdicts[signal].state == "stable"
    assert verdicts["h"].mean == (1.0, 1.0)
    shares = verdicts[COUNTER].shares
    assert shares is not None
    assert (shares.names[:2], shares.reference[:2]) == (["stop", "length"], [0.8, 0.2])
    assert life.said == [
        f"srv: {signal} is judged against 01 Nov 00:00 to 02 Nov 00:00 UTC from central: 5,000 rows" for signal in ("h", COUNTER)
    ]


def test_after_a_restart_the_same_past_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    past, life = Past(monkeypatch), Life(ReferenceSettings("srv", prometheus="central", past=DAY))
    before = life.run(600)
    again = Life(ReferenceSettings("srv", prometheus="central", past=DAY))
    assert again.room.load(life.room.dump())
    again.now_s, again.rows = life.now_s, life.rows
    after = again.run(30)
    assert len(past.asked) == 4
    assert before.keys() == after.keys() == {"h", COUNTER}
    for signal, one in after.items():
        assert one.state == "stable"
        assert (one.n_now or 0) >= (before[signal].n_now or 0) > 0
        assert one.origin == before[signal].origin
    assert again.room._signals["srv", COUNTER].evidence_past[0] == life.room._signals["srv", COUNTER].evidence_past[0]


def test_the_past_of_one_signal_comes_before_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    past = Past(monkeypatch)
    life = Life(
        ReferenceSettings("srv", prometheus="central", past=DAY),
        ReferenceSettings("other", COUNTER, prometheus="central", past=DAY),
        ReferenceSettings("srv", "ended_total", prometheus="second", past=DAY, query='ends{job="srv"}'),
    )
    life.run(20)
    assert past.asked == [("central", "h", ""), ("second", "ended_total", "why", 'ends{job="srv"}')]


def test_a_past_that_is_known_in_part_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    Past(monkeypatch, known=0.25)
    life = Life(ReferenceSettings("srv", COUNTER, prometheus="central", past=DAY))
    verdicts = life.run(20)
    assert life.said[0].endswith("UTC from central: 5,000 rows of the 25% of that time that it knows")
    assert verdicts["h"].origin == ""


def test_a_time_that_is_not_over_is_no_past(monkeypatch: pytest.MonkeyPatch) -> None:
    past, life = Past(monkeypatch), Life(ReferenceSettings("srv", "h", prometheus="central", past="2026-11-01/2099-01-01"))
    assert life.run(300)["h"].origin.startswith("learned in")
    assert past.asked == []
    assert life.said == ["srv: the past of h from central: that time is not over; it is learned"]


@pytest.mark.parametrize(("kind", "asks"), [("refused", 1), ("timeout", 1), ("empty", 2), ("too_large", 2)])
def test_a_prometheus_that_does_not_answer_holds_the_judges_up_once(monkeypatch: pytest.MonkeyPatch, kind: Any, asks: int) -> None:
    past, life = Past(monkeypatch, RangeFailure(kind, "so it is")), Life(ReferenceSettings("srv", prometheus="central", past=DAY))
    verdicts = life.run(ASK_AGAIN_S - 20)
    assert len(past.asked) == asks
    assert verdicts[COUNTER].origin.startswith("learned in")
    assert sorted(set(life.said)) == [f"srv: the past of {signal} from central: so it is; it is learned" for signal in (COUNTER, "h")]
    assert len(life.said) == 2
    past.fails = None
    verdicts = life.run(ASK_AGAIN_S)
    assert {one.origin for one in verdicts.values()} == {"01 Nov 00:00 to 02 Nov 00:00 UTC from central"}


def test_what_is_asked_for_too_often_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    past, life = Past(monkeypatch, RangeFailure("empty", "so it is")), Life(ReferenceSettings("srv", "h", prometheus="central", past=DAY))
    life.run(ASK_AGAIN_S * (MOST_TRIES + 5))
    assert len(past.asked) == MOST_TRIES


def test_of_a_target_that_was_forgotten_the_past_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    past, life = Past(monkeypatch), Life(ReferenceSettings("srv", "h", prometheus="central", past=DAY))
    life.run(300)
    life.now_s += 8 * 86_400
    assert life.room.expire(life.now_s, set()) == ["srv"]
    life.run(300)
    assert len(past.asked) == 1, "the references were not told yet"
    assert life.room.expire(life.now_s + 8 * 86_400, set()) == ["srv"]
    life.references.forget("srv")
    life.now_s += 8 * 86_400
    assert life.run(60)["h"].origin == "01 Nov 00:00 to 02 Nov 00:00 UTC from central"
    assert len(past.asked) == 2


def test_an_answer_for_a_target_that_is_forgotten_or_for_other_settings_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    past, life = Past(monkeypatch), Life(ReferenceSettings("srv", "h", prometheus="central", past=DAY))

    def asked() -> None:
        life.references.ask_past("srv", "http://127.0.0.1:1", "h", life.now_s)
        life.references.ask_past("srv", "http://127.0.0.1:1", "h", life.now_s)  # is under way
        asyncio.run(life.references.questions.answer_all())

    asked()
    assert len(past.asked) == 1
    life.references.forget("srv")
    life.references.take_past(life.room, life.now_s)
    asked()
    assert len(past.asked) == 2
    life.references.renewed(life.references._settings)
    life.references.take_past(life.room, life.now_s)
    assert life.said == []
    asked()
    life.references.take_past(life.room, life.now_s)
    assert len(life.said) == 1


def test_more_questions_than_can_wait_are_asked_at_a_later_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.engine.drift_past.MOST_QUESTIONS", 1)
    past, life = Past(monkeypatch), Life(ReferenceSettings("srv", prometheus="central", past=DAY))
    life.run(10)
    assert len(past.asked) == 1
    life.run(10)
    assert len(past.asked) == 2


def test_one_that_is_stuck_is_given_up_and_keeps_no_other_prometheus_from_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.collect.past_counts.LONGEST_S", 0.0)
    monkeypatch.setattr("tui_monitor.engine.drift_past.LOADING_S", 0.0)
    past = Past(monkeypatch)
    past.hangs = {"stuck", "also"}
    of_all = ReferenceSettings("srv", prometheus="central", past=DAY)
    other = ReferenceSettings("other", prometheus="second", past=DAY)
    questions = PastQuestions()

    def ask(signal: str, one: ReferenceSettings, timeout: str, at_s: float = NOW_S) -> None:
        server = PrometheusSettings(one.prometheus, "http://127.0.0.1:9", timeout=timeout)
        questions.put(Question(one.source, signal, ".*", one, server, at_s, 0))

    async def story() -> list[Answer]:
        ask("stuck", of_all, "10ms")
        ask("h", of_all, "10s")
        ask("also", of_all, "10s", NOW_S + ASK_AGAIN_S)
        ask("h", other, "10s")
        await questions.answer_all()
        return questions.took()

    came = asyncio.run(story())
    past.release.set()
    assert [one.said for one in came] == ["the past did not come within 0.02 s"] * 2 + [
        "an earlier question for the past is still stuck",
        "",
    ]
    assert came[3].made is not None
    assert [one[:2] for one in past.asked] == [("central", "stuck"), ("second", "h")]


# -- beside the judges --------------------------------------------------------------------------------------------------------------------


class Engine:
    """The part of the engine that judges drift, with a server whose histogram and class counter are judged against the past."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.settings = self.against(DAY)
        self.drifting = Drifting(self.settings, lambda text, _severity="": self.said.append(text))
        self.now_s = NOW_S

    @staticmethod
    def against(past: str) -> Settings:
        drift = DriftSettings(learn="60s", every="10s", references=[ReferenceSettings("srv", prometheus="central", past=past)])
        return Settings(prometheus=[PrometheusSettings("central", "http://127.0.0.1:9")], drift=drift)

    def run(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            self.drifting.start()
            try:
                async with asyncio.timeout(60):
                    while self.drifting._judges is None:
                        await asyncio.sleep(0.01)
                    await story()
            finally:
                async with asyncio.timeout(5):
                    await self.drifting.stop()

        asyncio.run(main())

    async def look(self, looks: int = 1, *, there: bool = True) -> dict[str, Drift]:
        for _ in range(looks):
            self.now_s += 10
            self.drifting.observe(self.now_s, [self._watched()] if there else [])
            await self.drifting.verdicts(self.now_s)
            if self.drifting._judging is not None:
                await self.drifting._judging
        return {one.signal: one for one in self.drifting._verdicts}

    async def answered(self) -> None:
        assert self.drifting._asking is not None
        await self.drifting._asking

    def _watched(self) -> Any:
        n = 5 * (self.now_s - NOW_S)
        signals = {
            "h": SignalCounts("input", [1.0, 2.0], [0.8 * n, 0.95 * n, n], None, n),
            COUNTER: SignalCounts("output", [], [0.2 * n, 0.8 * n], ["length", "stop"]),
        }
        found = SimpleNamespace(name="srv", url="http://127.0.0.1:1", urls={})
        return SimpleNamespace(reading=Reading("srv", self.now_s, 0.0), found=found, numbers=SimpleNamespace(histograms=lambda: signals))


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Iterator[Past]:
    made = Past(monkeypatch)
    yield made
    made.release.set()


FROM_PAST = "01 Nov 00:00 to 02 Nov 00:00 UTC from central"


def test_what_a_page_offers_is_asked_for_by_the_engine(past: Past) -> None:
    engine = Engine()

    async def story() -> None:
        await engine.look()
        await engine.answered()
        verdicts = await engine.look(29)
        assert {name: one.origin for name, one in verdicts.items()} == dict.fromkeys(("h", COUNTER), FROM_PAST)

    engine.run(story)
    assert sorted(one[1] for one in past.asked) == ["ended_total", "h"]


def test_verdicts_go_on_while_a_prometheus_hangs_and_its_answer_counts_when_it_comes(past: Past) -> None:
    engine = Engine()
    past.hangs = {"h"}

    async def story() -> None:
        await engine.look()
        assert await asyncio.to_thread(past.hanging.acquire, timeout=20)
        verdicts = await engine.look(30)
        assert past.asked == [("central", "h", "")], "one question at a time"
        assert verdicts["h"].origin.startswith("learned in")
        assert verdicts["h"].state == "stable"
        assert engine.said == []
        past.release.set()
        await engine.answered()
        verdicts = await engine.look(30)
        assert {name: one.origin for name, one in verdicts.items()} == dict.fromkeys(("h", COUNTER), FROM_PAST)

    engine.run(story)
    assert len(past.asked) == 2
    assert past.most_at_once == 1


def test_the_end_waits_for_no_prometheus_and_the_question_ends_with_it(past: Past) -> None:
    engine = Engine()
    past.hangs = {"h"}

    async def story() -> None:
        await engine.look()
        assert await asyncio.to_thread(past.hanging.acquire, timeout=20)

    engine.run(story)
    for thread in [one for one in threading.enumerate() if one.name == "drift-past"]:
        thread.join(20)
        assert not thread.is_alive()
    assert not past.release.is_set()
    assert past.asked == [("central", "h", "")]


def test_another_past_at_a_reload_gives_up_the_question_that_hangs(past: Past) -> None:
    engine = Engine()
    past.hangs = {"h"}

    async def story() -> None:
        await engine.look()
        assert await asyncio.to_thread(past.hanging.acquire, timeout=20)
        past.hangs = set()
        await engine.drifting.reload(engine.against("2026-11-03/2026-11-04"))
        await engine.answered()
        await engine.look()
        await engine.answered()
        verdicts = await engine.look(10)
        assert verdicts["h"].origin == "03 Nov 00:00 to 04 Nov 00:00 UTC from central"

    engine.run(story)
    assert [one.partition(" is judged against ")[2][:6] for one in engine.said] == ["03 Nov"] * 2


def test_a_server_that_was_gone_for_a_week_is_judged_against_its_past_again(past: Past) -> None:
    engine = Engine()

    async def story() -> None:
        await engine.look()
        await engine.answered()
        await engine.look(10)
        engine.now_s += 8 * 86_400
        await engine.look(there=False)
        assert engine.said[-1] == "drift: srv is gone for long: its signals are forgotten"
        await engine.look()
        await engine.answered()
        assert (await engine.look(10))["h"].origin == FROM_PAST

    engine.run(story)
    assert len(past.asked) == 4
