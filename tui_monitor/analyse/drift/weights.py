"""How the one budget of false alarms is split: a signal that matters more may speak sooner.

A signal of weight w gets a budget of B (sum of all weights) / w where the host has B: it raises at most w / (sum of all) of the host's false
alarms, and all together at most one in B, whatever the weights are and whatever the signals have to do with each other (rates add).

Weights come from a map of importances, which people import as a library wrote it. Three things make it fit for that:

- Its unit is unknown: gains of trees are thousands, shares add up to one. Within a source the mean of those that it names is one, so that
  neither the unit nor the number of columns takes a part of the budget from other sources, of which nobody said anything.
- What it leaves out: libraries leave out inputs that a model never used, so an input that it does not name weighs as little as the least that
  it names. Outputs, scores, errors, latencies, quality and rows as a whole are in no such map: each weighs one, as an input of middling importance.
- Zeros: a model that does not look at an input now may have been told wrongly, and a broken column is worth knowing. No weight is further than
  ten times from one; evidence grows exponentially, so even the least weight costs a strong change no more than a few rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LEAST, MOST = 0.1, 10.0

Key = tuple[str, str]
"""Source and name of a signal."""


def importance_of(maps: Sequence[Mapping[str, float]], key: Key) -> float | None:
    """What the first map that knows a signal says, by "source/signal" or by the name alone; None where none does."""
    source, name = key
    return next((known[word] for known in maps for word in (f"{source}/{name}", name) if word in known), None)


def weights(roles: Mapping[Key, str], importance: Mapping[Key, float]) -> dict[Key, float]:
    """The weight of every signal, 0.1 to 10.

    Args:
        roles: of all signals; only what is an `input` can be left out by a map.
        importance: of those that are named, in any unit, 0 or more.
    """
    made = dict.fromkeys(roles, 1.0)
    named: dict[str, dict[Key, float]] = {}
    for key, value in importance.items():
        if key in made:
            named.setdefault(key[0], {})[key] = value
    for source, values in named.items():
        most = max(values.values()) or 1.0
        parts = {key: value / most for key, value in values.items()}  # the sum of large numbers may be none
        mean = sum(parts.values()) / len(parts) or 1.0
        own = {key: min(max(part / mean, LEAST), MOST) for key, part in parts.items()}
        least = min(own.values())
        made |= {key: least for key, role in roles.items() if key[0] == source and role == "input"}
        made |= own
    return made


def split(budget: float, weighed: Mapping[Key, float]) -> dict[Key, float]:
    """The budget of each signal, in the unit of the whole one: time, or checks, between two false alarms."""
    total = sum(weighed.values())
    return {key: budget * total / weight for key, weight in weighed.items()}
