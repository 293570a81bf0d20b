"""Lets the tests of this room import what stands beside them, and the loopback servers of `tests/collect`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "collect")]
