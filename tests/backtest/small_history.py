"""A small labelled history: accounts that stay, accounts that fade and leave, and files of them."""

import csv
import gzip
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random

from kenko.model import load_model

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 150
MODEL_TEXT = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
lifecycle: {started: [subscription_started, subscription_renewed], ended: [subscription_cancelled]}
signals:
  actions: {match: {event: [click, deal]}, aggregate: count, window: 14d}
  users: {match: {event: [click, deal]}, aggregate: {unique: user_id}, window: 7d}
  value: {match: {event: deal}, aggregate: {sum: properties.value}, window: 28d}
  seen: {match: {event: [click, deal]}, aggregate: recency}
score:
  groups:
    use:
      weight: 3
      inputs:
        - {signal: actions, curve: {points: [[0, 0], [20, 100]]}}
        - {signal: users, curve: {points: [[0, 0], [3, 100]]}}
        - {signal: value, curve: {points: [[0, 20], [500, 100]]}}
    recency: {weight: 1, inputs: [{signal: seen, curve: {half_life: 7d}}]}
  missing: redistribute
  new_account_grace: 14d
zones: {red: {below: 40, clear_above: 45, for: 0s}, yellow: {below: 60, clear_above: 65, for: 1h}}
"""
MODEL = load_model(MODEL_TEXT)


def iso(time):
    return time.isoformat().replace("+00:00", "Z")


def make(seed=0, accounts=24):
    """(events, lifecycle, labels) as lists of rows; a third of the accounts fades and leaves."""
    random = Random(seed)
    events, lifecycle, labels = [], [], []
    for number in range(accounts):
        account = f"a{number:02}"
        start = START + timedelta(days=random.randrange(40))
        leaves = number % 3 == 0
        churn = start + timedelta(days=random.randrange(45, 100)) if leaves else None
        end = START + timedelta(days=DAYS)
        mrr = random.choice(["100.0", "250", ""])
        lifecycle.append([iso(start), account, "subscription_started", "basic", mrr, "1", "", "", "2024-09-01"])
        if churn is not None:
            lifecycle.append([iso(churn), account, "subscription_cancelled", "basic", "", "", "", "", ""])
        time, last = start, min(end, churn or end)
        while time < last:
            fades = leaves and churn - time < timedelta(days=25)
            time += timedelta(hours=random.expovariate(1 / (90 if fades else 14)))
            if time < last:
                deal = random.random() < 0.2
                value = f"{random.random() * 300:.2f}" if deal else ""
                user = f"{account}-{random.randrange(4)}" if random.random() < 0.9 else ""
                when = iso(time.replace(microsecond=0))
                events.append([account, user, "deal" if deal else "click", when, value])
        labels.append([account, iso(start)[:10], iso(churn)[:10] if churn else "", iso(end)[:10]])
    events.sort(key=lambda row: row[3])
    lifecycle.sort(key=lambda row: row[0])
    return events, lifecycle, labels


def write(folder, events, lifecycle, labels):
    """The files as the data sets have them; answers their paths."""
    paths = folder / "events.csv.gz", folder / "lifecycle.csv.gz", folder / "labels.csv"
    columns = (
        ["account_id", "user_id", "event", "ts", "value"],
        ["ts", "account_id", "type", "product", "mrr", "bill_period_months", "discount", "add_ons", "term_end"],
        ["account_id", "start_date", "churn_date", "observed_until"],
    )
    for path, heading, rows in zip(paths, columns, (events, lifecycle, labels), strict=True):
        text = StringIO()
        csv.writer(text).writerows([heading, *rows])
        body = text.getvalue().encode()
        path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)
    return paths
