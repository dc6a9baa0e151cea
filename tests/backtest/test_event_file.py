"""Event files: what is taken, what is reported with its line."""

import gzip
import json

import pytest

from kenko.backtest.event_file import BadLine, EventFileError, FileEvent, read_lines
from kenko.backtest.event_source import open_source

T0_MS = 1_704_067_200_000  # 2024-01-01


def _event(**more):
    return {"id": "1", "account_id": "acme", "event": "Login", "time": "2024-01-01T00:00:00Z", **more}


def _write(path, text, **kwargs):
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def test_json_lines_are_taken_as_they_are_and_blank_ones_passed_over(tmp_path):
    path = _write(tmp_path / "e.jsonl", json.dumps(_event(source="app")) + "\n\n")
    assert list(read_lines(path)) == [FileEvent(1, T0_MS, "acme", _event(source="app"))]


def test_an_event_without_id_gets_file_name_and_row_number(tmp_path):
    path = _write(tmp_path / "mine.jsonl", "\n" + json.dumps(_event(id=None)) + "\n")
    [event] = read_lines(path)
    assert (event.body["id"], event.body["source"]) == ("mine-2", "mine")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ('{"account_id": "a", "event": "e"}', "time: must be a text"),
        ('{"account_id": "a", "event": "e", "time": 5}', "time: must be a text"),
        ('{"account_id": "a", "event": "e", "time": "yesterday"}', "time: must be an RFC 3339 time"),
        ('{"account_id": "a", "event": "e", "time": "2024-01-01T00:00:00"}', "time: must end with Z or an offset"),
        ('{"account_id": "\udcff"}', "is not JSON"),
    ],
)
def test_a_bad_line_is_reported_with_its_number_and_the_next_is_read(tmp_path, line, says):
    path = _write(tmp_path / "e.jsonl", f"{line}\n{json.dumps(_event())}\n")
    bad, good = read_lines(path)
    assert isinstance(bad, BadLine)
    assert (bad.line, good.line) == (1, 2)
    assert bad.message.startswith(says)


def test_csv_rows_become_events(tmp_path):
    rows = (
        "account_id,user_id,event,ts,value\nacme,ann,Login,2024-01-01T00:00:00Z,\nacme,,Sale,2024-01-01T00:00:01Z,2.5\n"
    )
    first, second = read_lines(_write(tmp_path / "crm.csv", rows))
    assert first.body == {
        "id": "crm-1",
        "source": "crm",
        "account_id": "acme",
        "user_id": "ann",
        "event": "Login",
        "time": "2024-01-01T00:00:00Z",
    }
    assert second.body["properties"] == {"value": 2.5}
    assert "user_id" not in second.body


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("acme,ann,Login", "has 3 fields, the first line has 5"),
        ("acme,ann,Login,2024-01-01T00:00:00Z,many", "value: 'many' is no number"),
        ("acme,ann,\udcff,2024-01-01T00:00:00Z,", "is not UTF-8"),
    ],
)
def test_a_bad_csv_row_is_reported_with_its_line(tmp_path, row, says):
    [bad] = read_lines(_write(tmp_path / "e.csv", f"account_id,user_id,event,ts,value\n{row}\n"))
    assert bad == BadLine(2, says)


def test_a_csv_without_its_columns_is_refused_by_name(tmp_path):
    with pytest.raises(EventFileError, match="missing: event, ts"):
        list(read_lines(_write(tmp_path / "e.csv", "account_id,user_id\n")))


@pytest.mark.parametrize("name", ["e.parquet", "e.gz", "e"])
def test_an_unknown_type_is_refused(tmp_path, name):
    with pytest.raises(EventFileError, match=r"must end in \.jsonl"):
        list(read_lines(_write(tmp_path / name, "")))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(EventFileError, match="there is no such file"):
        list(read_lines(tmp_path / "e.jsonl"))


def test_a_compressed_file_that_was_cut_off_gives_what_is_before_the_cut(tmp_path):
    lines = "".join(json.dumps(_event(id=str(n))) + "\n" for n in range(20_000))
    path = tmp_path / "e.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode())[:-2_000])
    *good, bad = read_lines(path)
    assert len(good) > 100
    assert isinstance(bad, BadLine)
    assert "broken from here on" in bad.message


def test_a_file_out_of_order_is_sorted_and_says_so(tmp_path):
    rows = [_event(id=str(n), time=f"2024-01-0{day}T00:00:00Z") for n, day in enumerate((3, 1, 2, 1))]
    source = open_source(_write(tmp_path / "e.jsonl", "".join(json.dumps(row) + "\n" for row in rows)))
    assert not source.in_order
    assert [event.body["id"] for event in source.events()] == ["1", "3", "2", "0"]


def test_a_source_knows_what_is_in_it(tmp_path):
    rows = [json.dumps(_event(id="1")), "{", json.dumps(_event(id="2", account_id="b", time="2024-01-02T00:00:00Z"))]
    source = open_source(_write(tmp_path / "e.jsonl", "\n".join(rows)))
    assert (source.count, source.accounts, source.in_order) == (2, {"acme", "b"}, True)
    assert (source.first_ms, source.last_ms) == (T0_MS, T0_MS + 86_400_000)
    assert [bad.line for bad in source.bad] == [2]
    assert len(list(source.events())) == len(list(source.events())) == 2


def test_a_file_without_any_event_is_refused_with_its_first_mistake(tmp_path):
    with pytest.raises(EventFileError, match="holds no event; line 1: is not JSON"):
        open_source(_write(tmp_path / "e.jsonl", "{\n"))
