"""What Health must say of servers, their processes, exporters and what dead servers left behind; and what gives way when room is short."""

from __future__ import annotations

from datetime import timedelta

import pytest
from frames import (
    AT,
    CROWD,
    DCGM,
    DCGM_DOWN,
    FLEET,
    FLEET_GPUS,
    GIB,
    GPUS,
    INCIDENT,
    LLAMA,
    LLAMA_CPP,
    NODE_A,
    NODE_B,
    ORPHANS,
    QWEN,
    SGLANG,
    TORCHSERVE,
    TRITON,
    VIEW,
    ago,
    alert,
    process,
)
from msgspec.structs import replace

from tui_monitor.model import Frame, Model, Orphan, Target
from tui_monitor.ui import board
from tui_monitor.ui.panes import order
from tui_monitor.ui.panes.why import cure, restarted, span, why_of
from tui_monitor.ui.view import View


def text(frame: Frame, view: View = VIEW, width: int = 160, height: int = 45) -> str:
    return "\n".join(board.draw_board(frame, replace(view, zoom=True), {}, width, height).lines())


def row(frame: Frame, name: str, width: int = 160, height: int = 45) -> str:
    return next(line for line in text(frame, width=width, height=height).splitlines() if f" {name} " in line)


def only(*targets: Target, **more: object) -> Frame:
    return replace(INCIDENT, targets=list(targets), alerts=[], gpus=[], **more)


# -- a server and its hardware --------------------------------------------------------------------------------------------------------


def test_a_row_joins_a_server_with_its_processes_and_gpus() -> None:
    said = row(only(LLAMA), "llama-70b")
    assert " 3.2 " in said, "cores"
    assert " 41G " in said
    assert "0,1 262G" in said


@pytest.mark.parametrize(("gpus", "said"), [([3], "3 9.0G"), ([0, 1, 2, 3], "0-3 9.0G"), ([0, 1, 5, 6, 7], "0,1,5-7 9.0G"), ([], "9.0G")])
def test_gpus_stand_with_the_memory_that_is_used_of_them(gpus: list[int], said: str) -> None:
    assert f" {said} " in row(only(replace(QWEN, gpus=gpus, process=process(1, gpu_memory_bytes=9 * GIB))), "qwen-7b")


def test_what_is_not_known_of_a_process_has_no_column() -> None:
    head = text(only(replace(QWEN, process=None, gpus=[]))).splitlines()[3]
    assert not {"CPU", "MEM", "GPU"} & set(head.split())
    mixed = row(only(QWEN, replace(LLAMA, process=None, gpus=[])), "llama-70b")
    assert mixed.split("no token")[0].split()[-3:] == ["–"] * 3


def test_when_it_gets_narrow_name_state_and_reason_stay() -> None:
    frame = replace(FLEET, gpus=[], orphans=[])
    for width in range(60, 161):
        said = row(frame, "llama-70b", width=width, height=20)
        assert "STALLED" in said
        assert "no token for 38 s" in said
    heads = {width: set(text(frame, width=width, height=20).splitlines()[3].split()) for width in (60, 80, 100, 120, 160)}
    assert "WAIT" in heads[80]
    assert "GPU" in heads[100]
    assert "MEM" not in heads[100]
    assert {"KIND", "REQ/S", "GPU"} <= heads[120]
    assert {"CPU", "MEM", "RTT"} <= heads[160]


# -- why ------------------------------------------------------------------------------------------------------------------------------

