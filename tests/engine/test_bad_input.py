"""What servers can do to a monitor, all at once: each has a state with a reason, no number is invented, and the good one beside them is right."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import re
import statistics
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator

import msgspec
import pytest
from bad_servers import (
    LATENCY_S,
    NASTY,
    REQUESTS,
    TIMEOUT_S,
    TOKENS,
    ModelServer,
    beyond_2_53,
    broken_gzip,
    cut_by_length,
    cut_chunk,
    cut_though_measured,
    cut_unseen,
    drips,
    empty,
    floods,
    html,
    in_circles,
    in_json,
    infinite,
    locked_first,
    many_labels,
    many_models,
    nasty_labels,
    negative,
    never_ends,
    not_a_number,
    other_kind,
    overflowing,
    page,
    swears,
    too_many,
    torchserve,
    turns_to_text,
    twice,
    well,
    wrong_types,
)
from loopback import reply

from tui_monitor.analyse.target import MAX_COLUMNS, MAX_MODELS
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.servers.vllm import VLLM
from tui_monitor.config import Discovery, LimitSettings, Settings, TargetSettings, parse
from tui_monitor.engine import engine as engine_room
from tui_monitor.engine import schedule, wire
from tui_monitor.engine.clock import ClockWatch
from tui_monitor.engine.engine import Engine
from tui_monitor.engine.targets import Targets
from tui_monitor.engine.watched import Watched
from tui_monitor.model import Found, Frame, FrameMessage, Reading, ServerAnswer, Target

QUIET = Discovery(enabled=False)
SPIKE = 20.0  # times the truth: an answer that comes late on a busy machine makes a rate that is off, a wrong restart one of thousands
PLAIN = "red 5m[bold]x[/bold] [/] evil a b c"  # of NASTY, nothing but text is left


@pytest.fixture(autouse=True, scope="module")
def places() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="tm-", ignore_cleanup_errors=True) as folder, pytest.MonkeyPatch.context() as patch:
        for name in ("STATE_HOME", "RUNTIME_DIR", "CONFIG_HOME"):
            patch.setenv(f"XDG_{name}", folder)
        yield


async def until(true: Callable[[], object], within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.02)


class Seen(msgspec.Struct):
    """What an engine showed of some servers."""

    frames: list[Frame]
    asked_s: dict[str, list[float]]
    columns: dict[str, int]  # series with a past

    def all_of(self, name: str) -> list[Target]:
        """A target in every frame."""
        return [target for frame in self.frames for target in frame.targets if target.name == name]

    def last(self, name: str) -> Target:
        """A target in the last frame."""
        return self.all_of(name)[-1]

    def numbers(self, name: str, key: str) -> list[float]:
        """Every number that was ever shown for a key, over any window."""
        shown = [target.metrics.get(key) for target in self.all_of(name)]
        shown += [window.metrics.get(key) for frame in self.frames for window in frame.windows if window.target == name]
        return [number for number in shown if number is not None]


def watch(servers: dict[str, ModelServer], settings: Settings, enough: Callable[[dict[str, ModelServer], Frame], object]) -> Seen:
    """An engine with these servers, until it has seen enough. Targets without a URL get that of the server of their name."""

    async def main() -> Seen:
        for server in servers.values():
            await server.start()
        targets = [msgspec.structs.replace(one, url=servers[one.name].url + one.url) for one in settings.targets]
        engine = Engine(msgspec.structs.replace(settings, targets=targets), "t", None)
        frames: list[Frame] = []

        def published() -> None:
            frame = engine.latest()
            if frame is not None:
                frames.append(frame)

        watching = asyncio.create_task(engine.run(published))
        try:
            with contextlib.suppress(TimeoutError):  # then a test says what it is not
                await until(lambda: frames and enough(servers, frames[-1]))
            columns = {one.found.name: len(one.numbers._columns) for one in engine._targets.watched()}
        finally:
            engine.stop()
            await watching
            for server in servers.values():
                await server.close()
        return Seen(frames, {name: server.asked_s for name, server in servers.items()}, columns)

    return asyncio.run(main())


def target(name: str, interval: str = "1s", *, url: str = "", follow: bool = False) -> TargetSettings:
    return TargetSettings(name=name, kind="vllm", url=url, interval=interval, timeout=f"{TIMEOUT_S}s", follow_redirects=follow)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a server in the end."""

    state: str = "OK"
    why: str = "finished work"
    rate: float | None = REQUESTS  # of requests; None: no number
    absent: str = ""  # why there is none, or none for `without`
    without: tuple[str, ...] = ()  # further keys that have no number
    limited: str = ""
    bad_lines: int = 0
    once: str = ""  # a sentence that stood there at some time, with any state but OK

    def fits(self, last: Target) -> bool:
        """Whether it has come to that."""
        there = re.fullmatch(self.state, last.state) and re.search(self.why, last.why) and re.fullmatch(self.limited, last.limited)
        return bool(there) and last.metrics["request.rate"] == self.expected() and last.bad_lines == self.bad_lines

    def expected(self) -> object:
        """The rate of requests."""
        return None if self.rate is None else pytest.approx(self.rate, rel=0.35)


