"""The forecasts of all numbers: once a minute each is looked at; told is only what is outside, or fills up.

An anomaly is a thing to look at and never an alert by itself. How often nothing is called one, simulated with tests/analyse/anomaly/
false_alarms.py, 52 series of 42 days of each of 15 kinds (seeds 5000 to 5011, 6000 to 6039): 230 in 32,760 days of a number, one in 142 days.
Steady, correlated and heavy-tailed numbers and random walks: 4 in 13,104 days. With a daily and weekly cycle, counts, bursts, queues: one in
124 to 364. The two worst: shares that are zero in most minutes (one in 26) and saw-teeth of no fixed length (one in 31).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

import msgspec
from msgspec import Struct

from tui_monitor.analyse.anomaly import outlook
from tui_monitor.analyse.anomaly.filling import Filling
from tui_monitor.analyse.anomaly.moment import moment
from tui_monitor.analyse.anomaly.outlook import Coming, Outlook
from tui_monitor.analyse.anomaly.sentence import BY, sentence
from tui_monitor.analyse.anomaly.watched import FILLS, FULL, forecast_keys, share_of, traits
from tui_monitor.model import Forecast, Metrics, Subject, utc

VERSION = 1
MOST = 300  # numbers that are forecast, about 16 kB each
MOST_FILLS = 100  # things that fill up, 16 kB each
MOST_TOLD = 50
FORGOTTEN_MINUTES = 14 * 1440  # a number that was not seen for so long makes room when there is none
MIGHT_FILL_S = 30 * 86400.0  # beyond that nobody needs to know
AHEAD_S = 25 * 3600.0  # beyond that nothing is expected: the level itself may be another one
EXPECTED, LOW, HIGH = " expected", " expected.low", " expected.high"

_Name = tuple[str, str, str]  # kind and name of the subject, key


class _KeptOutlook(Struct, array_like=True):
    name: _Name
    minute: int
    outlook: outlook.Kept


class _KeptFilling(Struct, array_like=True):
    name: _Name
    minute: int
    filling: tuple[bytes, int]


class _Kept(Struct):
    version: int
    outlooks: list[_KeptOutlook]
    fillings: list[_KeptFilling]


class Edges(NamedTuple):
    """A band at a minute; without edges `why` says why."""

    low: float | None
    high: float | None
    by: str  # what it rests on: " at this hour of the day", of the week, or nothing
    why: str


class ForecastRoom:
    """Every forecast. Pure: the time is an argument."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        """`zone`: whose hours; None: the host's own."""
        self._zone = zone
        self._outlooks: dict[_Name, Outlook] = {}
        self._fillings: dict[_Name, Filling] = {}
        self._seen: dict[_Name, int] = {}
        self._now: set[_Name] = set()  # seen at the newest minute
        self._minute = -1
        self.left_out = 0  # numbers that found no room

    # -- a minute -----------------------------------------------------------------------------------------------------------------------

    def observe(self, now_s: float, subjects: Sequence[Subject]) -> bool:
        """What the numbers are now; may be called at every tick, and counts once a minute. Returns whether it did."""
        at = moment(now_s, self._zone)
        if at.minute == self._minute:
            return False
        self._minute = at.minute
        self._now.clear()
        self.left_out = 0
        for subject in subjects:
            for key in forecast_keys(subject):
                name = (subject.kind, subject.name, key)
                value = None if subject.silent else subject.metrics[key]
                known = self._outlooks.get(name)
                if known is None and (value is None or (known := self._begun(name)) is None):
                    continue
                known.observe(at, value)
                self._here(name)
            for key, whole in FILLS.get(subject.kind, ()):
                name = (subject.kind, subject.name, key)
                share = None if subject.silent else share_of(subject, key, whole)
                if share is None:
                    continue
                filling = self._fillings.get(name)
                if filling is None:
                    if len(self._fillings) >= MOST_FILLS:
                        self._make_room()
                    if len(self._fillings) >= MOST_FILLS:
                        self.left_out += 1
                        continue
                    filling = self._fillings[name] = Filling()
                filling.observe(now_s, share)
                self._here(name)
        return True

    def _here(self, name: _Name) -> None:
        self._now.add(name)
        self._seen[name] = self._minute

    def _begun(self, name: _Name) -> Outlook | None:
        if len(self._outlooks) >= MOST:
            self._make_room()
        if len(self._outlooks) >= MOST:
            self.left_out += 1
            return None
        made = self._outlooks[name] = Outlook(traits(name[0], name[2]))
        return made

    def _make_room(self) -> None:
        gone = [name for name, minute in self._seen.items() if abs(self._minute - minute) > FORGOTTEN_MINUTES]
        for name in gone:
            del self._seen[name]
            self._outlooks.pop(name, None)
            self._fillings.pop(name, None)

    # -- telling ------------------------------------------------------------------------------------------------------------------------

    def forecasts(self) -> list[Forecast]:
        """What is outside, the farthest first, then what fills up, the soonest first."""
        told = [made for name in self._now if (made := self._of(name)) is not None]
        told.sort(key=lambda one: (one.outside_since is None, -(one.far or 0.0), one.full_in_s or 0.0, one.subject, one.key))
        return told[:MOST_TOLD]

    def _of(self, name: _Name) -> Forecast | None:
        known, filling = self._outlooks.get(name), self._fillings.get(name)
        full = filling.full if filling is not None else None
        full = full if full is not None and full.in_s <= MIGHT_FILL_S else None
        since_s = known.since_s if known is not None else None
        if since_s is None and full is None:
            return None
        return Forecast(
            subject=charted_as(name[0], name[1]),
            kind=name[0],
            key=name[2],
            value=known.value if known else None,
            expected=known.expected if known else None,
            low=known.low if known else None,
            high=known.high if known else None,
            outside_since=None if since_s is None else utc(since_s),
            full_in_s=full.in_s if full else None,
            full_low_s=full.low_s if full else None,
            full_high_s=full.high_s if full else None,
            why=sentence(name[2], known, full),
        )

    def edges(self) -> dict[_Name, Edges]:
        """The band of this minute of every number that is forecast, by kind and name of the subject and key."""
        return {
            name: Edges(one.low, one.high, BY[one.season], one.waiting)
            for name in self._now
            if (one := self._outlooks.get(name)) is not None
        }

    def bands(self) -> list[tuple[str, Metrics]]:
        """What charts draw behind the numbers of this minute: subject, and what is expected of its keys."""
        found: dict[str, Metrics] = {}
        for name in self._now:
            known = self._outlooks.get(name)
            if known is not None and known.low is not None:
                key = name[2]
                found.setdefault(charted_as(name[0], name[1]), {}).update(
                    {key + EXPECTED: known.expected, key + LOW: known.low, key + HIGH: known.high}
                )
        return list(found.items())

    def ahead(self, subject: str, key: str, times_s: Sequence[float]) -> list[Coming | None]:
        """What is expected of a number at later times, and between which bounds; None of what is past, or farther than `AHEAD_S`.

        Held against what came, 15 kinds of numbers 1, 3, 6 and 24 h ahead: at least 97.9 % lay inside, except for saw-teeth of no fixed length at
        6 h (93.7 %) and 24 h (97.5 %).

        Args:
            subject: as charts name it.
            key: of the number.
            times_s: when.
        """
        known = next((self._outlooks.get(name) for name in self._now if name[2] == key and charted_as(name[0], name[1]) == subject), None)
        now_s = self._minute * 60.0
        return [
            known.ahead(moment(at_s, self._zone)) if known is not None and now_s < at_s <= now_s + AHEAD_S else None for at_s in times_s
        ]

    def told(self, subject: Subject) -> Metrics:
        """What rules may ask of a subject: when it is full, and how many of its numbers are outside."""
        found: Metrics = {}
        for key, _ in FILLS.get(subject.kind, ()):
            if key in subject.metrics:
                name = (subject.kind, subject.name, key)
                filling = self._fillings.get(name) if name in self._now and not subject.silent else None
                full = filling.full if filling is not None else None
                found[FULL[key]] = full.in_s if full else None
                found[f"{FULL[key]}.high"] = full.high_s if full else None
                found[f"{FULL[key].removesuffix('.in')}.lasted"] = full.lasted_s if full else None
        keys = forecast_keys(subject)
        if keys:
            known = [one for key in keys if (one := self._outlooks.get((subject.kind, subject.name, key))) is not None and not one.learning]
            found["anomalies"] = float(sum(one.since_s is not None for one in known)) if known and not subject.silent else None
        return found

    def why(self, kind: str, subject: str, key: str) -> str:
        """Why there is no band, or no moment when it is full; empty when there is one, or nothing is known of it."""
        known, filling = self._outlooks.get((kind, subject, key)), self._fillings.get((kind, subject, key))
        whys = [known.learning if known else "", f"full: {filling.why}" if filling and filling.why else ""]
        return "; ".join(why for why in whys if why)

    def learning(self) -> tuple[int, int, str]:
        """How many numbers have a band, how many are learned yet, and how far the one that has most is."""
        whys = [one.learning for one in self._outlooks.values()]
        waiting = [why for why in whys if why]
        return len(whys) - len(waiting), len(waiting), max(waiting, key=lambda why: int(why.split()[1]), default="")

    # -- for the store ------------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Everything, for `load`."""
        return msgspec.msgpack.encode(
            _Kept(
                VERSION,
                [_KeptOutlook(name, self._seen.get(name, self._minute), one.kept()) for name, one in self._outlooks.items()],
                [_KeptFilling(name, self._seen.get(name, self._minute), one.kept()) for name, one in self._fillings.items()],
            )
        )

    def load(self, kept: bytes) -> None:
        """What `dump` gave, instead of what is known now.

        Raises:
            ValueError: it is damaged, or of another version; nothing is changed then.
        """
        try:
            told = msgspec.msgpack.decode(kept, type=_Kept)
            if told.version != VERSION:
                raise ValueError(f"version {told.version}, not {VERSION}")
            outlooks = {one.name: Outlook(traits(one.name[0], one.name[2]), one.outlook) for one in told.outlooks[:MOST]}
            fillings = {one.name: Filling(*one.filling) for one in told.fillings[:MOST_FILLS]}
        except (msgspec.MsgspecError, ValueError, TypeError, OverflowError) as error:
            raise ValueError(f"the kept forecasts cannot be used: {error}") from None
        self._outlooks, self._fillings = outlooks, fillings
        self._seen = {one.name: one.minute for one in told.fillings} | {one.name: one.minute for one in told.outlooks}
        self._now.clear()
        self._minute = -1


def charted_as(kind: str, name: str) -> str:
    """Under which name charts keep the numbers of a subject."""
    return "host" if kind == "host" else name
