"""What single panes must say: stale numbers, simulated GPUs, the story of an alert, the meaning of a number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from frames import ALERTS, AT, EMPTY, GPUS, INCIDENT, LLAMA, QWEN, SIGNALS, VIEW, ago, alert
from msgspec.structs import replace

from tui_monitor.model import Frame, Model
from tui_monitor.ui import board, signs
from tui_monitor.ui.panes import alerts, drift_table, drift_words, speed
from tui_monitor.ui.panes.explain import explain
from tui_monitor.ui.view import View
from tui_monitor.ui.widgets.canvas import Run


def runs(frame: Frame, view: View = VIEW, width: int = 100, height: int = 30) -> list[Run]:
    return [run for row in board.draw_board(frame, view, {}, width, height).rows() for run in row]


def text(frame: Frame, view: View = VIEW, width: int = 100, height: int = 30) -> str:
    return "\n".join(board.draw_board(frame, view, {}, width, height).lines())


def test_stale_numbers_are_dimmed_and_carry_their_age() -> None:
    stale = replace(INCIDENT, targets=[replace(QWEN, age_s=25.0)])
    row = next(row for row in board.draw_board(stale, VIEW, {}, 100, 30).rows() if any("qwen-7b" in run.text for run in row))
    roles = {run.text.strip(): run.role for run in row}
    assert roles["25s"] == "warn"
    assert next(role for part, role in roles.items() if "41%" in part) == "faint"


def test_fresh_numbers_are_not_dimmed() -> None:
    assert any("41%" in run.text and run.role == "text" for run in runs(INCIDENT))


def test_simulated_gpus_are_marked() -> None:
    assert "simulated" in text(replace(INCIDENT, gpus=[replace(gpu, simulated=True) for gpu in GPUS]))
    mixed = replace(INCIDENT, gpus=[replace(GPUS[0], simulated=True), GPUS[1]])
    assert [line for line in text(mixed).splitlines() if "0 H200" in line and "simulated" in line]
    assert "simulated" not in text(INCIDENT)


def test_no_gpu_is_one_quiet_line_with_its_reason() -> None:
    lines = [line for line in text(EMPTY).splitlines() if "GPU" in line]
    assert len(lines) == 1
    assert "no NVIDIA driver: libnvidia-ml.so.1 not found" in lines[0]


def test_an_ok_target_with_a_firing_alert_says_so_in_its_row() -> None:
    frame = replace(
        INCIDENT, targets=[QWEN], alerts=[alert(9, "errors", "warning", "firing", "qwen-7b", ago(minutes=1), summary="4% fail")]
    )
    row = next(line for line in text(frame).splitlines() if "qwen-7b" in line)
    assert row.lstrip("│ ").startswith("▲ qwen-7b")
    assert "errors: 4% fail" in row
    assert "OK" in row


def test_a_broken_model_speaks_in_its_targets_row() -> None:
    frame = replace(INCIDENT, targets=[replace(QWEN, models=[Model("bert", "1", "UNAVAILABLE", why="file is gone")])], alerts=[])
    assert "bert UNAVAILABLE file is gone" in text(frame)


def test_a_hung_gpu_shows_no_number() -> None:
    row = next(line for line in text(INCIDENT).splitlines() if "3 H200" in line)
    assert "HUNG: no NVML answer for 11 s" in row
    assert "%" not in row


def test_the_story_of_a_firing_alert() -> None:
    story = "\n".join(board.explain_chosen(INCIDENT, replace(VIEW, focus="alerts", alert="a1")))
    assert "stalled on llama-70b  FIRING  since 14:20:59, fired 14:21:29" in story
    assert "14 running, no token for 38 s; /health 200" in story
    assert "nobody yet" in story
    assert "GPU 0 at 92%; GPU 1 at 91%" in " ".join(story.split())
    assert "kv_cache_full firing too" in " ".join(story.split())
    assert "1 time in the last 24 h; last 02:22:07 for 5m30, acked by raj" in story


def test_the_story_of_a_taken_alert_names_who_and_until_when() -> None:
    story = "\n".join(board.explain_chosen(INCIDENT, replace(VIEW, focus="alerts", alert="a3")))
    assert "ana has it since 14:19:07, until 15:19:07: INC-482" in story
    assert "nobody" not in story


def test_the_story_of_a_held_alert_says_that_there_is_no_data() -> None:
    frame = replace(INCIDENT, alerts=[replace(ALERTS[0], holding="no data since 14:21:56")])
    assert "no data since 14:21:56; it holds" in "\n".join(board.explain_chosen(frame, replace(VIEW, focus="alerts")))
    assert "? no data" in text(frame, replace(VIEW, focus="alerts"))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "38s"), (3, "19s/1m"), (4, "3h00 left"), (5, "11h54 ago")],
    ids=["firing", "pending", "silenced", "resolved"],
)
def test_for_how_long(number: int, expected: str) -> None:
    assert alerts.lasted(INCIDENT, ALERTS[number]) == expected


def test_alerts_stand_worst_first_and_taken_ones_behind() -> None:
    words = [signs.of_alert(one)[0] for one in sorted(ALERTS, key=lambda one: signs.of_alert(one)[1].rank)]
    assert words == ["FIRING", "FIRING", "ACKED", "pending", "silenced", "resolved"]


def test_a_selected_line_far_down_comes_into_view() -> None:
    many = replace(INCIDENT, targets=[replace(QWEN, name=f"t{i:02d}") for i in range(40)])
    assert "t39" not in text(many)
    assert "t39" in text(many, replace(VIEW, target="t39"))
    assert "more: " in text(many)


@pytest.mark.parametrize(
    ("key", "now", "before", "expected"),
    [
        ("latency.p95", 4.0, 1.0, ("×4.00", True)),
        ("latency.p95", 1.3, 1.0, ("+30%", False)),
        ("latency.p95", 1.0, 1.0, ("=", False)),
        ("token.rate.generated", 400.0, 1000.0, ("-60%", True)),
        ("request.rate", 1.0, 10.0, ("-90%", False)),
        ("kv_cache.used", 0.97, 0.71, ("+26", True)),
        ("queue.length", 3.0, 0.0, ("new", False)),
        ("queue.length", None, 3.0, ("", False)),
    ],
)
def test_how_a_value_stands_to_a_longer_window(key: str, now: float | None, before: float | None, expected: tuple[str, bool]) -> None:
    assert speed.compare(key, now, before) == expected


def test_what_a_server_never_tells_has_no_row() -> None:
    target = replace(
        LLAMA, metrics={"request.rate": 1.0, "latency.p95": None, "error.ratio": None}, absent={"latency.p95": "not counted by this server"}
    )
    assert speed.rows_of(target, 20) == ["request.rate", "error.ratio"]


def test_accuracy_is_loud_only_when_its_whole_interval_is_below_the_long_run() -> None:
    loud = [run for run in runs(INCIDENT, replace(VIEW, focus="performance")) if run.text == "88.6%"]
    assert [run.role for run in loud] == ["warn"]
    calm = [replace(p, metrics={"accuracy": replace(p.metrics["accuracy"], high=0.94)}) for p in INCIDENT.performance]
    quiet = [run for run in runs(replace(INCIDENT, performance=calm), replace(VIEW, focus="performance")) if run.text == "88.6%"]
    assert [run.role for run in quiet] == ["strong"]


@pytest.mark.parametrize(
    ("evidence", "share"), [(None, None), (-9.0, 0.0), (-6.0, 0.0), (-3.0, 1 / 3), (0.0, 2 / 3), (3.0, 1.0), (99.0, 1.0)]
)
def test_the_evidence_bar_has_the_budget_at_two_thirds(evidence: float | None, share: float | None) -> None:
    assert drift_table.evidence_share(evidence) == pytest.approx(share)


def test_evidence_in_words() -> None:
    assert drift_words.evidence_line(SIGNALS[0]).startswith("Evidence is 40× beyond the false-alarm budget; 4100 rows now")
    assert drift_words.evidence_line(SIGNALS[2]).startswith("Evidence is within the false-alarm budget")


def test_explain_a_known_number() -> None:
    lines = "\n".join(explain(INCIDENT, "llama-70b", "token.rate.generated"))
    for part in (
        "Tokens generated each second",
        "per second",
        "value    0/s",
        "the last minute",
        "from     vllm:generation_tokens_total",
        "age      1s",
        "5m 1472/s",
    ):
        assert part in lines


def test_explain_why_a_number_is_absent() -> None:
    assert "absent   nothing observed in the window" in explain(INCIDENT, "llama-70b", "ttft.p95")


def test_explain_a_quantile_with_its_bucket_and_bound() -> None:
    lines = "\n".join(explain(INCIDENT, "qwen-7b", "latency.p95"))
    assert "value    at least 1.20s" in lines
    assert "between 1.00s and 2.50s" in lines


@pytest.mark.parametrize(
    ("subject", "key", "expected"),
    [
        ("host", "cpu.util", "value    31%"),
        ("gpu3", "gpu.util", "absent   no NVML answer for 11 s, last read 14:21:56"),
        ("gpu0", "gpu.power", "value    612 W"),
        ("fraud", "accuracy", "5m       0.886, 95 % between 0.871 and 0.900, labelled, n 412"),
        ("llama-70b/prompt_tokens", "drift.ks", "effect   at least 0.310: the largest gap between then and now; 0 same, 1 disjoint"),
        ("nobody", "cpu.util", "absent   nothing named nobody is watched now"),
    ],
)
def test_explain_other_subjects(subject: str, key: str, expected: str) -> None:
    assert expected in explain(INCIDENT, subject, key)


def test_old_is_three_intervals_or_ten_seconds() -> None:
    assert not signs.old(INCIDENT, 10.0)
    assert signs.old(INCIDENT, 10.1)
    slow = replace(INCIDENT, engine=replace(INCIDENT.engine, interval_s=30.0))
    assert not signs.old(slow, 80.0)
    assert signs.old(slow, None)


def test_a_silence_that_ran_out_leaves_no_negative_time() -> None:
    silence = ALERTS[4].silenced
    assert silence is not None
    over = replace(ALERTS[4], silenced=replace(silence, until=AT - timedelta(seconds=5)))
    assert alerts.lasted(INCIDENT, over) == "0s left"
