"""Ray Serve, BentoML and LitServe: what they say of pages and answers that real ones gave."""

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
from tui_monitor.collect.http import Client
from tui_monitor.collect.servers import bentoml, litserve, ray_serve
from tui_monitor.collect.servers.kind import Kind, fits
from tui_monitor.collect.servers.listing import Listing
from tui_monitor.collect.servers.places import place, places
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.collect.servers.source import ServerSource
from tui_monitor.model import Found, ModelAnswer, Page, ServerAnswer

PAGES = Path(__file__).parent.parent / "pages"
LATENCY = ("latency.mean", "latency.p50", "latency.p95", "latency.p99")
RAYLET = "/opt/venv/lib/python3.12/site-packages/ray/core/src/ray/raylet/raylet"


def page(name: str) -> Page:
    read = PageReader().read((PAGES / name).read_bytes())
    assert isinstance(read, Page)
    return read


def between(kind: Kind, *names: str, every_s: float = 10.0) -> Measured:
    """Pages of a server, one after the other, as its numbers over the whole time; how to read a page that steps is not asked here."""
    reader, numbers = PageReader(), TargetNumbers(structs.replace(kind.says, step_s=0.0), every_s)
    for number, name in enumerate(names):
        numbers.observe(1000.0 + every_s * number, reader.read((PAGES / name).read_bytes()))
    return numbers.measure(1000.0 + every_s * (len(names) - 1), max(60.0, every_s * len(names)))


def text(*lines: str) -> Page:
    read = PageReader().read("\n".join([*lines, ""]).encode())
    assert isinstance(read, Page)
    return read


def grown(kind: Kind, before: Page, after: Page) -> Measured:
    """Two pages ten seconds apart, the second of a longer layout or the same."""
    numbers = TargetNumbers(structs.replace(kind.says, step_s=0.0), 10.0)
    numbers.observe(1000.0, before)
    numbers.observe(1010.0, after)
    return numbers.measure(1010.0)


