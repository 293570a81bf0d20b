"""Frames go to disk and come back: recorder, replay, snapshot."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import msgspec
import pytest

from tui_monitor.model import Episode, Frame, HistoryQuery, JournalEntry, Quality
from tui_monitor.store.database import Database
from tui_monitor.store.files import StoreError
from tui_monitor.store.recorder import Recorder
from tui_monitor.store.replay import Replay
from tui_monitor.store.snapshot import write_snapshot

MakeFrame = Callable[..., Frame]
MB = 1_000_000


def record(path: Path, frames: Iterable[Frame], max_bytes: int = 100 * MB, max_age_s: float = 1e9) -> Recorder:
    """Record frames and close."""
    recorder = Recorder(path, max_bytes, max_age_s)
    for frame in frames:
        recorder.record(frame)
        assert recorder.flush()
    recorder.close()
    return recorder


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory, make: MakeFrame) -> Path:
    """200 seconds, recorded by two engines one after the other."""
    path = tmp_path_factory.mktemp("recording") / "recording.sqlite"
    record(path, [make(second) for second in range(100)])
    record(path, [make(second, targets=3) for second in range(110, 200)])
    return path


# -- replay -------------------------------------------------------------------------------------------------------------------------


def test_every_frame_comes_back_as_it_was(recording: Path, make: MakeFrame, t0: float) -> None:
    replay = Replay(recording)
    assert (replay.first_s, replay.last_s, replay.count) == (t0, t0 + 199, 190)
    for second in (0, 1, 59, 60, 61, 99):
        assert replay.frame_at(t0 + second) == make(second)
    for second in (110, 111, 180, 199):
        assert replay.frame_at(t0 + second) == make(second, targets=3)


@pytest.mark.parametrize(("asked", "shown"), [(-50, 0), (0.5, 0), (41.999, 41), (105, 99), (150, 150), (1e6, 199)])
def test_the_frame_that_was_newest_then(recording: Path, t0: float, asked: float, shown: int) -> None:
    assert Replay(recording).frame_at(t0 + asked).seq == shown


@pytest.mark.parametrize(
    ("subject", "key", "values"),
    [
        ("t1", "request.rate", [51.0, 52.0, 53.0, 54.0]),
        ("t1", "latency.p95", [0.25] * 4),
        ("t1", "error.ratio", [None] * 4),
        ("host", "cpu.util", [0.0, 0.1, 0.2, 0.3]),
        ("host", "load.1m", [None] * 4),
        ("gpu0", "gpu.util", [0.0, 1.0, 0.0, 1.0]),
        ("gpu7", "gpu.util", [None] * 4),
        ("central", "checkout.conversion", [0.5, 0.51, 0.52, 0.53]),
        ("quality:fraud", "accuracy[30m]", [0.9] * 4),
        ("quality:fraud", "accuracy[30m].low", [0.8] * 4),
        ("quality:fraud", "accuracy[30m] floor", [0.7] * 4),
        ("quality:fraud/long", "accuracy[30m]", [0.9] * 4),
        ("quality:fraud", "accuracy[3h]", [None] * 4),
        ("nobody", "request.rate", [None] * 4),
    ],
)
def test_history_of_each_kind_of_subject(recording: Path, t0: float, subject: str, key: str, values: list[float | None]) -> None:
    history = Replay(recording).history(HistoryQuery(subject, [key], t0 + 50, t0 + 54, 4))
    assert (history.subject, history.start_s, history.step_s) == (subject, t0 + 50, 1.0)
    assert history.values == {key: pytest.approx(values) if None not in values else values}


def test_history_where_nobody_watched_is_a_gap(recording: Path, t0: float) -> None:
    history = Replay(recording).history(HistoryQuery("t0", ["request.rate"], t0 + 96, t0 + 114, 18))
    rates = history.values["request.rate"]
    assert rates[:4] == [96.0, 97.0, 98.0, 99.0]
    assert rates[4:6] == [99.0, 99.0]  # a frame stands for two and a half ticks, no longer
    assert rates[6:14] == [None] * 8
    assert rates[14:] == [110.0, 111.0, 112.0, 113.0]


def test_history_of_long_spans_is_a_mean_of_frames_inside_each_point(recording: Path, t0: float) -> None:
    history = Replay(recording).history(HistoryQuery("t0", ["request.rate"], t0, t0 + 90, 3))
    assert history.values["request.rate"] == [pytest.approx(value) for value in (10.0, 40.0, 70.0)]


def test_history_is_bounded(recording: Path, t0: float) -> None:
    history = Replay(recording).history(HistoryQuery("t0", ["request.rate"], t0, t0 + 90, 10**9))
    assert len(history.values["request.rate"]) == 2000
    assert Replay(recording).history(HistoryQuery("t0", ["x"], t0, t0, 0)).values == {"x": [None]}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b""), "not a recording"),
        (lambda path: path.write_text("hello"), "not a recording"),
        (lambda path: path.write_bytes(path.read_bytes()[:6000]), "damaged|malformed"),
        (lambda path: run_sql(path, "UPDATE frames SET data = x'00'"), "damaged"),
        (lambda path: run_sql(path, "UPDATE frames SET data = 'text'"), "damaged"),
        (lambda path: run_sql(path, "UPDATE frames SET key = 999999"), "key frame 999999 is missing"),
        (lambda path: run_sql(path, "DELETE FROM frames"), "holds no frames"),
        (lambda path: run_sql(path, "DROP TABLE frames"), "damaged"),
        (lambda path: run_sql(path, "UPDATE meta SET value = '2' WHERE key = 'schema'"), "newer version"),
        (lambda path: path.unlink(), "No such file"),
    ],
)
def test_damage_is_one_clear_line(recording: Path, tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "copy.sqlite"
    path.write_bytes(recording.read_bytes())
    damage(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(StoreError, match=message) as caught:
        Replay(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.exists() else None) == before


def run_sql(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(sql)
        db.commit()


# -- recorder -----------------------------------------------------------------------------------------------------------------------


def test_a_running_recording_can_be_read(tmp_path: Path, make: MakeFrame, t0: float) -> None:
    recorder = Recorder(tmp_path / "r.sqlite", 100 * MB, 1e9)
    recorder.record(make(0))
    recorder.record(make(1))
    assert recorder.flush()
    assert Replay(tmp_path / "r.sqlite").frame_at(t0 + 1) == make(1)
    assert recorder.status == "recording"
    assert recorder.bytes_used > 0
    recorder.close()
    assert recorder.status == "off"
    assert not recorder.flush()
    recorder.record(make(2))


def test_recording_never_waits_and_counts_what_it_drops(tmp_path: Path, make: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr("tui_monitor.store.recorder.Splitter.split", lambda *_: gate.wait(30))
    recorder = Recorder(tmp_path / "r.sqlite", 100 * MB, 1e9)
    for second in range(100):
        recorder.record(make(second))
    assert recorder.dropped >= 80
    gate.set()
    recorder.close()


def test_old_frames_are_forgotten_with_their_key(tmp_path: Path, make: MakeFrame, t0: float) -> None:
    path = tmp_path / "r.sqlite"
    record(path, [make(second) for second in range(181)], max_age_s=50)
    replay = Replay(path)
    assert replay.first_s == t0 + 120  # the key frame that the frames of 50 s ago need
    assert replay.frame_at(t0 + 121) == make(121)


def test_the_file_stays_within_its_size(tmp_path: Path, make: MakeFrame, t0: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_monitor.store.recorder.KEY_EVERY", 3)
    path = tmp_path / "r.sqlite"
    recorder = record(path, [make(second) for second in range(240)], max_bytes=150_000)
    replay = Replay(path)
    assert recorder.bytes_used < 200_000
    assert t0 < replay.first_s < t0 + 235
    assert replay.frame_at(t0 + 239) == make(239)


def test_a_full_disk_pauses_and_recording_resumes_by_itself(
    tmp_path: Path, make: MakeFrame, t0: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(f_bavail=10, f_frsize=4096)
    free = SimpleNamespace(f_bavail=10**9, f_frsize=4096)
    clock = [0.0]
    monkeypatch.setattr("tui_monitor.store.recorder.time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr("tui_monitor.store.recorder.os", SimpleNamespace(statvfs=lambda _: full))
    recorder = Recorder(tmp_path / "r.sqlite", 100 * MB, 1e9)
    recorder.record(make(0))
    assert not recorder.flush()
    assert recorder.status == f"paused: {tmp_path / 'r.sqlite'}: no space left on the disk"
    monkeypatch.setattr("tui_monitor.store.recorder.os", SimpleNamespace(statvfs=lambda _: free))
    recorder.record(make(1))
    assert not recorder.flush()  # patience: not yet
    clock[0] = 60.0
    recorder.record(make(2))
    assert recorder.flush()
    assert recorder.status == "recording"
    recorder.close()
    assert Replay(tmp_path / "r.sqlite").frame_at(t0) == make(2)


def test_a_place_that_cannot_be_written_is_in_the_status(tmp_path: Path, make: MakeFrame) -> None:
    recorder = Recorder(tmp_path / "nowhere" / "r.sqlite", MB, 1e9)
    recorder.record(make(0))
    assert not recorder.flush()
    assert recorder.status.startswith("paused: ")
    assert "No such file or directory" in recorder.status
    recorder.close()


def test_a_damaged_recording_is_put_aside_and_a_new_one_begun(
    tmp_path: Path, make: MakeFrame, t0: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("tui_monitor.store.recorder.time", SimpleNamespace(monotonic=lambda: clock[0]))
    path = tmp_path / "r.sqlite"
    path.write_text("no database, but somebody may want it" * 20)
    recorder = Recorder(path, MB, 1e9)
    recorder.record(make(0))
    assert not recorder.flush()
    assert recorder.status.endswith("it was put aside")
    clock[0] = 60.0
    recorder.record(make(1))
    assert recorder.flush()
    recorder.close()
    assert Replay(path).frame_at(t0) == make(1)
    assert (tmp_path / "r.sqlite.damaged").read_text().startswith("no database")


# -- snapshot -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path, episode: Callable[..., Episode], t0: float) -> Path:
    path = tmp_path / "episodes.sqlite"
    with closing(Database(path)) as kept:
        old = episode("old", state="resolved", ended_s=t0 + 10)
        lines = [JournalEntry(t0 + 5, "old", "firing"), JournalEntry(t0 + 150, "open", "acked", "alice", "mine")]
        kept.commit([(old, lines[:1]), (episode("open"), lines[1:])]).result(10)
    return path


def test_a_snapshot_holds_everything_and_is_read_like_a_recording(
    recording: Path, database: Path, tmp_path: Path, make: MakeFrame, t0: float
) -> None:
    out = tmp_path / "snap.sqlite"
    said = write_snapshot(recording, database, out, None, now_s=t0 + 200, force=False)
    assert said.startswith(f"wrote {out}: 190 frames, ")
    replay = Replay(out)
    assert (replay.first_s, replay.last_s, replay.count) == (t0, t0 + 199, 190)
    assert [replay.frame_at(t0 + second) for second in (0, 75)] == [make(0), make(75)]
    assert replay.frame_at(t0 + 170) == make(170, targets=3)
    assert {one.id for one in replay.episodes()} == {"old", "open"}
    assert [line.who for line in replay.journal()] == ["", "alice"]
    meta = replay.meta()
    assert (meta["schema"], meta["host"], meta["written_at"]) == ("1", "gpu-host", "2025-10-09T08:56:40Z")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir() if "snap" in file.name] == ["snap.sqlite"]  # one file, nothing left over


def test_since_begins_at_the_asked_frame_and_crosses_a_restart(
    recording: Path, database: Path, tmp_path: Path, make: MakeFrame, t0: float
) -> None:
    out = tmp_path / "snap.sqlite"
    write_snapshot(recording, database, out, 110.0, now_s=t0 + 200, force=False)
    replay = Replay(out)
    assert (replay.first_s, replay.count) == (t0 + 90, 100)
    assert [replay.frame_at(t0 + second) for second in (90, 91, 99)] == [make(90), make(91), make(99)]
    assert replay.frame_at(t0 + 199) == make(199, targets=3)
    assert {one.id for one in replay.episodes()} == {"open"}
    assert [line.what for line in replay.journal()] == ["acked"]


def test_a_snapshot_of_a_running_recording_without_a_database(tmp_path: Path, make: MakeFrame, t0: float) -> None:
    recorder = Recorder(tmp_path / "r.sqlite", 100 * MB, 1e9)
    for second in range(3):
        recorder.record(make(second))
    assert recorder.flush()
    write_snapshot(tmp_path / "r.sqlite", tmp_path / "none.sqlite", tmp_path / "out", None, now_s=t0 + 3, force=False)
    recorder.close()
    assert Replay(tmp_path / "out").count == 3


def test_existing_files_are_not_replaced_without_force(recording: Path, database: Path, tmp_path: Path, t0: float) -> None:
    out = tmp_path / "snap.sqlite"
    out.write_text("precious")
    with pytest.raises(StoreError, match="exists already; --force replaces it"):
        write_snapshot(recording, database, out, None, now_s=t0 + 200, force=False)
    assert out.read_text() == "precious"
    write_snapshot(recording, database, out, None, now_s=t0 + 200, force=True)
    assert Replay(out).count == 190


def test_force_replaces_a_link_and_not_what_it_points_to(recording: Path, database: Path, tmp_path: Path, t0: float) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    out = tmp_path / "snap.sqlite"
    out.symlink_to(victim)
    with pytest.raises(StoreError, match="exists already"):
        write_snapshot(recording, database, out, None, now_s=t0 + 200, force=False)
    write_snapshot(recording, database, out, None, now_s=t0 + 200, force=True)
    assert victim.read_text() == "precious"
    assert not out.is_symlink()


@pytest.mark.parametrize(
    ("out", "since_s", "message"),
    [
        ("nowhere/snap.sqlite", None, "No such file or directory"),
        (".", None, "exists already|is a directory"),
        ("snap.sqlite", 0.5, "nothing was recorded in that time"),
    ],
)
def test_a_snapshot_that_fails_leaves_nothing(
    recording: Path, database: Path, tmp_path: Path, t0: float, out: str, since_s: float | None, message: str
) -> None:
    before = {file.name for file in tmp_path.iterdir()} | {"episodes.sqlite-wal", "episodes.sqlite-shm"}
    with pytest.raises(StoreError, match=message):
        write_snapshot(recording, database, tmp_path / out, since_s, now_s=t0 + 200, force=True)
    assert {file.name for file in tmp_path.iterdir()} <= before


def test_what_moves_slowly_is_kept_once_a_minute_and_a_verdict_that_changed_at_once(tmp_path: Path, make: MakeFrame, t0: float) -> None:
    def told(second: int) -> Frame:
        state: Literal["OK", "FALLING"] = "OK" if second < 30 else "FALLING"
        quality = [Quality(name="fraud", task="binary", key="accuracy", state=state, sentence=f"at {second}")]
        return msgspec.structs.replace(make(second), quality=quality)

    path = tmp_path / "r.sqlite"
    record(path, [told(second) for second in range(80)])
    replay = Replay(path)
    shown = [(one.state, one.sentence) for second in (0, 29, 30, 79) for one in replay.frame_at(t0 + second).quality]
    assert shown == [("OK", "at 0"), ("OK", "at 0"), ("FALLING", "at 30"), ("FALLING", "at 30")]
    assert replay.frame_at(t0 + 29).targets == make(29).targets
