"""A made-up history whose risk is known: those who act little leave more, and nothing else matters."""

import csv
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 300
MODEL = """\
# Health of the accounts of a shop.
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: shop, version: 3}  # third try
lifecycle: {started: [started], ended: [cancelled]}
signals:
  actions: {match: {event: act}, aggregate: count, window: 28d}
  noise: {match: {event: rustle}, aggregate: count, window: 28d}
  harm: {match: {event: fail}, aggregate: count, window: 28d}
  nps: {match: {event: answer}, aggregate: {latest: properties.score}, stale_after: 90d}
score:
  groups:
    use:
      weight: 10  # too little
      inputs:
        - signal: actions  # the one that counts
          curve: {points: [[0, 0], [100, 100]]}
        - {signal: noise, weight: 9, curve: {points: [[0, 0], [20, 100]]}}
    trouble:
      weight: 30
      inputs:
        - {signal: harm, curve: {points: [[0, 100], [20, 0]]}}
    mood: {weight: 10, inputs: [{signal: nps, curve: {points: [[0, 0], [10, 100]]}}]}
  # Somebody angry is red.
  caps: [{when: {signal: nps, lte: 3}, at_most: 39}]
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
"""


def write_history(folder, *, accounts=240, seed=0, base=-3.2):
    """events.csv, lifecycle.csv and labels.csv in `folder`. An account acts at one rate for life."""
    random = Random(seed)
    events, lifecycle, labels = [], [], []
    end = START + timedelta(days=DAYS)
    for number in range(accounts):
        name = f"a{number:03}"
        rate = exp(random.gauss(1.6, 1.0))  # actions a month
        leaves = 1 / (1 + exp(-(base + 1.5 * (1.6 - _log(rate)))))
        churn = None
        for month in range(1, 10):
            if random.random() < leaves:
                churn = START + timedelta(days=month * 30 + random.randrange(30))
                break
        last = end if churn is None else min(end, churn)
        for event, monthly in (("act", rate), ("rustle", 6.0), ("fail", 3.0)):
            time = START
            while (time := time + timedelta(days=random.expovariate(monthly / 30))) < last:
                events.append((time, name, event))
        lifecycle.append((START, name, "started"))
        if churn is not None and churn <= end:
            lifecycle.append((churn, name, "cancelled"))
        labels.append((name, _day(START), "" if churn is None or churn > end else _day(churn), _day(end)))
    _write(folder / "events.csv", "account_id,event,ts", [(a, e, _iso(t)) for t, a, e in sorted(events)])
    _write(folder / "lifecycle.csv", "ts,account_id,type", [(_iso(t), a, e) for t, a, e in sorted(lifecycle)])
    _write(folder / "labels.csv", "account_id,start_date,churn_date,observed_until", labels)
    (folder / "model.yaml").write_text(MODEL, encoding="utf-8")


def _log(value):
    from math import log

    return log(value)


def _write(path, head, rows):
    with path.open("w", newline="") as file:
        file.write(head + "\n")
        csv.writer(file, lineterminator="\n").writerows(rows)


def _iso(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(time):
    return time.strftime("%Y-%m-%d")
