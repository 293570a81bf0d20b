"""With a real Prometheus that scrapes itself: asked, back-filled, and killed."""

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
from pathlib import Path

import pytest

from tui_monitor.collect.prometheus import PrometheusSource, backfill
from tui_monitor.config import PrometheusSettings
from tui_monitor.model import Failure, Queried, Reading

pytestmark = pytest.mark.services

CONFIG = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""
UP = 'up{job="prometheus"}'


class Running:
    """One real server on a free port."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        (folder / "prometheus.yml").write_text(CONFIG.replace("PORT", str(port)))
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        self.process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def until_scraped(self) -> None:
        """Waits until it has two samples of itself; half a minute at most."""
        pause, end_s = threading.Event(), time.monotonic() + 30
        question = f"{self.url}/api/v1/query?query=count_over_time(up%5B1m%5D)%20%3E%201"
        while time.monotonic() < end_s:
            try:
                with urllib.request.urlopen(question, timeout=2) as answer:
                    if b'"value"' in answer.read():
                        return
            except (urllib.error.URLError, OSError):
                pass
            pause.wait(0.1)
        pytest.fail("the Prometheus did not scrape itself within 30 s")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    running = Running(program, tmp_path)
    try:
        running.until_scraped()
        yield running
    finally:
        running.kill()


def settings(url: str) -> PrometheusSettings:
    queries = {
        "up": UP,
        "none": "no_such_metric",
        "many": '{__name__=~"up|go_goroutines|process_start_time_seconds"}',
        "nan": "0 / (up - up)",
        "wrong": "sum(",
    }
    return PrometheusSettings(name="central", url=url, queries=queries)


def test_queried_back_filled_and_killed(server: Running) -> None:
    asked = settings(server.url)

    async def read() -> tuple[Reading, Reading]:
        source = PrometheusSource(asked)
        try:
            alive = await source.read(time.time())
            server.kill()
            return alive, await source.read(time.time())
        finally:
            await source.close()

    now_s = time.time()
    past = asyncio.run(backfill(asked, {"up": UP, "none": "no_such_metric", "wrong": "sum("}, now_s - 60, now_s, 1.0))
    assert isinstance(past, dict)
    assert (past["none"], past["wrong"]) == ([], [])
    assert {value for _, value in past["up"]} <= {0.0, 1.0}
    assert len(past["up"]) >= 1
    assert all(now_s - 61 <= at_s <= now_s + 1 for at_s, _ in past["up"])

    alive, dead = asyncio.run(read())
    got: Queried = alive.content
    assert got.values["up"] == 1.0
    assert got.absent["none"] == "no series fits"
    assert "3 series" in got.absent["many"]
    assert got.absent["nan"].startswith("NaN")
    assert got.absent["wrong"].startswith("bad_data: ")
    assert got.engine.startswith("prometheus ")

    assert dead.content is None
    assert dead.failure is not None
    assert dead.failure.kind == "refused"
    gone = asyncio.run(backfill(asked, {"up": UP}, now_s - 60, now_s, 1.0))
    assert isinstance(gone, Failure)
    assert gone.kind == "refused"
