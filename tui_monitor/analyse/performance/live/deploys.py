"""Versions of a model in its log: when each was first seen, and how well each did over all of its labelled rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.book import DEPLOY
from tui_monitor.analyse.performance.numbers.intervals import mean, share
from tui_monitor.analyse.performance.numbers.pairs import versions
from tui_monitor.model import Estimate, Paired

MOST = 50


class Deploys:
    """The versions of one log.

    Args:
        names: of all versions, by their number; it grows while rows are read.
        key: the number that speaks for the log.
    """

    def __init__(self, names: list[str], key: str) -> None:
        self.seen: list[tuple[float, str]] = []  # oldest first
        self._names = names
        self._key = key
        self._sums = np.zeros((0, 3))  # of each version: labelled rows, their sum, sum of squares

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def version(self) -> str:
        """The newest one; nothing where rows name none."""
        return self.seen[-1][1] if self.seen else ""

    def look(self, at_s: NDArray[np.float64], version: NDArray[np.int16]) -> list[float]:
        """When versions that were not seen before began, among rows that came."""
        known = {name for _, name in self.seen}
        began: list[float] = []
        for code in np.unique(version[version >= 0]):
            name = self._names[code]
            first_s = float(at_s[version == code].min()) if name not in known else 0.0
            if name in known or (self.seen and first_s < self.seen[-1][0]):
                continue  # also an old row of an old version, read late
            self.seen.append((first_s, name))
            began.append(first_s)
        del self.seen[:-MOST]
        return began

    def add_labelled(self, version: NDArray[np.int16], x: NDArray[np.float64]) -> None:
        """Labelled rows: what the number that speaks for the log is a mean of."""
        known = version >= 0
        if not known.any():
            return
        self._fit()
        for column, values in enumerate((np.ones(len(x)), x, x * x)):
            self._sums[:, column] += np.bincount(version[known], values[known], len(self._sums))

    def paired(self) -> list[Paired]:
        """The newest version beside the one before it, where there is one."""
        if len(self.seen) < 2:
            return []
        before, now = self.seen[-2][1], self.seen[-1][1]
        return [versions(self._of(now), self._of(before), self._key, f"version {before}", DEPLOY)]

    def _of(self, version: str) -> Estimate:
        self._fit()
        n, total, squares = (float(x) for x in self._sums[self._names.index(version)])
        return mean(total, squares, int(n), floor=0.0) if self._key == "mae" else share(total, n)

    def _fit(self) -> None:
        missing = len(self._names) - len(self._sums)
        if missing > 0:
            self._sums = np.concatenate([self._sums, np.zeros((missing, 3))])

    def plain(self) -> list[Any]:
        """As values that can be written."""
        return [self._names, self.seen, self._sums.tolist()]

    def restore(self, plain: Sequence[Any]) -> None:
        """Go on with what `plain` gave.

        Raises:
            ValueError: it is damaged.
        """
        names, seen, sums = plain
        found = np.array(sums, np.float64).reshape(-1, 3)
        deploys = [(float(at_s), str(name)) for at_s, name in seen]
        if len(found) > len(names) or {name for _, name in deploys} - set(names):
            raise ValueError("its versions are damaged")
        self._names[:] = [str(name) for name in names]
        self.seen, self._sums = deploys, found
