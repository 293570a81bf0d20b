"""How much a server does, seen from its host: at rest, at work, or neither for sure.

Some servers spin while they wait: what theirs use when there is nothing to do is learned, and is rest for them.
"""

from __future__ import annotations

from tui_monitor.analyse.clock import shifted
from tui_monitor.model import Outside

REST_CORES = 0.1  # questions for health and numbers cost about a hundredth
WORK_CORES = 0.5
REST_GPU = 0.05
WORK_GPU = 0.2
_LEARNED = 0.1  # weight of one look at an idle server


class Effort:
    """Processor and GPU use of one server, as they come."""

    def __init__(self) -> None:
        self._outside = Outside()
        self._idle_cores: float | None = None
        self._rest_s: float | None = None  # since when it is at rest without a break

    def take(self, now_s: float, outside: Outside, *, idle: bool) -> None:
        """What is seen now; `idle`: there is surely nothing to do."""
        self._outside = outside
        if idle and outside.cpu is not None:
            known = self._idle_cores
            self._idle_cores = outside.cpu if known is None else known + _LEARNED * (outside.cpu - known)
        if not self._rests():
            self._rest_s = None
        elif self._rest_s is None:
            self._rest_s = now_s

    def stepped(self, step_s: float, now_s: float) -> None:
        """The wall clock was set; see `clock.shifted`."""
        self._rest_s = shifted(self._rest_s, step_s, now_s)

    @property
    def known(self) -> bool:
        """Whether anything is seen of it."""
        return self._outside.cpu is not None

    def rests(self, since_s: float) -> bool:
        """Whether it has been at rest all the time since then."""
        return self._rest_s is not None and self._rest_s <= since_s

    @property
    def works(self) -> bool:
        """Whether it does more than an idle one, for sure."""
        cpu, gpu = self._outside.cpu, self._outside.gpu
        return (cpu is not None and cpu >= self._floor + WORK_CORES) or (gpu is not None and gpu >= WORK_GPU)

    def __str__(self) -> str:
        """For a sentence: "its processes use no CPU"; empty when nothing is seen."""
        cpu, gpu = self._outside.cpu, self._outside.gpu
        if cpu is None:
            return "" if gpu is None else f"its GPUs are at {gpu:.0%}"
        if not self._rests():
            return f"its processes use {cpu:.2g} cores" + ("" if gpu is None else f", its GPUs are at {gpu:.0%}")
        much = "no CPU" if cpu <= REST_CORES else f"no more CPU than when idle ({cpu:.2g} cores)"
        return f"its processes use {much}" + ("" if gpu is None else " and no GPU")

    @property
    def _floor(self) -> float:
        return self._idle_cores or 0.0

    def _rests(self) -> bool:
        cpu, gpu = self._outside.cpu, self._outside.gpu
        return cpu is not None and cpu <= self._floor + REST_CORES and (gpu is None or gpu <= REST_GPU)
