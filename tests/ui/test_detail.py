"""`enter` and `e` on a target: origin, process, GPUs, models, numbers with their reasons; nothing repeated, nothing cut without a sign."""

from __future__ import annotations

import asyncio

import pytest
from frames import FLEET, GIB, GPUS, INCIDENT, LLAMA, LLAMA_CPP, NODE_A, QWEN, SGLANG, TORCHSERVE, TRITON, VIEW, process
from msgspec.structs import replace

from tui_monitor.engine.feed import ScriptedFeed
from tui_monitor.model import GpuProcess, Model, Target, TargetWindow
from tui_monitor.ui import board, theme
from tui_monitor.ui.app import MonitorApp
from tui_monitor.ui.dialogs.detail import of_target
from tui_monitor.ui.dialogs.explain import hanging
from tui_monitor.ui.dialogs.models import table
from tui_monitor.ui.panes.explain import explain
from tui_monitor.ui.widgets.canvas import text_width


def said(target: Target, width: int = 103) -> str:
    return "\n".join(of_target(FLEET, target, utc=True, width=width))


def test_where_it_runs() -> None:
    text = said(LLAMA)
    for line in (
        "state     STALLED for 38s, since 14:21:29",
        "why       no token for 38 s, /health 200",
        "server    vllm 0.11.0 at http://127.0.0.1:8000",
        "found     process: vllm serve",
        "process   811 and 3 more, up 3 h since 11:22:07",
        "uses      3.2 cores, 41 GiB memory, 262 GiB GPU memory",
        "GPU 0     H200, 92% busy, memory 131/141 GiB, 71°C, 612 W",
        "numbers   1s old",
    ):
        assert line in text
    assert "restarts" not in text
    assert "container" not in text


def test_what_happened_to_its_process() -> None:
    text = said(replace(TORCHSERVE, process=replace(TORCHSERVE.process, restarts=3, stopped=["java (9)"], orphan=True)))
    assert "restarts  3 since watching began, restarted 2 min ago" in text
    assert "container docker 3f2a9c01b2d4" in text
    assert "stopped   java (9): does nothing until somebody lets it go on" in text
    assert "orphan    whoever started it is gone" in text
    assert "restarts  2 since watching began\n" in said(replace(QWEN, process=process(1, restarts=2)))


def test_its_own_part_of_a_gpus_memory_and_a_gpu_that_does_not_answer() -> None:
    shared = replace(GPUS[2], processes=[GpuProcess(1, "python", None, 70 * GIB, "qwen-7b"), GpuProcess(2, "python", None, GIB, "other")])
    text = "\n".join(of_target(replace(INCIDENT, gpus=[shared, GPUS[3]]), replace(QWEN, gpus=[2, 3]), utc=True))
    assert "GPU 2     H200, 24% busy, memory 78/141 GiB, 70 GiB of it its own" in text
    assert "GPU 3     HUNG: no NVML answer for 11 s" in text


def test_a_gpu_of_another_host_with_the_same_number_is_not_its_own() -> None:
    assert said(TRITON).count("GPU 0 ") == 1


def test_numbers_that_are_missing_for_one_reason_are_one_paragraph() -> None:
    many = {f"key{i:02d}": None for i in range(20)}
    lines = said(replace(QWEN, metrics=many | {"request.rate": 1.0}, absent=dict.fromkeys(many, "not counted by this server"))).splitlines()
    assert sum("not counted by this server" in line for line in lines) == 1
    assert all(any(key in line for line in lines) for key in many)
    assert len(lines) < 25


def test_the_reason_with_a_cure_comes_first() -> None:
    text = said(LLAMA_CPP)
    assert text.index("needs --metrics:") < text.index("not counted by this server:")
    assert "request.rate, request.running, queue.length" in text


def test_a_lower_bound_says_what_it_misses() -> None:
    assert "at least: requests that were refused before a model was chosen" in said(TRITON)
    assert "at least: above the largest bucket" in said(QWEN)


def test_a_page_that_was_read_in_part() -> None:
    text = said(TRITON)
    assert "page      read in part: more than 50,000 samples" in text
    assert "page      3 unreadable lines of its page left out" in text


def test_models_are_a_table_and_numbers_stand_under_their_heads() -> None:
    lines = table(TRITON.models, 80)
    assert lines[0] == "4 models: 2 UNAVAILABLE, 2 READY"
    head = lines[1]
    bert = next(line for line in lines if "bert 3" in line)
    for column, value in (("REQ/S", "17.5"), ("ERRORS", "1.0%"), ("MEAN", "12ms"), ("QUEUE", "3")):
        assert bert.index(value, 20) + len(value) == head.index(column) + len(column)
    assert [line.split()[1] for line in lines if line.strip()[0] in "✖○✔"] == ["ranker", "old", "bert", "resnet50"], "the worst first"
    assert "      Invalid argument: unable to find config.pbtxt" in lines
    assert "P95" not in head


