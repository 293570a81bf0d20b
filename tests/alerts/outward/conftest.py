"""Lets the tests of outward systems import what stands beside them, and the servers on loopback of the tests of collecting."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "collect")]
