"""Quality as others tell it: gauges of a metrics page and answers of a Prometheus under a key of the quality family, shown as given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tui_monitor.config import PrometheusSettings
from tui_monitor.model import Estimate, Performance, Queried, Target, clean
from tui_monitor.vocabulary import QUALITY

_KEYS = frozenset(QUALITY)
_LONGEST_QUERY = 120


def given(targets: Iterable[Target], queried: Mapping[str, Queried], prometheus: Iterable[PrometheusSettings]) -> list[Performance]:
    """One element for each target, each model of one, and each Prometheus that tells a quality number.

    Args:
        targets: as they stand.
        queried: the answers of each Prometheus, by its name.
        prometheus: their settings, for the queries' words.
    """
    return [one for target in targets for one in _of_target(target)] + [
        one for settings in prometheus if (one := _of_prometheus(settings, queried.get(settings.name))) is not None
    ]


def _of_target(target: Target) -> list[Performance]:
    keys = [key for key in target.metrics if key in _KEYS]
    if not keys:
        return []
    told = ", ".join(dict.fromkeys(name for key in keys if (name := target.series.get(key))))
    assumption = f"as told by the page of {target.name}" + (f" ({told})" if told else "")
    whys = dict.fromkeys(why for key in keys if target.metrics[key] is None and (why := target.absent.get(key)))
    found = [_element(target.name, {key: target.metrics[key] for key in keys}, assumption, "; ".join(whys))]
    for model in target.models:
        numbers = {key: value for key, value in model.metrics.items() if key in _KEYS and value is not None}
        if numbers and model.name != target.name:
            found.append(_element(f"{target.name}/{model.name}", numbers, assumption, ""))
    return found


def _of_prometheus(settings: PrometheusSettings, queried: Queried | None) -> Performance | None:
    queries = {key: query for key, query in settings.queries.items() if key in _KEYS}
    if not queries:
        return None
    values = {key: queried.values.get(key) if queried else None for key in queries}
    whys = dict.fromkeys((queried.absent.get(key, "") if queried else "no answer yet") for key, value in values.items() if value is None)
    told = clean("; ".join(dict.fromkeys(queries.values())), _LONGEST_QUERY)
    return _element(settings.name, values, f"as told by {settings.name} ({told})", "; ".join(why for why in whys if why))


def _element(name: str, numbers: Mapping[str, float | None], assumption: str, why: str) -> Performance:
    return Performance(
        name=name,
        window="now",
        slice=None,
        n=0,
        coverage=None,
        source="given",
        why=clean(why),
        assumption=clean(assumption),
        metrics={key: Estimate(value, source="given") for key, value in numbers.items()},
    )
