"""Labels that people gave to drawn rows, by the hash of the row's id: the first of each row counts, a second one tells how far people agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from tui_monitor.analyse.performance.unlabelled.sampled import kappa
from tui_monitor.model import Estimate, SampledLabel, clean

MOST_ROWS = 20_000
MOST_PEOPLE = 3  # of one row


class Drawn:
    """What people said, and what waits for its prediction to be read."""

    def __init__(self) -> None:
        self._said: dict[int, dict[str, str | float]] = {}
        self._agreement: Estimate | None = None
        self.waiting: dict[int, tuple[str | float, float]] = {}  # hash of an id -> label, weight

    def add(self, labels: Iterable[tuple[int, SampledLabel]]) -> int:
        """Labels with the hashes of their ids; those of rows that nobody labelled before wait to be counted. Returns how many had no place."""
        lost = 0
        self._agreement = None
        for identity, one in labels:
            said = self._said.get(identity)
            if said is None:
                if len(self._said) >= MOST_ROWS:
                    lost += 1
                    continue
                said = self._said[identity] = {}
                self.waiting[identity] = one.label, one.weight
            if len(said) < MOST_PEOPLE:
                said.setdefault(clean(one.annotator, 80), one.label)
        return lost

    @property
    def agreement(self) -> Estimate | None:
        """Cohen's kappa over the rows that two people labelled; None where there are none."""
        if self._agreement is not None:
            return self._agreement
        pairs = []
        for said in self._said.values():
            if len(said) > 1:
                first, second = sorted(said)[:2]
                pairs.append((said[first], said[second]))
        self._agreement = kappa(pairs) if pairs else None
        return self._agreement

    def plain(self) -> list[Any]:
        """As values that can be written."""
        said = [[identity, list(one.items())] for identity, one in self._said.items()]
        return [said, [[identity, *one] for identity, one in self.waiting.items()]]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Self:
        """What `plain` gave.

        Raises:
            ValueError: it is damaged.
        """
        drawn = cls()
        try:
            drawn._said = {int(identity): {str(name): label for name, label in said} for identity, said in plain[0]}
            drawn.waiting = {int(identity): (label, float(weight)) for identity, label, weight in plain[1]}
        except (TypeError, IndexError) as error:
            raise ValueError(f"labels of a drawn sample are damaged ({error})") from None
        return drawn
