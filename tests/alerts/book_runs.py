"""A book with two clocks and a store that keeps what a database would keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from tui_monitor.alerts.acts import Change, Proposal
from tui_monitor.alerts.lifecycle import AlertBook
from tui_monitor.alerts.rules import read_rule
from tui_monitor.config import RuleSettings
from tui_monitor.model import Acknowledge, Act, Alert, Episode, JournalEntry, Notice, Outcome, Silence, Subject

T0 = 1_760_000_000.0
SLOW = RuleSettings("slow", "latency.p95 > 1s", for_="30s", summary="{target} p95 is {value}")
NOW = RuleSettings("slow", "latency.p95 > 1s", summary="{target} p95 is {value}")
CRITICAL = RuleSettings("slow", "latency.p95 > 5s", severity="critical", summary="{target} p95 is {value}")
STEADY = RuleSettings("slow", "latency.p95 > 1s", clear="latency.p95 < 500ms")
STALLED = RuleSettings("stalled", "state == STALLED", severity="critical", summary="{target}: {why}")


def chat(p95_s: float | None = None, *, state: str = "OK", silent: str = "", name: str = "chat") -> Subject:
    return Subject(
        "target", name, {"latency.p95": p95_s}, state=state, silent=silent, why="because", labels={"kind": "vllm", "model": "llama"}
    )


class Run:
    """A book whose every change is collected, as the engine would commit it.

    `wall_s` is how far the wall clock is ahead of the monotonic one, which starts at 500 with each process.
    """

    def __init__(
        self,
        *rules: RuleSettings,
        episodes: Sequence[Episode] = (),
        silences: Sequence[Silence] = (),
        keep_s: float = 0.0,
        two_clocks: bool = False,
        **settings: Any,
    ) -> None:
        self.rules, self.settings, self.keep_s, self.two_clocks = rules, settings, keep_s, two_clocks
        read = [replace(read_rule(rule), keep_firing_for_s=keep_s) for rule in rules]
        self.book = AlertBook(read, episodes=episodes, silences=silences, **settings)
        self.changes: list[Change] = []
        self.lines: list[JournalEntry] = []
        self.silences: dict[str, Silence] = {silence.id: silence for silence in silences}
        self.kept: dict[str, Episode] = {episode.id: episode for episode in episodes}
        self.wall_s = 0.0

    def at(self, seconds: float, *subjects: Subject) -> Alert | None:
        """One look; returns the worst alert. `seconds` are monotonic."""
        mono_s = 500.0 + seconds if self.two_clocks else None
        changes = self.book.evaluate(subjects, T0 + seconds + self.wall_s, mono_s)
        self._keep(changes)
        return self.worst(seconds)

    def _keep(self, changes: Sequence[Change]) -> None:
        self.changes += changes
        for change in changes:
            self.lines += change.entries
            if change.episode.ended_s is not None and change.episode.fired_s is None:
                self.kept.pop(change.episode.id, None)
            else:
                self.kept[change.episode.id] = change.episode

    def worst(self, seconds: float) -> Alert | None:
        alerts = self.book.alerts(T0 + seconds + self.wall_s)
        return alerts[0] if alerts else None

    def carry_out(self, proposals: Sequence[Proposal]) -> list[Outcome]:
        """Make acts durable, and then let them be in force."""
        for proposal in proposals:
            if proposal.writes:
                self._keep([proposal.change] if proposal.change is not None else [])
                self.lines += proposal.entries
                if proposal.silence is not None:
                    self.silences[proposal.silence.id] = proposal.silence
                self.book.apply(proposal)
        return [proposal.outcome for proposal in proposals]

    def act(self, seconds: float, act: Act, by: str = "alice") -> str:
        """An act as it comes; returns what is answered."""
        return self.carry_out(self.book.propose(act, by, T0 + seconds + self.wall_s))[0].message

    def ack(self, seconds: float, by: str = "alice", *, for_s: float | None = None, take_over: bool = False) -> str:
        return self.act(seconds, Acknowledge(self.book.episodes()[-1].id, "looking", for_s, take_over), by)

    @property
    def journal(self) -> list[str]:
        return [entry.what for entry in self.lines]

    @property
    def notices(self) -> list[Notice]:
        return [notice for change in self.changes for notice in change.notices]

    @property
    def told(self) -> list[str]:
        """What went outside."""
        return [notice.what for notice in self.notices]

    def stored(self) -> list[Episode]:
        """What a database would have kept of the changes."""
        return list(self.kept.values())

    def restarted(self) -> Run:
        return Run(
            *self.rules,
            episodes=self.stored(),
            silences=list(self.silences.values()),
            keep_s=self.keep_s,
            two_clocks=self.two_clocks,
            **self.settings,
        )


def state_of(alert: Alert | None) -> str:
    return alert.state if alert else "inactive"
