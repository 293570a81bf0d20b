"""A reference that waits for its signal."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

import msgspec

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.first_weeks import FirstWeeks
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.saved import Intake, Limits, Role
from tui_monitor.analyse.drift.signal import Signal


class Offer(NamedTuple):
    """A reference with its bins, how its rows come, whether their order in time was known, and whether it was learned in less than a day."""

    bins: Bins
    reference: Reference
    intake: Intake
    timed: bool
    brief: bool = False

    @property
    def key(self) -> str:
        """Which reference it is: two of the same file are one."""
        return f"{self.reference.origin} {crc32(msgspec.msgpack.encode((self.bins, self.reference.counts))):08x}"

    def signal(self, key: tuple[str, str], role: Role, limits: Limits) -> Signal:
        """The signal that is judged against it; without times it learns first how its rows cluster."""
        if self.timed:
            made = Signal(*key, role, limits, self.intake, bins=self.bins, reference=self.reference)
            made.offered = self.key
            if self.brief:  # as any other that was learned: what moves slowly may be the hour of the day
                made.given, made.first_weeks = False, FirstWeeks(self.bins, given=True, brief=True)
            return made
        made = Signal(*key, role, limits, self.intake)
        made.offered = self.key
        made.untimed = (self.bins, self.reference)
        made.why_anew = f"{self.reference.origin} has no times: how rows cluster is learned first"
        return made
