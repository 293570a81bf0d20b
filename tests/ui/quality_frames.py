"""Prediction logs made by hand: a fast fall, a slow decay, all sources side by side, labels that never come, and far too much of everything."""

from __future__ import annotations

import math
from datetime import timedelta

from frames import AT, CALM, INCIDENT, STORM, VIEW, ago
from msgspec.structs import replace

from tui_monitor.model import (
    Calibration,
    ChangedAnswer,
    ClassScore,
    ColumnWeight,
    Estimate,
    Frame,
    Gap,
    Paired,
    Performance,
    ProbeExplained,
    ProbeState,
    Quality,
    WorstSlice,
)
from tui_monitor.ui.view import Series

SPANS = {"5m": 300, "30m": 1800, "3h": 10800, "24h": 86400}
FALL = {"5m": 0.612, "30m": 0.801, "3h": 0.921, "24h": 0.929, "deploy": 0.93, "all": 0.932}
DECAY = {"5m": 0.884, "30m": 0.871, "3h": 0.868, "24h": 0.879, "all": 0.918}
STEADY = {"5m": 0.93, "30m": 0.935, "3h": 0.931, "24h": 0.932, "deploy": 0.93, "all": 0.932}
ROWS = {"5m": 412, "30m": 2480, "3h": 14800, "24h": 91200, "deploy": 61000, "all": 1_204_000}


def shown(value: float, n: int, reference: float | None, floor: float | None, **more: object) -> Estimate:
    half = 1.96 * math.sqrt(max(1e-6, value * (1 - value)) / max(1, n))
    known = {"low": max(0.0, value - half), "high": min(1.0, value + half), "n": n, "reference": reference, "floor": floor}
    known["breach"] = None if floor is None else value < floor
    return Estimate(value, **(known | more))


