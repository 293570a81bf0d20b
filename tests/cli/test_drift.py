"""`drift`: every statistic against scipy through the command line, public tables, what cannot be judged, and what leaves."""

from __future__ import annotations

import json
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tui_monitor.analyse.drift.columns import CATEGORY, NUMERIC
from tui_monitor.analyse.drift.multivariate import classifier
from tui_monitor.cli import drift_columns
from tui_monitor.cli.main import main
from tui_monitor.collect import table_csv

ELEMENT = {
    "signal", "source", "role", "state", "since", "test", "effect", "bound", "p", "n_reference", "n_now", "evidence", "sentence", "type", "why",
    "missing_reference", "missing_now", "tests",
}  # fmt: skip
Sides = tuple[pd.DataFrame, pd.DataFrame]


def _strict(text: str) -> Any:
    """JSON that every reader takes: no NaN, no Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def _run(folder: Path, sides: Sides, *more: str, capsys: pytest.CaptureFixture[str], ending: str = "csv") -> dict[str, Any]:
    paths = [folder / f"{name}.{ending}" for name in ("reference", "current")]
    for path, frame in zip(paths, sides, strict=True):
        if ending == "csv":
            frame.to_csv(path, index=False)
        elif ending == "parquet":
            frame.to_parquet(path)
        else:
            frame.to_json(path, orient="records", lines=True, double_precision=15)
    return _drift(*paths, *more, capsys=capsys)


def _drift(reference: Path, current: Path, *more: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code = main(["drift", "--reference", str(reference), "--current", str(current), "--json", *more])
    out, err = capsys.readouterr()
    assert code == 0, err
    answer: dict[str, Any] = _strict(out)
    return answer


def _one(answer: dict[str, Any], signal: str = "x") -> dict[str, Any]:
    found = [element for element in answer["drift"] if element["signal"] == signal]
    assert len(found) == 1
    assert set(found[0]) == ELEMENT
    return found[0]


def _frames(seed: int = 1) -> Sides:
    chance = np.random.default_rng(seed)

    def frame(rows: int, moved: bool) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "size": chance.lognormal(0.2 * moved, 1, rows).round(3),
                "items": chance.poisson(5 + moved, rows),
                "same": chance.normal(size=rows).round(4),
                "country": chance.choice(["de", "fr", "es"], rows, p=[0.3, 0.3, 0.4] if moved else [0.5, 0.3, 0.2]),
                "flag": chance.random(rows) < 0.3 + 0.2 * moved,
                "holes": np.where(chance.random(rows) < 0.2, np.nan, chance.random(rows).round(5)),
            }
        )

    return frame(1200, False), frame(800, True)


# -- every statistic ------------------------------------------------------------------------------------------------------------------------


def _numeric_oracle(a: np.ndarray, b: np.ndarray) -> dict[str, tuple[float, float | None]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        darling = stats.anderson_ksamp([a, b])
    ks, cvm, t = stats.ks_2samp(a, b), stats.cramervonmises_2samp(a, b, method="asymptotic"), stats.ttest_ind(b, a, equal_var=False)
    u = stats.mannwhitneyu(b, a, method="asymptotic")
    edges = np.unique(np.quantile(a, np.linspace(0.1, 0.9, 9)))
    p, q = (np.bincount((side[:, None] > edges).sum(axis=1), minlength=edges.size + 1) / side.size for side in (a, b))
    low, high = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    values = np.union1d(a, b)
    gap = (a[:, None] <= values).mean(axis=0) - (b[:, None] <= values).mean(axis=0)
    return {
        "ks": (ks.statistic, ks.pvalue),
        "kuiper": (max(gap.max(), 0) - min(gap.min(), 0), None),
        "anderson_darling": (darling.statistic, darling.pvalue),
        "cramer_von_mises": (cvm.statistic, cvm.pvalue),
        "mann_whitney": (u.statistic / a.size / b.size, u.pvalue),
        "welch_t": (t.statistic, t.pvalue),
        "wasserstein": (stats.wasserstein_distance(a, b), None),
        "energy": (stats.energy_distance(a, b), None),
        "psi": (float(((high - low) * np.log(high / low)).sum()), None),
        "kl": (float((high * np.log(high / low)).sum()), None),
        "js": (jensenshannon(p, q, 2), None),
        "hellinger": (math.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2), None),
    }


def _category_oracle(a: np.ndarray, b: np.ndarray) -> dict[str, tuple[float, float | None]]:
    names = np.union1d(a, b)
    table = np.array([[(side == name).sum() for name in names] for side in (a, b)])
    chi, g = (stats.chi2_contingency(table, correction=False, lambda_=kind) for kind in ("pearson", "log-likelihood"))
    p, q = table[0] / table[0].sum(), table[1] / table[1].sum()
    found: dict[str, tuple[float, float | None]] = {
        "chi_square": (chi.statistic, chi.pvalue),
        "g": (g.statistic, g.pvalue),
        "l_infinity": (float(np.abs(p - q).max()), None),
        "cramers_v": (math.sqrt(chi.statistic / table.sum()), None),
        "psi": (float(((q - p) * np.log(q / p)).sum()), None),
        "kl": (float(stats.entropy(q, p)), None),
        "js": (jensenshannon(p, q, 2), None),
        "hellinger": (math.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2), None),
    }
    if len(names) == 2:
        found["fisher"] = (table[0, 0] * table[1, 1] / table[0, 1] / table[1, 0], stats.fisher_exact(table).pvalue)
    return found


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_statistic_of_every_kind_of_file_is_scipys(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    sides = _frames()
    answer = _run(tmp_path, sides, capsys=capsys, ending=ending)
    assert [one["signal"] for one in answer["drift"]] == list(sides[0])
    for name in sides[0]:
        element = _one(answer, name)
        a, b = (side[name].dropna().to_numpy() for side in sides)
        category = name in ("country", "flag")
        oracle = _category_oracle(a.astype(str), b.astype(str)) if category else _numeric_oracle(a.astype(float), b.astype(float))
        assert element["type"] == ("category" if category else "numeric")
        assert set(element["tests"]) == set(oracle)
        for test, (statistic, p) in oracle.items():
            measured = element["tests"][test]
            assert measured["statistic"] == pytest.approx(statistic, rel=1e-6, abs=1e-9), (name, test)
            if p is not None:
                assert measured["p"] == pytest.approx(p, rel=1e-3, abs=1e-6), (name, test)
            elif test != "kuiper":
                assert measured["p"] is None, test
        rests_on = "l_infinity" if category else "ks"
        assert element["test"] == rests_on
        assert element["effect"] == element["tests"][rests_on]["statistic"]
        assert (element["n_reference"], element["n_now"]) == (a.size, b.size)
        assert element["missing_reference"] == pytest.approx(1 - a.size / len(sides[0]))
        assert element["missing_now"] == pytest.approx(1 - b.size / len(sides[1]))
        assert element["state"] == ("stable" if name in ("same", "holes") else "drift")
    assert answer["schema"] == 1
    assert answer["reference"] == {"file": str(tmp_path / f"reference.{ending}"), "rows": 1200}
    assert answer["current"] == {"file": str(tmp_path / f"current.{ending}"), "rows": 800}
    dataset = answer["dataset"]
    assert (dataset["columns"], dataset["drifted"], dataset["share"]) == (6, 4, 4 / 6)


def test_the_classes_of_the_made_with_ml_lesson(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tags = ["computer-vision", "natural-language-processing", "other"]
    sides = [pd.DataFrame({"tag": np.repeat(tags, counts)}) for counts in ([23, 131, 46], [14, 126, 60])]
    element = _one(_run(tmp_path, (sides[0], sides[1]), "--tests", "chi_square", capsys=capsys), "tag")
    assert element["tests"] == {"chi_square": {"statistic": pytest.approx(4.135522, abs=5e-7), "p": pytest.approx(0.12646863, abs=1e-8)}}
    assert element["state"] == "stable"


def test_the_classes_of_evidentlys_own_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = [pd.DataFrame({"x": np.repeat(list("abcdef"), counts)}) for counts in ([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8])]
    tests = _one(_run(tmp_path, (sides[0], sides[1]), capsys=capsys))["tests"]
    assert tests["hellinger"]["statistic"] == pytest.approx(0.06812, abs=1e-5)


# -- what does not matter -------------------------------------------------------------------------------------------------------------------


def _near(found: Any, wanted: Any) -> None:
    """The same, but for the last digits of numbers."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            _near(found[key], value)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-9)
    else:
        assert found == wanted


