"""TorchServe, MLServer, KServe and TensorFlow Serving: what they say of pages, of lists of models and of their command lines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import reply, routes, serving
from msgspec import structs

from tui_monitor.analyse.series import totals
from tui_monitor.analyse.target import Measured, TargetNumbers
from tui_monitor.collect.exposition import PageReader
from tui_monitor.collect.fingerprint import fingerprint, plain_client
from tui_monitor.collect.servers import kserve, mlserver, tf_serving, torchserve
from tui_monitor.collect.servers.kind import Kind, fits
from tui_monitor.collect.servers.places import place, places
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.servers.source import ServerSource
from tui_monitor.config import TargetSettings
from tui_monitor.model import Found, ModelAnswer, Page, ServerAnswer

PAGES = Path(__file__).parent.parent / "pages"
TORCHSERVE, MLSERVER, KSERVE, TF_SERVING = torchserve.TORCHSERVE, mlserver.MLSERVER, kserve.KSERVE, tf_serving.TF_SERVING
ALL = (TORCHSERVE, MLSERVER, KSERVE, TF_SERVING)
JSON = "Content-Type: application/json\r\n"
JAVA = "java -Dmodel_server_home=/opt/ts -cp .:/opt/ts/ts/frontend/* org.pytorch.serve.ModelServer --python /usr/bin/python3"


def raw(name: str) -> bytes:
    return (PAGES / name).read_bytes()


def page(name: str) -> Page:
    read = PageReader().read(raw(name))
    assert isinstance(read, Page)
    return read


def text(*lines: str) -> Page:
    read = PageReader().read("\n".join([*lines, ""]).encode())
    assert isinstance(read, Page)
    return read


def between(kind: Kind, *pages: Page) -> Measured:
    """Pages ten seconds apart, as the numbers over the whole time."""
    numbers = TargetNumbers(kind.says, 10.0)
    for number, one in enumerate(pages):
        numbers.observe(1000.0 + 10.0 * number, one)
    return numbers.measure(990.0 + 10.0 * len(pages), 60.0)


def names_of(kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each key, and the alternatives of each name that it is made from."""
    for key, measure in kind.says.measures.items():
        for number, found in enumerate(totals([measure])):
            yield from ((key, tuple(name + ("_bucket" if number == 2 else "") for name in total.names)) for total in found)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_name_that_is_asked_for_is_on_the_page(kind: Kind) -> None:
    read = page(f"{kind.name}/metrics.prom")
    there = {key.name for key in read.layout.series}
    elsewhere = {
        torchserve.PENDING,  # told with the models
        "grpc_server_handled_total",  # MLServer's, when gRPC is used
        "request_explain_seconds_count",  # KServe's, when a model explains
    }
    for key, names in names_of(kind):
        assert set(names) & (there | elsewhere), key
    for signal in kind.says.signals:
        assert {signal.family, signal.family + "_bucket"} & there
    assert kind.says.by[0] in {label for key in read.layout.series for label, _ in key.labels}
    assert KINDS[kind.name] is kind


@pytest.mark.parametrize("kind", [TORCHSERVE, KSERVE], ids=lambda kind: kind.name)
def test_one_without_a_request_is_at_zero_and_not_unknown(kind: Kind) -> None:
    idle = page(f"{kind.name}/metrics.idle.prom")
    measured = between(kind, idle, idle)
    assert measured.metrics["request.rate"] == 0
    assert measured.absent["latency.mean"] == "nothing observed in the window"
    assert measured.tells_progress
    assert measured.progress_at_s is None


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_errors_are_a_number_or_a_reason(kind: Kind) -> None:
    for key in ("error.rate", "error.ratio"):
        assert (key in kind.says.measures) != (key in kind.says.cannot)
    assert ("error.rate" in kind.says.cannot) == (kind is KSERVE)
    assert all(reason for reason in kind.says.cannot.values())


# -- TorchServe -------------------------------------------------------------------------------------------------------------------------


