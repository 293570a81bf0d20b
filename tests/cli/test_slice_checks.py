"""What `check` and every verb say of slices that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_monitor.cli.main import main

LOG = '[[predictions]]\nname = "mood"\npath = "x.jsonl"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('slices = {long = "words > 4", odd = "lang like x"}', "4: predictions.1.slices.odd: column 6: a comparison is missing after lang"),
        ('[predictions.slices]\nlong = "words > 4"\nodd = "words > 5ms"', "6: predictions.1.slices.odd: column 9: 5ms does not fit"),
        ('slices = {odd = ""}', "4: predictions.1.slices.odd: column 1: empty; write for example prompt_tokens > 2048"),
        (
            'slices = {women = "sex == f", men = "sex == m"}\ncompare = [["woman", "men"]]',
            "5: predictions.1.compare: unknown slice 'woman' (did",
        ),
        ('slices = {women = "sex == f"}\ncompare = [["women"]]', "5: predictions.1.compare: pairs of two slices are compared"),
    ],
)
@pytest.mark.parametrize("verb", [["check"], ["once", "--config"]])
def test_a_wrong_slice_is_said_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str, verb: list[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(LOG + text + "\n")
    assert main([*verb, str(path)]) == 78
    assert f"{path}:{said}" in capsys.readouterr().err


def test_too_many_slices_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text(LOG + "[predictions.slices]\n" + "".join(f's{n} = "words > {n}"\n' for n in range(65)))
    assert main(["check", str(path)]) == 78
    assert f"{path}:4: predictions.1.slices: at most 64 slices; these are 65" in capsys.readouterr().err


def test_a_slice_of_a_private_column_stays_empty_and_check_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text(LOG + 'private = ["user"]\nslices = {me = "user == me", long = "words > 3"}\n')
    assert main(["check", str(path)]) == 0
    told = capsys.readouterr()
    assert f"{path}:5: predictions.1.slices.me: warning: stays empty: user is private" in told.err
    assert "slices.long" not in told.err