def test_the_order_of_the_rows_and_the_size_of_the_blocks_do_not_matter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = _frames(2)
    answer = _run(tmp_path, sides, capsys=capsys)
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 3000)
    shuffled = sides[0].sample(frac=1, random_state=3), sides[1].sample(frac=1, random_state=4)
    again = _run(tmp_path, shuffled, capsys=capsys)
    for one, two in zip(answer["drift"], again["drift"], strict=True):
        _near(two, one)
    assert again["dataset"]["classifier_auc"] == pytest.approx(answer["dataset"]["classifier_auc"], abs=1e-6)


def test_of_rows_with_one_id_the_first_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"id": range(300), "x": np.random.default_rng(3).normal(size=300)})
    twice = pd.concat([frame, frame.assign(x=100.0)])
    answer = _run(tmp_path, (frame, twice), capsys=capsys)
    element = _one(answer)
    assert (answer["current"]["rows"], element["n_now"], element["effect"], element["state"]) == (300, 300, 0.0, "stable")
    main(["drift", "--reference", str(tmp_path / "reference.csv"), "--current", str(tmp_path / "current.csv")])
    assert "300 rows left out: have an id that an earlier row has" in capsys.readouterr().err


def test_numbers_of_one_file_and_quoted_numbers_of_another_are_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(4).normal(size=200).round(3)
    (tmp_path / "a.csv").write_text("x\n" + "\n".join(str(value) for value in values))
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps({"x": str(value)}) for value in values))
    element = _one(_drift(tmp_path / "a.csv", tmp_path / "b.jsonl", capsys=capsys))
    assert (element["type"], element["effect"], element["n_now"]) == ("numeric", 0.0, 200)