def test_torchserve_between_two_pages() -> None:
    measured = between(TORCHSERVE, page("torchserve/metrics.prom"), page("torchserve/metrics.after.prom"))
    asked, failed = (21993 - 10599) + (1688 - 841), 16325 - 7734
    assert measured.metrics["request.rate"] == pytest.approx(asked / 10)
    assert measured.metrics["error.rate"] == pytest.approx(failed / 10)
    assert measured.metrics["error.ratio"] == pytest.approx(failed / asked)
    # only what was answered has a time: 3,650 requests of 12,241
    took_us = (318105958.136 - 167049656.12699968) + (90103535.067 - 46816401.67999997)
    assert measured.metrics["latency.mean"] == pytest.approx(took_us / (asked - failed) / 1e6, rel=1e-6)
    assert measured.metrics["latency.mean"] == pytest.approx(0.0532448, rel=1e-5)
    waited_us = (225961033.119 - 118971378.26900002) + (71772031.901 - 37178438.338)
    assert measured.metrics["queue.time.mean"] == pytest.approx(waited_us / 3650 / 1e6, rel=1e-6)
    assert measured.progress_at_s == 1010.0
    assert measured.absent["latency.p95"].startswith("it sums times")
    model = measured.models["tiny_net", "2.0"]
    assert model["request.rate"] == pytest.approx((21993 - 10599) / 10)
    assert model["error.rate"] is None  # 5xx are of no model
    assert model["latency.mean"] == pytest.approx((318105958.136 - 167049656.12699968) / (21993 - 10599) / 1e6, rel=1e-6)


def test_a_torchserve_that_writes_its_numbers_to_a_log_says_which_setting_it_needs() -> None:
    told = text(f"{torchserve.PENDING.replace('.', '_')} 0")  # a page without any of its names
    measured = between(TORCHSERVE, told, told)
    for key in ("request.rate", "error.rate", "error.ratio", "latency.mean", "queue.time.mean"):
        assert measured.metrics[key] is None
        assert measured.absent[key] == "needs metrics_mode=prometheus in config.properties"
    assert measured.absent["queue.length"].startswith("needs the management API")


def test_what_comes_in_is_no_progress_of_a_torchserve() -> None:
    def at(asked: int, took_us: int) -> Page:
        labels = 'model_name="m",model_version="default",hostname="h",'
        return text(
            f"ts_inference_requests_total{{{labels}}} {asked}",
            f"ts_inference_latency_microseconds{{{labels}}} {took_us}",
        )

    assert between(TORCHSERVE, at(10, 5000), at(90, 5000)).progress_at_s is None
    assert between(TORCHSERVE, at(10, 5000), at(90, 5100)).progress_at_s == 1010.0


def test_states_of_torchserve_models_as_captured() -> None:
    tiny = ModelAnswer("tiny_net", why="tiny_net_1_0.mar")
    assert torchserve.read_models(raw("torchserve/models.json")) == (tiny,)
    assert torchserve.each(ModelAnswer("a b/ä")).path == "/models/a%20b%2F%C3%A4/all"
    assert torchserve.each(tiny).place == "management"
    assert torchserve.read_each(tiny, 200, raw("torchserve/model_all_versions.json")) == (
        ModelAnswer("tiny_net", "1.0", "READY", "", {torchserve.PENDING: 4.0}, ("default",)),
        ModelAnswer("tiny_net", "2.0", "READY", "", {torchserve.PENDING: 10.0}),
    )
    (starting,) = torchserve.read_each(tiny, 200, raw("torchserve/model.starting.json"))
    assert (starting.state, starting.why) == ("LOADING", "its workers have not started yet")
    (broken,) = torchserve.read_each(ModelAnswer("broken"), 200, raw("torchserve/model_broken.json"))
    assert (broken.state, broken.version, broken.also) == ("UNAVAILABLE", "1.0", ("default",))  # the only one
    assert broken.why == "no worker is ready, they load or have died: worker 9002 UNLOADING"
    (gone,) = torchserve.read_each(ModelAnswer("nope"), 404, raw("torchserve/model_unknown.json"))
    assert (gone.state, gone.why) == ("UNLOADED", "Model not found: nope")


def test_a_torchserve_model_that_lost_some_of_its_workers_serves() -> None:
    body = (
        b'[{"modelVersion": "1", "workers": [{"id": "1", "status": "READY"}, {"id": "2", "status": "UNLOADING"}], '
        b'"jobQueueStatus": {"pendingRequests": true}}, {"modelVersion": "2", "workers": []}, {"modelVersion": "3", "workers": 5}, 7]'
    )
    some, none, odd = torchserve.read_each(ModelAnswer("m"), 200, body)
    assert (some.state, some.why, some.numbers) == ("READY", "1 of 2 workers: worker 2 UNLOADING", {})
    assert (none.state, none.why) == (odd.state, odd.why) == ("UNAVAILABLE", "no worker")


