"""Which rules concern which subject: asked anew only when the subject's names, labels or kinds of numbers change."""

from __future__ import annotations

from collections.abc import Mapping

from tui_monitor.alerts.rules import Rule
from tui_monitor.model import Subject

Concern = tuple[str, tuple[Rule, ...]]  # the name of an alert, and its levels that concern the subject, worst first


class Concerned:
    """The answers for the subjects of the look before, and of this one."""

    def __init__(self, rules: Mapping[str, tuple[Rule, ...]]) -> None:
        self._rules = rules
        self._known: dict[object, tuple[Concern, ...]] = {}
        self._asked: dict[object, tuple[Concern, ...]] = {}

    def of(self, subject: Subject) -> tuple[Concern, ...]:
        """The rules that apply to a subject, whatever its numbers are now."""
        signature = (subject.kind, subject.name, tuple(subject.labels.items()), tuple(subject.metrics))
        found = self._known.get(signature)
        if found is None:
            pairs = ((name, tuple(rule for rule in levels if rule.concerns(subject))) for name, levels in self._rules.items())
            found = tuple((name, levels) for name, levels in pairs if levels)
        self._asked[signature] = found
        return found

    def turn(self) -> None:
        """A look is over: forget what was not asked in it."""
        self._known, self._asked = self._asked, {}
