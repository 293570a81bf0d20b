"""A classifier that tries to tell the rows of now from those of the reference: what it can, has changed, also where no single column shows it.

Its AUC on rows that it has not seen is 1/2 where nothing changed. Needs the extra `[ml]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tui_monitor.analyse.drift.judge import Floats

NEEDS = "needs the extra [ml]: pip install 'tui-monitor[ml]'"
MODELS = ("logistic", "tree", "forest")
FOLDS = 5
LEAST_ROWS = 100  # on a side: below, folds are too small for an AUC that says something
MOST_WORDS = 30  # of a column of text: the rest is one
TOP = 5
_SEED = 7
_SHARED = math.sqrt(
    1 + FOLDS / (FOLDS - 1)
)  # folds share most of what they were fitted on (Nadeau and Bengio 2003); 1.5, and 1.25 to 1.46 simulated
_Z = 1.959963984540054

Model = Literal["logistic", "tree", "forest"]
Columns = Mapping[str, NDArray[Any]]


class Told(NamedTuple):
    """How well rows of now are told from those of the reference."""

    auc: float | None = None
    low: float | None = None
    high: float | None = None
    top: Sequence[tuple[str, float]] = ()  # the columns by which, and their part in it; the parts sum to 1
    why: str = ""  # why there is no AUC


def why_not() -> str:
    """Why this cannot be done here; nothing where it can."""
    return "" if find_spec("sklearn") is not None else NEEDS


def tell_apart(reference: Columns, now: Columns, model: Model = "logistic") -> Told:
    """Out-of-fold AUC with its 95 % interval, and the columns that tell most.

    Args:
        reference: columns of equal length: float64 (NaN missing) or object (None missing).
        now: the same columns.
        model: what is fitted; the default sees changes of location and of shares, a tree or forest those of scale and dependence too.
    """
    lacking = why_not()
    if lacking:
        return Told(why=lacking)
    names = [name for name in reference if name in now]
    if not names:
        return Told(why="no column that both files have can be judged")
    sizes = [len(side[names[0]]) for side in (reference, now)]
    if min(sizes) < LEAST_ROWS:
        return Told(why=f"only {min(sizes)} rows on one side, {LEAST_ROWS} are needed")
    features, of = matrix(reference, now, names)
    is_now = np.repeat([0, 1], sizes)
    order = _order(features, is_now)
    features, is_now = features[order], is_now[order]
    aucs, variances = [], []
    weights: Floats = np.zeros(features.shape[1])
    for fold in range(FOLDS):
        held = np.arange(is_now.size) % FOLDS == fold
        scores, weight = _fitted(features[~held], is_now[~held], features[held], model)
        auc, variance = auc_of(scores[is_now[held] == 0], scores[is_now[held] == 1])
        aucs.append(auc)
        variances.append(variance)
        weights += weight
    auc, sd = float(np.mean(aucs)), _SHARED * math.sqrt(sum(variances)) / FOLDS
    by_column = np.bincount(of, weights, len(names))
    total = float(by_column.sum())
    ranked = sorted(zip(names, (by_column / total).tolist(), strict=True), key=lambda pair: -pair[1])[:TOP] if total > 0 else []
    return Told(auc, max(0.0, auc - _Z * sd), min(1.0, auc + _Z * sd), ranked)


def matrix(reference: Columns, now: Columns, names: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
    """All rows, the reference first, as numbers: imputed by the median and scaled, one column a frequent word, one for what is missing.

    Returns:
        The matrix, and for each of its columns the place in `names` that it stands for.
    """
    parts: list[Floats] = []
    of: list[int] = []
    for place, name in enumerate(names):
        both = np.concatenate([reference[name], now[name]])
        found = _of_words(both) if both.dtype == object else _of_numbers(both.astype(np.float64))
        parts += found
        of += [place] * len(found)
    return np.column_stack(parts), np.asarray(of, dtype=np.int64)


def _of_numbers(values: Floats) -> list[Floats]:
    missing = np.isnan(values)
    known = values[~missing]
    filled = np.where(missing, np.median(known) if known.size else 0.0, values)
    filled = np.clip(filled, *np.quantile(filled, [0.001, 0.999]))  # a single huge value must not flatten all others
    filled = filled / max(float(np.abs(filled).max()), 1e-300)  # whose squares must exist
    scale = float(filled.std())
    found = [(filled - filled.mean()) / scale if scale > 0 else np.zeros(values.size)]
    return [*found, missing.astype(np.float64)] if missing.any() else found


def _of_words(values: NDArray[Any]) -> list[Floats]:
    words, place, counts = np.unique(
        np.array(["" if value is None else str(value) for value in values.tolist()]), return_inverse=True, return_counts=True
    )
    frequent = np.argsort(-counts, kind="stable")[:MOST_WORDS]
    found = [(place == word).astype(np.float64) for word in frequent.tolist()]
    if words.size > MOST_WORDS:
        found.append((~np.isin(place, frequent)).astype(np.float64))
    return found


def _order(features: Floats, is_now: NDArray[np.int64]) -> NDArray[np.int64]:
    """A random order that does not depend on the order of the rows: the folds are the same however a file was sorted."""
    chance = np.random.default_rng(_SEED)
    by_content = np.lexsort([is_now, features @ chance.normal(size=features.shape[1])])
    shuffled = chance.permutation(by_content.size)
    by_side = by_content[shuffled]
    return by_side[np.argsort(is_now[by_side], kind="stable")]


def _fitted(features: Floats, is_now: NDArray[np.int64], held: Floats, model: Model) -> tuple[Floats, Floats]:
    """Scores of the held rows, and how much each column of the matrix counts."""
    if model == "logistic":
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(max_iter=200).fit(features, is_now)
        return fitted.decision_function(held), np.abs(fitted.coef_[0]) * features.std(axis=0)
    if model == "tree":
        from sklearn.tree import DecisionTreeClassifier

        fitted = DecisionTreeClassifier(min_samples_leaf=max(20, is_now.size // 200), random_state=_SEED).fit(features, is_now)
    else:
        from sklearn.ensemble import RandomForestClassifier

        fitted = RandomForestClassifier(50, min_samples_leaf=10, random_state=_SEED).fit(features, is_now)
    return fitted.predict_proba(held)[:, 1], fitted.feature_importances_


def auc_of(negative: Floats, positive: Floats) -> tuple[float, float]:
    """Chance that a positive row scores higher, equal ones half; and its variance (DeLong, DeLong and Clarke-Pearson 1988)."""
    low, high = np.sort(negative), np.sort(positive)
    below = (np.searchsorted(low, positive, side="left") + np.searchsorted(low, positive, side="right")) / (2 * low.size)
    above = 1 - (np.searchsorted(high, negative, side="left") + np.searchsorted(high, negative, side="right")) / (2 * high.size)
    variance = float(below.var(ddof=1)) / positive.size + float(above.var(ddof=1)) / negative.size
    return float(below.mean()), variance
