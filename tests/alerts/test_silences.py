"""Silences: what they mean, what they refuse, who made them, when they end."""

from __future__ import annotations

import time

import pytest
from book_runs import NOW, T0, Run, chat
from msgspec.structs import replace

from tui_monitor.alerts.silence_match import MatchError, line_of, matches, read_match, said_match
from tui_monitor.alerts.silences import Silences
from tui_monitor.model import AddSilence, Episode, ExpireSilence, Silence, utc

SERVER = Episode(
    id="abc12345",
    rule="stalled",
    kind="target",
    target="chat-1",
    severity="critical",
    state="firing",
    since_s=T0,
    for_s=0,
    last_true_s=T0,
    fired_s=T0,
    labels={"kind": "vllm", "model": "llama 3", "zone": "b"},
)
GPU = replace(SERVER, rule="gpu-hot", kind="gpu", target="gpu0", labels={"gpu": "0", "source": "nvml"})
SIGNAL = replace(SERVER, rule="drift", kind="signal", target="orders/age", labels={"signal": "age", "target": "orders"})


@pytest.mark.parametrize(
    ("match", "episode", "holds"),
    [
        ("rule=stalled", SERVER, True),
        ("rule=stall", SERVER, False),
        ("rule=Stalled", SERVER, False),
        ("rule!=down", SERVER, True),
        ("rule!=stalled", SERVER, False),
        ("target=~chat-.*", SERVER, True),
        ("target=~chat", SERVER, False),  # the whole value
        ("target=~hat-1", SERVER, False),
        ("target=chat-1 severity=critical", SERVER, True),
        ("target=chat-1 severity=warning", SERVER, False),  # all must hold
        ("kind=vllm", SERVER, True),
        ("kind=target", SERVER, True),
        ("kind!=vllm", SERVER, False),
        ("kind!=target", SERVER, False),
        ('model="llama 3"', SERVER, True),
        ("model=~llama.*", SERVER, True),
        ("model!=llama", SERVER, True),
        ("label.zone=b", SERVER, True),
        ("label.zone=~[a-c]", SERVER, True),
        ("label.rack=1", SERVER, False),
        ('label.rack=""', SERVER, True),  # what is not there is empty
        ('label.zone!=""', SERVER, True),
        ("gpu=gpu0", GPU, True),
        ("gpu=0", GPU, True),
        ("gpu=1", GPU, False),
        ("gpu=0", SERVER, False),
        ("signal=age", SIGNAL, True),
        ("signal=orders/age", SIGNAL, True),
        ("target=orders", SIGNAL, True),
        ("target!=orders", SIGNAL, False),
        ("signal=age", GPU, False),
        ('target="chat-1"   rule=stalled', SERVER, True),
    ],
)
def test_what_a_match_means(match: str, episode: Episode, holds: bool) -> None:
    read = read_match(match)
    assert matches(read, episode) is holds
    assert read_match(said_match(read)) == read


