"""What was confirmed is on disk; two acts at once have one winner; what cannot be used is said in one line."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tui_monitor.model import Ack, Episode, JournalEntry, Outgoing, Silence, utc
from tui_monitor.store.database import (
    Batch,
    Database,
    Kept,
    StoreError,
    Written,
    open_readonly,
    read_episodes,
    read_journal,
    read_silences,
)
from tui_monitor.store.mounts import network_of
from tui_monitor.store.reading import Reader
from tui_monitor.store.unsaved import Unsaved

Make = Callable[..., Episode]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "episodes.sqlite"


def entry(what: str, at_s: float = 1.0) -> JournalEntry:
    return JournalEntry(at_s, "abc12345", what, "alice", "text")


def test_what_is_committed_is_there_for_the_next_one(path: Path, episode: Make, t0: float) -> None:
    acked = episode(ack=Ack("alice", utc(t0), "mine", utc(t0 + 3600)))
    with closing(Database(path)) as database:
        database.commit([(episode(), [entry("pending", 1), entry("firing", 2)])]).result(10)
        database.commit([(acked, [entry("acked", 3)])]).result(10)
        assert database.episodes(0.0) == [acked]
    with closing(Database(path)) as database:
        assert database.episodes(0.0) == [acked]
        assert [line.what for line in database.journal()] == ["pending", "firing", "acked"]
        assert [line.what for line in database.journal(since_s=2)] == ["firing", "acked"]
        assert [line.what for line in database.journal(limit=1)] == ["acked"]


def test_a_kill_loses_nothing_that_was_confirmed(path: Path, episode: Make) -> None:
    script = (
        "import os, sys, signal, msgspec\n"
        "from pathlib import Path\n"
        "from tui_monitor.model import Episode, JournalEntry\n"
        "from tui_monitor.store.database import Database\n"
        "episode = msgspec.json.decode(sys.argv[2], type=Episode)\n"
        "Database(Path(sys.argv[1])).commit([(episode, [JournalEntry(1.0, episode.id, 'acked', 'alice')])]).result(10)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path), msgspec.json.encode(episode()).decode()], capture_output=True)
    assert ended.returncode == -9, ended.stderr
    with closing(Database(path)) as database:
        assert database.episodes(0.0) == [episode()]
        assert [line.what for line in database.journal()] == ["acked"]


def test_open_ones_and_what_ended_since_then(path: Path, episode: Make, t0: float) -> None:
    old = episode("old", state="resolved", ended_s=t0)
    new = episode("new", state="lost", ended_s=t0 + 100)
    with closing(Database(path)) as database:
        database.commit([(old, []), (new, []), (episode("open"), [])]).result(10)
        assert {one.id for one in database.episodes(t0 + 50)} == {"new", "open"}


def test_what_never_fired_leaves_no_trace(path: Path, episode: Make, t0: float) -> None:
    pending = episode(state="pending", fired_s=None)
    with closing(Database(path)) as database:
        database.commit([(pending, [])]).result(10)
        assert database.episodes(0.0) == [pending]
        database.commit([(replace(pending, state="resolved", ended_s=t0), [])]).result(10)
        assert database.episodes(0.0) == []


def test_one_of_many_acts_at_once_wins(path: Path, episode: Make, t0: float) -> None:
    """Two command lines without an engine: each decides on what is on disk at that moment."""

    def take(by: str) -> Callable[[Episode], tuple[str, tuple[Episode, Sequence[JournalEntry]] | None]]:
        def decide(found: Episode) -> tuple[str, tuple[Episode, Sequence[JournalEntry]] | None]:
            if found.ack:
                return f"acked by {found.ack.by}", None
            return "won", (replace(found, ack=Ack(by, utc(t0), "", utc(t0 + 60))), [entry("acked")])

        return decide

    with closing(Database(path)) as one, closing(Database(path)) as two:
        one.commit([(episode(f"e{i}"), []) for i in range(20)]).result(10)
        futures: list[Future[str | None]] = []
        for i in range(20):
            futures += [one.act(f"e{i}", take("alice")), two.act(f"e{i}", take("bob"))]
        answers = [future.result(20) for future in futures]
        assert one.act("nope", take("alice")).result(10) is None
        assert answers.count("won") == 20
        assert len([line for line in one.journal() if line.what == "acked"]) == 20


def test_states_are_kept_under_their_name(path: Path) -> None:
    with closing(Database(path)) as database:
        assert database.load_blob("drift") is None
        database.save_blob("drift", b"one")
        database.save_blob("drift", b"\x00two").result(10)
    with closing(Database(path)) as database:
        assert database.load_blob("drift") == b"\x00two"


def test_a_batch_is_all_or_nothing(path: Path, episode: Make) -> None:
    with closing(Database(path)) as database:
        database.commit([]).result(10)
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TRIGGER no BEFORE INSERT ON journal WHEN NEW.what = 'bad' BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
            other.commit()
        refused = database.commit([(episode(), [entry("good"), entry("bad")])])
        with pytest.raises(StoreError, match=r"^\S+episodes.sqlite: no space left on the disk$"):
            refused.result(10)
        assert database.episodes(0.0) == []
        assert database.journal() == []
        database.commit([(episode(), [entry("good")])]).result(10)
        assert len(database.episodes(0.0)) == 1


def test_the_journal_is_append_only(path: Path, episode: Make) -> None:
    with closing(Database(path)) as database:
        database.commit([(episode(), [entry("acked")])]).result(10)
    with closing(sqlite3.connect(path)) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("UPDATE journal SET who = 'mallory'")


def test_the_journal_is_bounded(path: Path, episode: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.store.rows.MOST_JOURNAL", 3)
    monkeypatch.setattr("tui_monitor.store.rows.MOST_ENDED", 2)
    with closing(Database(path)) as database:
        many = [(episode(f"e{i}", state="resolved", ended_s=float(i)), [entry(str(i))]) for i in range(6)]
        database.commit([*many, (episode("open"), [])]).result(10)
    with closing(Database(path)) as database:
        assert [line.what for line in database.journal()] == ["3", "4", "5"]
        assert {one.id for one in database.episodes(0.0)} == {"e3", "e4", "e5", "open"}


def test_the_file_is_ours_alone_and_a_link_is_replaced(path: Path, tmp_path: Path, episode: Make) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    with closing(Database(path)) as database:
        database.commit([(episode(), [])]).result(10)
        assert not path.is_symlink()
        ours = list(tmp_path.glob("episodes*"))
        assert len(ours) == 3  # with the write-ahead log and its index
        assert {stat.S_IMODE(file.stat().st_mode) for file in ours} == {0o600}
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"this is no database at all, but long enough to look like one", "damaged"), (b"SQLite format 3\x00" + b"\xff" * 200, "damaged")],
)
def test_a_damaged_file_is_said_and_left_alone(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=message) as caught:
        Database(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs(x)")
    with pytest.raises(StoreError, match="not a recording, snapshot or database of this program"):
        Database(path)


def test_a_newer_file_is_left_alone(path: Path) -> None:
    Database(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
        db.commit()
    with pytest.raises(StoreError, match="newer version"):
        Database(path)


def test_a_directory_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        Database(tmp_path / "nowhere" / "episodes.sqlite")


def test_a_closed_database_refuses(path: Path, episode: Make) -> None:
    database = Database(path)
    database.close()
    database.close()
    with pytest.raises(StoreError, match="closed"):
        database.commit([(episode(), [])]).result(1)


def test_reading_without_a_writer(path: Path, episode: Make) -> None:
    with closing(Database(path)) as database:
        database.commit([(episode(), [entry("firing")])]).result(10)
        with closing(open_readonly(path)) as db:
            assert read_episodes(db, 0.0) == [episode()]
            assert [line.what for line in read_journal(db, 0.0, 10)] == ["firing"]
            with pytest.raises(sqlite3.OperationalError):
                db.execute("DELETE FROM journal")
    with pytest.raises(StoreError, match="No such file"):
        open_readonly(path.with_name("other"))


# -- versions -----------------------------------------------------------------------------------------------------------------------

FIRST = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE episodes(
    id TEXT PRIMARY KEY, rule TEXT NOT NULL, target TEXT NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL,
    since_s REAL NOT NULL, fired_s REAL, ended_s REAL, episode TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE journal(
    number INTEGER PRIMARY KEY, at_s REAL NOT NULL, episode TEXT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL);
CREATE TRIGGER journal_stays BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TABLE states(name TEXT PRIMARY KEY, at_s REAL NOT NULL, data BLOB NOT NULL);
INSERT INTO meta VALUES('schema', '1');
INSERT INTO episodes VALUES('e1', 'stalled', 't0', 'critical', 'firing', 10.0, 40.0, NULL,
    '{"id":"e1","rule":"stalled","kind":"target","target":"t0","severity":"critical","state":"firing","since_s":10.0,"for_s":30.0,"last_true_s":50.0,
    "fired_s":40.0,"ack":{"by":"alice","at":"2025-10-09T08:53:20Z","comment":"","until":"2025-10-09T09:53:20Z"}}');
INSERT INTO journal VALUES(1, 40.0, 'e1', 'firing', '', 'text');
INSERT INTO states VALUES('strip', 1.0, x'00');
"""  # as the first version wrote it


