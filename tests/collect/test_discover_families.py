"""Servers of several processes and ports, containers, other namespaces, and what a dead server leaves behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_proc import FakeProc
from loopback import Loopback, reply, routes, serving

from tui_monitor.collect import asking, lineage, processes
from tui_monitor.collect import discover as discover_module
from tui_monitor.collect.containers import container
from tui_monitor.collect.discover import Discovered, discover, recognise
from tui_monitor.collect.fingerprint import MAX_QUESTIONS, Question, questions
from tui_monitor.collect.hits import Hit, grouped
from tui_monitor.collect.http import Answer, Client
from tui_monitor.collect.processes import Process
from tui_monitor.collect.servers.registry import KINDS
from tui_monitor.config import TargetSettings
from tui_monitor.model import Failure, Found, Orphan

PAGES = Path(__file__).parent.parent / "pages"
TRITON = {
    "GET /v2": reply((PAGES / "triton/server.json").read_bytes()),
    "GET /metrics": reply((PAGES / "triton/metrics.prom").read_bytes()),
}
LITSERVE = {"GET /": reply(b"litserve running"), "GET /info": reply(b'{"model": {"name": "tiny"}, "server": {"timeout": 5}}')}
BENTO = {"GET /": reply(b"<html><title>BentoML Prediction Service</title>"), "GET /metrics": reply(b"")}
ID = "3f2a9c01b2d4" + "0" * 52
BOOTED_S, TICKS = 1700000000.0, os.sysconf("SC_CLK_TCK")


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover_module, "WHOLE_S", 60.0)
    monkeypatch.setattr(asking, "SPREAD_S", 0.0)


def look(proc: FakeProc, known: tuple[Found, ...] = (), extra: tuple[int, ...] = (), *, age_s: float = 3600.0) -> Discovered:
    """A look when processes of 50000 ticks are `age_s` old."""
    return asyncio.run(
        discover(extra, known, root=proc.root, client_factory=lambda url, _: Client(url, 30.0), now_s=BOOTED_S + 50000 / TICKS + age_s)
    )


@pytest.fixture
def quiet() -> Iterator[Loopback]:
    """A port that must never be asked."""
    with serving(routes({})) as server:
        yield server
        assert server.requests == []
        assert server.peers == set()


# -- several ports ------------------------------------------------------------------------------------------------------------------------


def test_torchserve_is_java_and_its_file_names_five_ports(proc: FakeProc, tmp_path: Path, quiet: Loopback) -> None:
    home = proc.process(
        200,
        "java -Dmodel_server_home=/x -cp a.jar org.pytorch.serve.ModelServer --python /p -f config.properties -s store",
        inodes=(1, 2, 3, 4, 5),
        parent=100,
    )
    folder = tmp_path / "started-here"
    folder.mkdir()
    (home / "cwd").symlink_to(folder)
    (folder / "config.properties").write_text(
        f"inference_address=http://127.0.0.1:{quiet.port}\nmanagement_address=http://127.0.0.1:28081\nmetrics_address=http://127.0.0.1:28082\n"
        "grpc_inference_port=27070\ngrpc_management_port=27071\n"
    )
    proc.process(100, "python /opt/bin/torchserve --start --foreground", parent=1)
    proc.process(201, "python /opt/ts/model_service_worker.py --sock-type unix", parent=200)
    for inode, port in enumerate((quiet.port, 28081, 28082, 27070, 27071), 1):
        proc.listen(port, inode)
    (found,) = look(proc).found
    assert (found.kind, found.url, found.pid) == ("torchserve", quiet.url, 200)
    assert found.urls == {"management": "http://127.0.0.1:28081", "metrics": "http://127.0.0.1:28082/metrics"}
    assert found.ports == tuple(sorted((quiet.port, 28081, 28082, 27070, 27071)))
    assert not found.orphan


def test_what_no_file_names_is_asked_place_by_place(proc: FakeProc) -> None:
    ping = reply(b'{"status": "Healthy"}', headers="x-request-id: 11111111-1111-1111-1111-111111111111\r\n")
    listed = reply(b'{"models": [{"modelName": "m", "modelUrl": "m.mar"}]}')
    page = reply(b"# TYPE ts_inference_requests_total counter\n")
    with (
        serving(routes({"GET /ping": ping})) as api,
        serving(routes({"GET /models?limit=100": listed})) as management,
        serving(routes({"GET /metrics": page})) as metrics,
    ):
        for inode, server in enumerate((api, management, metrics), 1):
            proc.listen(server.port, inode)
        proc.process(200, "java -cp a org.pytorch.serve.ModelServer", inodes=(1, 2, 3))
        (found,) = look(proc).found
        assert all(len(server.requests) <= 4 for server in (api, management, metrics))
    assert (found.url, found.urls) == (api.url, {"management": management.url, "metrics": f"{metrics.url}/metrics"})


def test_a_server_that_started_elsewhere_is_read_through_its_own_root(proc: FakeProc, tmp_path: Path) -> None:
    home = proc.process(300, "python /opt/bin/mlserver start /models", inodes=(1, 2), cgroup=f"0::/system.slice/docker-{ID}.scope\n")
    (home / "root").symlink_to(tmp_path / "image")
    (tmp_path / "image/models").mkdir(parents=True)
    (tmp_path / "image/models/settings.json").write_text('{"http_port": 18090, "metrics_port": 18092}')
    (home / "ns/mnt").symlink_to("mnt:[2]")
    proc.listen(18090, 1)
    proc.listen(18092, 2)
    (found,) = look(proc).found
    assert (found.url, found.urls, found.container) == (
        "http://127.0.0.1:18090",
        {"metrics": "http://127.0.0.1:18092/metrics"},
        "docker 3f2a9c01b2d4",
    )


def test_ray_serve_is_its_raylet_and_nothing_of_it_is_asked(proc: FakeProc, quiet: Loopback) -> None:
    session = "--session_dir=/tmp/ray/session_1"
    webui = "--python_worker_command=/v/bin/python /v/ray/_private/workers/setup_worker.py --webui=127.0.0.1:28265 y"
    proc.process(10, "python /opt/bin/ray start --block --head")
    proc.process(11, "/ray/core/src/ray/gcs/gcs_server --x", parent=10, inodes=(1,))
    home = proc.process(12, "x", comm="raylet", parent=10, inodes=(2,))
    (home / "cmdline").write_bytes(
        b"\0".join(word.encode() for word in ("/ray/core/src/ray/raylet/raylet", "--head", "--metrics_export_port=28080", session, webui))
    )
    proc.process(13, "python /opt/ray/dashboard/dashboard.py --host=127.0.0.1 --port=28265", parent=10, inodes=(3, 4))
    proc.process(14, "python -m ray.util.client.server --port=10001", parent=10, inodes=(5,))
    proc.process(15, "ray::ProxyActor", parent=12, inodes=(6, 7))
    proc.process(16, "ray::DashboardAgent", parent=12, inodes=(8, 9))
    proc.process(17, "ray-dashboard-MetricsHead-0 (python -B -c from multiprocessing)", parent=13, inodes=(10,))
    proc.process(18, "ray::IDLE", parent=12, inodes=(11,))
    ports = {1: 28120, 2: 29001, 3: 28265, 4: 29002, 5: 10001, 6: 8000, 7: quiet.port, 8: 28080, 9: 29003, 10: 29004, 11: 29005}
    for inode, port in ports.items():
        proc.listen(port, inode)
    asked: list[str] = []

    def nobody(url: str, _: float) -> Question:
        asked.append(url)
        return Client(url, 1.0)

    (found,) = asyncio.run(discover([], [], root=proc.root, client_factory=nobody)).found
    assert asked == []
    assert (found.kind, found.pid, found.url) == ("ray-serve", 12, "http://127.0.0.1:8000")
    assert found.urls == {"dashboard": "http://127.0.0.1:28265", "metrics": "http://127.0.0.1:28080/metrics"}


def test_a_cluster_of_ray_that_only_trains_is_no_server(proc: FakeProc) -> None:
    proc.process(12, "/ray/core/src/ray/raylet/raylet --head", inodes=(2,))
    proc.process(18, "ray::train_loop", parent=12)
    assert look(proc).found == []


def test_one_socket_of_two_processes_is_one_server_and_the_eldest_is_it(proc: FakeProc) -> None:
    with serving(routes(LITSERVE)) as server:
        proc.listen(server.port, 1)
        proc.process(100, "python server.py", inodes=(1,), ticks=52000, parent=300)
        proc.process(300, "python server.py", inodes=(1,), ticks=50000)
        proc.process(101, "python server.py", inodes=(1,), ticks=52001, parent=300)
        (found,) = look(proc).found
    assert (found.name, found.kind, found.pid, found.orphan) == ("tiny", "litserve", 300, False)


def test_bentoml_that_accepts_and_is_silent_is_there_by_its_command_line(proc: FakeProc, quiet: Loopback) -> None:
    proc.listen(quiet.port, 1)
    proc.process(100, f"python /opt/bin/bentoml serve service:Tiny --port {quiet.port}", inodes=(1,))
    proc.process(101, "python -m _bentoml_impl.worker.service service:Tiny --fd 3", inodes=(1,), parent=100)
    (found,) = look(proc).found
    assert (found.kind, found.url, found.pid) == ("bentoml", quiet.url, 100)


def test_models_of_the_command_line_are_told(proc: FakeProc) -> None:
    proc.process(100, "tensorflow_model_server --rest_api_port=8501 --model_name=half --model_base_path=/m")
    (found,) = look(proc).found
    assert (found.kind, found.models) == ("tf-serving", ("half",))


# -- who must never be asked ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "comm"),
    [
        ("VLLM::Worker_TP0", "VLLM::Worker_TP"),
        ("ray::ServeReplica:app:D", "ray::ServeRepli"),
        ("sglang::scheduler_TP0", "sglang::schedul"),
        ("/ray/core/src/ray/raylet/raylet --x", "raylet"),
        ("/ray/core/src/ray/gcs/gcs_server --x", "gcs_server"),
        ("/usr/bin/ollama runner --model /m --port 39999", "ollama"),
        ("/opt/backends/python/triton_python_backend_stub /m/model.py", "triton_python_b"),
        ("python /ts/model_service_worker.py --sock-type tcp --port 9000", "python"),
        ("python -c from multiprocessing.spawn import spawn_main; spawn_main() --multiprocessing-fork", "mlserver"),
        ("python -m _bentoml_impl.worker.service x --fd 3", "python"),
        ("python -m ipykernel_launcher -f k.json", "python"),
        ("prometheus --config.file=p.yml", "prometheus"),
        ("grafana server", "grafana"),
        ("node_exporter", "node_exporter"),
    ],
)
def test_not_a_byte_goes_to_workers_and_to_other_services(proc: FakeProc, quiet: Loopback, command: str, comm: str) -> None:
    proc.listen(quiet.port, 1)
    proc.process(90, "python supervisor.py")
    proc.process(100, command, comm=comm, inodes=(1,), parent=90)
    assert look(proc).found == []


def test_children_of_a_server_are_not_asked_though_its_ports_are_unclear(proc: FakeProc, quiet: Loopback) -> None:
    with serving(routes(TRITON)) as api:
        proc.listen(api.port, 1)
        proc.listen(quiet.port, 2)
        proc.process(100, "tritonserver --model-repository=/m", inodes=(1,))
        proc.process(101, "/opt/triton_python_backend_stub /m/model.py", inodes=(2,), parent=100)
        (found,) = look(proc).found
    assert found.url == api.url


def test_a_local_node_exporter_is_not_listed_unless_it_is_asked_for(proc: FakeProc) -> None:
    page = reply(b"# TYPE node_cpu_seconds_total counter\nnode_cpu_seconds_total 1\n")
    with serving(routes({"GET /metrics": page})) as server:
        proc.listen(server.port, 1)
        proc.process(100, "/opt/agent", inodes=(1,))
        assert look(proc).found == []
        asked = len(server.requests)
        assert look(proc).found == []
        assert len(server.requests) == asked, "and it is left alone"
        (found,) = look(proc, extra=(server.port,)).found
    assert found.kind == "node-exporter"


def test_a_local_dcgm_exporter_is_found(proc: FakeProc, quiet: Loopback) -> None:
    proc.listen(9400, 1)
    proc.process(100, "/usr/bin/dcgm-exporter -f /etc/default-counters.csv", inodes=(1,))
    (found,) = look(proc).found
    assert (found.kind, found.url) == ("dcgm-exporter", "http://127.0.0.1:9400")


# -- containers, namespaces, users ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cgroup", "said"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", "docker 3f2a9c01b2d4"),
        (f"12:cpu:/docker/{ID}\n0::/\n", "docker 3f2a9c01b2d4"),
        (f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container\n", "podman 3f2a9c01b2d4"),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope\n", "containerd 3f2a9c01b2d4"),
        (f"0::/kubepods.slice/kubepods-burstable.slice/crio-{ID}.scope\n", "cri-o 3f2a9c01b2d4"),
        (f"5:memory:/kubepods/burstable/pod6a0/{ID}\n", "kubernetes 3f2a9c01b2d4"),
        ("0::/lxc.payload.web-1/system.slice/x.service\n", "lxc web-1"),
        ("4:pids:/lxc/web-1\n", "lxc web-1"),
        ("0::/machine.slice/machine-web\\x2d1.scope/payload\n", "nspawn web-1"),
        ("0::/system.slice/ollama.service\n", ""),
        ("0::/system.slice/docker.service\n", ""),
        ("0::/system.slice/containerd.service\n", ""),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", ""),
        ("0::/\n", ""),
        ("garbage", ""),
        ("0::/docker/short\n", ""),
    ],
)
def test_a_control_group_names_its_container(cgroup: str, said: str) -> None:
    assert container(cgroup) == said


def test_our_own_container_is_not_worth_a_word(proc: FakeProc) -> None:
    (proc.root / "self/cgroup").write_text(f"0::/docker/{ID}\n")
    proc.process(100, "vllm serve m", cgroup=f"0::/docker/{ID}\n")
    proc.process(200, "vllm serve n --port 8001", cgroup=f"0::/docker/{'a' * 64}\n")
    assert {found.name: found.container for found in look(proc).found} == {"m": "", "n": "docker aaaaaaaaaaaa"}


def test_next_door_its_ports_and_a_url_are_told(proc: FakeProc) -> None:
    proc.process(100, "tritonserver --model-repository=/m", net="net:[2]", inodes=(11, 12), cgroup=f"0::/docker/{ID}\n")
    proc.process(101, "sidecar", net="net:[2]", inodes=(13,), parent=1)
    proc.next_door(100, {8000: 11, 8002: 12, 9999: 13}, "172.17.0.2")
    seen = look(proc)
    assert seen.found == []
    assert seen.unseen == [
        'triton (process 100) is in another network namespace (docker 3f2a9c01b2d4) and listens there on ports 8000 8002 - try it in [[targets]]: url = "http://172.17.0.2:8000"'
    ]


def test_a_published_port_is_the_process_in_its_container_and_nothing_is_unseen(proc: FakeProc) -> None:
    with serving(routes(TRITON)) as server:
        proc.listen(server.port, 1)
        proc.process(
            50, f"/usr/bin/docker-proxy -proto tcp -host-port {server.port} -container-ip 172.17.0.2 -container-port 8000", inodes=(1,)
        )
        proc.process(100, "tritonserver --model-repository=/m", net="net:[2]", inodes=(11,), cgroup=f"0::/docker/{ID}\n")
        proc.process(200, "tritonserver --model-repository=/n", net="net:[3]", inodes=(12,), cgroup=f"0::/docker/{'b' * 64}\n")
        proc.next_door(100, {8000: 11}, "172.17.0.2")
        proc.next_door(200, {8000: 12}, "172.17.0.3")
        seen = look(proc)
        asked = len(server.requests)
        again = look(proc, known=tuple(seen.found))
        assert len(server.requests) == asked
    (found,) = seen.found
    assert (found.kind, found.url, found.pid, found.container) == ("triton", server.url, 100, "docker 3f2a9c01b2d4")
    assert found.how == f"port {server.port} answers like triton, through docker-proxy, process tritonserver (100)"
    assert [line.partition(" is in")[0] for line in seen.unseen] == ["triton (process 200)"]
    assert (again.found, again.unseen) == (seen.found, seen.unseen)


def test_a_container_whose_namespace_we_may_not_see_is_not_taken_for_ours(proc: FakeProc) -> None:
    proc.process(100, "vllm serve m", net="", cgroup=f"0::/docker/{ID}\n")
    seen = look(proc)
    assert seen.found == []
    assert len(seen.unseen) == 1
    assert "docker 3f2a9c01b2d4" in seen.unseen[0]


def test_another_users_ports_are_its_own_by_the_sockets_user(proc: FakeProc, quiet: Loopback) -> None:
    proc.listen(quiet.port, 1, uid=33)
    proc.listen(8002, 2, uid=44)
    proc.process(100, f"tritonserver --http-port={quiet.port}", uid=33)
    (found,) = look(proc).found
    assert (found.pid, found.url, found.ports, found.how) == (100, quiet.url, (quiet.port,), "process tritonserver (100)")


def test_another_users_server_on_an_unnamed_port_is_one(proc: FakeProc) -> None:
    with serving(routes(TRITON)) as server:
        proc.listen(server.port, 1, uid=33)
        proc.process(100, "tritonserver", uid=33)
        (found,) = look(proc).found
    assert (found.pid, found.url) == (100, server.url)


def hit(port: int, kind: str, by: str, owner: Process | None = None) -> Hit:
    return Hit(port, f"http://127.0.0.1:{port}", KINDS[kind], by, owner, None)


def test_published_ports_of_one_server_are_one_though_nobody_shows_their_owner() -> None:
    hits = [hit(9002, "triton", "metrics"), hit(9000, "triton", "api"), hit(8002, "triton", "metrics"), hit(8000, "triton", "api")]
    hits += [hit(7002, "triton", "metrics"), hit(9001, "vllm", "metrics"), hit(8081, "torchserve", "api"), hit(8080, "torchserve", "api")]
    groups = [[one.port for one in group] for group in grouped(hits)]
    assert sorted(groups) == [[7002], [8000, 8002], [8080, 8081], [9000, 9002], [9001]]


def test_ports_of_one_process_are_one_server_wherever_they_are() -> None:
    one, two = (Process(pid, "x", (), 1, None, here=True) for pid in (1, 2))
    hits = [hit(8000, "triton", "api", one), hit(5000, "triton", "metrics", one), hit(8002, "triton", "metrics", two)]
    assert [[one.port for one in group] for group in grouped(hits)] == [[8000, 5000], [8002]]


# -- questions ------------------------------------------------------------------------------------------------------------------------------


def test_every_kind_can_be_told_within_a_few_questions() -> None:
    asked = questions()
    assert len(asked) <= MAX_QUESTIONS
    for kind in KINDS.values():
        pages = (kind.metrics.path, *kind.metrics.also) if kind.metrics and kind.families else ()
        told_by = {*(sign.path for sign in kind.signs), *pages}
        assert told_by & set(asked), kind.name


def test_a_port_of_another_protocol_is_left_after_one_question(proc: FakeProc) -> None:
    settings = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\x00\x04\x00\x10\x00\x00\x00\x05\x00\x00\x40\x00"  # of HTTP/2

    def grpc(connection: object, _: bytes) -> None:
        connection.sendall(settings)  # type: ignore[attr-defined]
        connection.close()  # type: ignore[attr-defined]

    with serving(grpc) as server:
        proc.listen(server.port, 1)
        proc.process(100, "python service.py", inodes=(1,))
        assert look(proc).found == []
        assert len(server.requests) == 1
        assert not look(proc).again
        assert len(server.requests) == 1, "and it is remembered"


def test_a_round_that_was_not_done_in_time_goes_on_where_it_ended(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover_module, "WHOLE_S", 0.6)
    silent_at = [questions()[3]]

    def answer(connection: object, request: bytes) -> None:
        path = request.split()[1].decode()
        if path in silent_at:
            server.ended.wait()
        connection.sendall(reply(b"nothing", "404 Not Found"))  # type: ignore[attr-defined]

    with serving(answer) as server:
        proc.listen(server.port, 1)
        proc.process(100, "python slow.py", inodes=(1,))
        assert look(proc).again
        silent_at.clear()
        look(proc, extra=(server.port,))
        paths = [request.split()[1].decode() for request in server.requests]
    assert paths[:4] == list(questions()[:4])
    assert sorted(paths[4:]) == sorted(questions()[3:])


class Counted:
    """Answers at once, like nothing that is known."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.open = self.most = 0

    def client(self, url: str, _: float) -> Question:
        counted = self

        class One:
            async def get(self, path: str = "", /) -> Answer:
                counted.asked[url] = counted.asked.get(url, 0) + 1
                counted.open += 1
                counted.most = max(counted.most, counted.open)
                await asyncio.sleep(0)
                counted.open -= 1
                return Answer(404, {}, b"", 0.0, Failure("bad_status", "404"))

            async def aclose(self) -> None:
                """Nothing is open."""

        return One()