def windows(
    name: str, values: dict[str, float], *, reference: float | None = 0.931, floor: float | None = 0.9, **more: object
) -> list[Performance]:
    out = []
    for window, value in values.items():
        n = ROWS[window]
        labelled = round(n * (0.41 if window == "5m" else 0.88 if window == "30m" else 0.99))
        floors = None if floor is None or window in {"all", "deploy"} else floor
        metrics = {
            key: shown(
                value + shift, labelled, None if reference is None else reference + shift, None if floors is None else floors + shift
            )
            for key, shift in (("accuracy", 0.0), ("f1", -0.04), ("precision", 0.02), ("recall", -0.06), ("auc", 0.03))
        }
        metrics["brier"] = Estimate(round(1 - value, 3) / 2, reference=0.04)
        known = {"source": "labelled", "n": n, "labelled": labelled, "coverage": labelled / n, "metrics": metrics, "slice": None}
        known |= {"start": AT - timedelta(seconds=SPANS.get(window, 200_000)), "end": AT}
        known["confusion"] = [[round(labelled * 0.3), round(labelled * (1 - value))], [round(labelled * 0.02), round(labelled * 0.6)]]
        known["classes"] = {"ham": ClassScore(n // 2, 0.97, 0.93, 0.95), "spam": ClassScore(n // 2, 0.81, 0.88, 0.84)}
        known["calibration"] = Calibration(
            [n // 10] * 10,
            [0.05 + i / 10 for i in range(10)],
            [None if i == 4 else min(1.0, (0.05 + i / 10) ** (1.0 if value > 0.9 else 1.7)) for i in range(10)],
        )
        out.append(Performance(name=name, window=window, **(known | more)))
    return out


def estimates(name: str, values: dict[str, float], source: str, assumption: str, **more: object) -> list[Performance]:
    return [
        Performance(name=name, window=window, slice=None, n=ROWS[window], coverage=None, source=source, assumption=assumption,
                    metrics={"accuracy": shown(value, ROWS[window], 0.931, 0.9, source=source)}, start=ago(days=2), end=AT, **more)
        for window, value in values.items()
    ]  # fmt: skip


def slow(name: str, window: str, value: float) -> WorstSlice:
    return WorstSlice(
        name, window, "accuracy", shown(value, 900, 0.93, None), shown(0.92, 9000, 0.93, None), Estimate(0.92 - value, 0.05, 0.3), 0.0004
    )


ASSUMES = "assumes that only the inputs moved and that what a score means is unchanged"
SPAM = Quality(
    name="spam", task="binary", key="accuracy", state="FALLING", since=ago(minutes=9), classes=["ham", "spam"], positive="spam",
    sentence="accuracy 61.2% over 5m and 80.1% over 30m: both below their floor of 90.0% (mean - 3 sd of the reference); 24h is as ever.",
    slices={"tag == nlp": 'tag == "nlp"', "lang == de": 'lang == "de"', "long": "tokens > 2048"}, worst=[slow("tag == nlp", "30m", 0.402), slow("long", "30m", 0.713)],
    gaps=[Gap("lang == de", "lang == en", "24h", "recall", Estimate(-0.08, -0.1, -0.06), Estimate(0.91, 0.88, 0.94))],
    pairs=[Paired("base model", "24h", "accuracy", Estimate(0.929), Estimate(0.9), Estimate(0.029, 0.02, 0.04)), Paired("v6", "30m", "accuracy", Estimate(0.8), Estimate(0.81), Estimate(-0.01, -0.03, 0.01))],
    version="v7", deploys=[(ago(days=9), "v6"), (ago(hours=2), "v7")], label_age_s=31.0, label_age_p95_s=130.0,
    left_out={"duplicate": 12, "time_unreadable": 3, "score out_of_range": 40}, private=["email", "name"], reference="the first 20,000 labelled rows, until 14 Nov",
)  # fmt: skip
CHURN = Quality(
    name="churn", task="binary", key="accuracy", state="DECAYED", since=ago(days=2), classes=["no", "yes"], positive="yes",
    sentence="accuracy is 87.9% over 24h, below its floor of 90.0%; the last minutes are no worse than the last days.", label_age_s=7200.0, sampled=0.25,
)  # fmt: skip
PRICE = Quality(name="price", task="regression", key="mae", state="OK", reference="train.csv")
PRICES = [
    Performance(name="price", window=window, slice=None, n=n, labelled=n, coverage=1.0, start=ago(days=1), end=AT,
                metrics={"mae": Estimate(12.4 + n / 1e6, 11.9, 12.9, n=n, reference=12.3, floor=14.0, breach=False), "rmse": Estimate(19.1), "bias": Estimate(-0.31)})
    for window, n in (("5m", 100), ("30m", 600), ("24h", 30000), ("all", 90000))
]  # fmt: skip
OF_SLICES = [
    row for name, shift in (("tag == nlp", 0.4), ("lang == de", 0.02), ("long", 0.1))
    for row in windows("spam", {window: value - shift for window, value in FALL.items()}, slice=name, classes={}, calibration=None)
]  # fmt: skip
QUALITY = replace(
    CALM,
    performance=[*windows("spam", FALL), *windows("churn", DECAY, calibration=None), *PRICES, *OF_SLICES],
    quality=[SPAM, CHURN, PRICE],
)

SOURCES = replace(
    CALM,
    performance=[
        *windows("spam", {"5m": 0.91, "30m": 0.921, "24h": 0.929, "all": 0.932}),
        *estimates("spam", {"5m": 0.78, "30m": 0.84, "24h": 0.925}, "estimated", ASSUMES),
        *estimates("spam", {"24h": 0.917}, "sampled", "assumes that the people who labelled are right"),
        *estimates("spam", {"5m": 0.98, "30m": 0.97, "24h": 0.985}, "probe", "assumes that users ask what the probe asks"),
        *estimates("spam", {"5m": 0.9}, "given", "model_accuracy of a metrics page"),
    ],
    quality=[replace(SPAM, state="OK", since=None, sentence="", worst=[], kappa=Estimate(0.81, 0.7, 0.9), proxy_agreement=Estimate(0.94), ess=812.0)],
)  # fmt: skip
ESTIMATED = replace(
    CALM,
    performance=[
        *estimates("fraud", {"5m": 0.84, "30m": 0.86, "24h": 0.925, "all": 0.93}, "estimated", ASSUMES),
        *(Performance(name="fraud", window=window, slice=None, n=n, labelled=0, coverage=0.0, metrics={}, why="no label has come yet") for window, n in ROWS.items()),
    ],
    quality=[Quality(name="fraud", task="binary", key="accuracy", classes=["no", "yes"])],
)  # fmt: skip
NOTHING = replace(
    CALM, targets=[], performance=[],
    quality=[Quality(name="fraud", task="binary", key="accuracy", problem="/var/log/fraud.jsonl: no such file, for 3 min", private=["iban"])],
)  # fmt: skip

_LONG = "a-model-for-everything-with-a-name-of-sixty-characters-number"
_CLASSES = [f"class number {i:02d} of the whole catalogue" for i in range(100)]
_SLICES = [f"region == north-{i:02d} and tokens > {i * 100} and language == de" for i in range(64)]
HUGE = replace(
    STORM,
    performance=[
        *(row for i in range(12) for row in windows(f"{_LONG}-{i:02d}", FALL if i % 3 else STEADY)),
        *(row for name in _SLICES for row in windows(f"{_LONG}-01", DECAY, slice=name, confusion=None, calibration=None)),
    ],
    quality=[
        Quality(name=f"{_LONG}-{i:02d}", task="multiclass", key="f1.macro" if i == 5 else "accuracy", state=("OK", "FALLING", "DECAYED")[i % 3], since=ago(hours=i),
                classes=_CLASSES, sentence="sentence " * 40, worst=[slow(name, "3h", 0.6) for name in _SLICES], private=[f"column_{i:02d}" for i in range(40)],
                left_out={f"reason_{i:02d}": i for i in range(30)}, slices={name: name for name in _SLICES}, slices_left_out=40)
        for i in range(12)
    ],
)  # fmt: skip
HUGE = replace(
    HUGE,
    performance=[
        replace(row, confusion=[[1 + (i * 7 + j * 3) % 11 + (500 if i == j else 0) for j in range(100)] for i in range(100)],
                classes={name: ClassScore(i, 0.5, 0.6, 0.7) for i, name in enumerate(_CLASSES)})
        if row.slice is None and row.window == "30m" and row.name.endswith("-01") else row
        for row in HUGE.performance
    ],
)  # fmt: skip
PROBED = replace(
    CALM,
    performance=[*windows("spam", STEADY), *(replace(one, name="golden") for one in estimates("golden", {"5m": 0.91, "30m": 0.94, "24h": 0.985}, "probe", "assumes that users ask what the probe asks"))],
    quality=[replace(SPAM, state="OK")],
    probes=[
        ProbeState(
            name="golden", target="llama-70b", state="CHANGED", since=ago(minutes=40), sentence="3 of 120 answers are others than at the first run", protocol="kserve-v2", questions=120,
            asked=2400, failed=7, failures={"timeout": 7}, rounds=19, first=Estimate(0.983, 0.95, 0.99), changed_total=3, unsteady=["q-9"],
            changed=[ChangedAnswer("q-17", "no refund", "refund", "no refund", right=False, was_right=True, since=ago(minutes=40)), ChangedAnswer("q-3", "a", "b", "b", right=True, was_right=False, since=ago(hours=3))],
            explained=ProbeExplained(
                at=ago(minutes=3), row=None, columns=9, rows=120, requests=180, failed=1, base=0.97,
                weights=[ColumnWeight("amount", Estimate(0.21, 0.14, 0.28), moved=0.33), ColumnWeight("country of the card", Estimate(0.01, -0.02, 0.04), moved=0.02)],
            ),
        )
    ],
)  # fmt: skip
BESIDE = replace(INCIDENT, performance=QUALITY.performance, quality=QUALITY.quality)

QUALITY_FRAMES: dict[str, Frame] = {
    "quality": QUALITY, "all sources": SOURCES, "only estimated": ESTIMATED, "no rows": NOTHING, "huge logs": HUGE, "logs and servers": BESIDE, "golden questions": PROBED,
}  # fmt: skip
LOOK = replace(VIEW, focus="performance")


def quality_histories(points: int = 160) -> dict[tuple[str, str], Series]:
    """Three hours of accuracy: steady, a gap, and then the fall; the long run hardly moves."""
    span_s = 10800.0

    def series(values: list[float | None]) -> Series:
        return Series(AT.timestamp() - span_s, span_s / points, values)

    main: list[float | None] = [
        0.93 + 0.012 * math.sin(i / 5) + 0.006 * math.sin(i / 1.7) - max(0.0, i - points * 0.9) * 0.0085 for i in range(points)
    ]
    main[points // 4 : points // 4 + 5] = [None] * 5
    around = [0.01 + 0.02 * max(0.0, i / points - 0.85) for i in range(points)]
    estimated: list[float | None] = [0.928 + 0.006 * math.sin(i / 6) - max(0.0, i - points * 0.9) * 0.007 for i in range(points)]
    out: dict[tuple[str, str], Series] = {}
    for name in ("spam", "churn", "fraud", f"{_LONG}-01"):
        for window in ("5m", "30m", "3h", "24h"):
            key = f"accuracy[{window}]"
            out[f"quality:{name}", key] = series(main)
            out[f"quality:{name}", f"{key}.low"] = series([None if v is None else v - a for v, a in zip(main, around, strict=True)])
            out[f"quality:{name}", f"{key}.high"] = series([None if v is None else v + a for v, a in zip(main, around, strict=True)])
            out[f"quality:{name}", f"{key} estimated"] = series(estimated)
        out[f"quality:{name}", "accuracy[all]"] = series([0.934 - 0.002 * i / points for i in range(points)])
    return out