# -- what cannot be judged ------------------------------------------------------------------------------------------------------------------

_N = 400
_DRAWN = np.random.default_rng(5)
_ODD: dict[str, tuple[Any, Any, str, str]] = {  # reference, now, state, part of the reason
    "constant": (np.full(_N, 5), np.full(_N, 5), "stable", "constant"),
    "all missing": (np.full(_N, np.nan), np.full(_N, np.nan), "blind", "no values in the reference"),
    "missing now": (_DRAWN.normal(size=_N), np.full(_N, np.nan), "blind", "no values in the current file"),
    "one category": (["a"] * _N, ["a"] * _N, "stable", "constant"),
    "infinite": (_DRAWN.normal(size=_N), np.where(np.arange(_N) < 9, np.inf, _DRAWN.normal(size=_N)), "stable", "9 infinite values"),
    "all infinite": (_DRAWN.normal(size=_N), np.full(_N, np.inf), "blind", "no finite value"),
    "mixed": (
        _DRAWN.normal(size=_N),
        [*_DRAWN.normal(size=_N - 2), "oops", "n/a"],
        "blind",
        "numbers in the reference, text in the current",
    ),
    "mixed in both": ([*_DRAWN.normal(size=_N - 1), "?"], [*_DRAWN.normal(size=_N - 2), "oops", "n/a"], "blind", "numbers and text mixed"),
    "nearly empty": (_DRAWN.normal(size=_N), [*np.full(_N - 3, np.nan), 50, 51, 52], "idle", "only 3 values"),
    "number to text": (_DRAWN.normal(size=_N), _DRAWN.choice(["a", "b"], _N), "blind", "numbers in the reference, text in the current"),
    "id": (np.arange(_N), np.arange(_N) + 10_000, "blind", "each whole number occurs once"),
    "text id": ([f"u{i}" for i in range(_N)], [f"v{i}" for i in range(_N)], "blind", "400 different values"),
    "when": (pd.date_range("2026-05-01", periods=_N, freq="1min"), pd.date_range("2026-06-01", periods=_N, freq="1min"), "blind", "dates"),
    "unix": (1.78e9 + _DRAWN.random(_N), 1.79e9 + _DRAWN.random(_N), "blind", "times"),
    "huge": (_DRAWN.normal(size=_N) * 1e307, _DRAWN.normal(size=_N) * 1e307, "stable", ""),
}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_odd_column_has_a_state_and_a_reason_and_is_no_alarm(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    odd = {
        name: row
        for name, row in _ODD.items()
        if ending == "csv" or ("mixed" not in name and "text" not in name and name != "nearly empty")
    }
    frames = [pd.DataFrame({name: row[side] for name, row in odd.items()}) for side in (0, 1)]
    frames[0]["only before"], frames[1]["only now"] = 1.5, "x"
    frames[0]["good"], frames[1]["good"] = _DRAWN.normal(size=_N), _DRAWN.normal(1, 1, size=_N)
    answer = _run(tmp_path, (frames[0], frames[1]), capsys=capsys, ending=ending)
    for name, (_, _, state, why) in odd.items():
        element = _one(answer, name)
        assert element["state"] == state, (name, element)
        assert (why if (ending, name) != ("parquet", "when") else "times") in (element["why"] or ""), (name, element)  # seconds there
        assert element["sentence"], name
        if state in ("blind", "idle"):
            assert element["effect"] is element["p"] is element["evidence"] is None
    assert _one(answer, "only before")["why"] == "not in the current file"
    assert _one(answer, "only now")["why"] == "not in the reference"
    assert (_one(answer, "only now")["n_reference"], _one(answer, "only now")["missing_reference"]) == (0, None)
    assert _one(answer, "good")["state"] == "drift"
    assert [one["signal"] for one in answer["drift"] if one["state"] == "drift"] == ["good"]
    assert answer["dataset"]["drifted"] == 1


def test_three_rows_never_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = pd.DataFrame({"x": [1.0, 2.0, 3.0], "c": list("abc")}), pd.DataFrame({"x": [100.0, 200.0, 300.0], "c": list("xyz")})
    for sides in (frames, (pd.concat([frames[0]] * 100), frames[1]), (frames[0], pd.concat([frames[1]] * 100))):
        answer = _run(tmp_path, sides, capsys=capsys)
        assert {element["state"] for element in answer["drift"]} <= {"idle", "blind"}
        assert all(element["why"] for element in answer["drift"])
        assert answer["dataset"] == answer["dataset"] | {"columns": 0, "drifted": 0, "share": None, "classifier_auc": None}
        assert answer["dataset"]["why"]


def test_ids_that_are_asked_for_by_name_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = pd.DataFrame({"n": np.arange(500), "x": 1}), pd.DataFrame({"n": np.arange(500) + 100, "x": 1})
    answer = _run(tmp_path, sides, "--columns", "n,absent", capsys=capsys)
    assert [one["signal"] for one in answer["drift"]] == ["n", "absent"]
    assert _one(answer, "n")["effect"] == pytest.approx(0.2)
    assert _one(answer, "n")["state"] == "drift"
    assert (_one(answer, "absent")["state"], _one(answer, "absent")["why"]) == ("blind", "not in either file")


def test_more_different_texts_than_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_columns, "MOST_TEXTS", 50)
    frame = pd.DataFrame({"x": [f"w{i % 80}" for i in range(2000)]})
    element = _one(_run(tmp_path, (frame, frame), capsys=capsys))
    assert (element["state"], element["n_now"], element["why"]) == (
        "blind",
        2000,
        "more than 50 different texts in the reference: no category",
    )