@pytest.mark.parametrize(
    ("status", "body", "ready"),
    [
        (200, b'{"status": "Healthy"}', True),
        (200, b'{"status": "Partial Healthy"}', False),
        (500, b'{"status": "Unhealthy"}', False),
        (200, b"<html>", False),
        (200, b"[1]", False),
    ],
)
def test_whether_a_torchserve_is_ready(status: int, body: bytes, ready: bool) -> None:
    assert torchserve.read_ready(status, body) is ready


def test_ports_of_a_torchserve_are_in_its_properties(tmp_path: Path) -> None:
    (tmp_path / "config.properties").write_text(
        "# inference_address=http://127.0.0.1:1\ninference_address = https://127.0.0.1:18080\nmanagement_address=http://0.0.0.0:18081\n"
        "metrics_address=http://127.0.0.1:$$PORT$$\ngrpc_inference_port=17070\ngrpc_management_port=99999999\njob_queue_size=10\n"
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ts.cfg").write_text("metrics_address=http://127.0.0.1:9002\r\n")
    found = {"api": 18080, "management": 18081, "grpc": 17070}
    assert torchserve.find_ports((*JAVA.split(), "-f", "config.properties", "-s", "store"), tmp_path) == found
    assert torchserve.find_ports(tuple(JAVA.split()), tmp_path) == found  # in the folder where it was started
    assert torchserve.find_ports((*JAVA.split(), "-f", "other/ts.cfg"), tmp_path) == {"metrics": 9002}
    assert torchserve.find_ports((*JAVA.split(), "-f", "none.cfg"), tmp_path) == {}
    assert torchserve.find_ports((*JAVA.split(), "-f", "other"), tmp_path) == {}
    assert torchserve.find_ports(("java", "-f", "\0"), tmp_path) == {}


def test_where_a_torchserve_is_asked() -> None:
    found = Found("t", "torchserve", "http://h:18080")
    assert places(found, TORCHSERVE) == ("http://h:18080", "http://h:18082/metrics")
    assert place(found, TORCHSERVE, "management") == "http://h:18081"
    assert place(Found("t", "torchserve", "http://h:1", urls={"management": "http://h:9/"}), TORCHSERVE, "management") == "http://h:9"


# -- MLServer ---------------------------------------------------------------------------------------------------------------------------


def test_mlserver_between_two_pages() -> None:
    measured = between(MLSERVER, page("mlserver/metrics.prom"), page("mlserver/metrics.after.prom"))
    good, bad = (1963 - 973) + (1117 - 569), 377 - 194
    assert measured.metrics["request.rate"] == pytest.approx((good + bad) / 10)
    assert measured.metrics["error.rate"] == pytest.approx(bad / 10)
    assert measured.metrics["error.ratio"] == pytest.approx(bad / (good + bad))
    seconds = (108.14688256900035 - 59.97550307599977) + (13.288546395998765 - 7.56997568199904)
    assert measured.metrics["latency.mean"] == pytest.approx(seconds / (good + bad))
    # buckets of both statuses together: 307 up to 25 ms, 1,354 up to 50 ms, 60 up to 75 ms
    assert measured.metrics["latency.p50"] == pytest.approx(0.025 + 0.025 * (1721 * 0.5 - 307) / 1354)
    assert measured.metrics["latency.p95"] == pytest.approx(0.025 + 0.025 * (1721 * 0.95 - 307) / 1354)
    assert measured.metrics["latency.p99"] == pytest.approx(0.05 + 0.025 * (1721 * 0.99 - 1661) / 60)
    assert measured.metrics["request.running"] == 0
    assert measured.progress_at_s == 1010.0
    tiny, slow = measured.models["tiny-lr", ""], measured.models["slow-text", ""]
    assert (tiny["request.rate"], tiny["error.rate"]) == (pytest.approx(99.0), 0)
    assert (slow["request.rate"], slow["error.rate"]) == (pytest.approx((548 + 183) / 10), pytest.approx(18.3))
    assert slow["error.ratio"] == pytest.approx(183 / 731)
    assert tiny["latency.mean"] == pytest.approx((68.43864297200571 - 38.09907533599653) / 990)


def test_mlserver_under_load_and_without_a_request() -> None:
    assert between(MLSERVER, page("mlserver/metrics.prom")).work == 9
    idle = page("mlserver/metrics.idle.prom")
    measured = between(MLSERVER, idle, idle)
    assert [measured.metrics[key] for key in ("request.rate", "error.rate", "request.running")] == [0, 0, 0]
    first = between(MLSERVER, idle, page("mlserver/metrics.prom"))
    assert first.metrics["request.rate"] == pytest.approx((973 + 569 + 194) / 10)  # what appears with the first request was 0 before


def _rest(path: str, status: int, count: int, method: str = "POST") -> str:
    return f'rest_server_requests_total{{app_name="mlserver",method="{method}",path="{path}",status_code="{status}"}} {count}'


def test_our_own_questions_to_an_mlserver_count_for_nothing() -> None:
    def at(polls: int) -> Page:
        return text(
            _rest("/v2/repository/index", 200, polls),
            _rest("/v2/repository/index", 500, polls),
            _rest("/v2", 200, polls, "GET"),
            'rest_server_requests_in_progress{app_name="mlserver",method="GET"} 1',
            'rest_server_requests_in_progress{app_name="mlserver",method="POST"} 0',
        )

    measured = between(MLSERVER, at(1), at(900))
    assert (measured.metrics["request.rate"], measured.metrics["error.rate"], measured.work) == (0, 0, 0)
    assert measured.progress_at_s is None


def test_names_that_callers_invent_are_no_errors_of_an_mlserver_and_bounded() -> None:
    def at(count: int, names: int) -> Page:
        return text(
            _rest("/v2/models/{model_name}/infer", 404, count * names),
            _rest("/v2/models/{model_name}/infer", 200, count),
            f'model_infer_request_success_total{{model="m",version="None"}} {count}',
            f'model_infer_request_failure_total{{model="m",version="None"}} {0}',
            *(f'model_infer_request_failure_total{{model="x{number}\\u001b[31m",version="None"}} {count}' for number in range(names)),
        )

    measured = between(MLSERVER, at(1, 5000), at(11, 5000))
    assert measured.metrics["error.rate"] == 0
    assert len(measured.models) == 64
    assert measured.left_out > 0
    assert not any("\x1b" in name for name, _ in measured.models)
    few = between(MLSERVER, at(1, 2), at(11, 2))
    assert few.models["m", ""]["error.rate"] == 0
    assert few.metrics["error.ratio"] == 0


def test_routes_of_versions_and_streams_are_inferences_too() -> None:
    routes_of = ("infer", "infer_stream", "generate", "generate_stream")
    paths = [f"/v2/models/{{model_name}}{version}/{route}" for version in ("", "/versions/{model_version}") for route in routes_of]
    before = text(*(_rest(path, 500, 0) for path in paths), _rest("/v2/models/{model_name}/ready", 500, 0, "GET"))
    after = text(*(_rest(path, 500, 10) for path in paths), _rest("/v2/models/{model_name}/ready", 500, 10, "GET"))
    assert between(MLSERVER, before, after).metrics["error.rate"] == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("name", "slow", "tiny"),
    [
        ("repository_index.json", "READY", "READY"),
        ("repository_index.starting.json", "LOADING", "LOADING"),
        ("repository_index.unloaded.json", "UNAVAILABLE", "READY"),
    ],
)
def test_states_of_mlserver_models_as_captured(name: str, slow: str, tiny: str) -> None:
    assert mlserver.read_models(raw(f"mlserver/{name}")) == (ModelAnswer("slow-text", "3", slow), ModelAnswer("tiny-lr", "v0.1.0", tiny))
    assert mlserver.read_models(b'[{"name": "m", "state": "WHO\\u0007"}, {"state": "READY"}, 5]') == (ModelAnswer("m", "", "WHO"),)