@pytest.fixture
def first(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FIRST)
        db.execute(f"PRAGMA application_id = {0x7475696D}")
        db.commit()
    return path


def test_a_file_of_the_first_version_is_brought_up_to_date_and_loses_nothing(first: Path) -> None:
    with closing(Database(first)) as database:
        (one,) = database.episodes(0.0)
        assert (one.id, one.ack.by if one.ack else "", one.labels, one.told) == ("e1", "alice", {}, None)
        assert (database.journal()[0].what, database.load_blob("strip")) == ("firing", b"\x00")
        assert database.silences(0.0) == []
        database.commit(silences=[SILENCE]).result(10)
        assert database.silences(0.0) == [SILENCE]
    with closing(sqlite3.connect(first)) as db:
        assert db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == ("2",)


def test_a_file_of_the_first_version_is_read_as_it_is(first: Path) -> None:
    before = first.read_bytes()
    reader = Reader(first)
    assert len(reader.episodes(0.0)) == 1
    assert reader.silences(0.0) == []
    with closing(open_readonly(first)) as db:
        assert read_silences(db, 0.0) == []
    assert first.read_bytes() == before


# -- silences, history, outbox ------------------------------------------------------------------------------------------------------

SILENCE = Silence("alice", utc(1000.0), utc(2000.0), "cleanup", "s1234567", "target=chat")


