"""What a number usually is at this hour of the day: a quantile of its own past, kept as counts.

Each number that a rule holds against its usual value is counted once a minute, for each hour of the (local) day apart. Only hours that are
over count: what happens now cannot make itself usual. What is older weighs less, half after two weeks. A past that is too short says nothing:
an hour must have been seen on two days, and for so many minutes that the quantile is one of them (100 for 99 %).
The forecasts (`analyse.anomaly`) learn hours too, for another question. A rule that says "above usual 99 %" promises a share of the minutes of
the past, and this is that quantile; a forecast says what is expected next, from medians of hours, a level and a trend, with a band that is left
once in years. Neither can be read from the other: the one keeps tails and no level, the other a level and no tails.
Pure: the time is an argument, and nothing is written here; `dump` and `load` are for the store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tui_monitor.alerts.rule import lookup, unit_of
from tui_monitor.alerts.sketch import Sketch
from tui_monitor.alerts.summary import say_value
from tui_monitor.language.names import asked
from tui_monitor.model import Subject, Usual

VERSION = 1
DAYS_NEEDED = 2
MINUTES_NEEDED = 60
DAILY = 0.5 ** (1 / 14)  # what a day leaves of the weight of those before
MOST_SIGNALS = 1000  # about 12 kB each
FORGOTTEN_DAYS = 14  # a number that was not seen for so long makes room when there is none

_Signal = tuple[str, str, str]  # kind and name of the subject, name of the number


class _Hour(Struct):
    """One hour of the day, all days together."""

    sketch: Sketch
    days: int
    last_day: int  # proleptic ordinal


class _Past(Struct):
    """One number."""

    hours: dict[int, _Hour]
    open_day: int
    open_hour: int
    open: Sketch  # this hour, which does not count yet
    minute: int = -1  # the last one that was counted


class _KeptHour(Struct, array_like=True):
    hour: int
    days: int
    last_day: int
    keys: bytes
    counts: bytes


class _KeptPast(Struct, array_like=True):
    kind: str
    subject: str
    number: str
    hours: list[_KeptHour]
    open: _KeptHour


class _Kept(Struct):
    version: int
    pasts: list[_KeptPast]


class UsualKeeper:
    """The past of every number that a rule holds against what is usual."""

    def __init__(self, wanted: Mapping[str, str], zone: tzinfo | None = None) -> None:
        """Keep for these rules.

        Args:
            wanted: `rules.usual_of` of the rules in force.
            zone: whose hours; None: the host's own.
        """
        self._zone = zone
        self._pasts: dict[_Signal, _Past] = {}
        self._known: dict[tuple[_Signal, str], tuple[int, int, Usual]] = {}
        self.left_out = 0  # numbers that found no room
        self.set_wanted(wanted)

    def set_wanted(self, wanted: Mapping[str, str]) -> None:
        """Other rules from now on; a past that no rule asks for any more is kept until room is needed."""
        self._wanted = dict(wanted)
        self._numbers = tuple((number, asked(number).key) for number in dict.fromkeys(wanted.values()))
        self._known.clear()

    # -- learning -------------------------------------------------------------------------------------------------------------------

    def take(self, subjects: Sequence[Subject], at_s: float) -> None:
        """Count what the numbers are now; may be called at every tick, and counts once a minute."""
        if not self._numbers:
            return
        at = datetime.fromtimestamp(at_s, self._zone)
        day, hour, minute = at.toordinal(), at.hour, int(at_s // 60)
        for subject in subjects:
            for number, key in self._numbers:
                if key in subject.metrics:
                    value = lookup(subject).get(number)
                    if isinstance(value, (int, float)) and math.isfinite(value):
                        self._count((subject.kind, subject.name, number), value, day, hour, minute)

    def _count(self, signal: _Signal, value: float, day: int, hour: int, minute: int) -> None:
        past = self._pasts.get(signal) or self._begun(signal, day, hour)
        if past is None or past.minute == minute:
            return
        if (past.open_day, past.open_hour) != (day, hour):
            _close(past)
            past.open_day, past.open_hour, past.open = day, hour, Sketch()
        past.minute = minute
        past.open.add(value)

    def _begun(self, signal: _Signal, day: int, hour: int) -> _Past | None:
        if len(self._pasts) >= MOST_SIGNALS:
            self._pasts = {known: past for known, past in self._pasts.items() if day - past.open_day < FORGOTTEN_DAYS}
        if len(self._pasts) >= MOST_SIGNALS:
            self.left_out += 1
            return None
        past = self._pasts[signal] = _Past({}, day, hour, Sketch())
        return past

    # -- telling --------------------------------------------------------------------------------------------------------------------

    def fill(self, subjects: Iterable[Subject], at_s: float) -> list[Subject]:
        """The same subjects, with the usual values that the rules may ask them for."""
        if not self._wanted:
            return list(subjects)
        at = datetime.fromtimestamp(at_s, self._zone)
        filled = []
        for subject in subjects:
            told = {
                wanted: self._told((subject.kind, subject.name, number), wanted, at.toordinal(), at.hour)
                for wanted, number in self._wanted.items()
                if asked(number).key in subject.metrics
            }
            filled.append(replace(subject, usual=subject.usual | told) if told else subject)
        return filled

    def usual(self, kind: str, subject: str, wanted: str, at_s: float) -> Usual:
        """One of them, for any moment: the line in a chart."""
        at = datetime.fromtimestamp(at_s, self._zone)
        return self._told((kind, subject, self._wanted.get(wanted, "")), wanted, at.toordinal(), at.hour)

    def _told(self, signal: _Signal, wanted: str, day: int, hour: int) -> Usual:
        """The history of an hour does not change while it lasts, so this is made once an hour."""
        known = self._known.get((signal, wanted))
        if known is not None and known[:2] == (day, hour):
            return known[2]
        past = self._pasts.get(signal)
        usual = _said(past.hours.get(hour) if past else None, hour, signal[2], wanted)
        self._known[signal, wanted] = (day, hour, usual)
        if len(self._known) > 4 * MOST_SIGNALS:
            self._known.clear()
        return usual

    # -- for the store --------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Everything, for `load`."""
        pasts = [
            _KeptPast(
                *signal,
                [_KeptHour(hour, of.days, of.last_day, *of.sketch.kept()) for hour, of in past.hours.items()],
                _KeptHour(past.open_hour, 0, past.open_day, *past.open.kept()),
            )
            for signal, past in self._pasts.items()
        ]
        return msgspec.msgpack.encode(_Kept(VERSION, pasts))

    def load(self, kept: bytes) -> None:
        """What `dump` gave, instead of what is known now.

        Raises:
            ValueError: it is damaged, or of another version; nothing is changed then.
        """
        try:
            told = msgspec.msgpack.decode(kept, type=_Kept)
            if told.version != VERSION:
                raise ValueError(f"version {told.version}, not {VERSION}")
            pasts = {
                (one.kind, one.subject, one.number): _Past(
                    {of.hour: _Hour(Sketch(of.keys, of.counts), of.days, of.last_day) for of in one.hours},
                    one.open.last_day,
                    one.open.hour,
                    Sketch(one.open.keys, one.open.counts),
                )
                for one in told.pasts[:MOST_SIGNALS]
            }
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"the kept past of what is usual cannot be used: {error}") from None
        self._pasts = pasts
        self._known.clear()


