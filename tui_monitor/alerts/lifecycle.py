"""The life of an alert: pending, firing, resolved or lost; holding while its source is silent; who has it.

An *episode* is one firing of one rule (all its levels) on one subject. Condition and acknowledgement are two columns: an alert may
resolve while it is acknowledged. A silent source is never taken for a healthy one: its alerts hold, then end as lost. Pure: the time is an
argument, and nothing is written here; every change is handed out to be made durable.

Durations are measured by the monotonic clock, records carry the wall's. Acknowledgements, shelves and silences end at the wall time that
people were shown: a clock set ahead ends them sooner, and the journal says so; one set back makes no acknowledgement longer than promised.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal

from msgspec.structs import replace

from tui_monitor.alerts.acts import Change, Proposal, ago, dropped, held_ack, held_shelf
from tui_monitor.alerts.clock import said_step
from tui_monitor.alerts.concerned import Concerned
from tui_monitor.alerts.desk import Desk
from tui_monitor.alerts.episodes import Key, episode_id, key_of
from tui_monitor.alerts.flapping import WINDOW_S, flaps, moved, quiet
from tui_monitor.alerts.judging import RANK, Level, Pair, Verdict, judge
from tui_monitor.alerts.listing import alert_list
from tui_monitor.alerts.notices import owe, tell
from tui_monitor.alerts.rules import SEVERITIES, Rule, lookup
from tui_monitor.model import Episode, JournalEntry, Notice, Severity, Silence, Subject

__all__ = ["AlertBook", "Change", "Proposal", "alert_list", "episode_id"]

GAP_S = 60.0  # a pending episode survives a time without watching that took no longer than this, or than two intervals


class AlertBook(Desk):
    """All episodes that are open or ended lately, and the silences over them."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        flap_window_s: float = 300.0,
        no_data_hold_s: float = 300.0,
        ack_for_s: float = 3600.0,
        interval_s: float = 0.0,
        remind_every_s: float = 0.0,
        episodes: Iterable[Episode] = (),
        silences: Iterable[Silence] = (),
    ) -> None:
        """`episodes` and `silences` are those that the store kept: what was open goes on as if nobody had left.

        Args:
            rules: to begin with.
            flap_window_s: what is true again so soon is the same episode.
            no_data_hold_s: how long a silent source may hold its alerts.
            ack_for_s: the length of an acknowledgement that names none.
            interval_s: between two looks.
            remind_every_s: how often to tell again that something fires; 0: never.
            episodes: as the store kept them.
            silences: as the store kept them.
        """
        kept = list(episodes)
        # A hold counts anew: the time in which nobody watched says nothing about the source.
        super().__init__((replace(one, holding="", holding_since_s=None) for one in kept), silences, ack_for_s)
        self._flap_window_s, self._no_data_hold_s = flap_window_s, no_data_hold_s
        self._gap_s, self._remind_every_s = max(GAP_S, 2 * interval_s), remind_every_s
        self._levels: dict[Key, dict[Severity, Level]] = {}
        self._restored = {episode.id for episode in kept if episode.state in ("pending", "firing")}  # not judged since then
        self._gaps: dict[Key, str] = {}  # why the `for` of a pending one began again
        self._started_s: float | None = None  # steady; when watching began (again)
        self.dropped = 0  # pending ones that never fired: they leave no other trace
        self.clock_step = ""  # at the newest look: "the clock was set 60 min ahead"
        self.set_rules(rules)

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Use other rules from now on; episodes of rules that are gone end as lost at the next look."""
        ordered = sorted(rules, key=lambda rule: (rule.name, RANK[rule.severity]))
        self._rules = {name: tuple(levels) for name, levels in groupby(ordered, key=lambda rule: rule.name)}
        self._concerned = Concerned(self._rules)

    # -- one look -------------------------------------------------------------------------------------------------------------------

    def evaluate(self, subjects: Sequence[Subject], now_s: float, mono_s: float | None = None) -> list[Change]:
        """Hold all rules against all subjects; return what changed: what ended, then the worst first. It is in force already; the caller makes it durable.

        Subjects of one kind and name count as one: the worst of them decides.

        Args:
            subjects: what rules can be true of.
            now_s: wall time.
            mono_s: monotonic time, best CLOCK_BOOTTIME. Without it the wall's is trusted, and nobody can tell that nobody watched.
        """
        look = self._clock.look(now_s, now_s if mono_s is None else mono_s)
        self.clock_step = said_step(look.step_s)
        if self._started_s is None:
            self._started_s = self._steady_s
        elif mono_s is not None and look.passed_s > self._gap_s:
            self._nobody_watched()
        seen: set[Key] = set()
        for (kind, target), group in _grouped(subjects).items():
            for name, pairs in self._pairs(kind, target, group):
                key = (name, kind, target)
                seen.add(key)
                self._step(key, self._judge(key, pairs), now_s)
        self._concerned.turn()
        for key in self._episodes.keys_of_open():
            if key not in seen:
                self._step(key, Verdict("silent", why="not seen any more"), now_s)
        self._settle(now_s)
        self._episodes.forget(self._steady_s)
        self.silences.forget(now_s)
        return sorted(
            self._episodes.handed_out(),
            key=lambda change: (change.episode.ended_s is None, RANK[change.episode.severity], change.episode.id),
        )

    def _times_shift_s(self) -> float:
        """From the wall's time to steady time."""
        return self._clock.steady(0.0)

    def _pairs(self, kind: str, target: str, group: Sequence[Subject]) -> Iterator[tuple[str, list[Pair]]]:
        """The alerts that a look can change: where nothing is true and nothing was, nothing has to be remembered."""
        if len(group) > 1:
            found: dict[str, list[Pair]] = {}
            for subject in group:
                for name, levels in self._concerned.of(subject):
                    found.setdefault(name, []).extend((rule, subject) for rule in levels)
            for name, pairs in found.items():
                yield name, sorted(pairs, key=lambda pair: RANK[pair[0].severity])
            return
        (subject,) = group
        values = lookup(subject).get
        for name, levels in self._concerned.of(subject):
            key = (name, kind, target)
            if key in self._levels or self._episodes.open(key) is not None or any(rule.when.truth(values) for rule in levels):
                yield name, [(rule, subject) for rule in levels]

    def _nobody_watched(self) -> None:
        """The machine slept, or this process did: as after a restart."""
        self._restored = {one.id for one in self._episodes.all() if one.state in ("pending", "firing")}
        self._started_s = self._steady_s
        self._levels.clear()
        for episode in self._episodes.all():
            if episode.id in self._restored and episode.holding:
                self._episodes.replace(replace(episode, holding="", holding_since_s=None))
                self._episodes.times(episode).silent_s = None

    def _judge(self, key: Key, pairs: Sequence[Pair]) -> Verdict:
        memory = self._levels.get(key)
        if memory is None:
            memory = self._levels[key] = self._remembered(key)
        return judge(memory, pairs, self._steady_s)

    def _remembered(self, key: Key) -> dict[Severity, Level]:
        """The levels of an episode that the store kept: those up to its severity go on, unless nobody watched for too long."""
        episode = self._episodes.open(key)
        if episode is None or episode.id not in self._restored or self._begins_again(episode):
            return {}
        ripe = episode.state == "firing"
        shift_s = self._times_shift_s()
        false_s = None if episode.false_since_s is None else episode.false_since_s + shift_s
        since_s = episode.since_s + shift_s
        return {severity: Level(since_s, ripe, false_s) for severity in SEVERITIES if RANK[severity] >= RANK[episode.severity]}

    def _begins_again(self, episode: Episode) -> bool:
        """Whether nobody watched a pending one for so long that its `for` must begin again."""
        return episode.state == "pending" and self._steady_s - self._episodes.times(episode, self._times_shift_s()).true_s > self._gap_s

    # -- transitions ----------------------------------------------------------------------------------------------------------------

    def _step(self, key: Key, verdict: Verdict, now_s: float) -> None:
        """The table of transitions, one row a branch."""
        episode = self._episodes.open(key)
        if episode is not None and episode.id in self._restored:
            if self._begins_again(episode):
                gap_s = self._steady_s - self._episodes.times(episode).true_s
                self._end_pending(episode, now_s)
                if verdict.condition == "true":
                    self._gaps[key] = f"counted anew, nobody watched for {ago(gap_s)}"
                episode = None
            elif verdict.condition in ("silent", "unknown") and self._just_started() and key[0] in self._rules:
                self._levels.pop(key, None)
                if episode.state == "firing":
                    self._hold(episode, verdict.why, now_s)
                return
            else:
                self._restored.discard(episode.id)
        if verdict.condition == "true":
            if episode is None:
                self._begin(key, verdict, now_s)
            elif episode.state == "pending":
                self._ripen(episode, verdict, now_s)
            else:
                self._go_on(episode, verdict, now_s)
        elif episode is None:
            self._levels.pop(key, None)
        elif episode.state == "pending":
            self._end_pending(episode, now_s)
        elif verdict.condition == "kept":
            self._keep_firing(episode, verdict, now_s)
        elif verdict.condition in ("false", "unknown"):
            self._end(episode, "resolved", f"after {ago(now_s - (episode.fired_s or episode.since_s))}", now_s)
        elif key[0] not in self._rules:
            self._end(episode, "lost", "its rule is gone", now_s)
        else:
            self._hold(episode, verdict.why, now_s)

    def _begin(self, key: Key, verdict: Verdict, now_s: float) -> None:
        """Nothing was open: go on with the episode that ended just now, or begin a new one, which is never born acknowledged."""
        last = self._episodes.newest(key)
        moves_s: tuple[float, ...] = ()
        if last is not None and last.fired_s is not None and last.ended_s is not None:
            times = self._episodes.times(last, self._times_shift_s())
            window_s = self._flap_window_s if last.flapping_since_s is None else max(self._flap_window_s, WINDOW_S)
            if self._steady_s - (times.ended_s or 0.0) <= window_s:
                for level in self._levels.get(key, {}).values():
                    level.ripe = level.since_s is not None
                again = replace(last, state="firing", ended_s=None, flaps=last.flaps + 1)
                entry = JournalEntry(now_s, last.id, "firing", "", f"again: {verdict.summary}")
                again, entries = self._moved(again, now_s)
                self._go_on(again, replace(verdict, ripe=True), now_s, (entry, *entries))
                return
            moves_s = times.moves_s  # changes count for the alert, whatever episode they were of
        since_s = now_s - (self._steady_s - verdict.since_s)
        episode = Episode(
            id=episode_id(*key, since_s),
            rule=key[0],
            kind=key[1],
            target=key[2],
            severity=verdict.severity,
            state="pending",
            since_s=since_s,
            for_s=verdict.for_s,
            last_true_s=now_s,
            moves_s=last.moves_s if last is not None and moves_s else (),
        )
        self._episodes.keep(episode)
        self._episodes.times(episode).moves_s = moves_s
        self._ripen(episode, verdict, now_s)

    def _ripen(self, episode: Episode, verdict: Verdict, now_s: float) -> None:
        """Pending goes on, or fires when it was true for long enough."""
        moved_on = episode.severity != verdict.severity
        episode = replace(self._with_numbers(episode, verdict, now_s), severity=verdict.severity, for_s=verdict.for_s)
        if not verdict.ripe:
            self._put(episode, () if moved_on else None)
            return
        gap = self._gaps.pop(key_of(episode), "")
        entries = [JournalEntry(now_s, episode.id, "firing", "", verdict.summary)]
        if episode.since_s < now_s or gap:
            entries.insert(0, JournalEntry(episode.since_s, episode.id, "pending", "", gap))
        episode, more = self._moved(replace(episode, state="firing", fired_s=now_s), now_s)
        self._put(episode, (*entries, *more))

    def _go_on(self, episode: Episode, verdict: Verdict, now_s: float, entries: tuple[JournalEntry, ...] = ()) -> None:
        """Firing, and still true: the severity may move; when it rises the acknowledgement falls away."""
        before = episode
        rise = RANK[verdict.severity] - RANK[episode.severity] if verdict.ripe else 0
        episode = self._with_numbers(episode, verdict, now_s)
        if rise:
            episode = replace(episode, severity=verdict.severity, for_s=verdict.for_s)
            word, what = ("rose", "firing") if rise < 0 else ("fell", "severity")
            entries = (*entries, JournalEntry(now_s, episode.id, what, "", f"severity {word} to {verdict.severity}: {verdict.summary}"))
        if rise < 0:
            episode, lines = dropped(episode, now_s)
            entries = (*entries, *lines)
        episode = replace(episode, holding="", holding_since_s=None, false_since_s=None)
        self._episodes.times(episode).silent_s = None
        quiet_now = not entries and not before.holding
        self._put(episode, None if quiet_now else entries)

    def _keep_firing(self, episode: Episode, verdict: Verdict, now_s: float) -> None:
        """Not true any more, but the rule keeps it firing for a while; shown hollow."""
        self._episodes.times(episode).silent_s = None
        if episode.false_since_s is not None and episode.holding and episode.holding_since_s is None:
            self._put(episode, None)
            return
        since_s = now_s - (self._steady_s - verdict.since_s)
        holding = f"not true since {_clock(since_s)}, kept for {ago(verdict.keep_s)}"
        self._put(replace(episode, holding=holding, holding_since_s=None, false_since_s=since_s), ())

    def _hold(self, episode: Episode, why: str, now_s: float) -> None:
        """Firing, and its source is silent: hold for a while, then it is lost."""
        times = self._episodes.times(episode, self._times_shift_s())
        if times.silent_s is None:
            times.silent_s = self._steady_s
            last_s = episode.last_true_s if episode.id in self._restored else now_s
            self._put(replace(episode, holding=f"no data since {_clock(last_s)}", holding_since_s=now_s), ())
        elif self._steady_s - times.silent_s >= self._no_data_hold_s:
            self._end(episode, "lost", f"{episode.holding}{': ' if why else ''}{why}", now_s)
        else:
            self._put(episode, None)

    def _end(self, episode: Episode, state: Literal["resolved", "lost"], text: str, now_s: float) -> None:
        """Firing is over. The acknowledgement stays in sight, and counts again if the alert comes back soon."""
        self._levels.pop(key_of(episode), None)
        times = self._episodes.times(episode, self._times_shift_s())
        times.silent_s, times.ended_s = None, self._steady_s
        ended = replace(episode, state=state, ended_s=now_s, holding="", holding_since_s=None, false_since_s=None)
        if ended.told is not None and ended.told.owed:
            ended = replace(ended, told=replace(ended.told, owed=""))
        ended, more = self._moved(ended, now_s)
        self._put(ended, (JournalEntry(now_s, episode.id, state, "", text), *more))

    def _end_pending(self, episode: Episode, now_s: float) -> None:
        """Pending is over before it fired: no trace but a counter. The change tells the store to forget it."""
        self.dropped += 1
        self._gaps.pop(key_of(episode), None)
        self._put(replace(episode, state="resolved", ended_s=now_s), ())
        self._episodes.drop(episode.id)
        self._restored.discard(episode.id)

    def _moved(self, episode: Episode, now_s: float) -> tuple[Episode, tuple[JournalEntry, ...]]:
        """It began or ended to fire: count that, and see whether it flaps."""
        times = self._episodes.times(episode, self._times_shift_s())
        times.moves_s = moved(times.moves_s, self._steady_s)
        shift_s = now_s - self._steady_s
        episode = replace(episode, moves_s=tuple(move_s + shift_s for move_s in times.moves_s))
        if episode.flapping_since_s is not None or not flaps(times.moves_s, self._steady_s):
            return episode, ()
        entry = JournalEntry(now_s, episode.id, "flapping", "", f"{len(times.moves_s)} changes in 10 min; told again when it is quiet")
        return replace(episode, flapping_since_s=now_s), (entry,)

    def _just_started(self) -> bool:
        """Right after a restart nothing is known yet, and that ends no alert."""
        return self._started_s is not None and self._steady_s - self._started_s < GAP_S

    def _with_numbers(self, episode: Episode, verdict: Verdict, now_s: float) -> Episode:
        self._episodes.times(episode, self._times_shift_s()).true_s = self._steady_s
        return replace(
            episode,
            last_true_s=now_s,
            value=verdict.value,
            unit=verdict.unit,
            summary=verdict.summary,
            labels=verdict.labels,
            key=verdict.key,
            threshold=verdict.threshold,
            runbook=verdict.runbook,
        )

    def _put(self, episode: Episode, entries: tuple[JournalEntry, ...] | None, notices: tuple[Notice, ...] = ()) -> None:
        self._episodes.put(episode, entries, self._steady_s, notices)

    # -- what ends by itself, and what must be told ---------------------------------------------------------------------------------

    def _settle(self, now_s: float) -> None:
        """End acknowledgements, shelves and flapping whose time has come; hand out what had to wait; say what must be told."""
        self._episodes.release(self._steady_s)
        for episode in self._episodes.all():
            if episode.state == "pending" or self._episodes.claimed(episode.id):
                continue
            if episode.ended_s is not None and episode.flapping_since_s is None and (episode.told is None or not episode.told.open):
                continue
            settled, entries = self._expired(episode, now_s) if episode.state == "firing" else (episode, [])
            times = self._episodes.times(episode, self._times_shift_s())
            if settled.flapping_since_s is not None and quiet(times.moves_s, self._steady_s):
                settled = replace(settled, flapping_since_s=None)
                entries.append(
                    JournalEntry(now_s, episode.id, "steady", "", f"{'fires' if settled.state == 'firing' else 'over'}, quiet for 10 min")
                )
            remind = 0 < self._remind_every_s <= self._steady_s - times.told_s
            hidden = held_shelf(settled, now_s) is not None or bool(self.silences and self.silences.over(settled, now_s))
            settled, notice = tell(settled, now_s, hidden=hidden, remind=remind)
            if notice is not None:
                times.told_s = self._steady_s
            if settled is not episode:
                self._put(settled, tuple(entries), () if notice is None else (notice,))

    def _expired(self, episode: Episode, now_s: float) -> tuple[Episode, list[JournalEntry]]:
        """Without the acknowledgement and the shelf whose time is over."""
        entries: list[JournalEntry] = []
        step = f"; {self.clock_step}" if self.clock_step else ""
        if episode.ack is not None and (held_ack(episode, now_s) is None or self._outlived(episode, now_s)):
            entries.append(JournalEntry(now_s, episode.id, "ack-expired", "", f"{episode.ack.by}'s{step}"))
            episode = owe(replace(episode, ack=None), "ack-expired")
        if episode.shelf is not None and held_shelf(episode, now_s) is None:
            entries.append(JournalEntry(now_s, episode.id, "unshelved", "", f"{episode.shelf.by}'s shelf, its time is over{step}"))
            episode = owe(replace(episode, shelf=None), "reminder")
        return episode, entries

    def _outlived(self, episode: Episode, now_s: float) -> bool:
        """Whether an acknowledgement has lasted for its whole length, though a clock that was set back says otherwise."""
        if episode.ack is None:
            return False
        times, until_s = self._episodes.times(episode, self._times_shift_s()), episode.ack.until.timestamp()
        if times.ack_until_s != until_s:
            times.ack_until_s, times.ack_over_s = until_s, self._steady_s + until_s - now_s
        return self._steady_s > times.ack_over_s + 1.0


def _grouped(subjects: Sequence[Subject]) -> dict[tuple[str, str], list[Subject]]:
    groups: dict[tuple[str, str], list[Subject]] = {}
    for subject in subjects:
        groups.setdefault((subject.kind, subject.name), []).append(subject)
    return groups


def _clock(at_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_s))