def test_ports_of_an_mlserver_are_in_its_settings(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "settings.json").write_text('{"http_port": 18090, "grpc_port": 18091, "metrics_port": 18092, "debug": false}')
    words = ("/usr/bin/python3", "/usr/bin/mlserver", "start", "models")
    assert mlserver.find_ports(words, tmp_path) == {"api": 18090, "metrics": 18092, "grpc": 18091}
    assert mlserver.find_ports(("mlserver", "start", "."), tmp_path / "models")["api"] == 18090
    assert mlserver.find_ports(("mlserver", "start", str(tmp_path / "models")), Path("/"))["api"] == 18090
    assert mlserver.find_ports(("mlserver", "start", "none"), tmp_path) == {}
    for other in ('{"http_port": "8080", "metrics_port": 0}', "[]", "{", '{"http_port": true}'):
        (tmp_path / "models" / "settings.json").write_text(other)
        assert mlserver.find_ports(words, tmp_path) == {}


# -- KServe -----------------------------------------------------------------------------------------------------------------------------


def test_kserve_between_two_pages() -> None:
    measured = between(KSERVE, page("kserve/metrics.prom"), page("kserve/metrics.after.prom"))
    assert measured.metrics["request.rate"] == pytest.approx((2278 - 1385) / 10)
    assert measured.metrics["latency.mean"] == pytest.approx((26.810383139022633 - 16.695342349018574) / 893)
    assert measured.metrics["latency.p50"] == pytest.approx(0.01 + 0.015 * 0.5)  # all 893 fell between 10 and 25 ms
    assert measured.metrics["latency.p95"] == pytest.approx(0.01 + 0.015 * 0.95)
    assert measured.bounds["latency.p95"] == (0.01, 0.025)
    assert measured.metrics["error.rate"] is None
    assert measured.absent["error.rate"] == "not counted by this server"
    assert measured.models["tiny", ""]["request.rate"] == measured.metrics["request.rate"]
    assert measured.progress_at_s == 1010.0