def test_silences_are_kept_with_their_end(path: Path) -> None:
    with closing(Database(path)) as database:
        database.commit(silences=[SILENCE], journal=[JournalEntry(1000.0, SILENCE.id, "silenced", "alice", "x")]).result(10)
        assert database.silences(1999.0) == [SILENCE]
        assert database.silences(2001.0) == []
        ended = replace(SILENCE, expired_at=utc(1500.0), expired_by="bob")
        database.commit(silences=[ended]).result(10)
        assert database.silences(1499.0) == [ended]
        assert database.silences(1501.0) == []
        assert [(line.episode, line.who) for line in database.journal()] == [(SILENCE.id, "alice")]


def test_the_past_of_an_alert(path: Path, episode: Make, t0: float) -> None:
    with closing(Database(path)) as database:
        for number, (lasted_s, who) in enumerate([(60.0, "alice"), (600.0, "bob"), (120.0, "alice")]):
            at_s = t0 + 10_000 * number
            one = episode(f"e{number}", state="resolved", since_s=at_s, fired_s=at_s + 30, ended_s=at_s + 30 + lasted_s)
            database.commit([(one, [JournalEntry(at_s, one.id, what, who) for what in ("firing", "acked", "resolved")])]).result(10)
        now = episode("e9", since_s=t0 + 90_000, fired_s=t0 + 90_030)
        notes = [JournalEntry(t0, "e9", "firing"), JournalEntry(t0, "e9", "note", "raj", "the cable again")]
        other = [(episode("x1", target="t1"), []), (episode("x2", rule="down"), []), (episode("x3", kind="gpu"), [])]
        never = episode("p", state="pending", fired_s=None)
        database.commit([(now, notes), (never, []), *other]).result(10)

        assert [one.id for one in database.history("stalled", "target", "t0")] == ["e9", "e2", "e1", "e0"]
        assert [one.id for one in database.history("stalled", "target", "t0", 2)] == ["e9", "e2"]
        past = database.past("e9", 3)
        assert past is not None
        assert (past.rule, past.target, past.times, past.median_s) == ("stalled", "t0", 4, 120.0)
        assert past.since == utc(t0)
        assert [(one.id, one.lasted_s, one.who) for one in past.episodes] == [
            ("e9", None, []),
            ("e2", 120.0, ["alice"]),
            ("e1", 600.0, ["bob"]),
        ]
        assert [(line.what, line.text) for line in past.journal] == [("firing", ""), ("note", "the cable again")]
        assert database.past("nope") is None