HOSTILE = {
    "html": ModelServer(html),
    "cut by length": ModelServer(cut_by_length, closes=True),
    "cut chunk": ModelServer(cut_chunk, closes=True),
    "cut unseen": ModelServer(cut_unseen, closes=True),
    "cut though measured": ModelServer(cut_though_measured),
    "never ends": ModelServer(never_ends, closes=True),
    "twice": ModelServer(twice),
    "wrong types": ModelServer(wrong_types),
    "many labels": ModelServer(many_labels),
    "many models": ModelServer(many_models),
    "nasty labels": ModelServer(
        nasty_labels,
        version=reply(json.dumps({"version": NASTY}).encode()),
        models=reply(json.dumps({"data": [{"id": NASTY}, {"id": "x"}]}).encode()),
    ),
    "half a character": ModelServer(
        models=reply(b'{"data": [{"id": "\\ud800"}]}'),
        version=reply(b'{"version": "\\udc00"}'),
    ),
    "swears": ModelServer(swears),
    "swears not ready": ModelServer(swears, health=reply(NASTY.encode(), "503 Service Unavailable")),
    "becomes another": ModelServer(other_kind),
    "is another": ModelServer(torchserve),
    "tells little": ModelServer(lambda _, __: reply(b"process_open_fds 12\n")),
    "turns to text": ModelServer(turns_to_text),
    "beyond 2^53": ModelServer(beyond_2_53),
    "negative": ModelServer(negative),
    "NaN": ModelServer(not_a_number),
    "infinite": ModelServer(infinite),
    "overflowing": ModelServer(overflowing),
    "empty": ModelServer(empty),
    "JSON": ModelServer(in_json),
    "broken gzip": ModelServer(broken_gzip),
    "locked first": ModelServer(locked_first),
    "in circles": ModelServer(in_circles),
    "drips": ModelServer(instead=drips),
    "floods": ModelServer(instead=floods),
}
NO_NUMBERS = "answers, but has no numbers: "
NOT_OURS = r'its page is that of torchserve, not of vllm \(kind = "vllm" is configured\)'
ENDS_INSIDE = "ends inside a line: perhaps cut"
CASES = {
    "html": Case(state="UNKNOWN", why=NO_NUMBERS + "a web page, not a metrics page", rate=None, absent="a web page, not a metrics page"),
    "cut by length": Case(state="OK|SLOW", why="", once="the answer broke off after [0-9]+ bytes"),
    "cut chunk": Case(state="OK|SLOW", why="", once="the answer broke off after [0-9]+ bytes"),
    "cut unseen": Case(state="OK|SLOW", why="", once=ENDS_INSIDE),
    "cut though measured": Case(state="OK|SLOW", why="", once=ENDS_INSIDE),
    "never ends": Case(),
    "twice": Case(bad_lines=2),
    "wrong types": Case(),
    "many labels": Case(limited=r"[67],[0-9]{3} series are not followed: 4,000 of one target are the most"),
    "many models": Case(rate=100 * REQUESTS, limited="36 models are not shown: 64 of one target are the most"),
    "nasty labels": Case(),
    "half a character": Case(),
    "swears": Case(
        state="UNKNOWN", why=NO_NUMBERS + "500 Internal Server Error: " + re.escape(PLAIN), rate=None, absent="500 Internal Server Error"
    ),
    "swears not ready": Case(
        state="STARTING", why="answers, not ready yet: answers 503: " + re.escape(PLAIN), rate=None, absent="500 Internal Server Error"
    ),
    "becomes another": Case(state="UNKNOWN", why=NOT_OURS, rate=None, absent=NOT_OURS),
    "is another": Case(state="UNKNOWN", why=NOT_OURS, rate=None, absent=NOT_OURS),
    "tells little": Case(
        state="UNKNOWN", why="does not tell whether it makes progress", rate=None, absent="needs a start without --disable-log-stats"
    ),
    "turns to text": Case(without=("request.running",), absent="no longer on its page", bad_lines=1),
    "beyond 2^53": Case(rate=1_000_000 * REQUESTS),
    "negative": Case(
        state="IDLE", why="nothing finished", rate=None, without=("request.running",), absent="its page has a number below zero for it"
    ),
    "NaN": Case(
        state="UNKNOWN",
        why="does not tell whether it makes progress",
        rate=None,
        without=("error.rate", "latency.mean", "latency.p95", "request.running"),
        absent="its page has no number for it",
    ),
    "infinite": Case(
        state="OK|STALLED",
        why=r"finished work|nothing finished for [0-9]+ s, 1.7e\+308 running or waiting",
        rate=None,
        absent="its page has (no number|a number below zero) for it",
    ),
    "overflowing": Case(
        state="IDLE", why="nothing finished", rate=0.0, without=("request.running",), absent="its page has no number for it"
    ),
    "empty": Case(state="UNKNOWN", why=NO_NUMBERS + "the page is empty", rate=None, absent="the page is empty"),
    "JSON": Case(state="UNKNOWN", why=NO_NUMBERS + "JSON, not a metrics page; it begins: {", rate=None, absent="JSON"),
    "broken gzip": Case(state="UNKNOWN", why=NO_NUMBERS + "its gzip is broken", rate=None, absent="its gzip is broken"),
    "locked first": Case(once=r"401 Unauthorized: who are you\? \(set bearer_token_file, basic_auth or headers\)"),
    "in circles": Case(state="UNKNOWN", why=NO_NUMBERS + "more than 3 redirects", rate=None, absent="more than 3 redirects"),
    "drips": Case(state="UNKNOWN", why=NO_NUMBERS + f"no answer within {TIMEOUT_S} s", rate=None, absent="no answer within"),
    "floods": Case(
        state="UNKNOWN", why=NO_NUMBERS + r"more than 10 MB \(\[limits\] page\)", rate=None, absent=r"more than 10 MB \(\[limits\] page\)"
    ),
}


