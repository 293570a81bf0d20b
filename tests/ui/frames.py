"""Frames made by hand: a busy incident, an empty host, no data at all, many alerts, long and wide names."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tui_monitor.model import (
    Ack,
    Alert,
    Disk,
    Drift,
    EngineInfo,
    Estimate,
    Event,
    Frame,
    Gpu,
    GpuProcess,
    Model,
    Network,
    Orphan,
    Performance,
    Queried,
    ServerProcess,
    Shares,
    Shelf,
    Silence,
    System,
    Target,
    TargetWindow,
)
from tui_monitor.ui.view import Series, View

AT = datetime(2025, 11, 21, 14, 22, 7, tzinfo=UTC)
GIB = 2**30
KEYS = [
    ("1-4", "pane"), ("enter", "detail"), ("a", "acknowledge"), ("e", "explain"), ("/", "filter"), ("w", "window"), ("space", "pause"),
    ("^s", "snapshot"), ("?", "help"), ("q", "quit"),
]  # fmt: skip
VIEW = View(you="ana", utc=True, keys=KEYS)


def ago(**parts: float) -> datetime:
    return AT - timedelta(**parts)


def engine(**more: object) -> EngineInfo:
    known = {"pid": 4242, "instance": "default", "started_at": ago(hours=5), "interval_s": 2.0, "cpu_ratio": 0.006, "rss_bytes": 96 * 2**20}
    known |= {"recording": "recording", "recorded_bytes": 38 * 2**20, "screens": 2, "people": ["ana", "raj"]}
    return EngineInfo(**(known | more))


SYSTEM = System(
    metrics={
        "cpu.util": 0.31, "load.1m": 18.2, "memory.used": 402.0 * GIB, "memory.total": 1008.0 * GIB, "swap.used": 0.0, "net.rx": 1.2e9,
        "net.tx": 240e6, "pressure.cpu": 0.02, "pressure.memory": 0.0, "pressure.io": 0.0, "memory.used.ratio": 0.4, "disk.used.ratio": 0.88,
    },
    cores=64,
    disks=[Disk("/", "nvme0n1", 40 * GIB, 400 * GIB), Disk("/models", "nvme1n1", 880 * GIB, 1000 * GIB)],
    networks=[Network("eth0", 1.2e9, 240e6)],
    age_s=1.0,
)  # fmt: skip

LLAMA_NOW = {
    "token.rate.generated": 0.0, "token.rate.prompt": 120.0, "request.rate": 0.0, "error.ratio": None, "ttft.p50": None, "ttft.p95": None,
    "ttft.p99": None, "itl.p50": None, "itl.p95": None, "itl.p99": None, "latency.p50": None, "latency.p95": None, "latency.p99": None,
    "request.running": 14.0, "queue.length": 62.0, "kv_cache.used": 0.97, "preemption.rate": 0.4, "scrape.duration": 0.012,
}  # fmt: skip
LLAMA_BEFORE = {
    "token.rate.generated": 1840.0, "token.rate.prompt": 5210.0, "request.rate": 4.1, "error.ratio": 0.001, "ttft.p50": 0.21, "ttft.p95": 1.9,
    "ttft.p99": 3.1, "itl.p50": 0.019, "itl.p95": 0.044, "itl.p99": 0.061, "latency.p50": 1.8, "latency.p95": 6.2, "latency.p99": 9.9,
    "request.running": 12.0, "queue.length": 3.0, "kv_cache.used": 0.71, "preemption.rate": 0.0,
}  # fmt: skip
LLAMA = Target(
    name="llama-70b", kind="vllm", url="http://127.0.0.1:8000", state="STALLED", why="no token for 38 s, /health 200", since=ago(seconds=38), age_s=1.0,
    pid=811, gpus=[0, 1], version="0.11.0", metrics=LLAMA_NOW, absent={"ttft.p95": "nothing observed in the window"},
    process=ServerProcess(pid=811, started=ago(hours=3), processes=4, rss_bytes=41 * GIB, cpu=3.2, gpu_memory_bytes=262 * GIB),
    series={"token.rate.generated": "vllm:generation_tokens_total"}, models=[Model("llama-70b", None, "READY")], how="process: vllm serve",
)  # fmt: skip
QWEN = Target(
    name="qwen-7b", kind="vllm", url="http://127.0.0.1:8001", state="OK", why="", since=ago(hours=3), age_s=1.0, gpus=[2],
    process=ServerProcess(pid=802, started=ago(hours=3), processes=2, rss_bytes=9 * GIB, cpu=1.4, gpu_memory_bytes=78 * GIB),
    metrics={"request.rate": 2.3, "request.running": 6.0, "queue.length": 0.0, "kv_cache.used": 0.41, "scrape.duration": 0.009, "latency.p95": 1.2},
    at_least=["latency.p95"], bounds={"latency.p95": (1.0, 2.5)},
)  # fmt: skip
RANKER = Target(
    name="ranker", kind="triton", url="http://127.0.0.1:8002", state="OK", why="", since=ago(hours=3), age_s=2.0,
    metrics={"request.rate": 41.0, "queue.length": 0.0, "scrape.duration": 0.004, "request.running": None, "latency.mean": 0.0034},
    models=[Model("ranker", "3", "READY"), Model("resnet50", "1", "READY")],
)  # fmt: skip
RESNET = Target(
    name="resnet", kind="triton", url="http://127.0.0.1:8012", state="STALE", why="3 timeouts, next try in 8 s", since=ago(seconds=15), age_s=19.0,
    gpus=[3], metrics={"request.rate": None, "queue.length": None, "scrape.duration": None},
)  # fmt: skip


def gpu(index: int, util: float, used: float, temperature: float, power: float, target: str, **more: object) -> Gpu:
    return Gpu(
        index=index, uuid=f"GPU-{index}", name="NVIDIA H200", state="OK", age_s=1.0, processes=[GpuProcess(800 + index, "python", "svc", None, target)],
        metrics={
            "gpu.util": util, "gpu.memory.used": used * GIB, "gpu.memory.total": 141.0 * GIB, "gpu.temperature": temperature, "gpu.power": power,
            "gpu.power.limit": 700.0, "gpu.ecc.uncorrected": 0.0, "gpu.throttled": 0.0,
        }, **more,
    )  # fmt: skip


GPUS = [
    gpu(0, 0.92, 131, 71, 612, "llama-70b"),
    gpu(1, 0.91, 131, 70, 604, "llama-70b"),
    gpu(2, 0.24, 78, 55, 301, "qwen-7b"),
    Gpu(
        index=3, uuid="GPU-3", name="NVIDIA H200", state="HUNG", why="no NVML answer for 11 s, last read 14:21:56", metrics={"gpu.util": None},
        processes=[GpuProcess(803, "triton", "svc", None, "resnet")], age_s=11.0,
    ),
]  # fmt: skip


def bell(count: int, middle: float, width: float) -> list[float]:
    parts = [math.exp(-(((i / count - middle) / width) ** 2)) for i in range(count)]
    return [part / sum(parts) for part in parts]


def signal(name: str, state: str, effect: float | None, evidence: float | None, n: int, **more: object) -> Drift:
    known = {
        "source": "llama-70b",
        "role": "input",
        "since": None,
        "test": "ks",
        "bound": ">=",
        "p": None,
        "n_reference": 91000,
        "sentence": "",
    }
    return Drift(**(known | {"signal": name, "state": state, "effect": effect, "evidence": evidence, "n_now": n} | more))


SIGNALS = [
    signal(
        "prompt_tokens", "drift", 0.31, 1.6, 4100, since=ago(hours=2, minutes=4),
        sentence="Longer prompts since 12:18: 41 % above 1,000 tokens, 18 % in the reference.", quantiles={"p50": (412.0, 1290.0), "p95": (1900.0, 6200.0)},
        shares=Shares([float(2**i) for i in range(4, 19)], bell(16, 0.35, 0.16), bell(16, 0.6, 0.2)),
    ),
    signal("time_to_first_token", "drift", 0.24, 0.7, 4000, role="latency", since=ago(minutes=31), sentence="Slower first tokens."),
    signal("output_tokens", "watch", 0.04, -1.8, 4000, role="output", since=ago(minutes=6)),
    signal("finish_reason", "stable", 0.01, -5.2, 4000, role="output", test="l_infinity", bound="="),
    signal("score", "stable", 0.01, -5.5, 2200, source="fraud", role="score", bound="="),
    signal("queue_time", "learning", None, None, 180, role="latency", n_reference=180, progress=0.36),
    signal("embed_norm", "idle", None, None, 41, source="fraud", sentence="needs 159 more rows"),
]  # fmt: skip


def alert(number: int, rule: str, severity: str, state: str, target: str, since: datetime, **more: object) -> Alert:
    known = {
        "id": f"a{number}",
        "value": None,
        "summary": "",
        "kind": "target",
        "fired_at": None if state == "pending" else since + timedelta(seconds=30),
    }
    return Alert(**(known | {"rule": rule, "severity": severity, "state": state, "target": target, "since": since} | more))


ALERTS = [
    alert(1, "stalled", "critical", "firing", "llama-70b", ago(seconds=68), value=0.0, unit="/s", for_s=30.0, summary="14 running, no token for 38 s; /health 200"),
    alert(2, "drift", "warning", "firing", "llama-70b/prompt_tokens", ago(hours=2, minutes=4), value=1.6, summary="longer prompts since 12:18", kind="signal"),
    alert(
        3, "kv_cache_full", "warning", "firing", "llama-70b", ago(minutes=12), value=0.97, unit="ratio", summary="KV cache is 97% full",
        acknowledged=Ack("ana", ago(minutes=3), "INC-482", AT + timedelta(minutes=57)),
    ),
    alert(4, "stale", "warning", "pending", "resnet", ago(seconds=19), value=19.0, unit="s", for_s=60.0, summary="no numbers for 19 s"),
    alert(
        5, "disk_full", "info", "firing", "/models", ago(hours=6), value=0.88, unit="ratio", kind="disk", summary="/models is 88% full",
        silenced=Silence("raj", ago(hours=1), AT + timedelta(hours=3), "cleanup tonight"),
    ),
    alert(6, "stalled", "critical", "resolved", "llama-70b", ago(hours=12), ended_at=ago(hours=11, minutes=54), summary="no token for 6 min",
          acknowledged=Ack("raj", ago(hours=11, minutes=58), "", ago(hours=11))),
]  # fmt: skip

QUALITY = [
    Performance(name="fraud", window="5m", slice=None, n=412, coverage=0.71, metrics={"accuracy": Estimate(0.886, 0.871, 0.9), "f1": Estimate(0.81, 0.77, 0.84)}),
    Performance(name="fraud", window="all", slice=None, n=91200, coverage=0.98, metrics={"accuracy": Estimate(0.931, 0.929, 0.933), "f1": Estimate(0.87)}),
]  # fmt: skip

INCIDENT = Frame(
    seq=900, at=AT, host="gpu-node-07", version="0.1.0", engine=engine(), system=SYSTEM, gpus=GPUS, targets=[LLAMA, QWEN, RANKER, RESNET],
    windows=[
        TargetWindow(target="llama-70b", window=window, covered_s=300.0, metrics={key: None if value is None else value * scale for key, value in LLAMA_BEFORE.items()})
        for window, scale in (("1m", 0.2), ("5m", 0.8), ("30m", 1.0), ("3h", 1.0), ("24h", 0.9))
    ],
    performance=QUALITY, drift=SIGNALS, alerts=ALERTS,
    events=[
        Event(ago(seconds=1), "snapshot saved (38 MB)"), Event(ago(seconds=8), "stalled fires on llama-70b", "critical"),
        Event(ago(seconds=11), "gpu 3: no NVML answer", "warning"), Event(ago(minutes=31), "time_to_first_token drifts", "warning"),
    ],
    strip="0" * 31 + "1" * 6 + "0" * 10 + "1" * 9 + "2" * 4,
)  # fmt: skip

CALM = replace(
    INCIDENT, targets=[replace(LLAMA, state="OK", why="", metrics=LLAMA_BEFORE | {"scrape.duration": 0.011}), QWEN, RANKER], gpus=GPUS[:3],
    drift=[signal("prompt_tokens", "stable", 0.02, -5.0, 4100), *SIGNALS[3:]], alerts=[], events=[], strip="0" * 60,
)  # fmt: skip

EMPTY = Frame(
    at=AT, host="laptop", version="0.1.0", engine=engine(people=["ana"], recording="off"), gpu_why="no NVIDIA driver: libnvidia-ml.so.1 not found",
    system=replace(SYSTEM, cores=2, disks=[], metrics=SYSTEM.metrics | {"memory.used": 2.1 * GIB, "memory.total": 7.6 * GIB}),
)  # fmt: skip

NO_DATA = Frame(
    at=AT, host="h", version="0.1.0", engine=EngineInfo(pid=1, instance="default", started_at=AT, interval_s=2.0), discovering=True
)

MANY = replace(
    INCIDENT,
    alerts=[
        alert(i, f"rule_{i % 7}", ("critical", "warning", "info")[i % 3], ("firing", "firing", "pending", "resolved")[i % 4], f"target-{i:02d}", ago(minutes=i), summary="too much")
        for i in range(80)
    ],
    targets=[replace(QWEN, name=f"target-{i:02d}", state=("OK", "OK", "OK", "DOWN", "IDLE", "SLOW")[i % 6], why="refused" if i % 6 == 3 else "") for i in range(60)],
    gpus=[gpu(i, i / 16, 8.0 * i, 40.0 + i, 100.0, f"target-{i:02d}") for i in range(16)],
    drift=[signal(f"signal_{i}", ("stable", "drift", "idle")[i % 3], 0.1, float(i % 9) - 6, i) for i in range(50)],
    queries={"thanos": Queried({"qps": 1234.0, "errors": None}, {"errors": "empty answer"})},
)  # fmt: skip

_SHELF = Shelf("raj", ago(minutes=20), "known, new fan on Monday", AT + timedelta(hours=2))
_HOLDS = "no data since 14:21:56"
STORM = replace(
    INCIDENT,
    alerts=[
        alert(
            1, "errors", "critical", "firing", "qwen-7b", ago(minutes=3), value=0.31, unit="ratio", key="error.ratio[5m]", threshold=0.25, for_s=120.0, flapping=True,
            flaps=5, summary="31% of the requests to qwen-7b fail", runbook="https://wiki.example.org/serving/errors",
        ),
        alert(2, "kv-cache", "warning", "firing", "resnet", ago(minutes=9), value=0.97, unit="ratio", key="kv_cache.used", threshold=0.95, holding=_HOLDS, summary="97% full"),
        alert(3, "gpu-hot", "warning", "firing", "gpu0", ago(hours=1), value=88.0, unit="°C", key="gpu.temperature", threshold=85.0, kind="gpu", summary="GPU 0 is hot", shelved=_SHELF),
        alert(4, "slow", "warning", "firing", "ranker", ago(minutes=8), value=1.2, unit="s", key="latency.p95", threshold=0.5, summary="p95 is 1.20s",
              acknowledged=Ack("ana", ago(minutes=3), "", AT + timedelta(minutes=57)), holding=_HOLDS, flapping=True),
        alert(5, "memory", "critical", "firing", "host", ago(minutes=70), value=0.96, unit="ratio", key="memory.used.ratio", threshold=0.95, kind="host", summary="memory is 96% full",
              silenced=Silence("raj", ago(hours=1), AT + timedelta(hours=3), "restore runs", "s01234567", "rule=memory")),
        *(alert(10 + i, f"rule-{i % 5}", ("critical", "warning", "info")[i % 3], "firing", f"target-{i:02d}", ago(minutes=10 + i), value=float(i), summary="too much") for i in range(24)),
        *(alert(40 + i, "stale", "warning", "resolved", f"target-{i:02d}", ago(hours=5 + i), ended_at=ago(hours=4 + i), summary="was silent") for i in range(12)),
    ],
    silences=[
        Silence("raj", ago(hours=1), AT + timedelta(hours=3), "restore runs", "s01234567", "rule=memory"),
        Silence("ana", ago(hours=1), AT + timedelta(hours=9), "night tests", "s89abcdef", "target=~test-.*"),
        Silence("raj", ago(hours=9), ago(hours=1), "over", "s55555555", "rule=over"),
    ],
)  # fmt: skip

_LONG = "meta-llama/Llama-3.3-70B-Instruct-with-a-name-that-never-ends-" * 2
LONG = replace(
    INCIDENT, host="very-long-host-name.rack-17.datacentre.example.org",
    targets=[replace(LLAMA, name=_LONG, why="because " * 20), replace(RESNET, name=_LONG[::-1], kind="a-kind-without-end")],
    alerts=[alert(1, "rule_" * 12, "critical", "firing", _LONG, ago(days=400), value=1.23e12, summary="word " * 60)],
    drift=[signal(_LONG, "drift", 0.5, 40.0, 10**9, source=_LONG, since=ago(days=3), sentence="sentence " * 40)],
    events=[Event(AT, "event " * 30)],
)  # fmt: skip

_WIDE = "模型-日本語-🚀-e\u0301"
WIDE = replace(
    INCIDENT, host="主机七号",
    targets=[replace(LLAMA, name=_WIDE, why="推理停止了 38 秒,健康检查仍然正常"), replace(QWEN, name="ключ-ß-ı")],
    alerts=[alert(1, "停止", "critical", "firing", _WIDE, ago(seconds=68), value=0.0, unit="/s", summary="没有生成任何令牌,已经三十八秒")],
    drift=[signal("提示长度", "drift", 0.31, 1.6, 4100, sentence="提示变长了 " * 10)],
)  # fmt: skip


# -- a fleet: many kinds, exporters, orphans, and a page that says little -------------------------------------------------------------


def server(name: str, kind: str, state: str = "OK", why: str = "", **more: object) -> Target:
    known = {"url": "http://127.0.0.1:8000", "since": ago(hours=3), "age_s": 1.0}
    return Target(**(known | {"name": name, "kind": kind, "state": state, "why": why} | more))


def process(pid: int, **more: object) -> ServerProcess:
    return ServerProcess(**({"pid": pid, "started": ago(hours=3), "processes": 2, "rss_bytes": 3 * GIB, "cpu": 0.4} | more))


LLAMA_CPP = server(
    "llama-server", "llama-server", "UNKNOWN", "answers, but has no numbers: needs --metrics", age_s=None, process=process(71), models=[Model("tiny", None, "READY")],
    metrics=dict.fromkeys(("request.rate", "request.running", "queue.length", "kv_cache.used", "token.rate.generated", "error.rate")),
    absent=dict.fromkeys(("request.rate", "request.running", "queue.length", "kv_cache.used", "token.rate.generated"), "needs --metrics")
    | {"error.rate": "not counted by this server"},
)  # fmt: skip
SGLANG = server(
    "sglang", "sglang", "STARTING", "starting for 98 s: nobody listens yet; may take 10 min", age_s=None, since=ago(seconds=98), gpus=[3],
    process=process(72, started=ago(seconds=98), gpu_memory_bytes=12 * GIB),
)  # fmt: skip
TORCHSERVE = server(
    "torchserve", "torchserve", why="finished work 2 s ago", version="0.12.0", process=process(73, started=ago(seconds=130), restarts=1, container="docker 3f2a9c01b2d4"),
    metrics={"request.rate": 12.0, "error.rate": 0.2, "request.running": None, "queue.length": 0.0, "latency.mean": 0.034, "queue.time.mean": None, "batch.size.mean": None},
    absent=dict.fromkeys(("request.running", "queue.time.mean", "batch.size.mean"), "not counted by this server"),
)  # fmt: skip
TRITON = server(
    "triton", "triton", why="finished work 1 s ago", gpus=[0], process=process(74, gpu_memory_bytes=2 * GIB), version="2.51.0",
    metrics={"request.rate": 20.0, "error.ratio": 0.01, "queue.length": 3.0, "latency.mean": 0.02}, at_least=["error.ratio"],
    misses={"error.ratio": "requests that were refused before a model was chosen"}, series={"request.rate": "nv_inference_request_success"},
    limited="more than 50,000 samples: the first 50,000 are read (limit max_samples)", bad_lines=3,
    models=[
        Model("bert", "3", "READY", {"request.rate": 17.5, "error.ratio": 0.01, "latency.mean": 0.012, "queue.length": 3.0}),
        Model("resnet50", "1", "READY", {"request.rate": 2.5, "error.ratio": 0.0, "latency.mean": 0.081, "queue.length": 0.0}),
        Model("ranker", None, "UNAVAILABLE", why="Invalid argument: unable to find config.pbtxt"),
        Model("old", "1", "UNAVAILABLE", why="unloaded"),
    ],
)  # fmt: skip
NODE_A = server(
    "node-a", "node-exporter", why="answers with fresh numbers", about="host", url="http://10.0.0.4:9100",
    metrics={"cpu.util": 0.62, "load.1m": 9.1, "memory.used": 61 * GIB, "memory.total": 126 * GIB, "disk.used.ratio": 0.71},
)  # fmt: skip
NODE_B = server("node-b", "node-exporter", "DOWN", "connection refused", about="host", age_s=None, metrics={"cpu.util": None})
DCGM = server("dcgm", "dcgm-exporter", why="answers with fresh numbers", about="gpu", url="http://10.0.0.4:9400")
DCGM_DOWN = server("dcgm-b", "dcgm-exporter", "DOWN", "no answer within 2 s; nothing heard for 61 s", about="gpu", age_s=61.0)
ORPHANS = [
    Orphan(pid=4711, name="VLLM::EngineCore", kind="vllm", gpus=[1], gpu_memory_bytes=12 * GIB),
    Orphan(pid=4712, name="python3", kind="torchserve", ports=[7070, 7071]),
    Orphan(pid=4713, name="triton_python_backend_stub", kind="triton"),
]
FLEET_GPUS = [
    *GPUS[:3],
    replace(gpu(0, 0.5, 40, 61, 333, ""), uuid="GPU-far-0", name="NVIDIA L4", source="dcgm", processes=[]),
    replace(gpu(0, 0.1, 3, 61, 333, ""), uuid="GPU-far-0", name="NVIDIA L4", source="dcgm", processes=[], slice="MIG 3 1g.12gb"),
    *(
        Gpu(index=i, uuid=f"GPU-dark-{i}", name="NVIDIA L4", state="UNKNOWN", why="its exporter is silent: no answer", source="dcgm-b")
        for i in range(8)
    ),
]
FLEET = replace(
    INCIDENT, targets=[DCGM, NODE_A, LLAMA, QWEN, LLAMA_CPP, SGLANG, TORCHSERVE, TRITON, NODE_B, DCGM_DOWN], gpus=FLEET_GPUS, orphans=ORPHANS, drift=[], performance=[],
    alerts=ALERTS[:1],
)  # fmt: skip
CROWD = replace(
    FLEET, gpus=[], gpu_why="no NVIDIA driver",
    targets=[replace(TORCHSERVE, name=f"serve-{i:02d}", process=process(100 + i)) for i in range(30)] + [replace(NODE_A, name=f"node-{i:02d}") for i in range(30)],
)  # fmt: skip

FRAMES = {
    "incident": INCIDENT,
    "calm": CALM,
    "empty": EMPTY,
    "no data": NO_DATA,
    "many": MANY,
    "storm": STORM,
    "long names": LONG,
    "wide characters": WIDE,
    "fleet": FLEET,
    "crowd": CROWD,
}


def wave(points: int, base: float, swing: float, stop: float = 1.0) -> list[float | None]:
    """A curve with a gap at a third and, from the share `stop` on, nothing but zero."""
    values: list[float | None] = [base + swing * (math.sin(i / 9) * 0.6 + math.sin(i / 3.1) * 0.3) for i in range(points)]
    gap = points // 3
    values[gap : gap + max(1, points // 30)] = [None] * max(1, points // 30)
    cut = int(points * stop)
    return values[:cut] + [0.0] * (points - cut)


def histories(points: int = 120) -> dict[tuple[str, str], Series]:
    step_s = 300.0 / points
    start_s = AT.timestamp() - 300.0

    def series(values: list[float | None]) -> Series:
        return Series(start_s, step_s, values)

    rising: list[float | None] = [1 + max(0.0, i - points * 0.55) * 2 for i in range(points)]
    drawn = {
        ("llama-70b", key): series(values)
        for key, values in {
            "token.rate.generated": wave(points, 1800, 500, 0.87), "request.rate": wave(points, 4, 1.2, 0.87), "queue.length": rising,
            "ttft.p95": rising, "kv_cache.used": [0.6 + 0.37 * i / points for i in range(points)], "request.running": wave(points, 12, 2),
            "latency.p95": rising, "itl.p95": wave(points, 0.03, 0.01, 0.87), "token.rate.prompt": wave(points, 5200, 900, 0.9),
        }.items()
    }  # fmt: skip
    machine = {
        ("host", "cpu.util"): wave(points, 0.3, 0.2),
        ("host", "memory.used.ratio"): wave(points, 0.4, 0.02),
        ("host", "net.rx"): rising,
    }
    machine |= {(f"gpu{i}", "gpu.util"): wave(points, 0.8, 0.2, 1 - i / 10) for i in range(4)}
    return drawn | {name: series(values) for name, values in machine.items()}