@pytest.mark.parametrize(
    ("match", "column", "message"),
    [
        ("", 1, "say what to silence: key=value, key!=value or key=~regex"),
        ("   ", 1, "say what to silence"),
        ("rle=x", 1, "unknown key 'rle' (did you mean rule?); known: rule target kind model severity signal gpu label.NAME"),
        ("rule=x tagret=y", 8, "unknown key 'tagret'"),
        ("label.=x", 1, "unknown key 'label.'"),
        ("rule", 5, "after 'rule' must stand = or != or =~"),
        ("rule stalled", 5, "after 'rule' must stand"),
        ("=x", 1, "a key must stand here, not '='"),
        ("rule==x", 5, "unknown sign == (did you mean =?)"),
        ("rule:x", 5, "unknown sign : (did you mean =?)"),
        ("target!~x", 7, "unknown sign !~ (did you mean !=?)"),
        ("rule=", 6, 'a value must stand here; "" is the empty one'),
        ("rule= x", 6, "a value must stand here"),
        ('rule="x', 6, "the quote must end the value"),
        ('rule="x"y', 6, "the quote must end the value"),
        ("target=~chat(", 13, "no regular expression"),
        ("rule=a target=~[", 16, "no regular expression"),
        ("severity=critcal", 10, "unknown severity 'critcal' (did you mean critical?)"),
        ("target=~(a+)+", 13, "a repeat of something that repeats"),
        ("target=~(a|a)*b", 14, "a repeat of something that repeats, or that has alternatives"),
        ("target=~a*a*a*a*a*b", 9, "more than 4 repeats"),
        ("rule=" + "x" * 501, 6, "at most 500"),
        (" ".join(["rule=x"] * 21), 141, "more than 20 conditions"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_column(match: str, column: int, message: str) -> None:
    with pytest.raises(MatchError) as caught:
        read_match(match)
    assert message in str(caught.value)
    assert caught.value.column == column


def test_a_star_in_a_class_repeats_nothing() -> None:
    assert matches(read_match("target=~chat-[*+(0-9]"), SERVER)
    assert matches(read_match(r"target=~(chat\-1)+"), SERVER)


def test_the_worst_regular_expression_that_is_allowed_is_quick() -> None:
    read = read_match("target=~.*a.*a.*a.*b")
    long = replace(SERVER, target="a" * 200)
    before = time.perf_counter()
    assert not matches(read, long)
    assert time.perf_counter() - before < 5


def test_the_words_of_a_command_line_become_one_line() -> None:
    words = ["model=llama 3", "rule=~a|b", 'label.x=say "hi"', 'target="x y"', "odd word"]
    line = line_of(words)
    assert line == 'model="llama 3" rule=~a|b label.x="say \\"hi\\"" target="x y" odd word'
    assert [matcher.text for matcher in read_match(line_of(words[:4]))] == ["llama 3", "a|b", 'say "hi"', "x y"]


# -- acts ---------------------------------------------------------------------------------------------------------------------------


def test_a_silence_needs_a_reason_and_an_end() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    assert run.act(1, AddSilence("target=chat", "")) == "a silence needs a reason"
    assert run.act(1, AddSilence("target=chat", "why")) == "a silence needs an end"
    for for_s in (0.0, -1.0, 1e9, float("nan")):
        assert run.act(1, AddSilence("target=chat", "why", for_s=for_s)) == "a silence ends in the future, within a year"
    assert run.act(1, AddSilence("target chat", "why", for_s=60.0)).startswith("column 7: after 'target'")
    assert run.silences == {}


def test_a_silence_hides_and_is_written_into_the_journal_of_what_it_hides() -> None:
    run = Run(NOW)
    first = run.at(0, chat(2.0))
    assert first is not None
    said = run.act(1, AddSilence("target=chat", "cleanup tonight", for_s=3600.0))
    (silence,) = run.silences.values()
    assert said == f"{silence.id} hides for 60 min, 1 alert now"
    assert [(line.episode, line.what, line.who) for line in run.lines[-2:]] == [
        (silence.id, "silenced", "alice"),
        (first.id, "silenced", "alice"),
    ]
    hidden = run.at(10, chat(2.0))
    assert hidden is not None
    assert (hidden.state, hidden.silenced) == ("firing", silence)
    open_again = run.at(3601, chat(2.0))
    assert open_again is not None
    assert open_again.silenced is None


def test_a_silence_is_there_after_a_restart_and_ends_when_it_was_to_end() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.act(1, AddSilence("target=chat", "cleanup", until_s=T0 + 100))
    after = run.restarted()
    assert after.at(99, chat(2.0)).silenced is not None  # type: ignore[union-attr]
    assert after.at(100, chat(2.0)).silenced is None  # type: ignore[union-attr]


def test_the_same_again_prolongs_ones_own_and_tells_who_was_first() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.act(1, AddSilence("target=chat", "cleanup", for_s=60.0))
    assert run.act(13, AddSilence("target=chat", "me too", for_s=60.0), "bob") == "silenced by alice 12 s ago, for 48 s more"
    assert " goes on for 2 h" in run.act(20, AddSilence("target=chat", "longer", for_s=7200.0))
    (silence,) = run.silences.values()
    assert (silence.until, silence.comment) == (utc(T0 + 20 + 7200), "longer")


def test_anybody_may_expire_one_and_the_journal_says_who() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    run.act(1, AddSilence("target=chat", "cleanup", for_s=600.0))
    (identity,) = run.silences
    assert run.act(5, ExpireSilence(identity[:5]), "bob") == f"silence {identity} ended: target=chat"
    assert (run.lines[-1].what, run.lines[-1].who, run.lines[-1].text) == ("silence-expired", "bob", "target=chat, was alice's")
    assert run.worst(6).silenced is None  # type: ignore[union-attr]
    assert run.act(65, ExpireSilence(identity)) == f"silence {identity} ended 60 s ago"
    assert run.act(66, ExpireSilence("snope")) == "no silence 'snope'"


def test_what_could_not_be_made_durable_hides_nothing() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0))
    (proposal,) = run.book.propose(AddSilence("target=chat", "cleanup", for_s=60.0), "alice", T0 + 1)
    assert proposal.writes
    assert run.worst(1).silenced is None  # type: ignore[union-attr]
    run.book.withdraw(proposal)
    assert run.worst(2).silenced is None  # type: ignore[union-attr]


def test_the_list_is_in_force_first_and_forgets_after_a_day() -> None:
    run = Run(NOW)
    run.at(0)
    run.act(1, AddSilence("target=a", "x", for_s=500.0))
    run.act(2, AddSilence("target=b", "x", for_s=100.0))
    run.act(3, AddSilence("target=c", "x", for_s=50.0))
    assert [silence.match for silence in run.book.silences.listed(T0 + 60)] == ["target=b", "target=a", "target=c"]
    run.at(86400 + 110)
    assert [silence.match for silence in run.book.silences.listed(T0 + 86400 + 110)] == ["target=a"]


def test_a_kept_silence_that_cannot_be_read_hides_nothing() -> None:
    silences = Silences([Silence("bob", utc(T0), utc(T0 + 60), "x", "s1", "tagret=chat")])
    assert silences.over(SERVER, T0 + 1) is None
    assert len(silences.listed(T0 + 1)) == 1


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.alerts.silences.MOST", 2)
    run = Run(NOW)
    run.at(0)
    for name in "ab":
        run.act(1, AddSilence(f"target={name}", "x", for_s=60.0))
    assert run.act(2, AddSilence("target=c", "x", for_s=60.0)) == "2 silences are in force; expire some first"
    assert "hides" in run.act(100, AddSilence("target=c", "x", for_s=60.0))


# -- preview ------------------------------------------------------------------------------------------------------------------------


def test_a_preview_says_what_it_hides_now_and_would_have_hidden_in_the_last_day() -> None:
    run = Run(NOW)
    run.at(0, chat(2.0, name="a1"), chat(2.0, name="a2"), chat(2.0, name="b"))
    run.at(10, chat(0.1, name="a1"), chat(2.0, name="a2"), chat(2.0, name="b"))
    preview = run.book.preview("target=~a.", T0 + 20)
    assert ([alert.target for alert in preview.now], sorted(alert.target for alert in preview.last24h)) == (["a2"], ["a1", "a2"])
    later = run.book.preview("target=~a.", T0 + 10 + 86401)
    assert [alert.target for alert in later.last24h] == ["a2"]
    wrong = run.book.preview("tagret=a", T0 + 20)
    assert (wrong.column, wrong.now, wrong.error[:19]) == (1, [], "unknown key 'tagret")
    assert run.silences == {}
