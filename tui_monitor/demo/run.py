"""The demo as a whole: starts its servers and their traffic, says what the engine has to watch, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

import tui_monitor
from tui_monitor.alerts.rules import BUILT_IN
from tui_monitor.config import Columns, Discovery, DriftSettings, Labels, PredictionSettings, RuleSettings, Settings, TargetSettings
from tui_monitor.demo.gpus import SimulatedGpus
from tui_monitor.demo.scenario import timeline
from tui_monitor.model import clean
from tui_monitor.vocabulary import seconds

MODEL = "demo-7b"
GENERATOR, CLASSIFIER = "demo-llm", "demo-classifier"
START_S = 10.0  # a busy host gives up after that; an idle one needs half a second
STOP_S = 1.5
FILES = (
    "reference.jsonl",
    "predictions.jsonl",
    "predictions.jsonl.1",
    "labels.jsonl",
    "labels.jsonl.1",
    "load.json",
    "load.new",
    "demo.log",
)


class DemoFailed(Exception):
    """The demo did not start; `str(error)` is the line for the user."""


class Demo:
    """One running demo. Use it as a context manager, or call `start` and `stop`; both may be called twice.

    The thread that calls `start` must live as long as the demo: the kernel ends the servers with it (see `lifeline`).
    """

    def __init__(self, scenario: str = "incident", speed: float = 1.0, directory: Path | None = None) -> None:
        """`directory` takes the demo's files, and must be there; nothing else on disk is touched.

        Raises:
            ValueError: no such scenario, or no such speed.
        """
        timeline(scenario, speed)
        self._scenario, self._speed = scenario, speed
        self._directory = directory or Path.cwd()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, int] = {}

    # -- life -----------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the servers, wait until they listen, then let the traffic begin.

        Raises:
            DemoFailed: with one line; whatever had started is ended again.
        """
        if self._processes:
            return
        for name in FILES:
            with contextlib.suppress(OSError):
                (self._directory / name).unlink(missing_ok=True)
        try:
            self._launch("generator", "--model", MODEL, "--load", str(self._directory / "load.json"))
            self._launch(
                "classifier",
                "--log", str(self._directory / "predictions.jsonl"),
                "--reference", str(self._directory / "reference.jsonl"),
            )  # fmt: skip
            labels = str(self._directory / "labels.jsonl")
            self._launch("traffic", "--scenario", self._scenario, f"--speed={self._speed}", "--model", MODEL, "--labels", labels)
            deadline_s = time.monotonic() + START_S
            for name in ("generator", "classifier"):
                self._ports[name] = self._port_of(name, deadline_s)
            stdin = self._processes["traffic"].stdin
            if stdin is not None:
                stdin.write(json.dumps(self._ports).encode() + b"\n")
                stdin.flush()
        except (OSError, DemoFailed) as error:
            self.stop()
            raise DemoFailed(f"the demo did not start: {clean(error)}") from None

    def stop(self) -> None:
        """End every process of the demo within 2 s."""
        processes, self._processes, self._ports = list(self._processes.values()), {}, {}
        for process in processes:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
            process.terminate()
        deadline_s = time.monotonic() + STOP_S
        for process in processes:
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The demo's own processes: generator, classifier, traffic."""
        return {name: process.pid for name, process in self._processes.items()}

    def _launch(self, name: str, *arguments: str) -> None:
        """Its own session keeps ctrl+c of the terminal away; `-P` keeps the current directory out of the imports."""
        command = [sys.executable, "-P", "-m", f"tui_monitor.demo.{name}", *arguments]
        home = str(Path(tui_monitor.__file__).parent.parent)
        path = os.pathsep.join(part for part in (home, os.environ.get("PYTHONPATH", "")) if part)
        with (self._directory / "demo.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._directory,
                env=os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1"},
                start_new_session=True,
            )

    def _port_of(self, name: str, deadline_s: float) -> int:
        """What the server announces on its stdout."""
        process = self._processes[name]
        if process.stdout is None:
            raise DemoFailed(f"{name} has no stdout")
        line = _line(process.stdout, deadline_s)
        if line.startswith("ready ") and line[6:].strip().isdecimal():
            return int(line[6:])
        try:
            ended = f"ended with {process.wait(max(0.0, min(1.0, deadline_s - time.monotonic())))}"
        except subprocess.TimeoutExpired:
            ended = "did not say that it is ready"
        said = _last_line(self._directory / "demo.log")
        raise DemoFailed(f"its {name} {ended}{': ' if said else ''}{said}")

    # -- what the engine gets ---------------------------------------------------------------------------------------------------------

    def gpus(self) -> SimulatedGpus:
        """GPUs for a host without a driver."""
        return SimulatedGpus(self._directory / "load.json", self.pids.get("generator"))

    def settings(self, base: Settings) -> Settings:
        """The configuration under which the engine watches the demo; only screen, alerts and recording are taken from `base`.

        Raises:
            DemoFailed: it is not running.
        """
        if not self._ports:
            raise DemoFailed("the demo is not running")
        urls = {name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()}
        rules = list(base.rules)
        if self._speed > 1.0 and not any(rule.name == "stalled" for rule in rules):
            rules.append(_hasty_stall(self._speed))
        return msgspec.structs.replace(
            base,
            interval="1s",
            discovery=Discovery(enabled=False),
            targets=[
                TargetSettings(name=GENERATOR, kind="vllm", url=urls["generator"], interval="1s", starting="5s"),
                TargetSettings(
                    name=CLASSIFIER, kind="prometheus", url=urls["classifier"], interval="1s", starting="5s", map=_CLASSIFIER_MAP
                ),
            ],
            prometheus=[],
            predictions=[
                PredictionSettings(
                    name=CLASSIFIER,
                    path=str(self._directory / "predictions.jsonl"),
                    task="binary",
                    columns=Columns(id="id", time="time", prediction="prediction", score="score", label="label"),
                    labels=Labels(path=str(self._directory / "labels.jsonl"), id="id", label="label"),
                    positive="urgent",
                    features=["words", "alarms"],
                    horizon="10m",
                    reference=str(self._directory / "reference.jsonl"),
                    slices={"long texts": "words > 60"},
                    costs={"urgent": {"routine": 10.0}, "routine": {"urgent": 1.0}},
                )
            ],
            probes=[],
            drift=DriftSettings(learn="25s", every="2s"),
            rules=rules,
            recording=msgspec.structs.replace(base.recording, enabled=True),
        )


_CLASSIFIER_MAP = {
    "request.rate": "rate(classifier_requests_total)",
    "error.rate": 'rate(classifier_requests_total{code=~"5.."})',
    "latency": "histogram(classifier_request_seconds)",
    "request.running": "classifier_requests_in_flight",
}


def _hasty_stall(speed: float) -> RuleSettings:
    """A story told faster needs its rule to wait less; at the usual speed the built-in one stands."""
    stalled = next(rule for rule in BUILT_IN if rule.name == "stalled")
    return msgspec.structs.replace(stalled, for_=f"{max(5, round(seconds(stalled.for_) / speed))}s")


def _line(pipe: IO[bytes], deadline_s: float) -> str:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline_s - time.monotonic())):
            return ""
    return pipe.readline(200).decode("utf-8", "replace")


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        lines = path.read_bytes()[-2000:].decode("utf-8", "replace").splitlines()
        return lines[-1] if lines else ""
    return ""
