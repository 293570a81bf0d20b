"""A prediction log with labels that come late: joined by id, counted by slots of time, never kept as rows."""

from __future__ import annotations

import math
import os
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.arrived import Arrived, Coded, Reader, features, layout_of
from tui_monitor.analyse.performance.book import ALL, DEPLOY, Book, spots
from tui_monitor.analyse.performance.candidates import Candidates
from tui_monitor.analyse.performance.counts import Batch, Counts
from tui_monitor.analyse.performance.drawn import Drawn
from tui_monitor.analyse.performance.groups import gaps
from tui_monitor.analyse.performance.intervals import mean, share
from tui_monitor.analyse.performance.known import LIMIT, Keyed, Known, firsts
from tui_monitor.analyse.performance.pairs import paired, versions
from tui_monitor.analyse.performance.proxy import agreement
from tui_monitor.analyse.performance.reference import Reference
from tui_monitor.analyse.performance.reweight import Reweighted
from tui_monitor.analyse.performance.shown import Shown
from tui_monitor.analyse.performance.slices import Slice, Table, predicate
from tui_monitor.analyse.performance.standing import Learning, Line, Standing, line_of, sentence
from tui_monitor.analyse.performance.worst import worst_slices
from tui_monitor.config import PredictionSettings
from tui_monitor.language.expression import ExpressionError
from tui_monitor.model import Estimate, LogRow, LogRows, Paired, Performance, Quality, clean, utc
from tui_monitor.vocabulary import seconds

AHEAD_S = 60.0  # a row may be this far in the future: clocks differ
MAX_EARLY = 100_000  # labels whose prediction was not seen yet
MAX_SLICES = 64
MAX_DEPLOYS = 50
FORM = 1  # of what is kept over a restart
SAVED_ROWS = 200_000  # newest predictions whose labels may still come after a restart
MIXED = "24h"  # the window whose mix of slices is looked at
AGES = 1000  # newest labels whose age is told
KNOWN_BYTES = 64_000_000  # of waiting predictions; with many classes fewer fit
_LARGEST = 1e70  # an error whose square is still a number


class Labelled(NamedTuple):
    """Rows whose label is now known, as they were when they were predicted."""

    batch: Batch
    bits: NDArray[np.uint64]
    version: NDArray[np.int16]


