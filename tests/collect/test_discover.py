"""What is found on a host, from its sockets and command lines and a few GETs to servers that really answer."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path

import pytest
from fake_proc import FakeProc
from loopback import Loopback, reply, routes, serving

from tui_monitor.collect import discover as discover_module
from tui_monitor.collect.discover import Discovered, discover, listening, owners, recognise
from tui_monitor.collect.http import Client
from tui_monitor.collect.sockets import Connections, listeners
from tui_monitor.collect.strangers import Strangers
from tui_monitor.config import TargetSettings
from tui_monitor.model import Found

PAGES = Path(__file__).parent.parent / "pages"
VLLM = {
    "GET /health": reply(),
    "GET /version": reply((PAGES / "vllm/version.json").read_bytes()),
    "GET /v1/models": reply((PAGES / "vllm/models.json").read_bytes()),
    "GET /metrics": reply((PAGES / "vllm/metrics.prom").read_bytes()),
}
TRITON_API = {
    "GET /v2": reply((PAGES / "triton/server.json").read_bytes()),
    "GET /v2/health/ready": reply(),
    "POST /v2/repository/index": reply((PAGES / "triton/repository_index.json").read_bytes()),
}
TRITON_PAGE = {"GET /metrics": reply((PAGES / "triton/metrics.prom").read_bytes())}


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


def look(proc: FakeProc, known: tuple[Found, ...] = (), extra: tuple[int, ...] = (), silent: str = "") -> Discovered:
    """A look around; whoever is at `silent` is given 0.3 s, everybody else all the time that a loaded machine may take."""
    return asyncio.run(discover(extra, known, root=proc.root, client_factory=lambda url, _: Client(url, 0.3 if url == silent else 30.0)))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover_module, "WHOLE_S", 60.0)


def only_gets(*servers: Loopback) -> bool:
    return all(request.startswith(b"GET ") for server in servers for request in server.requests)


def test_a_vllm_is_found_by_its_command_line_without_a_question(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 7001)
        proc.process(
            100, f"/opt/bin/python -m vllm.entrypoints.openai.api_server --model /models/Llama-3-8B --port {server.port}", inodes=(7001,)
        )
        seen = look(proc)
        assert server.requests == []
    assert seen.found == [
        Found(
            name="Llama-3-8B",
            kind="vllm",
            url=server.url,
            pid=100,
            started_s=1700000000 + 50000 / os.sysconf("SC_CLK_TCK"),
            ports=(server.port,),
            how="process python (100)",
        )
    ]
    assert (seen.unseen, seen.sockets) == ([], frozenset({7001}))


def test_whoever_speaks_vllm_is_found_though_its_process_is_just_python(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 7001)
        proc.process(100, "python something.py", inodes=(7001,))
        (found,) = look(proc).found
        assert only_gets(server)
    assert (found.name, found.kind, found.url, found.pid) == ("tiny-llama", "vllm", server.url, 100)
    assert found.how == f"port {server.port} answers like vllm, process python (100)"


def test_a_page_with_vllm_families_is_enough(proc: FakeProc) -> None:
    with serving(routes({"GET /metrics": VLLM["GET /metrics"]})) as server:
        proc.listen(server.port, 7001)
        proc.process(100, "python something.py", inodes=(7001,))
        (found,) = look(proc).found
        assert len(server.requests) <= 8
    assert (found.name, found.kind, found.url) == ("vllm", "vllm", server.url)


def test_three_ports_of_one_triton_are_one_server(proc: FakeProc) -> None:
    with serving(routes(TRITON_API)) as api, serving(routes({})) as grpc, serving(routes(TRITON_PAGE)) as page:
        for inode, server in ((1, api), (2, grpc), (3, page)):
            proc.listen(server.port, inode)
        flags = f"--http-port={api.port} --grpc-port={grpc.port} --metrics-port={page.port}"
        proc.process(100, f"/opt/tritonserver/bin/tritonserver --model-repository=/m {flags}", inodes=(1, 2, 3))
        proc.process(101, "/opt/backends/python/triton_python_backend_stub /m/a/1/model.py triton", inodes=(1, 2, 3), parent=100)
        (found,) = look(proc).found
        assert api.requests == grpc.requests == page.requests == []
    assert (found.name, found.url, found.urls) == ("triton", api.url, {"metrics": f"{page.url}/metrics"})
    assert found.ports == tuple(sorted((api.port, grpc.port, page.port)))


def test_a_triton_whose_flags_say_nothing_is_asked_which_port_is_which(proc: FakeProc) -> None:
    with serving(routes(TRITON_API)) as api, serving(routes(TRITON_PAGE)) as page:
        proc.listen(api.port, 1)
        proc.listen(page.port, 2)
        proc.process(100, "tritonserver --model-repository=/m", inodes=(1, 2))
        (found,) = look(proc).found
        assert only_gets(api, page)
    assert (found.url, found.urls["metrics"], found.pid) == (api.url, f"{page.url}/metrics", 100)


def test_a_triton_in_a_process_of_another_name_is_one_server_too(proc: FakeProc) -> None:
    with serving(routes(TRITON_API)) as api, serving(routes(TRITON_PAGE)) as page:
        proc.listen(api.port, 1)
        proc.listen(page.port, 2)
        proc.process(100, "python serve.py", inodes=(1, 2))
        (found,) = look(proc).found
    assert (found.kind, found.url, found.urls) == ("triton", api.url, {"metrics": f"{page.url}/metrics"})
    assert found.ports == tuple(sorted((api.port, page.port)))


def test_a_server_that_has_no_port_yet_is_found_while_it_starts_and_keeps_its_name(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.process(100, f"/usr/bin/python3 /usr/local/bin/vllm serve meta-llama/Llama-3-8B --port {server.port}")
        (starting,) = look(proc).found
        proc.listen(server.port, 7001)
        (proc.root / "100/fd/9").symlink_to("socket:[7001]")
        (started,) = look(proc, known=(starting,)).found
    assert (starting.name, starting.url, starting.ports, starting.how) == (
        "Llama-3-8B",
        server.url,
        (),
        "process python3 (100), no port open yet",
    )
    assert (started.name, started.url, started.ports) == ("Llama-3-8B", server.url, (server.port,))


def test_workers_of_a_server_are_not_asked_and_are_no_servers(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server, serving(routes({})) as worker:
        proc.listen(server.port, 1)
        proc.listen(worker.port, 2)
        proc.process(100, f"vllm serve m --port {server.port}", inodes=(1,))
        proc.process(101, "VLLM::EngineCore", comm="VLLM::EngineCor", inodes=(2,), parent=100)
        proc.process(102, "/usr/bin/python -c from multiprocessing.spawn import spawn_main; vllm serve m", parent=100)
        (found,) = look(proc).found
        assert worker.requests == []
        again = look(proc, known=(found,))
        assert worker.requests == []
    assert (found.pid, found.ports) == (100, (server.port,))
    assert again.found == [found]


def test_names_of_two_are_told_apart_by_port_and_stay(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as one, serving(routes(VLLM)) as two:
        for pid, server in ((100, one), (200, two)):
            proc.listen(server.port, pid)
            proc.process(pid, f"vllm serve org/m --port {server.port}", inodes=(pid,))
        first = look(proc)
        second = look(proc, known=tuple(first.found))
    low, high = sorted((one.port, two.port))
    assert {found.name: found.ports for found in first.found} == {"m": (low,), f"m-{high}": (high,)}
    assert second.found == first.found


def test_a_server_that_started_again_keeps_its_name(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 1)
        proc.process(200, "python something.py", inodes=(1,))
        old = Found("ranker", "vllm", server.url, pid=100, ports=(server.port,))
        (found,) = look(proc, known=(old,)).found
    assert (found.name, found.pid) == ("ranker", 200)


def test_known_servers_are_not_asked_again(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 1)
        proc.process(100, "python something.py", inodes=(1,))
        first = look(proc)
        asked = len(server.requests)
        assert look(proc, known=tuple(first.found)).found == first.found
        assert len(server.requests) == asked


def test_configured_servers_are_left_alone_and_their_process_is_told(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server, serving(routes({})) as other:
        proc.listen(server.port, 1)
        proc.listen(other.port, 2)
        proc.process(100, "vllm serve m", inodes=(1, 2))
        seen = look(proc, known=(Found("mine", "vllm", server.url, configured=True),))
        alone = asyncio.run(owners([Found("mine", "vllm", server.url, configured=True)], root=proc.root))
        assert server.requests == other.requests == []
    assert (seen.found, seen.owners) == ([], {"mine": 100})
    assert alone == {"mine": 100}, "also where discovery is switched off"


def test_who_accepts_and_is_silent_delays_nobody_and_is_worth_another_look(proc: FakeProc) -> None:
    with serving(lambda _c, _r: silent.ended.wait()) as silent, serving(routes(VLLM)) as server:
        proc.listen(silent.port, 1)
        proc.listen(server.port, 2)
        proc.process(100, "python quiet.py", inodes=(1,))
        proc.process(101, "python something.py", inodes=(2,))
        seen = look(proc, silent=silent.url)
        assert len(silent.requests) == 1
    assert [found.pid for found in seen.found] == [101]
    assert seen.again


def test_who_is_no_server_of_models_is_asked_seldom() -> None:
    strangers = Strangers()
    asked = []
    for at_s in range(0, 3600, 20):
        if strangers.may_ask("web", at_s):
            strangers.later("web", at_s)
            asked.append(at_s)
    assert asked == [0, 60, 180, 420, 900, 1500, 2100, 2700, 3300]
    assert strangers.may_ask("another", 3600)


def test_who_is_silent_is_asked_soon_and_then_more_and_more_seldom() -> None:
    strangers = Strangers()
    asked = []
    for at_s in range(0, 3600, 4):
        if strangers.may_ask("starting", at_s):
            strangers.soon("starting", at_s)
            asked.append(at_s)
    assert asked == [0, 4, 12, 28, 60, 124, 252, 508, 1020, 1620, 2220, 2820, 3420]


def test_a_web_service_is_remembered_by_its_socket(proc: FakeProc) -> None:
    with serving(routes({"GET /": reply(b"hello")})) as server:
        proc.listen(server.port, 1)
        proc.process(100, "python web.py", inodes=(1,))
        look(proc)
        asked = len(server.requests)
        look(proc)
        assert len(server.requests) == asked > 0
        look(proc, extra=(server.port,))
        assert len(server.requests) > asked


def test_a_look_around_ends_in_time_whoever_is_silent(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover_module, "WHOLE_S", 0.5)
    cure = "they are asked again; name a server there under [[targets]]"
    with serving(lambda _c, _r: one.ended.wait()) as one, serving(lambda _c, _r: two.ended.wait()) as two:
        proc.listen(one.port, 1, uid=33)
        proc.listen(two.port, 2, uid=33)
        low, high = sorted((one.port, two.port))
        begun_s = time.monotonic()
        seen = look(proc)
        assert time.monotonic() - begun_s < 10  # and not the 30 s that each is given
    assert (seen.found, seen.unseen, seen.again) == ([], [f"2 listening ports did not answer in time: {low} {high} - {cure}"], True)


def test_a_frozen_vllm_is_found_all_the_same(proc: FakeProc) -> None:
    with serving(lambda _c, _r: server.ended.wait()) as server:
        proc.listen(server.port, 1)
        proc.process(100, f"vllm serve m --port={server.port}", inodes=(1,))
        (found,) = look(proc).found
    assert (found.name, found.url) == ("m", server.url)


@pytest.mark.parametrize(
    "command",
    ["sshd: /usr/sbin/sshd -D", "/usr/lib/postgresql/16/bin/postgres", "ray::ProxyActor", "redis-server *:7000", "prometheus --web.x"],
)
def test_other_services_are_not_asked(proc: FakeProc, command: str) -> None:
    with serving(routes({})) as server:
        proc.listen(server.port, 1)
        proc.process(100, command, inodes=(1,), comm=command.split(maxsplit=1)[0].rpartition("/")[2].rstrip(":"))
        assert look(proc).found == []
        assert server.requests == []
        look(proc, extra=(server.port,))
        assert server.requests != []


def test_our_own_ports_are_not_asked(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 1)
        proc.process(os.getpid(), "python -m tui_monitor engine", inodes=(1,))
        assert look(proc).found == []
        assert server.requests == []


def test_a_demo_that_somebody_tries_is_no_server_of_the_host(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 1)
        proc.process(100, "/opt/venv/bin/python -P -m tui_monitor.demo.generator --model demo-7b --load load.json", inodes=(1,))
        assert look(proc).found == []
        assert server.requests == []
        assert [one.url for one in look(proc, extra=(server.port,)).found] == [server.url]  # unless it was asked for


@pytest.mark.parametrize(
    "command",
    [
        "bash -c vllm serve m",
        "docker run vllm/vllm-openai vllm serve m",
        "vllm bench serve --model m",
        "vim vllm serve",
        "grep -r vllm serve ",
    ],
)
def test_a_command_line_that_only_speaks_of_a_server_is_none(proc: FakeProc, command: str) -> None:
    proc.process(100, command)
    assert look(proc).found == []


def test_another_users_server_is_recognised_by_its_answers_and_that_is_told(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 1, uid=33)
        seen = look(proc)
    assert [(found.kind, found.pid) for found in seen.found] == [("vllm", None)]
    assert seen.unseen == [
        f"port {server.port}: its process is not ours to see, recognised as vllm by its answers - run as root to see its processor, memory and GPUs"
    ]


def test_another_users_server_whose_command_line_is_seen_is_one(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 1, uid=33)
        proc.process(100, f"vllm serve m --port {server.port}")
        (found,) = look(proc).found
    assert (found.name, found.pid, found.url) == ("m", 100, server.url)


def test_a_container_next_door_is_seen_but_not_reachable(proc: FakeProc) -> None:
    proc.process(100, "tritonserver --model-repository=/m", net="net:[2]")
    seen = look(proc)
    assert seen.found == []
    assert seen.unseen == ["triton (process 100) is in another network namespace - give a URL that reaches it in [[targets]]"]


def test_a_forwarders_process_is_not_the_servers(proc: FakeProc) -> None:
    with serving(routes(VLLM)) as server:
        proc.listen(server.port, 1)
        proc.process(100, "/usr/bin/docker-proxy -proto tcp", inodes=(1,))
        (found,) = look(proc).found
    assert (found.pid, found.how) == (None, f"port {server.port} answers like vllm, through docker-proxy")


def test_keys_on_a_command_line_are_never_shown(proc: FakeProc) -> None:
    proc.process(100, "vllm serve org/m --api-key sk-secret")
    assert "sk-secret" not in repr(look(proc))


def test_a_host_that_shows_nothing_is_told_and_no_error(tmp_path: Path) -> None:
    seen = asyncio.run(discover([], [], root=tmp_path / "nothing"))
    assert seen.found == []
    assert len(seen.unseen) == 2
    assert listening(tmp_path / "nothing") == frozenset()


def test_this_host_shows_a_socket_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (mine,) = [one for one in listeners() if one.port == port]
        assert mine.host == "127.0.0.1"
        assert mine.inode == os.fstat(server.fileno()).st_ino
        assert mine.inode in listening()


def test_hosts_of_sockets_are_read_as_people_write_them(proc: FakeProc) -> None:
    proc.listen(1, 1, host="0100007F")
    proc.listen(2, 2, host="00000000")
    (proc.root / "net/tcp6").write_text(
        "sl\n 0: 0000000000000000FFFF00000100007F:0003 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 3 1\n"
        " 1: 00000000000000000000000001000000:0004 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4 1\n garbage\n"
    )
    assert [(one.host, one.port) for one in listeners(proc.root)] == [("127.0.0.1", 1), ("0.0.0.0", 2), ("127.0.0.1", 3), ("::1", 4)]


def test_clients_are_counted_without_ours_and_the_table_is_read_once_a_round(proc: FakeProc) -> None:
    connections = Connections(proc.root)
    for remote in (40001, 40002, 40003):
        proc.connect(8000, remote)
    assert connections.to_port(8000, {40002}, now_s=10.0) == 2
    proc.connect(8000, 40004)
    assert connections.to_port(8000, {40002}, now_s=10.1) == 2
    assert connections.to_port(8000, {40002}, now_s=15.0) == 3
    assert connections.to_port(9000, set(), now_s=15.0) == 0
    assert Connections(proc.root / "nothing").to_port(8000, set(), now_s=0.0) is None


@pytest.mark.parametrize("path", ["", "/metrics"])
def test_a_configured_target_without_a_kind_is_recognised(path: str) -> None:
    with serving(routes(VLLM)) as server:
        found = asyncio.run(recognise(TargetSettings(name="mine", url=server.url + path)))
        assert only_gets(server)
    assert found is not None
    assert (found.name, found.kind, found.url, found.configured) == ("mine", "vllm", server.url + path, True)


def test_a_target_that_does_not_tell_its_kind_is_not_guessed() -> None:
    with serving(routes({"GET /metrics": reply(b"up 1\n")})) as server:
        assert asyncio.run(recognise(TargetSettings(name="mine", url=server.url))) is None
