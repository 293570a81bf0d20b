"""How fast metrics pages are read, in one run beside prometheus_client: `python bench/exposition.py [--rounds N] [--page FILE ...]`.

Read it so:

    steady       the same layout with changed values, which is what a scrape is; ours and theirs take turns, so that whatever else the
                 machine does strikes both. `best` and `median` are ratios of the best and of the median times.
    first        a page never seen: a new reader, and nothing cached.
    memory       bytes a series that a reader holds after a page (tracemalloc): of a page alone, and of a second target with that page.
    hold         the longest time that the event loop was kept from a task that wants to run every millisecond, while a page is read;
                 wall time is what a key press feels, CPU time of this process is what of it is ours on a busy machine. The median of the
                 longest holds of all rounds, and the longest of all. `collector` is the longest pause by the garbage collector in it. As in the
                 engine after its start, what was there before is frozen: the collector does not walk over it.

It ends with 1 when a median ratio is below 50, or the median of the longest holds above 50 ms of CPU.

Pages: tests/pages/vllm (55 kB), and two that look like it made here: 400 kB, and 5 MB of 64,000 lines.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tui_monitor.collect import exposition, exposition_line
from tui_monitor.collect.exposition import PageReader
from tui_monitor.model import Page

if TYPE_CHECKING:
    from collections.abc import Callable

VLLM = Path(__file__).parent.parent / "tests" / "pages" / "vllm"
RATIO = 50.0
HOLD_MS = 50.0
BOUNDS = ("0.001", "0.005", "0.01", "0.05", "0.1", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf")


def generated(lines: int, seed: int) -> bytes:
    """Histograms, counters and gauges of many models; another seed gives other values of the same series."""
    values = random.Random(seed)
    page: list[str] = []
    model = 0
    while len(page) < lines:
        labels = f'engine="{model % 8}",model_name="org-{model % 13}/model-{model:05d}"'
        page.append("# TYPE vllm:e2e_request_latency_seconds histogram")
        page += [f'vllm:e2e_request_latency_seconds_bucket{{{labels},le="{le}"}} {values.randrange(10**6)}.0' for le in BOUNDS]
        page.append(f"vllm:e2e_request_latency_seconds_sum{{{labels}}} {values.random() * 10**5!r}")
        page.append(f"vllm:e2e_request_latency_seconds_count{{{labels}}} {values.randrange(10**6)}.0")
        page.append(f"vllm:generation_tokens_total{{{labels}}} {values.randrange(10**9)}.0")
        page.append(f"vllm:kv_cache_usage_perc{{{labels}}} {values.random()!r}")
        model += 1
    return "\n".join(page[:lines]).encode() + b"\n"


def changed(body: bytes, seed: int) -> bytes:
    """The same page with other values in every line."""
    values = random.Random(seed)
    return b"\n".join(
        line if not line or line[:1] == b"#" else line[: line.rindex(b" ") + 1] + repr(values.random() * 10 ** values.randrange(6)).encode()
        for line in body.split(b"\n")
    )


def took_s(act: Callable[[], object]) -> float:
    """Wall time."""
    begun_s = time.perf_counter()
    act()
    return time.perf_counter() - begun_s


def forget() -> None:
    """What a process that starts does not know."""
    exposition._shared.cache_clear()  # noqa: SLF001
    exposition_line._pair.cache_clear()  # noqa: SLF001
    exposition_line._name.cache_clear()  # noqa: SLF001


def theirs(body: bytes) -> object:
    """Families without samples kept are families read: nothing is left lazy."""
    return list(text_string_to_metric_families(body.decode()))


def speed(name: str, body: bytes, rounds: int) -> bool:
    """Prints one line: a steady page, ours and theirs in turns. Whether it is fast enough."""
    gc.collect()
    gc.freeze()
    pages = [changed(body, seed) for seed in range(4)]
    reader = PageReader()
    reader.read(body)
    ours, others, firsts = [], [], []
    for number in range(rounds):
        page = pages[number % len(pages)]
        ours += [took_s(lambda: reader.read(page)) for page in pages]  # noqa: B023 - called at once
        if reader.how != "positional":
            sys.exit(f"{name}: read {reader.how}, not by position")
        others.append(took_s(lambda: theirs(page)))  # noqa: B023
        forget()
        firsts.append(took_s(lambda: PageReader().read(page)))  # noqa: B023
    best, median = min(others) / min(ours), statistics.median(others) / statistics.median(ours)
    print(
        f"{name:8} {len(body) / 1e3:7.0f} kB {len(pages[0].splitlines()):6} lines   steady {min(ours) * 1e3:8.3f} ms   "
        f"prometheus_client {min(others) * 1e3:8.1f} ms   best {best:6.1f}x   median {median:6.1f}x   first {min(firsts) * 1e3:7.1f} ms"
    )
    return median >= RATIO


def memory(name: str, body: bytes) -> None:
    """Prints what a reader of the page holds."""
    forget()
    gc.collect()
    tracemalloc.start()
    held = []
    sizes = []
    for _ in range(2):
        before = tracemalloc.get_traced_memory()[0]
        reader = PageReader()
        page = reader.read(body)
        held.append((reader, page))
        if not isinstance(page, Page):
            sys.exit(f"{name}: {page}")
        sizes.append((tracemalloc.get_traced_memory()[0] - before) / len(page.values))
    tracemalloc.stop()
    print(f"{name:8} memory: {sizes[0]:.0f} bytes a series, page and caches included; {sizes[1]:.0f} for each further target with the same")


class Holds:
    """A task that wants to run every millisecond, and notes how long it was kept from it."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = self.collector_s = 0.0
        self._begun_s = 0.0

    async def watch(self) -> None:
        """Until it is cancelled."""
        gc.callbacks.append(self._collector)
        try:
            while True:
                wall_s, cpu_s = time.perf_counter(), time.process_time()
                await asyncio.sleep(0.001)
                self.wall_s = max(self.wall_s, time.perf_counter() - wall_s)
                self.cpu_s = max(self.cpu_s, time.process_time() - cpu_s)
        finally:
            gc.callbacks.remove(self._collector)

    def _collector(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._begun_s = time.perf_counter()
        else:
            self.collector_s = max(self.collector_s, time.perf_counter() - self._begun_s)


async def held(reader: PageReader, body: bytes) -> Holds:
    """How long the loop was kept while the page was read."""
    holds = Holds()
    watch = asyncio.create_task(holds.watch())
    await asyncio.sleep(0.005)
    holds.wall_s = holds.cpu_s = 0.0
    await reader.read_slowly(body)
    await asyncio.sleep(0.005)
    watch.cancel()
    return holds


def hold(name: str, body: bytes, rounds: int) -> bool:
    """Prints how long the loop was held by first, steady and keyed readings. Whether it is short enough."""
    lines = body.split(b"\n")
    moved = b"\n".join(lines[1000:] + lines[:1000])
    of: dict[str, list[Holds]] = {"first": [], "steady": [], "keyed": []}
    for number in range(rounds):
        forget()
        pages = (("first", body), ("steady", changed(body, number)), ("keyed", moved))
        gc.collect()
        gc.freeze()
        reader = PageReader()
        for way, page in pages:
            of[way].append(asyncio.run(held(reader, page)))
    short = True
    for way, holds in of.items():
        wall, cpu = [one.wall_s * 1e3 for one in holds], [one.cpu_s * 1e3 for one in holds]
        print(
            f"{name:8} {way:6} hold: {statistics.median(wall):5.1f} ms wall (longest {max(wall):5.1f}), "
            f"{statistics.median(cpu):5.1f} ms CPU (longest {max(cpu):5.1f}), collector {max(one.collector_s for one in holds) * 1e3:5.1f} ms"
        )
        short &= statistics.median(cpu) <= HOLD_MS
    return short


def main() -> int:
    """Measures, and prints a line a measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--page", type=Path, nargs="*", default=[], help="further pages")
    arguments = parser.parse_args()
    pages = {"vllm": (VLLM / "metrics.prom").read_bytes(), "400 kB": generated(4_700, 0), "5 MB": generated(64_000, 0)}
    pages |= {path.name[:8]: path.read_bytes() for path in arguments.page}
    reached = [speed(name, body, arguments.rounds if len(body) > 1_000_000 else 4 * arguments.rounds) for name, body in pages.items()]
    for name, body in pages.items():
        memory(name, body)
    reached.append(hold("5 MB", pages["5 MB"], arguments.rounds))
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
