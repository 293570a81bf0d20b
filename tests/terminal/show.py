"""The screen on a scripted feed, as its own program: show.py WHAT MARK_FILE. Started by the tests of this folder."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tui_monitor.ui.prepaint import NoTerminal, prepaint

what, mark = sys.argv[1], Path(sys.argv[2])
if what == "broken-import":
    sys.modules["textual"] = None
try:
    painted = prepaint()
except NoTerminal as error:
    print(f"tui-monitor: {error}", file=sys.stderr)
    sys.exit(1)

from tui_monitor.engine.feed import FeedError, ScriptedFeed  # noqa: E402
from tui_monitor.model import Alert, EngineInfo, Frame, Target  # noqa: E402
from tui_monitor.ui.run import run_screen  # noqa: E402

AT = datetime(2025, 11, 21, 14, 22, 7, tzinfo=UTC)


def frame(n: int) -> Frame:
    target = Target(
        name="llama",
        kind="vllm",
        url="http://127.0.0.1:8000",
        state="STALLED",
        why=f"no token for {n} s",
        since=AT,
        age_s=1.0,
        metrics={"queue.length": n * 1.0},
    )
    alert = Alert(
        id="1", rule="stalled", severity="critical", state="firing", since=AT, fired_at=AT, value=0.0, target="llama", summary=f"count {n}"
    )
    noise = [
        Target(name=f"t{i}-{n * 7919 % 1000:03d}", kind="vllm", url="", state="OK", why=f"{n * (i + 3)}" * 9, since=AT, age_s=n % 10 * 1.0)
        for i in range(20)
    ]
    return Frame(
        seq=n, at=AT + timedelta(seconds=n), host="box", version="0", alerts=[alert], targets=[target, *(noise if what == "flood" else [])],
        engine=EngineInfo(pid=1, instance="default", started_at=AT, interval_s=1.0),
    )  # fmt: skip


class Moving(ScriptedFeed):
    """Goes on by itself, and misbehaves where asked."""

    def latest(self) -> Frame | None:
        return None if what == "slow-engine" else super().latest()

    async def start(self) -> None:
        if what == "no-engine":
            raise FeedError("no engine runs; start one")
        if what == "slow-engine":
            await asyncio.Event().wait()
        self._moving = asyncio.ensure_future(self._go())

    async def _go(self) -> None:
        while True:
            await asyncio.sleep(0.005 if what == "flood" else 0.2)
            self._index = (self._index + 1) % len(self._frames)
            self._callback()

    async def send(self, command: object) -> object:
        mark.with_suffix(".sent").write_text(type(command).__name__)
        if what == "wedged":
            time.sleep(60)  # noqa: ASYNC251  # what must never happen: the event loop is blocked
        if what == "crash":
            raise RuntimeError("a defect of ours")
        return await super().send(command)

    async def close(self, *, goodbye: bool) -> None:
        mark.write_text(f"goodbye={goodbye}")
        if what == "hanging-close":
            await asyncio.Event().wait()


code = run_screen(Moving([frame(n) for n in range(400)]), painted=painted, log=mark.with_suffix(".log"))
print(f"returned {code}", file=sys.stderr)
sys.exit(code)