def out(key: str, *, sink: str = "webhook", episode: str = "e1", what: str = "fired", next_s: float = 0.0) -> Outgoing:
    return Outgoing(sink, key, what, episode, 100.0, b"{}", next_s=next_s)


def test_a_notice_is_put_with_the_change_that_it_tells_of_or_not_at_all(path: Path, episode: Make) -> None:
    with closing(Database(path)) as database, closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TRIGGER t BEFORE INSERT ON journal WHEN NEW.what = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END")
        other.commit()
        with pytest.raises(StoreError):
            database.commit([(episode(), [entry("bad")])], outbox=[out("e1.1")]).result(10)
        assert database.due(1e9) == []
        database.commit([(episode(), [entry("firing")])], outbox=[out("e1.1"), out("e1.1", sink="alerta")]).result(10)
        database.put([out("e1.1")]).result(10)  # the same again, after a restart
        assert [(row.sink, row.key) for row in database.due(1e9)] == [("webhook", "e1.1"), ("alerta", "e1.1")]


def test_what_waits_is_sent_in_the_order_of_its_alert_and_not_before_its_time(path: Path) -> None:
    with closing(Database(path)) as database:
        database.put([out("e1.1"), out("e2.1", episode="e2", next_s=500.0), out("e1.2", what="resolved")]).result(10)
        (row,) = database.due(100.0)
        assert (row.key, row.state, row.attempts) == ("e1.1", "waiting", 0)
        assert database.waiting() == {"webhook": (3, "")}
        database.settle(replace(row, attempts=1, next_s=160.0, error="refused")).result(10)
        assert database.due(100.0) == []  # `resolved` does not overtake it
        assert database.waiting() == {"webhook": (3, "refused")}
        (again,) = database.due(160.0)
        assert (again.attempts, again.error) == (1, "refused")
        database.settle(replace(again, state="sent", attempts=2, error="")).result(10)
        assert [row.key for row in database.due(500.0)] == ["e2.1", "e1.2"]
        assert [(row.key, row.state) for row in database.outgoing("e1")] == [("e1.2", "waiting"), ("e1.1", "sent")]
        assert database.due(500.0, sink="alerta") == []
    with closing(Database(path)) as database:
        assert [row.key for row in database.due(500.0)] == ["e2.1", "e1.2"]


def test_the_outbox_is_bounded_and_says_what_it_gave_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.store.outbox.MOST_WAITING", 2)
    monkeypatch.setattr("tui_monitor.store.outbox.MOST_DONE", 1)
    with closing(Database(path)) as database:
        database.put([out(f"k{number}", episode=f"e{number}") for number in range(5)]).result(10)
    with closing(Database(path)) as database:
        assert [row.key for row in database.due(1e9)] == ["k3", "k4"]
        assert [(row.state, row.error) for row in database.outgoing("e2")] == [("given up", "too many were waiting")]
        assert database.outgoing("e0") == []


# -- several writers ----------------------------------------------------------------------------------------------------------------


def acked(by: str, t0: float, found: Episode) -> Written:
    return replace(found, ack=Ack(by, utc(t0), "", utc(t0 + 3600))), [JournalEntry(t0, found.id, "acked", by)]


