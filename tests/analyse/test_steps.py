"""Pages that change in steps: no wrong rate, no rate before three steps, whatever the phases and whenever one looks."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from tui_monitor.analyse.rhythm import Rhythm
from tui_monitor.analyse.target import Measured, TargetNumbers
from tui_monitor.mapping import Says, mean, quantiles, rate, total
from tui_monitor.model import Layout, Page, SeriesKey

RATE = 20.0
MEASURES = {
    "request.rate": rate(total("requests_total")),
    "error.rate": rate(total("errors_total", optional=True)),
    "queue.time.mean": mean("wait_seconds"),
    **quantiles("latency", "latency_seconds"),
}
DECLARED = Says(measures=MEASURES, step_s=10.0, progress=total("requests_total"))
LIVE = Says(measures=MEASURES, progress=total("requests_total"))
NOT_YET = "its page changes every 10 s: not known before three such steps"


class Process:
    """One process behind the page: what it counts at a moment, and the moments when it writes that down."""

    def __init__(
        self,
        name: str,
        phase_s: float,
        share: float,
        step_s: float = 10.0,
        counts: Callable[[float], float] | None = None,
        uneven_s: float = 0.0,
    ) -> None:
        self.name, self.phase_s, self.share, self.step_s, self.uneven_s = name, phase_s, share, step_s, uneven_s
        self.counts = counts or (lambda at_s: RATE * share * at_s)
        self.restarts_s = math.inf

    def written_s(self, at_s: float) -> float:
        """When it wrote last, each time a little early or late."""
        if not self.step_s:
            return at_s
        step = math.ceil((at_s - self.phase_s) / self.step_s) + 1
        while (time_s := self.phase_s + step * self.step_s + random.Random(step).uniform(-self.uneven_s, self.uneven_s)) > at_s:
            step -= 1
        return time_s

    def shown(self, at_s: float) -> dict[str, float]:
        written_s = self.written_s(at_s)
        done = 1000.0 * self.share + math.floor(self.counts(written_s))
        if written_s >= self.restarts_s:
            done = math.floor(self.counts(written_s)) - math.floor(self.counts(self.restarts_s))
        label = f'{{replica="{self.name}"}}'
        fast = math.floor(done * 0.9)
        return {
            f"requests_total{label}": done,
            f"wait_seconds_sum{label}": done * 0.25,
            f"wait_seconds_count{label}": done,
            f"latency_seconds_sum{label}": done * 0.1,
            f"latency_seconds_count{label}": done,
            f'latency_seconds_bucket{label[:-1]},le="0.1"}}': fast,
            f'latency_seconds_bucket{label[:-1]},le="0.2"}}': done,
            f'latency_seconds_bucket{label[:-1]},le="+Inf"}}': done,
        }


class Watch:
    """Looks at such a page."""

    def __init__(self, says: Says, processes: list[Process], every_s: float, *, seed: int = 1, jitter: float = 0.1) -> None:
        self.numbers = TargetNumbers(says, every_s)
        self.processes, self.every_s, self.jitter = processes, every_s, jitter
        self.chance = random.Random(seed)
        self.at_s = 1000.0
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def look(self) -> Measured:
        """One look, the next one's time, and the numbers a moment later."""
        values = {name: number for process in self.processes for name, number in process.shown(self.at_s).items()}
        layout = self._layouts.setdefault(tuple(values), Layout(tuple(_series(name) for name in values), {}))
        self.numbers.observe(self.at_s, Page(layout, list(values.values()), 100))
        measured = self.numbers.measure(self.at_s + self.chance.uniform(0, 0.3) * self.every_s)
        self.at_s += self.every_s * self.chance.uniform(1 - self.jitter, 1 + self.jitter)
        return measured

    def for_s(self, length_s: float) -> list[tuple[float, Measured]]:
        """Looks for a while: (seconds since the first look ever, numbers)."""
        result, until_s = [], self.at_s + length_s
        while self.at_s < until_s:
            since_s = self.at_s - 1000.0
            result.append((since_s, self.look()))
        return result


def _series(text: str) -> SeriesKey:
    name, _, labels = text.rstrip("}").partition("{")
    pairs = (pair.split("=", 1) for pair in labels.split(",") if pair)
    return SeriesKey(name, tuple(sorted((label, value.strip('"')) for label, value in pairs)))


def replicas(seed: int, step_s: float = 10.0) -> list[Process]:
    chance = random.Random(seed)
    return [Process(f"r{i}", chance.uniform(0, step_s), share, step_s) for i, share in enumerate((0.5, 0.3, 0.2))]


