"""Rules held against the past, look by look, with the same alert book that the engine has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from tui_monitor.alerts.lifecycle import AlertBook
from tui_monitor.alerts.parts import windows_of
from tui_monitor.alerts.rule import Rule, lookup
from tui_monitor.alerts.rules import expected_of, names_of, usual_of
from tui_monitor.alerts.summary import say_value
from tui_monitor.alerts.usual import UsualKeeper
from tui_monitor.config import Settings
from tui_monitor.engine.forecasting import Forecasting, unforecast
from tui_monitor.engine.subjects import all_of
from tui_monitor.model import Episode, Frame, Subject, Target
from tui_monitor.store.replay import Replay
from tui_monitor.vocabulary import seconds

_SILENT = ("DOWN", "STALE")


class Row(NamedTuple):
    """One line: STATE, severity, rule, target, and the rest."""

    state: str
    severity: str
    rule: str
    target: str
    text: str


class Trial:
    """One run of rules over the past."""

    def __init__(self, settings: Settings, rules: Sequence[Rule], zone: tzinfo | None) -> None:
        """`zone`: whose hours of the day are meant by `usual` and `expected`."""
        self._rules = rules
        self._forecasting = Forecasting(zone) if expected_of(rules) else None
        self._queries = names_of(settings)
        self._book = AlertBook(
            rules,
            flap_window_s=seconds(settings.alerts.flap_window),
            no_data_hold_s=seconds(settings.alerts.no_data_hold),
            ack_for_s=seconds(settings.alerts.ack_for),
        )
        self._usual = UsualKeeper(usual_of(rules), zone)
        self._known: dict[str, tuple[str, str]] = {}  # episode -> its state and severity
        self._asked: set[int] = set()  # places of rules that were about something
        self._unheard = {(place, name) for place, rule in enumerate(rules) for name in rule.when.names if "[" in name or "(" in name}
        self._unknown = {place: "" for place, rule in enumerate(rules) if rule.when.expected or rule.when.usual}  # never known, and why
        self.happened: list[tuple[float, Row]] = []
        self.episodes: dict[str, Episode] = {}
        self.looks = 0
        self.first_s: float | None = None
        self.last_s: float | None = None

    def over(self, moments: Iterable[tuple[float, list[Subject]]]) -> None:
        """Look at every moment in order."""
        for at_s, told in moments:
            forecast = told if self._forecasting is None else self._forecasting.observe(at_s, told)
            self._usual.take(forecast, at_s)
            subjects = self._usual.fill(forecast, at_s)
            self._note_asked(subjects)
            for change in self._book.evaluate(subjects, at_s, at_s):
                self._note(change.episode, at_s)
            self.looks += 1
            self.first_s = at_s if self.first_s is None else self.first_s
            self.last_s = at_s

    def _note_asked(self, subjects: Sequence[Subject]) -> None:
        for place, name in list(self._unheard):
            if any(self._rules[place].concerns(subject) and lookup(subject).get(name) is not None for subject in subjects):
                self._unheard.discard((place, name))
        for place in list(self._unknown):
            whys = [self._rules[place].unknown(subject) for subject in subjects if self._rules[place].concerns(subject)]
            if "" in whys:
                del self._unknown[place]
            elif whys:
                self._unknown[place] = whys[0]
        open_ = [place for place in range(len(self._rules)) if place not in self._asked]
        self._asked.update(place for place in open_ if any(self._rules[place].concerns(subject) for subject in subjects))

    def _note(self, episode: Episode, at_s: float) -> None:
        before = self._known.get(episode.id)
        now = (episode.state, episode.severity)
        if before == now:
            if episode.state in ("firing", "pending"):
                self.episodes[episode.id] = episode
            return
        self._known[episode.id] = now
        if episode.state == "pending" or (before and before[0] == "pending" and episode.state != "firing"):
            return  # what never fired leaves no trace
        self.episodes[episode.id] = episode
        self.happened.append((at_s, _row(episode, at_s, before)))

    @property
    def still(self) -> str:
        """How many fire at the end."""
        firing = sum(1 for state, _ in self._known.values() if state == "firing")
        return f"{firing} still firing" if firing else "none firing"

    def never_asked(self) -> list[Rule]:
        """The user's rules that were about nothing in the file."""
        return [rule for place, rule in enumerate(self._rules) if place not in self._asked and not rule.built_in]

    def never_heard(self) -> list[tuple[Rule, list[str]]]:
        """The user's rules that were about something, and the windows and shares that they asked for and never had."""
        found = []
        for place, rule in enumerate(self._rules):
            names = [name for name in rule.when.names if (place, name) in self._unheard]
            if names and place in self._asked and not rule.built_in:
                found.append((rule, names))
        return found

    def never_known(self) -> list[tuple[Rule, str]]:
        """The user's rules that ask for what is usual or expected and were never told, each with the reason."""
        nobody = {(rule.name, rule.severity): why for rule, why in unforecast(self._rules, self._queries)}
        found = [(self._rules[place], why) for place, why in self._unknown.items() if place in self._asked]
        return [(rule, nobody.get((rule.name, rule.severity), why)) for rule, why in found if not rule.built_in]

    def told(self) -> dict[str, Any]:
        """For JSON: every alert that fired."""
        return {
            "schema": 1,
            "from": self.first_s,
            "to": self.last_s,
            "looks": self.looks,
            "alerts": [
                {
                    "rule": one.rule,
                    "severity": one.severity,
                    "kind": one.kind,
                    "target": one.target,
                    "state": one.state,
                    "since": one.since_s,
                    "fired_at": one.fired_s,
                    "ended_at": one.ended_s,
                    "value": one.value,
                    "unit": one.unit,
                    "summary": one.summary,
                }
                for one in sorted(self.episodes.values(), key=lambda one: (one.fired_s or 0.0, one.rule, one.target))
                if one.fired_s is not None
            ],
            "never_asked": sorted({rule.name for rule in self.never_asked()}),
        }


def _row(episode: Episode, at_s: float, before: tuple[str, str] | None) -> Row:
    if episode.state == "firing" and before and before[0] == "firing":
        state, text = "LEVEL", f"was {before[1]}; {episode.summary}"
    elif episode.state == "firing":
        text = episode.summary
        state = "FIRING"
    else:
        state = episode.state.upper()
        text = f"after {say_value(at_s - (episode.fired_s or at_s), 's')}, last value {say_value(episode.value, episode.unit)}"
    return Row(state, episode.severity, episode.rule, episode.target, text)


# -- a recording --------------------------------------------------------------------------------------------------------------------


def moments_of(replay: Replay) -> Iterator[tuple[float, list[Subject]]]:
    """Every recorded frame as subjects."""
    for at_s in replay.times():
        yield at_s, subjects_of(replay.frame_at(at_s))


def subjects_of(frame: Frame) -> list[Subject]:
    """What the engine asked its rules about when it made this frame."""
    targets = {target.name: (target, _silent(target)) for target in frame.targets}
    queries = {name: (queried, "") for name, queried in frame.queries.items()}
    windows = windows_of(frame.windows)
    now_s = frame.at.timestamp()
    return all_of(
        frame.host, frame.system, frame.gpus, targets, frame.drift, frame.performance, queries, now_s, windows,
        models=True, probes=frame.probes, quality=frame.quality,
    )  # fmt: skip


def _silent(target: Target) -> str:
    """A frame does not say why its source was silent; its state does."""
    return target.why or target.state if target.state in _SILENT else ""
