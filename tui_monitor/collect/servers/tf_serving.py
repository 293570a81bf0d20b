"""TensorFlow Serving, 2.4 and newer.

REST on port 8501, with the metrics page behind it when a monitoring configuration asks for one. Its names begin with a colon, its times are
microseconds without saying so. Models cannot be listed: their names come from the command line or the configuration, and each tells its
versions. `request_count` counts questions for the state of a model too, ours among them, and `request_latency` counts answers that went
well, by API: that of such a question is empty. So requests are the answers of an API and the failures of all; what was asked of unknown
models is left out, as ours may be among that.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from urllib.parse import quote

from tui_monitor.collect.servers.kind import MAX_MODELS, Ask, Kind, Page, Sign, base_name, flag, json_of, list_of, text_of
from tui_monitor.mapping import Says, SignalSource, mean, per, quantiles, rate, total
from tui_monitor.model import ModelAnswer, clean

MICROSECOND = 1e-6
MAX_CONFIG_BYTES = 1_000_000
WORDS = re.compile(r"""#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[\w.+-]+|[^\s\w]""")  # of protocol buffer text
STATES = {"START": "LOADING", "AVAILABLE": "READY", "END": "UNLOADED"}
_BROKEN = "UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"  # those that are 5xx over REST
_COUNT, _TIMES = ":tensorflow:serving:request_count", ":tensorflow:serving:request_latency"

_answered = total(f"{_TIMES}_count", where={"API": ".+", "status": "(OK)?"})  # some versions time failures too, with their status
_failed = total(_COUNT, unless={"status": "OK|NOT_FOUND"})
_broken = total(_COUNT, where={"status": _BROKEN})
_refused = total(_COUNT, where={"status": "RESOURCE_EXHAUSTED|UNAVAILABLE"})  # the latter is its word for a full batching queue
_runs = total(":tensorflow:core:graph_runs", ":tensorflow:core:direct_session_runs", optional=True)
_nowhere = "not counted by this server"


def each(model: ModelAnswer) -> Ask:
    """The versions of one model."""
    return Ask(f"/v1/models/{quote(model.name, safe='')}", accept=(200, 404))


def read_each(model: ModelAnswer, status: int, body: bytes) -> tuple[ModelAnswer, ...]:
    """`{"model_version_status": [{"version", "state", "status": {"error_code", "error_message"}}]}`, newest version first."""
    if status != 200:
        return (ModelAnswer(model.name, state="MISSING", why=_error(body) or f"answers {status}"),)
    answer = json_of(body)
    told = answer if isinstance(answer, dict) else {}
    versions = [_version(model.name, one) for one in list_of(told.get("model_version_status"))[:MAX_MODELS] if isinstance(one, dict)]
    return tuple(sorted(versions, key=lambda one: int(one.version) if one.version.isdecimal() else -1, reverse=True))


def _error(body: bytes) -> str:
    try:
        answer = json_of(body)
    except ValueError:
        return ""
    return text_of(answer.get("error")) if isinstance(answer, dict) else ""


def _version(name: str, told: dict[str, object]) -> ModelAnswer:
    word, status = text_of(told.get("state"), 20), told.get("status")
    code, why = (text_of(status.get(key)) for key in ("error_code", "error_message")) if isinstance(status, dict) else ("", "")
    failed = code not in ("", "OK", "0")
    state = "UNAVAILABLE" if failed and word in ("END", "START", "LOADING") else STATES.get(word, word)
    return ModelAnswer(name, text_of(told.get("version"), 20), state, f"{code}: {why}" if failed else why)


def read_name(words: tuple[str, ...]) -> str:
    """`--model_name`."""
    return base_name(flag(words, "--model_name"))


def read_names(words: tuple[str, ...]) -> tuple[str, ...]:
    """`--model_name` ("default" where only a path is given), or the names in the file of `--model_config_file`."""
    path = Path(flag(words, "--model_config_file"))
    if path.is_absolute():
        return _names_of(path)
    name = flag(words, "--model_name") or ("default" if flag(words, "--model_base_path") else "")
    return (clean(name, 120),) if name else ()


def _names_of(path: Path) -> tuple[str, ...]:
    """The names in a `model_config_list`, which is protocol buffer text."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES).decode(errors="replace")
    except (OSError, ValueError):
        return ()
    words = [word for word in WORDS.findall(text) if not word.startswith("#") and word != ":"]
    found = [after[1:-1] for word, after in itertools.pairwise(words) if word == "name" and after[0] in "\"'"]
    return tuple(dict.fromkeys(name for one in found[:MAX_MODELS] if (name := clean(one, 120))))


TF_SERVING = Kind(
    name="tf-serving",
    api_port=8501,
    metrics=Page(0, "/monitoring/prometheus/metrics"),
    page_flag="needs --monitoring_config_file with prometheus_config { enable: true }",
    each=each,
    read_each=read_each,
    process=r"^(\S*/)?tensorflow_model_server( |$)",
    port_flags={"api": "--rest_api_port", "grpc": "--port"},
    signs=(Sign("/v1/models", r'"error"\s*:\s*"Missing model name in request', (400,)),),
    families=(":tensorflow:",),
    read_name=read_name,
    read_names=read_names,
    says=Says(
        measures={
            "request.rate": rate(_answered + _failed),
            "error.rate": rate(_broken),
            "error.ratio": per(rate(_broken), rate(_answered + _failed)),
            "reject.rate": rate(_refused),
            **quantiles("latency", _TIMES, unit=MICROSECOND, where={"API": ".+"}),
            "queue.time.mean": mean(":tensorflow:serving:batching_session:queuing_latency", unit=MICROSECOND),
        },
        by=("model_name",),
        needs={"queue.time.mean": "needs --enable_batching"},
        cannot=dict.fromkeys(("request.running", "queue.length", "batch.size.mean"), _nowhere),
        signals=(SignalSource(_COUNT, "output", label="status"),),
        waiting=(),
        progress=_answered + _failed + _runs,
    ),
)
