"""Reading a history: in order of time, lifecycle merged in, and bad lines named instead of ending it."""

import gzip
import importlib.util
from pathlib import Path

import pytest

from kenko.backtest.chosen_accounts import keep, read_accounts, sample_accounts
from kenko.backtest.event_file import EventFileError
from kenko.backtest.history import History, OutOfOrderError
from kenko.backtest.labels import LabelFileError, load_labels

_spec = importlib.util.spec_from_file_location("small_history", Path(__file__).with_name("small_history.py"))
small_history = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_history)
make, write = small_history.make, small_history.write

EVENTS = "account_id,user_id,event,ts,value\n"
LIFECYCLE = "ts,account_id,type,product,mrr,bill_period_months,discount,add_ons,term_end\n"


def _history(folder, events, lifecycle=None, name="events.csv"):
    path = folder / name
    path.write_bytes(events if isinstance(events, bytes) else events.encode())
    beside = None
    if lifecycle is not None:
        beside = folder / "lifecycle.csv"
        beside.write_text(lifecycle)
    return History(path, beside)


def test_lifecycle_rows_come_in_by_time_and_first_at_the_same_time(tmp_path):
    history = _history(
        tmp_path,
        EVENTS + "a,u,click,2024-01-02T00:00:00Z,\na,,click,2024-01-03T00:00:00Z,7.5\n",
        LIFECYCLE
        + "2024-01-09T00:00:00Z,a,subscription_cancelled,,,,,,\n"
        + "2024-01-02T00:00:00Z,a,subscription_started,pro,100.0,1,0.25,,2024-02-02\n",
    )
    read = [event for _, event in history.read()]
    assert [event.event for event in read] == ["subscription_started", "click", "click", "subscription_cancelled"]
    assert read[0].properties == {
        "product": "pro",
        "mrr": 100.0,
        "bill_period_months": 1,
        "discount": 0.25,
        "term_end": "2024-02-02",
    }
    assert type(read[0].properties["bill_period_months"]) is int
    assert [(event.user_id, event.properties) for event in read[1:3]] == [("u", {}), (None, {"value": 7.5})]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,u,click,yesterday,", "ts: must be an RFC 3339 time"),
        ("a,u,click,2024-01-02T00:00:00,", "ts: must end with Z or an offset"),
        (",u,click,2024-01-02T00:00:00Z,", "account_id: string should have at least 1 character"),
        (" a,u,click,2024-01-02T00:00:00Z,", "account_id: must not begin or end with white space"),
        ("a,u,kenko.tick.v1,2024-01-02T00:00:00Z,", "event: names that begin with 'kenko.'"),
        ("a,u,click,2024-01-02T00:00:00Z,many", "value: 'many' is no number"),
        ("a,u,click,2024-01-02T00:00:00Z", "has 4 fields, the first line has 5"),
        ("a,\x07,click,2024-01-02T00:00:00Z,", "user_id: must not contain control characters"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(tmp_path, line, message):
    good = "a,u,click,2024-01-02T00:00:00Z,\n"
    history = _history(tmp_path, EVENTS + good + line + "\n" + good)
    assert len(list(history.read())) == 2
    [bad] = history.bad
    assert (bad.file, bad.count, bad.first[0].line) == ("events.csv", 1, 3)
    assert bad.first[0].message.startswith(message)


def test_a_byte_that_is_no_utf8_spoils_its_own_line(tmp_path):
    good = b"a,u,click,2024-01-02T00:00:00Z,\n"
    history = _history(tmp_path, EVENTS.encode() + good + good.replace(b"a,", b"\xff,", 1) + good)
    assert len(list(history.read())) == 2
    assert history.bad[0].first[0].line == 3


def test_a_compressed_file_that_was_cut_off_is_read_up_to_the_cut(tmp_path):
    body = EVENTS + "".join(
        f"a,u{i * 7919 % 1000},click,2024-01-02T00:{i // 60:02}:{i % 60:02}Z,\n" for i in range(3000)
    )
    whole = gzip.compress(body.encode())
    history = _history(tmp_path, whole[: len(whole) // 2], name="events.csv.gz")
    read = list(history.read())
    assert 0 < len(read) < 3000
    assert "broken from here on" in history.bad[0].first[-1].message


def test_json_lines_are_read_as_ingest_reads_them(tmp_path):
    lines = [
        '{"account_id": "a", "event": "click", "time": "2024-01-02T00:00:00Z", "properties": {"rows": 3}}',
        "[]",
        "{",
        '{"account_id": "a", "event": "click", "time": "2024-01-03T00:00:00Z", "colour": "red"}',
        '{"id": "x", "source": "s", "account_id": "a", "event": "click", "time": "2024-01-04T00:00:00Z"}',
    ]
    history = _history(tmp_path, "\n".join(lines), name="events.jsonl")
    read = [event for _, event in history.read()]
    assert [(event.source.split("/")[1], event.id) for event in read[:1]] == [("events", "1")]
    assert (read[1].source, read[1].id) == ("s", "x")
    assert [item.line for item in history.bad[0].first] == [2, 3, 4]


@pytest.mark.parametrize(
    ("events", "lifecycle", "repeat"),
    [
        ("e.csv.gz", None, False),
        ("e.csv", "l.csv", False),
        ("e.csv", "e.csv.gz", True),  # rows of both are numbered from 1
        ("e.csv", "l.jsonl", True),
        ("e.ndjson.gz", None, True),
    ],
)
def test_ids_may_repeat_where_the_rows_of_one_csv_do_not_number_them(tmp_path, events, lifecycle, repeat):
    beside = None if lifecycle is None else tmp_path / lifecycle
    assert History(tmp_path / events, beside).ids_repeat is repeat


def test_events_that_are_not_in_order_are_found_and_can_be_read_sorted(tmp_path):
    history = _history(
        tmp_path, EVENTS + "a,u,late,2024-01-03T00:00:00Z,\na,u,early,2024-01-02T00:00:00Z,\n", LIFECYCLE
    )
    with pytest.raises(OutOfOrderError):
        list(history.read())
    history.is_sorted = False
    assert [event.event for _, event in history.read()] == ["early", "late"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("events.txt", EVENTS, "must end in"),
        ("events.csv", "account,what\n", "missing: account_id, event, ts"),
        ("events.csv", "", "missing: account_id, event, ts"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_which(tmp_path, name, text, message):
    with pytest.raises(EventFileError, match=message) as found:
        list(_history(tmp_path, text, name=name).read())
    assert str(found.value).startswith(str(tmp_path / name))


def test_only_the_wanted_accounts_are_read(tmp_path):
    paths = write(tmp_path, *make(accounts=6))
    read = {event.account_id for _, event in History(paths[0], paths[1], {"a01", "a04"}).read()}
    assert read == {"a01", "a04"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("account_id,start_date,churn_date\n", "missing: observed_until"),
        ("account_id,start_date,churn_date,observed_until\n", "holds no account"),
        ("account_id,start_date,churn_date,observed_until\n,2024-01-01,,2024-02-01\n", "line 2: account_id: is empty"),
        ("account_id,start_date,churn_date,observed_until\na,soon,,2024-02-01\n", "line 2: start_date: 'soon' must be"),
        ("account_id,start_date,churn_date,observed_until\na,2024-01-01,,\n", "line 2: observed_until: is empty"),
        (
            "account_id,start_date,churn_date,observed_until\na,2024-01-01,,2024-02-01\na,2024-01-01,,2024-02-01\n",
            "line 3: 'a' stands there twice",
        ),
    ],
)
def test_labels_with_a_mistake_are_refused_with_its_place(tmp_path, text, message):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(LabelFileError, match=message):
        load_labels(tmp_path / "labels.csv")


def test_a_churn_after_the_observation_was_not_seen(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "account_id,start_date,churn_date,observed_until\na,2024-01-01,2024-03-01,2024-02-01\nb,2024-01-01,2024-02-01,2024-02-01\n"
    )
    labels = load_labels(tmp_path / "labels.csv")
    assert (labels["a"].churn_ms, labels["b"].churn_ms) == (None, labels["b"].until_ms)


def test_a_sample_is_the_same_for_the_same_seed_and_two_halves_of_a_list_are_whole(tmp_path):
    accounts = [f"a{number}" for number in range(100)]
    first = sample_accounts(accounts, 0.5, 7)
    assert first == sample_accounts(reversed(accounts), 0.5, 7)
    assert len(first) == 50
    assert first != sample_accounts(accounts, 0.5, 8)
    (tmp_path / "list.csv").write_text("account_id,name\na1,One\na7\n\n")
    assert read_accounts(tmp_path / "list.csv") == {"a1", "a7"}
    assert list(keep(dict.fromkeys(accounts), {"a7", "a1", "none"})) == ["a1", "a7"]
    (tmp_path / "list.csv").write_text("account_id\n")
    with pytest.raises(EventFileError, match="holds no account"):
        read_accounts(tmp_path / "list.csv")