def test_states_of_kserve_models_as_captured() -> None:
    assert kserve.read_models(raw("kserve/v1_models.json")) == (ModelAnswer("tiny"),)
    tiny = ModelAnswer("tiny")
    assert kserve.each(ModelAnswer("a/b")).path == "/v2/models/a%2Fb/ready"
    assert kserve.read_each(tiny, 200, raw("kserve/v2_model_ready.json")) == (ModelAnswer("tiny", state="READY"),)
    gone = kserve.read_each(ModelAnswer("never-ready"), 404, raw("kserve/v2_model_not_ready.json"))
    assert gone == (ModelAnswer("never-ready", state="UNAVAILABLE", why="Model with name never-ready does not exist."),)
    unready = kserve.read_each(tiny, 503, b'{"error": "Model with name tiny is not ready."}')
    assert unready == (ModelAnswer("tiny", state="UNAVAILABLE", why="Model with name tiny is not ready."),)
    assert kserve.read_each(tiny, 200, b'{"name": "tiny", "ready": false}')[0].state == "UNAVAILABLE"
    assert kserve.read_each(tiny, 503, b"<html>")[0].why == "answers 503"


def test_whether_a_kserve_is_ready() -> None:
    assert kserve.read_ready(200, raw("kserve/health_ready.json"))
    assert not kserve.read_ready(503, b'{"error": "Server is not ready."}')
    assert not kserve.read_ready(200, b"<html>fine</html>")


# -- TensorFlow Serving -----------------------------------------------------------------------------------------------------------------


def test_tensorflow_serving_between_two_pages() -> None:
    measured = between(TF_SERVING, page("tf-serving/metrics.prom"), page("tf-serving/metrics.later.prom"))
    assert measured.metrics["request.rate"] == pytest.approx((50 + 150 + 10 + 20 + 10) / 10)  # answers of both doors, and failures
    assert measured.metrics["error.rate"] == pytest.approx((10 + 10) / 10)  # INTERNAL, which is new, and UNAVAILABLE
    assert measured.metrics["error.ratio"] == pytest.approx(20 / 240)
    assert measured.metrics["reject.rate"] == pytest.approx(1.0)
    assert measured.metrics["latency.mean"] == pytest.approx((150_000 + 650_000) / 200 / 1e6)
    assert measured.metrics["latency.p50"] == pytest.approx(3570.47e-6)  # half of them below that bound, half in the next bucket
    assert measured.metrics["latency.p95"] == pytest.approx((3570.47 + 0.9 * (6426.84 - 3570.47)) / 1e6)
    assert measured.metrics["queue.time.mean"] == pytest.approx(0.003)
    assert measured.models["ranker", ""]["request.rate"] == measured.metrics["request.rate"]
    assert measured.progress_at_s == 1010.0


def test_questions_for_the_state_of_a_model_count_for_nothing() -> None:
    def at(polls: int) -> Page:
        count = ":tensorflow:serving:request_count"
        times = ":tensorflow:serving:request_latency"
        return text(
            f'{count}{{model_name="m",status="OK"}} {polls + 5}',
            f'{count}{{model_name="gone",status="NOT_FOUND"}} {polls}',
            f'{times}_bucket{{model_name="m",API="",entrypoint="REST",le="+Inf"}} {polls}',
            f'{times}_count{{model_name="m",API="",entrypoint="REST"}} {polls}',
            f'{times}_sum{{model_name="m",API="",entrypoint="REST"}} {polls}',
            f'{times}_bucket{{model_name="m",API="predict",entrypoint="REST",le="+Inf"}} 5',
            f'{times}_count{{model_name="m",API="predict",entrypoint="REST"}} 5',
            f'{times}_sum{{model_name="m",API="predict",entrypoint="REST"}} 5',
        )

    measured = between(TF_SERVING, at(10), at(90))
    assert (measured.metrics["request.rate"], measured.metrics["error.rate"]) == (0, 0)
    assert measured.metrics["latency.mean"] is None
    assert measured.progress_at_s is None
    assert measured.absent["queue.time.mean"] == "needs --enable_batching"


