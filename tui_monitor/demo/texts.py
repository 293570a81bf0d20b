"""Texts that people could have written to a help desk, urgent or not: the classifier learns from them, the traffic sends them.

The class is drawn first and the words after it, so the truth of every text is known. Longer texts are the same message with a pasted
document around it, in which urgent words are as rare as anywhere: that is what makes them hard.
"""

from __future__ import annotations

from random import Random

URGENT, ROUTINE = "urgent", "routine"
ALARM = frozenset(("down", "outage", "urgent", "broken", "failing", "now", "customers", "blocked", "error", "lost"))
_ALARM = sorted(ALARM)
_SENTENCE = (
    "please the a to of for we our report account invoice question about when could you send update next week team release notes order "
    "change address meeting document figures table quarter review plan draft thanks regards also page version list number client with"
)
_PLAIN = _SENTENCE.split()

WORDS = 32  # median length of a text
SPREAD = 0.45  # of its logarithm


def length(random: Random, factor: float = 1.0, median: float = WORDS, most: int = 4000) -> int:
    """Words of a text: log-normal, as lengths of texts are."""
    return max(4, min(most, round(median * factor * random.lognormvariate(0.0, SPREAD))))


def message(random: Random, factor: float = 1.0) -> tuple[str, str]:
    """One text and its true class. `factor` above 1 pastes a document behind the message."""
    urgent = random.random() < 0.35
    own = length(random)
    alarms = sum(random.random() < (0.13 if urgent else 0.045) for _ in range(own))
    words = random.choices(_ALARM, k=alarms) + random.choices(_PLAIN, k=own - alarms)
    random.shuffle(words)
    if random.random() < (0.55 if urgent else 0.15):
        words[-1] += "!"
    if factor > 1.0:
        pasted = length(random, factor - 1.0)
        rare = pasted // 30
        words += random.choices(_ALARM, k=rare) + random.choices(_PLAIN, k=pasted - rare)
    return " ".join(words), URGENT if urgent else ROUTINE


_BOOK = Random(7).choices(_PLAIN + _ALARM, k=12_000)  # noqa: S311
_OPENING = Random(8).choices(_PLAIN, k=48)  # noqa: S311
PROMPT_WORDS = 240  # median of a prompt


def prompt(random: Random, factor: float = 1.0) -> str:
    """A prompt for the generator: an opening that all share (so that a prefix cache has something to find), then a piece of a book."""
    words = max(16, length(random, factor, PROMPT_WORDS, 3800) - len(_OPENING))
    start = random.randrange(len(_BOOK) - words)
    return " ".join(_OPENING + _BOOK[start : start + words])
