"""A server's histogram of prompt lengths as it grows, in front of the room of judges."""

from __future__ import annotations

import numpy as np

from tui_monitor.analyse.drift.room import DriftRoom
from tui_monitor.config import DriftSettings
from tui_monitor.model import Drift

EDGES = [10.0, 100.0, 1000.0, 10_000.0]
NORMAL = [0.1, 0.3, 0.42, 0.16, 0.02]
LONG = [0.05, 0.2, 0.34, 0.36, 0.05]
BIT_LONGER = [0.1, 0.3, 0.39, 0.19, 0.02]
SETTINGS = DriftSettings(learn="20s", every="2s")
PROMPTS = "vllm:request_prompt_tokens"


class Traffic:
    """A target's histogram as it grows; restarts like a process."""

    def __init__(self, room: DriftRoom, seed: int = 1, start_s: float = 1_800_000_000.0) -> None:
        self.room, self.chance, self.now_s = room, np.random.default_rng(seed), start_s
        self.counts = np.zeros(len(EDGES) + 1)

    def run(self, seconds: float, shares: list[float], rate: float = 20.0) -> Drift:
        for _ in range(round(seconds / 2)):
            self.now_s += 2.0
            self.counts += self.chance.multinomial(self.chance.poisson(2 * rate), shares)
            self.room.observe(self.now_s, "llm", PROMPTS, "input", EDGES, np.cumsum(self.counts).tolist())
            self.room.check(self.now_s)
        return self.verdict()

    def verdict(self) -> Drift:
        return next(one for one in self.room.verdicts(self.now_s) if one.signal == PROMPTS)
