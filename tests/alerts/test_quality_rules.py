"""Rules about the quality of models: windows, what a number rests on, slices, states, and what `check` knows of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_monitor.alerts.lifecycle import AlertBook
from tui_monitor.alerts.parts import of_logs
from tui_monitor.alerts.rules import lookup, read_rule, rules_of
from tui_monitor.cli.main import main
from tui_monitor.config import PredictionSettings, RuleSettings, Settings
from tui_monitor.model import Basis, Estimate, Performance, ProbeState, Quality, Subject


def window(name: str, accuracy: float | None, basis: Basis = "labelled", slice_: str | None = None, n: int = 200) -> Performance:
    metrics = {"accuracy": Estimate(accuracy), "f1.macro": Estimate(0.7), "business.clicks": Estimate(0.1)}
    return Performance(name="fraud", window=name, slice=slice_, n=n, labelled=n // 2, coverage=0.5, source=basis, metrics=metrics, why="so")


SUBJECTS = of_logs(
    [
        *(window(name, accuracy) for name, accuracy in (("5m", 0.85), ("30m", 0.88), ("3h", 0.91), ("24h", 0.95), ("all", 0.96))),
        *(window(name, accuracy, "estimated") for name, accuracy in (("5m", 0.6), ("30m", 0.7))),
        *(window(name, accuracy, slice_="long") for name, accuracy in (("30m", 0.5), ("3h", 0.55))),
        window("30m", 0.4, "estimated", "long"),
        window("latest", 0.3, "probe"),
    ],
    [Quality(name="fraud", task="binary", key="accuracy", state="FALLING", sentence="accuracy of fraud falls", label_age_s=30.0)],
)


def fires(when: str, **where: str) -> list[tuple[str, str]]:
    """Names and windows of the subjects of which a rule is true."""
    rule = read_rule(RuleSettings("r", when, where={"subject": "performance"} | where), ["business.clicks"])
    hits = [one for one in SUBJECTS if rule.concerns(one) and rule.when.truth(lookup(one).get)]
    return [(one.name, one.labels.get("window", "")) for one in hits]


@pytest.mark.parametrize(
    ("when", "where", "found"),
    [
        ("accuracy[5m] < 90% and accuracy[3h] < 92%", {}, [("fraud", "")]),  # short and long
        ("accuracy[5m] < 90% and accuracy[3h] < 90%", {}, []),
        ("accuracy[24h] < 96%", {}, [("fraud", "")]),
        ("accuracy[all] < 97% and accuracy[all] > 95%", {}, [("fraud", "")]),
        ("accuracy[1m] < 97%", {}, []),  # no such window: nobody can say
        ("accuracy[1m] is unknown", {}, [("fraud", "")]),
        ("accuracy < 89%", {}, [("fraud", "")]),  # that of the last 30 minutes
        ("accuracy > 89%", {}, []),
        ("accuracy < 89%", {"name": "fraud"}, [("fraud", "")]),
        ("accuracy < 89%", {"name": "other"}, []),
        ("f1.macro[30m] < 80%", {}, [("fraud", "")]),
        ("business.clicks[3h] < 20%", {}, [("fraud", "")]),
        ("n[5m] >= 200 and n.labelled[5m] < 150 and label.coverage[5m] < 60% and label.age < 1m", {}, [("fraud", "")]),
        # one window as a subject of its own
        ("accuracy < 90%", {"window": "30m"}, [("fraud", "30m")]),
        ("accuracy < 90%", {"window": "3h"}, []),
        ("accuracy < 92%", {"window": "=~ 30m|3h"}, [("fraud", "30m"), ("fraud", "3h")]),
        ("accuracy[3h] < 92%", {"window": "5m"}, [("fraud", "5m")]),
        # what is no label is meant only where it is named
        ("accuracy < 75%", {}, []),
        ("accuracy < 75%", {"basis": "estimated"}, [("fraud (estimated)", "")]),
        ("accuracy[5m] < 65%", {"basis": "estimated", "target": "fraud"}, [("fraud (estimated)", "")]),
        ("accuracy < 75%", {"basis": "estimated", "window": "30m"}, [("fraud (estimated)", "30m")]),
        ("accuracy < 99%", {"basis": "=~ .*"}, [("fraud", ""), ("fraud (estimated)", "")]),
        ("accuracy < 89%", {"basis": "labelled"}, [("fraud", "")]),
        # slices
        ("accuracy < 60% and accuracy[3h] < 60%", {"subject": "slice"}, [("fraud/long", "")]),
        ("accuracy < 60%", {"subject": "slice", "source": "fraud", "slice": "long"}, [("fraud/long", "")]),
        ("accuracy < 60%", {"subject": "slice", "slice": "short"}, []),
        ("accuracy < 60%", {"subject": "slice", "window": "30m"}, [("fraud/long", "30m")]),
        ("accuracy < 60%", {"subject": "slice", "basis": "estimated"}, [("fraud/long (estimated)", "")]),
        # states
        ("state == FALLING", {}, [("fraud", "")]),
        ("state == DECAYED", {}, []),
    ],
)
def test_what_a_rule_about_quality_is_true_of(when: str, where: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert fires(when, **where) == found


def test_a_log_is_silent_about_its_state_where_nobody_judges_it() -> None:
    (whole, _) = of_logs([window("5m", 0.5)])
    assert lookup(whole).get("state") is None
    (only,) = of_logs([], [Quality(name="new", task="binary", key="accuracy")])
    assert (only.name, only.state, only.metrics, only.windows) == ("new", "UNKNOWN", {"label.age": None}, {})


def test_of_several_estimates_for_a_window_the_first_that_says_something_counts() -> None:
    told = of_logs([window("5m", None, "estimated"), window("5m", 0.8, "estimated"), window("5m", 0.7, "estimated")])
    assert [(one.name, one.labels.get("window")) for one in told] == [("fraud (estimated)", None), ("fraud (estimated)", "5m")]
    mute = Performance(name="fraud", window="5m", slice=None, n=9, coverage=None, source="estimated", metrics={}, why="no calibration")
    told = of_logs([mute, window("5m", 0.8, "estimated"), window("5m", 0.7, "estimated")])
    assert [one.metrics["accuracy"] for one in told[1:]] == [0.8]


def test_a_probe_is_a_subject_with_its_own_state() -> None:
    probe = ProbeState(name="fraud", target="ranker", state="FALLING", sentence="3 golden answers are wrong now", rounds=2)
    whole, latest = of_logs([window("latest", 0.3, "probe")], probes=[probe])
    assert (whole.name, whole.state, whole.why, whole.labels["source"], whole.labels["target"]) == (
        "fraud",
        "FALLING",
        "3 golden answers are wrong now",
        "probe",
        "ranker",
    )
    assert latest.labels["window"] == "latest"
    assert whole.metrics["accuracy"] == 0.3
    for where in ({"source": "probe"}, {"basis": "probe"}, {"target": "ranker", "basis": "probe"}):
        assert read_rule(RuleSettings("r", "accuracy < 50%", where={"subject": "performance"} | where)).concerns(whole)
    assert not read_rule(RuleSettings("r", "accuracy < 50%", where={"subject": "performance"})).concerns(whole)
    (mute, _) = of_logs([window("latest", 0.3, "probe")], probes=[ProbeState(name="fraud", target="ranker", why="no answer: refused")])
    assert mute.silent == "no answer: refused"
    beside = of_logs([window("30m", 0.9), window("latest", 0.3, "probe")], probes=[probe])
    assert [one.name for one in beside] == ["fraud", "fraud", "fraud (probe)", "fraud (probe)"]  # never one alert for both
    (named,) = [rule for rule in rules_of(Settings()) if rule.name == "probe"]
    assert named.concerns(latest)
    assert not named.concerns(whole)


def judged(state: str, sentence: str) -> list[Subject]:
    quality = Quality(name="fraud", task="binary", key="accuracy", state=state, sentence=sentence)  # type: ignore[arg-type]
    return of_logs([window("5m", 0.8), window("5m", 0.5, "estimated"), window("5m", 0.5, slice_="long")], [quality])


def test_the_built_in_rule_says_what_the_log_says_of_itself() -> None:
    (rule,) = [rule for rule in rules_of(Settings()) if rule.name == "quality"]
    assert rule.severity == "warning"
    assert "accuracy" not in {one.name for one in rules_of(Settings())}
    book = AlertBook([rule], flap_window_s=600.0, no_data_hold_s=60.0, ack_for_s=3600.0)
    said = "accuracy of fraud is 81 %, below 85 % for 5 minutes"
    told = []
    for step, (state, sentence) in enumerate(
        [("OK", "fine"), ("FALLING", said), ("DECAYED", said), ("UNKNOWN", "no labels"), ("OK", "fine")]
    ):
        changes = book.evaluate(judged(state, sentence), 1000.0 + step, 1000.0 + step)
        told += [(change.episode.target, change.episode.state, change.episode.summary) for change in changes]
    fired = [one for one in told if one[1] == "firing"]
    assert {one[0] for one in told} == {"fraud"}
    assert fired[0] == ("fraud", "firing", said)
    assert [one[1] for one in told if one[1] != "firing"] == ["resolved"]


@pytest.mark.parametrize(
    ("when", "where", "window_"),
    [
        ("accuracy[5m] < 90%", {}, "5m"),
        ("accuracy < 90%", {"window": "3h"}, "3h"),
        ("accuracy < 90%", {}, "30m"),
        ("latency.p95 > 1s", {}, "1m"),
        ("kv_cache.used > 90%", {}, ""),
    ],
)
def test_a_rule_knows_its_window(when: str, where: dict[str, str], window_: str) -> None:
    assert read_rule(RuleSettings("r", when, where=where)).window == window_


# -- check ------------------------------------------------------------------------------------------------------------------------------

LOG = '[[predictions]]\nname = "fraud"\npath = "x.jsonl"\ncounters = {clicks = "clicked"}\n'


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ('when = "accuracy[5m] < 90% and accuracy[3h] < 92%"\nwhere = {subject = "performance"}', 0, ""),
        ('when = "f1.macro[30m] < 80% and n.labelled[30m] > 100"', 0, ""),
        ('when = "business.clicks[3h] < 10%"', 0, ""),
        ('when = "business.clicks.sum < 10"', 0, ""),
        ('when = "log_loss[24h] > 0.5 and label.coverage[24h] > 80%"', 0, ""),
        ('when = "accuracy[deploy] < accuracy[all] - 2%"', 0, ""),
        ('when = "accuracy < 85%"\nwhere = {subject = "slice", slice = "long"}', 0, ""),
        ('when = "state == DECAYED"', 0, ""),
        ('when = "state == FALLING"\nwhere = {subject = "performance", basis = "probe"}', 0, ""),
        ('when = "business.click < 10%"', 78, "rules.1.when: unknown key 'business.click' (did you mean business.clicks?)"),
        ('when = "accuracy[7d] < 10%"', 78, "rules.1.when: unknown window '7d'"),
        ('when = "accuracy[5m] < 3"', 78, "rules.1.when: accuracy[5m] is a ratio 0..1: write 3%"),
        ('when = "accuracy < 50% and latency.p95 > 1s"', 0, "can never fire: nothing has accuracy and latency.p95 together"),
        ('when = "state == SLOW"\nwhere = {subject = "performance"}', 78, "rules.1.when: state is never 'SLOW'"),
    ],
)
def test_check_knows_the_numbers_of_models(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, code: int, said: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'{LOG}[[rules]]\nname = "r"\n{rule}\n')
    assert main(["check", str(path)]) == code
    told = capsys.readouterr().err
    assert said in told
    assert bool(told) == bool(said)


def test_a_number_of_quality_may_be_a_gauge_of_a_server_or_an_answer_to_a_query(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    target = '[[targets]]\nname = "mine"\nurl = "http://127.0.0.1:9"\nkind = "prometheus"\n[targets.map]\n'
    target += '"accuracy" = "my_accuracy"\n"request.rate" = "rate(my_requests_total)"\n'
    rule = '[[rules]]\nname = "r"\nwhen = "accuracy < 50% and request.rate > 1/s"\n'
    path.write_text("[discovery]\nenabled = false\n" + target + rule)
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().err == ""
    queries = '[[prometheus]]\nname = "central"\nurl = "http://127.0.0.1:9"\n[prometheus.queries]\n"accuracy" = "avg(a)"\n"conversion" = "avg(b)"\n'
    path.write_text(queries + '[[rules]]\nname = "r"\nwhen = "accuracy < 50% and conversion < 0.1"\n')
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().err == ""


def test_a_rule_may_ask_for_what_a_log_counts() -> None:
    log = PredictionSettings("shop", counters={"clicks": "clicked"})
    rules = [RuleSettings("few", "business.clicks[3h] < 10%", where={"subject": "performance"})]
    (few, *_) = rules_of(Settings(predictions=[log], rules=rules))
    assert few.keys == ("business.clicks",)


def test_rules_are_tried_on_a_table_of_qualities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.toml").write_text('[[rules]]\nname = "fast"\nwhen = "accuracy[5m] < 90% and accuracy[3h] < 92%"\n')
    (tmp_path / "t.csv").write_text("time,target,accuracy[5m],accuracy[3h]\n1000,fraud,95%,95%\n1010,fraud,80%,91%\n1020,fraud,95%,91%\n")
    assert main(["rules", "test", str(tmp_path / "t.csv"), "--rules", str(tmp_path / "rules.toml")]) == 0
    said = capsys.readouterr().out
    assert "FIRING    warning  fast  fraud" in said
    assert "RESOLVED" in said
