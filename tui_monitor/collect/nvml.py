"""One GPU asked through NVML: every question may be unsupported, and every one may block, so this runs in threads only.

The library comes as an argument; the meaning of codes and bits is that of nvml.h.
"""

from __future__ import annotations

import functools
import pwd
from pathlib import Path
from typing import Any

from tui_monitor.model import GpuProcess, Metrics, clean

MOST_PROCESSES = 64  # shown of one GPU
UNINITIALIZED = 1
_GONE = frozenset({UNINITIALIZED, 9, 15, 16})  # driver not loaded, GPU is lost, GPU requires a reset: no single question's trouble
_MEGAHERTZ = 1e6
_THROTTLE = {0x40: "hw thermal", 0x20: "sw thermal", 0x80: "hw power brake", 0x04: "sw power cap"}
_HW_SLOWDOWN = 0x08  # heat or power brake, on boards that do not say which

UNKNOWN: Metrics = dict.fromkeys(
    (
        "gpu.util",
        "gpu.memory.used",
        "gpu.memory.total",
        "gpu.memory.used.ratio",
        "gpu.temperature",
        "gpu.power",
        "gpu.power.limit",
        "gpu.power.ratio",
        "gpu.clock.sm",
        "gpu.ecc.corrected",
        "gpu.ecc.uncorrected",
        "gpu.xid",  # only the kernel's log and DCGM know it
        "gpu.throttled",
    )
)


def code_of(error: BaseException) -> int | None:
    """The NVML return code inside an exception of the library."""
    code = getattr(error, "value", None)
    return code if isinstance(code, int) else None


def throttle_words(mask: int) -> list[str]:
    """What slows the GPU down (nvmlClocksEventReasons); being idle and clocks that somebody set are not among it."""
    words = [word for bit, word in _THROTTLE.items() if mask & bit]
    if mask & _HW_SLOWDOWN and not mask & 0xC0:
        words.append("hw slowdown")
    return words


class Questions:
    """Asks about one GPU; an answer that this board, driver or user does not get is None."""

    def __init__(self, nvml: Any, index: int) -> None:
        """Finds the GPU.

        Raises:
            Exception: the library's, when the GPU or the driver is gone; so do all methods here.
        """
        self._nvml = nvml
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)

    def ask(self, name: str, *args: Any) -> Any:
        """One call of the library by its name."""
        try:
            return getattr(self._nvml, name)(self._handle, *args)
        except Exception as error:
            if code_of(error) in _GONE:
                raise
            return None  # not supported, no permission, unknown to this version of the library

    def identity(self) -> tuple[str, str]:
        """(uuid, name), each "" when it is not told."""
        answers = (self.ask("nvmlDeviceGetUUID"), self.ask("nvmlDeviceGetName"))
        uuid, name = (clean(text.decode(errors="replace") if isinstance(text, bytes) else text or "", 96) for text in answers)
        return uuid, name

    def quick(self) -> tuple[Metrics, list[str]]:
        """The numbers that cost little, and what throttles the GPU."""
        ask = self.ask
        util = ask("nvmlDeviceGetUtilizationRates")
        version = getattr(self._nvml, "nvmlMemory_v2", None)  # as nvidia-smi: what the driver keeps for itself is not "used"
        memory = (ask("nvmlDeviceGetMemoryInfo", version) if version is not None else None) or ask("nvmlDeviceGetMemoryInfo")
        power_mw, limit_mw = ask("nvmlDeviceGetPowerUsage"), ask("nvmlDeviceGetEnforcedPowerLimit")
        mask = ask("nvmlDeviceGetCurrentClocksEventReasons")
        if mask is None:  # its name before driver 535
            mask = ask("nvmlDeviceGetCurrentClocksThrottleReasons")
        throttle = throttle_words(int(mask)) if mask is not None else []
        metrics: Metrics = UNKNOWN | {
            "gpu.util": None if util is None else float(util.gpu) / 100,
            "gpu.memory.used": None if memory is None else float(memory.used),
            "gpu.memory.total": None if memory is None else float(memory.total),
            "gpu.memory.used.ratio": memory.used / memory.total if memory and memory.total else None,
            "gpu.temperature": _number(ask("nvmlDeviceGetTemperature", 0)),  # NVML_TEMPERATURE_GPU
            "gpu.power": _number(power_mw, 1e-3),
            "gpu.power.limit": _number(limit_mw, 1e-3),
            "gpu.power.ratio": power_mw / limit_mw if power_mw is not None and limit_mw else None,
            "gpu.clock.sm": _number(ask("nvmlDeviceGetClockInfo", 1), _MEGAHERTZ),  # NVML_CLOCK_SM
            "gpu.throttled": None if mask is None else float(bool(throttle)),
        }
        return metrics, throttle

    def ecc(self) -> Metrics:
        """Memory errors since the driver was loaded (volatile counters)."""
        return {
            f"gpu.ecc.{word}": _number(self.ask("nvmlDeviceGetTotalEccErrors", kind, 0))
            for kind, word in enumerate(("corrected", "uncorrected"))
        }

    def processes(self, proc: Path) -> list[GpuProcess]:
        """Who computes on it, most memory first; in a container those of other containers have no name."""
        users = self.ask("nvmlDeviceGetComputeRunningProcesses") or []
        seen = [GpuProcess(int(user.pid), *describe(proc, int(user.pid)), used_bytes=user.usedGpuMemory) for user in users]
        return sorted(seen, key=lambda process: (-(process.used_bytes or 0), process.pid))[:MOST_PROCESSES]


def describe(proc: Path, pid: int) -> tuple[str, str | None]:
    """(name, user) of a process; ("?", None) when it is not ours to see."""
    try:
        name = clean((proc / str(pid) / "comm").read_text(errors="replace"), 64)
        return name or "?", _user((proc / str(pid)).stat().st_uid)
    except OSError:
        return "?", None


@functools.lru_cache(maxsize=256)
def _user(uid: int) -> str:
    try:
        return clean(pwd.getpwuid(uid).pw_name, 64)
    except KeyError:
        return str(uid)


def _number(answer: Any, unit: float = 1.0) -> float | None:
    return None if answer is None else float(answer) * unit