@pytest.mark.parametrize("width", [20, 40, 60, 77, 103])
def test_a_table_of_models_stays_in_its_width_and_keeps_the_numbers_that_matter(width: int) -> None:
    models = [
        Model(
            f"meta-llama/Llama-{i}-with-a-long-name-模型",
            "1",
            "READY",
            {"request.rate": 1.0, "error.ratio": 0.0, "latency.p95": 1.0, "latency.mean": 1.0},
        )
        for i in range(64)
    ]
    lines = table(models, width)
    assert max(text_width(line) for line in lines) <= max(width, 31)
    assert len(lines) == 66
    assert "MEAN" not in lines[1]
    if width >= 60:
        assert all(head in lines[1] for head in ("REQ/S", "ERRORS", "P95"))


def test_no_line_is_wider_than_the_dialog() -> None:
    for target in FLEET.targets:
        for width in (40, 77, 103):
            assert all(text_width(line) <= width for line in of_target(FLEET, target, utc=True, width=width) if "between" not in line)


def test_explain_names_the_series_the_window_and_each_model() -> None:
    lines = "\n".join(explain(FLEET, "triton", "request.rate"))
    assert "from     nv_inference_request_success of http://127.0.0.1:8000" in lines
    assert "window   the last minute; summed over replicas" in lines
    assert "models     17.5/s  bert 3" in lines
    assert "           2.50/s  resnet50 1" in lines
    assert "page     read in part" in lines
    young = replace(FLEET, windows=[TargetWindow(target="triton", window="1m", covered_s=24.0, metrics={})])
    assert "the last 24 s, which is all that is known yet" in "\n".join(explain(young, "triton", "request.rate"))


def test_explain_sixty_four_models_in_few_lines() -> None:
    models = [Model(f"m{i:02d}", None, "READY", {"request.rate": float(i)}) for i in range(64)]
    lines = explain(replace(FLEET, targets=[replace(TRITON, models=models)]), "triton", "request.rate")
    assert "and 52 more, down to 0/s" in lines[-1]
    assert "m63" in next(line for line in lines if line.startswith("models"))


def test_explain_says_what_a_lower_bound_misses() -> None:
    lines = "\n".join(explain(FLEET, "triton", "error.ratio"))
    assert "value    at least 1.0%" in lines
    assert "misses   requests that were refused before a model was chosen" in lines
    assert "misses   it fell into the last bucket" in "\n".join(explain(FLEET, "qwen-7b", "latency.p95"))
    assert "misses" not in "\n".join(explain(FLEET, "triton", "request.rate"))


def test_e_on_a_row_says_what_the_state_means_and_where_each_number_comes_from() -> None:
    lines = "\n".join(board.explain_chosen(FLEET, replace(VIEW, target="triton")))
    assert "means    it answers, and work gets done" in lines
    assert "REQ/S      20.0/s  request.rate, over the last minute" in lines
    assert "from nv_inference_request_success" in lines
    assert "WAIT            3  queue.length, now" in lines
    assert "needs --metrics:" in "\n".join(board.explain_chosen(FLEET, replace(VIEW, target="llama-server")))
    assert "no fault until it takes too long" in "\n".join(board.explain_chosen(FLEET, replace(VIEW, target=SGLANG.name)))


def shown(keys: list[str], size: tuple[int, int], *, plain: bool = False) -> str:
    """The screen after some keys, as text."""
    app = MonitorApp(ScriptedFeed([FLEET]), theme.load("default-dark"), clock=FLEET.at.timestamp, utc=True, ascii=plain)
    texts: list[str] = []

    async def drive() -> None:
        async with app.run_test(size=size) as pilot:
            app.choose(target="triton")
            await pilot.press(*keys)
            await pilot.pause()
            texts.extend(strip.text for strip in app.screen._compositor.render_strips())

    asyncio.run(drive())
    return "\n".join(texts)


@pytest.mark.parametrize("keys", [["enter"], ["e"], ["t"]])
def test_ascii_reaches_the_dialogs(keys: list[str]) -> None:
    text = shown(keys, (120, 40), plain=True)
    assert "triton" in text
    assert text.isascii()
    assert not shown(keys, (120, 40)).isascii()


def test_the_dialog_scrolls_to_its_end() -> None:
    assert "ranker" not in shown(["enter"], (80, 12))
    assert "latency.mean" in shown(["enter", *["pagedown"] * 6], (80, 12))


def test_the_exporter_of_a_host_has_its_numbers() -> None:
    text = said(NODE_A)
    assert "exporter  node-exporter at http://10.0.0.4:9100" in text
    assert "load.1m" in text


def test_a_long_explanation_goes_on_under_itself() -> None:
    text = shown(["e"], (100, 40))
    first = next(i for i, line in enumerate(text.splitlines()) if "page     read in part" in line)
    lines = text.splitlines()
    assert lines[first + 1].index("(limit max_samples)") == lines[first].index("read in part")
    assert hanging("why      " + "word " * 5, 77) == ["why      " + "word " * 5]
    assert hanging("url      http://127.0.0.1:8000 and more", 30) == ["url      http://127.0.0.1:8000", "         and more"]
