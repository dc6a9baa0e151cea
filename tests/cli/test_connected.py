"""`kenko up`, `replay`, `explain` and `demo` as a person runs them: processes, a real broker, a real Redis."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAAS = ROOT / "examples" / "saas"
README = ROOT / "README.md"
START_S = 120
KENKO = [sys.executable, "-m", "kenko.cli"]


@pytest.fixture
def environ(fresh_backend):
    """The servers of this test, and none that the tester's own shell names."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KENKO_")}
    return {**clean, **fresh_backend.environ(), "KENKO_PARTITIONS": "3", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


def _run(args, environ, cwd, **kwargs):
    return subprocess.run(
        [*KENKO, *map(str, args)],
        env=environ,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
        **kwargs,
    )


def _children(pid):
    """Process ids below `pid`."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [child for child, parent in parents if parent == pid]
    return found + [deeper for child in found for deeper in _children(child)]


def _alive(pids):
    def is_there(pid):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return [pid for pid in pids if is_there(pid)]


def _until(condition, what):
    deadline = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def up(environ, tmp_path):
    """Starts `kenko up` with more settings; stops it if the test did not."""
    started = []

    def start(**more):
        log = (tmp_path / "up.log").open("wb")
        process = subprocess.Popen(
            [*KENKO, "up", "--model", str(SAAS / "model.yaml")],
            env={**environ, **more},
            cwd=tmp_path,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        started.append(process)
        _until(lambda: "Ctrl-C stops everything." in _said() or process.poll() is not None, "kenko up is not ready")
        assert process.poll() is None, _said()
        return process, _said()

    def _said():
        return (tmp_path / "up.log").read_text()

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _readme_curl():
    return re.search(r"```sh\n(curl .*?)```", README.read_text(), re.DOTALL)[1]


def _readme_json():
    return json.loads(re.search(r"```json\n(.*?)```", README.read_text(), re.DOTALL)[1])


def _readme_answer(command, said):
    """What the README's command brings, with the URL and the key that `up` printed."""
    found = {"KENKO_URL": r"ingest +(http\S+)", "KENKO_KEY": r"key +(\S+)"}
    names = {name: re.search(pattern, said)[1] for name, pattern in found.items()}
    run = subprocess.run(["sh", "-c", command], env={**os.environ, **names}, capture_output=True, check=True)
    return json.loads(run.stdout)


def test_up_prints_a_curl_that_works_and_ctrl_c_leaves_nothing(up, environ, tmp_path):
    process, said = up()
    command = re.search(r"(curl .*?)\n\n", said, re.DOTALL)
    assert command is not None
    answer = subprocess.run(["sh", "-c", command[1]], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["accepted"] == 1
    assert _readme_answer(_readme_curl(), said) == _readme_json()
    local = {name: value for name, value in environ.items() if not name.startswith("KENKO_")}
    _until(lambda: _run(["explain", "acme"], local, tmp_path).returncode == 0, "acme is not scored")
    explained = _run(["explain", "acme"], local, tmp_path)
    assert re.match(r"acme: \d+\.\d\d of 100, new: it has no zone yet\n", explained.stdout)
    below = _children(process.pid)
    assert len(below) >= 3
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert _alive(below) == []
    assert not (tmp_path / ".kenko" / "local.json").exists()


def test_a_score_set_by_hand_counts_until_it_is_lifted(up, environ, tmp_path):
    _, said = up()
    command = re.search(r"(curl .*?)\n\n", said, re.DOTALL)[1]
    subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    local = {name: value for name, value in environ.items() if not name.startswith("KENKO_")}

    def explained():
        return _run(["explain", "acme"], local, tmp_path).stdout

    def score():
        return (re.match(r"acme: (\S+) of 100", explained()) or [None, None])[1]

    _until(lambda: score() is not None, "acme is not scored")
    measured = score()
    assert measured != "35.00"
    given = ["override", "acme", "--score", "35", "--reason", "Merger announced.", "--author", "sato"]
    written = _run(given, local, tmp_path)
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith("acme: score 35 until it is lifted, set by sato\n")
    _until(lambda: score() == "35.00", "the override does not count")
    assert "Set by sato: Merger announced." in explained()
    assert _run(["override", "acme", "--lift", "--author", "sato"], local, tmp_path).returncode == 0
    _until(lambda: score() == measured, "the override still counts")
    assert "Set by sato" not in explained().split("Last:")[0]


def test_the_accounts_of_a_parent_are_found_in_every_partition(up, environ, tmp_path):
    up(KENKO_TIME="log")
    local = {name: value for name, value in environ.items() if not name.startswith("KENKO_")}
    at = "2024-02-01T00:00:00Z"
    rows = [{"account_id": f"a{n}", "event": "page", "time": "2024-01-01T00:00:00Z"} for n in range(4)]
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    children = ["explain", "holding", "--children"]
    for n in (1, 3):
        given = ["traits", f"a{n}", "parent=holding", f"mrr={n}00", "--at", "2024-01-01T00:00:00Z"]
        assert _run(given, local, tmp_path).returncode == 0
    replayed = _run(["replay", "e.jsonl", "--tick", "1d", "--until", at], local, tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    _until(lambda: "over 2 children" in _run(children, local, tmp_path).stdout, "the children are not scored")
    said = _run(children, local, tmp_path).stdout
    assert "revenue a month: 400" in said
    assert [line.split()[0] for line in said.splitlines() if re.match(r"a\d ", line)] == ["a3", "a1"]
    nobody = _run(["explain", "nobody", "--children"], local, tmp_path)
    assert (nobody.returncode, "kenko traits CHILD parent=nobody" in nobody.stderr) == (1, True)


def test_a_replay_in_log_time_brings_the_scores_of_the_page(up, environ, tmp_path):
    up(KENKO_TIME="log")
    local = {name: value for name, value in environ.items() if not name.startswith("KENKO_")}
    at = "2024-02-15T21:00:00Z"
    replayed = _run(["replay", SAAS / "goes-silent.jsonl", "--tick", "12h", "--until", at], local, tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    assert "29 events accepted, 0 rejected" in replayed.stdout

    def explained():
        return _run(["explain", "goes-silent"], local, tmp_path).stdout

    _until(lambda: "as of 2024-02-15 21:00" in explained(), "the last tick is not scored")
    assert explained().startswith("goes-silent: 25.00 of 100, red since 2024-02-12")
    offline = ["--events", SAAS / "goes-silent.jsonl", "--model", SAAS / "model.yaml", "--at", at, "--tick", "12h"]
    same = _run(["explain", "goes-silent", *offline], local, tmp_path).stdout
    assert explained().split("Last:")[0] == same.split("Last:")[0]


def test_replay_lists_what_ingest_rejects_by_reason(up, environ, tmp_path):
    up(KENKO_TIME="log")
    local = {name: value for name, value in environ.items() if not name.startswith("KENKO_")}
    rows = [
        {"account_id": "a", "event": "Login", "time": "2024-01-01T00:00:00Z"},
        {"account_id": "a", "event": "kenko.tick.v1", "time": "2024-01-01T01:00:00Z"},
        {"account_id": "a", "event": "Login", "time": "2999-01-01T00:00:00Z"},
        {"account_id": "", "event": "Login", "time": "2024-01-01T02:00:00Z"},
    ]
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "no json\n")
    result = _run(["replay", "e.jsonl"], local, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "1 event accepted, 3 rejected" in result.stdout
    assert "in_the_future: 1" in result.stdout
    assert "line 5: is not JSON" in result.stdout
    assert re.search(r"line 2: event: .*reserved", result.stdout)


def _demo_file(path):
    """The six stories as one CSV, out of order, with two lines that are no events."""
    rows = []
    for story in sorted(SAAS.glob("*.jsonl")):
        for line in story.read_text().splitlines():
            event = json.loads(line)
            rows.append(f"{event['account_id']},{event['user_id']},{event['event']},{event['time']},")
    path.write_text("\n".join(["account_id,user_id,event,ts,value", *rows, "too,few", "a,b,Login,yesterday,"]) + "\n")
    return len(rows)


def test_a_demo_of_any_file_is_checked_against_the_offline_fold_and_can_be_run_again(environ, tmp_path):
    count = _demo_file(tmp_path / "mine.csv")
    options = ["--events", "mine.csv", "--model", SAAS / "model.yaml", "--speed", "max", "--tick", "6h"]
    for _ in range(2):
        result = _run(["demo", *options], environ, tmp_path)
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"{count:,} events accepted, 0 rejected" in result.stdout
        assert "2 lines left out, not an event" in result.stdout
        assert "It is not in the order of event times" in result.stdout
        assert "every score and every alert is what the offline fold of the file says" in result.stdout
        assert not (tmp_path / ".kenko" / "local.json").exists()


def test_a_demo_that_runs_out_of_time_is_checked_up_to_where_it_came(environ, tmp_path):
    _demo_file(tmp_path / "mine.csv")
    timed = {**environ, "EVENTS": "mine.csv", "MODEL": str(SAAS / "model.yaml"), "DEMO_SECONDS": "3"}
    result = _run(["demo", "--speed", "600000"], timed, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "a part of the file" in result.stdout
    assert "Where to go from here" not in result.stdout


def test_ctrl_c_in_a_demo_leaves_nothing(environ, tmp_path):
    _demo_file(tmp_path / "mine.csv")
    options = ["--events", "mine.csv", "--model", str(SAAS / "model.yaml"), "--speed", "10000"]
    with (tmp_path / "demo.log").open("wb") as log:
        process = subprocess.Popen([*KENKO, "demo", *options], env=environ, cwd=tmp_path, stdout=log, stderr=log)
    _until(
        lambda: (tmp_path / ".kenko" / "local.json").exists() or process.poll() is not None, "the demo does not start"
    )
    below = _children(process.pid)
    assert len(below) >= 3
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, (tmp_path / "demo.log").read_text()
    assert _alive(below) == []


def test_a_service_that_dies_ends_the_stack_with_the_end_of_its_log(environ, tmp_path):
    broken = {**environ, "KENKO_INGEST_KEYS": "short"}
    result = _run(["up", "--model", SAAS / "model.yaml"], broken, tmp_path)
    assert result.returncode == 1
    assert "ingest ended with code 2" in result.stderr
    assert "KENKO_INGEST_KEYS" in result.stderr


def test_topics_apply_creates_them_and_says_what_there_is(environ, tmp_path):
    for _ in range(2):
        result = _run(["topics", "apply"], environ, tmp_path)
        assert result.returncode == 0, result.stderr
        assert len(re.findall(r"kenko\.\S+: 3 partitions", result.stdout)) == 7
    other = _run(["topics", "apply"], {**environ, "KENKO_PARTITIONS": "4"}, tmp_path)
    assert other.returncode == 2
    assert "KENKO_PARTITIONS=4" in other.stderr
