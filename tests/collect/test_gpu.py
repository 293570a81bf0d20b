"""GPUs through a library that lies, refuses, loses boards and hangs; first a module made here, then a compiled stand-in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tui_monitor.collect import gpu as room
from tui_monitor.collect.gpu import GpuAnswer, GpuWatch
from tui_monitor.collect.nvml import UNKNOWN, Questions, describe, throttle_words
from tui_monitor.model import Gpu
from tui_monitor.vocabulary import VOCABULARY

STUB = Path(__file__).parent.parent / "nvml_stub"
GIB = 2**30


class Refused(Exception):
    def __init__(self, value: int, text: str = "Not Supported") -> None:
        super().__init__(text)
        self.value = value

    def __str__(self) -> str:
        return str(self.args[0])


class Board(SimpleNamespace):
    """One GPU as the library would tell it; `refuses` names calls that are not supported."""

    def __init__(self, uuid: str = "GPU-a", **more: object) -> None:
        super().__init__(uuid=uuid, util=50, temp=60, mask=0, refuses=set(), error=None, hang=None, procs=[])
        self.__dict__.update(more)


class Library:
    """What pynvml is to us."""

    def __init__(self, *boards: Board) -> None:
        self.boards = list(boards)
        self.init_error: Exception | None = None
        self.count_hang: threading.Event | None = None
        self.inits = 0

    def nvmlInit(self) -> None:  # noqa: N802
        self.inits += 1
        if self.init_error:
            raise self.init_error

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        if self.count_hang:
            self.count_hang.wait(30)
        if self.init_error:
            raise self.init_error
        return len(self.boards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Board:  # noqa: N802
        return self.boards[index]

    def __getattr__(self, name: str) -> Callable[..., object]:
        answers: dict[str, Callable[[Board], object]] = {
            "nvmlDeviceGetUUID": lambda b: b.uuid,
            "nvmlDeviceGetName": lambda _: b"NVIDIA \x1b[31mH100",
            "nvmlDeviceGetUtilizationRates": lambda b: SimpleNamespace(gpu=b.util, memory=1),
            "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=80 * GIB, used=20 * GIB),
            "nvmlDeviceGetTemperature": lambda b: b.temp,
            "nvmlDeviceGetPowerUsage": lambda _: 350_000,
            "nvmlDeviceGetEnforcedPowerLimit": lambda _: 700_000,
            "nvmlDeviceGetClockInfo": lambda _: 1980,
            "nvmlDeviceGetTotalEccErrors": lambda _: 3,
            "nvmlDeviceGetCurrentClocksThrottleReasons": lambda b: b.mask,
            "nvmlDeviceGetComputeRunningProcesses": lambda b: b.procs,
        }
        if name not in answers:
            raise AttributeError(name)

        def call(board: Board, *_: object) -> object:
            if board.hang:
                board.hang.wait(30)
            if board.error:
                raise board.error
            if name in board.refuses:
                raise Refused(3)
            return answers[name](board)

        return call


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def until(watch: GpuWatch, clock: Clock, seen: Callable[[GpuAnswer], bool]) -> GpuAnswer:
    """The first answer that is as wanted; the thread has five seconds for it."""
    pause = threading.Event()
    for _ in range(1000):
        answer = watch.latest(clock.now_s)
        if seen(answer):
            return answer
        pause.wait(0.005)
    raise AssertionError(answer)


def states(answer: GpuAnswer) -> list[str]:
    return [gpu.state for gpu in answer.gpus]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watching(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Library], GpuWatch]]:
    monkeypatch.setattr(room, "BACK_OFF_S", (0.01, 0.01))
    watches: list[GpuWatch] = []

    def start(library: Library) -> GpuWatch:
        watch = GpuWatch(0.01, nvml=library, clock=clock)
        watches.append(watch)
        watch.start()
        return watch

    yield start
    for watch in watches:
        watch.stop()


def test_one_gpu_in_si_units() -> None:
    metrics, throttle = Questions(Library(Board(mask=0x44)), 0).quick()
    assert metrics == UNKNOWN | {
        "gpu.util": 0.5,
        "gpu.memory.used": 20 * GIB,
        "gpu.memory.total": 80 * GIB,
        "gpu.memory.used.ratio": 0.25,
        "gpu.temperature": 60,
        "gpu.power": 350,
        "gpu.power.limit": 700,
        "gpu.power.ratio": 0.5,
        "gpu.clock.sm": 1.98e9,
        "gpu.throttled": 1,
    }
    assert throttle == ["hw thermal", "sw power cap"]


def test_every_key_is_in_the_vocabulary_and_none_is_missing() -> None:
    assert set(UNKNOWN) == {key for key in VOCABULARY if key.startswith("gpu.")}


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (0x0, []),
        (0x1, []),  # idle
        (0x2, []),  # application clocks
        (0x10, []),  # sync boost
        (0x100, []),  # display clocks
        (0x20, ["sw thermal"]),
        (0x40, ["hw thermal"]),
        (0x48, ["hw thermal"]),
        (0x80, ["hw power brake"]),
        (0x08, ["hw slowdown"]),
        (0x04, ["sw power cap"]),
        (0x65, ["hw thermal", "sw thermal", "sw power cap"]),
    ],
)
def test_throttle_reasons(mask: int, words: list[str]) -> None:
    assert throttle_words(mask) == words


@pytest.mark.parametrize(
    ("call", "keys"),
    [
        ("nvmlDeviceGetUtilizationRates", {"gpu.util"}),
        ("nvmlDeviceGetMemoryInfo", {"gpu.memory.used", "gpu.memory.total", "gpu.memory.used.ratio"}),
        ("nvmlDeviceGetPowerUsage", {"gpu.power", "gpu.power.ratio"}),
        ("nvmlDeviceGetEnforcedPowerLimit", {"gpu.power.limit", "gpu.power.ratio"}),
        ("nvmlDeviceGetCurrentClocksThrottleReasons", {"gpu.throttled"}),
        ("nvmlDeviceGetTemperature", {"gpu.temperature"}),
        ("nvmlDeviceGetClockInfo", {"gpu.clock.sm"}),
    ],
)
def test_what_a_board_does_not_tell_is_none_and_the_rest_stands(call: str, keys: set[str]) -> None:
    metrics, _ = Questions(Library(Board(refuses={call})), 0).quick()
    never = {"gpu.xid", "gpu.ecc.corrected", "gpu.ecc.uncorrected"}
    assert {key for key, value in metrics.items() if value is None} == keys | never


def test_processes_have_a_name_and_a_user_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12/comm").write_text("VLLM::Engine\x1b[0m\n")
    assert describe(tmp_path, 12)[0] == "VLLM::Engine"
    assert describe(tmp_path, 12)[1] is not None
    assert describe(tmp_path, 13) == ("?", None)  # another container's
    procs = [SimpleNamespace(pid=13, usedGpuMemory=None), SimpleNamespace(pid=12, usedGpuMemory=5)]
    assert [(p.pid, p.used_bytes) for p in Questions(Library(Board(procs=procs)), 0).processes(tmp_path)] == [(12, 5), (13, None)]


def test_names_are_clean_and_ecc_is_there(watching: Callable[[Library], GpuWatch], clock: Clock) -> None:
    gpu = until(watching(Library(Board())), clock, lambda a: states(a) == ["OK"]).gpus[0]
    assert (gpu.name, gpu.uuid, gpu.age_s) == ("NVIDIA H100", "GPU-a", 0.0)
    assert (gpu.metrics["gpu.ecc.corrected"], gpu.metrics["gpu.xid"]) == (3.0, None)


def test_a_lost_gpu_has_no_numbers_and_its_neighbour_goes_on(watching: Callable[[Library], GpuWatch], clock: Clock) -> None:
    library = Library(Board("GPU-a"), Board("GPU-b"))
    watch = watching(library)
    until(watch, clock, lambda a: states(a) == ["OK", "OK"])
    library.boards[1].error = Refused(15, "GPU is lost")
    library.boards[0].util = 99
    lost = until(watch, clock, lambda a: states(a) == ["OK", "LOST"] and a.gpus[0].metrics["gpu.util"] == 0.99).gpus[1]
    assert (lost.uuid, lost.why) == ("GPU-b", "GPU is lost")
    assert lost.metrics == UNKNOWN
    library.boards[1].error = None
    until(watch, clock, lambda a: states(a) == ["OK", "OK"])


def test_a_gpu_that_fell_off_the_bus_is_lost_under_its_own_uuid(watching: Callable[[Library], GpuWatch], clock: Clock) -> None:
    library = Library(Board("GPU-a"), Board("GPU-b"))
    watch = watching(library)
    until(watch, clock, lambda a: states(a) == ["OK", "OK"])
    gone = library.boards.pop(0)
    answer = until(watch, clock, lambda a: {gpu.uuid: gpu.state for gpu in a.gpus} == {"GPU-a": "LOST", "GPU-b": "OK"})
    assert "no longer on the bus" in next(gpu.why for gpu in answer.gpus if gpu.uuid == "GPU-a")
    library.boards.insert(0, gone)
    until(watch, clock, lambda a: [(gpu.uuid, gpu.state) for gpu in a.gpus] == [("GPU-a", "OK"), ("GPU-b", "OK")])


def test_a_hung_gpu_is_said_after_five_seconds_and_the_others_go_on(watching: Callable[[Library], GpuWatch], clock: Clock) -> None:
    library = Library(Board("GPU-a"), Board("GPU-b"), Board("GPU-c"))
    watch = watching(library)
    until(watch, clock, lambda a: states(a) == ["OK", "OK", "OK"])
    release = library.boards[1].hang = threading.Event()
    until(watch, clock, lambda _: watch._inside is not None and watch._inside.gpu.uuid == "GPU-b")
    clock.now_s += 4.9
    assert states(watch.latest(clock.now_s)) == ["OK", "OK", "OK"]
    assert watch.latest(clock.now_s).gpus[1].age_s == pytest.approx(4.9)  # old numbers carry their age
    clock.now_s += 0.2
    hung = watch.latest(clock.now_s).gpus[1]
    assert (hung.state, hung.why, hung.metrics) == ("HUNG", "the driver does not answer for 5 s", UNKNOWN)
    library.boards[0].util = library.boards[2].util = 77
    until(watch, clock, lambda a: [gpu.metrics["gpu.util"] for gpu in a.gpus] == [0.77, None, 0.77])
    release.set()
    library.boards[1].hang = None
    until(watch, clock, lambda a: states(a) == ["OK", "OK", "OK"])


def test_a_driver_that_hangs_as_a_whole_hangs_every_gpu(watching: Callable[[Library], GpuWatch], clock: Clock) -> None:
    library = Library(Board("GPU-a"), Board("GPU-b"))
    watch = watching(library)
    until(watch, clock, lambda a: states(a) == ["OK", "OK"])
    release = library.count_hang = threading.Event()
    until(watch, clock, lambda _: watch._waiting_s is not None)
    before = threading.active_count()
    clock.now_s += 6
    assert states(watch.latest(clock.now_s)) == ["HUNG", "HUNG"]
    assert threading.active_count() == before  # no thread after thread into a driver that is stuck as a whole
    release.set()
    library.count_hang = None
    until(watch, clock, lambda a: states(a) == ["OK", "OK"])


def test_without_a_driver_there_is_a_reason_and_it_may_come_later(watching: Callable[[Library], GpuWatch], clock: Clock) -> None:
    library = Library(Board())
    library.init_error = Refused(12, "NVML Shared Library Not Found")
    watch = watching(library)
    answer = until(watch, clock, lambda _: library.inits >= 3)
    assert answer == GpuAnswer([], "no NVIDIA driver: libnvidia-ml.so.1 is not there")
    library.init_error = None
    assert until(watch, clock, lambda a: states(a) == ["OK"]).why is None
    library.init_error = Refused(9, "Driver Not Loaded")
    assert until(watch, clock, lambda a: states(a) == ["LOST"]).gpus[0].why == "the NVIDIA driver is not loaded"


def test_stop_does_not_wait_for_a_stuck_thread(watching: Callable[[Library], GpuWatch], clock: Clock) -> None:
    release = threading.Event()
    watch = watching(Library(Board(hang=release)))
    until(watch, clock, lambda _: watch._inside is not None)
    watch.stop()
    assert states(watch.latest(clock.now_s)) == ["UNKNOWN"]
    release.set()


# -- with the real binding over a compiled stand-in for the driver -------------------------------------------------------------------

GPUS = (
    "name=NVIDIA_H100 util=93 memutil=40 mem=70000/81559 temp=88 power=512/700 ecc=2 sm=1980 procs={pid}:60000\n"
    "name=NVIDIA_H100 util=10 mem=100/81559 temp=40 power=70/700 sm=345 state={state}\n"
    "name=NVIDIA_H100 util=5 mem=100/81559 temp=41 power=70/700 sm=345\n"
)
CHILD = """
import json, sys, threading, time
import msgspec
from tui_monitor.collect.gpu import GpuWatch
watch, wanted, pause = GpuWatch(0.05, hung_after_s=0.3), json.loads(sys.argv[1]), threading.Event()
watch.start()
for _ in range(1000):
    answer = watch.latest(time.time())
    if [gpu.state for gpu in answer.gpus] == wanted and (wanted or "not asked" not in answer.why):
        break
    pause.wait(0.01)
