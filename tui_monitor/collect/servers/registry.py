"""The kinds of servers that are known. `prometheus` is not here: its mapping comes from the configuration (`exporter.exporter_kind`)."""

from __future__ import annotations

from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.triton import TRITON
from tui_monitor.collect.servers.vllm import VLLM

KINDS: dict[str, Kind] = {kind.name: kind for kind in (VLLM, TRITON)}
