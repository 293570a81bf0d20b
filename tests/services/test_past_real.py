"""Nine days of a server in a real Prometheus, back-filled: what the past tells of them as references, and what is judged against that."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.collect.past_counts import past_buckets, past_categories
from tui_monitor.collect.prometheus import RangeFailure
from tui_monitor.config import DriftSettings, PrometheusSettings, ReferenceSettings, Settings
from tui_monitor.engine.drift_references import References
from tui_monitor.model import Drift

pytestmark = pytest.mark.services

BEGIN_S = 1_793_491_200  # 1 November 2026, a Sunday
DAY_S, SCRAPE_S, DAYS = 86_400, 60, 9
EDGES = (16.0, 64.0, 256.0, 1024.0)
WHY = ("abort", "length", "stop")
RESTARTS = (2000, 5003, 9001)  # scrapes before which the server began anew
DARK = range(7000, 7180)  # scrapes that nobody made: three hours
INSTANCE = r"(127\.0\.0\.1):8000"
PAST = "2026-11-01T00:00/2026-11-09T00:00"  # eight of the nine days


class Traffic(NamedTuple):
    """What came, one row a scrape."""

    buckets: NDArray[np.float64]
    amount: NDArray[np.float64]
    classes: NDArray[np.float64]


def traffic(steps: int, long_share: float = 0.0) -> Traffic:
    """Prompts are short and few at night; `long_share` of them moves to the largest bucket."""
    chance = np.random.default_rng(20)
    hour = np.arange(steps) * SCRAPE_S / 3600
    day = (1 + np.sin(2 * np.pi * (hour % 24 - 9) / 24)) / 2
    rows = chance.poisson(2 + 8 * day)
    short = 0.6 - 0.35 * day
    shares = np.stack([short / 2, short / 2, 0.9 - short, np.full(steps, 0.08), np.full(steps, 0.02)], axis=1)
    shares = shares * (1 - long_share) + np.asarray([0, 0, 0, 0, long_share])
    buckets = chance.multinomial(rows, shares).astype(np.float64)
    return Traffic(buckets, buckets @ [10.0, 40.0, 128.0, 512.0, 2048.0], chance.multinomial(rows, [0.01, 0.19, 0.8]).astype(np.float64))


def page(came: Traffic) -> Iterator[str]:
    """Every scrape as OpenMetrics, cumulative and begun anew at `RESTARTS`."""
    lines: dict[str, NDArray[np.float64]] = {
        f'tokens_bucket{{instance="127.0.0.1:8000",job="llm",le="{le}"}}': came.buckets[:, : i + 1].sum(axis=1)
        for i, le in enumerate((*EDGES, "+Inf"))
    }
    lines |= {
        'tokens_sum{instance="127.0.0.1:8000",job="llm"}': came.amount,
        'tokens_count{instance="127.0.0.1:8000",job="llm"}': came.buckets.sum(axis=1),
    }
    ends = {f'ended_total{{instance="127.0.0.1:8000",job="llm",why="{why}"}}': came.classes[:, i] for i, why in enumerate(WHY)}
    other = {'tokens_bucket{instance="127.0.0.1:8001",job="llm",le="+Inf"}': np.full(len(came.amount), 1000.0)}
    for kind, family, these in (("histogram", "tokens", lines | other), ("counter", "ended", ends)):
        yield f"# TYPE {family} {kind}\n"
        for name, rows in these.items():
            total = np.concatenate([np.cumsum(part) for part in np.split(rows, RESTARTS)])
            yield from (f"{name} {value:.17g} {BEGIN_S + SCRAPE_S * i}\n" for i, value in enumerate(total.tolist()) if i not in DARK)
    yield "# EOF\n"


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusSettings]:
    program, tool = shutil.which("prometheus"), shutil.which("promtool")
    if program is None or tool is None:
        pytest.skip("prometheus or its promtool is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "page.om").write_text("".join(page(traffic(DAYS * DAY_S // SCRAPE_S))))
    subprocess.run(
        [tool, "tsdb", "create-blocks-from", "openmetrics", folder / "page.om", folder / "data"], check=True, capture_output=True
    )
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=100y"]
    process = subprocess.Popen(
        [program, *options, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until_ready(f"http://127.0.0.1:{port}/-/ready")
        yield PrometheusSettings("central", f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)


def _until_ready(url: str) -> None:
    pause, end_s = threading.Event(), time.monotonic() + 30
    while time.monotonic() < end_s:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            pause.wait(0.1)
    pytest.fail("the Prometheus was not ready within 30 s")


def seen(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """What came in the eight days, but for the dark hours."""
    whole = rows[1 : 8 * DAY_S // SCRAPE_S + 1]
    return whole.sum(axis=0) - rows[DARK.start : DARK.stop + 1].sum(axis=0)


def test_eight_days_come_whole_but_for_what_nobody_saw(central: PrometheusSettings) -> None:
    came = traffic(DAYS * DAY_S // SCRAPE_S)
    past = past_buckets(central, "tokens", INSTANCE, BEGIN_S, BEGIN_S + 8 * DAY_S)
    assert past.edges == list(EDGES)
    assert 1400 < len(past.at_s) <= 1440  # a slot of eight minutes; Prometheus alone would give 11,000 moments at most
    assert set(np.diff(past.at_s).tolist()) <= {480.0, 480.0 * 24, 480.0 * 25}
    expected = seen(came.buckets)
    assert past.slots.sum() == pytest.approx(expected.sum(), rel=0.005)  # a restart hides what came in the last minutes before it
    assert past.slots.sum() <= expected.sum()
    assert past.slots.sum(axis=0) / past.slots.sum() == pytest.approx(expected / expected.sum(), abs=0.002)
    assert past.amount is not None
    assert past.amount / past.slots.sum() == pytest.approx(seen(came.amount) / expected.sum(), rel=0.005)
    assert past.known == pytest.approx(1 - 3 / (8 * 24), abs=0.005)

    ended = past_categories(central, "ended_total", "why", INSTANCE, BEGIN_S, BEGIN_S + 8 * DAY_S)
    assert ended.names == list(WHY)
    expected = seen(came.classes)
    assert ended.slots.sum(axis=0) == pytest.approx(expected, rel=0.02)


def test_promql_of_the_users(central: PrometheusSettings) -> None:
    span_s = (BEGIN_S, BEGIN_S + DAY_S)
    named = past_buckets(central, "tokens", INSTANCE, *span_s)
    asked = past_buckets(central, "renamed", INSTANCE, *span_s, query='{__name__=~"tokens_(bucket|sum)",instance="127.0.0.1:8000"}')
    assert (asked.slots == named.slots).all()
    assert asked.amount == named.amount
    summed = past_buckets(central, "renamed", INSTANCE, *span_s, query='sum by (le) (tokens_bucket{instance="127.0.0.1:8000"})')
    assert (summed.slots == named.slots).all()
    assert summed.amount is None
    ended = past_categories(central, "x", "reason", INSTANCE, *span_s, query='label_replace(ended_total, "reason", "$1", "why", "(.*)")')
    assert ended.names == list(WHY)
    assert (ended.slots == past_categories(central, "ended_total", "why", INSTANCE, *span_s).slots).all()
    for query, said in (
        ("sum by (le) (rate(tokens_bucket[5m]))", "counters as they stand are needed"),
        ("sum(tokens_bucket)", "what the query asks for has no label 'le'"),
        ("sum by (le) (", "^bad_data: .*parse error: unclosed left paren"),
        ("up{job='none'}", "not there in that time"),
    ):
        with pytest.raises(RangeFailure, match=said):
            past_buckets(central, "tokens", INSTANCE, *span_s, query=query)


@pytest.mark.parametrize(("long_share", "state"), [(0.0, "stable"), (0.25, "drift")])
def test_a_server_is_judged_against_its_own_week(central: PrometheusSettings, long_share: float, state: str) -> None:
    drift = DriftSettings(references=[ReferenceSettings("llm", prometheus="central", past=PAST)])
    room, said = DriftRoom(drift), []
    references = References(Settings(prometheus=[central], drift=drift), "here", lambda text, _severity="": said.append(text))
    steps = 6 * 60
    came = traffic(steps, long_share)
    totals = [np.cumsum(rows, axis=0) for rows in came]
    now_s = float(BEGIN_S + 20 * DAY_S)
    verdicts: dict[str, Drift] = {}
    for i in range(steps):  # the first hours of a day: night
        buckets, amount, classes = (total[i] for total in totals)
        room.observe(now_s, "llm", "tokens", "input", EDGES, np.cumsum(buckets).tolist(), None, float(amount))
        room.observe(now_s, "llm", "ended_total{why}", "output", [], classes.tolist(), WHY)
        for signal in ("tokens", "ended_total{why}"):
            references.ask_past("llm", "http://127.0.0.1:8000/metrics", signal, now_s)
        if references.questions.waits:
            asyncio.run(references.questions.answer_all())
        references.take_past(room, now_s)
        room.check(now_s)
        now_s += SCRAPE_S
    verdicts = {one.signal: one for one in room.verdicts(now_s)}
    assert [text.partition(" is judged against ")[0] for text in said] == ["llm: tokens", "llm: ended_total{why}"]
    assert verdicts["tokens"].state == state, verdicts["tokens"].sentence
    assert verdicts["ended_total{why}"].state == "stable"
    reference = room._signals["llm", "tokens"].reference
    assert reference is not None
    assert reference.hours, "prompts follow the hour of the day"
    assert reference.mean == pytest.approx(seen(traffic(DAYS * DAY_S // SCRAPE_S).amount) / reference.rows, rel=0.01)
    mean = verdicts["tokens"].mean
    assert mean is not None
    assert mean[1] is not None
    assert "wasserstein" in verdicts["tokens"].bounds
