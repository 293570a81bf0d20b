"""Lets the tests of this room import what stands beside them (`drift_traffic`)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