@pytest.fixture(scope="module")
def seen() -> Seen:
    targets = [target("good", "250ms")]
    targets += [target(name, follow=name == "in circles") for name in HOSTILE]

    def enough(servers: dict[str, ModelServer], frame: Frame) -> bool:
        asked = all(len(servers[name].asked_s) >= 7 for name in ("cut unseen", "becomes another", "many labels", "locked first"))
        last = {one.name: one for one in frame.targets}
        return asked and len(last["nasty labels"].models) == 2 and all(case.fits(last[name]) for name, case in CASES.items())

    return watch({"good": ModelServer(well), **HOSTILE}, Settings(interval="500ms", discovery=QUIET, targets=targets), enough)


def test_the_good_one_keeps_its_cadence_and_its_numbers(seen: Seen) -> None:
    asked = seen.asked_s["good"]
    gaps = [after - before for before, after in itertools.pairwise(asked)]
    assert statistics.median(gaps) < 0.6, "it is asked every 0.25 s"
    good = seen.last("good")
    assert (good.state, good.limited, good.bad_lines, good.version) == ("OK", "", 0, "0.11.0")
    assert good.metrics["request.rate"] == pytest.approx(REQUESTS, rel=0.25)
    assert good.metrics["token.rate.generated"] == pytest.approx(TOKENS, rel=0.25)
    assert good.metrics["latency.mean"] == pytest.approx(LATENCY_S, rel=0.01)
    assert good.metrics["latency.p95"] == pytest.approx(0.25 + 0.25 * 0.95, rel=0.01)
    assert (good.metrics["request.running"], good.metrics["queue.length"], good.metrics["error.rate"]) == (2, 1, 0)
    assert "STALLED" not in {one.state for one in seen.all_of("good")}
    assert not [event.text for event in seen.frames[-1].events if "failed" in event.text]