AGAIN = process(9, started=ago(seconds=130), restarts=1)
WHY = [
    ("what is wrong first", replace(TRITON, state="STALLED", why="nothing finished for 38 s"), "nothing finished for 38 s"),
    ("and that it began again", replace(LLAMA, why="refused", state="DOWN", process=AGAIN), "refused; restarted 2 min ago"),
    ("a restart", TORCHSERVE, "restarted 2 min ago"),
    ("again and again", replace(TORCHSERVE, process=process(9, started=ago(seconds=5), restarts=4)), "restarted 5 s ago, 4 times in all"),
    ("an old restart is no news", replace(TORCHSERVE, process=process(9, started=ago(minutes=11), restarts=1)), "finished work 2 s ago"),
    ("a first start is no restart", replace(TORCHSERVE, process=process(9, started=ago(seconds=5))), "finished work 2 s ago"),
    ("a process of another host", replace(TORCHSERVE, process=None), "finished work 2 s ago"),
    ("starting says for how long", SGLANG, "starting for 98 s: nobody listens yet; may take 10 min"),
    ("also where its reason does not", replace(SGLANG, why="loading"), "starting for 98 s: loading"),
    (
        "starting again",
        replace(SGLANG, process=process(9, restarts=3)),
        "restart 3, starting for 98 s: nobody listens yet; may take 10 min",
    ),
    ("stopped", replace(QWEN, process=process(9, stopped=["python (9)"])), "process python (9) is stopped"),
    ("stopped ones", replace(QWEN, process=process(9, stopped=["a (1)", "b (2)"])), "processes a (1), b (2) are stopped"),
    (
        "stopped is said once",
        replace(QWEN, state="STALLED", why="process a (1) is stopped, 3 clients connected", process=process(9, stopped=["a (1)"])),
        "process a (1) is stopped, 3 clients connected",
    ),
    ("an orphan", replace(QWEN, process=process(9, orphan=True)), "an orphan: whoever started it is gone"),
    ("a broken model", TRITON, "ranker UNAVAILABLE Invalid argument: unable to find config.pbtxt"),
    (
        "broken models",
        replace(TRITON, models=[Model(f"m{i}", None, "UNAVAILABLE", why="no file") for i in range(3)]),
        "3 models cannot be used: m0 UNAVAILABLE no file",
    ),
    ("what somebody unloaded is not broken", replace(QWEN, models=[Model("m", "1", "UNAVAILABLE", why="unloaded")]), ""),
    (
        "a page over its limit",
        replace(TRITON, models=[]),
        "its page is read in part: more than 50,000 samples: the first 50,000 are read (limit max_samples)",
    ),
    ("bad lines", replace(TRITON, models=[], limited=""), "3 unreadable lines of its page left out"),
    ("one bad line", replace(TRITON, models=[], limited="", bad_lines=1), "1 unreadable line of its page left out"),
    ("what would switch its numbers on", LLAMA_CPP, "no numbers: needs --metrics"),
]


@pytest.mark.parametrize(("what", "target", "said"), WHY, ids=[what for what, _, _ in WHY])
def test_why(what: str, target: Target, said: str) -> None:
    assert why_of(target, None, AT)[0] == said
    assert said in row(only(target), target.name, width=200), what


@pytest.mark.parametrize(
    ("target", "role"),
    [
        (LLAMA, "crit"), (TRITON, "warn"), (TORCHSERVE, "info"), (SGLANG, "info"), (LLAMA_CPP, "dim"), (replace(TRITON, models=[]), "warn"),
        (replace(TRITON, models=[], limited=""), "dim"),
    ],
)  # fmt: skip
def test_the_reasons_look(target: Target, role: str) -> None:
    assert why_of(target, None, AT)[1] == role


def test_an_alert_comes_before_what_is_wrong_with_an_ok_server_and_keeps_the_restart() -> None:
    firing = alert(9, "errors", "warning", "firing", "torchserve", ago(minutes=1), summary="4% fail")
    assert why_of(TORCHSERVE, firing, AT) == ("errors: 4% fail; restarted 2 min ago", "warn")


