"""Which subjects a rule is about, what it says, and what the check refuses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_monitor.alerts.rules import BUILT_IN, RuleError, check_disabled, check_rules, lookup, read_rule, rules_of, say_value
from tui_monitor.config import AlertSettings, PrometheusSettings, RuleSettings, Settings
from tui_monitor.model import Subject, clean

VLLM = Subject("target", "chat", {"latency.p95": 0.6, "kv_cache.used": None}, state="OK", labels={"kind": "vllm", "model": "llama"})
TRITON = Subject("target", "ranker", {"latency.mean": 0.6}, state="OK", labels={"kind": "triton"})
GPU = Subject("gpu", "gpu0", {"gpu.temperature": 60.0}, state="OK")
SIGNAL = Subject("signal", "chat/ttft", {"drift.evidence": -2.0}, state="stable", labels={"source": "chat", "signal": "ttft"})
QUERY = Subject("query", "central", {"checkout.conversion": 0.2})
MODEL = Subject("model", "chat/llama", {"latency.p95": 0.6}, state="FAILED", labels={"kind": "vllm", "model": "llama", "target": "chat"})
SLICE = Subject("slice", "mood/long", {"accuracy": 0.6}, state="OK", labels={"source": "mood", "slice": "long", "window": "30m"})
ALL = (VLLM, TRITON, GPU, SIGNAL, QUERY, MODEL, SLICE)


@pytest.mark.parametrize(
    ("when", "where", "names"),
    [
        ("latency.p95 > 1s", {}, ["chat"]),
        ("kv_cache.used > 90%", {}, ["chat"]),  # counted, though absent now
        ("latency.p95 > 1s or latency.mean > 1s", {}, []),  # nobody has both
        ("state == STALLED", {}, ["chat", "ranker"]),
        ("state == LOST", {}, ["gpu0"]),
        ("state == drift", {}, ["chat/ttft"]),
        ("state == OK", {"subject": "target"}, ["chat", "ranker"]),
        ("state == OK", {"subject": "gpu"}, ["gpu0"]),
        ("state == DOWN", {"kind": "triton"}, ["ranker"]),
        ("state == DOWN", {"name": "chat"}, ["chat"]),
        ("state == DOWN", {"target": "chat"}, ["chat"]),
        ("state == DOWN", {"target": "chat", "kind": "triton"}, []),
        ("state == DOWN", {"model": "llama"}, ["chat"]),
        ("state == DOWN", {"label.model": "llama"}, ["chat"]),
        ("state == HUNG", {"gpu": "gpu0"}, ["gpu0"]),
        ("state == HUNG", {"gpu": "gpu1"}, []),
        ("state == watch", {"source": "chat", "signal": "ttft"}, ["chat/ttft"]),
        ("checkout.conversion < 10%", {}, ["central"]),
        # parts only where they are named
        ("latency.p95 > 1s", {"subject": "model"}, ["chat/llama"]),
        ("latency.p95 > 1s", {"subject": "model", "target": "chat"}, ["chat/llama"]),
        ("latency.p95 > 1s", {"subject": "model", "kind": "triton"}, []),
        ("state == FAILED", {"subject": "model"}, ["chat/llama"]),
        ("accuracy < 50%", {}, []),
        ("accuracy < 50%", {"subject": "slice", "window": "30m"}, ["mood/long"]),
        # windows, shares above a bound, absence: whatever has the key
        ("latency.p95[24h] > 1s", {}, ["chat"]),
        ("absent(kv_cache.used)", {}, ["chat"]),
        # other signs
        ("state == DOWN", {"kind": "!= triton"}, ["chat"]),
        ("state == DOWN", {"kind": "!=triton"}, ["chat"]),
        ("state == DOWN", {"target": "=~ chat|rank.*"}, ["chat", "ranker"]),
        ("state == DOWN", {"target": "=~ rank"}, []),  # the whole name
        ("state == DOWN", {"target": "!~ rank.*"}, ["chat"]),
        ("state == DOWN", {"model": "!= llama"}, ["ranker"]),  # a label that is not there is empty
    ],
)
def test_concerns(when: str, where: dict[str, str], names: list[str]) -> None:
    rule = read_rule(RuleSettings("r", when, where=where), ["checkout.conversion"])
    assert [subject.name for subject in ALL if rule.concerns(subject)] == names


@pytest.mark.parametrize(
    ("settings", "column", "message"),
    [
        (RuleSettings("r", "latency.p59 > 1s"), 1, "when: unknown key 'latency.p59'"),
        (RuleSettings("r", "latency.p95 > 1"), 15, "when: latency.p95 is a time"),
        (RuleSettings("r", "latency.p95 > 1s", clear="latency.p95 < 1GiB"), 15, "clear: 1GiB does not fit"),
        (RuleSettings("r", "latency.p95 > 1s", for_="1 minute"), 0, "for: '1 minute' is no duration"),
        (RuleSettings("r", "latency.p95 > 1s", for_="90d"), 0, "for: at most 7d"),
        (RuleSettings("r", "latency.p95 > 1s", severity="crit"), 0, "severity: unknown 'crit' (did you mean critical?)"),
        (RuleSettings("r", "latency.p95 > 1s", where={"knd": "vllm"}), 0, "where: unknown key 'knd' (did you mean kind?)"),
        (RuleSettings("r", "latency.p95 > 1s", where={"subject": "server"}), 0, "where: unknown subject"),
        (RuleSettings("r", "latency.p95 > 1s", where={"subject": "!= target"}), 0, "where: unknown subject"),
        (RuleSettings("r", "latency.p95 > 1s", where={"model": "=~ ["}), 0, "where: model: '[' is no regular expression"),
        (RuleSettings("r", "latency.p95 > 1s", where={"model": "=~ " + "x" * 300}), 0, "where: model: the regular expression is longer"),
        (RuleSettings("r", "state == LOST", where={"subject": "target"}), 10, "when: state is never 'LOST'"),
        (RuleSettings("r", "latency.p95 > 1s", keep_firing_for="soon"), 0, "keep_firing_for: 'soon' is no duration"),
        (RuleSettings("r", "latency.p95 > 1s", runbook="\x1b[2J"), 0, "runbook: must be a URL or a text"),
        (
            RuleSettings("r", "latency.p95 > 1s", summary="p50 {latncy.p95}"),
            5,
            "unknown placeholder {latncy.p95} (did you mean latency.p95?)",
        ),
        (RuleSettings("r", "latency.p95 > 1s", summary="x" * 501), 501, "summary: longer than 500"),
        (RuleSettings("r", "error.ratio[20m] > 1%"), 13, "when: unknown window '20m'"),
        (RuleSettings("r", "latency.p95 > 1s", summary="p95 is {vlaue}"), 8, "summary: unknown placeholder {vlaue} (did you mean value?)"),
        (RuleSettings("r", "latency.p95 > 1s", summary="{value:>10}"), 1, "summary: unknown placeholder"),
        (RuleSettings("r", "latency.p95 > 1s", summary="{value.__class__}"), 1, "summary: unknown placeholder"),
        (RuleSettings("r", "latency.p95 > 1s", summary="{value"), 0, "summary: "),
        (RuleSettings("r", "latency.p95 > 1s", summary="\x1b[2J"), 0, "summary: holds a control character"),
        (RuleSettings("a\nb", "latency.p95 > 1s"), 0, "name: "),
        (RuleSettings(" ", "latency.p95 > 1s"), 0, "name: "),
        (RuleSettings("r", "state == OK"), 0, 'where = {subject = "gpu" or "performance" or "target"}'),
        (RuleSettings("r", "state == STALLED or state == LOST"), 0, "say whose state"),
        (RuleSettings("r", "checkout.conversion < 1"), 1, "unknown key 'checkout.conversion'"),
    ],
)
def test_check_names_rule_and_column(settings: RuleSettings, column: int, message: str) -> None:
    good = RuleSettings("good", "latency.p95 > 1s")
    (fault,) = check_rules([good, settings])
    assert (fault.rule, fault.column) == (1, column)
    assert message in fault.message
    with pytest.raises(RuleError, match=r"^(when|clear|for|keep_firing_for|severity|where|summary|runbook|name): "):
        rules_of(Settings(rules=[good, settings]))


def test_a_query_of_a_configured_prometheus_is_a_key() -> None:
    prometheus = PrometheusSettings("central", "http://127.0.0.1:9090", queries={"checkout.conversion": "avg(x)"})
    rules = rules_of(Settings(prometheus=[prometheus], rules=[RuleSettings("sales", "checkout.conversion < 1%")]))
    assert "sales" in {rule.name for rule in rules}


def test_built_in_rules_are_in_force_and_calm() -> None:
    rules = rules_of(Settings())
    assert len(rules) == len(BUILT_IN)
    assert {"stalled", "down", "stale", "errors", "kv-cache", "gpu-lost", "gpu-hung", "gpu-hot", "gpu-ecc", "disk", "memory", "drift"} <= {
        rule.name for rule in rules
    }
    (stalled,) = [rule for rule in rules if rule.name == "stalled"]
    assert (stalled.for_s, stalled.severity) == (30.0, "critical")
    for rule in rules:
        assert rule.built_in
        assert rule.summary
        if rule.clear:
            assert rule.clear.names == rule.when.names


def test_models_that_are_not_ready_are_a_built_in_warning() -> None:
    (rule,) = [rule for rule in rules_of(Settings()) if rule.name == "models-unready"]
    broken = Subject("target", "repo", {"models.unready": 1.0}, state="OK")
    assert rule.concerns(broken)
    assert (rule.severity, rule.for_s) == ("warning", 600.0)
    assert rule.when.truth(lookup(broken).get) is True
    assert rule.when.truth(lookup(Subject("target", "repo", {"models.unready": 0.0})).get) is False
    assert rule.when.truth(lookup(Subject("target", "repo", {"models.unready": None})).get) is None


def test_drift_of_latency_is_no_built_in_alert() -> None:
    (rule,) = [rule for rule in rules_of(Settings()) if rule.name == "drift"]
    drifted = {
        role: Subject("signal", role, {}, state="drift", labels={"role": role}) for role in ("input", "score", "latency", "performance")
    }
    assert [role for role, subject in drifted.items() if rule.concerns(subject)] == ["input", "score"]


def test_a_rule_of_the_same_name_takes_the_place_of_every_built_in_level() -> None:
    rules = rules_of(Settings(rules=[RuleSettings("errors", "error.ratio > 50%")]))
    assert [(rule.severity, rule.built_in) for rule in rules if rule.name == "errors"] == [("warning", False)]


def test_disable_by_name() -> None:
    settings = Settings(alerts=AlertSettings(disable=["stalled", "mine"]), rules=[RuleSettings("mine", "latency.p95 > 1s")])
    assert not {"stalled", "mine"} & {rule.name for rule in rules_of(settings)}
    assert check_disabled(["stalled", "mine"], settings.rules) == []
    assert check_disabled(["staled"]) == ["unknown rule 'staled' (did you mean stalled?)"]


def test_levels_of_one_name_differ_in_severity() -> None:
    levels = [RuleSettings("slow", "latency.p95 > 1s"), RuleSettings("slow", "latency.p95 > 9s", severity="critical")]
    assert check_rules(levels) == []
    assert "has a level 'warning' already" in check_rules([levels[0], levels[0]])[0].message


def test_the_summary_is_filled_and_cleaned() -> None:
    subject = Subject("target", "chat", {"latency.p95": 0.6126}, state="SLOW", why="look \x1b[31mhere")
    rule = read_rule(RuleSettings("slow", "latency.p95 > 1s", summary="{severity} {rule} {target} {state} {value}: {why} {{x}}"))
    assert rule.sentence(subject, 0.6126) == "warning slow chat SLOW 613 ms: look here {x}"
    bare = read_rule(RuleSettings("slow", "latency.p95 > 1s"))
    assert bare.sentence(subject, 0.6126) == "chat: latency.p95 > 1s (now 613 ms)"
    unknown = read_rule(RuleSettings("slow", "state == SLOW", summary="{target} is slow: {why}"))
    assert unknown.sentence(Subject("target", "chat", {}, state="SLOW"), None) == "chat is slow"


def test_the_summary_shows_any_number_with_its_unit() -> None:
    windows = {"24h": {"latency.p95": 0.2}}
    subject = Subject(
        "target", "chat", {"latency.p95": 0.6, "error.ratio": 0.02, "queue.length": None}, windows=windows, labels={"model": "llama"}
    )
    text = "{value} over {threshold} in {window} ({latency.p95[24h]} a day); {error.ratio} of {model}, {queue.length} wait, {slice}"
    rule = read_rule(RuleSettings("slow", "latency.p95 > 2 * latency.p95[24h]", summary=text))
    assert rule.threshold(subject) == 0.4
    assert rule.sentence(subject, 0.6) == "600 ms over 400 ms in 1m (200 ms a day); 2 % of llama, – wait, –"


def test_a_value_is_never_read_as_a_placeholder() -> None:
    subject = Subject("target", "{rule}", {}, state="SLOW", why="{value} {")
    rule = read_rule(RuleSettings("slow", "state == SLOW", summary="{target} {why}"))
    assert rule.sentence(subject, None) == "{rule} {value} {"


@pytest.mark.parametrize(
    ("when", "window", "threshold"),
    [
        ("latency.p95 > 500ms", "1m", 0.5),
        ("500ms < latency.p95", "1m", 0.5),
        ("not latency.p95 < 500ms", "1m", 0.5),
        ("latency.p95[24h] > 1s and latency.p95 > 2s", "24h", 1.0),
        ("latency.p95 - latency.p95[24h] > 1s", "1m", None),  # held against nothing by itself
        ("kv_cache.used > 90%", "", 0.9),
        ("latency.p95 above usual ceiling 2s", "1m", None),
        ("absent(latency.p95)", "1m", None),
        ("state == SLOW", "", None),
    ],
)
def test_window_and_threshold_of_what_is_shown(when: str, window: str, threshold: float | None) -> None:
    rule = read_rule(RuleSettings("r", when))
    assert (rule.window, rule.threshold(VLLM)) == (window, threshold)


def test_of_the_silent_only_their_silence_is_known() -> None:
    silent = Subject(
        "target",
        "chat",
        {"latency.p95": 0.6, "scrape.up": 0.0, "state.age": 9.0},
        "DOWN",
        silent="refused",
        windows={"5m": {"latency.p95": 0.6}},
    )
    values = {name: lookup(silent).get(name) for name in ("latency.p95", "latency.p95[5m]", "scrape.up", "state.age", "state")}
    assert values == {"latency.p95": None, "latency.p95[5m]": None, "scrape.up": 0.0, "state.age": 9.0, "state": "DOWN"}


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "s", "–"),
        (0.0, "s", "0 s"),
        (0.0421, "s", "42.1 ms"),
        (90.0, "s", "90 s"),
        (600.0, "s", "10 min"),
        (0.9712, "ratio", "97.1 %"),
        (3 * 2.0**30, "B", "3 GiB"),
        (512.0, "B", "512 B"),
        (2.5 * 2**20, "B/s", "2.5 MiB/s"),
        (12.34, "/s", "12.3/s"),
        (91.0, "°C", "91 °C"),
        (12345.0, "", "12345"),
    ],
)
def test_values_in_sentences(value: float | None, unit: str, said: str) -> None:
    assert say_value(value, unit) == said


TEXTS = st.text(alphabet="latency.p95 >=<!()andor{}[]!:0123456789ms%/~^*\\\x1b\n\"'", max_size=40)


@settings(deadline=None, max_examples=300)
@given(TEXTS, TEXTS, TEXTS, TEXTS, st.sampled_from(["model", "kind", "subject", "label.x", "", "name"]))
def test_any_texts_make_a_rule_or_a_fault_inside_them(when: str, slo: str, summary: str, value: str, key: str) -> None:
    subject = Subject("target", "chat", {"latency.p95": 0.6}, state="OK")
    for settings_ in (
        RuleSettings("r", when, clear=when, where={key: value}, summary=summary),
        RuleSettings("r", "latency.p95 > 1s", where={key: value}),
        RuleSettings("r", "latency.p95 > 1s", summary=summary, runbook=value, for_=value),
        RuleSettings("r", slo=slo),
    ):
        faults = check_rules([settings_])
        for fault in faults:
            text = {"when": when, "clear": when, "summary": summary, "slo": slo}.get(fault.message.partition(":")[0], "")
            assert 0 <= fault.column <= len(text) + 1
        if not faults:
            rule = read_rule(settings_)
            assert rule.concerns(subject) in (True, False)
            assert clean(rule.sentence(subject, rule.value(subject))) == rule.sentence(subject, rule.value(subject))