@pytest.mark.parametrize("name", CASES)
def test_a_bad_one_has_a_state_a_reason_and_no_invented_number(seen: Seen, name: str) -> None:
    case, last = CASES[name], seen.last(name)
    assert re.fullmatch(case.state, last.state), (last.state, last.why)
    assert re.search(case.why, last.why), last.why
    rate = last.metrics["request.rate"]
    assert rate == case.expected()
    for key in (*case.without, *(("request.rate",) if case.rate is None else ())):
        assert last.metrics[key] is None, key
        assert re.search(case.absent, last.absent[key]), last.absent[key]
    assert re.fullmatch(case.limited, last.limited), last.limited
    assert last.bad_lines == case.bad_lines
    if case.once:
        assert [one.why for one in seen.all_of(name) if one.state != "OK" and re.search(case.once, one.why)]


@pytest.mark.parametrize("name", CASES)
def test_no_rate_is_ever_far_from_the_truth(seen: Seen, name: str) -> None:
    requests = CASES[name].rate or REQUESTS
    assert all(0 <= number < SPIKE * requests for number in seen.numbers(name, "request.rate"))
    assert all(0 <= number < SPIKE * TOKENS for number in seen.numbers(name, "token.rate.generated"))
    assert all(number == pytest.approx(LATENCY_S, rel=0.05) for number in seen.numbers(name, "latency.mean"))
    assert not [one for one in seen.all_of(name) if one.process is not None and one.process.restarts]


def test_what_stands_twice_counts_once_and_the_last(seen: Seen) -> None:
    assert seen.last("twice").metrics["request.running"] == 2


def test_a_histogram_without_its_last_bucket_is_right_or_unknown(seen: Seen) -> None:
    last = seen.last("wrong types")
    p95 = last.metrics["latency.p95"]
    assert p95 == pytest.approx(0.4875, rel=0.01) or (
        p95 is None and last.absent["latency.p95"] == "its histogram has no bucket up to +Inf"
    )
    assert last.metrics["latency.mean"] == pytest.approx(LATENCY_S, rel=0.01)


def test_a_target_that_became_another_was_right_before(seen: Seen) -> None:
    assert "OK" in {one.state for one in seen.all_of("becomes another")}
    assert seen.numbers("becomes another", "request.rate")


def test_memory_is_bounded_and_what_is_left_out_makes_a_lower_bound(seen: Seen) -> None:
    assert seen.columns["many labels"] == MAX_COLUMNS
    last = seen.last("many labels")
    assert "request.rate" in last.at_least
    assert re.fullmatch("[67],[0-9]{3} series over the most that are followed", last.misses["request.rate"])
    assert "latency.mean" not in last.at_least
    assert len(seen.last("many models").models) <= MAX_MODELS + 1
    assert all(len(wire.pack(FrameMessage(frame))) < 2_000_000 for frame in seen.frames)