def test_few_numbers_are_told_from_none_and_other_reasons_name_no_cure() -> None:
    some = replace(LLAMA_CPP, metrics=LLAMA_CPP.metrics | {"request.rate": 1.0})
    assert cure(some) == "few numbers: needs --metrics"
    assert cure(replace(LLAMA_CPP, absent=dict.fromkeys(LLAMA_CPP.metrics, "no second sample yet"))) == ""
    assert cure(QWEN) == ""
    assert cure(replace(QWEN, metrics={}, absent={})) == ""


@pytest.mark.parametrize(("length_s", "said"), [(0.0, "0 s"), (99.0, "99 s"), (130.0, "2 min"), (7200.0, "2 h"), (3 * 86400.0, "3 days")])
def test_spans(length_s: float, said: str) -> None:
    assert span(length_s) == said


def test_a_clock_that_was_set_back_makes_no_negative_restart() -> None:
    assert restarted(replace(TORCHSERVE, process=process(1, started=AT + timedelta(seconds=9), restarts=1)), AT) == "restarted 0 s ago"


def test_what_is_wrong_with_an_ok_server_lifts_it_above_those_without_and_counts_as_a_fault() -> None:
    frame = only(QWEN, TRITON)
    assert [target.name for target in order.servers(frame, VIEW)] == ["triton", "qwen-7b"]
    assert row(frame, "triton").lstrip("│ ").startswith("▲ triton")
    assert "2 targets · 1 fault " in text(frame)
    assert [target.name for target in order.targets(frame, replace(VIEW, faults_only=True))] == ["triton"]


# -- exporters ------------------------------------------------------------------------------------------------------------------------


def test_exporters_are_no_rows_of_requests() -> None:
    assert [target.name for target in order.servers(FLEET, VIEW)] == [
        "llama-70b",
        "llama-server",
        "sglang",
        "triton",
        "qwen-7b",
        "torchserve",
    ]
    said = text(FLEET)
    assert "6 targets · 4 exporters · 13 GPUs · 3 orphans · 7 faults" in said
    assert not [line for line in said.splitlines() if "node-exporter" in line or "dcgm-exporter" in line]


def test_a_host_elsewhere_is_a_line_under_host() -> None:
    lines = text(FLEET).splitlines()
    at = next(i for i, line in enumerate(lines) if "HOST " in line)
    node_b, node_a = lines[at + 2], lines[at + 3]
    assert "✖ node-b      DOWN  connection refused" in node_b
    for words in ("node-a", "cpu  62%", "load 9.10", "mem 61/126 GiB", "fullest disk  71%"):
        assert words in node_a
    assert "✔" not in node_a, "a host that is well is quiet"


def test_a_host_with_an_alert_says_which() -> None:
    frame = replace(only(NODE_A), alerts=[alert(1, "disk_full", "warning", "firing", "node-a", ago(hours=1))])
    assert "▲ node-a" in text(frame)
    assert "disk_full" in row(frame, "node-a")


def test_thirty_hosts_are_summed_up_where_they_do_not_fit() -> None:
    said = text(CROWD, width=100, height=24)
    assert "30 other hosts: 30 OK; highest cpu 62% disk 71%" in said
    worst = replace(CROWD, targets=[*CROWD.targets, NODE_B])
    assert "node-b      DOWN  connection refused" in text(worst, width=100, height=24)
    assert "30 more hosts: 30 OK" in text(worst, width=100, height=24)


def test_gpus_of_an_exporter_stand_in_the_table_with_its_name() -> None:
    said = text(FLEET)
    assert "✔ dcgm/0 L4" in said
    assert "✔ dcgm/0 MIG 3 1g.12gb" in said


def test_a_silent_exporter_is_said_once() -> None:
    said = text(FLEET)
    assert said.count("dcgm-b") == 1
    assert "✖ dcgm-b  DOWN  its 8 GPUs are not known: no answer within 2 s; nothing heard for 61 s" in said
    never = replace(FLEET, gpus=GPUS[:1])
    assert "✖ dcgm-b  DOWN  no answer within 2 s; nothing heard for 61 s " in text(never)


