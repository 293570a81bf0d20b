"""kill -9 at random moments in a storm of acts: every act that was confirmed must be there afterwards, and none twice.

    python bench/kill.py --kills 100                 the engine, with four clients on its socket; started again after each kill
    python bench/kill.py --kills 100 --writer        a process that writes the database itself, as verbs without an engine do

Prints one line a kill and the sum; exit 1 when an act is lost, twice, or when an alert is not what its journal ends with.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tui_monitor.engine.feed import FeedError, ask  # noqa: E402 - the path comes first
from tui_monitor.model import Acknowledge, Episode, FrameMessage, GetFrame, Outcome, Unacknowledge  # noqa: E402
from tui_monitor.store.database import Database  # noqa: E402

INSTANCE, ALERTS, CLIENTS = "kill", 20, 4
ACKS = ("acked", "taken-over")


def config() -> str:
    rules = "".join(f'[[rules]]\nname = "always-{n}"\nwhen = "memory.used.ratio > 0%"\nseverity = "warning"\n' for n in range(ALERTS))
    return f"[discovery]\nenabled = false\n[recording]\nenabled = false\n{rules}"


async def alerts(socket: Path, log: Path, within_s: float = 30.0) -> list[str]:
    """Ids of all alerts, as soon as they fire."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            answer = await ask(socket, GetFrame())
            if isinstance(answer, FrameMessage):
                ids = [alert.id for alert in answer.frame.alerts if alert.state == "firing" and alert.rule.startswith("always")]
                if len(ids) == ALERTS:
                    return ids
        except (FeedError, OSError, TimeoutError):
            pass
        await asyncio.sleep(0.05)
    raise SystemExit(f"the engine does not show its alerts; its log ends with {log.read_text()[-500:]!r}")  # noqa: ASYNC240 - the end


async def storm(socket: Path, ids: list[str], name: str, confirmed: list[str]) -> None:
    """Take and give back until the engine is gone; remember what it confirmed."""
    number = 0
    while True:
        identity, text = ids[number % len(ids)], f"{name}-{number}"
        try:
            outcome = await ask(socket, Acknowledge(identity, text, take_over=True) if number % 4 else Unacknowledge(identity))
        except (FeedError, OSError, TimeoutError):
            return
        if outcome is None:
            return
        if number % 4 and isinstance(outcome, Outcome) and outcome.ok:
            confirmed.append(text)
        number += 1


async def one_engine(folder: Path, number: int, chance: random.Random, confirmed: list[str]) -> int:
    """Start the engine, let people act, kill it; returns how many acts were confirmed."""
    socket, before = folder / f"tui-monitor/{INSTANCE}.sock", len(confirmed)
    with (folder / "log").open("ab") as log:
        watched = subprocess.Popen(  # noqa: ASYNC220 - started before anything else runs
            [sys.executable, "-m", "tui_monitor", "engine", "--instance", INSTANCE, "--config", str(folder / "config.toml")],
            stdout=log,
            stderr=log,
        )
    try:
        ids = await alerts(socket, folder / "log")
        clients = [asyncio.create_task(storm(socket, ids, f"k{number}c{client}", confirmed)) for client in range(CLIENTS)]
        await asyncio.sleep(chance.uniform(0.05, 1.0))
    finally:
        os.kill(watched.pid, signal.SIGKILL)
        watched.wait()
    await asyncio.gather(*clients)
    return len(confirmed) - before


def one_writer(path: Path, number: int, chance: random.Random, confirmed: list[str]) -> int:
    """The same for a process that writes the database itself."""
    script = ROOT / "tests/store/storm.py"
    with subprocess.Popen([sys.executable, str(script), "storm", str(path), f"p{number}"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline()]
        time.sleep(chance.uniform(0.0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        told += process.stdout.readlines()
    found = [line.strip().removeprefix("ack:") for line in told if line.startswith("ack:") and line.endswith("\n")]
    confirmed += found
    return len(found)


def judge(path: Path, confirmed: list[str]) -> int:
    """What is on disk against what was confirmed."""
    with closing(Database(path)) as database:
        lines, episodes = database.journal(limit=200_000), database.episodes(0.0)
    there = Counter(line.text.split(": ")[-1] for line in lines if line.what in ACKS)
    lost = sorted(set(confirmed) - set(there))
    twice = sorted(text for text, times in there.items() if times > 1)
    last = {line.episode: line for line in lines if line.what in (*ACKS, "unacked", "ack-expired", "ack-dropped")}
    wrong: list[str] = []
    for one in episodes:
        line = last.get(one.id)
        if (one.ack.comment if one.ack else None) != (line.text.split(": ")[-1] if line is not None and line.what in ACKS else None):
            wrong.append(one.id)
    fired = Counter(line.episode for line in lines if line.what == "firing")
    again = sum(times - 1 for times in fired.values())
    print(
        f"confirmed {len(confirmed)}, on disk {len(there)}: lost {len(lost)} {lost[:3]}, twice {len(twice)} {twice[:3]}, "
        f"alerts not as their journal ends {len(wrong)}, told again as firing {again}"
    )
    return 1 if lost or twice or wrong or again else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--writer", action="store_true")
    options = parser.parse_args()
    chance, confirmed = random.Random(options.seed), list[str]()
    with tempfile.TemporaryDirectory(prefix="tm-kill-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ.update(XDG_RUNTIME_DIR=name, XDG_STATE_HOME=name, XDG_CONFIG_HOME=name, PYTHONPATH=str(ROOT))
        (folder / "config.toml").write_text(config())
        path = folder / ("episodes.sqlite" if options.writer else f"tui-monitor/{INSTANCE}/episodes.sqlite")
        if options.writer:
            now_s = time.time()
            every = [
                Episode(id=f"{n:08x}", rule="always", kind="target", target=f"t{n}", severity="warning", state="firing", since_s=now_s, for_s=0.0,
                        last_true_s=now_s, fired_s=now_s)
                for n in range(ALERTS)
            ]  # fmt: skip
            with closing(Database(path)) as database:
                database.commit([(one, ()) for one in every]).result(10)
        for number in range(options.kills):
            if options.writer:
                count = one_writer(path, number, chance, confirmed)
            else:
                count = asyncio.run(one_engine(folder, number, chance, confirmed))
            print(f"kill {number + 1}: {count} acts confirmed before it", flush=True)
        return judge(path, confirmed)


if __name__ == "__main__":
    raise SystemExit(main())
