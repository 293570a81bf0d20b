"""Logistic regression in plain Python: small enough to be trained at every start, real enough to be wrong sometimes.

Stochastic gradient descent on the log loss with a falling rate and standardised features (Bottou 2012, "Stochastic Gradient Descent
Tricks"). No numpy: importing it would take longer than the training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from tui_monitor.demo import texts


class Features(NamedTuple):
    """What the classifier sees of a text."""

    words: int
    alarms: float  # share of words that sound of trouble
    marks: float  # exclamation marks


def features(text: str) -> Features:
    """Measure a text."""
    words = text.split()
    alarms = sum(word.strip("!") in texts.ALARM for word in words)
    return Features(len(words), alarms / max(1, len(words)), float(text.count("!")))


def _row(seen: Features) -> tuple[float, ...]:
    return math.log1p(seen.words), seen.alarms, min(seen.marks, 3.0)


class Classifier(NamedTuple):
    """Trained weights."""

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def score(self, seen: Features) -> float:
        """Probability that the text is urgent."""
        parts = zip(self.weights, _row(seen), self.means, self.scales, strict=True)
        logit = self.bias + sum(weight * (value - mean) / scale for weight, value, mean, scale in parts)
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def train(samples: Sequence[tuple[Features, bool]], random: Random, epochs: int = 12) -> Classifier:
    """Fit to samples of (features, is it urgent)."""
    rows = [(_row(seen), 1.0 if urgent else 0.0) for seen, urgent in samples]
    columns = list(zip(*(row for row, _ in rows), strict=True))
    means = tuple(sum(column) / len(rows) for column in columns)
    scales = tuple(
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(rows)) or 1.0 for column, mean in zip(columns, means, strict=True)
    )
    data = [(tuple((v - m) / s for v, m, s in zip(row, means, scales, strict=True)), target) for row, target in rows]
    weights, bias, step = [0.0] * len(means), 0.0, 0
    for _ in range(epochs):
        random.shuffle(data)
        for row, target in data:
            rate = 0.3 / (1.0 + step / 400.0)
            wrong = target - 1.0 / (1.0 + math.exp(-bias - sum(w * x for w, x in zip(weights, row, strict=True))))
            bias += rate * wrong
            weights = [w + rate * wrong * x for w, x in zip(weights, row, strict=True)]
            step += 1
    return Classifier(means, scales, tuple(weights), bias)


def labelled(random: Random, size: int) -> list[tuple[Features, bool]]:
    """Texts of usual length as the classifier sees them, and whether each is urgent."""
    return [(features(text), truth == texts.URGENT) for text, truth in (texts.message(random) for _ in range(size))]


def trained(seed: int = 3, size: int = 800, kept_back: int = 6000) -> tuple[Classifier, list[tuple[Features, bool]]]:
    """A classifier trained on texts of usual length, and others that it never saw."""
    random = Random(seed)  # noqa: S311
    classifier = train(labelled(random, size), random)
    return classifier, labelled(random, kept_back)