def test_more_values_than_are_kept_are_a_random_part_and_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_columns, "MOST_VALUES", 8000)
    monkeypatch.setattr(table_csv, "BLOCK_BYTES", 20_000)
    chance = np.random.default_rng(6)
    ordered = np.sort(chance.normal(size=50_000))  # what is kept must not depend on where it stood
    sides = pd.DataFrame({"x": ordered}), pd.DataFrame({"x": chance.normal(size=50_000)})
    element = _one(_run(tmp_path, sides, capsys=capsys))
    assert (element["n_reference"], element["n_now"], element["state"]) == (50_000, 50_000, "stable")
    assert element["why"].startswith("measured on a random ")
    assert "of 50,000 values of the reference; measured on a random " in element["why"]
    assert 0 < element["effect"] < 0.04


# -- the classifier -------------------------------------------------------------------------------------------------------------------------


def test_the_classifier_tells_what_moved_and_has_an_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    chance = np.random.default_rng(7)
    usual, moved, wild = (pd.DataFrame({"a": chance.normal(by, 1, 1500), "b": chance.normal(size=1500)}) for by in (0.0, 1.0, 0.0))
    auc = _run(tmp_path, (usual, moved), capsys=capsys)["dataset"]["classifier_auc"]
    assert auc["value"] == pytest.approx(stats.norm.cdf(1 / math.sqrt(2)), abs=0.02)  # of two normal laws one sd apart
    assert auc["low"] < auc["value"] < auc["high"]
    dataset = _run(tmp_path, (usual, wild), capsys=capsys)["dataset"]
    assert dataset["classifier_auc"]["low"] < 0.5 < dataset["classifier_auc"]["high"]
    assert dataset["why"] is None