def test_what_is_decided_on_the_kept_is_decided_on_the_newest(path: Path, episode: Make, t0: float) -> None:
    open_ = episode(since_s=t0)

    def take(by: str) -> Callable[[Kept], tuple[str, Batch | None]]:
        def decide(kept: Kept) -> tuple[str, Batch | None]:
            (found,) = kept.episodes
            if found.ack is not None:
                return found.ack.by, None
            return "won", Batch((acked(by, t0, found),), kept.silences and (), (), ())

        return decide

    with closing(Database(path)) as one, closing(Database(path)) as two:
        one.commit([(open_, [])]).result(10)
        answers = {one.decide(take("alice")).result(10), two.decide(take("bob")).result(10)}
        assert answers == {"won", "alice"}


def test_an_act_of_another_process_is_not_overwritten_by_what_the_engine_believed(path: Path, episode: Make, t0: float) -> None:
    with closing(Database(path)) as engine, closing(Database(path)) as verb:
        engine.keep([(episode(), [entry("firing")])]).result(10)
        verb.act("abc12345", lambda found: ("", acked("bob", t0, found))).result(10)
        engine.keep([(episode(value=2.0), [])]).result(10)  # a heartbeat of an engine that has not heard of it
        (there,) = engine.episodes(0.0)
        assert (there.value, there.ack.by if there.ack else "") == (2.0, "bob")
        with pytest.raises(StoreError, match="somebody acts on it from another process"):
            engine.commit([acked("alice", t0, episode())]).result(10)
        heard = engine.outside().result(10)
        assert [(one.id, one.ack.by if one.ack else "") for one in heard.episodes] == [("abc12345", "bob")]
        assert engine.outside().result(10).episodes == []
        engine.commit([acked("alice", t0, episode())]).result(10)  # now it knows, and takes over
        assert [line.who for line in engine.journal() if line.what == "acked"] == ["bob", "alice"]


def test_its_own_acts_are_no_news_to_an_engine(path: Path, episode: Make, t0: float) -> None:
    with closing(Database(path)) as engine:
        engine.keep([(episode(), [entry("firing")])]).result(10)
        engine.commit([acked("alice", t0, episode())]).result(10)
        assert engine.outside().result(10) == Kept([], [])


def test_silences_of_another_process_are_heard_of(path: Path) -> None:
    silence = replace(SILENCE, until=utc(4e9))
    with closing(Database(path)) as engine, closing(Database(path)) as verb:
        assert engine.outside().result(10) == Kept([], [])
        verb.commit(silences=[silence], journal=[JournalEntry(1.0, silence.id, "silenced", "bob")]).result(10)
        assert engine.outside().result(10).silences == [silence]


