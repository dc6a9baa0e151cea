"""Makes events.jsonl.gz: about 60 accounts of the simulated CRM over one year, as POST /v1/events takes them.

    python examples/crm/make_sample.py PATH/TO/crm5

The folder holds events.csv.gz and lifecycle.csv.gz, output of fightchurn (MIT). The truth about who left,
labels.csv, is never read. Nothing is drawn at random: the same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LEAVING = 17
STAYING = 43
MOST_EVENTS = 2_500
"""An account with more events than this is thinned to about this many: a few large ones would fill the file."""
FEWEST_EVENTS = 12
SOURCE = "crm5"
NAME = "events.jsonl.gz"

Row = tuple[str, int, dict[str, object]]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Row number (the first row under the header is 1) and row."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from enumerate(csv.DictReader(file), start=1)


def _spread(accounts: list[str], rate: dict[str, float], count: int) -> list[str]:
    """`count` accounts at even steps from the quietest to the busiest, so that every size is there."""
    ordered = sorted(accounts, key=lambda account: (rate[account], account))
    return [ordered[round(i * (len(ordered) - 1) / (count - 1))] for i in range(count)]


def choose(folder: Path) -> dict[str, float]:
    """The accounts of the sample, each with the share of its events that is kept."""
    events: Counter[str] = Counter()
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for _, row in _rows(folder / "events.csv.gz"):
        account = row["account_id"]
        events[account] += 1
        first.setdefault(account, row["ts"])
        last[account] = row["ts"]
    left = {row["account_id"] for _, row in _rows(folder / "lifecycle.csv.gz") if row["type"].endswith("_cancelled")}
    enough = [account for account, count in events.items() if count >= FEWEST_EVENTS]
    months = {
        a: 1 + 12 * (int(last[a][:4]) - int(first[a][:4])) + int(last[a][5:7]) - int(first[a][5:7]) for a in enough
    }
    rate = {account: events[account] / months[account] for account in enough}
    leaving = _spread([a for a in enough if a in left], rate, LEAVING)
    staying = _spread([a for a in enough if a not in left and months[a] >= 3], rate, STAYING)
    return {account: min(1.0, MOST_EVENTS / events[account]) for account in sorted(leaving + staying)}


def _kept(number: int, share: float) -> bool:
    """A coin that always falls the same way for the same row."""
    digest = hashlib.blake2b(str(number).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < share * 2**32


def _usage(folder: Path, shares: dict[str, float]) -> Iterator[Row]:
    for number, row in _rows(folder / "events.csv.gz"):
        share = shares.get(row["account_id"])
        if share is None or not _kept(number, share):
            continue
        event: dict[str, object] = {
            "id": f"{SOURCE}-{number}",
            "source": SOURCE,
            "account_id": row["account_id"],
            "user_id": row["user_id"],
            "event": row["event"],
            "time": row["ts"],
        }
        if row["value"]:
            event["properties"] = {"value": float(row["value"])}
        yield row["ts"], number, event


def _lifecycle(folder: Path, shares: dict[str, float]) -> Iterator[Row]:
    """Every row was knowable at its own time, so it may be streamed."""
    for number, row in _rows(folder / "lifecycle.csv.gz"):
        if row["account_id"] not in shares:
            continue
        properties: dict[str, object] = {"product": row["product"], "term_end": row["term_end"]}
        properties |= {name: float(row[name]) for name in ("mrr", "discount") if row[name]}
        if row["bill_period_months"]:
            properties["bill_period_months"] = int(row["bill_period_months"])
        event: dict[str, object] = {
            "id": f"{SOURCE}-lifecycle-{number}",
            "source": SOURCE,
            "account_id": row["account_id"],
            "event": row["type"],
            "time": row["ts"],
            "properties": {name: value for name, value in properties.items() if value != ""},
        }
        yield row["ts"], -number, event


def write(folder: Path, target: Path) -> tuple[int, int]:
    """Writes the sample; returns the number of accounts and of events."""
    shares = choose(folder)
    rows = sorted([*_lifecycle(folder, shares), *_usage(folder, shares)], key=lambda row: row[:2])
    # No file name and no time in the gzip header: the same input gives the same bytes.
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        for _, _, event in rows:
            packed.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
    return len(shares), len(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with events.csv.gz and lifecycle.csv.gz")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name(NAME), help="where to write")
    arguments = parser.parse_args()
    accounts, events = write(arguments.folder, arguments.to)
    print(f"{accounts} accounts, {events} events, {arguments.to.stat().st_size} bytes: {arguments.to}")