def test_failures_that_are_timed_too_are_counted_once() -> None:
    def at(count: int) -> Page:
        times = ":tensorflow:serving:request_latency_count"
        return text(
            f'{times}{{model_name="m",API="Predict",entrypoint="GRPC",status="OK"}} {10 * count}',
            f'{times}{{model_name="m",API="Predict",entrypoint="GRPC",status="INTERNAL"}} {count}',
            f':tensorflow:serving:request_count{{model_name="m",status="OK"}} {10 * count}',
            f':tensorflow:serving:request_count{{model_name="m",status="INTERNAL"}} {count}',
        )

    measured = between(TF_SERVING, at(0), at(10))
    assert (measured.metrics["request.rate"], measured.metrics["error.rate"]) == (pytest.approx(11.0), pytest.approx(1.0))


def test_an_old_tensorflow_serving_tells_progress_only() -> None:
    def at(runs: int) -> Page:
        return text("# TYPE :tensorflow:core:graph_runs counter", f":tensorflow:core:graph_runs{{}} {runs}", "other 1")

    measured = between(TF_SERVING, at(21), at(40))
    assert measured.progress_at_s == 1010.0
    assert measured.metrics["request.rate"] is None


def test_versions_of_a_tensorflow_model() -> None:
    ranker = ModelAnswer("ranker")
    told = tf_serving.read_each(ranker, 200, raw("tf-serving/model.json"))
    assert [(one.version, one.state) for one in told] == [
        ("14", "UNAVAILABLE"),
        ("13", "LOADING"),
        ("12", "READY"),
        ("3", "UNLOADING"),
        ("2", "UNLOADED"),
    ]
    assert told[0].why == "NOT_FOUND: Could not find SavedModel .pb or .pbtxt at /models/ranker/14"
    assert told[2].why == ""
    missing = tf_serving.read_each(ranker, 404, b'{ "error": "Could not find any versions of model ranker" }')
    assert missing == (ModelAnswer("ranker", state="MISSING", why="Could not find any versions of model ranker"),)
    with pytest.raises(ValueError):
        tf_serving.read_each(ranker, 200, b"<html>")


def test_names_of_tensorflow_models_are_on_the_command_line_or_in_its_file(tmp_path: Path) -> None:
    begin = ("tensorflow_model_server", "--port=8500", "--rest_api_port=8501")
    assert tf_serving.read_names((*begin, "--model_name=half", "--model_base_path=/m/half")) == ("half",)
    assert tf_serving.read_names((*begin, "--model_base_path=/m/half")) == ("default",)
    assert tf_serving.read_names(begin) == ()
    file = tmp_path / "models.config"
    file.write_text(
        'model_config_list {\n  config { name: \'one\' base_path: "/m/one" }\n  # config { name: "no" }\n  config {\n    name : "two"\n'
        '    model_platform: "tensorflow"\n    version_labels { key: "name: \'x\'" value: 4 }\n  }\n  config { name: "one" }\n}\n'
    )
    names = tf_serving.read_names((*begin, f"--model_config_file={file}", "--model_name=ignored"))
    assert names == ("one", "two")
    assert tf_serving.read_names((*begin, f"--model_config_file={tmp_path}/none")) == ()
    assert tf_serving.read_name((*begin, "--model_name=half")) == "half"