def _close(past: _Past) -> None:
    """The open hour is over: from now on it counts."""
    if past.open.total <= 0:
        return
    hour = past.hours.get(past.open_hour)
    if hour is None:
        past.hours[past.open_hour] = _Hour(past.open, 1, past.open_day)
        return
    if past.open_day > hour.last_day:
        hour.sketch.fade(DAILY ** (past.open_day - hour.last_day))
        hour.days += 1
        hour.last_day = past.open_day
    hour.sketch.merge(past.open)


def _said(hour: _Hour | None, at_hour: int, number: str, wanted: str) -> Usual:
    """The usual value with its reason, or why there is none."""
    share = float(wanted.rpartition(", ")[2].rstrip("%)")) / 100
    rare = min(share, 1 - share)
    needed = max(MINUTES_NEEDED, math.ceil(1 / rare - 1e-9)) if rare > 0 else MINUTES_NEEDED
    days, minutes = (hour.days, hour.sketch.total) if hour else (0, 0.0)
    if days < DAYS_NEEDED:
        return Usual(None, f"usual at {at_hour} h is not known yet: seen on {days} of {DAYS_NEEDED} days")
    if minutes < needed or hour is None:
        return Usual(None, f"usual at {at_hour} h is not known yet: {minutes:.0f} of {needed} minutes")
    value = hour.sketch.quantile(share)
    word, part = ("up to", share) if share >= 0.5 else ("from", 1 - share)
    return Usual(value, f"usual at {at_hour} h: {word} {say_value(value, unit_of(number))}, {100 * part:.6g} % of {days} days")
