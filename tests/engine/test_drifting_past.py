"""References of the past in the engine: which signals get one, what is asked, and what is told when there is none."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.analyse.target import SignalCounts
from tui_monitor.collect.past_counts import PastBuckets, PastCategories
from tui_monitor.collect.prometheus import RangeFailure
from tui_monitor.config import DriftSettings, PrometheusSettings, ReferenceSettings, Settings
from tui_monitor.engine.drift_references import ASK_AGAIN_S, References
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
        monkeypatch.setattr("tui_monitor.collect.past_counts.past_buckets", self.buckets)
        monkeypatch.setattr("tui_monitor.collect.past_counts.past_categories", self.categories)

    def buckets(self, server: PrometheusSettings, family: str, instance: str, start_s: float, end_s: float, query: str) -> PastBuckets:
        self._ask(server.name, family, query)
        return PastBuckets([1.0, 2.0], self._times(), np.tile([80.0, 15.0, 5.0], (50, 1)), 5000.0, self.known)

    def categories(
        self, server: PrometheusSettings, family: str, label: str, instance: str, start_s: float, end_s: float, query: str
    ) -> PastCategories:
        self._ask(server.name, family, label, query)
        return PastCategories(["length", "stop"], self._times(), np.tile([20.0, 80.0], (50, 1)), self.known)

    def _ask(self, *what: str) -> None:
        self.asked.append(what)
        if self.fails:
            raise self.fails

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
                    self.references.ask_past(self.room, "srv", "http://127.0.0.1:1", signal, self.now_s)
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


def test_what_a_page_offers_is_asked_for_by_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    past = Past(monkeypatch)
    drift = DriftSettings(learn="60s", every="10s", references=[ReferenceSettings("srv", prometheus="central", past=DAY)])
    settings = Settings(prometheus=[PrometheusSettings("central", "http://127.0.0.1:9")], drift=drift)
    drifting = Drifting(settings, lambda _text, _severity="": None)

    def watched(at_s: float) -> Any:
        n = 5 * (at_s - NOW_S)
        signals = {
            "h": SignalCounts("input", [1.0, 2.0], [0.8 * n, 0.95 * n, n], None, n),
            COUNTER: SignalCounts("output", [], [0.2 * n, 0.8 * n], ["length", "stop"]),
        }
        found = SimpleNamespace(name="srv", url="http://127.0.0.1:1", urls={})
        return SimpleNamespace(reading=Reading("srv", at_s, 0.0), found=found, numbers=SimpleNamespace(histograms=lambda: signals))

    async def story() -> dict[str, Drift]:
        drifting.start()
        try:
            async with asyncio.timeout(60):
                while drifting._judges is None:
                    await asyncio.sleep(0.02)
            for i in range(1, 31):
                drifting.observe(NOW_S + 10 * i, [watched(NOW_S + 10 * i)])
                await drifting.verdicts(NOW_S + 10 * i)
                if drifting._judging is not None:
                    await drifting._judging
            return {one.signal: one for one in await drifting.verdicts(NOW_S + 300)}
        finally:
            await drifting.stop()

    verdicts = asyncio.run(story())
    assert {one[1] for one in past.asked} == {"h", "ended_total"}
    assert {name: one.origin for name, one in verdicts.items()} == dict.fromkeys(
        ("h", COUNTER), "01 Nov 00:00 to 02 Nov 00:00 UTC from central"
    )
