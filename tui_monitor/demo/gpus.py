"""Two simulated GPUs for hosts without a driver: a function of time and of the generator's load, and marked `simulated` everywhere.

The chip warms and cools with a time constant, so temperature follows power as it does on a real board. While the generator hangs, its
kernel spins: full utilisation and little power, which is how such a hang looks on real hardware.
"""

from __future__ import annotations

import math
from pathlib import Path

from tui_monitor.demo.load import Load, read_load
from tui_monitor.model import Gpu, GpuProcess

STALE_AFTER_S = 5.0
WARMING_S = 18.0
GIB = 2.0**30
TOTAL_BYTES = 80 * GIB
LIMIT_W = 400.0


class SimulatedGpus:
    """What the engine asks when there is no driver; see `engine.GpuSource`."""

    def __init__(self, load: Path, pid: int | None = None) -> None:
        """`load` is the file that the generator writes, `pid` its process."""
        self._load, self._pid = load, pid
        self._celsius: list[float] = [0.0, 0.0]
        self._at_s: float | None = None

    def gpus(self, now_s: float) -> list[Gpu]:
        """Both GPUs at this moment (wall clock)."""
        load = read_load(self._load)
        if load is None or not -STALE_AFTER_S < now_s - load.at_s < STALE_AFTER_S:
            load = Load(now_s, 0.0, 0.0, frozen=False)
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        first, self._at_s = self._at_s is None, now_s
        return [self._gpu(index, load, now_s, passed_s, first=first) for index in (0, 1)]

    def _gpu(self, index: int, load: Load, now_s: float, passed_s: float, *, first: bool) -> Gpu:
        wave = math.sin(now_s / (7.0 + 2 * index) + index)
        util = 1.0 if load.frozen and load.busy else max(0.0, min(1.0, load.busy + 0.03 * wave)) if load.busy else 0.0
        power = 74.0 + 4 * wave + (62.0 if load.frozen else 268.0) * util * (1.0 - 0.04 * index)
        towards = 31.0 + 2 * index + 0.118 * (power - 70.0)
        self._celsius[index] = towards if first else towards + (self._celsius[index] - towards) * math.exp(-passed_s / WARMING_S)
        used = (16.4 + 54.0 * load.cache + 0.8 * index) * GIB
        metrics: dict[str, float | None] = {
            "gpu.util": round(util, 3),
            "gpu.memory.used": float(round(used)),
            "gpu.memory.total": TOTAL_BYTES,
            "gpu.memory.used.ratio": used / TOTAL_BYTES,
            "gpu.temperature": float(round(self._celsius[index])),
            "gpu.power": round(power, 1),
            "gpu.power.limit": LIMIT_W,
            "gpu.power.ratio": power / LIMIT_W,
            "gpu.clock.sm": 1.41e9 if util else 2.1e8,
            "gpu.ecc.corrected": 0.0,
            "gpu.ecc.uncorrected": 0.0,
            "gpu.xid": None,
            "gpu.throttled": 0.0,
        }
        processes = [] if self._pid is None else [GpuProcess(self._pid, "demo.generator", None, round(used), "demo-llm")]
        return Gpu(
            index=index,
            uuid=f"GPU-simulated-{index}",
            name="Simulated 80 GB",
            state="OK",
            why="simulated: no NVIDIA driver here",
            source="demo",
            simulated=True,
            metrics=metrics,
            processes=processes,
            age_s=max(0.0, now_s - load.at_s),
        )