def strings(found: object) -> Iterator[str]:
    """Every string in a value, keys too."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict):
        for key, value in found.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(found, list | tuple):
        for one in found:
            yield from strings(one)


def numbers(found: object) -> Iterator[float]:
    """Every number in a value."""
    if isinstance(found, float):
        yield found
    elif isinstance(found, dict | list | tuple):
        for one in found.values() if isinstance(found, dict) else found:
            yield from numbers(one)


def test_nothing_of_others_reaches_a_frame_uncleaned(seen: Seen) -> None:
    for frame in seen.frames:
        plain = msgspec.to_builtins(frame)
        assert not [
            text for text in strings(plain) if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in text)
        ]
        assert all(map(math.isfinite, numbers(plain)))
        assert msgspec.msgpack.decode(wire.pack(FrameMessage(frame))[4:], type=FrameMessage).frame == frame
    nasty = seen.last("nasty labels")
    assert nasty.version == PLAIN
    assert [(model.name, model.state) for model in nasty.models] == [(PLAIN, "READY"), ("x", "READY")]
    assert nasty.models[0].metrics["request.rate"] == nasty.metrics["request.rate"]


def test_every_missing_number_has_its_reason(seen: Seen) -> None:
    for one in seen.frames[-1].targets:
        assert {key for key, value in one.metrics.items() if value is None} == {key for key, why in one.absent.items() if why}, one.name


# -- limits are settings -------------------------------------------------------------------------------------------------------------------


def test_limits_of_the_configuration_are_kept_and_named() -> None:
    def long(_: int, seconds: float) -> bytes:
        return reply(page(seconds) + b'x{n="1"} 1\n' * 2000)

    def wide(_: int, seconds: float) -> bytes:
        labels = ",".join(f'l{one}="x"' for one in range(4))
        return reply(page(seconds) + f"vllm:request_success_total{{{labels}}} {1e9 * seconds:.0f}\n".encode())

    def many(_: int, seconds: float) -> bytes:
        return reply(page(seconds) + b"".join(b'vllm:request_success_total{n="%d"} %d\n' % (one, 10**9 * seconds) for one in range(40)))

    servers = {"long": ModelServer(long), "wide": ModelServer(wide), "many": ModelServer(many), "good": ModelServer(well)}
    settings = Settings(
        interval="200ms",
        discovery=QUIET,
        limits=parse('[limits]\npage = "20kB"\nsamples = 12\nlabels = 3', "config.toml", {}).limits,
        targets=[target(name, "200ms") for name in servers],
    )
    seen = watch(servers, settings, lambda servers, _: all(len(server.asked_s) >= 8 for server in servers.values()))
    assert seen.last("long").why == NO_NUMBERS + "more than 0.02 MB ([limits] page)"
    assert seen.last("wide").limited == "lines left out: 1, with more than 3 labels ([limits] labels), or more than 8,192 characters in one"
    assert seen.last("many").limited == "more than 12 samples: the first 12 are read ([limits] samples)"
    assert seen.last("good").limited == ""
    for name in ("wide", "many", "good"):
        assert seen.last(name).state == "OK"
        assert seen.last(name).metrics["request.rate"] == pytest.approx(REQUESTS, rel=0.35), name


def test_a_page_of_more_samples_than_the_limit_is_read_up_to_it_and_says_so() -> None:
    def enough(_: dict[str, ModelServer], frame: Frame) -> bool:
        return all(one.metrics["request.rate"] is not None for one in frame.targets)

    servers = {"too many": ModelServer(too_many), "good": ModelServer(well)}
    seen = watch(servers, Settings(interval="250ms", discovery=QUIET, targets=[target("too many", "1s"), target("good", "250ms")]), enough)
    last = seen.last("too many")
    assert (last.state, last.limited) == ("OK", "more than 200,000 samples: the first 200,000 are read ([limits] samples)")
    assert last.metrics["scrape.samples"] == 200_000
    assert last.metrics["request.rate"] == pytest.approx(REQUESTS, rel=0.35), "what is counted behind the limit is left out each time"
    assert seen.columns["too many"] < 20, "only what is asked for has a past"
    assert "OK" in {one.state for one in seen.all_of("good")}


# -- a clock that is set -------------------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_is_noticed_and_a_machine_that_slept_is_not_taken_for_it() -> None:
    clock = ClockWatch()
    steps = [
        clock.step(wall_s, steady_s) for wall_s, steady_s in ((1000, 10), (1002, 12), (1002.5, 12.1), (5002.6, 4012.2), (8602.6, 4012.3))
    ]
    assert steps == [0, 0, 0, 0, pytest.approx(3599.9)]


def test_a_clock_that_steps_by_an_hour_makes_no_wrong_rate_and_hides_no_stall() -> None:
    """The server freezes at 150 s; the clock is set forward at 40.7 s, back at 80.7 s, and back once more at 120.7 s."""
    settings = target("x", "2s", url="http://127.0.0.1:1")
    watched = Watched(Found("x", "vllm", settings.url, configured=True), VLLM, settings, 2.0, LimitSettings(), 300.0)
    reader, before_s, states = PageReader(), 0.0, {}
    for half in range(360):
        at_s = half / 2
        set_s = 0.0 if at_s < 40.7 else 3600.0 if at_s < 80.7 else 0.0 if at_s < 120.7 else -3600.0
        wall_s = 1_700_000_000 + at_s + set_s
        late = half % 4 == 0  # the answer after the step may come before the engine sees that the clock was set
        if set_s != before_s and not late:
            watched.stepped(set_s - before_s, wall_s)
            before_s = set_s
        if half % 4 == 0:
            read = reader.read(page(min(at_s, 150.0)))
            assert read is not None
            watched.take(Reading("x", wall_s, 0.01, ServerAnswer(ready=True, page=read)))  # type: ignore[arg-type]
        if set_s != before_s:
            watched.stepped(set_s - before_s, wall_s)
            before_s = set_s
        shown = watched.target(wall_s)
        windows = watched.windows(wall_s)
        states[at_s] = shown
        assert 0 <= wall_s - shown.since.timestamp() <= at_s + 1
        assert (shown.age_s or 0) < 2.1
        for rate in (shown.metrics["request.rate"], *(window.metrics["request.rate"] for window in windows)):
            assert rate is None or (at_s > 150 and rate <= REQUESTS) or rate == pytest.approx(REQUESTS, rel=0.01)
        if shown.metrics["request.rate"] is None:
            assert shown.absent["request.rate"] in ("no page read yet", "no second sample yet")
    assert {one.state for at_s, one in states.items() if 2 < at_s < 150} == {"OK"}
    assert all(one.metrics["request.rate"] is not None for at_s, one in states.items() if at_s % 40 > 6)
    assert states[170.0].state == "STALLED"
    assert re.match("nothing finished for (19|20|21|22) s", states[170.0].why)


class SetClock:
    """The module `time`, with a wall clock that can be set."""

    def __init__(self) -> None:
        self.set_s = 0.0

    def time(self) -> float:
        return time.time() + self.set_s

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)


def test_an_engine_says_that_the_clock_was_set_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SetClock()
    for room in (engine_room, schedule):
        monkeypatch.setattr(room, "time", clock)
    servers = {"good": ModelServer(well)}

    def enough(servers: dict[str, ModelServer], _: Frame) -> bool:
        asked = len(servers["good"].asked_s)
        clock.set_s = 0.0 if asked < 6 else 3600.0 if asked < 12 else 0.0
        return asked >= 18

    seen = watch(servers, Settings(interval="200ms", discovery=QUIET, targets=[target("good", "200ms")]), enough)
    told = [event.text for event in seen.frames[-1].events if "clock" in event.text]
    assert told == ["the clock was set back by 3600 s: rates begin anew", "the clock was set forward by 3600 s: rates begin anew"]
    first = next(at for at, one in enumerate(seen.all_of("good")) if one.state == "OK")
    assert {one.state for one in seen.all_of("good")[first:]} == {"OK"}
    assert all(0 < number < SPIKE * REQUESTS for number in seen.numbers("good", "request.rate"))
    assert seen.last("good").metrics["request.rate"] == pytest.approx(REQUESTS, rel=0.35)


# -- others' places ------------------------------------------------------------------------------------------------------------------------


def test_a_server_of_another_kind_in_an_old_place_is_watched_as_what_it_is() -> None:
    async def main() -> None:
        told: list[str] = []
        targets = Targets(Settings(discovery=QUIET), 2.0, lambda text, _="": told.append(text))
        vllm = Found("llm", "vllm", "http://127.0.0.1:1", pid=1, started_s=1.0)
        targets._take(vllm)
        targets._take(msgspec.structs.replace(vllm, kind="sglang"))
        assert [one.kind.name for one in targets.watched()] == ["vllm"], "the same process has not become another server"
        targets._take(Found("llm", "triton", "http://127.0.0.1:1", pid=2, started_s=2.0))
        assert [one.kind.name for one in targets.watched()] == ["triton"]
        assert "llm: vllm is gone, triton has its place" in told
        await targets.stop()

    asyncio.run(main())


def test_one_whose_numbers_break_the_arithmetic_leaves_the_others_alone() -> None:
    async def main() -> None:
        targets = Targets(Settings(discovery=QUIET), 2.0, lambda *_: None)
        for port in (1, 2):
            targets._take(Found(f"llm-{port}", "vllm", f"http://127.0.0.1:{port}", pid=port))

        def broken(*_: object, **__: object) -> None:
            raise ArithmeticError("[bold]no\x1b[0m")

        targets.watched()[0].numbers.measure = broken  # type: ignore[method-assign,assignment]
        shown = {name: one for name, (one, _) in targets.targets(1000.0, {}, []).items()}
        assert {window.target for window in targets.windows(1000.0)} == {"llm-2"}
        await targets.stop()
        assert (shown["llm-1"].state, shown["llm-1"].why) == ("UNKNOWN", "its numbers cannot be worked with: ArithmeticError: [bold]no")
        assert set(shown["llm-1"].absent.values()) == {shown["llm-1"].why}
        assert shown["llm-2"].why == "no answer yet"

    asyncio.run(main())
