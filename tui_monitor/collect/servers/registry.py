"""The kinds of servers that are known. `prometheus` is not here: its mapping comes from the configuration (`exporter.exporter_kind`)."""

from __future__ import annotations

from tui_monitor.collect.servers.bentoml import BENTOML
from tui_monitor.collect.servers.dcgm_exporter import DCGM_EXPORTER
from tui_monitor.collect.servers.kind import Kind
from tui_monitor.collect.servers.kserve import KSERVE
from tui_monitor.collect.servers.litserve import LITSERVE
from tui_monitor.collect.servers.llama_server import LLAMA_SERVER
from tui_monitor.collect.servers.lmdeploy import LMDEPLOY
from tui_monitor.collect.servers.mlserver import MLSERVER
from tui_monitor.collect.servers.nim import NIM
from tui_monitor.collect.servers.node_exporter import NODE_EXPORTER
from tui_monitor.collect.servers.ollama import OLLAMA
from tui_monitor.collect.servers.ray_serve import RAY_SERVE
from tui_monitor.collect.servers.sglang import SGLANG
from tui_monitor.collect.servers.tf_serving import TF_SERVING
from tui_monitor.collect.servers.tgi import TGI
from tui_monitor.collect.servers.torchserve import TORCHSERVE
from tui_monitor.collect.servers.triton import TRITON
from tui_monitor.collect.servers.vllm import VLLM

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        VLLM,
        SGLANG,
        TGI,
        NIM,
        LMDEPLOY,
        LLAMA_SERVER,
        OLLAMA,
        TRITON,
        DCGM_EXPORTER,
        NODE_EXPORTER,
        RAY_SERVE,
        BENTOML,
        LITSERVE,
        TORCHSERVE,
        MLSERVER,
        KSERVE,
        TF_SERVING,
    )
}