def names_of(kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each key, and the alternatives of each name that it is made from."""
    for key, measure in kind.says.measures.items():
        for number, found in enumerate(totals([measure])):
            yield from ((key, tuple(name + ("_bucket" if number == 2 else "") for name in total.names)) for total in found)


@pytest.mark.parametrize(("kind", "name"), [(bentoml.BENTOML, "bentoml/metrics.prom"), (ray_serve.RAY_SERVE, "ray-serve/metrics.prom")])
def test_every_name_that_is_asked_for_is_on_the_page(kind: Kind, name: str) -> None:
    there = {key.name for key in page(name).layout.series}
    for key, names in names_of(kind):
        assert there & set(names) or key == "batch.size.mean", key  # Ray's needs @serve.batch
    for signal in kind.says.signals:
        assert signal.family + "_bucket" in there
    assert {kind.says.by[0]} <= {label for key in page(name).layout.series for label, _ in key.labels}


@pytest.mark.parametrize("kind", [ray_serve.RAY_SERVE, bentoml.BENTOML, litserve.LITSERVE], ids=lambda kind: kind.name)
def test_they_are_registered(kind: Kind) -> None:
    assert KINDS[kind.name] is kind


# -- BentoML ----------------------------------------------------------------------------------------------------------------------------


def test_bentoml_between_two_pages() -> None:
    measured = between(bentoml.BENTOML, "bentoml/metrics.prom", "bentoml/metrics.after.prom")
    answered = (213 - 126) + (19 - 12) + (54 - 34) + (1504 - 933) + (374 - 219)
    assert measured.metrics["request.rate"] == pytest.approx(answered / 10)
    assert measured.metrics["error.rate"] == pytest.approx((19 - 12) / 10)
    assert measured.metrics["error.ratio"] == pytest.approx((19 - 12) / answered)
    assert measured.metrics["reject.rate"] == pytest.approx(((1504 - 933) + (374 - 219)) / 10)
    assert measured.metrics["request.running"] == 0
    assert measured.metrics["batch.size.mean"] == pytest.approx((54 - 35) / (35 - 22))
    seconds = (77.08645216300283 - 45.32605676000048) + (6.715382835999662 - 4.233617284999582) + (31.326015740998173 - 19.186220360997595)
    assert measured.metrics["latency.mean"] == pytest.approx(seconds / ((213 - 125) + (19 - 12) + (54 - 34)))  # refusals are not in it
    assert set(measured.models) == {("tiny_sum", "")}
    assert measured.models["tiny_sum", ""] == {
        key: value for key, value in measured.metrics.items() if key in bentoml.BENTOML.says.measures
    }
    assert measured.absent == bentoml.BENTOML.says.cannot


def test_bentoml_under_load() -> None:
    measured = between(bentoml.BENTOML, "bentoml/metrics.prom")
    assert measured.metrics["request.running"] == 2 + 9
    assert measured.work == 11
    assert measured.metrics["request.rate"] is None
    assert measured.absent["request.rate"] == "no second sample yet"


def test_a_bentoml_without_a_request_is_at_zero_and_not_unknown() -> None:
    measured = between(bentoml.BENTOML, "bentoml/metrics.idle.prom", "bentoml/metrics.idle.prom")
    assert (measured.metrics["request.rate"], measured.metrics["error.rate"], measured.metrics["reject.rate"]) == (0, 0, 0)
    assert measured.metrics["error.ratio"] is None
    assert measured.absent["error.ratio"] == "nothing observed in the window"
    assert measured.absent["batch.size.mean"] == "needs a call of a method with batchable=True"
    assert measured.tells_progress
    assert measured.progress_at_s is None
    assert measured.work == 0  # though its page has gauges of our own questions only


def test_our_own_questions_to_a_bentoml_count_for_nothing() -> None:
    def at(polls: int, calls: int) -> Page:
        labels = 'runner_name="a",service_name="a",service_version="1"'
        own = (
            f'{{endpoint="{path}",http_response_code="200",{labels}}}'
            for path in ("/livez", "/readyz", "/healthz", "/schema.json", "/docs.json")
        )
        return text(
            *(f"bentoml_service_request_total{one} {polls}" for one in own),
            f'bentoml_service_request_total{{endpoint="/readyz",http_response_code="503",{labels}}} {polls}',
            f'bentoml_service_request_total{{endpoint="/predict",http_response_code="200",{labels}}} {calls}',
            f'bentoml_service_request_in_progress{{endpoint="/readyz",{labels}}} 1',
            f'bentoml_service_request_in_progress{{endpoint="/predict",{labels}}} 0',
        )

    measured = grown(bentoml.BENTOML, at(100, 5), at(900, 5))
    assert (measured.metrics["request.rate"], measured.metrics["error.rate"], measured.work) == (0, 0, 0)
    assert measured.progress_at_s is None


def test_bentoml_answers_who_it_is() -> None:
    (model,) = bentoml.read_models((PAGES / "bentoml/schema.json").read_bytes())
    assert model == ModelAnswer("tiny_sum")
    assert bentoml.read_ready(model, 200, b"\n") == (ModelAnswer("tiny_sum", state="READY"),)
    assert bentoml.read_ready(model, 503, b"Runners are not ready.") == (
        ModelAnswer("tiny_sum", "", "UNAVAILABLE", "Runners are not ready."),
    )
    assert bentoml.read_ready(model, 500, b"") == (ModelAnswer("tiny_sum", "", "UNAVAILABLE", "answers 500"),)
    assert bentoml.read_version((PAGES / "bentoml/docs.json").read_bytes()) == "1.4.39"
    assert bentoml.read_version(b'{"info": {"description": 7}}') == ""


def test_a_bentoml_that_is_full_has_not_lost_its_service() -> None:
    schema = reply((PAGES / "bentoml/schema.json").read_bytes())
    pages = {"GET /schema.json": schema, "GET /readyz": reply(b"\n"), "GET /docs.json": reply(b"{}")}

    async def looks(url: str) -> list[tuple[ModelAnswer, ...] | None]:
        client = Client(url, 10.0)
        listing, seen = Listing(bentoml.BENTOML, lambda _place, _timeout_s: client), []
        for now_s in (1000.0, 2000.0, 3000.0):
            await listing.ask(now_s, (), 10.0)
            seen.append(listing.models)
            pages["GET /schema.json"] = reply(
                b'{"error": "Too many requests"}', "429 Too Many Requests" if now_s < 2000 else "404 Not Found"
            )
            pages["GET /readyz"] = reply(b"busy", "503 Service Unavailable")
        await listing.stop()
        await client.aclose()
        return seen

    with serving(routes(pages)) as server:
        first, full, gone = asyncio.run(looks(server.url))
    assert first == (ModelAnswer("tiny_sum", state="READY"),)
    assert full == (ModelAnswer("tiny_sum", "", "UNAVAILABLE", "busy"),)
    assert gone is None


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("bentoml serve service:TinySum --port 3000", "TinySum"),
        ("/opt/bin/python /opt/bin/bentoml serve ranker:latest", "ranker"),
        ("bentoml serve --port 3001 .", ""),
        ("bentoml serve", ""),
        ("bentoml serve service:svc", ""),
    ],
)
def test_the_name_of_a_bentoml_is_its_services(command: str, name: str) -> None:
    assert bentoml.read_name(tuple(command.split())) == name


# -- Ray Serve --------------------------------------------------------------------------------------------------------------------------


def test_ray_serve_between_two_pages() -> None:
    measured = between(ray_serve.RAY_SERVE, "ray-serve/metrics.prom", "ray-serve/metrics.after.prom", "ray-serve/metrics.after.prom")
    told = measured.series
    assert told["request.rate"] == "ray_serve_num_http_requests_total"
    assert told["latency.p95"] == "ray_serve_http_request_latency_ms"
    assert measured.metrics["error.ratio"] == pytest.approx((182 - 92) / ((1481 - 723) + (182 - 92)))
    mean_s = measured.metrics["latency.mean"]
    assert mean_s is not None
    assert 0.05 < mean_s < 0.5  # milliseconds on the page
    assert (measured.metrics["request.running"], measured.metrics["queue.length"]) == (3, 0)
    assert set(measured.models) == {("broken", ""), ("tiny", "")}
    assert measured.models["tiny", ""]["error.ratio"] == measured.metrics["error.ratio"]
    assert measured.models["broken", ""]["queue.length"] == 0
    assert measured.at_least == ["reject.rate"]
    assert measured.absent["batch.size.mean"] == "needs a method with @serve.batch that was called"


def test_ray_serve_under_load() -> None:
    measured = between(ray_serve.RAY_SERVE, "ray-serve/metrics.prom")
    assert (measured.metrics["request.running"], measured.metrics["queue.length"], measured.work) == (4 + 3, 1, 8)
    assert measured.tells_progress


def proxy(route: str, status: int, count: int, application: str = "a") -> str:
    return f'ray_serve_num_http_requests_total{{application="{application}",method="GET",route="{route}",status_code="{status}"}} {count}'


def test_health_questions_to_ray_serve_and_unknown_routes_are_no_work() -> None:
    busy = text(
        proxy("/-/healthz", 503, 900, ""),
        proxy("/-/routes", 200, 900, ""),
        proxy("", 404, 50, ""),
        proxy("/a", 503, 30),
        proxy("/a", 200, 7),
    )
    idle = text(
        proxy("/-/healthz", 503, 0, ""), proxy("/-/routes", 200, 0, ""), proxy("", 404, 0, ""), proxy("/a", 503, 0), proxy("/a", 200, 7)
    )
    measured = grown(ray_serve.RAY_SERVE, idle, busy)
    assert measured.metrics["error.ratio"] == pytest.approx(30 / 80)  # 404 and 503 are answers, health is neither
    assert measured.progress_at_s is None


def test_a_ray_serve_without_a_proxy_tells_what_its_replicas_did() -> None:
    def at(processed: int, succeeded: int) -> Page:
        labels = 'application="a",deployment="D",replica="r"'
        return text(
            f'ray_serve_deployment_processing_latency_ms_bucket{{{labels},le="10.0"}} {processed}',
            f'ray_serve_deployment_processing_latency_ms_bucket{{{labels},le="+Inf"}} {processed}',
            f"ray_serve_deployment_processing_latency_ms_count{{{labels}}} {processed}",
            f"ray_serve_deployment_processing_latency_ms_sum{{{labels}}} {processed * 5}",
            f"ray_serve_deployment_request_counter_total{{{labels}}} {succeeded}",
        )

    measured = grown(ray_serve.RAY_SERVE, at(100, 90), at(300, 240))
    assert measured.metrics["error.ratio"] == pytest.approx(50 / 200)
    assert measured.metrics["latency.mean"] == pytest.approx(0.005)
    assert measured.metrics["latency.p95"] == pytest.approx(0.0095)
    assert measured.progress_at_s == 1010.0


def test_counters_of_replicas_and_of_the_proxy_agree_in_the_capture() -> None:
    there = dict.fromkeys(("request_counter_total", "error_counter_total", "processing_latency_ms_count"), 0.0)
    read = page("ray-serve/metrics.prom")
    for key, value in zip(read.layout.series, read.values, strict=True):
        name = key.name.removeprefix("ray_serve_deployment_")
        if name in there:
            there[name] += value
    assert there["request_counter_total"] + there["error_counter_total"] == there["processing_latency_ms_count"] == 1106


def test_a_ray_node_where_nothing_was_asked_yet_says_so() -> None:
    measured = grown(ray_serve.RAY_SERVE, text("ray_serve_proxy_status 2"), text("ray_serve_proxy_status 2"))
    assert measured.metrics["request.rate"] is None
    assert measured.absent["request.rate"].startswith("no request since it started")
    assert measured.absent["queue.length"] == "no application runs on this node"


def test_applications_of_ray_serve_in_our_words() -> None:
    models = ray_serve.read_models((PAGES / "ray-serve/applications.json").read_bytes())
    assert models == (
        ModelAnswer("tiny", state="READY"),
        ModelAnswer("broken", "", "UNAVAILABLE", "DEPLOY_FAILED: Broken 0 of 1 replicas, RuntimeError: weights file is missing"),
    )
    assert ray_serve.read_models((PAGES / "ray-serve/applications.no_serve.json").read_bytes()) == ()
    assert ray_serve.read_version((PAGES / "ray-serve/version.json").read_bytes()) == "2.60.0"


@pytest.mark.parametrize(
    ("status", "state", "why"),
    [
        ("DEPLOYING", "LOADING", "DEPLOYING: D 1 of 3 replicas"),
        ("DELETING", "UNLOADING", "DELETING: D 1 of 3 replicas"),
        ("UNHEALTHY", "UNAVAILABLE", "UNHEALTHY: D 1 of 3 replicas"),
        ("SOMETHING_NEW", "SOMETHING_NEW", "SOMETHING_NEW: D 1 of 3 replicas"),
        ("RUNNING", "READY", ""),
    ],
)
def test_states_of_an_application(status: str, state: str, why: str) -> None:
    deployment = '{"name": "D", "status": "UPDATING", "message": "", "target_num_replicas": 3, "replicas": [{"state": "RUNNING"}, {"state": "STARTING"}]}'
    body = f'{{"applications": {{"a": {{"status": "{status}", "message": "", "deployments": {{"D": {deployment}}}}}}}}}'.encode()
    assert ray_serve.read_models(body) == (ModelAnswer("a", state=state, why=why),)


def test_what_ray_serve_says_in_colours_and_many_lines_is_one_plain_line() -> None:
    body = b'{"applications": {"\\u001b[31mred": {"status": "UNHEALTHY", "message": "first\\n\\u001b[36mlast \\u0007line\\u001b[39m\\n"}}}'
    assert ray_serve.read_models(body) == (ModelAnswer("red", "", "UNAVAILABLE", "UNHEALTHY: last line"),)


def raylet(metrics: int, *more: str) -> tuple[str, ...]:
    worker = (
        f"python {RAYLET.partition('/core')[0]}/_private/workers/setup_worker.py --temp-dir=/tmp/ray --webui=127.0.0.1:8266 --cluster-id=ab"
    )
    flags = ("--node_id=a6e711", f"--python_worker_command={worker}", f"--metrics_export_port={metrics}")
    return (RAYLET, "--raylet_socket_name=/s/raylet", *flags, *more)


def test_a_raylet_names_the_ports_of_its_node(tmp_path: Path) -> None:
    assert ray_serve.find_ports(raylet(8080, "--head"), tmp_path) == {"metrics": 8080, "dashboard": 8266}
    assert ray_serve.find_ports(raylet(8080), tmp_path) == {"metrics": 8080}  # the dashboard is on the head node
    session = f"--session_dir={tmp_path}"
    assert ray_serve.find_ports(raylet(0, session), tmp_path) == {}
    (tmp_path / "metrics_export_port_a6e711").write_text("45123")
    assert ray_serve.find_ports(raylet(0, session), Path("/")) == {"metrics": 45123}
    (tmp_path / "metrics_export_port_a6e711").write_bytes(b"\xff\xfe nothing")
    assert ray_serve.find_ports(raylet(0, session), Path("/")) == {}
    assert ray_serve.find_ports((RAYLET, "--raylet_socket_name=x", "--node_id=../../etc", session), Path("/")) == {}


def test_where_ray_serve_is_asked() -> None:
    found = Found("r", "ray-serve", "http://h:8000", urls={"metrics": "http://h:45123/metrics", "dashboard": "http://h:8266/"})
    assert places(found, ray_serve.RAY_SERVE) == ("http://h:8000", "http://h:45123/metrics")
    assert place(found, ray_serve.RAY_SERVE, "dashboard") == "http://h:8266"
    assert place(Found("r", "ray-serve", "http://h:8000"), ray_serve.RAY_SERVE, "dashboard") == "http://h:8265"


# -- LitServe ---------------------------------------------------------------------------------------------------------------------------


def test_litserve_counts_nothing_and_says_why() -> None:
    assert litserve.LITSERVE.metrics is None
    assert not litserve.LITSERVE.says.measures
    assert {"request.rate", "error.rate", "reject.rate", *LATENCY} <= set(litserve.LITSERVE.says.cannot)
    assert all("no metrics page" in why for why in litserve.LITSERVE.says.cannot.values())


def test_litserve_answers_who_it_is() -> None:
    (model,) = litserve.read_models((PAGES / "litserve/info.json").read_bytes())
    assert model == ModelAnswer("tiny")
    assert litserve.read_models(b'{"model": null, "server": {"devices": ["cpu"]}}') == ()
    assert litserve.read_models(b'{"model": {"name": "m", "version": 3}, "server": {"devices": []}}') == (ModelAnswer("m", "3"),)
    assert litserve.read_health(model, 200, b"ok") == (ModelAnswer("tiny", state="READY"),)
    assert litserve.read_health(model, 503, b"not ready") == (ModelAnswer("tiny", "", "UNAVAILABLE", "not ready"),)


def asked(found: Found, kind: Kind) -> ServerAnswer:
    async def once() -> ServerAnswer:
        source = ServerSource(found, kind, None, 2.0, 10.0)
        try:
            reading = await source.read(1000.0)
        finally:
            await source.close()
        assert isinstance(reading.content, ServerAnswer)
        return reading.content

    return asyncio.run(once())


@pytest.mark.parametrize(("health", "ready", "state"), [(b"ok", True, "READY"), (b"not ready", False, "UNAVAILABLE")])
def test_a_litserve_is_as_ready_as_its_workers(health: bytes, ready: bool, state: str) -> None:
    info = reply((PAGES / "litserve/info.json").read_bytes())
    with serving(routes({"GET /health": reply(health, "200 OK" if ready else "503 Service Unavailable"), "GET /info": info})) as server:
        answer = asked(Found("l", "litserve", server.url), litserve.LITSERVE)
    assert answer.ready is ready
    assert answer.ready_why == ("" if ready else "answers 503: not ready")
    assert [(one.name, one.state) for one in answer.models or ()] == [("tiny", state)]
    assert answer.page is None
    assert {request.split(b" ", 1)[0] for request in server.requests} == {b"GET"}


# -- recognised -------------------------------------------------------------------------------------------------------------------------


def test_a_ray_serve_is_asked_at_three_places() -> None:
    board = {
        "GET /api/version": reply((PAGES / "ray-serve/version.json").read_bytes()),
        "GET /api/serve/applications/": reply((PAGES / "ray-serve/applications.json").read_bytes()),
    }
    metrics = {"GET /metrics": reply((PAGES / "ray-serve/metrics.prom").read_bytes())}
    health = {"GET /-/healthz": reply((PAGES / "ray-serve/healthz.txt").read_bytes())}
    with serving(routes(health)) as proxy, serving(routes(board)) as dashboard, serving(routes(metrics)) as node:
        urls = {"metrics": f"{node.url}/metrics", "dashboard": dashboard.url}
        answer = asked(Found("r", "ray-serve", proxy.url, urls=urls), ray_serve.RAY_SERVE)
    assert (answer.ready, answer.version) == (True, "2.60.0")
    assert [(one.name, one.state) for one in answer.models or ()] == [("tiny", "READY"), ("broken", "UNAVAILABLE")]
    assert answer.page is not None
    assert len(answer.page.values) > 200


@pytest.mark.parametrize(
    ("kind", "answers", "by"),
    [
        ("bentoml", {"GET /": reply((PAGES / "bentoml/root.html").read_bytes(), headers="Content-Type: text/html\r\n")}, "api"),
        ("bentoml", {"GET /metrics": reply((PAGES / "bentoml/metrics.prom").read_bytes())}, "metrics"),
        ("litserve", {"GET /": reply((PAGES / "litserve/root.txt").read_bytes())}, "api"),
        ("ray-serve", {"GET /-/healthz": reply((PAGES / "ray-serve/healthz.txt").read_bytes())}, "api"),
        (
            "ray-serve",
            {"GET /": reply((PAGES / "ray-serve/unknown_route.txt").read_bytes().replace(b"/nope", b"/"), "404 Not Found")},
            "api",
        ),
        ("ray-serve", {"GET /metrics": reply((PAGES / "ray-serve/metrics.prom").read_bytes())}, "metrics"),
        (None, {"GET /": reply(b"it says litserve running here"), "GET /-/healthz": reply(b"no success")}, ""),
        (None, {"GET /metrics": reply(b"ray_node_cpu_count 2\n")}, ""),  # a Ray node that serves nothing
    ],
)
def test_a_port_gives_its_kind_away(kind: str | None, answers: dict[str, bytes], by: str) -> None:
    async def look(url: str) -> tuple[str | None, str]:
        client = plain_client(url, 10.0)
        try:
            seen = await fingerprint(client)
        finally:
            await client.aclose()
        return seen.kind.name if seen.kind else None, seen.by

    with serving(routes(answers)) as server:
        assert asyncio.run(look(server.url)) == (kind, by)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("/opt/bin/python /opt/bin/bentoml serve service:TinySum --host 127.0.0.1 --port 18130", "bentoml"),
        ("python -m bentoml serve .", "bentoml"),
        ("bentoml serve-http ranker:latest", "bentoml"),
        ("bentoml build", ""),
        ("python bentoml server.py", ""),
        (f"{RAYLET} --raylet_socket_name=/tmp/ray/session_x/sockets/raylet", "ray-serve"),
        ("ray::ServeReplica:tiny:Tiny", ""),
        ("/opt/ray/gcs/gcs_server --gcs_server_port=6379", ""),
        ("python server.py", ""),
    ],
)
def test_command_lines_that_tell_their_kind(command: str, kind: str) -> None:
    assert [one.name for one in KINDS.values() if fits(one.process, tuple(command.split()))] == ([kind] if kind else [])


@pytest.mark.parametrize("command", ["/opt/bin/python -m _bentoml_impl.worker.service service:TinySum --fd 3 --worker-id 1"])
def test_workers_of_bentoml_are_not_the_server(command: str) -> None:
    assert fits(bentoml.BENTOML.workers, tuple(command.split()))
    assert not fits(bentoml.BENTOML.process, tuple(command.split()))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"data": 5}', b"5", b"\xff", b"[" * 100_000, b'{"applications": []}'])
@pytest.mark.parametrize("read", [ray_serve.read_models, bentoml.read_models, litserve.read_models])
def test_a_list_of_models_that_is_none_is_one_error(read: object, body: bytes) -> None:
    with pytest.raises(ValueError):
        read(body)  # type: ignore[operator]


@pytest.mark.parametrize(
    "body",
    [
        b'{"applications": {"a": 5, "b": {"status": [], "deployments": 7}, "c": {"deployments": {"x": 1, "y": {"replicas": [1]}}}}}',
        b'{"applications": {"": {"status": "RUNNING"}}}',
    ],
)
def test_a_strange_list_of_applications_is_read_as_far_as_it_goes(body: bytes) -> None:
    assert all(one.name in ("b", "c") for one in ray_serve.read_models(body))
