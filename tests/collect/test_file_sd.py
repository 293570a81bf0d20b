"""Target files of a Prometheus: what they mean, how they are followed, and what a broken one does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tui_monitor.collect import file_sd
from tui_monitor.collect.file_sd import TargetFiles
from tui_monitor.config import TargetSettings

YAML = """\
# models of the shop
- targets: [ranker:8000, "ranker-2:8000"]
  labels:
    model: ranker, ranker-lora
    kind: vllm
    team: shop
- targets:
    - "[fd00::1]:9000"
  labels: {__scheme__: https, __metrics_path__: m/prom, name: six}
- labels: {}
"""


def write(path: Path, text: str, at: int = 1) -> Path:
    """A file whose time of change is `at`, so that each write is seen."""
    path.write_text(text)
    os.utime(path, ns=(at, at))
    return path


def test_yaml_groups_become_targets_with_their_page(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", YAML)
    targets, problems = TargetFiles([str(tmp_path / "*.yml")]).read()
    assert problems == []
    assert targets == [
        TargetSettings("ranker:8000", "http://ranker:8000/metrics", "vllm", models=["ranker", "ranker-lora"]),
        TargetSettings("ranker-2:8000", "http://ranker-2:8000/metrics", "vllm", models=["ranker", "ranker-lora"]),
        TargetSettings("six", "https://[fd00::1]:9000/m/prom", "auto"),
    ]


def test_json_says_the_same(tmp_path: Path) -> None:
    groups = [
        {"targets": ["a:1"], "labels": {"__address__": "b:2", "instance": "bee", "replica": 7}},
        {"targets": ["c"], "labels": {"kind": "own"}},
    ]
    write(tmp_path / "a.json", json.dumps(groups))
    targets, problems = TargetFiles(["a.json"], tmp_path).read()
    assert problems == []
    assert [(one.name, one.url, one.kind) for one in targets] == [("bee", "http://b:2/metrics", "auto"), ("c", "http://c/metrics", "auto")]


def test_a_url_is_there_once_and_names_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "- targets: [a:1, a:1, b:1, c:1, d:1]\n  labels: {name: m}\n- targets: [e:1]\n  labels: {name: m-2}\n")
    targets, _ = TargetFiles([str(tmp_path / "a.yml")]).read()
    assert [one.url for one in targets] == [f"http://{letter}:1/metrics" for letter in "abcde"]
    names = [one.name for one in targets]
    assert names[0] == "m"
    assert names[-1] == "m-2"
    assert len(set(names)) == 5


def test_a_change_is_noticed_and_nothing_is_read_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.yml", "- targets: [a:1]\n")
    files = TargetFiles([str(path)])
    first = files.read()
    monkeypatch.setattr(file_sd, "_targets", None)  # would raise when called
    assert files.read() is first
    monkeypatch.undo()
    write(path, "- targets: [a:1, b:1]\n", at=2)
    assert [one.name for one in files.read()[0]] == ["a:1", "b:1"]
    path.unlink()
    assert files.read() == ([], [f"{path}: no such file"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yml", "- targets: [a:1]\n- targets: [b:1\n", ":3: "),
        ("a.yml", "- targets: [a:1]\n- targets: b:1\n", ":2: targets must be a list of host:port"),
        ("a.yml", "targets: [a:1]\n", ":1: must be a list of groups with targets and labels"),
        ("a.yml", "\n- just text\n", ":2: must be a list of groups with targets and labels"),
        ("a.yml", "- target: [a:1]\n", ":1: unknown key 'target' (known: targets labels)"),
        (
            "a.yml",
            "- targets: ['http://a:1/']\n",
            ":1: 'http://a:1/' is no target (write host:port; a scheme goes into the label __scheme__)",
        ),
        ("a.yml", "- targets: [8000]\n", ":1: '8000' is no target (write host:port; a scheme goes into the label __scheme__)"),
        ("a.yml", "- targets: ['a:99999']\n", ":1: 'a:99999': no such port"),
        ("a.yml", "- targets: [a:1]\n  labels: {__scheme__: ftp}\n", ":1: __scheme__ 'ftp' is neither http nor https"),
        ("a.yml", "- targets: [a:1]\n  labels: [x]\n", ":1: labels must be a table of names and values"),
        ("a.yml", "- {targets: [!!python/object:os.system x]}\n", ":1: could not determine a constructor"),
        pytest.param("a.yml", "- " * 50_000 + "x", ":1: is nested too deeply", id="deep yaml"),
        ("a.json", '[{"targets": ["a:1"]},\n {"targets": ["b:1"]', ":2: expecting ',' delimiter"),
        ("a.json", '[\n {"targets": ["a:1"]},\n\n\t{"targets": 7}]', ":4: targets must be a list of host:port"),
        ("a.json", '{"targets": []}', ":1: must be a list of groups with targets and labels"),
        ("a.json", "", ":1: expecting value"),
        pytest.param("a.yml", "\n" + "[" * 50_000 + "]" * 50_000, ":2: is nested too deeply", id="deep flow"),
        pytest.param("a.json", "[" * 100_000, ":1: is nested too deeply", id="deep json"),
    ],
)
def test_a_broken_file_keeps_its_targets_and_says_the_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    good = "- targets: [old:1]\n" if name.endswith("yml") else '[{"targets": ["old:1"]}]'
    path = write(tmp_path / name, good)
    files = TargetFiles([str(path)])
    assert files.read()[1] == []
    write(path, text, at=2)
    targets, (problem,) = files.read()
    assert [one.name for one in targets] == ["old:1"]
    assert problem.startswith(f"{path}{said}")
    assert problem.endswith("; its 1 targets of before stay")
    assert "\n" not in problem
    assert files.read()[1] == [problem], "said again as long as it is so"
    write(path, good, at=3)
    assert files.read()[1] == []


def test_what_cannot_be_read_is_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_bytes(b"- \xff")
    (tmp_path / "c.yml").mkdir()
    with (tmp_path / "d.yml").open("wb") as file:
        file.truncate(file_sd.LIMIT_BYTES + 1)
    targets, problems = TargetFiles([str(tmp_path / "a.yml"), str(tmp_path / "targets.conf"), str(tmp_path / "[bcd].yml")]).read()
    assert targets == []
    assert [line.removeprefix(f"{tmp_path}/") for line in problems] == [
        "a.yml: no such file",
        "targets.conf: a target file ends in .json, .yml or .yaml",
        "b.yml:1: is not UTF-8 text (byte 2)",
        "c.yml:1: cannot be read: Is a directory",
        "d.yml:1: is larger than 10 MB",
    ]


def test_too_many_targets_are_cut_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_sd, "MAX_TARGETS", 3)
    write(tmp_path / "a.yml", "- targets: [a:1, b:1]\n")
    write(tmp_path / "b.yml", "- targets: [c:1, d:1, e:1]\n")
    targets, problems = TargetFiles([str(tmp_path / "*.yml")]).read()
    assert [one.name for one in targets] == ["a:1", "b:1", "c:1"]
    assert problems == ["more than 3 targets in the target files: only the first 3 are watched"]


def test_control_characters_do_not_get_in(tmp_path: Path) -> None:
    write(tmp_path / "a.json", json.dumps([{"targets": ["a:1"], "labels": {"name": "x\x1b[31my\n", "model": "m\x07"}}]))
    ((target,), _) = TargetFiles([str(tmp_path / "a.json")]).read()
    assert (target.name, target.models) == ("x y", ["m"])