class LabelledLog:
    """How well one model does, over sliding windows, since its newest version and since its log began.

    Args:
        settings: of the log.
        reference: labelled rows that it is held against, where there are such.
        limit: predictions that wait for their labels, at most.
        key: under which ids are hashed; new ones are drawn when None.
    """

    def __init__(
        self,
        settings: PredictionSettings,
        reference: Sequence[LogRow] | None = None,
        *,
        limit: int = LIMIT,
        key: bytes | None = None,
    ) -> None:
        self._settings = settings
        self._regression = settings.task == "regression"
        self.layout = layout_of(settings, calibrated=bool(reference) and bool(settings.columns.score) and settings.task != "regression")
        self._reader = Reader(settings, self.layout)
        self._horizon_s = seconds(settings.horizon)
        self._limit = limit
        self._hash = Keyed(key or os.urandom(16))
        self.left_out: Counter[str] = Counter()  # reason -> rows
        self.out_of_order = 0
        self._kept = 1.0
        self._now_s = -math.inf
        self.bad_slices: dict[str, str] = {}
        self._candidates = Candidates(
            self._configured(), (*settings.private, *_own_columns(settings)), automatic=settings.auto_slices, most=MAX_SLICES
        )
        self._bit_of: dict[str, int] = {}  # name of a slice -> its bit
        self._by_name: dict[str, Slice] = {}
        self._books: dict[str | None, Book] = {}
        self._waiting = self._new_known()
        self._early: dict[int, tuple[Any, float]] = {}  # hash of an id -> its label as it came, and when
        self._drawn = Drawn()
        self._mixed: tuple[float, Reweighted] | None = None
        self._ages: deque[float] = deque(maxlen=AGES)
        self.deploys: list[tuple[float, str]] = []
        self._deployed_s: float | None = None
        self._of_version = np.zeros((0, 3))  # labelled rows, their sum, sum of squares
        self._learning = Learning()
        self._usual: Line | None = None
        self._learned_s = -math.inf
        self.key = "mae" if self._regression else "accuracy"
        self.standing = Standing(self.key)
        self.reference, self._reference_line = self._against(reference)
        self._shown = Shown(settings.name, self.layout, self.reference, settings.columns.proxy)

    # -- what comes in --------------------------------------------------------------------------------------------------------------------

    def add(self, rows: LogRows, now_s: float) -> None:
        """New rows, and labels that came late; of rows with one id the first counts."""
        self.left_out.update(rows.left_out)
        self.out_of_order += rows.out_of_order
        self._kept = rows.kept
        self._advance(now_s)
        if rows.rows:
            self._predictions(self._reader.read(rows.rows, now_s, AHEAD_S, self.left_out), now_s)
        if rows.labels:
            self._late(rows.labels, now_s)
        if rows.sampled:
            hashes = self._hash.many(one.id for one in rows.sampled)
            self._leave_out("labels_unmatched", self._drawn.add(zip(hashes.tolist(), rows.sampled, strict=True)))
        if self._drawn.waiting and (rows.rows or rows.sampled):
            self._count_drawn()
        self._forget(now_s)

    def _advance(self, now_s: float) -> None:
        self._now_s = max(self._now_s, now_s)
        if None not in self._books:
            self._books[None] = Book(self.layout, self._now_s)
            self._follow_slices()
        for book in self._books.values():
            book.advance(self._now_s)

    def _predictions(self, arrived: Arrived, now_s: float) -> None:
        hashes = self._hash.many(row.id for row in arrived.rows)
        has_id = np.fromiter((bool(row.id) for row in arrived.rows), np.bool_, len(arrived.rows))
        new = ~has_id
        new[np.flatnonzero(has_id)[self._told_apart(hashes[has_id], arrived.batch.take(has_id))]] = True
        if not new.all():
            here = np.flatnonzero(new)
            arrived = Arrived([arrived.rows[place] for place in here], arrived.batch.take(here), arrived.version[here])
            hashes, has_id = hashes[here], has_id[here]
        if not arrived.rows:
            return
        batch = self._with_early(arrived.batch, hashes, has_id, now_s)
        if self.reference is not None and self.layout.calibrated:
            batch = batch._replace(calibrated=self.reference.expected(batch))
        self._deploys(batch.at_s, arrived.version)
        bits = self._sliced(arrived.rows)
        self._keep(hashes, has_id, batch, bits, arrived.version)
        self._count(batch, bits, rows=True)
        self._learning.add_rows(batch.at_s)
        known = self._is_known(batch.label)
        if known.any():
            self._labelled(Labelled(batch.take(known), bits[known], arrived.version[known]))

    def _told_apart(self, hashes: NDArray[np.uint64], batch: Batch) -> NDArray[np.intp]:
        """The rows that are the first of their id; the others are counted as what they are."""
        first, of = firsts(hashes)
        places = self._waiting.find(hashes[first])
        seen_before = np.isin(of, first[places >= 0])
        new = first[places < 0]
        doubles = np.flatnonzero(seen_before | (of != np.arange(len(hashes))))
        if len(doubles):
            prediction, label = batch.prediction[of[doubles]], batch.label[of[doubles]]
            known = np.flatnonzero(seen_before[doubles])
            if len(known):
                at = self._waiting.find(hashes[doubles[known]])
                prediction[known], label[known] = self._waiting.get("prediction", at), self._waiting.get("label", at)
            same_label = ~self._is_known(label) | ~self._is_known(batch.label[doubles]) | (label == batch.label[doubles])
            same = (prediction == batch.prediction[doubles]) & same_label
            self._leave_out("duplicate", int(same.sum()))
            self._leave_out("contradicting", int((~same).sum()))
        return new

    def _with_early(self, batch: Batch, hashes: NDArray[np.uint64], has_id: NDArray[np.bool_], now_s: float) -> Batch:
        """Labels that came before their predictions find them."""
        if not self._early:
            return batch
        label = batch.label.copy()
        for place in np.flatnonzero(has_id):
            early = self._early.pop(int(hashes[place]), None)
            if early is not None and not self._is_known(label[place : place + 1])[0]:
                label[place] = self._reader.values([early[0]])[0][0]
                self._ages.append(max(0.0, early[1] - float(batch.at_s[place])))
        return batch._replace(label=label)

    def _late(self, labels: Mapping[str, str | float], now_s: float) -> None:
        codes, missing, unknown = self._reader.values(list(labels.values()))
        self._leave_out("unknown_class" if not self._regression else "label_unreadable", int((unknown & ~missing).sum()))
        self._leave_out("label_unreadable", int(missing.sum()))
        usable = ~missing & ~unknown
        hashes = self._hash.many(labels)
        values = list(labels.values())
        places = self._waiting.find(hashes)
        for number in np.flatnonzero(usable & (places < 0)):
            self._wait_early(int(hashes[number]), values[number], now_s)
        found = np.flatnonzero(usable & (places >= 0))
        if not len(found):
            return
        places, codes = places[found], codes[found]
        at_s, before = self._waiting.get("at_s", places), self._waiting.get("label", places)
        labelled = self._is_known(before)
        self._leave_out("contradicting", int((labelled & (before != codes)).sum()))
        late = ~labelled & (now_s - at_s > self._horizon_s)
        self._leave_out("label_too_late", int(late.sum()))
        good = ~labelled & ~late
        if not good.any():
            return
        places, codes = places[good], codes[good]
        self._waiting.set("label", places, codes)
        self._ages.extend(np.maximum(0.0, now_s - at_s[good]).tolist())
        column = {name: self._waiting.get(name, places) for name in self._columns()}
        batch = Batch(
            at_s[good],
            self._typed(column["prediction"]),
            self._typed(codes),
            score=column.get("score"),
            base=self._typed(column["base"]) if "base" in column else None,
            proxy=self._typed(column["proxy"]) if "proxy" in column else None,
        )
        self._count(batch, column["bits"], rows=False)
        self._labelled(Labelled(batch, column["bits"], column["version"]))

    def _typed(self, values: NDArray[Any]) -> Coded:
        """Values as a batch has them; those that wait are kept in fewer bytes."""
        return values.astype(np.float64) if self._regression else values.astype(np.int32)

    def _count_drawn(self) -> None:
        """Labels of a drawn sample whose predictions are known."""
        waiting = self._drawn.waiting
        places = self._waiting.find(np.fromiter(waiting, np.uint64, len(waiting)))
        known = np.flatnonzero(places >= 0)
        if not len(known):
            return
        identities = list(waiting)
        labels, weights = zip(*(waiting.pop(identities[int(number)]) for number in known), strict=True)
        codes, missing, unknown = self._reader.values(labels)
        self._leave_out("label_unreadable", int(missing.sum()))
        self._leave_out("unknown_class", int((unknown & ~missing).sum()))
        good = ~missing & ~unknown
        places, codes, weight = places[known][good], codes[good], np.array(weights, np.float64)[good]
        at_s, said, bits = (self._waiting.get(name, places) for name in ("at_s", "prediction", "bits"))
        for spot, here in spots(at_s, self._now_s, self._deployed_s):
            for name, book in self._books.items():
                mine = here if name is None else here[self._inside(bits[here], name)]
                if len(mine):
                    counts = Counts(self.layout)
                    counts.add_sampled(self._typed(said[mine]), self._typed(codes[mine]), weight[mine])
                    book.add(spot, counts.packed())

    def _inside(self, bits: NDArray[np.uint64], name: str) -> NDArray[np.bool_]:
        return np.asarray((bits >> np.uint64(self._bit_of[name])) & np.uint64(1) == 1)

    def _wait_early(self, identity: int, label: Any, now_s: float) -> None:
        if identity not in self._early and len(self._early) >= MAX_EARLY:
            self._early.pop(next(iter(self._early)))
            self._leave_out("labels_unmatched", 1)
        self._early.setdefault(identity, (label, now_s))

    def _count(self, batch: Batch, bits: NDArray[np.uint64], *, rows: bool) -> None:
        """Rows (with their labels, where they have them) or only labels into the slots of the log and its slices."""
        for spot, here in spots(batch.at_s, self._now_s, self._deployed_s):
            part, part_bits = (batch, bits) if len(here) == len(bits) else (batch.take(here), bits[here])
            for name, book in self._books.items():
                mine = part
                if name is not None:
                    inside = self._inside(part_bits, name)
                    if not inside.any():
                        continue
                    mine = part.take(inside)
                counts = Counts(self.layout)
                if rows:
                    counts.add_rows(mine)
                counts.add_labels(mine)
                book.add(spot, counts.packed())
                if rows:
                    book.oldest_s = min(book.oldest_s, float(mine.at_s.min()))

    def _labelled(self, rows: Labelled) -> None:
        """What the standing and the versions have to know of rows whose label came."""
        batch = rows.batch
        x = self._of_row(batch)
        self._learning.add_labelled(batch.at_s, x)
        if self._reader.versions:
            known = rows.version >= 0
            if known.any():
                self._fit_versions()
                for column, values in enumerate((np.ones(len(x)), x, x * x)):
                    self._of_version[:, column] += np.bincount(rows.version[known], values[known], len(self._of_version))

    def _of_row(self, batch: Batch) -> NDArray[np.float64]:
        """What the number that speaks for the log is a mean of: right or not, or the size of the error."""
        if self._regression:
            return np.minimum(np.abs(np.asarray(batch.prediction - batch.label, np.float64)), _LARGEST)
        return self._right(batch).astype(np.float64)

    def _right(self, batch: Batch) -> NDArray[np.bool_]:
        if self._settings.task == "binary":
            said, was = self._same_class()[batch.prediction.astype(np.int64)], self._same_class()[batch.label.astype(np.int64)]
            return np.asarray(said == was)
        return np.asarray(batch.prediction == batch.label)

    def _same_class(self) -> NDArray[np.int64]:
        """Of a binary log `1` and `true` are one class, and `0` and `false`."""
        names = self.layout.classes.names
        codes = {name: code for code, name in enumerate(names)}
        as_one = {"true": "1", "false": "0"}
        return np.array([codes.get(as_one.get(name, name), code) for code, name in enumerate(names)] or [0], np.int64)

    # -- waiting predictions --------------------------------------------------------------------------------------------------------------

    def _columns(self) -> dict[str, Any]:
        value: Any = np.float64 if self._regression else np.int16
        columns: dict[str, Any] = {"prediction": value, "label": value, "bits": np.uint64, "version": np.int16}
        if self.layout.scores:
            width = self._reader.score_width
            columns["score"] = (np.float64, (width,)) if width else np.float64
        if self.layout.base:
            columns["base"] = value
        if self.layout.proxy:
            columns["proxy"] = value
        return columns

    def _new_known(self) -> Known:
        columns = self._columns()
        width = 16 + sum(np.dtype(dtype).itemsize for dtype in columns.values())
        self._known_columns = columns
        return Known(columns, limit=max(1, min(self._limit, KNOWN_BYTES // width)))

    def _keep(
        self, hashes: NDArray[np.uint64], has_id: NDArray[np.bool_], batch: Batch, bits: NDArray[np.uint64], version: NDArray[np.int16]
    ) -> None:
        if not has_id.any():
            return
        if self._columns() != self._known_columns:  # a class more has scores
            before, self._waiting = self._waiting, self._new_known()
            old_hashes, old = before.newest(self._limit)
            if len(old_hashes):
                wider = np.full((len(old_hashes), self._reader.score_width), math.nan)
                wider[:, : old["score"].shape[1]] = old["score"]
                self._waiting.add(old_hashes, old | {"score": wider})
        columns = {"at_s": batch.at_s, "prediction": batch.prediction, "label": batch.label, "bits": bits, "version": version}
        columns |= {name: value for name in ("score", "base", "proxy") if (value := getattr(batch, name)) is not None}
        self._waiting.add(hashes[has_id], {name: value[has_id] for name, value in columns.items()})

    def _forget(self, now_s: float) -> None:
        self._waiting.forget(now_s - 2 * self._horizon_s)  # once more as long, to tell a label that is too late from one of nobody
        while self._early:
            identity, (_, came_s) = next(iter(self._early.items()))
            if now_s - came_s <= self._horizon_s:
                return
            del self._early[identity]
            self._leave_out("labels_unmatched", 1)

    def _is_known(self, label: NDArray[Any]) -> NDArray[np.bool_]:
        return np.isfinite(label) if self._regression else label >= 0

    def _leave_out(self, reason: str, rows: int) -> None:
        if rows:
            self.left_out[reason] += rows

    # -- versions -------------------------------------------------------------------------------------------------------------------------

    def _deploys(self, at_s: NDArray[np.float64], version: NDArray[np.int16]) -> None:
        known = {name for _, name in self.deploys}
        for code in np.unique(version[version >= 0]):
            name = self._reader.versions[code]
            if name in known:
                continue
            first_s = float(at_s[version == code].min())
            if self.deploys and first_s < self.deploys[-1][0]:
                continue  # an old row of an old version, read late
            self.deploys.append((first_s, name))
            del self.deploys[:-MAX_DEPLOYS]
            for book in self._books.values():
                self._deployed_s = book.deploy(first_s)
            if len(self.deploys) > 1:
                self._learning = Learning()

    def _fit_versions(self) -> None:
        missing = len(self._reader.versions) - len(self._of_version)
        if missing > 0:
            self._of_version = np.concatenate([self._of_version, np.zeros((missing, 3))])

    def _of(self, version: str) -> Estimate:
        self._fit_versions()
        n, total, squares = self._of_version[self._reader.versions.index(version)]
        return mean(float(total), float(squares), int(n), floor=0.0) if self._regression else share(float(total), float(n))

    # -- slices ---------------------------------------------------------------------------------------------------------------------------

    def _configured(self) -> list[Slice]:
        found: list[Slice] = []
        for name, expression in self._settings.slices.items():
            try:
                found.append(predicate(expression, name))
            except (ExpressionError, ValueError) as error:
                self.bad_slices[name] = str(error)
        return found

    def _follow_slices(self) -> None:
        """Books for slices that are new, in place of those that are no more."""
        slices = {one.name: one for one in self._candidates.slices[:MAX_SLICES]}
        for name in [name for name in self._bit_of if name not in slices]:
            bit = self._bit_of.pop(name)
            self._waiting.clear_bits("bits", 1 << bit)
            del self._books[name]
            self._shown.forget(name)
        free = [bit for bit in range(MAX_SLICES) if bit not in self._bit_of.values()]
        first = not self._by_name and self._books[None].oldest_s == math.inf
        for name in slices:
            if name not in self._bit_of:
                self._bit_of[name] = free.pop(0)
                book = self._books[name] = Book(self.layout, self._now_s, stagger=len(self._books))
                if self._deployed_s is not None:
                    book.deploy(self._deployed_s)
                if not first:
                    book.began_s = self._now_s
        self._by_name = slices

    def _sliced(self, rows: Sequence[LogRow]) -> NDArray[np.uint64]:
        """For each row the slices that it belongs to, one bit each."""
        bits = np.zeros(len(rows), np.uint64)
        automatic = self._settings.auto_slices
        names = dict.fromkeys(name for one in self._by_name.values() for name in one.columns)
        if automatic:
            names |= dict.fromkeys(name for row in rows[:1] for name in row.features)
        columns = features(rows, names)
        if automatic and self._candidates.add(columns):
            self._follow_slices()
        table = Table(columns)
        for name, one in self._by_name.items():
            bits[one.fits(table) if len(columns) else np.zeros(len(rows), np.bool_)] |= np.uint64(1 << self._bit_of[name])
        return bits

    def books(self) -> Iterable[Book]:
        """The windows of the whole log, then of its slices."""
        return self._books.values()

    # -- what is told ---------------------------------------------------------------------------------------------------------------------

    def windows(self, now_s: float) -> list[Performance]:
        """Every window of the log and of its slices, from every source; each is there, with a `why` where it has nothing to say."""
        self._advance(now_s)
        line = self._line(now_s)
        age_s = self._age()[0]
        result: list[Performance] = []
        for name, book in self._books.items():
            result += self._shown.of(book, name, now_s, line, self.key, age_s if name is None else None)
        result += [
            Performance(name=self._settings.name, window=ALL, slice=name, n=0, coverage=None, metrics={}, why=why)
            for name, why in self.bad_slices.items()
        ]
        whole = {one.window: one for one in result if one.slice is None and one.source == "labelled"}
        self.standing.judge(whole, line, now_s)
        mixed = self._mix(now_s)
        if mixed is not None:
            result.append(self._shown.reweighted(whole[MIXED], mixed))
        return result

    def _mix(self, now_s: float) -> Reweighted | None:
        """What the reference lets expect of the day's mix of slices; a fit takes milliseconds, so it is kept for a minute."""
        if self.reference is None or self.reference.mix is None:
            return None
        if self._mixed is None or not 0 <= now_s - self._mixed[0] < AHEAD_S:
            rows = self._books[None].windows[MIXED].total.rows
            inside = [self._books[name].windows[MIXED].total.rows if name in self._books else 0 for name in self.reference.mix.names]
            self._mixed = now_s, self.reference.mix.under(np.array(inside, np.float64) / max(rows, 1), rows)
        return self._mixed[1]

    def quality(self, now_s: float) -> Quality:
        """The log as a whole."""
        performance = self.windows(now_s)
        whole: dict[tuple[str, str], Performance] = {}
        for one in performance:
            if one.slice is None:
                whole.setdefault((one.window, one.source), one)  # of several estimates the first: that from the scores
        spoken = self.standing.spoken_for()
        estimated = whole.get((spoken, "estimated"))
        age_s, age_p95_s = self._age()
        candidates = self._candidates
        book = self._books[None]
        since = whole.get((DEPLOY, "labelled")) or whole.get((ALL, "labelled"))
        return Quality(
            name=self._settings.name,
            task=self._settings.task,
            key=self.key,
            state=self.standing.state,
            since=None if self.standing.since_s is None else utc(self.standing.since_s),
            sentence=sentence(self.key, whole[spoken, "labelled"], since, estimated.metrics.get(self.key) if estimated else None),
            classes=[] if self._regression else self.layout.classes.listed(),
            positive=self._positive(),
            slices={name: one.expression for name, one in self._by_name.items()},
            slices_left_out=candidates.left_out,
            worst=self._worst(),
            gaps=self._gaps(),
            pairs=self._pairs(book),
            version=self.deploys[-1][1] if self.deploys else "",
            deploys=[(utc(at_s), name) for at_s, name in self.deploys],
            label_age_s=age_s,
            label_age_p95_s=age_p95_s,
            sampled=self._kept if self._kept < 1.0 else None,
            kappa=self._drawn.agreement,
            ess=None if self._mixed is None else self._mixed[1].ess,
            proxy_agreement=agreement(book.windows["24h"].total) if self.layout.proxy and not self._regression else None,
            left_out=dict(self.left_out) | ({"out_of_order": self.out_of_order} if self.out_of_order else {}),
            private=list(self._settings.private),
            reference=self._reference_said(),
        )

    def _totals(self, window: str) -> dict[str, Counts]:
        return {name: book.windows[window].total for name, book in self._books.items() if name is not None}

    def _worst(self) -> Any:
        return worst_slices(self._books[None].windows["24h"].total, self._totals("24h"), "24h")

    def _gaps(self) -> Any:
        return gaps(self._totals("24h"), self._settings.compare, "24h") if self._settings.compare else []

    def _pairs(self, book: Book) -> list[Paired]:
        pairs = [one for name in ("3h", "24h", ALL) if (one := paired(book.windows[name].total, "base model", name)) is not None]
        if len(self.deploys) > 1:
            before, now = self.deploys[-2][1], self.deploys[-1][1]
            pairs.append(versions(self._of(now), self._of(before), self.key, f"version {before}", DEPLOY))
        return pairs

    def _positive(self) -> str:
        if self._settings.task != "binary":
            return ""
        seen = [name for name in self.layout.classes.names if name in self.layout.positive]
        return seen[0] if seen else self._settings.positive

    def _age(self) -> tuple[float | None, float | None]:
        if not self._ages:
            return None, None
        median_s, p95_s = np.quantile(np.array(self._ages), (0.5, 0.95))
        return float(median_s), float(p95_s)

    # -- kept over a restart --------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Counts, and hashes of the ids that wait for labels: no rows, no ids, no features."""
        import msgspec

        state = {
            "form": FORM,
            "signature": self._signature(),
            "key": self._hash.key,
            "now_s": self._now_s if self._now_s > -math.inf else None,
            "classes": self.layout.classes.names,
            "versions": self._reader.versions,
            "score_width": self._reader.score_width,
            "deploys": self.deploys,
            "deployed_s": self._deployed_s,
            "of_version": self._of_version.tolist(),
            "left_out": dict(self.left_out),
            "out_of_order": self.out_of_order,
            "ages": list(self._ages),
            "learning": self._learning.plain(),
            "usual": None if self._usual is None else list(self._usual),
            "standing": [self.standing.state, self.standing.since_s],
            "bits": [[name, bit] for name, bit in self._bit_of.items() if name in self._settings.slices],
            "books": [[name, book.plain()] for name, book in self._books.items() if name is None or name in self._settings.slices],
            "waiting": self._waiting.plain(SAVED_ROWS),
            "early": [[identity, *one] for identity, one in self._early.items()],
            "drawn": self._drawn.plain(),
        }
        return msgspec.msgpack.encode(state)

    def load(self, saved: bytes) -> str:
        """Go on where `dump` was, before anything was added; returns why that cannot be, and then the log begins anew."""
        import msgspec

        try:
            state = msgspec.msgpack.decode(saved)
            if state["form"] != FORM:
                raise ValueError("kept by another version of this program")
            if state["signature"] != self._signature():
                raise ValueError("the settings of the log are others now")
            self._restore(state)
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            return clean(error) or type(error).__name__
        return ""

    def _signature(self) -> str:
        """What the saved numbers mean: with other settings they would be read wrongly."""
        s = self._settings
        told = (s.task, s.classes, s.positive, s.columns, s.horizon, s.slices, s.costs, s.counters, bool(s.sampled.path))
        return f"{told} {self.layout.calibrated}"

    def _restore(self, state: dict[str, Any]) -> None:
        names = [str(name) for name in state["classes"]]
        here = self.layout.classes.names
        if names[: len(here)] != here[: len(names)]:
            raise ValueError("its classes are in another order")
        if not all(self.layout.classes.code(name) == code for code, name in enumerate(names)):
            raise ValueError("its classes are damaged")
        bits = {str(name): int(bit) for name, bit in state["bits"]}
        books = {name: Book.from_plain(plain, self.layout, stagger) for stagger, (name, plain) in enumerate(state["books"])}
        if None not in books or set(books) != {None, *bits} or set(bits) - {one.name for one in self._candidates.slices}:
            raise ValueError("its slices are damaged")
        drawn, learning = Drawn.from_plain(state["drawn"]), Learning.from_plain(state["learning"])
        of_version = np.array(state["of_version"], np.float64).reshape(-1, 3)
        keyed = Keyed(bytes(state["key"]))
        self._reader.score_width = int(state["score_width"])
        waiting = self._new_known()
        waiting.restore(state["waiting"])
        used = sum(1 << bit for bit in bits.values())
        waiting.clear_bits("bits", ~used & 0xFFFF_FFFF_FFFF_FFFF)  # automatic slices are learned anew
        early = {int(identity): (label, float(came_s)) for identity, label, came_s in state["early"]}
        ages = [float(age_s) for age_s in state["ages"]]
        deploys = [(float(at_s), str(name)) for at_s, name in state["deploys"]]
        usual = None
        if state["usual"] is not None:
            middle, variance, rows, parts, settled = state["usual"]
            usual = Line(float(middle), float(variance), int(rows), int(parts), bool(settled))
        standing, since_s = state["standing"]
        self._hash, self._waiting, self._early, self._drawn, self._learning, self._usual = keyed, waiting, early, drawn, learning, usual
        self._reader.versions = [str(name) for name in state["versions"]]
        self._of_version, self.deploys, self._deployed_s = of_version, deploys, state["deployed_s"]
        self._ages.extend(ages)
        self.left_out = Counter({str(reason): int(rows) for reason, rows in state["left_out"].items()})
        self.out_of_order = int(state["out_of_order"])
        self._now_s = -math.inf if state["now_s"] is None else float(state["now_s"])
        self._bit_of, self._books = bits, books
        self.standing.resume(standing, since_s)
        self._follow_slices()

    # -- what it is held against ----------------------------------------------------------------------------------------------------------

    def _against(self, rows: Sequence[LogRow] | None) -> tuple[Reference | None, Line | None]:
        if not rows:
            return None, None
        reader = Reader(self._settings, self.layout)
        arrived = reader.read(rows, math.inf, 0.0, Counter())
        self._reader.score_width = reader.score_width
        slices = list(self._candidates.slices)
        table = Table(features(arrived.rows, dict.fromkeys(name for one in slices for name in one.columns)))
        inside = np.stack([one.fits(table) for one in slices], axis=1) if slices and len(table) else None
        name = self._settings.reference or "the reference"
        reference = Reference(arrived.batch, self.layout, name, [one.name for one in slices], inside)
        batch = reference.batch
        return reference, _line_over(batch.at_s, self._of_row(batch))

    def _line(self, now_s: float) -> Line | None:
        """What is usual: of the reference, else as learned from the log's own first part."""
        if self.reference is not None:
            return self._reference_line
        well = self.standing.state in ("OK", "UNKNOWN")
        if well and not self._learning.done and not 0 <= now_s - self._learned_s < AHEAD_S:
            self._learned_s = now_s
            fresh = self._learning.line(now_s)
            if fresh is not None and self._no_worse(fresh):
                self._usual = fresh
        return self._usual

    def _no_worse(self, fresh: Line) -> bool:
        """A version that does worse than what was usual does not become what is usual."""
        if self._usual is None or len(self.deploys) < 2:
            return True
        distance = self._usual.distance(fresh.mean, fresh.rows)
        return (distance if self.key == "mae" else -distance) <= 1.0

    def _reference_said(self) -> str:
        if self.reference is not None:
            return f"{self.reference.name}: {self.reference.rows:,} labelled rows"
        if self._usual is not None:
            return f"learned from the first {self._usual.rows:,} labelled rows"
        return ""


def _own_columns(settings: PredictionSettings) -> tuple[str, ...]:
    columns = settings.columns
    own = (columns.id, columns.time, columns.prediction, columns.score, columns.label, columns.base, columns.proxy, columns.version)
    return tuple(name for name in (*own, *settings.counters.values()) if name)


def _line_over(at_s: NDArray[np.float64], x: NDArray[np.float64]) -> Line | None:
    """The usual over a whole reference: by five minutes, or by hundreds of rows where its times are too near to cut it so."""
    if not len(x):
        return None
    number = np.floor(at_s / 300.0).astype(np.int64)
    parts = np.unique(number, return_inverse=True)[1].ravel()
    if parts[-1] < 20 or len(x) < 20 * (parts[-1] + 1):
        parts = np.arange(len(x)) // max(50, len(x) // 288)
    n, total, squares = (np.bincount(parts, values).astype(np.float64) for values in (np.ones(len(x)), x, x * x))
    return line_of(n, total, squares)
