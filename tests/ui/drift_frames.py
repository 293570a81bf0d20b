"""Drift made by hand: one that moved fast, one that creeps, categories without end, all learning, all blind, far too many, and ugly numbers."""

from __future__ import annotations

import math

from frames import AT, INCIDENT, VIEW, ago, alert, bell
from msgspec.structs import replace

from tui_monitor.model import Drift, Frame, Measured, Part, Shares

LOOK = replace(VIEW, focus="drift")
DAY_S = 86_400.0
BUDGET_S = 30 * DAY_S
EDGES = [float(2**i) for i in range(4, 19)]
ORIGIN = f"learned in 60 min before {int(ago(hours=9).timestamp())}, by the hour of the day"


def told(name: str, state: str, **more: object) -> Drift:
    known: dict[str, object] = {
        "source": "llama-70b",
        "role": "input",
        "since": None,
        "test": "ks",
        "effect": 0.01,
        "bound": ">=",
        "p": None,
        "n_reference": 91_000,
        "n_now": 4_100,
        "evidence": -5.2,
        "sentence": "as in the reference: KS ≥ 0.01 over 4100 rows, 91000 in the reference.",
        "type": "numeric",
        "tau": 2.13,
        "origin": ORIGIN,
    }
    return Drift(**(known | {"signal": name, "state": state} | more))


def climb(points: int, low: float, high: float, begins: float) -> list[tuple[float, float]]:
    """Evidence a minute apart that stays low and climbs from the share `begins` on."""
    end_s = AT.timestamp()
    first = int(points * begins)
    return [
        (
            end_s - 60.0 * (points - 1 - i),
            low + 0.4 * math.sin(i / 5) if i < first else low + (high - low) * (i - first) / max(1, points - 1 - first),
        )
        for i in range(points)
    ]


PROMPT = told(
    "vllm:request_prompt_tokens",
    "drift",
    effect=0.31,
    evidence=1.6,
    since=ago(hours=2, minutes=4),
    kind="sudden",
    cause="data",
    sentence="vllm:request_prompt_tokens moved up since 12:18: 41 % above 1000, 18 % in the reference.",
    quantiles={"p50": (412.0, 1290.0), "p95": (1900.0, 6200.0)},
    mean=(617.2, 1804.0),
    shares=Shares(EDGES, bell(16, 0.35, 0.16), bell(16, 0.6, 0.2)),
    windows={"5m": 0.33, "30m": 0.31, "3h": 0.24, "24h": 0.03},
    interval=(0.28, 0.34),
    importance=0.62,
    early=["CUSUM", "EWMA"],
    evidence_past=climb(220, -3.6, 1.6, 0.44),
    moved_together=["llama-70b/vllm:request_success:finished_reason", "fraud/amount"],
    raised=ago(hours=2),
    followed_by=["llama-70b/vllm:request_success:finished_reason"],
    bounds={"ks": (0.31, 0.46), "mann_whitney": (0.71, 0.79), "wasserstein": (1186.8, None)},
    tests={
        "ks": Measured(0.31),
        "chi_square": Measured(842.0, 0.0),
        "g": Measured(811.4, 0.0),
        "psi": Measured(0.61),
        "kl": Measured(0.33),
        "js": Measured(0.28),
        "hellinger": Measured(0.27),
        "l_infinity": Measured(0.14),
        "mann_whitney": Measured(0.75),
    },
)
REASON = told(
    "vllm:request_success:finished_reason",
    "drift",
    role="output",
    cause="target",
    type="category",
    test="l_infinity",
    bound="=",
    effect=0.12,
    evidence=0.2,
    since=ago(hours=1, minutes=58),
    kind="gradual",
    sentence="request_success has new values since 12:24: 'abort_timeout' (312 rows), 8 % of the rows; none in the reference.",
    shares=Shares([], [0.81, 0.16, 0.02, 0.01, 0.0], [0.69, 0.18, 0.03, 0.02, 0.08], ["stop", "length", "tool_calls", "other", "new"]),
    windows={"5m": 0.12, "30m": 0.11, "3h": 0.1, "24h": 0.08},
    tests={"chi_square": Measured(4.135522, 0.0419), "l_infinity": Measured(0.12), "cramers_v": Measured(0.21)},
    evidence_past=climb(120, -4.0, 0.2, 0.1),
    moved_together=["llama-70b/vllm:request_prompt_tokens", "fraud/amount"],
    raised=ago(hours=1, minutes=40),
    follows="llama-70b/vllm:request_prompt_tokens",
)
TTFT = told(
    "vllm:time_to_first_token_seconds",
    "watch",
    role="latency",
    cause="system",
    effect=0.04,
    evidence=-0.8,
    since=ago(minutes=6),
    sentence="vllm:time_to_first_token_seconds moved up since 14:16: 12 % above 1 s, 8 % in the reference.",
    quantiles={"p50": (0.21, 0.24), "p95": (1.9, 2.2)},
    shares=Shares([0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0], bell(10, 0.4, 0.2), bell(10, 0.43, 0.2)),
    early=["EWMA"],
    windows={"5m": 0.04, "30m": 0.02, "3h": 0.01, "24h": 0.01},
)
STABLE = [
    told("vllm:request_generation_tokens", "stable", role="output", shares=Shares(EDGES, bell(16, 0.4, 0.2), bell(16, 0.41, 0.2))),
    told("amount", "stable", source="fraud", importance=0.21, bound="=", shares=Shares([-500.0, -20.0, 0.0, 20.0, 500.0], bell(6, 0.5, 0.3), bell(6, 0.5, 0.31))),
    told("error", "stable", source="fraud", role="performance", cause="concept", test="l_infinity", bound="=", type="category", effect=0.004),
    told("cost", "stable", source="fraud", role="performance", cause="cost", bound="="),
]  # fmt: skip
STALE = told("country", "stale", source="fraud", type="category", sentence="its source is silent since 14:02.")
BLIND = told(
    "queue_time_seconds", "blind", role="latency", cause="system", why="its buckets are others than in the reference", effect=None, evidence=None,
    sentence="its buckets are others than in the reference.",
)  # fmt: skip
LEARNING = told(
    "inter_token_latency_seconds", "learning", role="latency", effect=None, evidence=None, progress=0.36, n_reference=180, n_now=0, tau=None, origin="",
    sentence="learning what is normal: 180 of 500 rows, 1200 of 3600 s.",
)  # fmt: skip
IDLE = told(
    "embed_norm", "idle", source="fraud", effect=None, evidence=None, n_now=41, sentence="41 of 213 rows since the reference was learned."
)
SIGNALS = [LEARNING, *STABLE, PROMPT, IDLE, BLIND, TTFT, STALE, REASON]