def test_another_writer_that_does_not_end_is_said_in_time(path: Path, episode: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.store.files.BUSY_S", 0.1)
    with closing(Database(path)) as database, closing(sqlite3.connect(path, isolation_level=None)) as other:
        database.commit([(episode("before"), [])]).result(10)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process holds it"):
            database.commit([(episode(), [])]).result(10)
        assert {one.id for one in database.episodes(0.0)} == {"before"}  # reading goes on
        opened = Database(path)  # so does opening
        assert "another process holds it" in opened.saving.said
        other.execute("COMMIT")
        with closing(opened):
            opened.commit([(episode(), [])]).result(10)
            assert opened.saving.said == ""


# -- what cannot be saved -----------------------------------------------------------------------------------------------------------


def test_what_has_happened_is_kept_in_memory_said_and_written_first_when_it_goes_again(
    path: Path, episode: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui_monitor.store.files.BUSY_S", 0.05)
    with closing(Database(path)) as database, closing(sqlite3.connect(path, isolation_level=None)) as other:
        database.keep([(episode(), [entry("pending", 1)])]).result(10)
        other.execute("BEGIN IMMEDIATE")
        for number, what in enumerate(["firing", "severity", "resolved"]):
            with pytest.raises(StoreError, match="holds it"):
                database.keep([(episode(value=float(number)), [entry(what, 2.0 + number)])], outbox=[out(f"k{number}")]).result(10)
        with pytest.raises(StoreError, match="holds it"):
            database.commit([(episode("act"), [entry("acked")])]).result(10)
        assert database.saving.said == f"not saved: 1 alert, 3 lines of the journal, 3 notices ({path}: another process holds it)"
        other.execute("COMMIT")
        database.keep([(episode("next"), [entry("last", 9)])]).result(10)
        assert database.saving.said == ""
        assert [line.what for line in database.journal()] == ["pending", "firing", "severity", "resolved", "last"]
        assert {one.id: one.value for one in database.episodes(0.0)} == {"abc12345": 2.0, "next": None}
        assert [row.key for row in database.due(1e9)] == ["k0"]
        assert database.waiting() == {"webhook": (3, "")}


def test_a_disk_that_fills_up_is_said_and_an_act_is_refused(path: Path, episode: Make) -> None:
    """The page limit of SQLite stands in for the disk's."""
    with closing(Database(path)) as database:
        database.keep([(episode(), [])]).result(10)
        assert database._db is not None
        pages = database._db.execute("PRAGMA page_count").fetchone()[0]
        database._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        acts = [database.commit([(episode(f"{number:08}", summary="x" * 5000), [entry("acked")])]) for number in range(20)]
        refused = [number for number, act in enumerate(acts) if "no space left" in str(act.exception(10))]
        assert refused
        assert {one.id for one in database.episodes(0.0)}.isdisjoint(f"{number:08}" for number in refused)
        with pytest.raises(StoreError, match="no space left"):
            database.keep([(episode("big", summary="y" * 20_000), [entry("firing")])]).result(10)
        assert "no space left" in database.saving.said
        assert "1 alert" in database.saving.said
        database._db.execute("PRAGMA max_page_count = 1000000")
        database.keep([]).result(10)
        assert database.saving.said == ""
        assert "big" in {one.id for one in database.episodes(0.0)}


def test_what_waits_in_memory_is_bounded_and_what_is_lost_is_counted(episode: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.store.unsaved.MOST", 2)
    unsaved = Unsaved()
    unsaved.add(Batch(tuple((episode(f"e{number}"), (entry("x"),)) for number in range(4))))
    assert unsaved.said == "2 alerts, 2 lines of the journal, 4 older ones lost"
    assert [one.id for one, _ in unsaved.batch().episodes] == ["e2", "e3"]
    unsaved.clear()
    assert (bool(unsaved), unsaved.said) == (False, "")


def test_a_file_that_is_damaged_while_it_is_used_is_said_and_left_alone(path: Path, episode: Make) -> None:
    with closing(Database(path)) as database:
        database.keep([(episode(), [entry("firing")])]).result(10)
        assert database._db is not None
        database._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database._db.execute("PRAGMA shrink_memory")  # so that it is read again
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))
        with pytest.raises(StoreError) as caught:
            database.keep([(episode("new"), [entry("firing")])]).result(10)
        assert "\n" not in str(caught.value)
        assert "damaged" in database.saving.said
        assert "1 alert" in database.saving.said


# -- where the file is --------------------------------------------------------------------------------------------------------------

MOUNTS = """\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
30 21 0:40 / /home rw shared:1 - nfs4 server:/home rw
31 21 0:41 / /mnt/with\\040space rw - cifs //server/share rw
32 21 0:42 / /mnt/program rw - fuse.sshfs host: rw
33 30 8:2 / /home/local rw - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/home/ana/x.sqlite", "nfs4"),
        ("/home/local/x.sqlite", ""),
        ("/homely/x.sqlite", ""),
        ("/mnt/with space/x.sqlite", "cifs"),
        ("/mnt/program/x.sqlite", "fuse.sshfs"),
        ("/var/x.sqlite", ""),
    ],
)
def test_file_systems_of_the_network(place: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr("tui_monitor.store.mounts.MOUNTS", mounts)
    assert network_of(Path(place)) == kind


def test_on_a_network_there_is_no_write_ahead_log_and_it_is_said(path: Path, episode: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path).close()  # made on a disk of its own, with one
    monkeypatch.setattr("tui_monitor.store.mounts.kind_of", lambda _: "nfs4")
    with closing(Database(path)) as database:
        assert database.saving.network == "nfs4"
        database.commit([(episode(), [entry("firing")])]).result(10)
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert len(list(path.parent.glob("episodes*"))) == 1
        assert len(database.episodes(0.0)) == 1
