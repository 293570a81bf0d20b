"""NVIDIA GPUs, watched so that a driver that hangs is a finding and not our end.

A call into the driver may never return. So a daemon thread reads, and nobody waits for it: when it is stuck in one GPU, that GPU is
HUNG and a new thread goes on with the others; the stuck one is given up until its call comes back.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from tui_monitor.collect.nvml import UNINITIALIZED, UNKNOWN, Questions, code_of
from tui_monitor.model import Gpu, GpuProcess, Metrics, clean

SLOW_EVERY_S = 4.0  # processes and ECC counters cost the driver more than the rest
BACK_OFF_S = 2.0, 60.0  # between two tries to open the driver: first, longest

_NO_DRIVER = {
    9: "the NVIDIA driver is not loaded",
    12: "no NVIDIA driver: libnvidia-ml.so.1 is not there",
    18: "the NVIDIA driver and its library are of different versions; a reboot or a reload of the driver helps",
}


NOT_ASKED, NOT_READ = "the driver was not asked yet", "not read yet"


class GpuAnswer(Struct, frozen=True):
    """All GPUs as last known; `why` says why there is none."""

    gpus: list[Gpu]
    why: str | None = None


class _Slot:
    """The GPU of one index: what it said last, and the call into it that is under way."""

    def __init__(self, index: int) -> None:
        self.gpu = Gpu(index=index, uuid="", name="unknown", state="UNKNOWN", why=NOT_READ, metrics=UNKNOWN)
        self.read_s: float | None = None  # when it last answered
        self.asked_s: float | None = None  # start of the read under way; None: none
        self.slow_s: float | None = None  # when it last answered the costly questions
        self.ecc: Metrics = {}
        self.processes: list[GpuProcess] = []

    def lost(self, why: str) -> Gpu:
        """The same GPU without a number."""
        self.slow_s = None
        return structs.replace(self.gpu, state="LOST", why=why, metrics=UNKNOWN, throttle=[], processes=[])


class GpuWatch:
    """Reads all GPUs for ever, in daemon threads. `latest` never blocks, and `stop` never waits."""

    name = "gpu"

    def __init__(
        self,
        interval_s: float,
        *,
        nvml: Any = None,
        hung_after_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        proc: Path = Path("/proc"),
    ) -> None:
        """Nothing runs before `start`.

        Args:
            interval_s: between two rounds over all GPUs.
            nvml: the module to ask; None imports pynvml, in the thread.
            hung_after_s: a call that lasts as long means HUNG.
            clock: the one whose time `latest` is given.
            proc: where processes are described.
        """
        self.interval_s = interval_s
        self._hung_after_s = hung_after_s
        self._nvml = nvml
        self._clock = clock
        self._proc = proc
        self._lock = threading.Lock()  # held for moments, never over a call into the driver
        self._slots: dict[int, _Slot] = {}
        self._fallen: dict[str, Gpu] = {}  # uuid -> one that the driver does not count any more
        self._why: str | None = NOT_ASKED
        self._waiting_s: float | None = None  # start of a call that concerns no single GPU
        self._reader: threading.Thread | None = None
        self._inside: _Slot | None = None  # what the reader is in
        self._stopped = threading.Event()

    def start(self) -> None:
        """The first round begins at once."""
        with self._lock:
            self._spawn(opened=False)

    def stop(self) -> None:
        """Ends the reading at its next turn; a stuck thread is left behind."""
        self._stopped.set()

    def latest(self, now_s: float) -> GpuAnswer:
        """What is known now. It is here that a stuck reader is noticed, and that another one takes over."""
        with self._lock:
            inside = self._inside
            if inside is not None and self._silent_s(inside.asked_s, now_s) >= self._hung_after_s and not self._stopped.is_set():
                self._spawn(opened=True)
            silent_s = self._silent_s(self._waiting_s, now_s)
            gpus = [self._judge(slot, max(silent_s, self._silent_s(slot.asked_s, now_s)), now_s) for slot in self._slots.values()]
            counted = {gpu.uuid for gpu in gpus}
            gpus += [gpu for uuid, gpu in self._fallen.items() if uuid not in counted]
            if gpus:
                return GpuAnswer(sorted(gpus, key=lambda gpu: gpu.index))
            return GpuAnswer([], f"the NVIDIA driver does not answer for {silent_s:.0f} s" if silent_s >= self._hung_after_s else self._why)

    def _silent_s(self, since_s: float | None, now_s: float) -> float:
        return 0.0 if since_s is None else now_s - since_s

    def _judge(self, slot: _Slot, silent_s: float, now_s: float) -> Gpu:
        age_s = None if slot.read_s is None else max(0.0, now_s - slot.read_s)
        if silent_s < self._hung_after_s:
            return structs.replace(slot.gpu, age_s=age_s)
        why = f"the driver does not answer for {silent_s:.0f} s"
        return structs.replace(slot.gpu, state="HUNG", why=why, metrics=UNKNOWN, throttle=[], processes=[], age_s=age_s)

    def _spawn(self, *, opened: bool) -> None:
        self._inside = None
        self._reader = threading.Thread(target=self._run, args=(opened,), name="nvml", daemon=True)
        self._reader.start()

    # From here on: in a reader's thread.

    def _mine(self) -> bool:
        """Whether this thread is still the reader; not so when it was stuck and given up."""
        return self._reader is threading.current_thread() and not self._stopped.is_set()

    def _run(self, opened: bool) -> None:  # noqa: FBT001 - what a thread is started with
        back_off_s, longest_s = BACK_OFF_S
        while self._mine():
            gap_s = self.interval_s
            try:
                if not opened:
                    self._open()
                    opened = True
                self._round()
                back_off_s = BACK_OFF_S[0]
            except Exception as error:  # noqa: BLE001 - the border of the source: whatever the library raises is its answer
                opened = False
                self._no_driver(error)
                gap_s, back_off_s = back_off_s, min(2 * back_off_s, longest_s)
            self._stopped.wait(gap_s)

    def _open(self) -> None:
        self._waiting_s = self._clock()
        try:
            if self._nvml is None:
                self._nvml = importlib.import_module("pynvml")
            self._nvml.nvmlInit()
        finally:
            self._waiting_s = None

    def _no_driver(self, error: Exception) -> None:
        why = _NO_DRIVER.get(code_of(error) or 0, f"NVML: {clean(error)}")
        with self._lock:
            if self._mine():
                self._why = why
                for slot in self._slots.values():
                    slot.gpu = slot.lost(why)

    def _round(self) -> None:
        """Asks every GPU that no earlier reader is stuck in."""
        self._waiting_s = self._clock()
        try:
            count = int(self._nvml.nvmlDeviceGetCount())
        finally:
            self._waiting_s = None
        with self._lock:
            if not self._mine():
                return
            self._why = None if count else "the NVIDIA driver knows no GPU"
            for index in [index for index in self._slots if index >= count]:
                self._let_fall(self._slots.pop(index))
            for index in range(count):
                self._slots.setdefault(index, _Slot(index))
        for slot in list(self._slots.values()):
            with self._lock:
                if not self._mine():
                    return
                if slot.asked_s is not None:
                    continue
                slot.asked_s, self._inside = self._clock(), slot
            try:
                self._read(slot)
            finally:
                with self._lock:
                    slot.asked_s = None
                    if self._mine():
                        self._inside = None

    def _let_fall(self, slot: _Slot) -> None:
        if slot.gpu.uuid:
            self._fallen[slot.gpu.uuid] = slot.lost("no longer on the bus: the driver does not count it any more")

    def _read(self, slot: _Slot) -> None:
        """Asks one GPU everything; may never return."""
        try:
            questions = Questions(self._nvml, slot.gpu.index)
            uuid, name = questions.identity()
            metrics, throttle = questions.quick()
            if slot.slow_s is None or self._clock() - slot.slow_s >= SLOW_EVERY_S:
                slot.ecc, slot.processes = questions.ecc(), questions.processes(self._proc)
                slot.slow_s = self._clock()
        except Exception as error:  # one GPU's border: it is lost, the others go on
            if code_of(error) == UNINITIALIZED:
                raise
            with self._lock:
                slot.gpu = slot.lost(clean(error))
            return
        with self._lock:
            if slot.gpu.uuid not in ("", uuid):
                self._let_fall(slot)  # after the driver was loaded again the others move up
            self._fallen.pop(uuid, None)
            known = any(value is not None for value in metrics.values())
            slot.gpu = structs.replace(
                slot.gpu,
                uuid=uuid,
                name=name or "NVIDIA GPU",
                state="OK" if known else "UNKNOWN",
                why="" if known else "the driver answers none of the questions",
                metrics=metrics | slot.ecc,
                throttle=throttle,
                processes=slot.processes,
            )
            slot.read_s = self._clock()