# -- how they are recognised ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (JAVA, "torchserve"),
        (f"/usr/lib/jvm/17/bin/{JAVA} -f config.properties -m a=b.mar", "torchserve"),
        ("/usr/bin/python3 /usr/bin/torchserve --start --foreground --ts-config config.properties", ""),  # its parent owns no port
        ("/usr/bin/python3 -u /opt/ts/ts/model_service_worker.py --sock-type unix --sock-name /tmp/.ts.sock.9000", ""),
        ("java -jar kafka.jar", ""),
        ("/opt/bin/python3.12 /opt/bin/mlserver start .", "mlserver"),
        ("mlserver start /models", "mlserver"),
        ("mlserver build .", ""),
        ("python -m sklearnserver --model_name=iris --http_port=8085", "kserve"),
        ("/usr/bin/python3 -m huggingfaceserver --model_id=org/m", "kserve"),
        ("python server.py --http_port 8080", ""),
        ("tensorflow_model_server --rest_api_port=8501 --model_name=m", "tf-serving"),
        ("/usr/bin/tensorflow_model_server --port=8500", "tf-serving"),
        ("/bin/bash /usr/bin/tf_serving_entrypoint.sh", ""),
    ],
)
def test_command_lines(command: str, kind: str) -> None:
    words = tuple(command.split())
    assert [one.name for one in ALL if fits(one.process, words) and not fits(one.workers, words)] == ([kind] if kind else [])


def test_names_on_command_lines() -> None:
    assert KSERVE.read_name(("python", "-m", "sklearnserver", "--model_name=iris")) == "iris"
    assert KSERVE.read_name(("python", "-m", "sklearnserver")) == ""


UUID = "x-request-id: 9d9e41db-42a8-4f90-86b5-9719e90f551c\r\n"


@pytest.mark.parametrize(
    ("answers", "kind", "by"),
    [
        ({"GET /ping": reply(raw("torchserve/ping.json"), headers=JSON + UUID)}, "torchserve", "api"),
        ({"GET /metrics": reply(raw("torchserve/metrics.idle.prom"))}, "torchserve", "metrics"),
        ({"GET /v2": reply(raw("mlserver/server.json"), headers=JSON)}, "mlserver", "api"),
        ({"GET /metrics": reply(raw("mlserver/metrics.idle.prom"))}, "mlserver", "metrics"),
        ({"GET /v2": reply(raw("kserve/v2_server.json"), headers=JSON)}, "kserve", "api"),
        ({"GET /metrics": reply(raw("kserve/metrics.idle.prom"))}, "kserve", "metrics"),
        (
            {"GET /v1/models": reply(b'{ "error": "Missing model name in request." }', "400 Bad Request", headers=JSON)},
            "tf-serving",
            "api",
        ),
        ({"GET /ping": reply(b'{"status": "Healthy"}', headers=JSON)}, None, ""),  # anybody's
        ({"GET /": reply(b'{"status": "alive"}', headers=JSON)}, None, ""),
    ],
)
def test_ports_are_recognised_by_what_they_answer(answers: dict[str, bytes], kind: str | None, by: str) -> None:
    async def look(url: str) -> tuple[str | None, str]:
        client = plain_client(url, 5.0)
        try:
            seen = await fingerprint(client)
            return seen.kind.name if seen.kind else None, seen.by
        finally:
            await client.aclose()

    with serving(routes(answers)) as server:
        assert asyncio.run(look(server.url)) == (kind, by)
    assert all(request.startswith(b"GET ") for request in server.requests)


# -- a whole look -----------------------------------------------------------------------------------------------------------------------


def asked(found: Found, kind: Kind, settings: TargetSettings | None = None) -> ServerAnswer:
    async def once() -> ServerAnswer:
        source = ServerSource(found, kind, settings, 2.0, 10.0)
        try:
            reading = await source.read(1000.0)
            reading = await source.read(1002.0)  # the first look does not wait for lists
        finally:
            await source.close()
        assert isinstance(reading.content, ServerAnswer), reading.failure
        return reading.content

    return asyncio.run(once())