def test_a_busy_host_is_looked_at_with_bounded_work(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        inode = 1000 + number
        proc.process(1000 + number, f"python app{number}.py --flag value", inodes=(inode,) if number < 200 else ())
    proc.listen_all({20000 + number: 1000 + number for number in range(200)})
    reads: list[str] = []
    real = processes.Host._read
    monkeypatch.setattr(processes.Host, "_read", lambda self, name, limit: reads.append(name) or real(self, name, limit))
    counted = Counted()
    seen = asyncio.run(discover([], [], root=proc.root, client_factory=counted.client))
    assert (seen.found, seen.unseen, seen.again) == ([], [], False)
    assert len(counted.asked) == 200
    assert set(counted.asked.values()) == {len(questions())}
    assert counted.most <= asking.AT_ONCE
    assert len(reads) <= 4 * 300 + 10, "a few small files a process"
    asyncio.run(discover([], [], root=proc.root, client_factory=counted.client))
    assert set(counted.asked.values()) == {len(questions())}, "once"


# -- configured, of unknown kind ------------------------------------------------------------------------------------------------------------


def test_a_configured_metrics_port_is_a_page_and_not_an_api() -> None:
    with serving(routes({"GET /metrics": TRITON["GET /metrics"]})) as server:
        found = asyncio.run(recognise(TargetSettings(name="mine", url=server.url)))
    assert found is not None
    assert (found.kind, found.url) == ("triton", f"{server.url}/metrics")


def test_a_configured_server_whose_page_is_elsewhere_is_recognised_there() -> None:
    with serving(routes({})) as api, serving(routes({"GET /own": TRITON["GET /metrics"]})) as page:
        found = asyncio.run(recognise(TargetSettings(name="mine", url=api.url, urls={"metrics": f"{page.url}/own"}, models=["m"])))
    assert found is not None
    assert (found.kind, found.url, found.urls, found.models) == ("triton", api.url, {"metrics": f"{page.url}/own"}, ("m",))


def test_a_configured_server_that_is_silent_is_given_up_soon() -> None:
    with serving(lambda _c, _r: server.ended.wait()) as server:
        assert asyncio.run(recognise(TargetSettings(name="mine", url=server.url), timeout_s=0.2)) is None
        assert len(server.requests) == 1


# -- who is left behind ---------------------------------------------------------------------------------------------------------------------


def test_workers_of_a_dead_vllm_are_named_with_what_they_hold(proc: FakeProc, quiet: Loopback) -> None:
    proc.listen(quiet.port, 1)
    proc.process(101, "VLLM::EngineCore --key secret", comm="VLLM::EngineCor")
    proc.process(102, "VLLM::Worker_TP0", comm="VLLM::Worker_TP", parent=101, inodes=(1,))
    seen = look(proc)
    assert seen.orphans == [Orphan(pid=102, name="VLLM::Worker_TP0", kind="vllm", ports=[quiet.port])]
    assert seen.left_behind == [Orphan(pid=101, name="VLLM::EngineCore", kind="vllm")]
    assert "secret" not in repr(seen)


def test_the_dead_that_nobody_buried_hold_nothing(proc: FakeProc) -> None:
    home = proc.process(101, "VLLM::EngineCore")
    (home / "stat").write_text((home / "stat").read_text().replace(") S ", ") Z "))
    seen = look(proc)
    assert (seen.orphans, seen.left_behind) == ([], [])


def test_workers_of_a_living_server_and_of_a_script_are_no_orphans(proc: FakeProc) -> None:
    proc.process(1, "systemd", parent=0)
    proc.process(100, "vllm serve m")
    proc.process(101, "VLLM::EngineCore", parent=100)
    proc.process(200, "python offline.py")
    proc.process(201, "VLLM::EngineCore", parent=200)
    proc.process(300, "ray start", parent=1)
    proc.process(301, "/ray/raylet/raylet --x", comm="raylet")
    proc.process(302, "ray::IDLE", parent=301)
    seen = look(proc)
    assert (seen.orphans, seen.left_behind) == ([], [])


def test_children_of_pid_1_of_a_container_are_its_own(proc: FakeProc) -> None:
    proc.process(1, "python app.py", parent=0)
    proc.process(20, "VLLM::EngineCore", parent=1)
    seen = look(proc)
    assert (seen.orphans, seen.left_behind) == ([], [])


def test_a_daemon_is_no_orphan_though_its_parent_is_pid_1(proc: FakeProc) -> None:
    proc.process(1, "systemd", parent=0)
    proc.process(100, "vllm serve m", parent=1)
    for _ in range(2):
        (found,) = look(proc).found
        assert not found.orphan


def test_a_server_that_a_launcher_sent_away_is_no_orphan(proc: FakeProc) -> None:
    proc.process(50, "python /opt/bin/torchserve --start")
    proc.process(100, "java org.pytorch.serve.ModelServer", parent=50)
    look(proc, age_s=lineage.SENT_AWAY_S - 1)
    proc.end(50)
    (found,) = look(proc).found
    assert not found.orphan


@pytest.mark.parametrize("launcher", ["bash", "nohup", "tmux: server", "supervisord"])
def test_a_server_that_outlives_the_shell_it_was_typed_in_is_no_orphan(proc: FakeProc, launcher: str) -> None:
    proc.process(50, launcher, comm=launcher)
    proc.process(100, "vllm serve m", parent=50)
    look(proc)
    proc.end(50)
    (found,) = look(proc).found
    assert not found.orphan


def test_java_without_the_launcher_that_stayed_with_it_is_an_orphan(proc: FakeProc) -> None:
    proc.process(50, "python /opt/bin/torchserve --start --foreground")
    proc.process(100, "java org.pytorch.serve.ModelServer", parent=50)
    (found,) = look(proc).found
    assert not found.orphan
    proc.end(50)
    (found,) = look(proc, known=(found,)).found
    assert found.orphan
    (found,) = look(proc, known=(found,)).found
    assert found.orphan, "and it stays one"


def test_a_parent_that_changed_to_another_program_is_none(proc: FakeProc) -> None:
    proc.process(40, "python supervisor.py")
    proc.process(50, "python launcher.py", parent=40)
    proc.process(100, "vllm serve m", parent=50)
    look(proc)
    proc.end(50, heir=40)
    (found,) = look(proc).found
    assert not found.orphan


def test_children_of_a_dead_litserve_that_share_its_port_are_one_orphan(proc: FakeProc) -> None:
    with serving(routes(LITSERVE)) as server:
        proc.listen(server.port, 1)
        proc.process(100, "python server.py", inodes=(1,))
        proc.process(101, "python server.py", inodes=(1,), ticks=50001)
        proc.process(102, "python -c from multiprocessing.resource_tracker import main", ticks=50002)
        seen = look(proc)
    (found,) = seen.found
    assert (found.kind, found.pid, found.orphan) == ("litserve", 100, True)
    assert seen.orphans == [], "it is a target already"


def test_one_child_of_a_dead_litserve_is_an_orphan_when_its_parent_was_seen(proc: FakeProc) -> None:
    with serving(routes(LITSERVE)) as server:
        proc.listen(server.port, 1)
        proc.process(100, "python server.py", inodes=(1,))
        proc.process(101, "python server.py", inodes=(1,), ticks=50001, parent=100)
        proc.process(102, "python -c from multiprocessing.spawn import spawn_main", ticks=50002, parent=100)
        first = look(proc)
        proc.end(100)
        seen = look(proc, known=tuple(first.found))
    (found,) = seen.found
    assert [one.orphan for one in first.found] == [False]
    assert (found.pid, found.orphan, found.name) == (101, True, "tiny")
    assert seen.left_behind == [Orphan(pid=102, name="python", kind="litserve")]


def test_a_configured_server_tells_its_process_too(proc: FakeProc) -> None:
    proc.listen(8000, 1)
    proc.process(50, "python launcher.py")
    proc.process(100, "tritonserver", inodes=(1,), parent=50, cgroup=f"0::/docker/{ID}\n")
    mine = Found("mine", "triton", "http://127.0.0.1:8000", configured=True)
    first = look(proc, known=(mine,))
    assert first.found == []
    assert (first.known["mine"].pid, first.known["mine"].container, first.known["mine"].orphan) == (100, "docker 3f2a9c01b2d4", False)
    proc.end(50)
    assert look(proc, known=(mine,)).known["mine"].orphan