watch.stop()
sys.stdout.write(msgspec.json.encode(answer).decode())
"""


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libnvidia-ml.so.1 of our own."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc) to build the stand-in for the NVIDIA driver")
    folder = tmp_path_factory.mktemp("nvml")
    environment = os.environ | {"PYTHON": sys.executable}
    subprocess.run(["sh", str(STUB / "build.sh"), str(folder)], check=True, capture_output=True, env=environment, timeout=120)
    return folder


def through_the_stub(driver: Path, wanted: list[str], gpus: str | None) -> GpuAnswer:
    environment = os.environ | {"LD_LIBRARY_PATH": str(driver), "NVML_STUB_HANG_S": "20"}
    environment.pop("NVML_STUB", None)
    if gpus is not None:
        (driver / "gpus.txt").write_text(gpus)
        environment["NVML_STUB"] = str(driver / "gpus.txt")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(wanted)], check=True, capture_output=True, text=True, env=environment, timeout=15
    )
    answer = json.loads(done.stdout)
    return GpuAnswer(
        [
            Gpu(**{key: gpu[key] for key in ("index", "uuid", "name", "state", "why", "metrics", "throttle", "processes")})
            for gpu in answer["gpus"]
        ],
        answer["why"],
    )


@pytest.mark.parametrize(("state", "why"), [("ok", ""), ("lost", "GPU is lost"), ("hang", "the driver does not answer")])
def test_the_real_binding(driver: Path, state: str, why: str) -> None:
    wanted = ["OK", {"ok": "OK", "lost": "LOST", "hang": "HUNG"}[state], "OK"]
    answer = through_the_stub(driver, wanted, GPUS.format(pid=os.getpid(), state=state))
    assert states(answer) == wanted
    first, second, _ = answer.gpus
    assert (first.name, first.throttle) == ("NVIDIA H100", ["hw thermal"])
    assert first.metrics["gpu.util"] == 0.93
    assert first.metrics["gpu.memory.used"] == 70000 * 2**20
    assert first.metrics["gpu.power.ratio"] == pytest.approx(512 / 700)
    assert first.metrics["gpu.ecc.uncorrected"] == 2
    assert first.metrics["gpu.clock.sm"] == 1.98e9
    assert [process["name"] for process in first.processes] == [Path(f"/proc/{os.getpid()}/comm").read_text().strip()]  # type: ignore[index]
    assert why in second.why
    assert (second.metrics == UNKNOWN) is (state != "ok")


def test_the_real_binding_without_a_driver(driver: Path) -> None:
    assert through_the_stub(driver, [], None) == GpuAnswer([], "the NVIDIA driver is not loaded")
