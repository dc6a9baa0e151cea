"""`kenko backtest`: figures from files, files from figures, and a page that needs nothing else."""

import csv
import importlib.util
import json
import re
import xml.dom.minidom
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.alert_validity import AlertRow, AlertRules, alert_figures
from kenko.backtest.grid import Grid
from kenko.backtest.history import History
from kenko.backtest.labels import load_labels
from kenko.backtest.march import Pace
from kenko.backtest.ranking import auc
from kenko.backtest.table import observations
from kenko.backtest.trial import TrialPlan, alert_kind, try_models
from kenko.cli.app import app
from kenko.dialects.times import parse_time
from kenko.model import load_model
from schemas.base import to_ms
from schemas.transition import RuleKind, Transition

_spec = importlib.util.spec_from_file_location("small_history", Path(__file__).with_name("small_history.py"))
small_history = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_history)
MODEL, MODEL_TEXT = small_history.MODEL, small_history.MODEL_TEXT
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    small_history.write(folder, *small_history.make(1, 30))
    (folder / "model.yaml").write_text(MODEL_TEXT)
    (folder / "wide.yaml").write_text(MODEL_TEXT.replace("below: 40, clear_above: 45", "below: 55, clear_above: 58"))
    return folder


@pytest.fixture
def backtest(files, monkeypatch):
    monkeypatch.chdir(files)
    monkeypatch.setenv("COLUMNS", "160")
    given = ["--model", "model.yaml", "--events", "events.csv.gz", "--labels", "labels.csv"]
    more = ["--lifecycle", "lifecycle.csv.gz", "--tick", "6h"]
    return lambda *args: CliRunner().invoke(app, ["backtest", *given, *more, *map(str, args)])


def _rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_the_files_it_writes_give_the_figures_it_prints(backtest, files):
    result = backtest("--json", "out.json", "--scores-out", "scores.csv", "--alerts-out", "alerts.csv")
    assert result.exit_code == 0, result.output
    body = json.loads((files / "out.json").read_text())
    [model] = body["models"]
    figures = model["figures"]
    labels = load_labels(files / "labels.csv")
    scores = {}
    for row in _rows(files / "scores.csv"):
        scores.setdefault(row["account_id"], []).append((to_ms(parse_time(row["ts"].encode())), float(row["score"])))
    left, risk = [], []
    for account, time_ms, was in Grid().rows(labels):
        before = [score for at, score in scores.get(account, []) if at <= time_ms]
        if before:
            left.append(was)
            risk.append(100 - before[-1])
    assert figures["auc"] == auc(left, risk)
    assert (figures["scored"], figures["positives"]) == (len(left), sum(left))
    rows = [
        AlertRow(row["account_id"], to_ms(parse_time(row["ts"].encode())), row["kind"])
        for row in _rows(files / "alerts.csv")
    ]
    again = alert_figures(rows, labels, Random(0), AlertRules())
    assert again.red_alerts == figures["red_alerts"] > 0
    assert again.lead_days_median == figures["lead_days_median"]
    assert model["alert_kinds"] == {kind: sum(row.kind == kind for row in rows) for kind in ("red", "recover")}
    assert figures["zone_hazard_ratio_red_vs_not"] == figures["hazard_ratio_red_vs_not"]  # there are no other rules
    assert f"{figures['auc']:.3f}" in result.output
    assert "ROC AUC" in result.output


def test_a_second_run_says_the_same(backtest):
    first, second = backtest("--json", "-"), backtest("--json", "-")
    assert json.loads(first.stdout) == json.loads(second.stdout)


def test_json_on_standard_output_is_nothing_but_json(backtest):
    result = backtest("--json", "-", "--compare", "wide.yaml")
    body = json.loads(result.stdout)
    assert [model["name"] for model in body["models"]] == ["model", "wide"]
    assert body["difference"]["red_alerts"] > 0
    assert body["alerted"]["only_first"] == []
    assert body["alerted"]["both"] > 0


def test_accounts_can_be_chosen_by_list_and_by_sample(backtest, files):
    (files / "some.txt").write_text("a00\na03\na06\na07\n")
    body = json.loads(backtest("--json", "-", "--accounts", "some.txt").stdout)
    assert body["models"][0]["figures"]["accounts"] == 4
    halves = [json.loads(backtest("--json", "-", "--sample", 0.5, "--seed", seed).stdout) for seed in (1, 1, 2)]
    assert [half["models"][0]["figures"]["accounts"] for half in halves] == [15, 15, 15]
    assert halves[0] == halves[1] != halves[2]