@pytest.mark.parametrize("every_s", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("true_step_s", [10.0, 10.05, 9.97])
def test_a_declared_step_gives_no_rate_before_three_steps_and_then_the_right_one(every_s: float, seed: int, true_step_s: float) -> None:
    watch = Watch(DECLARED, replicas(seed, true_step_s), every_s, seed=seed)
    known = 0
    for since_s, measured in watch.for_s(240.0):
        value = measured.metrics["request.rate"]
        if since_s < 25.0:
            assert value is None
            assert measured.absent["request.rate"] == NOT_YET
        elif value is None:
            assert since_s < 45.0, "three steps of every process are over"
        else:
            known += 1
            assert value == pytest.approx(RATE, rel=0.05), f"{since_s:.1f} s"
    assert known > 150 / every_s
    assert watch.numbers.measure(watch.at_s).step_s == 10.0


@pytest.mark.parametrize("every_s", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("seed", range(12))
def test_a_process_that_writes_a_little_early_or_late(every_s: float, seed: int) -> None:
    processes = replicas(seed)
    for process in processes:
        process.uneven_s = 0.6
    values = [
        measured.metrics["request.rate"]
        for since_s, measured in Watch(DECLARED, processes, every_s, seed=seed).for_s(240.0)
        if since_s > 45.0
    ]
    assert values == pytest.approx([RATE] * len(values), rel=0.05)


@pytest.mark.parametrize("every_s", [1.0, 2.0, 5.0])
def test_looks_that_keep_the_beat_of_the_page_are_right_too(every_s: float) -> None:
    for phase_s in (0.0, 0.01, 2.5, 4.99, 9.99):
        watch = Watch(DECLARED, [Process("a", phase_s, 1.0)], every_s, jitter=0.0)
        values = [measured.metrics["request.rate"] for since_s, measured in watch.for_s(180.0) if since_s > 45.0]
        assert values == pytest.approx([RATE] * len(values), rel=0.05)


def test_quantiles_and_means_are_made_of_whole_steps_too() -> None:
    watch = Watch(DECLARED, replicas(3), 2.0)
    young, old = watch.for_s(20.0)[-1][1], watch.for_s(60.0)[-1][1]
    assert (young.metrics["latency.p95"], young.absent["latency.p95"]) == (None, NOT_YET)
    assert (young.metrics["queue.time.mean"], young.absent["queue.time.mean"]) == (None, NOT_YET)
    assert old.metrics["queue.time.mean"] == pytest.approx(0.25)
    assert old.metrics["latency.p95"] == pytest.approx(0.15, abs=0.005)
    assert old.bounds["latency.p95"] == pytest.approx((0.1, 0.2))


def test_what_a_server_does_not_count_stays_uncounted() -> None:
    says = Says(measures=MEASURES | {"queue.length": rate(total("never_there"))}, step_s=10.0)
    measured = Watch(says, replicas(1), 2.0).for_s(80.0)[-1][1]
    assert (measured.metrics["queue.length"], measured.absent["queue.length"]) == (None, "not counted by this server")
    assert measured.metrics["error.rate"] == 0.0


def test_a_server_without_traffic_has_a_rate_of_zero_after_three_steps() -> None:
    watch = Watch(DECLARED, [Process("a", 3.0, 1.0, counts=lambda _: 0.0)], 2.0)
    values = [(since_s, measured.metrics["request.rate"]) for since_s, measured in watch.for_s(60.0)]
    assert all(value is None for since_s, value in values if since_s < 25)
    assert all(value == 0.0 for since_s, value in values if since_s > 33)


def test_traffic_that_ends_ends_in_the_rate_step_by_step() -> None:
    watch = Watch(DECLARED, [Process("a", 3.0, 1.0, counts=lambda at_s: RATE * min(at_s, 1100.0))], 2.0)
    values = [
        (since_s, measured.metrics["request.rate"])
        for since_s, measured in watch.for_s(300.0)
        if measured.metrics["request.rate"] is not None
    ]
    falling = [value for since_s, value in values if since_s > 100]
    assert all(after <= before + 1e-9 for before, after in pairwise(falling))
    assert all(value == 0.0 for since_s, value in values if since_s > 185)


@pytest.mark.parametrize("every_s", [1.0, 2.0, 5.0])
def test_a_process_that_begins_again_gives_no_spike(every_s: float) -> None:
    processes = replicas(5)
    watch = Watch(DECLARED, processes, every_s)
    watch.for_s(120.0)
    processes[0].restarts_s = watch.at_s + 4.0
    processes[0].phase_s += 3.7
    values = [measured.metrics["request.rate"] for _, measured in watch.for_s(200.0)]
    assert all(value is not None and value <= RATE * 1.05 for value in values)
    assert values[-1] == pytest.approx(RATE, rel=0.05)
    assert watch.numbers.restarts == 0  # one replica of three


@pytest.mark.parametrize(("every_s", "step_s"), [(1.0, 10.0), (2.0, 10.0), (1.0, 5.0), (5.0, 30.0), (5.0, 60.0), (2.0, 15.0), (1.0, 7.0)])
@pytest.mark.parametrize("seed", range(6))
def test_a_step_that_nobody_declared_is_noticed(every_s: float, step_s: float, seed: int) -> None:
    chance = random.Random(seed)
    watch = Watch(LIVE, [Process("a", chance.uniform(0, step_s), 1.0, step_s)], every_s, seed=seed)
    watch.for_s(5.2 * step_s)
    for since_s, measured in watch.for_s(10 * step_s):
        assert measured.step_s == pytest.approx(step_s, rel=0.05)
        assert measured.metrics["request.rate"] == pytest.approx(RATE, rel=0.05), f"{since_s:.1f} s"


def test_traffic_with_the_beat_of_a_timer_keeps_its_right_rate_and_loses_the_notice_with_the_first_other_request() -> None:
    busy_s = 1150.0

    def cron(at_s: float) -> float:  # five requests every ten seconds, later steady traffic
        return 5 * math.floor(min(at_s, busy_s) / 10) + max(0.0, at_s - busy_s) * 8.0

    watch = Watch(LIVE, [Process("a", 0.0, 1.0, step_s=0.0, counts=cron)], 1.0)
    seen = watch.for_s(145.0)
    assert seen[-1][1].step_s == 10.0
    assert all(measured.metrics["request.rate"] == pytest.approx(0.5, rel=0.2) for since_s, measured in seen if since_s > 65)
    after = watch.for_s(120.0)
    assert all(measured.step_s == 0.0 for since_s, measured in after if since_s > 165)
    assert after[-1][1].metrics["request.rate"] == pytest.approx(8.0, rel=0.05)


@pytest.mark.parametrize("seed", range(10))
def test_traffic_by_chance_keeps_its_rate_whatever_is_noticed(seed: int) -> None:
    chance = random.Random(seed)
    times_s = sorted(chance.uniform(1000.0, 5000.0) for _ in range(400))
    watch = Watch(LIVE, [Process("a", 0.0, 1.0, step_s=0.0, counts=lambda at_s: float(sum(one <= at_s for one in times_s)))], 2.0)
    for since_s, measured in watch.for_s(1800.0):
        if since_s > 65:
            now_s = 1000.0 + since_s
            value = measured.metrics["request.rate"]
            near = [sum(now_s - back_s - 90 < one <= now_s - back_s for one in times_s) / 60 for back_s in (0.0, 12.0)]
            assert value is not None
            assert 0 <= value <= max(near) + 0.05


def test_a_page_that_is_livelier_than_its_kind_says_is_read_as_it_is() -> None:
    watch = Watch(DECLARED, replicas(2, step_s=2.0), 2.0)
    watch.for_s(30.0)
    late = watch.for_s(120.0)[-1][1]
    assert late.step_s == 0.0
    assert late.metrics["request.rate"] == pytest.approx(RATE, rel=0.05)


def test_a_silence_of_the_page_makes_no_wrong_rate() -> None:
    watch = Watch(DECLARED, replicas(4), 2.0)
    watch.for_s(100.0)
    watch.numbers.gone(watch.at_s)
    watch.at_s += 47.0
    for _, measured in watch.for_s(150.0):
        value = measured.metrics["request.rate"]
        assert value is None or value == pytest.approx(RATE, rel=0.05)
    assert value is not None


def test_long_windows_use_the_ordinary_rate() -> None:
    watch = Watch(DECLARED, replicas(4), 5.0)
    watch.for_s(2000.0)
    assert watch.numbers.measure(watch.at_s, 1800.0).metrics["request.rate"] == pytest.approx(RATE, rel=0.02)
    assert watch.numbers.measure(watch.at_s, 300.0).metrics["request.rate"] == pytest.approx(RATE, rel=0.04)


def test_many_columns_that_come_and_go_keep_their_phases() -> None:
    watch = Watch(DECLARED, replicas(4), 2.0)
    watch.for_s(100.0)
    columns = list(range(len(watch.numbers._columns)))
    watch.numbers._past.keep(columns[8:])
    watch.numbers._steps.keep(columns[8:])
    assert watch.numbers._steps.rates(watch.numbers._past.looks, 16, 60.0)[0] == pytest.approx(6.0, rel=0.05)  # type: ignore[index]


def test_a_rhythm_needs_three_equal_gaps_of_three_equal_looks() -> None:
    def after(changes: list[int], looks: int) -> float:
        rhythm = Rhythm()
        for look in range(1, looks):
            rhythm.observe(look - 1.0, float(look), changed=look in changes)
        return rhythm.step_s

    assert after([5, 15, 25], 30) == 0.0
    assert after([5, 15, 25, 35], 36) == 10.0
    assert after([5, 15, 25, 38], 39) == 0.0
    assert after([5, 7, 9, 11, 13], 14) == 0.0  # two looks each: traffic
    assert after([5, 15, 25, 35, 65], 66) == 10.0  # two beats without traffic
    assert after([5, 15, 25, 35, 40], 41) == 0.0  # off the beat
