"""`kenko calibrate` from files to a model, on a history whose risk is known."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.model import load_model

sys.path.insert(0, str(Path(__file__).parent))
from known_risk import MODEL, write_history


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    write_history(folder, accounts=160)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Few accounts: enough to see what is written, not how good it is."""
    folder = tmp_path_factory.mktemp("small")
    write_history(folder, accounts=70)
    return folder


def calibrate(folder, out, *args, **files):
    paths = {name: files.get(name, folder / f"{name}.csv") for name in ("events", "lifecycle", "labels")}
    options = [item for name, path in paths.items() for item in (f"--{name}", str(path))]
    model = files.get("model", folder / "model.yaml")
    command = ["calibrate", "--model", str(model), *options, "--out", str(out), *map(str, args)]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def calibrated(history):
    out, page = history / "new.yaml", history / "page.html"
    result = calibrate(history, out, "--holdout", "0.5", "--seed", "1", "--json", "--page", page)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), out.read_text(encoding="utf-8"), page.read_text(encoding="utf-8")


def by_signal(told):
    return {item["signal"]: item for item in told["inputs"]}


def test_the_input_that_decides_gets_the_weight(calibrated):
    told, text, _ = calibrated
    inputs = by_signal(told)
    assert inputs["actions"]["percent"] > 50
    assert inputs["noise"]["percent"] < inputs["noise"]["percent_before"] / 2
    groups = {group.name: group.weight for group in load_model(text).base.groups}
    assert groups["use"] > groups["trouble"]


def test_a_curve_goes_on_rising_where_it_rose(calibrated):
    told, _, _ = calibrated
    healths = [health for _, health in by_signal(told)["actions"]["points"]]
    assert healths == sorted(healths)
    assert healths[0] < healths[-1]
    assert len(healths) <= 8


def test_a_group_without_data_keeps_its_curve_and_its_share(calibrated):
    told, text, _ = calibrated
    nps = by_signal(told)["nps"]
    assert (nps["verdict"], nps["points"]) == ("no data", None)
    assert nps["percent"] == pytest.approx(nps["percent_before"], abs=0.1)
    assert "[{signal: nps, weight: 20, curve: {points: [[0, 0], [10, 100]]}}]" in text


def test_accounts_never_seen_are_ranked_better_than_before_and_as_well_as_by_a_regression(calibrated):
    held = calibrated[0]["holdout"]
    assert held["positives"] > 20
    assert held["calibrated"]["auc"] > held["before"]["auc"] + 0.05
    assert held["calibrated"]["auc"] > held["logistic_regression"]["auc"] - 0.02


def test_probabilities_of_accounts_never_seen_beat_the_base_rate(calibrated):
    held = calibrated[0]["holdout"]
    assert held["calibrated"]["brier"] < held["base_rate"]["brier"]


def test_the_probability_of_leaving_never_rises_with_the_score(calibrated):
    told, text, _ = calibrated
    calibration = load_model(text).calibration
    assert calibration is not None
    scores, chances = zip(*calibration.points, strict=True)
    assert list(scores) == sorted(set(scores))
    assert list(chances) == sorted(chances, reverse=True)
    assert chances[0] > chances[-1]
    assert 2 <= len(scores) <= 12
    assert told["calibration"]["within_days"] == 90


def test_comments_signals_caps_and_the_red_boundary_stay(calibrated):
    _, text, _ = calibrated
    for line in MODEL.splitlines():
        if "#" in line:
            assert line[line.index("#") :] in text
    before, after = load_model(MODEL), load_model(text)
    assert after.signals == before.signals
    assert after.state_hash == before.state_hash
    assert after.base.caps == before.base.caps
    assert after.base.zones.red.below == before.base.zones.red.below
    assert after.version == before.version + 1


def test_the_red_boundary_cuts_off_the_riskiest_tenth(calibrated):
    assert calibrated[0]["red_share"] == pytest.approx(0.1, abs=0.03)


def test_the_same_seed_writes_the_same_model(small):
    texts = []
    for name in ("one.yaml", "two.yaml"):
        assert calibrate(small, small / name, "--holdout", "0.3", "--seed", "1").exit_code == 0
        texts.append((small / name).read_text(encoding="utf-8"))
    assert texts[0] == texts[1]


def test_a_calibrated_model_can_be_calibrated_again(small, calibrated, tmp_path):
    model = tmp_path / "model.yaml"
    model.write_text(calibrated[1], encoding="utf-8")
    out = tmp_path / "again.yaml"
    result = calibrate(small, out, "--shape", "monotone", model=model)
    assert result.exit_code == 0, result.output
    assert "cross-validated" in result.output
    text = out.read_text(encoding="utf-8")
    assert text.count("# Fitted by kenko calibrate") == 1
    assert load_model(text).version == load_model(calibrated[1]).version + 1


def test_the_page_stands_alone_and_says_what_its_plots_show(calibrated):
    page = calibrated[2]
    assert page.count('<svg role="img" aria-label=') == 3
    assert "Do probabilities come true?" in page
    assert "AUC: calibrated" in page
    assert "actions: " in page
    assert "<script" not in page
    assert 'src="http' not in page


def test_caps_are_dropped_on_request(small, tmp_path):
    out = tmp_path / "new.yaml"
    assert calibrate(small, out, "--drop-caps", "--shape", "free").exit_code == 0
    assert load_model(out.read_text(encoding="utf-8")).base.caps == ()


def test_too_few_leavers_are_refused(tmp_path):
    write_history(tmp_path, accounts=30, base=-9)
    result = calibrate(tmp_path, tmp_path / "new.yaml")
    assert result.exit_code == 1
    assert "of the accounts to learn from left" in result.output
    assert not (tmp_path / "new.yaml").exists()


def test_labels_of_other_accounts_are_refused(history, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("account_id,start_date,churn_date,observed_until\nzz,2024-01-01,2024-05-01,2024-10-27\n")
    result = calibrate(history, tmp_path / "new.yaml", labels=labels)
    assert result.exit_code == 1
    assert "Do the labels belong to these events?" in result.output


def test_without_the_extra_it_says_what_to_install(history, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("kenko.cli.calibrate.find_spec", lambda name: None if name == "sklearn" else found(name))
    result = calibrate(history, tmp_path / "new.yaml")
    assert result.exit_code == 2
    assert "pip install 'kenko[calibrate]'" in result.output


def test_an_unknown_shape_is_refused(history, tmp_path):
    result = calibrate(history, tmp_path / "new.yaml", "--shape", "round")
    assert result.exit_code == 2
    assert "auto, monotone, free" in result.output


def test_zones_of_profiles_still_go_with_those_of_the_base(small, tmp_path):
    model, out = tmp_path / "model.yaml", tmp_path / "new.yaml"
    profile = (
        "profiles: [{name: big, when: {trait.mrr: {gte: 500}}, override: {zones.red: {below: 60, clear_above: 65}}}]"
    )
    model.write_text(f"{MODEL}{profile}\n", encoding="utf-8")
    assert calibrate(small, out, "--shape", "monotone", model=model).exit_code == 0
    after = load_model(out.read_text(encoding="utf-8"))
    assert after.profiles[0].policy.zones.red.below == 60
    assert after.base.zones.yellow.below > 60
