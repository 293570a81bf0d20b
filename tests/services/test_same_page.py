"""One page, scraped by us and by a real Prometheus: a measure of the mapping and its PromQL are the same number."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tui_monitor.analyse.target import TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.http import Client
from tui_monitor.collect.prometheus import PrometheusSource
from tui_monitor.collect.promql import instances, promql
from tui_monitor.config import PrometheusSettings
from tui_monitor.mapping import Measure, Says, latest, mean, per, quantile, rate, total
from tui_monitor.model import Page, Queried

pytestmark = pytest.mark.services
WINDOW_S = 10.0
BEGAN_S = time.time() - 1000  # the server is not new: no counter begins at zero

MEASURES: dict[str, Measure] = {
    "request.rate": rate(total("new_name_total", "n_total")),
    "error.ratio": per(rate(total("n_total", where={"code": "5.."})), rate(total("n_total"))),
    "queue.length": latest("waiting"),
    "kv_cache.used": latest("filled", worst=True),
    "latency.p95": quantile(0.95, "latency_seconds"),
    "latency.mean": mean("latency_seconds"),
}


def page() -> bytes:
    n = (time.time() - BEGAN_S) * 40
    return "\n".join(
        [
            f'n_total{{code="200"}} {n * 0.9}',
            f'n_total{{code="500"}} {n * 0.1}',
            'waiting{model="a"} 3',
            'waiting{model="b"} 4',
            'filled{engine="0"} 0.25',
            'filled{engine="1"} 0.75',
            "# TYPE latency_seconds histogram",
            *(f'latency_seconds_bucket{{le="{le}"}} {n * share}' for le, share in (("0.1", 0.5), ("1", 0.9), ("2", 0.99), ("+Inf", 1.0))),
            f"latency_seconds_sum {n * 0.3}",
            f"latency_seconds_count {n}",
            "",
        ]
    ).encode()


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = page()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL of a page and of a Prometheus that scrapes it each second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    target = f"127.0.0.1:{server.server_address[1]}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n  - job_name: x\n    static_configs: [{{targets: ['{target}']}}]\n"
    )
    command = [
        program,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://{target}/metrics", f"http://127.0.0.1:{port}"
    process.kill()
    process.wait(10)
    server.shutdown()
    server.server_close()


def test_measures_and_their_promql_agree(prometheus: tuple[str, str]) -> None:
    page_url, prometheus_url = prometheus
    queries = {key: promql(measure, instances(page_url, "somehost"), f"{WINDOW_S:.0f}s") for key, measure in MEASURES.items()}
    queries["samples"] = f"count_over_time(up[{WINDOW_S:.0f}s])"

    async def both() -> tuple[dict[str, float | None], Queried]:
        numbers, reader, client = TargetNumbers(Says(MEASURES), 1.0), PageReader(), Client(page_url, 2.0)
        source = PrometheusSource(PrometheusSettings(name="central", url=prometheus_url, queries=queries))
        theirs = Queried({}, {})
        for _ in range(40):
            at_s = time.time()
            found = reader.read((await client.get()).body)
            assert isinstance(found, Page)
            numbers.observe(at_s, found)
            reading = await source.read(at_s)
            if isinstance(reading.content, Queried):
                theirs = reading.content
            known = numbers.measure(time.time(), WINDOW_S)
            if known.covered_s >= WINDOW_S - 1 and (theirs.values.get("samples") or 0) >= WINDOW_S:
                break
            await asyncio.sleep(1.0)
        await source.close()
        await client.aclose()
        return known.metrics, theirs

    ours, theirs = asyncio.run(both())
    assert theirs.absent == {}
    assert ours["request.rate"] == pytest.approx(40, rel=0.05)
    for key in MEASURES:
        assert ours[key] == pytest.approx(theirs.values[key], rel=0.12), key  # one scrape's worth: the two look at other instants
