"""A user's own scorer: rows go in, one number a row comes back. A program of theirs, or a function that they have installed.

A program gets its rows as JSON lines on stdin and answers with one number a line; it is started for each look, with no shell, in a group of its
own, and all that it started is ended with it. A function gets a list of dicts and runs in a thread; one that is stuck there cannot be ended, and
is not called again until it comes back. Values of private columns never get here.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tui_monitor.children import end_group, signal_name
from tui_monitor.collect.worker import Busy, Worker
from tui_monitor.config import ScorerSettings
from tui_monitor.model import LogRow, clean
from tui_monitor.vocabulary import seconds

GROUP = "tui_monitor.scorers"
MOST_ROWS = 1_000  # a look
MOST_ANSWER = 1 << 20  # bytes of an answer: 1,000 numbers are far less
KEPT_ERRORS = 4_096  # bytes of what it says on stderr, the end
GRACE_S = 2.0  # between asking it to end and ending it
PREFIX = "TUI_MONITOR_"


class NoScores(Exception):
    """Why there are no numbers this time; `str(error)` is one line."""


class Scorer:
    """One entry of `[drift.scorers]`."""

    def __init__(self, name: str, settings: ScorerSettings, *, hide: Iterable[str] = ()) -> None:
        """Nothing runs yet. `hide`: variables of our environment that a program does not inherit, because they hold our secrets."""
        self.name, self._settings = name, settings
        self._timeout_s = seconds(settings.timeout)
        self._hide = frozenset(hide)
        self._function: Callable[[list[dict[str, Any]]], Any] | None = None
        self._worker: Worker[list[float]] = Worker(f"scorer-{name}")

    async def score(self, rows: Sequence[LogRow]) -> list[float]:
        """One finite number a row; NaN where it gave none for it.

        Raises:
            NoScores: not in time, it died, it gave another count of numbers, or none that is finite.
        """
        known = [as_dict(row) for row in rows]
        numbers = await (self._asked(known) if self._settings.command else self._called(known))
        if len(numbers) != len(rows):
            raise NoScores(f"{len(numbers)} numbers for {len(rows)} rows")
        numbers = [number if math.isfinite(number) else math.nan for number in numbers]
        if rows and all(math.isnan(number) for number in numbers):
            raise NoScores(f"no finite number for any of {len(rows)} rows")
        return numbers

    # -- a function -----------------------------------------------------------------------------------------------------------------------

    async def _called(self, rows: list[dict[str, Any]]) -> list[float]:
        def work() -> list[float]:
            if self._function is None:
                self._function = found(self._settings.entry_point)
            return [_number(value) for value in self._function(rows)]

        try:
            return await self._worker.run(work, self._timeout_s)
        except Busy:
            raise NoScores(f"still busy with earlier rows, beyond {self._settings.timeout}") from None
        except TimeoutError:
            raise NoScores(f"not done within {self._settings.timeout}; it goes on and is not called until it comes back") from None
        except NoScores:
            raise
        except Exception as error:  # noqa: BLE001 - the border of somebody else's code
            raise NoScores(clean(f"{type(error).__name__}: {error}", 160)) from None

    # -- a program ------------------------------------------------------------------------------------------------------------------------

    async def _asked(self, rows: list[dict[str, Any]]) -> list[float]:
        sent = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._settings.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(self._hide),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise NoScores(f"cannot be run: {clean(getattr(error, 'strerror', None) or type(error).__name__, 80)}") from None
        talking = [
            asyncio.create_task(_send(process.stdin, sent)),
            asyncio.create_task(_all(process.stdout)),
            asyncio.create_task(_end_of(process.stderr)),
        ]
        late = False
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.wait(talking[:2])
                await process.wait()
        except TimeoutError:
            late = True
        finally:
            await _end(process)
            await asyncio.wait(talking, timeout=1.0)
            for task in talking:
                task.cancel()
        said = _result(talking[2])
        last = clean(said.decode(errors="replace").strip().rpartition("\n")[2], 120)
        if late:
            raise NoScores(f"not done within {self._settings.timeout}, ended" + (f": {last}" if last else ""))
        if code := process.returncode:
            raise NoScores((f"exit {code}" if code > 0 else f"ended by {signal_name(-code)}") + (f": {last}" if last else ""))
        answer = _result(talking[1])
        if len(answer) > MOST_ANSWER:
            raise NoScores(f"more than {MOST_ANSWER >> 20} MiB of answer for {len(rows)} rows")
        return [_number(line) for line in answer.decode(errors="replace").split("\n") if line.strip()]


def as_dict(row: LogRow) -> dict[str, Any]:
    """What a scorer gets of a row: its features as they came, when it was, what the model said, never the label."""
    known: dict[str, Any] = {
        name: value if not isinstance(value, float) or math.isfinite(value) else None for name, value in row.features.items()
    }
    known |= {"timestamp": row.at_s, "prediction": row.prediction}
    if row.score is not None and math.isfinite(row.score):
        known["score"] = row.score
    return known


def found(name: str) -> Callable[[list[dict[str, Any]]], Any]:
    """The function of an entry point: a name of the group `tui_monitor.scorers`, or "module:function".

    Raises:
        NoScores: there is none of that name, or it is no function.
        Exception: whatever its import raises.
    """
    if ":" in name:
        function = EntryPoint(name, name, GROUP).load()
    else:
        known = {one.name: one for one in entry_points(group=GROUP)}
        if name not in known:
            names = " ".join(sorted(known)) or "none"
            raise NoScores(clean(f"no installed package has the entry point {name!r} in {GROUP} (there are: {names})", 200))
        function = known[name].load()
    if not callable(function):
        raise NoScores(f"{name} is no function")
    called: Callable[[list[dict[str, Any]]], Any] = function
    return called


def environment(hide: frozenset[str], ours: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without our settings and secrets."""
    inherited = os.environ if ours is None else ours
    return {name: value for name, value in inherited.items() if not name.startswith(PREFIX) and name not in hide}


def _number(value: object) -> float:
    """A number or NaN; what is none at all is an error."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise NoScores(f"{clean(repr(value), 40)} is no number") from None


async def _send(pipe: asyncio.StreamWriter | None, sent: bytes) -> None:
    if pipe is None:
        return
    try:
        pipe.write(sent)
        await pipe.drain()
        pipe.close()
        await pipe.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it did not want them all: its answer tells


async def _all(pipe: asyncio.StreamReader | None) -> bytes:
    """What comes, and one byte beyond the bound where there is more; the rest is read and dropped."""
    kept = bytearray()
    while pipe is not None and (more := await pipe.read(65536)):
        kept += more[: MOST_ANSWER + 1 - len(kept)]
    return bytes(kept)


async def _end_of(pipe: asyncio.StreamReader | None) -> bytes:
    kept = bytearray()
    while pipe is not None and (more := await pipe.read(65536)):
        kept += more
        del kept[:-KEPT_ERRORS]
    return bytes(kept)


def _result(task: asyncio.Task[Any]) -> bytes:
    return task.result() or b"" if task.done() and not task.cancelled() and task.exception() is None else b""


async def _end(process: asyncio.subprocess.Process) -> None:
    """End all that it started, politely where it still runs itself."""
    await end_group(process, GRACE_S)
    try:
        async with asyncio.timeout(GRACE_S):
            await process.wait()
    except TimeoutError:
        pass  # something that it started left the group and holds on to a pipe
