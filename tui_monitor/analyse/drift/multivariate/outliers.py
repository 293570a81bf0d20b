"""Rows that look unusual beside the reference: Isolation Forest (Liu, Ting and Zhou 2008), One-Class SVM (Schölkopf and others 2001).

A row is unusual when it scores lower than all but one in a hundred rows of the reference that the fit has not seen. How many of the newest
rows are so is a share like any other, and is judged as one. Needs the extra `[ml]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.binning import Bins
from tui_monitor.analyse.drift.judge import Floats
from tui_monitor.analyse.drift.multivariate.numbers import Scale

UNUSUAL = 0.01  # share of the reference
MOST_FITTED = 2_000  # rows: what an SVM costs grows with their square
LEAST_ROWS = 450  # of either sort
NAMES = ("usual", "unusual")
BINS = Bins("category", names=[*NAMES, "other", "new"])
TREES = 100
_SEED = 7

Method = Literal["isolation_forest", "one_class_svm"]
SHARES: dict[str, str] = {"isolation_forest": "unusual rows", "one_class_svm": "unusual rows (SVM)"}


class Outliers:
    """One fit, and the score below which a row is unusual. It is not kept over a restart: rows are not either."""

    def __init__(self, method: Method, names: Sequence[str], known: Floats, held: Floats) -> None:
        """From rows as they should be.

        Args:
            method: which.
            names: of the columns.
            known: rows that are learned from.
            held: other ones, by which it is known what scores are usual.

        Raises:
            ValueError: in one line why nothing is learned.
            ImportError: scikit-learn is not installed.
        """
        if min(len(known), len(held)) < LEAST_ROWS:
            raise ValueError(f"{len(known) + len(held)} rows in the reference, {2 * LEAST_ROWS} are needed")
        self.scale = Scale.of(names, known)
        if not self.scale.kept:
            raise ValueError(f"none of {len(names)} numeric columns varies")
        every = max(1, -(-known.shape[0] // MOST_FITTED))
        self._model = _fitted(method, self._matrix(known[::every]))
        self.limit = float(np.quantile(self._scores(held), UNUSUAL))

    def unusual(self, rows: Floats) -> NDArray[np.bool_]:
        """Which rows are."""
        return self._scores(rows) < self.limit

    def words(self, rows: Floats) -> NDArray[Any]:
        """The same as categories of a signal."""
        return np.where(self.unusual(rows), NAMES[1], NAMES[0]).astype(object)

    def _matrix(self, rows: Floats) -> Floats:
        return np.nan_to_num(self.scale.tamed(rows))

    def _scores(self, rows: Floats) -> Floats:
        """High is usual, low is not."""
        scores: Floats = np.asarray(self._model.score_samples(self._matrix(rows)), dtype=np.float64)
        return scores


def _fitted(method: Method, z: Floats) -> Any:
    if method == "isolation_forest":
        from sklearn.ensemble import IsolationForest

        return IsolationForest(n_estimators=TREES, random_state=_SEED).fit(z)
    from sklearn.svm import OneClassSVM

    return OneClassSVM(nu=UNUSUAL, gamma="scale").fit(z)


def said(since: str, share: float) -> str:
    """One sentence."""
    return f"{100 * share:.1f} % of rows look unusual since {since} ({100 * UNUSUAL:.1f} % expected)."
