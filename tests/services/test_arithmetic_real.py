"""The same samples in a real Prometheus and in our arithmetic: every number has the same bits.

The server on PATH decides the dialect by its version. TUI_MONITOR_PROMETHEUS3 may name a second one.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tui_monitor.analyse.counters import delta, increase, rate
from tui_monitor.analyse.dialect import V2, V2_49, V2_51, V3, Dialect
from tui_monitor.analyse.histogram import quantile

pytestmark = pytest.mark.services

BEGIN_MS, LENGTH_MS = 1_700_000_000_000, 2_400_000
SEEDS = (1, 2, 3)
WINDOWS = 60
QUANTILES = ("0", "0.123", "0.5", "0.95", "0.99", "1", "-0.1", "1.1", "NaN")
WHERE_ADDRESS = "TUI_MONITOR_PROMETHEUS3"

Samples = list[tuple[float, float]]
Function = Callable[[Samples, float, float, Dialect], float | None]
Labels = tuple[tuple[str, str], ...]


def times(chance: random.Random, *steps_ms: int) -> list[int]:
    """When one series was read: every few seconds, on the second or with jitter, with gaps."""
    step, jitter = chance.choice(steps_ms), chance.choice([0, 0, 3, 400])
    found = [BEGIN_MS + at + chance.randint(-jitter, jitter) for at in range(1000, LENGTH_MS, step)]
    for _ in range(chance.randint(0, 3)):
        gap = chance.randrange(len(found))
        del found[gap : gap + chance.randint(1, 30)]
    return found


def counter(chance: random.Random, length: int) -> list[float]:
    """Grows by whole numbers or by fractions, stands still, restarts."""
    grow = chance.choice([lambda: chance.randint(0, 9), lambda: chance.expovariate(7), lambda: chance.random() * 1e-9, lambda: 0.1])
    value, restarts, values = chance.choice([0, 0, 3.7, 1e5, 2**53, 1e16 / 3]), chance.choice([0, 0, 0.01, 0.2]), []
    for _ in range(length):
        value = chance.choice([0, value / 7]) if chance.random() < restarts else value + grow()
        values.append(value)
    return values


def gauge(chance: random.Random, length: int) -> list[float]:
    """Both signs, now and then no number or infinite."""
    scale, odd = chance.choice([1e-300, 1, 1e3, 1e300]), chance.choice([0, 0, 0.05])
    return [chance.choice([math.nan, math.inf, -math.inf]) if chance.random() < odd else chance.gauss(0, scale) for _ in range(length)]


def buckets(chance: random.Random, length: int) -> dict[str, list[float]]:
    """Cumulative counts with restarts and empty buckets; some torn, some noisy, some without the top, some with a bound twice."""
    finite = chance.choice([[0.1, 0.5, 1, 2.5, 10], [-1, 0, 1], [0.005 * 2**power for power in range(14)], [1], [1e300]])
    bounds = [*map(repr, finite), "+Inf"]
    likely = [chance.choice([0, 0, 1, 4]) for _ in bounds]
    unit, noise, restarts = chance.choice([1, 1, 0.1]), chance.choice([0, 0, 1e-15, 1e-13]), chance.choice([0, 0.02])
    torn, each = chance.choice([0, 0.1]), [0.0] * len(bounds)
    found: dict[str, list[float]] = {bound: [] for bound in bounds}
    for _ in range(length):
        if chance.random() < restarts:
            each = [0.0] * len(bounds)
        each = [count + unit * chance.randint(0, often) for count, often in zip(each, likely, strict=True)]
        below = 0.0
        for bound, count in zip(bounds, each, strict=True):
            below += count
            found[bound].append(below * (1 + chance.uniform(-noise, noise)) + (chance.random() < torn))
    if chance.random() < 0.1:
        del found["+Inf"]
    if unit == 1 and not noise and "1" in found:
        found["1.0"] = found["1"]
    return found


def written() -> Iterator[str]:
    """One exposition with the past of all series of all seeds."""
    for seed in SEEDS:
        chance = random.Random(seed)
        for number in range(24):
            at_ms = times(chance, 1000, 5000, 15_000)
            yield from lines(at_ms, {f'c{{seed="{seed}",n="{number}"}}': counter(chance, len(at_ms))})
            at_ms = times(chance, 5000, 10_000)
            yield from lines(at_ms, {f'g{{seed="{seed}",n="{number}"}}': gauge(chance, len(at_ms))})
            at_ms = times(chance, 5000, 10_000, 15_000)
            found = buckets(chance, len(at_ms))
            yield from lines(at_ms, {f'h_bucket{{seed="{seed}",n="{number}",le="{le}"}}': values for le, values in found.items()})
    yield "# EOF\n"


def lines(at_ms: list[int], series: dict[str, list[float]]) -> Iterator[str]:
    for name, values in series.items():
        for moment, value in zip(at_ms, values, strict=True):
            yield f"{name} {value!r} {moment // 1000}.{moment % 1000:03d}\n"


def dialect_of(version: str) -> Dialect:
    """The dialect of a server by the version that it tells, such as "2.42.0"; of an unreadable one, the newest."""
    parts = version.strip().removeprefix("v").split(".")
    try:
        release = int(parts[0]), int(parts[1]) if len(parts) > 1 else 0
    except ValueError:
        return V3
    since = (((3, 0), V3), ((2, 51), V2_51), ((2, 49), V2_49))
    return next((spoken for first, spoken in since if release >= first), V2)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        *(("2.42.0", V2), ("2.48.1", V2), ("2.49.0-rc.1", V2_49), ("2.50.1", V2_49), ("2.51.0", V2_51), ("2.55.1+ds", V2_51)),
        *(("3.0.0", V3), ("v3.9.1", V3), ("3", V3), ("4.0.0", V3), ("1.8.2", V2), ("", V3), ("main", V3)),
    ],
)
def test_a_version_tells_its_dialect(version: str, expected: Dialect) -> None:
    assert dialect_of(version) == expected


class Server:
    """A real Prometheus over a folder of blocks; it reads nothing from anywhere."""

    def __init__(self, program: str, data: Path, folder: Path) -> None:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20)
        version = re.search(r"version (\S+)", told.stdout + told.stderr)
        self.dialect = dialect_of(version[1] if version else "")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        (folder / "prometheus.yml").write_text("{}")
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=100y"]
        options += [f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=error"]
        self._process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)

    def until_ready(self) -> None:
        pause, end_s = threading.Event(), time.monotonic() + 30
        while time.monotonic() < end_s and self._process.poll() is None:
            try:
                self._line.request("GET", "/-/ready")
                answer = self._line.getresponse()
                answer.read()
                if answer.status == 200:
                    return
            except OSError:
                self._line.close()
            pause.wait(0.05)
        pytest.fail("Prometheus was not ready within 30 s")

    def ask(self, query: str, at_ms: int) -> list[dict[str, Any]]:
        moment = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at_ms % 1000:03d}Z"
        body = urlencode({"query": query, "time": moment})
        self._line.request("POST", "/api/v1/query", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = json.loads(self._line.getresponse().read())
        assert answer["status"] == "success", (query, answer)
        return answer["data"]["result"]

    def numbers(self, query: str, at_ms: int) -> dict[Labels, float]:
        found = self.ask(query, at_ms)
        assert all(row["value"][0] == at_ms / 1000 for row in found), "it took another moment than was asked"
        return {labels(row): float(row["value"][1]) for row in found}

    def past(self, name: str, seed: int) -> dict[Labels, Samples]:
        """The samples as the server has them."""
        found = self.ask(f'{name}{{seed="{seed}"}}[2h]', BEGIN_MS + LENGTH_MS + 10_000)
        return {labels(row): [(at_s, float(value)) for at_s, value in row["values"]] for row in found}

    def end(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.wait(10)


def labels(row: dict[str, Any]) -> Labels:
    return tuple(sorted((name, value) for name, value in row["metric"].items() if name != "__name__"))


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    folder = tmp_path_factory.mktemp("blocks")
    (folder / "past.om").write_text("".join(written()))
    made = [promtool, "tsdb", "create-blocks-from", "openmetrics", f"{folder}/past.om", f"{folder}/data"]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return folder / "data"


@pytest.fixture(scope="module", params=["on PATH", WHERE_ADDRESS])
def server(request: pytest.FixtureRequest, blocks: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    program = shutil.which("prometheus") if request.param == "on PATH" else os.environ.get(WHERE_ADDRESS)
    if not program:
        pytest.skip("prometheus is not installed" if request.param == "on PATH" else f"{WHERE_ADDRESS} names no program")
    folder = tmp_path_factory.mktemp("server")
    shutil.copytree(blocks, folder / "data")
    running = Server(program, folder / "data", folder)
    try:
        running.until_ready()
        yield running
    finally:
        running.end()


def windows(chance: random.Random, past: dict[Labels, Samples]) -> Iterator[tuple[int, int]]:
    """(end, width) in milliseconds; every other one begins and ends on samples of some series.

    No width that becomes another one as a fraction of seconds: servers of 2.54 to 3.2 cut [513281ms] to 513.28 s.
    """
    return ((end_ms, width_ms) for end_ms, width_ms in drawn(chance, past) if int(width_ms / 1000 * 1000) == width_ms)


def drawn(chance: random.Random, past: dict[Labels, Samples]) -> Iterator[tuple[int, int]]:
    pool = list(past.values())
    for number in range(WINDOWS):
        if number % 2:
            yield BEGIN_MS + chance.randint(0, LENGTH_MS + 60_000), chance.choice([chance.randint(1, 600_000), 60_000, 300_000])
        else:
            samples = chance.choice(pool)
            first, last = sorted(chance.sample(range(len(samples)), 2))
            last = min(last, first + chance.randint(1, 40))
            start_ms, end_ms = (round(samples[index][0] * 1000) for index in (first, last))
            yield end_ms, end_ms - start_ms


def same(ours: float | None, theirs: float | None) -> bool:
    """Both absent, both no number, or the same 64 bits."""
    if ours is None or theirs is None:
        return ours is theirs
    return (math.isnan(ours) and math.isnan(theirs)) or struct.pack("d", ours) == struct.pack("d", theirs)


def unequal(ours: dict[Labels, float | None], theirs: dict[Labels, float]) -> list[tuple[Labels, float | None, float | None]]:
    return [(key, ours.get(key), theirs.get(key)) for key in {**ours, **theirs} if not same(ours.get(key), theirs.get(key))]


def quantiles(q: str, levels: dict[Labels, float | None], dialect: Dialect) -> dict[Labels, float | None]:
    """`histogram_quantile` over a vector of buckets; where we say None, Prometheus says NaN."""
    families: dict[Labels, list[tuple[float, float]]] = {}
    for key, level in levels.items():
        if level is not None:
            families.setdefault(tuple(label for label in key if label[0] != "le"), []).append((float(dict(key)["le"]), level))
    reached = {key: quantile(float(q), family, dialect) for key, family in families.items()}
    return {key: math.nan if found is None else found.value for key, found in reached.items()}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "function"), [("rate", rate), ("increase", increase), ("delta", delta)])
def test_growth(server: Server, name: str, function: Function, seed: int) -> None:
    compared, other_dialect = 0, 0
    other = V2 if server.dialect == V3 else V3
    past = server.past("g" if name == "delta" else "c", seed)
    for end_ms, width_ms in windows(random.Random(seed), past):
        start_s, end_s = (end_ms - width_ms) / 1000, end_ms / 1000
        theirs = server.numbers(f'{name}({"g" if name == "delta" else "c"}{{seed="{seed}"}}[{width_ms}ms])', end_ms)
        ours = {key: function(samples, start_s, end_s, server.dialect) for key, samples in past.items()}
        assert not unequal(ours, theirs), f"{name} over {width_ms} ms to {end_ms}"
        compared += len(theirs)
        other_dialect += len(unequal({key: function(samples, start_s, end_s, other) for key, samples in past.items()}, theirs))
    assert compared > 600
    assert other_dialect > 10, "the samples do not tell the dialects apart"


@pytest.mark.parametrize("seed", SEEDS)
def test_quantiles_of_rates(server: Server, seed: int) -> None:
    compared, found, past = 0, 0, server.past("h_bucket", seed)
    for end_ms, width_ms in windows(random.Random(seed), past):
        start_s, end_s = (end_ms - width_ms) / 1000, end_ms / 1000
        rates = {key: rate(samples, start_s, end_s, server.dialect) for key, samples in past.items()}
        for q in QUANTILES:
            theirs = server.numbers(f'histogram_quantile({q}, rate(h_bucket{{seed="{seed}"}}[{width_ms}ms]))', end_ms)
            assert not unequal(quantiles(q, rates, server.dialect), theirs), f"{q} over {width_ms} ms to {end_ms}"
            compared += len(theirs)
            found += sum(map(math.isfinite, theirs.values()))
    assert compared > 5000
    assert found > 1000, "hardly a quantile was a number"


@pytest.mark.parametrize("seed", SEEDS)
def test_quantiles_of_torn_and_noisy_counts(server: Server, seed: int) -> None:
    """The buckets as they stand on one page: falls from one bucket to the next, and steps that are rounding."""
    levelled, past = 0, server.past("h_bucket", seed)
    other = V2 if server.dialect.levels_noise else V3
    for end_ms, _ in windows(random.Random(seed), past):
        standing = server.numbers(f'h_bucket{{seed="{seed}"}}', end_ms)
        for q in QUANTILES:
            theirs = server.numbers(f'histogram_quantile({q}, h_bucket{{seed="{seed}"}})', end_ms)
            assert not unequal(quantiles(q, dict(standing), server.dialect), theirs), f"{q} at {end_ms}"
            levelled += len(unequal(quantiles(q, dict(standing), other), theirs))
    assert levelled > 10, "the samples do not tell the dialects apart"
