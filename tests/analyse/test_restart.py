"""A server that begins again: an event, and neither a spike in a rate nor drift."""

from __future__ import annotations

import random

import pytest

from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.config import DriftSettings
from tui_monitor.mapping import Says, SignalSource, quantiles, rate, total
from tui_monitor.model import Layout, Page, SeriesKey

SAYS = Says(
    measures={"request.rate": rate(total("requests_total")), **quantiles("latency", "latency_seconds")},
    signals=(SignalSource("latency_seconds", "latency"), SignalSource("requests_total", "output", "reason")),
    progress=total("requests_total"),
)
EDGES = ("0.1", "0.2", "0.4", "+Inf")
SERIES = (
    *(SeriesKey("requests_total", (("reason", reason),)) for reason in ("length", "stop")),
    *(SeriesKey("latency_seconds_bucket", (("le", edge),)) for edge in EDGES),
    SeriesKey("latency_seconds_sum", ()),
    SeriesKey("latency_seconds_count", ()),
)
LAYOUT = Layout(SERIES, {})


class Server:
    """Counts requests with one and the same distribution; `restart` makes it forget."""

    def __init__(self, seed: int = 1, layout: Layout = LAYOUT) -> None:
        self.chance = random.Random(seed)
        self.layout = layout
        self.counts = [0.0] * len(SERIES)

    def serve(self, requests: int) -> None:
        for _ in range(requests):
            took_s = self.chance.expovariate(6.0)
            self.counts[self.chance.random() < 0.7] += 1
            for place, edge in enumerate(EDGES):
                self.counts[2 + place] += took_s <= float(edge)
            self.counts[-2] += took_s
            self.counts[-1] += 1

    def restart(self) -> None:
        self.counts = [0.0] * len(SERIES)

    def page(self) -> Page:
        return Page(self.layout, list(self.counts), 100)


def test_counters_that_begin_again_are_told_once_with_their_time() -> None:
    server, numbers = Server(), TargetNumbers(SAYS, 2.0)
    for look in range(60):
        if look in (20, 45):
            server.restart()
        server.serve(10)
        numbers.observe(2.0 * look, server.page())
        measured = numbers.measure(2.0 * look)
        assert measured.restarts == (look >= 20) + (look >= 45)
        assert measured.restarted_at_s == (None if look < 20 else 40.0 if look < 45 else 90.0)
    assert (numbers.restarts, numbers.restarted_at_s) == (2, 90.0)


@pytest.mark.parametrize("silent", [0, 3, 20])
def test_a_restart_gives_no_spike(silent: int) -> None:
    server, numbers = Server(), TargetNumbers(SAYS, 2.0)
    server.serve(100_000)  # long before anybody watched
    for look in range(120):
        at_s = 2.0 * look
        if look == 50:
            server.restart()
        if 50 <= look < 50 + silent:
            numbers.gone(at_s)
        else:
            server.serve(10)
            numbers.observe(at_s, server.page())
        value = numbers.measure(at_s).metrics["request.rate"]
        assert value is None or 0.0 <= value <= 5.0 * 1.35  # the first page after it counts from 0 on, and ends are carried on
        if look > 100:
            assert value == pytest.approx(5.0, rel=0.05)


def test_one_model_loaded_again_is_no_restart_of_its_server() -> None:
    keys = tuple(SeriesKey("requests_total", (("model", str(i)),)) for i in range(5))
    layout, numbers = Layout(keys, {}), TargetNumbers(SAYS, 2.0)
    numbers.observe(0.0, Page(layout, [100.0] * 5, 10))
    numbers.observe(2.0, Page(layout, [110.0, 110.0, 110.0, 110.0, 0.0], 10))
    assert numbers.restarts == 0
    numbers.observe(4.0, Page(layout, [0.0, 2.0, 0.0, 1.0, 1.0], 10))
    assert (numbers.restarts, numbers.restarted_at_s) == (1, 4.0)


def test_signals_grow_through_restarts_and_no_drift_is_seen() -> None:
    server, numbers = Server(), TargetNumbers(SAYS, 10.0)
    room = DriftRoom(DriftSettings(learn="10m", every="60s"))
    before: dict[str, list[float]] = {}
    for look in range(6 * 240):  # four hours, a restart every 10 minutes
        if look % 60 == 59:
            server.restart()
        server.serve(20)
        at_s = 10.0 * look
        numbers.observe(at_s, server.page())
        for name, (role, edges, cumulative, categories, amount) in numbers.histograms().items():
            assert all(now >= then for now, then in zip(cumulative, before.get(name, cumulative), strict=True))
            before[name] = cumulative
            room.observe(at_s, "llm", name, role, edges, cumulative, categories, amount)
        room.check(at_s)
    assert numbers.restarts == 24
    verdicts = {verdict.signal: verdict.state for verdict in room.verdicts(at_s)}
    assert set(verdicts) == {"latency_seconds", "requests_total{reason}"}
    assert set(verdicts.values()) == {"stable"}
    assert before["latency_seconds"][-1] == pytest.approx(20 * (6 * 240 - 1) + 20)  # no row was lost or counted twice
