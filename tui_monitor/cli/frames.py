"""One frame for a verb: from the running engine of the instance, or from an engine in this process that leaves nothing behind."""

from __future__ import annotations

import asyncio

from tui_monitor.cli import places
from tui_monitor.config import Settings
from tui_monitor.engine.feed import ask
from tui_monitor.model import Frame, FrameMessage, GetFrame

ENDING_S = 3.0


async def settled(settings: Settings, instance: str, wait_s: float, config: str) -> Frame | None:
    """A frame after every source has answered twice, at the latest after `wait_s`; None when there is none by then.

    Raises:
        FeedError: an engine runs but refuses.
    """
    question = GetFrame(settled=True, wait_s=wait_s)
    answer = await ask(places.socket_of(instance, settings.engine.socket_group), question, wait_s=wait_s + 10.0)
    if answer is None:
        return await _own(settings, instance, question, config)
    return answer.frame if isinstance(answer, FrameMessage) else None


async def _own(settings: Settings, instance: str, question: GetFrame, config: str) -> Frame | None:
    """Watch for a moment in this process; nothing is kept."""
    from tui_monitor.engine.engine import Engine

    engine = Engine(settings, instance, None, config=config)
    running = asyncio.create_task(engine.run())
    asking = asyncio.create_task(engine.frame(question))
    await asyncio.wait({running, asking}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        asking.cancel()
        await running  # its error is ours
        return None
    frame = asking.result()
    engine.stop()
    await asyncio.wait({running}, timeout=ENDING_S)
    running.cancel()
    return frame


async def newest(instance: str, group: str) -> Frame | None:
    """The frame that the running engine shows now; None when no engine runs.

    Raises:
        FeedError: it runs but refuses or has nothing to show.
    """
    from tui_monitor.engine.feed import FeedError

    answer = await ask(places.socket_of(instance, group), GetFrame(), wait_s=10.0)
    if answer is None:
        return None
    if isinstance(answer, FrameMessage):
        return answer.frame
    raise FeedError("the engine has nothing to show yet; try again")


def is_blank(frame: Frame) -> bool:
    """Nothing at all could be read."""
    return not frame.targets and not frame.gpus and all(value is None for value in frame.system.metrics.values())
