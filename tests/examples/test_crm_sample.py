"""The sample is what its page says, and the script that makes it is deterministic."""

import csv
import gzip
import importlib.util
import json
from collections import Counter
from pathlib import Path

import pytest

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.event_source import open_source
from kenko.backtest.plan import plan
from kenko.backtest.run import Judge, run
from kenko.model import load_model
from schemas.transition import Cause

FOLDER = Path(__file__).parents[2] / "examples" / "crm"
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def events():
    with gzip.open(FOLDER / "events.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_it_is_small_and_covers_a_year(events):
    assert (FOLDER / "events.jsonl.gz").stat().st_size <= 2_000_000
    assert 55 <= len({event["account_id"] for event in events}) <= 65
    assert events[0]["time"] < "2024-01-02"
    assert events[-1]["time"] > "2024-12-30"


def test_it_is_in_order_and_no_id_comes_twice(events):
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert len({event["id"] for event in events}) == len(events)


def test_about_a_quarter_leaves_and_there_is_a_mix_of_plans(events):
    names = Counter(event["event"] for event in events)
    accounts = {event["account_id"] for event in events}
    assert 0.25 <= names["subscription_cancelled"] / len(accounts) <= 0.30
    assert len({event.get("properties", {}).get("product") for event in events}) >= 6


def test_it_holds_no_label(events):
    fields = {field for event in events for field in event}
    assert fields == {"id", "source", "account_id", "user_id", "event", "time", "properties"}
    properties = {name for event in events for name in event.get("properties", {})}
    assert properties == {"value", "product", "term_end", "mrr", "discount", "bill_period_months"}


def test_the_model_gives_a_sensible_number_of_alerts_with_silence_among_them():
    model = load_model((FOLDER / "model.yaml").read_text())
    source = open_source(FOLDER / "events.jsonl.gz")
    judge = Judge(model, 1, AlertPolicy(receivers=("webhook",)), source.last_ms)
    backtest = run(plan(source.events(), interval_ms=DAY_MS), judge)
    assert (source.bad, backtest.bad, backtest.fold.counts["applied"]) == ((), [], source.count)
    told = [alert for alert in backtest.alerts if alert.told]
    assert 10 <= len(told) <= 60
    assert any(alert.alert.cause is Cause.PASSING_TIME for alert in told)
    standings = Counter(health.standing for health in backtest.fold.scores())
    assert standings["churned"] == 17  # who has cancelled is churned, not red


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def made_up(tmp_path):
    """A folder of the same shape: 130 accounts, every other one leaves. There is no labels.csv in it."""
    usage, lifecycle = [], []
    for number in range(130):
        account = f"a{number:03}"
        row = {"account_id": account, "product": "basic", "mrr": "100.0", "bill_period_months": "1", "discount": ""}
        lifecycle.append({"ts": "2024-01-01T00:00:00Z", "type": "subscription_started", "term_end": "", **row})
        for month in range(1, 5):
            for day in range(1, 5 + number % 20):
                event = {"account_id": account, "user_id": f"{account}-u1", "event": "win_opportunity"}
                usage.append(
                    {**event, "ts": f"2024-{month:02}-{day:02}T08:00:00Z", "value": "12.5" if day == 1 else ""}
                )
        if number % 2:
            lifecycle.append({"ts": "2024-05-01T00:00:00Z", "type": "subscription_cancelled", "term_end": "", **row})
    _write(tmp_path / "events.csv.gz", sorted(usage, key=lambda row: row["ts"]))
    _write(tmp_path / "lifecycle.csv.gz", sorted(lifecycle, key=lambda row: row["ts"]))
    return tmp_path


def _script():
    spec = importlib.util.spec_from_file_location("make_sample", FOLDER / "make_sample.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_gives_the_same_bytes_each_time(made_up):
    script = _script()
    counts = [script.write(made_up, made_up / name) for name in ("one", "two")]
    assert counts[0] == counts[1]
    assert counts[0][0] == 60
    assert (made_up / "one").read_bytes() == (made_up / "two").read_bytes()


def test_the_script_merges_both_files_in_order_of_time(made_up):
    _script().write(made_up, made_up / "sample.jsonl.gz")
    with gzip.open(made_up / "sample.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert rows[0]["event"] == "subscription_started"
    assert rows[0]["properties"] == {"product": "basic", "mrr": 100.0, "bill_period_months": 1}
    assert rows[-1]["event"] == "subscription_cancelled"
    assert {"value": 12.5} in [row.get("properties") for row in rows]
