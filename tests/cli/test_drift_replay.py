"""`drift replay`: the lines of a past log, what they rest on, and what is left out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tui_monitor.cli.main import main

DAY_S = 86_400.0
START_S = 1_777_593_600.0  # 2026-05-01T00:00:00Z
LINE = {"signal", "since", "start", "end", "kind", "test", "effect", "evidence", "sentence"}
LAST = {"checks", "alarms", "log_s", "signals", "budget_s"}
ROWS = 28_800  # a day, twenty a minute


def _day(seed: int, start_s: float = START_S, rows: int = ROWS) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "timestamp": start_s + np.arange(rows) * (DAY_S / rows),
            "size": chance.lognormal(0, 1, rows).round(4),
            "items": chance.poisson(5, rows),
            "country": chance.choice(["de", "fr", "es"], rows, p=[0.5, 0.3, 0.2]),
            "flag": (chance.random(rows) < 0.3).astype(int),
        }
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "kept.csv"
    _day(1).to_csv(path, index=False)
    return path


def _replay(
    log: pd.DataFrame | Path, kept: Path, folder: Path, *more: str, capsys: pytest.CaptureFixture[str]
) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """(episodes, the last line, stderr)."""
    path = log if isinstance(log, Path) else folder / "log.csv"
    if isinstance(log, pd.DataFrame):
        log.to_csv(path, index=False)
    code = main(["drift", "replay", str(path), "--reference", str(kept), "--json", *more])
    out, err = capsys.readouterr()
    assert code == 0, err
    *episodes, last = [json.loads(line) for line in out.splitlines()]
    assert all(set(line) == LINE for line in episodes)
    assert set(last) == LAST
    assert last["alarms"] == len(episodes)
    return episodes, last, err


def _moment_s(text: str) -> float:
    assert text.endswith("Z")
    return datetime.fromisoformat(text).timestamp()


def test_a_day_in_which_nothing_happened_has_one_line(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episodes, last, err = _replay(_day(2, START_S + DAY_S), kept, tmp_path, capsys=capsys)
    assert episodes == []
    assert err == ""
    assert last == {"checks": 1440, "alarms": 0, "log_s": pytest.approx(DAY_S - 3.0), "signals": 4, "budget_s": 30 * DAY_S}


def test_a_change_is_an_episode_with_its_minute_its_end_and_a_sentence(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = _day(3, START_S + DAY_S)
    at = np.arange(ROWS)
    log.loc[at >= ROWS // 2, "size"] *= 2.0  # noon, for ever
    while_fr = (at >= ROWS // 4) & (at < ROWS // 2)  # 6:00 to 12:00
    log.loc[while_fr, "country"] = "fr"
    episodes, last, _ = _replay(log, kept, tmp_path, capsys=capsys)
    assert [one["signal"] for one in episodes] == ["country", "size"]  # in order of start
    country, size = episodes
    six, noon = START_S + DAY_S + DAY_S / 4, START_S + DAY_S + DAY_S / 2
    assert abs(_moment_s(country["since"]) - six) <= 300
    assert 0 < _moment_s(country["start"]) - six <= 900
    assert 0 < _moment_s(country["end"]) - noon <= 7200
    assert abs(_moment_s(size["since"]) - noon) <= 900
    assert 0 < _moment_s(size["start"]) - noon <= 3600
    assert size["end"] is None
    for one in episodes:
        assert _moment_s(one["start"]) % 60 == 0
        assert one["kind"] == "sudden"
        assert one["evidence"] > 0
        assert one["signal"] in one["sentence"]
    assert (country["test"], size["test"]) == ("l_infinity", "ks")
    assert size["effect"] == pytest.approx(0.2712, abs=0.04)  # of two normal laws log 2 apart: 2 Phi(log 2 / 2) - 1
    assert last["signals"] == 4


def test_the_order_of_rows_and_the_kind_of_file_do_not_matter(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = _day(4, START_S + DAY_S)
    log.loc[ROWS // 2 :, "items"] += 2
    whole = _replay(log, kept, tmp_path, capsys=capsys)
    assert len(whole[0]) == 1
    shuffled = log.sample(frac=1, random_state=5)
    assert _replay(shuffled, kept, tmp_path, capsys=capsys) == whole
    iso = shuffled.assign(timestamp=pd.to_datetime(shuffled["timestamp"], unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S.%f"))
    iso.to_json(tmp_path / "log.jsonl", orient="records", lines=True)
    assert _replay(tmp_path / "log.jsonl", kept, tmp_path, capsys=capsys) == whole
    reference = pd.read_csv(kept).sample(frac=1, random_state=6)
    reference.to_csv(tmp_path / "kept.csv", index=False)
    assert _replay(log, tmp_path / "kept.csv", tmp_path, capsys=capsys) == whole


def test_checks_are_at_multiples_of_every_and_the_budget_is_said(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = _day(7, START_S + DAY_S + 37)
    log.loc[ROWS // 2 :, "size"] *= 3.0
    episodes, last, _ = _replay(log, kept, tmp_path, "--every", "5m", "--budget", "7d", capsys=capsys)
    assert (last["checks"], last["budget_s"]) == (289, 7 * DAY_S)
    assert len(episodes) == 1
    assert _moment_s(episodes[0]["start"]) % 300 == 0


def test_a_shift_under_the_smallest_that_is_worth_an_alarm_is_none(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = _day(8, START_S + DAY_S)
    flags = np.random.default_rng(9).random(ROWS)
    log["flag"] = (flags < np.where(np.arange(ROWS) < ROWS // 2, 0.3, 0.4)).astype(int)
    assert [one["signal"] for one in _replay(log, kept, tmp_path, capsys=capsys)[0]] == ["flag"]
    assert _replay(log, kept, tmp_path, "--smallest-shift", "0.15", capsys=capsys)[0] == []


def test_only_the_columns_that_were_asked_for_and_another_name_for_the_times(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = _day(10, START_S + DAY_S).rename(columns={"timestamp": "when"})
    reference = pd.read_csv(kept).rename(columns={"timestamp": "when"})
    reference.to_csv(tmp_path / "kept.csv", index=False)
    _, last, err = _replay(log, tmp_path / "kept.csv", tmp_path, "--columns", "size,gone", "--time", "when", capsys=capsys)
    assert last["signals"] == 1
    assert "gone is not judged: not in either file" in err


def test_moments_without_rows_are_no_checks_and_a_stray_time_costs_nothing(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = _day(11, START_S + DAY_S)
    night = (np.arange(ROWS) >= ROWS // 4) & (np.arange(ROWS) < ROWS // 2)
    log = log[~night]
    log.loc[log.index[0], "timestamp"] = 5.0  # a clock that began in 1970
    episodes, last, _ = _replay(log, kept, tmp_path, capsys=capsys)
    assert episodes == []
    assert last["checks"] == 1080 + 1


def test_what_cannot_be_judged_is_told_and_raises_nothing(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = []
    for seed, start_s in ((1, START_S), (12, START_S + DAY_S)):
        chance = np.random.default_rng(seed)
        frame = _day(seed, start_s)
        new = seed == 12
        frame["id"] = np.arange(ROWS) + (10**6 if new else 0)
        frame["constant"] = 5
        frame["one"] = "only"
        frame["empty"] = np.nan
        frame["few"] = np.where(np.arange(ROWS) < 3, 99.0 if new else 1.0, np.nan)
        frame["infinite"] = np.where(chance.random(ROWS) < 0.01, np.inf, chance.normal(size=ROWS))
        frame["mixed"] = chance.normal(size=ROWS).astype(object)
        if new:
            frame.loc[5, "mixed"] = "oops"
        frame["text id"] = [f"user {place + (10**6 if new else 0)}" for place in range(ROWS)]
        frames.append(frame)
    frames[1]["new"] = 1.0
    frames[0].to_csv(tmp_path / "kept.csv", index=False)
    episodes, last, err = _replay(frames[1], tmp_path / "kept.csv", tmp_path, capsys=capsys)
    assert episodes == []
    for name, why in {
        "id": "each whole number occurs once",
        "empty": "no values in the reference",
        "few": "only 3 values on one side",
        "mixed": "numbers in the reference, text in the log",
        "text id": "different",
    }.items():
        assert f"{name} is not judged: " in err
        assert why in next(line for line in err.splitlines() if f" {name} is not judged" in line)
    assert last["signals"] == 4 + 3  # constant, one, infinite: nothing happened to them


def test_rows_that_cannot_be_used_are_counted(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = _day(13, START_S + DAY_S).astype({"timestamp": object})
    log.loc[:9, "timestamp"] = "yesterday"
    log["id"] = np.maximum(np.arange(ROWS), 30)
    path = tmp_path / "log.csv"
    log.to_csv(path, index=False)
    path.write_text(path.read_text() + "1,2\n")
    _, last, err = _replay(path, kept, tmp_path, capsys=capsys)
    assert f"{path}: 10 rows left out: time unreadable" in err
    assert f"{path}: 20 rows left out: duplicate" in err
    assert f"{path}: 1 row left out: row unreadable" in err
    assert last["alarms"] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["{log}"], 64, "--reference FILE is missing"),
        (["{log}", "--reference", "{log}", "--every", "0.5s"], 64, "--every: 0.5s is no number of whole seconds"),
        (["{log}", "--reference", "{log}", "--budget", "soon"], 64, "--budget: 'soon' is no duration"),
        (["{log}", "--reference", "{log}", "--smallest-shift", "nan"], 64, "--smallest-shift: nan is no share from 0 to 0.5"),
        (["{log}", "--reference", "{folder}/none.csv"], 1, "none.csv: No such file or directory"),
        (["{log}", "--reference", "{log}", "--time", "at"], 1, "log.csv: there is no column at; it has timestamp x"),
        (["{folder}/timeless.csv", "--reference", "{log}"], 1, "there is no column timestamp; say which one has the times with --time"),
        (["{folder}/never.csv", "--reference", "{log}"], 1, "never.csv: has no rows with a time in timestamp"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.csv").write_text("timestamp,x\n1,1\n2,2\n")
    (tmp_path / "timeless.csv").write_text("x\n1\n")
    (tmp_path / "never.csv").write_text("timestamp,x\nsoon,1\n")
    assert main(["drift", "replay", *(word.format(log=tmp_path / "log.csv", folder=tmp_path) for word in words), "--json"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert said in err


def test_people_read_what_it_would_have_said(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = _day(14, START_S + DAY_S)
    log.loc[ROWS // 2 :, "country"] = "pl"
    log.to_csv(tmp_path / "log.csv", index=False)
    assert main(["drift", "replay", str(tmp_path / "log.csv"), "--reference", str(kept)]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    at = datetime.strptime(first[:17], "%Y-%m-%d %H:%MZ").replace(tzinfo=UTC).timestamp()
    assert 0 < at - (START_S + 1.5 * DAY_S) <= 900
    assert first[17:].startswith(" still on  country  sudden  share 0.9")
    assert "'pl'" in second
    assert last == "1 alarm in 1,440 checks over 24.0 hours, 4 signals; allowed by chance: one in 30d"
