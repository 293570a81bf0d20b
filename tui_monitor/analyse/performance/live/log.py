"""A prediction log with labels that come late: joined by id, counted by slots of time, never kept as rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.performance.counting.book import ALL
from tui_monitor.analyse.performance.counting.counts import Counts
from tui_monitor.analyse.performance.counting.known import LIMIT
from tui_monitor.analyse.performance.live import kept, told
from tui_monitor.analyse.performance.live.arrived import Arrived, Reader, features, layout_of
from tui_monitor.analyse.performance.live.books import Books, configured
from tui_monitor.analyse.performance.live.deploys import Deploys
from tui_monitor.analyse.performance.live.drawn import Drawn
from tui_monitor.analyse.performance.live.reference import Reference
from tui_monitor.analyse.performance.live.shown import Shown
from tui_monitor.analyse.performance.live.standing import Standing
from tui_monitor.analyse.performance.live.usual import Usual, each_row, line_over
from tui_monitor.analyse.performance.live.waiting import Labelled, Waiting
from tui_monitor.analyse.performance.slicing.slices import Table
from tui_monitor.analyse.performance.slicing.tallies import main_key
from tui_monitor.analyse.performance.unlabelled.reweight import Reweighted
from tui_monitor.config import PredictionSettings
from tui_monitor.model import LogRow, LogRows, Performance, Quality
from tui_monitor.vocabulary import seconds

AHEAD_S = 60.0  # a row may be this far in the future: clocks differ
MOST_VALUES = 2_000_000  # of features of a reference that are kept, so that slices found later have one too
MIXED, MIXED_EVERY_S = "24h", 60.0  # the window whose mix of slices is looked at; a fit takes milliseconds


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
        self.settings = settings
        self.key = main_key(settings.task)
        self.layout = layout_of(settings, calibrated=bool(reference) and bool(settings.columns.score) and settings.task != "regression")
        self._limit, self._hash_key = limit, key
        self._score_width: int | None = None
        self.reference = self._against(reference) if reference else None
        self._begin()

    def _begin(self) -> None:
        """Nothing has come yet."""
        settings, reference = self.settings, self.reference
        self.left_out: Counter[str] = Counter()  # reason -> rows
        self.out_of_order = 0
        self.kept = 1.0  # share of the rows that its source passes on
        self._reader = Reader(settings, self.layout)
        self._reader.score_width = self._score_width or self._reader.score_width
        horizon_s = seconds(settings.horizon)
        self.waiting = Waiting(self.layout, self._reader, self.left_out, horizon_s=horizon_s, limit=self._limit, key=self._hash_key)
        self.books = Books(settings, self.layout, self._slice_gone)
        self.drawn = Drawn()
        self.deploys = Deploys(self._reader.versions, self.key)
        self.standing = Standing(self.key)
        self.usual = Usual(self.key)
        if reference is not None:
            rows = reference.batch
            self.usual = Usual(self.key, line_over(rows.at_s, each_row(rows, self.layout)), has_reference=True)
        self._shown = Shown(settings.name, self.layout, reference, settings.columns.proxy)
        self._mixed: tuple[float, Reweighted] | None = None

    def _against(self, rows: Sequence[LogRow]) -> Reference:
        settings = self.settings
        reader = Reader(settings, self.layout)
        arrived = reader.read(rows, math.inf, 0.0, Counter())
        self._score_width = reader.score_width
        slices = configured(settings.slices)[0]
        names = dict.fromkeys(name for one in slices for name in one.columns)
        if settings.auto_slices:
            names |= dict.fromkeys(name for row in arrived.rows[:1] for name in row.features if name not in settings.private)
        if len(names) * len(arrived.rows) > MOST_VALUES:  # slices that nobody configured are then held against nothing
            names = dict.fromkeys(name for one in slices for name in one.columns)
        columns = features(arrived.rows, names)

        def inside(name: str) -> NDArray[np.bool_] | None:
            one = self.books.slices.get(name)
            return one.fits(Table(columns)) if one is not None and all(column in columns for column in one.columns) else None

        name = PurePath(settings.reference).name or "the reference"
        return Reference(arrived.batch, self.layout, name, inside, [one.name for one in slices], live=True)

    # -- what comes in --------------------------------------------------------------------------------------------------------------------

    def add(self, rows: LogRows, now_s: float) -> None:
        """New rows, and labels that came late; of rows with one id the first counts."""
        self.left_out.update(rows.left_out)
        self.out_of_order += rows.out_of_order
        self.kept = rows.kept
        self.books.advance(now_s)
        if rows.rows:
            self._predictions(self._reader.read(rows.rows, now_s, AHEAD_S, self.left_out), now_s)
        if rows.labels:
            labelled = self.waiting.labelled(rows.labels, now_s)
            if labelled is not None:
                self.books.count(labelled.batch, labelled.bits, rows=False)
                self._labelled(labelled)
        if rows.sampled:
            hashes = self.waiting.hashed(one.id for one in rows.sampled)
            self._leave_out("labels_unmatched", self.drawn.add(zip(hashes.tolist(), rows.sampled, strict=True)))
        if self.drawn.waiting and (rows.rows or rows.sampled):
            self._count_drawn()
        self.waiting.forget(now_s)

    def _predictions(self, arrived: Arrived, now_s: float) -> None:
        hashes = self.waiting.hashed(row.id for row in arrived.rows)
        has_id = np.fromiter((bool(row.id) for row in arrived.rows), np.bool_, len(arrived.rows))
        new = ~has_id
        new[np.flatnonzero(has_id)[self.waiting.new(hashes[has_id], arrived.batch.take(has_id))]] = True
        if not new.all():
            here = np.flatnonzero(new)
            arrived = Arrived([arrived.rows[place] for place in here], arrived.batch.take(here), arrived.version[here])
            hashes, has_id = hashes[here], has_id[here]
        if not arrived.rows:
            return
        batch = self.waiting.with_early(arrived.batch, hashes, has_id)
        if self.reference is not None and self.layout.calibrated:
            batch = batch._replace(calibrated=self.reference.expected(batch))
        for began_s in self.deploys.look(batch.at_s, arrived.version):
            self.books.deploy(began_s)
            if len(self.deploys) > 1:
                self.usual.deployed()
        bits = self.books.bits(arrived.rows)
        self.waiting.add(hashes[has_id], batch.take(has_id), bits[has_id], arrived.version[has_id], now_s)
        self.books.count(batch, bits, rows=True)
        self.usual.add_rows(batch.at_s)
        known = self.waiting.is_known(batch.label)
        if known.any():
            self._labelled(Labelled(batch.take(known), bits[known], arrived.version[known]))

    def _labelled(self, rows: Labelled) -> None:
        """What the standing and the versions have to know of rows whose label came."""
        x = each_row(rows.batch, self.layout)
        self.usual.add_labelled(rows.batch.at_s, x)
        self.deploys.add_labelled(rows.version, x)

    def _count_drawn(self) -> None:
        """Labels of a drawn sample whose predictions are known."""
        waiting = self.drawn.waiting
        known, rows = self.waiting.found(np.fromiter(waiting, np.uint64, len(waiting)))
        if not len(known):
            return
        identities = list(waiting)
        labels, weights = zip(*(waiting.pop(identities[int(number)]) for number in known), strict=True)
        codes, missing, unknown = self._reader.values(labels)
        self._leave_out("label_unreadable", int(missing.sum()))
        self._leave_out("unknown_class", int((unknown & ~missing).sum()))
        good = ~missing & ~unknown
        batch, bits, codes, weight = rows.batch.take(good), rows.bits[good], codes[good], np.array(weights, np.float64)[good]

        def add(counts: Counts, here: NDArray[np.intp]) -> None:
            counts.add_sampled(batch.prediction[here], codes[here], weight[here])

        self.books.count_sampled(batch.at_s, bits, add)

    def _leave_out(self, reason: str, rows: int) -> None:
        if rows:
            self.left_out[reason] += rows

    def _slice_gone(self, name: str, bit: int) -> None:
        self.waiting.clear_bit(bit)
        self._shown.forget(name)
        if self.reference is not None:
            self.reference.forget(name)

    # -- what is told ---------------------------------------------------------------------------------------------------------------------

    def windows(self, now_s: float) -> list[Performance]:
        """Every window of the log and of its slices, from every source; each is there, with a `why` where it has nothing to say."""
        self.books.advance(now_s)
        line = self.usual.line(now_s, well=self.standing.state in ("OK", "UNKNOWN"), deploys=len(self.deploys))
        age_s = self.waiting.age_s()[0]
        result: list[Performance] = []
        for name, book in self.books.each():
            result += self._shown.of(book, name, now_s, line, self.key, age_s if name is None else None)
        result += [
            Performance(name=self.settings.name, window=ALL, slice=name, n=0, coverage=None, metrics={}, why=why)
            for name, why in self.books.unreadable.items()
        ]
        whole = {one.window: one for one in result if one.slice is None and one.source == "labelled"}
        self.standing.judge(whole, line, now_s)
        mixed = self._mix(now_s)
        if mixed is not None:
            result.append(self._shown.reweighted(whole[MIXED], mixed))
        return result

    def _mix(self, now_s: float) -> Reweighted | None:
        """What the reference lets expect of the day's mix of slices."""
        if self.reference is None or self.reference.mix is None:
            return None
        if self._mixed is None or not 0 <= now_s - self._mixed[0] < MIXED_EVERY_S:
            rows, inside = self.books.whole.windows[MIXED].total.rows, self.books.totals(MIXED)
            shares = np.array([inside[name].rows if name in inside else 0 for name in self.reference.mix.names], np.float64) / max(rows, 1)
            self._mixed = now_s, self.reference.mix.under(shares, rows)
        return self._mixed[1]

    @property
    def ess(self) -> float | None:
        """What the reference is worth for the day's mix of slices, in rows."""
        return None if self._mixed is None else self._mixed[1].ess

    def quality(self, now_s: float) -> Quality:
        """The log as a whole."""
        return told.quality(self, self.windows(now_s))

    # -- kept over a restart --------------------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Counts, and hashes of the ids that wait for labels: no rows, no ids, no features."""
        return kept.written(self)

    def load(self, saved: bytes) -> str:
        """Go on where `dump` was, before anything was added; returns why that cannot be, and then the log begins anew."""
        why = kept.read(self, saved)
        if why:
            self._begin()
        return why
