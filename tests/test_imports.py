"""Who imports whom: import-linter's contracts, and what a fresh interpreter has really loaded, deferred imports included."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"textual", "rich", "pandas", "scipy", "numpy", "httpx", "prometheus_api_client", "psutil", "pynvml"}
ALONE = "import sys; sys.modules['click'] = None"  # httpx loads rich for its own command line where click is installed
REPORT = (
    "import json, sys; sys.stderr.flush(); sys.__stdout__.write('\\n' + json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
)


def _loaded(code: str, tmp_path: Path) -> set[str]:
    """Top-level modules of a fresh interpreter after running `code`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TUI_MONITOR_", "XDG_", "COVERAGE"))}
    environment |= {f"XDG_{name}": str(tmp_path) for name in ("CONFIG_HOME", "STATE_HOME", "RUNTIME_DIR")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{ALONE}\n{code}\n{REPORT}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.rsplit("\n", 1)[1]))


def _main(*words: str) -> str:
    return f"from tui_monitor.cli.main import main\nmain({list(words)!r})"


@pytest.mark.parametrize(
    ("why", "code", "forbidden"),
    [
        ("--version answers at once", _main("--version"), HEAVY | {"asyncio", "msgspec", "sqlite3"}),
        ("--help answers at once", _main("--help"), HEAVY | {"asyncio", "msgspec", "sqlite3"}),
        ("wrong usage answers at once", _main("no-such-verb"), HEAVY | {"asyncio", "msgspec", "sqlite3"}),
        ("the first paint waits for nothing", "import tui_monitor.cli.screen, tui_monitor.ui.prepaint", HEAVY | {"asyncio", "msgspec", "sqlite3"}),
        ("alerts without an engine", _main("alerts"), HEAVY),
        ("engine status", _main("engine", "status"), HEAVY),
        ("check", _main("check"), HEAVY),
        ("completion", _main("completion", "bash"), HEAVY),
        ("the screen draws and never collects", "import tui_monitor.ui.app, tui_monitor.ui.run, tui_monitor.ui.board, tui_monitor.engine.feed",
         {"httpx", "psutil", "pynvml", "numpy", "pandas", "scipy", "prometheus_api_client", "sqlite3"}),
        ("the screen's own way to its engine", "import tui_monitor.cli.places, tui_monitor.cli.settings, tui_monitor.cli.read_only", HEAVY),
        ("the engine has no screen, and starts without statistics and frames of data", "import tui_monitor.engine.engine, tui_monitor.engine.lifecycle",
         {"textual", "rich", "pandas", "prometheus_api_client", "pynvml"}),
        ("analysis is pure", "import tui_monitor.analyse.target, tui_monitor.analyse.progress",
         {"httpx", "psutil", "pynvml", "pandas", "sqlite3", "scipy", "numpy"}),
        ("the live judges need no scipy", "import tui_monitor.analyse.drift.room", {"scipy", "pandas", "sklearn", "httpx", "prometheus_api_client"}),
        ("rules are pure", "import tui_monitor.alerts.lifecycle", HEAVY | {"sqlite3"}),
        ("the store knows nobody", "import tui_monitor.store.recorder, tui_monitor.store.snapshot, tui_monitor.store.replay", HEAVY),
    ],
)  # fmt: skip
def test_what_is_loaded(why: str, code: str, forbidden: set[str], tmp_path: Path) -> None:
    assert not _loaded(code, tmp_path) & forbidden, why


def test_the_engine_loads_scipy_and_pandas_only_when_they_are_needed(tmp_path: Path) -> None:
    code = "import sys, tui_monitor.engine.engine\nassert 'scipy.stats' not in sys.modules and 'pandas' not in sys.modules"
    assert "tui_monitor" in _loaded(code, tmp_path)


def test_the_contracts_hold() -> None:
    lint = shutil.which("lint-imports", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if lint is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "0 broken" in done.stdout
