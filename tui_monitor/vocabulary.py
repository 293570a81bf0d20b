"""Every metric the monitor speaks of: its key, unit, which way is bad, how it adds up, and one sentence that explains it."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

Unit = Literal["s", "B", "ratio", "/s", "°C", "W", "Hz", "B/s", "cores", ""]


class Term(Struct, frozen=True):
    """One word of the vocabulary."""

    key: str
    unit: Unit
    bad: Literal["high", "low", ""]
    over: Literal["sum", "merge", "worst", "one"]  # how values of replicas and label sets become one
    means: str


def _terms() -> dict[str, Term]:
    rows: list[tuple[str, Unit, Literal["high", "low", ""], Literal["sum", "merge", "worst", "one"], str]] = [
        ("request.rate", "/s", "", "sum", "Requests finished each second, failed ones included."),
        (
            "error.rate",
            "/s",
            "high",
            "sum",
            "Requests each second that ended in a server error (5xx, or what the server counts as failed).",
        ),
        ("error.ratio", "ratio", "high", "worst", "Share of finished requests that ended in a server error."),
        ("reject.rate", "/s", "high", "sum", "Requests each second refused for overload (429, queue full)."),
        ("request.running", "", "", "sum", "Requests being worked on now."),
        ("queue.length", "", "high", "sum", "Requests waiting to be worked on now."),
        ("queue.time.mean", "s", "high", "merge", "Mean time a request waited before work on it began."),
        ("batch.size.mean", "", "", "merge", "Mean number of requests worked on together."),
        ("latency.mean", "s", "high", "merge", "Mean time from request to full answer, exact."),
        ("latency.p50", "s", "high", "merge", "Half of the requests were answered within this time."),
        ("latency.p95", "s", "high", "merge", "95 of 100 requests were answered within this time."),
        ("latency.p99", "s", "high", "merge", "99 of 100 requests were answered within this time."),
        ("token.rate.generated", "/s", "low", "sum", "Tokens generated each second, all requests together."),
        ("token.rate.prompt", "/s", "", "sum", "Prompt tokens read each second."),
        ("ttft.mean", "s", "high", "merge", "Mean time to the first token, exact."),
        ("ttft.p50", "s", "high", "merge", "Half of the requests had their first token within this time."),
        ("ttft.p95", "s", "high", "merge", "95 of 100 requests had their first token within this time."),
        ("ttft.p99", "s", "high", "merge", "99 of 100 requests had their first token within this time."),
        ("itl.mean", "s", "high", "merge", "Mean time between two tokens of one answer, exact."),
        ("itl.p50", "s", "high", "merge", "Half of the gaps between tokens were shorter than this."),
        ("itl.p95", "s", "high", "merge", "95 of 100 gaps between tokens were shorter than this."),
        ("itl.p99", "s", "high", "merge", "99 of 100 gaps between tokens were shorter than this."),
        ("kv_cache.used", "ratio", "high", "worst", "Share of the key-value cache in use; at 1 new requests wait."),
        ("prefix_cache.hit_ratio", "ratio", "", "merge", "Share of prompt tokens that were found in the prefix cache."),
        ("preemption.rate", "/s", "high", "sum", "Requests each second put aside because the cache was full."),
        ("scrape.up", "", "low", "one", "1 when the last question to this target was answered with a readable page."),
        ("scrape.duration", "s", "high", "one", "How long the last answer took."),
        ("scrape.samples", "", "", "one", "Samples on the last page."),
        ("scrape.age", "s", "high", "one", "How old the newest numbers are."),
        ("gpu.util", "ratio", "", "one", "Share of the last second in which at least one kernel ran; busy is not the same as useful."),
        ("gpu.memory.used", "B", "high", "sum", "Memory in use on the GPU."),
        ("gpu.memory.total", "B", "", "sum", "Memory of the GPU."),
        ("gpu.temperature", "°C", "high", "worst", "Temperature of the GPU chip."),
        ("gpu.power", "W", "", "sum", "Power drawn now."),
        ("gpu.power.limit", "W", "", "sum", "Power limit that is enforced."),
        ("gpu.clock.sm", "Hz", "low", "one", "Clock of the multiprocessors."),
        ("gpu.ecc.corrected", "", "high", "sum", "Memory errors corrected since the driver was loaded."),
        ("gpu.ecc.uncorrected", "", "high", "sum", "Memory errors that could not be corrected since the driver was loaded."),
        ("gpu.xid", "", "high", "one", "Code of the last XID error of the driver."),
        ("gpu.throttled", "", "high", "worst", "1 while heat or power slows the GPU down."),
        ("cpu.util", "ratio", "high", "one", "Share of all cores' time in use since the last look."),
        ("load.1m", "", "high", "one", "Processes running or waiting for a core or a disk, mean over a minute."),
        ("memory.used", "B", "high", "one", "Memory that is not available to new programs."),
        ("memory.total", "B", "", "one", "Memory of the host, or of its container's limit."),
        ("swap.used", "B", "high", "one", "Swap in use."),
        ("disk.used", "B", "high", "worst", "Space in use on a file system."),
        ("disk.total", "B", "", "one", "Space of a file system."),
        ("net.rx", "B/s", "", "sum", "Bytes received each second, loopback left out."),
        ("net.tx", "B/s", "", "sum", "Bytes sent each second, loopback left out."),
        ("pressure.cpu", "ratio", "high", "one", "Share of the last 10 s in which some task waited for a core (kernel PSI)."),
        ("pressure.memory", "ratio", "high", "one", "Share of the last 10 s in which some task waited for memory (kernel PSI)."),
        ("pressure.io", "ratio", "high", "one", "Share of the last 10 s in which some task waited for a disk (kernel PSI)."),
        ("process.rss", "B", "high", "sum", "Resident memory of the target's processes."),
        ("process.cpu", "cores", "", "sum", "Cores that the target's processes use."),
        ("accuracy", "ratio", "low", "one", "Share of labelled predictions that were right."),
        ("precision", "ratio", "low", "one", "Of those predicted positive, the share that was."),
        ("recall", "ratio", "low", "one", "Of those that were positive, the share that was found."),
        ("f1", "ratio", "low", "one", "Harmonic mean of precision and recall."),
        ("precision.macro", "ratio", "low", "one", "Mean of the classes' precision, each class counting the same."),
        ("recall.macro", "ratio", "low", "one", "Mean of the classes' recall, each class counting the same."),
        ("f1.macro", "ratio", "low", "one", "Mean of the classes' F1, each class counting the same."),
        ("precision.weighted", "ratio", "low", "one", "Mean of the classes' precision, weighted by how often each is the label."),
        ("recall.weighted", "ratio", "low", "one", "Mean of the classes' recall, weighted by how often each is the label."),
        ("f1.weighted", "ratio", "low", "one", "Mean of the classes' F1, weighted by how often each is the label."),
        ("f1.micro", "ratio", "low", "one", "F1 of all decisions together; with one class a row it is the accuracy."),
        ("auc", "ratio", "low", "one", "Chance that a positive row scores higher than a negative one."),
        ("log_loss", "", "high", "one", "Mean of -log of the probability that was given to the true class."),
        ("brier", "", "high", "one", "Mean square of score minus truth; 0.25 is a coin."),
        ("mae", "", "high", "one", "Mean absolute error."),
        ("mse", "", "high", "one", "Mean squared error."),
        ("rmse", "", "high", "one", "Root of the mean squared error."),
        ("bias", "", "", "one", "Mean of prediction minus label: positive is too high."),
        (
            "calibration.error",
            "ratio",
            "high",
            "one",
            "Mean gap between the score and the share that was positive, over ten equal steps of the score.",
        ),
        ("cost", "", "high", "one", "Mean cost of a prediction by the configured costs."),
        ("label.coverage", "ratio", "low", "one", "Share of predictions whose label is known."),
        ("n", "", "low", "one", "Predictions in the window."),
        ("n.labelled", "", "low", "one", "Of them, those whose label is known."),
        ("label.age", "s", "high", "one", "Median time from a prediction to its label."),
        ("probe.latency", "s", "high", "one", "Mean time to the answer of a golden question; users' requests are not in it."),
        ("probe.changed", "ratio", "high", "one", "Share of golden questions that are answered otherwise than at the first run."),
        ("missing.ratio", "ratio", "high", "one", "Share of missing values."),
        ("out_of_range.ratio", "ratio", "high", "one", "Share of values outside the reference's range."),
        ("new_category.ratio", "ratio", "high", "one", "Share of values that the reference never had."),
        ("drift.ks", "", "high", "one", "Largest difference of the two distribution functions; 0 same, 1 disjoint."),
        ("drift.psi", "", "high", "one", "Population stability index on the reference's bins."),
        ("drift.js", "", "high", "one", "Jensen-Shannon distance, base 2, 0..1."),
        ("drift.kl", "", "high", "one", "Kullback-Leibler divergence of now from the reference, nats."),
        ("drift.hellinger", "", "high", "one", "Hellinger distance, 0..1."),
        ("drift.chi_square", "", "high", "one", "Pearson's chi-square over bins or categories."),
        ("drift.cramers_v", "", "high", "one", "Cramer's V: chi-square as a strength, 0..1."),
        ("drift.mann_whitney", "", "", "one", "Chance that a row of now is larger than one of the reference."),
        ("drift.l_infinity", "", "high", "one", "Largest difference of a category's share."),
        ("drift.evidence", "", "high", "one", "log10 of how far the evidence is beyond the false-alarm budget."),
        ("disk.used.ratio", "ratio", "high", "worst", "Share of a file system in use."),
        ("memory.used.ratio", "ratio", "high", "one", "Share of the host's memory in use."),
        ("gpu.memory.used.ratio", "ratio", "high", "worst", "Share of the GPU's memory in use."),
        ("gpu.power.ratio", "ratio", "high", "worst", "Power drawn as a share of the limit."),
        (
            "disk.full.in",
            "s",
            "low",
            "one",
            "Time until a file system is full if it goes on growing as steadily as it has; unknown when it does not.",
        ),
        (
            "disk.full.in.high",
            "s",
            "low",
            "one",
            "The latest time until a file system is full; unknown unless it is likely to be full at all.",
        ),
        ("disk.full.lasted", "s", "", "one", "How long a file system has grown steadily towards being full."),
        (
            "memory.full.in",
            "s",
            "low",
            "one",
            "Time until the memory is full if it goes on growing as steadily as it has; unknown when it does not.",
        ),
        (
            "memory.full.in.high",
            "s",
            "low",
            "one",
            "The latest time until the memory is full; unknown unless it is likely to be full at all.",
        ),
        ("memory.full.lasted", "s", "", "one", "How long the memory in use has grown steadily towards being full."),
        ("kv_cache.full.in", "s", "low", "one", "Time until the key-value cache is full if it goes on filling as steadily as it has."),
        ("kv_cache.full.in.high", "s", "low", "one", "The latest time until the key-value cache is full; unknown unless that is likely."),
        ("kv_cache.full.lasted", "s", "", "one", "How long the key-value cache has filled steadily."),
        ("anomalies", "", "high", "one", "Numbers that are outside of what was expected of them: three of their last five minutes."),
        ("state.age", "s", "", "one", "How long the target has been in its state."),
        ("models.unready", "", "high", "one", "Models that their server lists and that are not ready."),
    ]
    return {row[0]: Term(*row) for row in rows}


VOCABULARY: dict[str, Term] = _terms()

QUALITY: tuple[str, ...] = (
    "accuracy", "precision", "recall", "f1", "precision.macro", "recall.macro", "f1.macro", "precision.weighted", "recall.weighted",
    "f1.weighted", "f1.micro", "auc", "log_loss", "brier", "mae", "mse", "rmse", "bias", "calibration.error", "cost", "label.coverage",
    "label.age",
)  # fmt: skip
"""How well a model does."""

WINDOWS: dict[str, float] = {"1m": 60.0, "5m": 300.0, "30m": 1800.0, "3h": 10800.0, "24h": 86400.0}

_SUFFIXES: dict[str, tuple[float, Unit]] = {
    "ns": (1e-9, "s"), "us": (1e-6, "s"), "µs": (1e-6, "s"), "ms": (1e-3, "s"), "s": (1.0, "s"), "m": (60.0, "s"), "h": (3600.0, "s"),
    "d": (86400.0, "s"), "w": (604800.0, "s"), "%": (0.01, "ratio"), "/s": (1.0, "/s"), "/m": (1 / 60, "/s"), "B": (1.0, "B"),
    "kB": (1e3, "B"), "KB": (1e3, "B"), "MB": (1e6, "B"), "GB": (1e9, "B"), "TB": (1e12, "B"), "KiB": (2.0**10, "B"), "MiB": (2.0**20, "B"),
    "GiB": (2.0**30, "B"), "TiB": (2.0**40, "B"), "W": (1.0, "W"), "kW": (1e3, "W"), "C": (1.0, "°C"), "°C": (1.0, "°C"), "Hz": (1.0, "Hz"),
    "MHz": (1e6, "Hz"), "GHz": (1e9, "Hz"), "B/s": (1.0, "B/s"), "MB/s": (1e6, "B/s"), "GB/s": (1e9, "B/s"),
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*([A-Za-zµ°%/]*)")


def quantity(text: str) -> tuple[float, Unit]:
    """A number with its unit, in SI: "500ms" is (0.5, "s"), "90%" is (0.9, "ratio"), "3" is (3.0, "").

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is no number with a unit")
    number, suffix = float(match[1]), match[2]
    if not suffix:
        return number, ""
    if suffix not in _SUFFIXES:
        raise ValueError(f"unknown unit {suffix!r} (known: {' '.join(_SUFFIXES)})")
    factor, unit = _SUFFIXES[suffix]
    return number * factor, unit


def seconds(text: str) -> float:
    """A duration such as "90s", "5m", "1h30m" or "7d" in seconds.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    parts = re.findall(r"[0-9.]+[a-zµ]+", text.strip())
    if not parts or "".join(parts) != text.strip():
        raise ValueError(f"{text!r} is no duration (write 90s, 5m, 1h30m, 7d)")
    total = 0.0
    for part in parts:
        value, unit = quantity(part)
        if unit != "s":
            raise ValueError(f"{text!r} is no duration (write 90s, 5m, 1h30m, 7d)")
        total += value
    return total