def test_bad_lines_are_counted_and_do_not_end_it(files, monkeypatch):
    monkeypatch.chdir(files)
    (files / "events.jsonl").write_text(
        '{"account_id": "a00", "event": "click", "time": "2024-03-01T00:00:00Z"}\nnot json\n'
        '{"account_id": "a00", "event": "click", "time": "2024-02-01T00:00:00Z"}\n'
    )
    given = ["--model", "model.yaml", "--events", "events.jsonl", "--labels", "labels.csv", "--tick", "1d"]
    result = CliRunner().invoke(app, ["backtest", *given])
    assert result.exit_code == 0
    assert "events.jsonl: 1 line left out, not an event:" in result.output
    assert "line 2: is not JSON" in result.output


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--labels", "none.csv"], 1, "none.csv: there is no such file"),
        (["--labels", "model.yaml"], 1, "missing: account_id"),
        (["--events", "none.csv"], 1, "none.csv: there is no such file"),
        (["--model", "none.yaml"], 2, "none.yaml: No such file"),
        (["--kinds", "("], 2, "is no regular expression"),
        (["--sample", "0"], 1, "No account of the labels is left"),
        (["--until", "2020-01-01T00:00:00Z"], 2, "Nothing happens before --until"),
        (["--scores-out", "none/scores.csv"], 2, "none/scores.csv: No such file or directory"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(backtest, args, code, message):
    result = backtest(*args)
    assert (result.exit_code, message in result.output) == (code, True), result.output


def test_a_set_in_which_nobody_leaves_has_figures_that_do_not_exist(backtest, files):
    (files / "stay.txt").write_text("a01\na02\n")
    result = backtest("--accounts", "stay.txt", "--page", "stay.html")
    assert result.exit_code == 0
    assert "nothing can be said about the score's ranking" in result.output
    assert "nan" not in (files / "stay.html").read_text()


def test_the_page_stands_alone_and_says_in_words_what_its_plots_show(backtest, files):
    result = backtest("--page", "page.html", "--compare", "wide.yaml")
    assert result.exit_code == 0, result.output
    page = (files / "page.html").read_text()
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)="(?!#)""", re.sub(r"xmlns(?::xlink)?=\"[^\"]*\"", "", page))
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 4
    for plot in plots:
        root = xml.dom.minidom.parseString(plot).documentElement
        assert root.getAttribute("role") == "img"
        assert len(root.getAttribute("aria-label")) > 40
    assert "currentColor" in page
    assert "prefers-color-scheme: dark" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for text in ("ROC AUC", "Whose alerts differ", "Churn rate, red ÷ not red", "wide"):
        assert text in page


def test_of_an_account_that_is_no_longer_watched_nobody_is_told(backtest, files):
    def by_week(labels):
        body = json.loads(backtest("--json", "-", "--until", "2024-05-30T00:00:00Z", "--labels", labels).stdout)
        return body["models"][0]["workload"]["by_week"]

    header, *rows = (files / "labels.csv").read_text().splitlines()
    ends = [",".join((*row.split(",")[:2], "", "2024-03-01")) for row in rows]
    (files / "short.csv").write_text("\n".join([header, *ends]) + "\n")
    watched, dropped = by_week("labels.csv"), by_week("short.csv")
    assert dropped[:8] == watched[:8]
    assert sum(dropped[:8]) > 0
    assert sum(watched[9:]) > sum(dropped[9:]) == 0


def test_who_left_without_a_score_is_counted_and_said(backtest, files, tmp_path):
    """Of an account only the end of its contract is known: there is no score before."""
    events, lifecycle, labels = small_history.make(1, 30)
    start, end = "2024-01-02T00:00:00Z", "2024-03-10T00:00:00Z"
    lifecycle += [
        [end, "never", "subscription_cancelled", *[""] * 6],
    ]
    labels.append(["never", start[:10], end[:10], "2024-05-30"])
    paths = small_history.write(tmp_path, events, sorted(lifecycle, key=lambda row: row[0]), labels)
    given = [
        part for name, path in zip(("--events", "--lifecycle", "--labels"), paths, strict=True) for part in (name, path)
    ]
    result = backtest(*given, "--json", "never.json", "--page", "never.html")
    assert result.exit_code == 0, result.output
    figures = json.loads((files / "never.json").read_text())["models"][0]["figures"]
    assert (figures["unscored_positives"], figures["unscored"]) == (1, 2)
    followed = f"{figures['positives'] + 1:,} followed by churn within 30 days"
    assert followed in result.output
    assert followed in (files / "never.html").read_text()


def test_names_on_the_page_are_text_and_never_markup(backtest, files):
    (files / "<b>.yaml").write_text(MODEL_TEXT)
    result = backtest("--model", "<b>.yaml", "--page", "odd.html")
    assert result.exit_code == 0, result.output
    assert "<b>" not in (files / "odd.html").read_text()