def test_a_tree_and_a_forest_see_what_no_line_can() -> None:
    pytest.importorskip("sklearn")
    chance = np.random.default_rng(8)
    a, now = ({"x": chance.normal(0, scale, 1500), "y": chance.normal(size=1500)} for scale in (1.0, 2.5))
    found = {model: classifier.tell_apart(a, now, model) for model in ("logistic", "tree", "forest")}  # type: ignore[arg-type]
    assert found["logistic"].low is not None
    assert found["logistic"].low < 0.53
    for model in ("tree", "forest"):
        assert found[model].low is not None
        assert found[model].low > 0.6
        assert found[model].top[0][0] == "x"
        assert sum(part for _, part in found[model].top) == pytest.approx(1.0)


def test_the_interval_holds_a_half_where_nothing_changed() -> None:
    pytest.importorskip("sklearn")
    held = 0
    for seed in range(30):
        chance = np.random.default_rng(seed)
        a, now = ({name: chance.normal(size=200) for name in "abcde"} for _ in range(2))
        told = classifier.tell_apart(a, now)
        assert told.low is not None
        assert told.high is not None
        held += told.low <= 0.5 <= told.high
    assert held >= 27  # 28.5 are expected of a 95 % interval; of one that takes folds for independent 25


def test_the_aucs_interval_is_mann_whitneys_statistic_with_delongs_variance() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    chance = np.random.default_rng(9)
    low, high = chance.normal(size=300).round(1), chance.normal(0.7, 1, 200).round(1)
    auc, variance = classifier.auc_of(low, high)
    assert auc == pytest.approx(metrics.roc_auc_score(np.repeat([0, 1], [300, 200]), np.concatenate([low, high])))
    again = [classifier.auc_of(chance.normal(size=300).round(1), chance.normal(0.7, 1, 200).round(1))[0] for _ in range(400)]
    assert variance == pytest.approx(np.var(again), rel=0.3)


