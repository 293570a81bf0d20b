"""A user's own scorer: rows in, numbers out, and every way in which that can go wrong is one line."""

from __future__ import annotations

import asyncio
import importlib
import math
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from tui_monitor.collect.scorer import NoScores, Scorer, as_dict, environment
from tui_monitor.config import ScorerSettings
from tui_monitor.model import LogRow

ROWS = [LogRow(str(i), 100.0 + i, "1", 0.25, "0", {"size": float(i), "colour": None if i else "red"}) for i in range(3)]
DOUBLE = "import json, sys\nfor line in sys.stdin: print(2 * json.loads(line)['size'])"


def command(code: str, *, timeout: str = "10s", name: str = "ae") -> Scorer:
    return Scorer(name, ScorerSettings(command=[sys.executable, "-c", code], timeout=timeout))


def why(scorer: Scorer) -> str:
    with pytest.raises(NoScores) as error:
        asyncio.run(scorer.score(ROWS))
    assert "\n" not in str(error.value)
    return str(error.value)


def gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for(true: object, within_s: float = 5.0) -> None:
    until = time.monotonic() + within_s
    while not true() and time.monotonic() < until:  # type: ignore[operator]
        threading.Event().wait(0.02)


def test_a_row_is_told_with_what_the_model_said_and_without_its_label() -> None:
    assert as_dict(ROWS[0]) == {"size": 0.0, "colour": "red", "timestamp": 100.0, "prediction": "1", "score": 0.25}


def test_a_program_gets_json_lines_and_gives_a_number_a_line() -> None:
    assert asyncio.run(command(DOUBLE).score(ROWS)) == [0.0, 2.0, 4.0]


def test_numbers_that_are_not_finite_are_none_for_their_row_only() -> None:
    got = asyncio.run(command("print('nan'); print('inf'); print(3)").score(ROWS))
    assert math.isnan(got[0])
    assert math.isnan(got[1])
    assert got[2] == 3.0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print(1)", "1 numbers for 3 rows"),
        ("print('1\\n2\\n3\\n4')", "4 numbers for 3 rows"),
        ("print('one'); print(2); print(3)", "'one' is no number"),
        ("print('nan\\nnan\\nnan')", "no finite number for any of 3 rows"),
        ("import sys; sys.exit('no model file')", "exit 1: no model file"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("print('1' * 2_000_000)", "more than 1 MiB of answer for 3 rows"),
        ("", "0 numbers for 3 rows"),
    ],
)
def test_a_wrong_answer_is_one_line(code: str, said: str) -> None:
    assert why(command(code)) == said


def test_a_program_that_is_not_there_is_one_line() -> None:
    assert why(Scorer("ae", ScorerSettings(command=["/nowhere/score"]))) == "cannot be run: No such file or directory"


def test_a_slow_one_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    began = time.monotonic()
    assert why(command(code, timeout="2s")) == "not done within 2s, ended"
    assert time.monotonic() - began < 9
    child = int((tmp_path / "pid").read_text())
    wait_for(lambda: gone(child))
    assert gone(child)


def test_many_rows_and_a_program_that_reads_none_of_them() -> None:
    many = [LogRow(str(i), float(i), "1", None, None, {"text": "x" * 2000}) for i in range(1000)]
    assert asyncio.run(command("for i in range(1000): print(i)").score(many)) == [float(i) for i in range(1000)]


def test_it_inherits_no_secret_and_no_setting() -> None:
    ours = {"PATH": "/bin", "TUI_MONITOR_SCREEN__THEME": "x", "TOKEN": "hush"}
    assert environment(frozenset({"TOKEN"}), ours) == {"PATH": "/bin"}


# -- functions ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_scores.py").write_text(
        "import threading\nheld = threading.Event()\nNOT = 3\n"
        "def size(rows): return [row['size'] for row in rows]\n"
        "def short(rows): return [1.0]\n"
        "def broken(rows): raise KeyError('model')\n"
        "def stuck(rows): held.wait(20); return [0.0] * len(rows)\n"
    )
    installed = tmp_path / "my_scores-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my-scores\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[tui_monitor.scorers]\nby_size = my_scores:size\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("my_scores", None)
    importlib.invalidate_caches()
    return tmp_path


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["my_scores:size", "by_size"])
def test_a_function_by_its_place_or_by_its_entry_point(name: str) -> None:
    assert asyncio.run(Scorer("ae", ScorerSettings(entry_point=name)).score(ROWS)) == [0.0, 1.0, 2.0]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_scores:short", "1 numbers for 3 rows"),
        ("my_scores:broken", "KeyError: 'model'"),
        ("my_scores:none_such", "AttributeError: module 'my_scores' has no attribute 'none_such'"),
        ("my_scores:NOT", "my_scores:NOT is no function"),
        ("not_installed:score", "ModuleNotFoundError: No module named 'not_installed'"),
        ("by_weight", "no installed package has the entry point 'by_weight' in tui_monitor.scorers (there are: by_size)"),
    ],
)
def test_a_function_that_fails_is_one_line(name: str, said: str) -> None:
    assert why(Scorer("ae", ScorerSettings(entry_point=name))) == said


@pytest.mark.usefixtures("package")
def test_a_function_that_is_stuck_is_not_called_again_until_it_comes_back() -> None:
    async def look() -> list[str]:
        scorer = Scorer("ae", ScorerSettings(entry_point="my_scores:stuck", timeout="100ms"))
        said = []
        for _ in range(2):
            with pytest.raises(NoScores) as error:
                await scorer.score(ROWS)
            said.append(str(error.value))
        sys.modules["my_scores"].held.set()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                return [*said, str(await scorer.score(ROWS))]
            except NoScores:
                await asyncio.sleep(0.02)
        return said

    assert asyncio.run(look()) == [
        "not done within 100ms; it goes on and is not called until it comes back",
        "still busy with earlier rows, beyond 100ms",
        "[0.0, 0.0, 0.0]",
    ]


def test_no_program_outlives_a_look_that_is_given_up(tmp_path: Path) -> None:
    code = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"

    async def look() -> int:
        task = asyncio.create_task(command(code, timeout="60s").score(ROWS))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return int((tmp_path / "pid").read_text())

    pid = asyncio.run(look())
    assert pid != os.getpid()
    assert gone(pid)