def test_without_the_extra_the_page_is_refused_before_the_work(backtest, monkeypatch):
    monkeypatch.setattr("kenko.cli.backtest_page.find_spec", {}.get)
    result = backtest("--page", "page.html")
    assert result.exit_code == 2
    assert "pip install 'kenko[report]'" in result.output


def test_labels_change_no_score(files):
    labels = load_labels(files / "labels.csv")
    others = {account: label._replace(churn_ms=None) for account, label in labels.items()}
    found = [
        {
            (o.account_id, o.time_ms): (o.values, o.score)
            for o in observations(
                MODEL, files / "events.csv.gz", files / "lifecycle.csv.gz", given, interval_ms=6 * HOUR_MS
            )
        }
        for given in (labels, others)
    ]
    assert found[0].keys() < found[1].keys()
    assert all(found[1][place] == known for place, known in found[0].items())


def test_values_are_those_the_account_had_at_the_time(files):
    events, _, _ = small_history.make(1, 30)
    labels = load_labels(files / "labels.csv")
    table = observations(MODEL, files / "events.csv.gz", files / "lifecycle.csv.gz", labels, interval_ms=HOUR_MS)
    assert len(table) > 50
    for row in table:
        mine = [to_ms(parse_time(e[3].encode())) for e in events if e[0] == row.account_id]
        before = [at for at in mine if at < row.time_ms]
        assert row.values["actions"] <= sum(at >= row.time_ms - 14 * DAY_MS for at in before)
        assert row.values["actions"] >= sum(at >= row.time_ms - 13 * DAY_MS for at in before)
        assert (row.time_ms - before[-1]) / DAY_MS - 0.5 <= row.values["seen"] <= (row.time_ms - before[-1]) / DAY_MS


def test_two_models_at_once_say_what_each_says_alone(files):
    labels = load_labels(files / "labels.csv")
    models = [MODEL, load_model((files / "wide.yaml").read_text())]
    end_ms = max(label.until_ms for label in labels.values())

    def run(chosen):
        plan = TrialPlan(
            History(files / "events.csv.gz", files / "lifecycle.csv.gz", labels),
            tuple(Grid().times(labels.values())),
            Pace(6 * HOUR_MS, end_ms),
            AlertPolicy(receivers=("backtest",)),
        )
        return try_models(chosen, plan)

    together, alone = run(models), [*run(models[:1]), *run(models[1:])]
    for one, other in zip(together, alone, strict=True):
        assert (one.rows, one.looks, one.counts) == (other.rows, other.looks, other.counts)
        assert [item.alert for item in one.alerts] == [item.alert for item in other.alerts]


def test_each_rule_is_judged_alone_and_good_news_is_no_alarm(backtest, files):
    rules = """
rules:
  - {name: gone-quiet, kind: churn, silence: {factor: 4}}
  - {name: grows, kind: expansion, zone: [green], signal: {users: {gte: 3}}}
"""
    (files / "rules.yaml").write_text(MODEL_TEXT + rules)
    result = backtest("--model", "rules.yaml", "--json", "rules.json", "--alerts-out", "rules.csv")
    assert result.exit_code == 0, result.output
    [model] = json.loads((files / "rules.json").read_text())["models"]
    kinds = [row["kind"] for row in _rows(files / "rules.csv")]
    assert set(kinds) == {"red", "recover", "gone-quiet"}
    assert {kind: model["by_rule"][kind]["red_alerts"] for kind in ("red", "gone-quiet")} == {
        kind: kinds.count(kind) for kind in ("red", "gone-quiet")
    }
    assert model["figures"]["red_alerts"] == kinds.count("red") + kinds.count("gone-quiet")
    assert model["figures"]["share_of_account_time_red"] > model["figures"]["zone_share_of_account_time_red"]
    assert "gone-quiet" in result.output


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"from_zone": "green", "to_zone": "red"}, "red"),
        ({"from_zone": "red", "to_zone": "yellow"}, "recover"),
        ({"from_zone": "green", "to_zone": "yellow"}, None),
        ({"from_zone": "red", "to_zone": "red", "rule": "gone-quiet", "active": True}, "gone-quiet"),
        ({"from_zone": "red", "to_zone": "red", "rule": "gone-quiet", "active": False}, None),
        ({"from_zone": "green", "to_zone": "green", "rule": "grow", "active": True, "kind": RuleKind.EXPANSION}, None),
    ],
)
def test_alert_rows_say_red_recover_or_the_rule_that_began_to_hold(change, kind):
    values = {
        "id": "1",
        "account_id": "a",
        "model": "m",
        "score_hash": "h",
        "time": "2024-01-01T00:00:00Z",
        "partition": 0,
        "offset": 1,
        "cause": "behaviour",
        "receipt": {
            "score": None,
            "standing": "unknown",
            "contributions": [],
            "change": {"before": None, "after": None},
        },
    }
    assert alert_kind(Transition.model_validate(values | change)) == kind
