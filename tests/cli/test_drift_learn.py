"""`drift learn` and `drift pin`: files of expectations, rows held against them, a reference through the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui_monitor.cli.main import main


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv"
    path.write_text("id,words,kind\n" + "\n".join(f"{i},{5 + i % 40},{'ab'[i % 2]}" for i in range(1000)) + "\n")
    return path


def test_learned_written_and_held_against(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "fraud.toml"
    assert main(["drift", "learn", str(rows)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# What rows keep to, learned from 1,000 rows of train.csv.")
    assert main(["drift", "learn", str(rows), "-o", str(found)]) == 0
    assert found.read_text() == text
    assert "9 expectations of 3 columns" in capsys.readouterr().out
    assert main(["drift", "learn", str(rows), "-o", str(found)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["drift", "learn", str(rows), "--against", str(found)]) == 0
    assert capsys.readouterr().out.endswith("9 evaluated, 9 successful (100.0 %)\n")
    rows.write_text(rows.read_text().replace("\n7,12,b\n", "\n7,999,c\n").replace("\n8,13,a\n", "\n7,,a\n"))
    assert main(["drift", "learn", str(rows), "--against", str(found), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["statistics"] == {
        "evaluated_expectations": 9, "successful_expectations": 5, "unsuccessful_expectations": 4, "success_percent": pytest.approx(500 / 9),
    }  # fmt: skip
    broken = {(one["expectation"]["column"], one["expectation"]["expect"]): one["first"] for one in said["results"] if not one["success"]}
    assert broken == {("id", "unique"): 9, ("words", "not_null"): 9, ("words", "between"): 8, ("kind", "in_set"): 8}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["drift", "learn", "none.csv"], "none.csv: No such file"),
        (["drift", "learn", "none.txt"], "the ending says neither"),
        (["drift", "pin", "fraud", "amount"], "no engine runs"),
        (["--read-only", "drift", "pin", "fraud", "amount"], "--read-only"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(words) != 0
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
