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

from tui_monitor.model import Ack, Episode, JournalEntry, utc
from tui_monitor.store.database import Database, StoreError, open_readonly, read_episodes, read_journal

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