def test_without_the_extra_a_line_says_which_one_adds_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "find_spec", lambda name: None)
    dataset = _run(tmp_path, _frames(), capsys=capsys)["dataset"]
    assert dataset["classifier_auc"] is None
    assert dataset["why"] == "needs the extra [ml]: pip install 'tui-monitor[ml]'"
    assert main(["drift", "--reference", str(tmp_path / "reference.csv"), "--current", str(tmp_path / "current.csv")]) == 0
    assert "Classifier: needs the extra [ml]" in " ".join(capsys.readouterr().out.split())


# -- how it is called, and what people read -------------------------------------------------------------------------------------------------


def test_only_the_measures_and_columns_that_were_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = _run(tmp_path, _frames(), "--columns", "country,size", "--tests", "psi,ks,chi_square", capsys=capsys)
    assert [one["signal"] for one in answer["drift"]] == ["country", "size"]
    assert set(_one(answer, "size")["tests"]) == {"ks", "psi"}
    assert set(_one(answer, "country")["tests"]) == {"chi_square", "psi"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--current", "{now}"], 64, "--reference FILE is missing"),
        (["--reference", "{now}"], 64, "--current FILE is missing"),
        (["--reference", "{now}", "--current", "{now}", "--tests", "kss"], 64, "--tests: there is no 'kss' (did you mean ks?)"),
        (["--reference", "{now}", "--current", "{now}", "--tests", ","], 64, "--tests: say which, as a,b"),
        (["--reference", "{now}", "--current", "{now}", "--columns", ""], 64, "--columns: say which, as a,b"),
        (["--reference", "{folder}/none.csv", "--current", "{now}"], 1, "none.csv: No such file or directory"),
        (["--reference", "{now}", "--current", "{folder}/empty.csv"], 1, "empty.csv: is empty"),
        (["--reference", "{folder}/bare.csv", "--current", "{now}"], 1, "bare.csv: has no rows"),
        (["--reference", "{now}", "--current", "{folder}/x.txt"], 1, "the ending says neither CSV"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "now.csv").write_text("x\n1\n2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bare.csv").write_text("x,y\n")
    (tmp_path / "x.txt").write_text("x\n1\n")
    assert main(["drift", *(word.format(now=tmp_path / "now.csv", folder=tmp_path) for word in words), "--json"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert said in err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_people_read_a_table_that_fits_their_terminal(
    width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = _frames()
    for place, side in enumerate(sides):
        side["gone" if place else "new"] = 1
        for more in range(60):
            side[f"more_{more}"] = np.random.default_rng(more + 100 * place).normal(size=len(side))
    for name, side in zip(("reference", "current"), sides, strict=True):
        side.to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback=(80, 24): os.terminal_size((width, 24)))
    assert main(["drift", "--reference", str(tmp_path / "reference.csv"), "--current", str(tmp_path / "current.csv")]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    flat = " ".join(out.split())
    assert "4 of 66 columns drifted, 2 cannot be judged" in flat
    first = next(place for place, line in enumerate(lines) if line.startswith("✖ drift"))
    assert [line.split()[0] for line in lines[first:] if line[:1] in "✖?✔"] == ["✖"] * 4 + ["?"] * 2 + ["✔"] * 20
    assert "moved up: " in flat
    assert "not in the current file" in flat
    assert "42 more as in the reference: " in flat
    assert len(lines) < 60
    assert max(map(len, lines[2:])) <= width


def test_names_and_texts_from_outside_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = "\x1b[31mred"
    sides = pd.DataFrame({bad: [bad, "b"] * 100}), pd.DataFrame({bad: ["b"] * 150 + [bad] * 50})
    _run(tmp_path, sides, capsys=capsys)
    assert main(["drift", "--reference", str(tmp_path / "reference.csv"), "--current", str(tmp_path / "current.csv")]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "drift" in out


def test_all_measures_have_a_name_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", "--help"]) == 0
    told = capsys.readouterr().out.split()
    for name in (*NUMERIC, *CATEGORY):
        assert any(word.strip(",.") == name for word in told), name