DRIFT = replace(
    INCIDENT, drift=SIGNALS, drift_budget_s=BUDGET_S,
    alerts=[*INCIDENT.alerts, alert(9, "drift", "warning", "firing", "llama-70b/vllm:request_prompt_tokens", ago(hours=2), kind="signal", summary=f"{PROMPT.sentence} 1 other moved with it: finished_reason.")],
)  # fmt: skip
ALL_STABLE = replace(DRIFT, drift=STABLE)
ALL_LEARNING = replace(DRIFT, drift=[replace(LEARNING, signal=f"signal_{i}_seconds", progress=i / 12) for i in range(12)])
ALL_BLIND = replace(DRIFT, drift=[BLIND, replace(BLIND, signal="other_seconds")])
NOTHING = replace(DRIFT, drift=[])
MANY = replace(
    DRIFT,
    drift_left_out=12,
    drift=[
        told(
            f"column_{i:03d}", "drift" if i % 3 == 0 else "stable", source="fraud" if i % 2 else "churn", effect=0.4 - i / 1000, evidence=float(i % 7),
            since=ago(minutes=i * 11), kind=("sudden", "gradual", "recurring")[i % 3], importance=(i * 37 % 100) / 100,
            shares=Shares(EDGES, bell(16, 0.3, 0.2), bell(16, 0.3 + i / 600, 0.2)),
        )
        for i in range(256)
    ],
)  # fmt: skip
_NAME = "a_column_whose_name_is_sixty_characters_long_and_differs_at_"
COUNTRIES = [f"country-{i:02d}" for i in range(30)]
_THEN, _NOW = bell(32, 0.2, 0.5), bell(32, 0.5, 0.4)
UGLY = replace(
    DRIFT,
    drift=[
        told(f"{_NAME}a", "drift", evidence=300.0, effect=1.0, n_now=10**9, n_reference=10**12, since=ago(days=400), shares=Shares([1e-9, 1e-6, 0.5, 1e6, 3e12], bell(6, 0.2, 0.2), bell(6, 0.9, 0.2)),
             quantiles={"p50": (1e-9, 3e12), "p95": (None, None)}, mean=(None, 4e15), sentence="word " * 80, windows={"5m": 1.0, "30m": None, "3h": None, "24h": None}, tau=4000.0,
             evidence_past=[(AT.timestamp() - 60 * i, 300.0 - i) for i in range(50)], moved_together=[f"{_NAME}{i}" for i in range(20)]),
        told(f"{_NAME}b", "drift", type="category", test="l_infinity", bound="=", role="output", evidence=math.inf, effect=0.2, shares=Shares([], _THEN, _NOW, [*COUNTRIES, "other", "new"])),
        told("temperature", "drift", evidence=2.0, effect=0.3, bound="=", shares=Shares([-40.0, -20.5, -1.25, 0.0, 0.001], bell(6, 0.7, 0.2), bell(6, 0.2, 0.2)), quantiles={"p50": (-3.0, -22.0)}, missing_reference=0.0, missing_now=0.031, out_of_range=0.08,
             bounds={"ks": (math.nan, None)}, tests={"ks": Measured(None), "strange_measure": Measured(1e300, 1e-300)}),
        told("constant", "blind", why="all values are one", effect=None, evidence=None, shares=Shares([], [1.0], [1.0])),
        told("broken", "stable", shares=Shares([1.0, 2.0], [0.5, math.nan, 0.5], [1.0]), evidence=math.nan, effect=math.nan, windows={"5m": math.nan}),
        told("only_parts", "drift", type="category", parts=[Part("stop", 0.8, 0.6), Part("length", 0.1, 0.3)], evidence=0.0, effect=0.2),
        told("模型-提示长度", "watch", evidence=-0.5, sentence="提示变长了 " * 10, type="category", parts=[Part("类别一", 0.2, 0.4)]),
    ],
)  # fmt: skip

DRIFT_FRAMES: dict[str, Frame] = {
    "drift": DRIFT, "stable": ALL_STABLE, "learning": ALL_LEARNING, "blind": ALL_BLIND, "nothing": NOTHING, "many": MANY, "ugly": UGLY,
}  # fmt: skip