def test_a_slow_exporter_keeps_its_gpus() -> None:
    slow = replace(FLEET, targets=[replace(DCGM, state="SLOW", why="takes 2.1 s to answer how it is")])
    assert "▲ dcgm  SLOW  takes 2.1 s to answer how it is" in text(slow)
    assert "dcgm/0 L4" in text(slow)


def test_a_gpu_that_two_sources_tell_of_is_one() -> None:
    twin = replace(FLEET_GPUS[3], uuid=GPUS[0].uuid)
    assert [gpu.source for gpu in order.gpus(replace(FLEET, gpus=[GPUS[0], twin]))] == ["nvml"]
    assert "1 GPU " in text(replace(FLEET, gpus=[GPUS[0], twin])).splitlines()[2]


def test_only_exporters() -> None:
    assert "exporters only: no model server is watched" in text(only(NODE_A, DCGM))


def test_arrows_reach_what_has_a_line_and_performance_says_where_an_exporters_numbers_are() -> None:
    names = board.targets_in_order(FLEET, VIEW)
    assert names[-3:] == ["dcgm-b", "node-b", "node-a"]
    assert "dcgm" not in names
    said = "\n".join(board.draw_board(FLEET, replace(VIEW, target="node-a"), {}, 160, 45).lines())
    assert "an exporter: the numbers of its host stand in Health" in said


# -- orphans --------------------------------------------------------------------------------------------------------------------------


def test_an_orphan_says_what_it_holds_and_whose_it_was() -> None:
    assert "▲ orphan VLLM::EngineCore (4711) holds GPU 1 12 GiB, left behind by vllm" in text(replace(FLEET, orphans=ORPHANS[:1]))
    assert "▲ orphan python3 (4712) holds ports 7070, 7071, left behind by torchserve" in text(replace(FLEET, orphans=ORPHANS[1:2]))


def test_many_orphans_are_two_lines_and_the_largest_is_named() -> None:
    many = [Orphan(pid=i, name=f"worker{i}", kind="ray-serve", ports=[i], gpus=[i % 4], gpu_memory_bytes=i * GIB) for i in range(1, 41)]
    lines = [line for line in text(replace(FLEET, orphans=many)).splitlines() if "orphan" in line and "▲" in line]
    assert len(lines) == 2
    assert "orphan worker40 (40) holds port 40, GPU 0 40 GiB" in lines[0]
    assert "39 orphans hold ports 1, 2, 3, 4 …, GPU 0-3 780 GiB, left behind by ray-serve" in lines[1]


def test_orphans_without_a_server_are_seen() -> None:
    assert "orphan python3 (4712)" in text(only(orphans=ORPHANS[1:2]))
    assert "1 orphan · 1 fault" in text(only(orphans=ORPHANS[1:2]))


def test_orphans_stay_where_room_is_short() -> None:
    assert "3 orphans hold" in text(FLEET, width=80, height=18)
    tiny = "\n".join(board.draw_board(FLEET, VIEW, {}, 60, 15).lines())
    assert "orphan VLLM::EngineCore (4711) holds GPU 1 12 GiB" in tiny


# -- the smallest ---------------------------------------------------------------------------------------------------------------------


def test_the_list_names_exporters_with_a_fault_only_and_before_servers_that_are_well() -> None:
    lines = list(board.draw_board(FLEET, VIEW, {}, 60, 15).lines())
    said = "\n".join(lines)
    assert "node-b" in said
    assert "node-a" not in said
    assert next(i for i, line in enumerate(lines) if "node-b" in line) < next(i for i, line in enumerate(lines) if "qwen-7b" in line)
    assert said.count("dcgm-b") == 1


def test_dark_gpus_are_not_listed_one_by_one() -> None:
    lines = board.draw_board(replace(FLEET, targets=[DCGM_DOWN], orphans=[]), VIEW, {}, 60, 15).lines()
    assert not [line for line in lines if "GPU dcgm-b" in line]
