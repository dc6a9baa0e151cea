"""`kenko bench score`: a line a log whose figures fit together, and an end with an error where Redis is not the fold's."""

import json
import os
import subprocess
import sys

import pytest
import typer

from kenko.backtest.fold import OfflineFold
from kenko.cli.bench.agreement import differences, fold_log
from kenko.cli.bench.score import tell
from kenko.cli.bench.score_run import Result
from kenko.cli.bench.zipf_log import LogRecords, ZipfLog
from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.model_file import read_model
from kenko.engine.rows import RowChange
from kenko.store.memory_partition import MemoryPartition, MemoryPartitionStore
from kenko.store.port import Fence, PartitionCommit
from schemas.usage_event import UsageEvent

PARTITIONS = 3
LOG = ZipfLog(events=600, accounts=100, tick_every=200)


def folded() -> OfflineFold:
    return fold_log(LOG, read_model(DEFAULT_MODEL), PARTITIONS, lambda _: None)


async def stored(fold, change=lambda row: row, counts=None):
    """What a scorer would leave of the same log, each row as `change` makes it: stores, and the accounts in them."""
    stores, accounts = [], set()
    for partition in range(PARTITIONS):
        store = MemoryPartitionStore(MemoryPartition())
        rows = [RowChange(account_id, change(row.state), None, None) for account_id, row in fold.rows(partition)]
        total = (fold.counts if counts is None else counts) if partition == 0 else {}
        await store.commit(PartitionCommit(None, Fence(1, "log", counts=dict(total)), rows))
        accounts |= {row.account_id for row in rows}
        stores.append(store)
    return stores, accounts


async def compared(fold, stores, accounts):
    return await differences(fold, stores, accounts, lambda _: None)


def test_the_same_plan_gives_the_same_log_with_its_ticks_in_place():
    first, second = list(LOG.steps()), list(LOG.steps())
    assert first == second
    assert [place for place, step in enumerate(first) if not isinstance(step, UsageEvent)] == [200, 401, 602]


def test_a_few_accounts_send_most_and_ids_are_of_one_event_each():
    events = [step for step in ZipfLog(5_000, 1_000, 10_000).steps() if isinstance(step, UsageEvent)]
    accounts = [event.account_id for event in events]
    assert accounts.count("account-0000000") > 20 * accounts.count("account-0000099")
    assert len({event.id for event in events}) == len(events)
    assert {event.event for event in events} == {"Contract Signed", "Feature Used", "page", "Session Ended", "login"}


def test_a_tick_goes_to_every_partition_and_the_ends_count_all_records():
    records = LogRecords("topic", PARTITIONS)
    written = [record for step in LOG.steps() for record in records.of(step)]
    assert len(written) == sum(records.ends.values()) == 600 + 3 * PARTITIONS
    assert [record.partition for record in written if record.key is None] == [0, 1, 2] * 3


async def test_equal_rows_and_counts_are_no_difference():
    fold = folded()
    assert await compared(fold, *await stored(fold)) == []


async def test_a_row_that_is_not_the_folds_is_a_difference():
    fold = folded()
    stores, accounts = await stored(fold, lambda row: row[:-1] + bytes([row[-1] ^ 1]))
    assert await compared(fold, stores, accounts) == [
        f"{len(accounts)} rows that are not what the fold makes of the log"
    ]


async def test_a_missing_row_and_a_strange_account_are_differences():
    fold = folded()
    stores, accounts = await stored(fold)
    stores[1] = MemoryPartitionStore(MemoryPartition())
    lost = {account_id for account_id, _ in fold.rows(1)}
    assert await compared(fold, stores, {*accounts - lost, "stranger"}) == [
        f"{len(lost)} rows that the store does not have",
        "1 accounts that the fold does not know",
    ]


async def test_a_count_that_is_off_is_a_difference():
    fold = folded()
    stores, accounts = await stored(fold, counts={**fold.counts, "applied": 599})
    assert await compared(fold, stores, accounts) == ["applied: 599 counted, 600 by the fold"]


def test_a_difference_ends_the_command_with_an_error(capsys):
    with pytest.raises(typer.Exit) as ended:
        tell(Result({"bench": "score"}, ["tick-2500: 1 rows that the store does not have"]))
    assert ended.value.exit_code == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"bench": "score"}
    assert "1 rows that the store does not have" in printed.err


@pytest.mark.connected
def test_a_small_run_compares_and_its_figures_fit_together(backend):
    session_s = "2" if backend.embedded else "6"  # the embedded broker lets a member join after half of it
    environ = {
        **os.environ,
        **backend.fresh().environ(),
        "KENKO_PARTITIONS": "2",
        "KENKO_KAFKA_SESSION_TIMEOUT_S": session_s,
    }
    options = ["--events", "2000", "--accounts", "300", "--tick-every", "500", "--stock-events", "50"]
    command = [sys.executable, "-m", "kenko.cli", "bench", "score", *options]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    [line] = ran.stdout.splitlines()
    found = json.loads(line)
    assert (found["bench"], found["broker"], found["differences"]) == ("score", "given", 0)
    assert (found["events"], found["accounts"], found["tick_every"]) == (2000, 300, 500)
    assert found["evaluated"] >= found["accounts_seen"] > 100
    assert found["ratio_to_limit"] == pytest.approx(found["rate"] / found["limit_rate"], rel=0.02)
    assert found["cpu_ratio_to_limit"] == pytest.approx(found["cpu_rate"] / found["cpu_limit_rate"], rel=0.02)
    assert found["ratio_to_stock_faust"] == pytest.approx(found["rate"] / found["stock_faust_rate"], rel=0.05)
