"""The models of a target as a small table: which can be used, and the numbers that its server tells of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tui_monitor.model import Model
from tui_monitor.ui import format as fmt
from tui_monitor.ui import signs
from tui_monitor.ui.widgets.canvas import pad, text_width, wrap

_COLUMNS = (  # head, and the keys of which the first that any model has is shown; what matters less comes later and gives way
    ("REQ/S", ("request.rate",)),
    ("ERRORS", ("error.ratio", "error.rate")),
    ("P95", ("latency.p95",)),
    ("MEAN", ("latency.mean",)),
    ("QUEUE", ("queue.length",)),
    ("TOK/S", ("token.rate.generated",)),
    ("RUN", ("request.running",)),
    ("TTFT95", ("ttft.p95", "ttft.mean")),
    ("KV", ("kv_cache.used",)),
    ("WAITED", ("queue.time.mean",)),
)
_NUMBER = 7  # cells
_NAME = 14  # cells that a name has at least


def table(models: Sequence[Model], width: int) -> list[str]:
    """Lines of at most `width` cells: a head, a line for each model, the worst first, and its server's reason under it."""
    shown = sorted(models, key=lambda model: signs.of_model(model).rank)
    state = min(12, max(5, *(text_width(model.state) for model in shown)))
    columns = [
        (head, key)
        for head, keys in _COLUMNS
        if (key := next((key for key in keys if any(model.metrics.get(key) is not None for model in shown)), None)) is not None
    ]
    if any(head == "P95" for head, _ in columns):
        columns = [column for column in columns if column[0] != "MEAN"]
    longest = max(5, *(text_width(_name(model)) for model in shown))
    named = min(longest, max(_NAME, width - 6 - state - min(5, len(columns)) * (_NUMBER + 1)))
    columns = columns[: max(0, (width - named - state - 6) // (_NUMBER + 1))]
    counted = Counter(model.state or "UNKNOWN" for model in shown)
    said = ", ".join(f"{number} {word}" for word, number in counted.most_common())
    lines = [f"{len(shown)} model{'' if len(shown) == 1 else 's'}: {said}"]
    lines.append(f"    {pad('MODEL', named)}  {pad('STATE', state)}" + "".join(f" {head:>{_NUMBER}}" for head, _ in columns))
    for model in shown:
        numbers = "".join(f" {_value(model, key):>{_NUMBER}}" for _, key in columns)
        lines.append(f"  {signs.of_model(model).glyph} {pad(_name(model), named)}  {pad(model.state or fmt.NONE, state)}{numbers}".rstrip())
        lines += [f"      {line}" for line in wrap(model.why, width - 6, 3)]
    return lines


def _name(model: Model) -> str:
    return f"{model.name} {model.version}" if model.version else model.name


def _value(model: Model, key: str) -> str:
    return fmt.bare(key, model.metrics.get(key))
