"""The book against a plain reference: whatever happens in whatever order, both show the same and have told the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from book_runs import T0, Run, chat
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tui_monitor.config import RuleSettings
from tui_monitor.model import Acknowledge, AddSilence, Alert, ExpireSilence, Shelve, Unacknowledge

FOR_S, FLAP_S, HOLD_S, GAP_S, QUIET_S = 20.0, 300.0, 300.0, 60.0, 600.0
WARNING = RuleSettings("slow", "latency.p95 > 1s", for_="20s", summary="{target} is slow")
CRITICAL = RuleSettings("slow", "latency.p95 > 5s", for_="20s", severity="critical", summary="{target} is slow")
WORST_FIRST = ("critical", "warning")
PEOPLE = st.sampled_from(("alice", "bob"))
LOOKS = st.sampled_from(("fine", "warning", "critical", "unknown", "silent"))
SUBJECTS = {
    "fine": chat(0.1),
    "warning": chat(2.0),
    "critical": chat(6.0),
    "unknown": chat(None),
    "silent": chat(None, silent="timeout"),
}


def worse(one: str, other: str) -> bool:
    return WORST_FIRST.index(one) < WORST_FIRST.index(other)


@dataclass
class Plain:
    """One alert, told in the words of the table."""

    state: str = "inactive"
    severity: str = "warning"
    since: float = 0.0
    ended: float = 0.0
    ack: tuple[str, float] | None = None  # who, until
    shelf: float | None = None  # until
    silenced_until: float | None = None
    silenced_severity: str | None = None
    hold: float | None = None
    flaps: int = 0
    flapping: bool = False
    moves: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    told_severity: str | None = None  # as firing, not yet as over
    told_flapping: bool = False
    owed: list[str] = field(default_factory=list)
    true_since: dict[str, float] = field(default_factory=dict)
    ripe: set[str] = field(default_factory=set)
    restarted: float | None = None  # and not judged since
    written: float = 0.0  # when it was last true, as the store knows it
    heartbeat: float | None = None
    before: Plain | None = None  # what a pending one follows

    # -- a look ---------------------------------------------------------------------------------------------------------------------

    def look(self, seen: str, now: float) -> None:
        if self.state in ("resolved", "lost") and now - self.ended > QUIET_S:
            self.settle(now)  # what flapped is told to be over before anything else begins
        if self.restarted is not None and self.state == "pending" and now - self.written > GAP_S:
            self.leave_no_trace()
            self.true_since, self.ripe = {}, set()
        true = {"warning": ("warning",), "critical": ("critical", "warning")}.get(seen, ())
        for severity in WORST_FIRST:
            if severity in true:
                self.true_since.setdefault(severity, now)
                if now - self.true_since[severity] >= FOR_S:
                    self.ripe.add(severity)
            else:
                waits = self.restarted is not None and seen in ("silent", "unknown") and now - self.restarted < GAP_S
                if not waits:
                    self.true_since.pop(severity, None)
                    if seen != "silent":
                        self.ripe.discard(severity)
        if self.restarted is not None and self.state in ("pending", "firing"):
            if seen in ("silent", "unknown") and now - self.restarted < GAP_S:
                if self.state == "firing":
                    self.silent(now)
                self.settle(now)
                return
            self.restarted = None
        if true:
            ripe = [severity for severity in true if severity in self.ripe]
            self.is_true(ripe[0] if ripe else true[0], now, ripe=bool(ripe))
        elif self.state == "pending":
            self.leave_no_trace()
        elif self.state == "firing":
            self.silent(now) if seen == "silent" else self.over("resolved", now)
        self.settle(now)

    def is_true(self, severity: str, now: float, *, ripe: bool) -> None:
        self.hold = None
        if self.state == "firing":
            if ripe and severity != self.severity:
                if worse(severity, self.severity):
                    self.ack = self.shelf = None
                self.severity = severity
            return
        again_s = QUIET_S if self.flapping else FLAP_S
        if self.state in ("resolved", "lost") and now - self.ended <= again_s:
            self.ripe |= set(self.true_since)
            self.state, self.flaps = "firing", self.flaps + 1
            worst = next(one for one in WORST_FIRST if one in self.true_since)
            if worst != self.severity:
                if worse(worst, self.severity):
                    self.ack = self.shelf = None
                self.severity = worst
            self.move(now)
            return
        if self.state not in ("pending", "firing"):
            self.before = replace(self)
            self.state, self.since, self.flaps = "pending", now, 0
            self.ack = self.shelf = self.told_severity = None
            self.told_flapping, self.owed = False, []
            self.heartbeat = None
        changed, self.severity = severity != self.severity, severity
        if changed or self.heartbeat is None or now - self.heartbeat >= 15.0:
            self.heartbeat = self.written = now
        if ripe:
            self.state = "firing"
            self.move(now)

    def leave_no_trace(self) -> None:
        """As if it had never been pending."""
        before = self.before or Plain()
        for name in ("state", "severity", "since", "ended", "ack", "shelf", "flaps", "told_severity", "told_flapping", "owed"):
            setattr(self, name, getattr(before, name))
        self.restarted = None

    def silent(self, now: float) -> None:
        if self.hold is None:
            self.hold = now
        elif now - self.hold >= HOLD_S:
            self.over("lost", now)

    def over(self, state: str, now: float) -> None:
        self.state, self.ended, self.hold, self.owed = state, now, None, []
        self.true_since, self.ripe = {}, set()
        self.move(now)

    def move(self, now: float) -> None:
        self.moves = [move for move in self.moves if now - move < QUIET_S] + [now]
        self.flapping = self.flapping or len(self.moves) >= 4

    def settle(self, now: float) -> None:
        if self.state not in ("firing", "resolved", "lost"):
            return
        fires = self.state == "firing"
        if fires and self.ack is not None and now >= self.ack[1]:
            self.ack, self.owed = None, ["ack-expired"]
        if fires and self.shelf is not None and now >= self.shelf:
            self.shelf, self.owed = None, ["reminder"]
        if self.flapping and now - self.moves[-1] >= QUIET_S:
            self.flapping = self.told_flapping = False
        if not fires:
            self.owed = []
        what = self.due(now, fires=fires)
        if what is not None:
            self.told.append(what)
            self.owed = []
            self.told_severity = None if what in ("resolved", "lost") else self.severity
            self.told_flapping = self.flapping
        elif fires and self.told_severity is not None and worse(self.told_severity, self.severity) and not self.flapping:
            self.told_severity = self.severity

    def due(self, now: float, *, fires: bool) -> str | None:
        hidden = self.silenced(now) or (self.shelf is not None and now < self.shelf)
        if fires:
            if hidden or self.held(now) is not None:
                return None
            if self.told_severity is not None and worse(self.severity, self.told_severity):
                return "severity"
            if self.flapping and not self.told_flapping:
                return "flapping"
            if self.owed and self.told_severity is not None:
                return self.owed[0]
            return "fired" if self.told_severity is None and not self.flapping else None
        if self.told_severity is None:
            return None
        if self.flapping:
            return None if hidden or self.told_flapping else "flapping"
        return self.state

    # -- what is shown, and acts ----------------------------------------------------------------------------------------------------

    def silenced(self, now: float) -> bool:
        if self.silenced_until is None or now >= self.silenced_until:
            return False
        return self.silenced_severity is None or self.silenced_severity == self.severity

    def held(self, now: float) -> str | None:
        return self.ack[0] if self.ack is not None and (self.state != "firing" or now < self.ack[1]) else None

    def shown(self, now: float) -> object:
        if self.state == "inactive":
            return None
        fires = self.state == "firing"
        shelved = fires and self.shelf is not None and now < self.shelf
        silenced = self.state in ("pending", "firing") and self.silenced(now)
        return (self.state, self.severity, self.held(now), silenced, shelved, self.flapping, self.flaps, self.hold is not None)


def shown(alert: Alert | None) -> object:
    if alert is None:
        return None
    ack = alert.acknowledged.by if alert.acknowledged else None
    silenced, shelved = alert.silenced is not None, alert.shelved is not None
    return (alert.state, alert.severity, ack, silenced, shelved, alert.flapping, alert.flaps, bool(alert.holding))


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.run = Run(WARNING, CRITICAL)
        self.plain = Plain()
        self.now = 0.0
        self.told: list[str] = []
        self.ids: list[str] = []
        self.acked: list[tuple[str, str]] = []
        self.lines: list[tuple[str, str]] = []

    def newest(self) -> Alert | None:
        alerts = self.run.book.alerts(T0 + self.now)
        return max(alerts, key=lambda alert: alert.since, default=None)

    @rule(seen=LOOKS, after=st.sampled_from((1.0, 5.0, 20.0, 31.0)), times=st.integers(1, 4))
    def look(self, seen: str, after: float, times: int) -> None:
        for _ in range(times):
            self.now += after
            self.run.at(self.now, SUBJECTS[seen])
            self.plain.look(seen, self.now)

    @rule(seen=LOOKS, after=st.sampled_from((250.0, 290.0, 310.0, 620.0)))
    def look_late(self, seen: str, after: float) -> None:
        self.look(seen, after, 1)

    @rule(order=st.lists(LOOKS, min_size=2, max_size=8))
    def look_often(self, order: list[str]) -> None:
        for seen in order:
            self.look(seen, 21.0, 1)

    @precondition(lambda self: self.newest() is not None)
    @rule(who=PEOPLE, for_s=st.sampled_from((30.0, 100.0, 3600.0)), take_over=st.booleans())
    def acknowledge(self, who: str, for_s: float, take_over: bool) -> None:
        alert = self.newest()
        assert alert is not None
        plain = self.plain
        (outcome,) = self.run.carry_out(self.run.book.propose(Acknowledge(alert.id, "", for_s, take_over), who, T0 + self.now))
        held = plain.held(self.now)
        assert outcome.ok == (plain.state == "firing" and (held in (None, who) or take_over)), outcome.message
        if outcome.ok:
            plain.ack = (who, self.now + for_s)
            self.acked.append(("taken-over" if held not in (None, who) else "acked", who))

    @precondition(lambda self: self.newest() is not None)
    @rule(who=PEOPLE)
    def give_back(self, who: str) -> None:
        alert = self.newest()
        assert alert is not None
        (outcome,) = self.run.carry_out(self.run.book.propose(Unacknowledge(alert.id), who, T0 + self.now))
        assert outcome.ok == (self.plain.state == "firing" and self.plain.held(self.now) is not None), outcome.message
        if outcome.ok:
            self.plain.ack = None

    @precondition(lambda self: self.newest() is not None)
    @rule(for_s=st.sampled_from((40.0, 700.0)))
    def shelve(self, for_s: float) -> None:
        alert = self.newest()
        assert alert is not None
        (outcome,) = self.run.carry_out(self.run.book.propose(Shelve(alert.id, for_s), "alice", T0 + self.now))
        assert outcome.ok == (self.plain.state == "firing")
        if outcome.ok:
            self.plain.shelf = self.now + for_s

    @precondition(lambda self: self.plain.silenced_until is None or self.now >= self.plain.silenced_until)
    @rule(severity=st.sampled_from((None, "warning")), for_s=st.sampled_from((30.0, 400.0)))
    def silence(self, severity: str | None, for_s: float) -> None:
        match = "target=chat" + (f" severity={severity}" if severity else "")
        self.run.act(self.now, AddSilence(match, "why", for_s=for_s))
        self.plain.silenced_until, self.plain.silenced_severity = self.now + for_s, severity

    @precondition(lambda self: self.plain.silenced_until is not None and self.now < self.plain.silenced_until)
    @rule()
    def expire(self) -> None:
        in_force = self.run.book.silences.listed(T0 + self.now)[0]
        assert self.run.act(self.now, ExpireSilence(in_force.id)).startswith(f"silence {in_force.id} ended")
        self.plain.silenced_until = None

    @rule(after=st.sampled_from((1.0, 30.0, 100.0, 4000.0)), seen=LOOKS)
    def restart(self, after: float, seen: str) -> None:
        """Everything that was not written down is forgotten."""
        self.told += self.run.told
        self.ids += [notice.id for notice in self.run.notices]
        self.lines += [(line.what, line.who) for line in self.run.lines]
        self.run = self.run.restarted()
        plain = self.plain
        self.now += after
        plain.hold = None
        if plain.state in ("pending", "firing"):
            plain.restarted = self.now
            at_most = [severity for severity in WORST_FIRST if not worse(severity, plain.severity)]
            plain.true_since = dict.fromkeys(at_most, plain.since)
            plain.ripe = set(at_most) if plain.state == "firing" else set()
        plain.heartbeat = None
        self.run.at(self.now, SUBJECTS[seen])
        plain.look(seen, self.now)

    @invariant()
    def both_show_the_same(self) -> None:
        assert shown(self.newest()) == self.plain.shown(self.now)

    @invariant()
    def both_have_told_the_same(self) -> None:
        assert self.told + self.run.told == self.plain.told

    @invariant()
    def nothing_is_told_twice(self) -> None:
        ids = self.ids + [notice.id for notice in self.run.notices]
        assert len(set(ids)) == len(ids)

    @invariant()
    def every_act_is_one_line(self) -> None:
        lines = self.lines + [(line.what, line.who) for line in self.run.lines]
        assert [line for line in lines if line[0] in ("acked", "taken-over")] == self.acked

    @invariant()
    def what_is_kept_is_what_is_shown(self) -> None:
        """Nothing but numbers may differ between the book and the store."""
        kept = {episode.id: (episode.state, episode.severity, episode.ack, episode.shelf, episode.told) for episode in self.run.stored()}
        for one in self.run.book.episodes():
            if one.state != "pending":
                assert kept[one.id] == (one.state, one.severity, one.ack, one.shelf, one.told)


def test_any_order_of_events_against_the_reference() -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=120, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
        ),
    )
