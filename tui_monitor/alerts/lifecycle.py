"""The life of an alert: pending, firing, resolved or lost; holding while its source is silent; who has it.

An *episode* is one firing of one rule (all its levels) on one subject. Condition and acknowledgement are two columns: an alert may
resolve while it is acknowledged. A silent source is never taken for a healthy one: its alerts hold, then end as lost. Pure: the time is an
argument, and nothing is written here; every change is handed out to be made durable.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from tui_monitor.alerts.acts import Change, Proposal, acknowledge, ago, give_back, held_ack, refused
from tui_monitor.alerts.listing import SHOWN_S, alert_list
from tui_monitor.alerts.rules import SEVERITIES, Rule, lookup
from tui_monitor.model import Alert, Episode, JournalEntry, Severity, Subject

__all__ = ["AlertBook", "Change", "Proposal", "alert_list", "episode_id"]

HEARTBEAT_S = 15.0  # how often the numbers of an open episode are written down
RESTART_GAP_S = 60.0  # a pending episode survives a restart that took no longer
CLAIM_S = 15.0  # how long an act that is being written keeps others out
MOST_ENDED = 1000

_RANK: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}  # 0 is the worst
_UNDECIDED = ("UNKNOWN", "STARTING", "learning")  # states of a subject that was not watched for long enough to be judged
_GONE = (
    "DOWN",
    "STALE",
    "LOST",
    "HUNG",
    "idle",
    "stale",
    "blind",
)  # states in which nothing new is learned: not silent, but no "ok" either
_Key = tuple[str, str, str]  # rule's name, subject's kind and name


class _Level(Struct):
    """What one level of an alert remembers between two looks."""

    since_s: float | None = None  # true without a break since then
    ripe: bool = False  # for long enough


class _Claim(Struct, frozen=True):
    """An act on its way to the disk."""

    by: str
    at_s: float


class _Verdict(Struct, frozen=True):
    """What all levels together say about one subject now."""

    condition: Literal["true", "false", "unknown", "silent"]
    severity: Severity = "info"  # worst level that is true (once firing: and has been so for long enough)
    ripe: bool = False
    since_s: float = 0.0
    for_s: float = 0.0
    value: float | None = None
    unit: str = ""
    summary: str = ""
    why: str = ""  # of the silence


def episode_id(rule: str, kind: str, target: str, since_s: float) -> str:
    """Eight hexadecimal digits that stay the same over restarts."""
    return hashlib.blake2s(f"{rule}\0{kind}\0{target}\0{since_s:.3f}".encode(), digest_size=4).hexdigest()


class AlertBook:
    """All episodes that are open or ended lately."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        flap_window_s: float = 300.0,
        no_data_hold_s: float = 300.0,
        ack_for_s: float = 3600.0,
        episodes: Iterable[Episode] = (),
    ) -> None:
        """`episodes` are those that the store kept: what was open goes on as if nobody had left."""
        self._flap_window_s, self._no_data_hold_s, self._ack_for_s = flap_window_s, no_data_hold_s, ack_for_s
        self._levels: dict[_Key, dict[Severity, _Level]] = {}
        self._written_s: dict[str, float] = {}
        self._claims: dict[str, _Claim] = {}
        self._waiting: dict[str, list[JournalEntry]] = {}  # episodes whose changes wait for a claim, or for the next look
        kept = sorted(episodes, key=lambda episode: episode.since_s)
        self._restored = {episode.id for episode in kept if episode.state in ("pending", "firing")}  # not judged since the restart
        self._started_s: float | None = None
        self._episodes: dict[str, Episode] = {}
        self._newest: dict[_Key, str] = {}
        self.dropped = 0  # pending ones that never fired: they leave no other trace
        for episode in kept:  # a hold counts anew: the time in which nobody watched says nothing about the source
            self._keep(replace(episode, holding="", holding_since_s=None))
        self.set_rules(rules)

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Use other rules from now on; episodes of rules that are gone end as lost at the next look."""
        ordered = sorted(rules, key=lambda rule: (rule.name, _RANK[rule.severity]))
        self._rules = {name: tuple(levels) for name, levels in groupby(ordered, key=lambda rule: rule.name)}

    # -- one look -------------------------------------------------------------------------------------------------------------------

    def evaluate(self, subjects: Sequence[Subject], now_s: float) -> list[Change]:
        """Hold all rules against all subjects; return what changed, worst first. It is in force already; the caller makes it durable.

        Subjects of one kind and name count as one: the worst of them decides.
        """
        self._started_s = now_s if self._started_s is None else self._started_s
        changes: list[Change] = []
        seen: set[_Key] = set()
        for (kind, target), group in self._grouped(subjects).items():
            for name, levels in self._rules.items():
                pairs = [(rule, subject) for rule in levels for subject in group if rule.concerns(subject)]
                if pairs:
                    key = (name, kind, target)
                    seen.add(key)
                    self._step(key, self._judge(key, pairs, now_s), now_s, changes)
        for key, newest in list(self._newest.items()):
            if key not in seen and self._episodes[newest].state in ("pending", "firing"):
                self._step(key, _Verdict("silent", why="not seen any more"), now_s, changes)
        self._settle(now_s, changes)
        self._forget(now_s)
        return sorted(changes, key=lambda change: (_RANK[change.episode.severity], change.episode.id))

    @staticmethod
    def _grouped(subjects: Sequence[Subject]) -> dict[tuple[str, str], list[Subject]]:
        groups: dict[tuple[str, str], list[Subject]] = {}
        for subject in subjects:
            groups.setdefault((subject.kind, subject.name), []).append(subject)
        return groups

    def _judge(self, key: _Key, pairs: Sequence[tuple[Rule, Subject]], now_s: float) -> _Verdict:
        """One verdict from all levels of an alert and all subjects of that name."""
        memory = self._levels.get(key) or self._remembered(key, now_s)
        best: tuple[Rule, Subject] | None = None
        ripe = False
        since_s = now_s
        for severity, group in groupby(pairs, key=lambda pair: pair[0].severity):
            level = memory.setdefault(severity, _Level())
            hit = next((pair for pair in group if _holds(*pair, ripe=level.ripe)), None)
            if hit is None:
                memory[severity] = _Level(ripe=level.ripe and any(subject.silent or subject.state in _GONE for _, subject in pairs))
                continue
            level.since_s = now_s if level.since_s is None else min(level.since_s, now_s)
            level.ripe = level.ripe or now_s - level.since_s >= hit[0].for_s
            since_s = min(since_s, level.since_s)
            if best is None or (level.ripe and not ripe):
                best = hit
            ripe = ripe or level.ripe
        self._levels[key] = memory
        if best is None:
            return _absence(pairs)
        rule, subject = best
        value = rule.value(subject)
        return _Verdict("true", rule.severity, ripe, since_s, rule.for_s, value, rule.unit, rule.sentence(subject, value))

    def _remembered(self, key: _Key, now_s: float) -> dict[Severity, _Level]:
        """The levels of an episode that the store kept: those up to its severity go on, unless nobody watched for too long."""
        episode = self._open(key)
        if episode is None or episode.id not in self._restored:
            return {}
        if episode.state == "pending" and now_s - episode.last_true_s > RESTART_GAP_S:
            return {}
        ripe = episode.state == "firing"
        return {severity: _Level(episode.since_s, ripe) for severity in SEVERITIES if _RANK[severity] >= _RANK[episode.severity]}

    # -- transitions ----------------------------------------------------------------------------------------------------------------

    def _step(self, key: _Key, verdict: _Verdict, now_s: float, changes: list[Change]) -> None:
        """The table of transitions, one row a branch."""
        episode = self._open(key)
        if episode is not None and episode.id in self._restored:
            if episode.state == "pending" and now_s - episode.last_true_s > RESTART_GAP_S:
                self._end_pending(episode, now_s, changes)
                episode = None
            elif verdict.condition in ("silent", "unknown") and self._just_started(now_s) and key[0] in self._rules:
                self._levels.pop(key, None)
                if episode.state == "firing":
                    self._hold(episode, verdict.why, now_s, changes)
                return
            else:
                self._restored.discard(episode.id)
        if verdict.condition == "true":
            if episode is None:
                self._begin(key, verdict, now_s, changes)
            elif episode.state == "pending":
                self._ripen(episode, verdict, now_s, changes)
            else:
                self._go_on(episode, verdict, now_s, changes)
        elif episode is None:
            self._levels.pop(key, None)
        elif episode.state == "pending":
            self._end_pending(episode, now_s, changes)
        elif verdict.condition in ("false", "unknown"):
            self._end(episode, "resolved", f"after {ago(now_s - (episode.fired_s or episode.since_s))}", now_s, changes)
        elif key[0] not in self._rules:
            self._end(episode, "lost", "its rule is gone", now_s, changes)
        else:
            self._hold(episode, verdict.why, now_s, changes)

    def _begin(self, key: _Key, verdict: _Verdict, now_s: float, changes: list[Change]) -> None:
        """Nothing was open: go on with the episode that ended just now, or begin a new one, which is never born acknowledged."""
        last = self._episodes.get(self._newest.get(key, ""))
        if last is not None and last.fired_s is not None and last.ended_s is not None and now_s - last.ended_s <= self._flap_window_s:
            for level in self._levels.get(key, {}).values():
                level.ripe = level.since_s is not None
            again = replace(last, state="firing", ended_s=None, flaps=last.flaps + 1)
            entry = JournalEntry(now_s, last.id, "firing", "", f"again: {verdict.summary}")
            self._go_on(again, verdict, now_s, changes, (entry,))
            return
        episode = Episode(
            id=episode_id(*key, verdict.since_s),
            rule=key[0],
            kind=key[1],
            target=key[2],
            severity=verdict.severity,
            state="pending",
            since_s=verdict.since_s,
            for_s=verdict.for_s,
            last_true_s=now_s,
        )
        if verdict.ripe:
            self._ripen(episode, verdict, now_s, changes)
        else:
            self._put(_with_numbers(episode, verdict, now_s), (), changes, now_s)

    def _ripen(self, episode: Episode, verdict: _Verdict, now_s: float, changes: list[Change]) -> None:
        """Pending goes on, or fires when it was true for long enough."""
        episode = replace(_with_numbers(episode, verdict, now_s), severity=verdict.severity, for_s=verdict.for_s)
        if not verdict.ripe:
            self._put(episode, None, changes, now_s)
            return
        entries = [JournalEntry(now_s, episode.id, "firing", "", verdict.summary)]
        if episode.since_s < now_s:
            entries.insert(0, JournalEntry(episode.since_s, episode.id, "pending"))
        self._put(replace(episode, state="firing", fired_s=now_s), tuple(entries), changes, now_s)

    def _go_on(
        self, episode: Episode, verdict: _Verdict, now_s: float, changes: list[Change], entries: tuple[JournalEntry, ...] = ()
    ) -> None:
        """Firing, and still true: the severity may move; when it rises the acknowledgement falls away."""
        before = episode
        moved = _RANK[verdict.severity] - _RANK[episode.severity] if verdict.ripe else 0
        episode = _with_numbers(episode, verdict, now_s)
        if moved:
            episode = replace(episode, severity=verdict.severity, for_s=verdict.for_s)
            word, what = ("rose", "firing") if moved < 0 else ("fell", "severity")
            entries = (*entries, JournalEntry(now_s, episode.id, what, "", f"severity {word} to {verdict.severity}: {verdict.summary}"))
        if moved < 0 and episode.ack is not None:
            entries = (*entries, JournalEntry(now_s, episode.id, "ack-dropped", "", f"{episode.ack.by}'s, severity rose"))
            episode = replace(episode, ack=None)
        episode = replace(episode, holding="", holding_since_s=None)
        quiet = not entries and not before.holding
        self._put(episode, None if quiet else entries, changes, now_s)

    def _hold(self, episode: Episode, why: str, now_s: float, changes: list[Change]) -> None:
        """Firing, and its source is silent: hold for a while, then it is lost."""
        since_s = now_s if episode.holding_since_s is None else episode.holding_since_s
        if now_s - since_s >= self._no_data_hold_s:
            self._end(episode, "lost", f"{episode.holding}{': ' if why else ''}{why}", now_s, changes)
        elif episode.holding:
            self._put(episode, None, changes, now_s)
        else:
            last_s = episode.last_true_s if episode.id in self._restored else now_s
            clock = time.strftime("%H:%M:%S", time.localtime(last_s))
            self._put(replace(episode, holding=f"no data since {clock}", holding_since_s=now_s), (), changes, now_s)

    def _end(self, episode: Episode, state: Literal["resolved", "lost"], text: str, now_s: float, changes: list[Change]) -> None:
        """Firing is over. The acknowledgement stays in sight, and counts again if the alert comes back soon."""
        self._levels.pop((episode.rule, episode.kind, episode.target), None)
        ended = replace(episode, state=state, ended_s=now_s, holding="", holding_since_s=None)
        self._put(ended, (JournalEntry(now_s, episode.id, state, "", text),), changes, now_s)

    def _end_pending(self, episode: Episode, now_s: float, changes: list[Change]) -> None:
        """Pending is over before it fired: no trace but a counter. The change tells the store to forget it."""
        self.dropped += 1
        self._put(replace(episode, state="resolved", ended_s=now_s), (), changes, now_s)
        del self._episodes[episode.id]
        self._newest.pop((episode.rule, episode.kind, episode.target), None)
        self._written_s.pop(episode.id, None)
        self._restored.discard(episode.id)

    def _just_started(self, now_s: float) -> bool:
        """Right after a restart nothing is known yet, and that ends no alert."""
        return self._started_s is not None and now_s - self._started_s < RESTART_GAP_S

    # -- bookkeeping ----------------------------------------------------------------------------------------------------------------

    def _open(self, key: _Key) -> Episode | None:
        episode = self._episodes.get(self._newest.get(key, ""))
        return episode if episode is not None and episode.state in ("pending", "firing") else None

    def _keep(self, episode: Episode) -> None:
        self._episodes[episode.id] = episode
        self._newest[(episode.rule, episode.kind, episode.target)] = episode.id

    def _put(self, episode: Episode, entries: tuple[JournalEntry, ...] | None, changes: list[Change], now_s: float) -> None:
        """Keep a new value. `entries` None: nothing but numbers moved, so it is handed out only now and then."""
        self._keep(episode)
        if episode.id in self._claims:  # an act on it is being written: a change in between would undo the act on disk
            self._waiting.setdefault(episode.id, []).extend(entries or ())
        elif entries is not None or now_s - self._written_s.get(episode.id, now_s - HEARTBEAT_S) >= HEARTBEAT_S:
            self._written_s[episode.id] = now_s
            changes.append(Change(episode, entries or ()))

    def _settle(self, now_s: float, changes: list[Change]) -> None:
        """End acknowledgements whose time has come, and hand out what had to wait."""
        for identity, claim in list(self._claims.items()):
            if now_s - claim.at_s >= CLAIM_S:
                del self._claims[identity]
        for identity in [identity for identity in self._waiting if identity not in self._claims]:
            entries = self._waiting.pop(identity)
            if identity in self._episodes:
                changes.append(Change(self._episodes[identity], tuple(entries)))
        for episode in list(self._episodes.values()):
            if episode.state == "firing" and episode.ack is not None and held_ack(episode, now_s) is None:
                entry = JournalEntry(now_s, episode.id, "ack-expired", "", f"{episode.ack.by}'s")
                self._put(replace(episode, ack=None), (entry,), changes, now_s)

    def _forget(self, now_s: float) -> None:
        """Drop what ended long ago; the store keeps it."""
        ended = sorted((episode.ended_s, episode.id) for episode in self._episodes.values() if episode.ended_s is not None)
        for rank, (ended_s, identity) in enumerate(ended):
            if now_s - ended_s > SHOWN_S or len(ended) - rank > MOST_ENDED:
                episode = self._episodes.pop(identity)
                self._written_s.pop(identity, None)
                key = (episode.rule, episode.kind, episode.target)
                if self._newest.get(key) == identity:
                    del self._newest[key]

    # -- acts -----------------------------------------------------------------------------------------------------------------------

    def propose_ack(self, identity: str, by: str, comment: str, for_s: float | None, take_over: bool, now_s: float) -> Proposal:  # noqa: FBT001 - the act as it came
        """What taking an alert would do. A proposal with a change keeps others out until `apply`, `withdraw`, or for 15 s."""
        episode, why = self._acted_on(identity, by, now_s)
        if episode is None:
            return refused(why)
        span_s = self._ack_for_s if for_s is None else for_s
        return self._claimed(acknowledge(episode, by, comment, span_s, take_over=take_over, now_s=now_s), by, now_s)

    def propose_unack(self, identity: str, by: str, now_s: float) -> Proposal:
        """What giving an alert back would do; see `propose_ack`."""
        episode, why = self._acted_on(identity, by, now_s)
        return refused(why) if episode is None else self._claimed(give_back(episode, by, now_s), by, now_s)

    def _acted_on(self, identity: str, by: str, now_s: float) -> tuple[Episode | None, str]:
        """The episode of that id (or of the only one that begins so), unless another act on it is being written."""
        found = [episode for known, episode in self._episodes.items() if known == identity]
        found = found or [episode for known, episode in self._episodes.items() if len(identity) >= 3 and known.startswith(identity)]
        if len(found) != 1:
            return None, f"no alert {identity!r}" if not found else f"{identity!r} fits {len(found)} alerts; write more of it"
        claim = self._claims.get(found[0].id)
        if claim is not None and claim.by != by and now_s - claim.at_s < CLAIM_S:
            return None, f"{claim.by} acts on it at this moment"
        return found[0], ""

    def _claimed(self, proposal: Proposal, by: str, now_s: float) -> Proposal:
        if proposal.change is not None:
            self._claims[proposal.change.episode.id] = _Claim(by, now_s)
        return proposal

    def apply(self, change: Change) -> None:
        """An act is durable: it is in force from now on. What happened to the episode meanwhile stays."""
        self._claims.pop(change.episode.id, None)
        now = self._episodes.get(change.episode.id)
        if now is None:
            return
        rose = _RANK[now.severity] < _RANK[change.episode.severity]
        if change.episode.ack is not None and rose:
            entry = JournalEntry(now.last_true_s, now.id, "ack-dropped", "", f"{change.episode.ack.by}'s, severity rose")
            self._waiting.setdefault(now.id, []).append(entry)
        else:
            self._keep(replace(now, ack=change.episode.ack))

    def withdraw(self, change: Change) -> None:
        """An act could not be made durable: it never was."""
        self._claims.pop(change.episode.id, None)

    # -- the list -------------------------------------------------------------------------------------------------------------------

    def episodes(self) -> list[Episode]:
        """All that is kept, oldest first."""
        return sorted(self._episodes.values(), key=lambda episode: episode.since_s)

    def alerts(self, now_s: float) -> list[Alert]:
        """The list as people read it, worst first; see `alert_list`."""
        return alert_list(self._episodes.values(), now_s)


def _holds(rule: Rule, subject: Subject, *, ripe: bool) -> bool:
    """Whether a level is true of a subject; one that fires already stays true until its `clear` is (hysteresis)."""
    values = lookup(subject).get
    return bool(rule.when.truth(values)) or (ripe and rule.clear is not None and rule.clear.truth(values) is False)


def _absence(pairs: Sequence[tuple[Rule, Subject]]) -> _Verdict:
    """The verdict when no level is true: silence of the source, nothing that can be said, or a plain no."""
    for _, subject in pairs:
        if subject.silent or subject.state in _GONE:
            return _Verdict("silent", why=subject.silent or subject.why or subject.state)
    unknown = any(subject.state in _UNDECIDED or rule.when.truth(lookup(subject).get) is None for rule, subject in pairs)
    return _Verdict("unknown", why="nothing known yet") if unknown else _Verdict("false")


def _with_numbers(episode: Episode, verdict: _Verdict, now_s: float) -> Episode:
    return replace(episode, last_true_s=now_s, value=verdict.value, unit=verdict.unit, summary=verdict.summary)
