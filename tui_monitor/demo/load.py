"""The generator's load as it is left in a file for the simulated GPUs, which live in another process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple


class Load(NamedTuple):
    """What an accelerator would feel."""

    at_s: float  # wall clock
    busy: float  # share of the slots in use
    cache: float  # share of the key-value cache in use
    frozen: bool


def write_load(path: Path, load: Load) -> None:
    """Replace the file in one step, so that nobody reads half of it.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_suffix(".new")
    new.write_text(json.dumps(load), encoding="utf-8")
    new.replace(path)


def read_load(path: Path) -> Load | None:
    """The load, or None where there is none or it is not to be understood."""
    try:
        at_s, busy, cache, frozen = json.loads(path.read_text(encoding="utf-8"))
        return Load(float(at_s), min(max(float(busy), 0.0), 1.0), min(max(float(cache), 0.0), 1.0), bool(frozen))
    except (OSError, ValueError, TypeError):
        return None