def test_a_torchserve_tells_models_and_queues_through_its_management_port() -> None:
    api = {
        "GET /ping": reply(raw("torchserve/ping.json"), headers=JSON),
        "OPTIONS /": reply(raw("torchserve/api.json"), headers=JSON),
    }
    management = {
        "GET /models?limit=100": reply(
            b'{"models": [{"modelName": "broken"}, {"modelName": "tiny_net", "modelUrl": "tiny_net_1_0.mar"}]}', headers=JSON
        ),
        "GET /models/tiny_net/all": reply(raw("torchserve/model_all_versions.json"), headers=JSON),
        "GET /models/broken/all": reply(raw("torchserve/model_broken.json"), headers=JSON),
    }
    with (
        serving(routes(api)) as first,
        serving(routes(management)) as second,
        serving(routes({"GET /metrics": reply(raw("torchserve/metrics.prom"))})) as third,
    ):
        urls = {"management": second.url, "metrics": third.url + "/metrics"}
        answer = asked(Found("t", "torchserve", first.url, urls=urls), TORCHSERVE)
    assert (answer.ready, answer.version) == (True, "0.12.0")
    assert answer.models is not None
    assert [(one.name, one.version, one.state) for one in answer.models] == [
        ("broken", "1.0", "UNAVAILABLE"),
        ("tiny_net", "1.0", "READY"),
        ("tiny_net", "2.0", "READY"),
    ]
    assert answer.page is not None
    measured = between(TORCHSERVE, answer.page)
    assert measured.metrics["queue.length"] == 4 + 10
    assert measured.work == 14
    assert [measured.models[one]["queue.length"] for one in (("tiny_net", "1.0"), ("tiny_net", "2.0"), ("broken", "1.0"))] == [4, 10, 0]
    after = structs.replace(answer.page, values=[2 * value for value in answer.page.values])
    grown = between(TORCHSERVE, answer.page, after)
    assert set(grown.models) == {("tiny_net", "1.0"), ("tiny_net", "2.0"), ("broken", "1.0")}
    assert grown.models["tiny_net", "1.0"]["request.rate"] == pytest.approx(841 / 10)  # of those who asked for no version
    assert grown.models["tiny_net", "2.0"]["request.rate"] == pytest.approx(10599 / 10)
    assert all(request.startswith((b"GET ", b"OPTIONS ")) for server in (first, second, third) for request in server.requests)


def test_a_kserve_whose_model_became_unready() -> None:
    answers = {
        "GET /v2/health/ready": reply(raw("kserve/health_ready.json"), headers=JSON),
        "GET /v2": reply(raw("kserve/v2_server.json"), headers=JSON),
        "GET /v1/models": reply(b'{"models": ["tiny", "tired"]}', headers=JSON),
        "GET /v2/models/tiny/ready": reply(raw("kserve/v2_model_ready.json"), headers=JSON),
        "GET /v2/models/tired/ready": reply(b'{"error": "Model with name tired is not ready."}', "503 Unavailable", headers=JSON),
        "GET /metrics": reply(raw("kserve/metrics.prom")),
    }
    with serving(routes(answers)) as server:
        settings = TargetSettings(name="k", url=server.url, models=["never-ready"])
        answer = asked(Found("k", "kserve", server.url), KSERVE, settings)
    assert (answer.ready, answer.version) == (True, "0.21.0")
    assert answer.models is not None
    assert [(one.name, one.state, one.why) for one in answer.models] == [
        ("tiny", "READY", ""),
        ("tired", "UNAVAILABLE", "Model with name tired is not ready."),
        ("never-ready", "MISSING", "configured, and not listed by its server"),
    ]


def test_a_tensorflow_serving_is_asked_for_the_models_it_was_started_with() -> None:
    with serving(routes({"GET /v1/models/ranker": reply(raw("tf-serving/model.json"), headers=JSON)})) as server:
        answer = asked(Found("f", "tf-serving", server.url, models=("ranker", "nope")), TF_SERVING)
    assert answer.models is not None
    assert [(one.name, one.version, one.state) for one in answer.models][-2:] == [("ranker", "2", "UNLOADED"), ("nope", "", "MISSING")]
    assert answer.page_failure is not None
    assert answer.page_failure.message == "needs --monitoring_config_file with prometheus_config { enable: true }"


def test_an_mlserver_that_still_loads_its_models() -> None:
    answers = {
        "GET /v2/health/ready": reply(b"", "400 Bad Request", headers=""),
        "GET /v2": reply(raw("mlserver/server.json"), headers=JSON),
        "POST /v2/repository/index": reply(raw("mlserver/repository_index.starting.json"), headers=JSON),
    }
    with serving(routes(answers)) as server, serving(routes({"GET /metrics": reply(raw("mlserver/metrics.idle.prom"))})) as page_server:
        answer = asked(Found("m", "mlserver", server.url, urls={"metrics": page_server.url + "/metrics"}), MLSERVER)
    assert answer.ready is False
    assert answer.ready_why == "answers 400: slow-text LOADING, tiny-lr LOADING"
    assert answer.version == "1.7.1"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"models": 5}', b"5", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("read", [torchserve.read_models, mlserver.read_models, kserve.read_models])
def test_a_list_of_models_that_is_none_is_one_error(read: object, body: bytes) -> None:
    with pytest.raises(ValueError):
        read(body)  # type: ignore[operator]
