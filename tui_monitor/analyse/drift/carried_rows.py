"""Which slices of one log carry a change of its signals.

When a signal has a reference its counts per bin and slice are made from the rows that look like it: those of the file that was given, else
those that are held. What is kept over a restart are such counts. Without any, nothing is told: the rows of another reference say nothing of
this one.

Numbers are inputs that move with other inputs, so their quarters are for scores, predictions and errors only; and the prediction is for errors
only.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift import sentence
from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.carried import Rows, carriers, change_of
from tui_monitor.analyse.drift.carried_held import MOST_ROWS, Piece, Stream, Values, full, joined, some
from tui_monitor.analyse.drift.carried_saved import SavedCarried, SavedJoint, SavedSlice
from tui_monitor.analyse.drift.carried_slices import MOST_SLICES, Sliced, slices_of
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.past import effect
from tui_monitor.analyse.drift.reference import Reference
from tui_monitor.analyse.drift.signal import Signal
from tui_monitor.analyse.performance.slicing.slices import Table, predicate
from tui_monitor.config import PredictionSettings
from tui_monitor.model import Carries, clean

SETTLED_AT = 500  # rows from which slices are made
LEAST_ROWS = 300  # that counts of a reference are made of
ALIKE, NOISE, MOST_NOISE = 0.02, 1.5, 0.06  # rows whose bins differ by more are not those of a reference
AGAIN_ROWS = 500  # more, before rows are looked at anew for a reference that has no counts
AGAIN_SHARE = 0.05  # of the rows since a change must be new, before it is looked at anew
KNOWN = 0.5  # share of the rows that must have a slice's columns
WAITING_ROWS = 500
LATE_ROWS = 65_536  # rows whose slices are known when their label comes
MOST_GIVEN = 4  # files


class Joint(NamedTuple):
    """What the reference of one signal is made of."""

    reference: Reference | None  # None: it was saved and has not been seen since
    key: str
    table: Floats
    known: NDArray[np.bool_]


class Carried:
    """One log. It is used in the judges' thread."""

    def __init__(self, settings: PredictionSettings, saved: SavedCarried | None = None) -> None:
        self.settings = settings
        self.failed = ""  # why nothing is told any more
        self.slices: list[Sliced] | None = None
        self._roles: dict[str, str] = {}
        self._rows, self._labelled = Stream(), Stream()
        self._came: list[Piece] = []  # rows that wait to be sorted
        self._came_late: list[Piece] = []
        self._late: set[str] = set()  # signals of labelled rows
        self._unfit: set[str] = set()
        self._bits = np.zeros(LATE_ROWS, np.uint64)
        self._numbers = np.full(LATE_ROWS, -1, np.int64)
        self._given: dict[str, Piece] = {}
        self._joints: dict[str, Joint] = {}
        self._tried: dict[str, tuple[Reference, int]] = {}
        self._told: dict[str, tuple[tuple[float, int], int, list[Carries]]] = {}
        if saved is not None:
            self._load(saved)

    # -- rows -------------------------------------------------------------------------------------------------------------------------------

    def rows(self, at_s: Floats, columns: Mapping[str, tuple[str, NDArray[Any], NDArray[np.bool_]]], numbers: NDArray[np.int64]) -> None:
        """Rows that came, each with its number, by which a label that comes later finds it."""
        if not at_s.size:
            return
        for name, (role, _, _) in columns.items():
            self._roles.setdefault(name, role)
        self._wait(self._came, Piece.of(at_s, numbers, columns))

    def labelled(
        self, at_s: Floats, columns: Mapping[str, tuple[str, NDArray[Any], NDArray[np.bool_]]], numbers: NDArray[np.int64]
    ) -> None:
        """Rows whose label came; `numbers` are those that the rows themselves had."""
        self._late.update(columns)
        self._wait(self._came_late, Piece.of(at_s, numbers, columns))

    def _wait(self, waiting: list[Piece], piece: Piece) -> None:
        """Some hundred rows are sorted at once: each look at them costs more than a row does."""
        waiting.append(piece)
        if sum(one.at_s.size for one in waiting) >= WAITING_ROWS:
            self._take()

    def _take(self) -> None:
        """What waits, to what is held: rows first, for their labels."""
        if self._came:
            self._rows.add(self._sorted(joined(self._came)))
        if self._came_late:
            late = joined(self._came_late)
            self._labelled.add(late if self.slices is None else self._found(late))
        self._came, self._came_late = [], []

    def given(self, origin: str, columns: Mapping[str, Values], rows: int) -> None:
        """The rows of a file that is a reference; `origin` as its signals' references have it."""
        if not rows or (len(self._given) >= MOST_GIVEN and origin not in self._given):
            return
        piece = Piece(np.zeros(rows), np.full(rows, -1, np.int64), np.zeros(rows, np.uint64), dict(columns)).take(some(rows, MOST_ROWS))
        self._given[origin] = piece if self.slices is None else piece._replace(bits=self._of(piece))

    def anew(self) -> None:
        """Another version of the model serves: what is usual is learned from what comes from now on."""
        self._rows, self._labelled = Stream(), Stream()
        self._came, self._came_late = [], []
        self._tried.clear()
        self._told.clear()

    def _sorted(self, piece: Piece) -> Piece:
        if self.slices is None:
            return piece
        piece = piece._replace(bits=self._of(piece))
        self._bits[piece.numbers % LATE_ROWS], self._numbers[piece.numbers % LATE_ROWS] = piece.bits, piece.numbers
        return piece._replace(columns={name: one for name, one in piece.columns.items() if name not in self._unfit})

    def _found(self, piece: Piece) -> Piece:
        """Labelled rows with the slices of their rows; those that are not known any more are left out."""
        place = piece.numbers % LATE_ROWS
        known = (self._numbers[place] == piece.numbers) & (piece.numbers >= 0)
        found = piece._replace(bits=self._bits[place])
        return found if known.all() else found.take(known)

    def _of(self, piece: Piece) -> NDArray[np.uint64]:
        """The slices of every row, one bit each."""
        bits = np.zeros(piece.at_s.size, np.uint64)
        slices = self.slices or ()
        asked = dict.fromkeys(name for one in slices for name in one.slice.columns)
        table = Table({"": np.zeros(piece.at_s.size)} | {name: full(*piece.columns[name]) for name in asked if name in piece.columns})
        for place, one in enumerate(slices):
            bits |= one.slice.fits(table).astype(np.uint64) << np.uint64(place)
        return bits

    # -- references ---------------------------------------------------------------------------------------------------------------------------

    def look(self, signals: Iterable[Signal]) -> None:
        """After a check: references that are new have their counts made while the rows that they were made of are there."""
        signals = [signal for signal in signals if signal.intake == "rows"]
        judged = [signal for signal in signals if signal.reference is not None]
        if self.slices is None and judged:
            self._take()
            if self._rows.since.size >= SETTLED_AT:
                self._settle()
        if self.slices is None:
            return
        self._unfit = {signal.name for signal in signals if signal.unfit}
        for signal in judged:
            known = self._joints.get(signal.name)
            if known is None or known.reference is not signal.reference:
                self._make(signal)

    def _make(self, signal: Signal) -> None:
        """The counts of a signal's reference, from the rows that look most like it; none where all are unlike it."""
        reference, bins = signal.reference, signal.bins
        if reference is None or bins is None:
            return
        known, key = self._joints.get(signal.name), _key(bins, reference)
        if known is not None and known.key == key:
            self._joints[signal.name] = known._replace(reference=reference)
            return
        stream = self._labelled if signal.name in self._late else self._rows
        tried = self._tried.get(signal.name)
        if tried is not None and tried[0] is reference and (stream.rows - tried[1] < AGAIN_ROWS or signal.state in ("drift", "watch")):
            return
        self._take()
        self._tried[signal.name] = (reference, stream.rows)
        self._joints.pop(signal.name, None)
        self._told.pop(signal.name, None)
        given = next(
            (
                piece
                for origin, piece in self._given.items()
                if reference.origin.startswith((f"{origin},", f"{origin};")) or reference.origin == origin
            ),
            None,
        )
        if given is not None and signal.name in given.columns:
            tried_on, known_slices = [given], self._known(given)
        else:
            tried_on, known_slices = [stream.since.together(), stream.newest.together()], self._known_now()
        best = ALIKE + MOST_NOISE
        for piece in tried_on:
            found = self._rows_of(signal, bins, piece)
            if found.places.size < LEAST_ROWS:
                continue
            gap = _gap(found, reference, ordered=not signal.category)
            noise = NOISE * (reference.tau * (1 / found.places.size + 1 / reference.rows)) ** 0.5
            if gap < min(best, ALIKE + min(noise, MOST_NOISE)):
                best = gap
                self._joints[signal.name] = Joint(reference, key, found.table(len(bins)), known_slices)

    def _known(self, piece: Piece, beside: Collection[str] = ()) -> NDArray[np.bool_]:
        """Slices of which these rows tell: half of them and more have the columns, or these are known to be there."""
        share = {name: float(there.mean()) if there.size else 0.0 for name, (_, there) in piece.columns.items()} | dict.fromkeys(
            beside, 1.0
        )
        return np.asarray([all(share.get(name, 0.0) >= KNOWN for name in one.slice.columns) for one in self.slices or ()], np.bool_)

    def _known_now(self) -> NDArray[np.bool_]:
        return self._known(self._rows.newest.together(), self._unfit)

    def _rows_of(self, signal: Signal, bins: Bins, piece: Piece, since_s: float | None = None) -> Rows:
        """Bin and slices of the rows that have a value."""
        slices = len(self.slices or ())
        if signal.name not in piece.columns:
            return Rows(np.zeros(0, np.int64), np.zeros((0, slices), np.bool_))
        values, there = piece.columns[signal.name]
        bits, at_s = piece.bits[there], piece.at_s[there]
        if since_s is not None:
            late = at_s >= since_s
            values, bits = values[late], bits[late]
        if bins.kind == "numeric" and values.dtype == object:
            number = np.fromiter((isinstance(value, float) for value in values), np.bool_, values.size)
            values, bits = values[number].astype(np.float64), bits[number]
        elif bins.kind == "category":
            values = np.asarray([value if isinstance(value, str) else f"{value:.12g}" for value in values.tolist()], dtype=object)
        member = np.unpackbits(bits[:, None].astype("<u8").view(np.uint8), axis=1, bitorder="little")[:, :slices].astype(np.bool_)
        return Rows(bins.places(values) if values.size else np.zeros(0, np.int64), member)

    # -- what is told -------------------------------------------------------------------------------------------------------------------------

    def carriers(self, signal: Signal) -> list[Carries]:
        """The slices that carry the change of a signal that is in drift, or watched."""
        joint, bins, slices = self._joints.get(signal.name), signal.bins, self.slices
        if joint is None or bins is None or slices is None or joint.reference is not signal.reference or signal.reference is None:
            return []
        stretch = signal.now()
        if stretch.rows <= 0:
            return []
        stream = self._labelled if signal.name in self._late else self._rows
        at = effect(stretch, category=signal.category).at
        told = self._told.get(signal.name)
        if told is not None and told[0] == (stretch.since_s, at) and stream.rows < told[1]:
            return told[2]
        self._take()
        rows = self._rows_of(signal, bins, stream.newest.together(), stretch.since_s)
        allowed = np.asarray([_fits(one, signal) for one in slices], np.bool_) & joint.known & self._known_now()
        change = change_of(stretch.expected, stretch.counts, at, signal.tau, category=signal.category)
        where = _where(signal.name, bins, change.event)
        found = carriers(rows, joint.table, change, [one.slice.name for one in slices], allowed, where) if rows.places.size else []
        self._told[signal.name] = (stretch.since_s, at), stream.rows + max(20, int(AGAIN_SHARE * rows.places.size)), found
        return found

    # -- slices -------------------------------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Make the slices, and sort what is held by them."""
        whole = self._rows.since.together()
        columns = {
            name: full(*one) for name, one in whole.columns.items() if self._roles.get(name, "input") in ("input", "output", "version")
        }
        self.slices = slices_of(self.settings, columns, {name for name in columns if self._roles.get(name) == "output"})
        for held in (self._rows.since, self._rows.newest):
            piece = held.together()
            held.put(self._sorted(piece))
        for held in (self._labelled.since, self._labelled.newest):
            held.put(self._found(held.together()))
        self._given = {origin: piece._replace(bits=self._of(piece)) for origin, piece in self._given.items()}

    # -- over a restart -----------------------------------------------------------------------------------------------------------------------

    def dump(self) -> SavedCarried:
        """Slices and counts."""
        slices = [SavedSlice(one.slice.name, one.slice.expression, one.sort) for one in self.slices or ()]
        joints = [
            SavedJoint(name, joint.key, len(joint.table), zlib.compress(joint.table.astype("<u2").tobytes(), 1), joint.known.tolist())
            for name, joint in self._joints.items()
        ]
        return SavedCarried(self.settings.slices, slices, joints)

    def _load(self, saved: SavedCarried) -> None:
        if saved.configured != self.settings.slices or not saved.slices or len(saved.slices) > MOST_SLICES:
            return
        try:
            slices = [Sliced(predicate(one.expression, one.name), one.sort) for one in saved.slices]
        except ValueError:
            return
        if any(name in self.settings.private for one in slices for name in one.slice.columns):
            return
        self.slices = slices
        wide = len(slices) + 1
        for one in saved.joints:
            try:
                table = np.frombuffer(zlib.decompress(one.counts), "<u2").astype(np.float64).reshape(one.bins, wide, wide)
            except (ValueError, zlib.error):
                continue
            if len(one.known) == len(slices):
                self._joints[one.signal] = Joint(None, one.reference, table, np.asarray(one.known, np.bool_))


def _fits(one: Sliced, signal: Signal) -> bool:
    """Whether a slice may tell of a signal: not by its own column, nor by what follows from it or moves with it anyway."""
    if signal.name in one.slice.columns:
        return False
    return signal.role != "input" if one.sort == "number" else signal.role == "performance" if one.sort == "output" else True


def _where(name: str, bins: Bins, event: NDArray[np.bool_]) -> str:
    """A row of the event lies there."""
    if bins.kind == "category":
        return clean(bins.names[int(event.argmax())], 60)
    if event[0]:
        return f"at or below {sentence.number(bins.edges[int(event.sum()) - 1], name)}"
    return f"above {sentence.number(bins.edges[int(event.argmax()) - 1], name)}"


def _key(bins: Bins, reference: Reference) -> str:
    return f"{zlib.crc32(msgspec.msgpack.encode((bins, reference.counts))):08x}"


def _gap(rows: Rows, reference: Reference, *, ordered: bool) -> float:
    """The largest difference of shares between rows and a reference."""
    counts = np.bincount(rows.places, minlength=len(reference.counts)).astype(np.float64)
    gap = counts / counts.sum() - np.asarray(reference.counts) / reference.rows
    return float(np.abs(np.cumsum(gap) if ordered else gap).max())
