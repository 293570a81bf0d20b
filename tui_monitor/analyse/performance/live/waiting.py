"""Predictions that wait for their labels, and labels that wait for their predictions; what became of each is counted by its reason."""

from __future__ import annotations

import math
import os
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.counts import Batch
from tui_monitor.analyse.performance.counting.known import LIMIT, Hashes, Keyed, Known, Places, firsts
from tui_monitor.analyse.performance.counting.layout import Layout
from tui_monitor.analyse.performance.live.arrived import Coded, Reader
from tui_monitor.analyse.performance.live.books import Bits

MAX_EARLY = 100_000  # labels whose prediction was not seen yet
SAVED_ROWS = 200_000  # newest predictions whose labels may still come after a restart
AGES = 1000  # newest labels whose age is told
KNOWN_BYTES = 64_000_000  # of waiting predictions; with many classes fewer fit
_ALL = 0xFFFF_FFFF_FFFF_FFFF

Mask = NDArray[np.bool_]


class Labelled(NamedTuple):
    """Rows whose label is now known, as they were when they were predicted."""

    batch: Batch
    bits: Bits
    version: NDArray[np.int16]


class Waiting:
    """The join of one log by id.

    Args:
        layout: of the log.
        reader: of its values.
        left_out: reason -> rows, counted on.
        horizon_s: how long a label may take.
        limit: predictions that wait, at most.
        key: under which ids are hashed; a new one is drawn when None.
    """

    def __init__(
        self, layout: Layout, reader: Reader, left_out: Counter[str], *, horizon_s: float, limit: int = LIMIT, key: bytes | None = None
    ) -> None:
        self._layout, self._reader, self._left_out, self._horizon_s, self._limit = layout, reader, left_out, horizon_s, limit
        self._hash = Keyed(key or os.urandom(16))
        self._now_s = -math.inf
        self._early: dict[int, tuple[Any, float]] = {}  # hash of an id -> its label as it came, and when
        self._ages: deque[float] = deque(maxlen=AGES)
        self._known = self._new_known()

    def __len__(self) -> int:
        return len(self._known)

    def hashed(self, identities: Iterable[str]) -> Hashes:
        """Ids as they are held."""
        return self._hash.many(identities)

    def is_known(self, label: NDArray[Any]) -> Mask:
        """Which labels are there."""
        return np.isfinite(label) if self._layout.regression else label >= 0

    # -- predictions ----------------------------------------------------------------------------------------------------------------------

    def new(self, hashes: Hashes, batch: Batch) -> NDArray[np.intp]:
        """The rows that are the first of their id; the others are counted as what they are."""
        first, of = firsts(hashes)
        places = self._known.find(hashes[first])
        seen_before = np.isin(of, first[places >= 0])
        doubles = np.flatnonzero(seen_before | (of != np.arange(len(hashes))))
        if len(doubles):
            prediction, label = batch.prediction[of[doubles]], batch.label[of[doubles]]
            known = np.flatnonzero(seen_before[doubles])
            if len(known):
                at = self._known.find(hashes[doubles[known]])
                prediction[known], label[known] = self._known.get("prediction", at), self._known.get("label", at)
            same_label = ~self.is_known(label) | ~self.is_known(batch.label[doubles]) | (label == batch.label[doubles])
            same = (prediction == batch.prediction[doubles]) & same_label
            self._leave_out("duplicate", int(same.sum()))
            self._leave_out("contradicting", int((~same).sum()))
        return first[places < 0]

    def with_early(self, batch: Batch, hashes: Hashes, has_id: Mask) -> Batch:
        """Predictions with the labels that came before them."""
        if not self._early:
            return batch
        label = batch.label.copy()
        for place in np.flatnonzero(has_id):
            early = self._early.pop(int(hashes[place]), None)
            if early is not None and not self.is_known(label[place : place + 1])[0]:
                label[place] = self._reader.values([early[0]])[0][0]
                self._ages.append(max(0.0, early[1] - float(batch.at_s[place])))
        return batch._replace(label=label)

    def add(self, hashes: Hashes, batch: Batch, bits: Bits, version: NDArray[np.int16], now_s: float) -> None:
        """Predictions of new ids, with or without a label: one may come again."""
        self._now_s = max(self._now_s, now_s)
        if not len(hashes):
            return
        if self._columns() != self._held:  # a class more has scores
            before, self._known = self._known, self._new_known()
            old_hashes, old = before.newest(len(before))
            if len(old_hashes):
                wider = np.full((len(old_hashes), self._reader.score_width), math.nan)
                wider[:, : old["score"].shape[1]] = old["score"]
                self._known.add(old_hashes, old | {"score": wider})
        columns = {"at_s": batch.at_s, "prediction": batch.prediction, "label": batch.label, "bits": bits, "version": version}
        self._known.add(hashes, columns | {name: value for name in _MORE if (value := getattr(batch, name)) is not None})

    def clear_bit(self, bit: int) -> None:
        """Take a slice that is no more from every row."""
        self._known.clear_bits("bits", 1 << bit)

    # -- labels ---------------------------------------------------------------------------------------------------------------------------

    def labelled(self, labels: Mapping[str, str | float], now_s: float) -> Labelled | None:
        """Labels that came: the rows that have none yet and get one now, None when that is none."""
        self._now_s = max(self._now_s, now_s)
        values = list(labels.values())
        codes, missing, unknown = self._reader.values(values)
        self._leave_out("label_unreadable" if self._layout.regression else "unknown_class", int((unknown & ~missing).sum()))
        self._leave_out("label_unreadable", int(missing.sum()))
        usable = ~missing & ~unknown
        hashes = self.hashed(labels)
        places = self._known.find(hashes)
        for number in np.flatnonzero(usable & (places < 0)):
            self._wait_early(int(hashes[number]), values[number], now_s)
        found = np.flatnonzero(usable & (places >= 0))
        places, codes = places[found], codes[found]
        at_s, before = self._known.get("at_s", places), self._known.get("label", places)
        has_one = self.is_known(before)
        self._leave_out("contradicting", int((has_one & (before != codes)).sum()))
        late = ~has_one & (now_s - at_s > self._horizon_s)
        self._leave_out("label_too_late", int(late.sum()))
        good = ~has_one & ~late
        if not good.any():
            return None
        places, codes = places[good], codes[good]
        self._known.set("label", places, codes)
        self._ages.extend(np.maximum(0.0, now_s - at_s[good]).tolist())
        return self._rows(places, codes)

    def found(self, hashes: Hashes) -> tuple[NDArray[np.intp], Labelled]:
        """Which of some ids wait here (their number among those asked for), and their rows."""
        places = self._known.find(hashes)
        here = np.flatnonzero(places >= 0)
        return here, self._rows(places[here], self._known.get("label", places[here]))

    def _rows(self, places: Places, label: NDArray[Any]) -> Labelled:
        """Rows as a batch has them; those that wait are kept in fewer bytes."""
        column = {name: self._known.get(name, places) for name in self._held}
        batch = Batch(
            self._known.get("at_s", places),
            self._typed(column["prediction"]),
            self._typed(label),
            score=column.get("score"),
            base=self._typed(column["base"]) if "base" in column else None,
            proxy=self._typed(column["proxy"]) if "proxy" in column else None,
        )
        return Labelled(batch, column["bits"], column["version"])

    def _typed(self, values: NDArray[Any]) -> Coded:
        return values.astype(np.float64) if self._layout.regression else values.astype(np.int32)

    def _wait_early(self, identity: int, label: Any, now_s: float) -> None:
        if identity not in self._early and len(self._early) >= MAX_EARLY:
            self._early.pop(next(iter(self._early)))
            self._leave_out("labels_unmatched", 1)
        self._early.setdefault(identity, (label, now_s))

    def age_s(self) -> tuple[float | None, float | None]:
        """From a prediction to its label, of the newest labels: median and 95 % quantile."""
        if not self._ages:
            return None, None
        median_s, p95_s = np.quantile(np.array(self._ages), (0.5, 0.95))
        return float(median_s), float(p95_s)

    # -- what is let go -------------------------------------------------------------------------------------------------------------------

    def forget(self, now_s: float) -> None:
        """Let go of what is too old: labels past the horizon; predictions after twice that, to tell a label that is too late from one of nobody."""
        self._known.forget(now_s - 2 * self._horizon_s)
        while self._early:
            identity, (_, came_s) = next(iter(self._early.items()))
            if now_s - came_s <= self._horizon_s:
                return
            del self._early[identity]
            self._leave_out("labels_unmatched", 1)

    def _dropped(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Rows had to make room: their labels cannot be joined any more."""
        self._leave_out("not_awaited", self._awaited(columns))

    def _awaited(self, columns: Mapping[str, NDArray[Any]]) -> int:
        """Rows whose label may still come."""
        return int((~self.is_known(columns["label"]) & (columns["at_s"] >= self._now_s - self._horizon_s)).sum())

    def _leave_out(self, reason: str, rows: int) -> None:
        if rows:
            self._left_out[reason] += rows

    # -- how they are held ----------------------------------------------------------------------------------------------------------------

    def _columns(self) -> dict[str, Any]:
        value: Any = np.float64 if self._layout.regression else np.int16
        columns: dict[str, Any] = {"prediction": value, "label": value, "bits": np.uint64, "version": np.int16}
        if self._layout.scores:
            width = self._reader.score_width
            columns["score"] = (np.float64, (width,)) if width else np.float64
        if self._layout.base:
            columns["base"] = value
        if self._layout.proxy:
            columns["proxy"] = value
        return columns

    def _new_known(self) -> Known:
        self._held = self._columns()
        width = 16 + sum(np.dtype(dtype).itemsize for dtype in self._held.values())
        return Known(self._held, limit=max(1, min(self._limit, KNOWN_BYTES // width)), dropped=self._dropped)

    # -- kept -----------------------------------------------------------------------------------------------------------------------------

    def plain(self) -> dict[str, Any]:
        """As values that can be written: hashes of ids and what was said of them, never ids."""
        older = self._known.newest(len(self._known))[1] if len(self._known) > SAVED_ROWS else None
        lost = 0 if older is None else self._awaited({name: column[:-SAVED_ROWS] for name, column in older.items()})
        return {
            "key": self._hash.key,
            "score_width": self._reader.score_width,
            "known": self._known.plain(SAVED_ROWS),
            "lost": lost,  # awaited, and more than are saved
            "early": [[identity, *one] for identity, one in self._early.items()],
            "ages": list(self._ages),
        }

    def restore(self, plain: Mapping[str, Any], bits: int) -> None:
        """Go on with what `plain` gave.

        Args:
            plain: it.
            bits: of slices that are still the same; others are taken from the rows.

        Raises:
            ValueError: it is damaged.
        """
        keyed = Keyed(bytes(plain["key"]))
        early = {int(identity): (label, float(came_s)) for identity, label, came_s in plain["early"]}
        ages, lost = [float(age_s) for age_s in plain["ages"]], int(plain["lost"])
        self._reader.score_width = int(plain["score_width"])
        known = self._new_known()
        known.restore(plain["known"])
        known.clear_bits("bits", ~bits & _ALL)
        self._hash, self._known, self._early = keyed, known, early
        self._ages.extend(ages)
        self._leave_out("not_awaited", lost)


_MORE = ("score", "base", "proxy")
